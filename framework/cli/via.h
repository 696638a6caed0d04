/* SPDX-License-Identifier: MIT
 * cli/via.h - a way out as one word of the command line: socks5://user@host:port, http://host:port, direct, block
 *
 * The word is a URL of RFC 3986 without path, query and fragment; user and password may be percent-encoded.
 */
#ifndef CLI_VIA_H
#define CLI_VIA_H

#include <stdbool.h>
#include <stddef.h>

enum { VIA_NAME = 256, VIA_SECRET = 256 };

struct via {
	const char *module;      /* the outbound's; static */
	bool tls;                /* https: the proxy is spoken to in TLS */
	char host[VIA_NAME];     /* name, or address without brackets; empty where the module has no server */
	char server[VIA_NAME + 8]; /* host:port, with brackets around an IPv6 address */
	char user[VIA_SECRET];   /* decoded; empty: none */
	char password[VIA_SECRET];
	bool has_password;
};

/* Reads word into *v. 0, or ADIT_EINVAL with the reason in why. *v holds nothing secret after a failure. */
int via_parse(struct via *v, const char *word, char *why, size_t room);

#endif
