/* SPDX-License-Identifier: MIT
 * adit/addresses.h - the addresses of the machine itself, and word of their changes
 *
 * Offered by platforms. The addresses are those that a connection from one of the process's own sockets would reach the
 * machine itself at: where the device is elsewhere, the addresses of that place are not among them.
 */
#ifndef ADIT_ADDRESSES_H
#define ADIT_ADDRESSES_H

#include "flow.h"

ADIT_BEGIN_DECLS

#define ADIT_ADDRESSES_1 "adit.addresses/1"
typedef struct adit_addresses_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] Writes the addresses, loopback among them, to out[0..room-1]; port and scope are 0. Returns how many there
	 * are, which may be more than room. ADIT_EIO, ADIT_EPERM, ADIT_ENOMEM, or ADIT_ETIME: the system did not answer
	 * within two seconds, for which the call may block. */
	int32_t(ADIT_CALL *list)(adit_addr *out, uint32_t room);
	/* [any] A non-blocking, close-on-exec descriptor, given, that becomes readable when the list may have changed. What
	 * is read from it means nothing: it is to be read until there is no more, and then the list again. ADIT_EIO,
	 * ADIT_ELIMIT. */
	adit_result(ADIT_CALL *watch)(intptr_t *out);
} adit_addresses_1;

ADIT_END_DECLS

#endif
