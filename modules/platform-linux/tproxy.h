/* SPDX-License-Identifier: MIT
 * platform-linux/tproxy.h - does the kernel take a firewall rule that hands packets to a
 * transparent listener?
 */
#ifndef PLATFORM_TPROXY_H
#define PLATFORM_TPROXY_H

#include "why.h"

#include <adit/place.h>

/* Adds such a rule, in a table of its own, and takes the table away again. 0: accepted. For places
 * of ours. */
adit_result tproxy_probe(adit_place *p, struct why *why);

#endif
