/* SPDX-License-Identifier: MIT
 * adit/dial.h - sockets that bypass the device, and outbounds and stacks by name
 */
#ifndef ADIT_DIAL_H
#define ADIT_DIAL_H

#include "flow.h"
#include "life.h"

ADIT_BEGIN_DECLS

/* One attempt under way. */
typedef struct adit_dialing adit_dialing;
/* [loop] The attempt is over, and its adit_dialing with it. result 0: sock is a connected,
 * non-blocking, close-on-exec socket, given. Negative: the reason (ADIT_EREFUSED, ADIT_EHOST,
 * ADIT_ENET, ADIT_ETIME, ...), and sock is -1. */
typedef void(ADIT_CALL *adit_dialed)(void *arg, adit_result result, intptr_t sock);

#define ADIT_DIAL_1 "adit.dial/1"
/* Sockets of this table never pass through the device: the platform's protect() has seen them. */
typedef struct adit_dial_1 {
	uint32_t size;
	uint32_t zero;
	/* [loop] Connects a TCP socket to dst (lent), on the caller's own loop l, until deadline_ns
	 * (as loop->now counts; 0: the host's default). Returns 0 with *out, which lives until done
	 * or cancel(): done follows exactly once unless cancel() comes first, and never before
	 * connect returns. On failure *out is untouched and done never follows: ADIT_EINVAL (no
	 * address, no port), ADIT_ELIMIT (descriptors or attempts are used up), ADIT_ENOMEM, or
	 * what the system refused at once. arg is handed to done and otherwise left alone. */
	adit_result(ADIT_CALL *connect)(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns,
	                                adit_dialed done, void *arg, adit_dialing **out);
	/* [loop] Takes the attempt back and closes its socket; done does not follow. */
	void(ADIT_CALL *cancel)(adit_dialing *d);
	/* [loop] The host carries this UDP or echo flow itself, to dst (lent), with the mapping and
	 * filtering that the manifest chose. path is the outbound's own. To be called from its
	 * reach(); after 0 the outbound hears no more of the flow and emits nothing for it.
	 * ADIT_EINVAL (a TCP flow), ADIT_ESTALE, ADIT_ELIMIT, ADIT_ENOMEM. */
	adit_result(ADIT_CALL *carry)(const adit_path *path, adit_flow flow, const adit_addr *dst);
} adit_dial_1;

#define ADIT_OUTBOUNDS_1 "adit.outbounds/1"
typedef struct adit_outbounds_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] The number of the outbound of this name for ADIT_OP_FORWARD, from 1: the same on
	 * every shard, and the name's for as long as the host lives, whatever is reloaded meanwhile;
	 * ADIT_ENOENT. During create() and reload() names are those of the manifest that is being
	 * loaded. An empty or null name is the default outbound: 0. A flow forwarded to the number
	 * of an outbound that is gone is refused. name is lent. */
	adit_result(ADIT_CALL *find)(const adit_host *h, const char *name);
} adit_outbounds_1;

#define ADIT_STACKS_1 "adit.stacks/1"
typedef struct adit_stacks_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] Whether ADIT_OP_STACK can name this stack: one that the manifest gives flows, or keeps ready ("standby").
	 * 0; ADIT_ENOENT. During create() and reload() names are those of the manifest that is being loaded. name is
	 * lent. A stack that a later swap has retired is no longer there, and flows that ask for it are refused. */
	adit_result(ADIT_CALL *find)(const adit_host *h, const char *name);
} adit_stacks_1;

ADIT_END_DECLS

#endif
