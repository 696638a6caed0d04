/* SPDX-License-Identifier: MIT
 * platform-linux/place.h - places, as the module itself uses them; adit.place/1 is made of these
 *
 * Only one thread, the host's control thread, uses places.
 */
#ifndef PLATFORM_PLACE_H
#define PLATFORM_PLACE_H

#include "tun.h"

#include <adit/module.h>
#include <adit/place.h>

struct agent;

/* The place that a manifest's "namespace" names: "here", "new", "pid:N", or the path of a
 * namespace. */
adit_result place_open(const char *name, adit_place **out, struct why *why);
/* Takes null. */
void place_close(adit_place *p);

/* True where the place is the process's own namespace. */
int place_is_here(const adit_place *p);

adit_result place_tun(adit_place *p, const struct tun_wish *wish, int *fds, struct tun_made *made,
                      struct why *why);

/* The sock_diag socket of a place, given. */
adit_result place_diag(adit_place *p, int *fd, struct why *why);

/* The agent of a place; the place "here" gets one now, for commands. */
adit_result place_agent(adit_place *p, struct agent **out, struct why *why);

extern const adit_place_1 place_table;

/* What adit.place/1 has no argument for: whose failures it reports, and the device's place. Null:
 * none (any more). */
void place_set_host(const adit_host *host);
void place_set_device(adit_place *p, const char *name, const struct cidr *addresses, uint32_t n);
adit_result place_fail(adit_result result, const struct why *why);

#endif
