/* SPDX-License-Identifier: MIT
 * outbound-socks5/message.h - the bytes of SOCKS5: what is sent, and what is read of answers (RFC 1928, RFC 1929)
 *
 * Pure functions over bytes. All that a proxy may say goes through message_answer and message_datagram.
 */
#ifndef SOCKS5_MESSAGE_H
#define SOCKS5_MESSAGE_H

#include <adit/adit.h>

enum {
	MESSAGE_GREETING = 4,              /* bytes of the longest greeting */
	MESSAGE_LOGIN = 3 + 255 + 255,     /* of the longest login */
	MESSAGE_REQUEST = 4 + 1 + 255 + 2, /* of the longest request */
	MESSAGE_ANSWER = 2 + 2 + 4 + 1 + 255 + 2, /* of all answers of a handshake together */
	MESSAGE_DATAGRAM = 4 + 1 + 255 + 2 /* of the longest header of a datagram */
};

enum { METHOD_NONE = 0, METHOD_LOGIN = 2 };
enum { COMMAND_CONNECT = 1, COMMAND_ASSOCIATE = 3 };

/* How far a handshake has come. */
enum message_stage { STAGE_NOTHING, STAGE_METHOD, STAGE_LOGIN, STAGE_REPLY };

/* What is wrong with an answer. */
enum message_fault {
	FAULT_NONE,
	FAULT_VERSION,  /* not the version of SOCKS */
	FAULT_METHODS,  /* it accepts none of the methods that were offered */
	FAULT_METHOD,   /* it chose one that was not offered */
	FAULT_LOGIN_VERSION,
	FAULT_LOGIN,    /* it does not accept user name and password */
	FAULT_ADDRESS,  /* a kind of address that does not exist */
	FAULT_COUNT
};

struct message_answer {
	enum message_stage stage;
	enum message_fault fault;
	uint8_t method;
	uint8_t reply;   /* RFC 1928 section 6; 0 is success */
	adit_addr bound; /* family 0: a name, which nobody needs */
};

/* Each returns how many bytes it wrote into out, which has room for the longest. */
size_t message_greeting(uint8_t *out, int none, int login);
size_t message_login(uint8_t *out, const char *username, const char *password);
/* name: null, or at most 255 bytes, instead of the address. */
size_t message_request(uint8_t *out, uint8_t command, const adit_addr *dst, const char *name);

/* Reads all that has come so far of a handshake. Returns how many more bytes may be read, all of which belong to the
 * handshake; 0: it is over, by out->fault, or with out->stage STAGE_REPLY. login: that method was offered; none: so
 * was the other. */
size_t message_answer(const uint8_t *bytes, size_t have, int none, int login, struct message_answer *out);

/* The header of a datagram (RFC 1928 section 7); returns its size. */
size_t message_datagram_header(uint8_t *out, const adit_addr *dst, const char *name);
/* Reads the header of a datagram; returns its size, 0 for one that is to be dropped: too short, a fragment, an unknown
 * kind of address. from->family is 0 where a name stands. */
size_t message_datagram(const uint8_t *bytes, size_t have, adit_addr *from);

#endif
