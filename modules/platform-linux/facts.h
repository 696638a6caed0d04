/* SPDX-License-Identifier: MIT
 * platform-linux/facts.h - what stands under us: the system, its kernel, and what its embedder says of it
 */
#ifndef PLATFORM_FACTS_H
#define PLATFORM_FACTS_H

#include "settings.h"

extern const adit_platform_facts_1 facts_table;

/* What the manifest says holds from here on, and is copied; null: nothing is said any more. [control] */
void facts_use(const adit_facts *said);

#endif
