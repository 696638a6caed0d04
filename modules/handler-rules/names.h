/* SPDX-License-Identifier: MIT
 * handler-rules/names.h - a set of host names: exact ones and suffixes, read-only once it is sealed
 *
 * All names stand one behind the other in one text; a hash table (open addressing, at most three quarters full) finds
 * them. A name's hash is made label by label from the right, so that the hashes of all its suffixes come out on the
 * way: a lookup reads the name once, and probes once for each of its suffixes that is not longer than the longest
 * name of the set. What is found is compared as text, so nothing is ever taken for another; the hash is keyed at
 * random (SipHash), so that nobody can choose names that meet in it. 1,000,000 names of 17 letters take 35 MB.
 */
#ifndef RULES_NAMES_H
#define RULES_NAMES_H

#include <adit/abi.h>

enum { NAME_MOST = 253, LABEL_MOST = 63 };

struct names {
	uint8_t *text; /* per name: flags, length, then its letters without a dot at either end */
	uint32_t size, room;
	uint32_t count;
	struct name_slot *slots;
	uint32_t mask;   /* slots - 1 */
	uint32_t labels; /* of the name with most */
	uint64_t key[2];
};

/* [any] Takes "Example.ORG" or "example.org." into out (NAME_MOST + 1 bytes): small letters, no dot at the end,
 * null-terminated. Returns its length, or 0: that is no host name. Letters are a-z 0-9 - _ in labels of 1 to 63; what
 * looks like an IPv4 address (its last label is a number) is none. */
uint32_t name_clean(const char *text, size_t size, char *out);

/* [any] Adds a clean name to a set that is zeroed or was added to; below: all names under it too. ADIT_ENOMEM,
 * ADIT_ELIMIT (4 GiB of names). */
adit_result names_add(struct names *n, const char *name, uint32_t size, int below);
/* [any] Makes the table; nothing can be added afterwards. ADIT_ENOMEM, ADIT_EIO (no random numbers). */
adit_result names_seal(struct names *n);
/* [any] 1: the (sealed) set has this clean name, or one above it that was added with `below`. */
int names_hold(const struct names *n, const char *name, uint32_t size);
/* [any] Bytes that a sealed set takes. */
size_t names_size(const struct names *n);
/* [any] Frees what hangs on n. */
void names_fini(struct names *n);

#endif
