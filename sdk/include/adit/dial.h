/* SPDX-License-Identifier: MIT
 * adit/dial.h - sockets that bypass the device, and the outbounds by name
 */
#ifndef ADIT_DIAL_H
#define ADIT_DIAL_H

#include "flow.h"
#include "life.h"

ADIT_BEGIN_DECLS

/* One attempt under way. */
typedef struct adit_dialing adit_dialing;
/* [loop] The attempt is over: sock is a connected non-blocking socket (given) when result is 0, else -1. */
typedef void(ADIT_CALL *adit_dialed)(void *arg, adit_result result, intptr_t sock);

#define ADIT_DIAL_1 "adit.dial/1"
/* [loop] */
typedef struct adit_dial_1 {
	uint32_t size;
	uint32_t zero;
	/* Connects a TCP socket. done follows exactly once unless cancel() comes first, never before connect returns.
	 * On failure done never follows. ADIT_ELIMIT: descriptors or attempts are used up. */
	adit_result(ADIT_CALL *connect)(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns, adit_dialed done, void *arg,
	                                adit_dialing **out);
	void(ADIT_CALL *cancel)(adit_dialing *d);
	/* The host carries this UDP or echo flow itself, to dst, with the mapping and filtering that the manifest
	 * chose. To be called from an outbound's reach(); the outbound hears no more of the flow. */
	adit_result(ADIT_CALL *carry)(const adit_path *path, adit_flow flow, const adit_addr *dst);
} adit_dial_1;

#define ADIT_OUTBOUNDS_1 "adit.outbounds/1"
typedef struct adit_outbounds_1 {
	uint32_t size;
	uint32_t zero;
	/* [control] The number of an outbound for ADIT_OP_FORWARD, from 1; ADIT_ENOENT. An empty or null name is the
	 * default outbound: 0. */
	adit_result(ADIT_CALL *find)(const adit_host *h, const char *name);
} adit_outbounds_1;

ADIT_END_DECLS

#endif
