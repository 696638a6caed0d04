/* SPDX-License-Identifier: MIT
 * outbound-http/message.h - the request CONNECT and the head of its answer, as bytes (RFC 9110 section 9.3.6, RFC 9112)
 *
 * Pure functions over bytes. All that a proxy may say before the tunnel stands goes through message_answer.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <adit/adit.h>

enum {
	MESSAGE_REQUEST = 2048,  /* bytes of the longest request */
	MESSAGE_ANSWER = 16384,  /* of the longest head, interim answers included */
	MESSAGE_NAME = 253
};

/* Whether this may stand as a host name in a request: letters, digits, dot, hyphen, underscore. */
int message_name_fits(const char *name);

/* Writes the request into out and returns its size. name: null, or one that fits; username: null for none. 0: it does not
 * fit. */
size_t message_request(char out[MESSAGE_REQUEST], const adit_addr *dst, const char *name, const char *username,
                       const char *password);

struct message_answer {
	size_t size;  /* bytes of the heads so far, with their empty lines; what is behind belongs to the tunnel */
	int status;   /* 200 to 599; 0: not there yet */
	int broken;   /* this is no HTTP, or its head is too long */
};

/* Reads all that has come so far: interim answers (1xx) and the final one. */
void message_answer(const char *bytes, size_t have, struct message_answer *out);

#endif
