/* SPDX-License-Identifier: MIT
 * conf/format.h - the texts with a meaning of their own: durations, sizes, addresses, names
 *
 * Every reader takes the whole text or refuses it, and leaves *out alone then.
 */
#ifndef CONF_FORMAT_H
#define CONF_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include <adit/flow.h>

struct format_prefix {
	uint8_t ip[16];
	uint8_t family; /* 4 or 6 */
	uint8_t bits;
};

/* "1.5s": ns us ms s m h d; a bare number is seconds. In nanoseconds, up to 100 years. */
bool format_duration(const char *text, uint64_t *out);
bool format_seconds(double seconds, uint64_t *out);
/* "64k", "1.5M": k M G T are powers of 1024; a bare number is bytes. */
bool format_size(const char *text, uint64_t *out);
/* "10.0.0.0/8", "fd00::1/64"; a bare address is a prefix of its whole length. */
bool format_cidr(const char *text, struct format_prefix *out);
/* Whether the bits beyond the prefix are all zero: a network, not an address in one. */
bool format_prefix_is_net(const struct format_prefix *p);
/* An IPv4 or IPv6 address, with %INDEX allowed for the latter; port 0. */
bool format_ip(const char *text, adit_addr *out);
/* "1.2.3.4:80", "[::1]:80". */
bool format_endpoint(const char *text, adit_addr *out);
/* [a-z0-9][a-z0-9_.-]{0,31} */
bool format_name(const char *text);

struct format {
	const char *name;
	bool (*fits)(const char *text);
	bool (*fits_number)(double number); /* null: a text only */
	const char *example;
};
/* Null: no such format. */
const struct format *format_find(const char *name);

#endif
