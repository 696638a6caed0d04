/* SPDX-License-Identifier: MIT
 * stack-system/alias.h - synthetic endpoints that stand for flows, by arithmetic
 *
 * A flow's alias is (address, port) number generation * slots + slot of the space, so an answer's
 * destination gives the slot without a look-up, and the slot's next flow has another alias: a
 * connection that the kernel still holds in TIME_WAIT for the last one is not met again before
 * every generation has been used.
 */
#ifndef STACK_SYSTEM_ALIAS_H
#define STACK_SYSTEM_ALIAS_H

#include <adit/adit.h>

enum {
	ALIAS_PORT_FIRST = 1024,
	ALIAS_PORTS = 65536 - ALIAS_PORT_FIRST,
	ALIAS_REST_S = 65,        /* a little over the 60 s of the kernel's TIME_WAIT */
	ALIAS_HOST_BITS_MOST = 22 /* more addresses than that serve nothing */
};

struct alias_space {
	adit_addr base;     /* family and upper bits; the low 32 bits and the port are filled in per
	                       alias */
	uint32_t first;     /* lowest low word */
	uint32_t addresses; /* how many there are, the hole not counted */
	uint32_t hole;      /* a low word that is somebody's: the listener's */
	uint32_t slots;
	uint32_t generations; /* at least 1 */
	uint64_t total;       /* addresses * ALIAS_PORTS */
};

/* The space of the prefix that `own` lies in, own itself and the lowest and highest address left
 * out; the highest one is alias_spare(). ADIT_ECONFIG: there is no room for a single alias. */
adit_result alias_init(struct alias_space *s, const adit_addr *own, uint32_t prefix,
                       uint32_t slots);

/* The alias of a slot's generation; ADIT_ELIMIT: the space is too small for this slot. */
adit_result alias_make(const struct alias_space *s, uint32_t slot, uint32_t generation,
                       adit_addr *out);

/* The reverse. ADIT_ENOENT: not an alias. */
adit_result alias_find(const struct alias_space *s, const adit_addr *a, uint32_t *slot,
                       uint32_t *generation);

/* Where a slot's next flow stands: its generation is moved on. ADIT_ELIMIT: the aliases have all
 * been used and the last one was let go less than ALIAS_REST_S ago. now and freed are in seconds;
 * freed 0: never used. */
adit_result alias_next(const struct alias_space *s, uint32_t freed, uint32_t now,
                       uint32_t *generation);

/* "198.18.0.1/16" into address and prefix length. ADIT_ECONFIG. */
adit_result alias_parse(const char *text, adit_addr *out, uint32_t *prefix);

#endif
