/* SPDX-License-Identifier: MIT
 * adit/server.h - servers that the manifest names, such as proxies: reached by address or host name, past the device
 */
#ifndef ADIT_SERVER_H
#define ADIT_SERVER_H

#include "dial.h"

ADIT_BEGIN_DECLS

/* One attempt under way. */
typedef struct adit_reaching adit_reaching;

#define ADIT_SERVER_1 "adit.server/1"
/* Unlike adit.dial/1, which goes where applications want to go and asks the address policy, this goes where the operator
 * has said: a proxy on this machine's loopback is fine. */
typedef struct adit_server_1 {
	uint32_t size;
	uint32_t zero;
	/* [loop] Connects a TCP socket to where (lent): "192.0.2.1:1080", "[2001:db8::1]:1080" or "proxy.example:1080".
	 * A name is looked up by the system's resolver on the pool and remembered for a while; its addresses are tried in
	 * order until deadline_ns (as loop->now counts; 0: the host's default), which is for all of it. l is the caller's
	 * own loop. Returns 0 with *out, which lives until done or cancel(): done follows exactly once unless cancel()
	 * comes first, and never before connect returns. On failure *out is untouched and done never follows:
	 * ADIT_EINVAL (where cannot be read), ADIT_ENOENT (the name has no address; done may say so too), ADIT_ELIMIT
	 * (descriptors, attempts or names are used up), ADIT_ENOMEM, or what the system refused at once. */
	adit_result(ADIT_CALL *connect)(adit_loop *l, const char *where, uint64_t deadline_ns, adit_dialed done, void *arg,
	                                adit_reaching **out);
	/* [loop] Takes the attempt back; done does not follow. */
	void(ADIT_CALL *cancel)(adit_reaching *r);
	/* [loop] Makes a UDP socket that is connected to dst (lent), non-blocking and close-on-exec; it is the caller's.
	 * sock, which stays the caller's, is a socket of connect(): its server has named dst, and dst may be the server's
	 * own address whatever the policy says of it. Any other dst is judged by the policy. 0 with *out; ADIT_EINVAL (no
	 * address, no port, sock is not connected), ADIT_EADMIN (the policy), ADIT_ELIMIT, or what the system refused. */
	adit_result(ADIT_CALL *datagrams)(adit_loop *l, intptr_t sock, const adit_addr *dst, intptr_t *out);
} adit_server_1;

ADIT_END_DECLS

#endif
