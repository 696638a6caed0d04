/* SPDX-License-Identifier: MIT
 * outbound-socks5/socks5.h - inside of the module: the instance, its proxies, and what hangs on a flow
 */
#ifndef SOCKS5_H
#define SOCKS5_H

#include <adit/adit.h>
#include <adit/observe.h>
#include <adit/server.h>

#include "message.h"

enum {
	SERVERS_MOST = 8,
	NAME_MOST = 255,        /* bytes of a host name in a request */
	ATTEMPTS_MOST = 8192,   /* handshakes under way on one shard */
	STALL_NS = 500 * 1000 * 1000, /* silent for so long after it chose a method: it may have lost the rest */
	ASSOCIATIONS = 256,     /* if the settings do not say how many */
	PROBES_MOST = 3,        /* probes that said nothing before a proxy counts as one that does not pipeline */
	CLOCK_NS = 50 * 1000 * 1000 /* between looks at the deadlines */
};

/* Why a handshake came to nothing before the proxy had answered the request itself. */
enum cause {
	CAUSE_CONNECT,  /* the proxy cannot be reached */
	CAUSE_NAME,     /* its name has no address */
	CAUSE_TIME,
	CAUSE_END,      /* it closed the connection */
	CAUSE_RESET,
	CAUSE_VERSION,  /* from here on as enum message_fault */
	CAUSE_METHODS,
	CAUSE_METHOD,
	CAUSE_LOGIN_VERSION,
	CAUSE_LOGIN,
	CAUSE_ADDRESS,
	CAUSE_MEMORY,
	CAUSE_COUNT
};

enum pipeline { PIPELINE_AUTO, PIPELINE_ON, PIPELINE_OFF };
/* What is known of a proxy in auto. */
enum pipeline_state { PIPELINE_UNKNOWN, PIPELINE_PROBING, PIPELINE_WORKS, PIPELINE_BREAKS };

struct server {
	const char *where;
	enum pipeline_state pipeline;
	uint32_t probes;
	uint64_t told[CAUSE_COUNT]; /* when the log heard of it last, ns */
};

/* What hangs on a flow begins with this. */
struct end {
	adit_flow flow;
	int datagrams; /* a struct udp_flow (association.h), else a struct attempt */
};

struct attempt;
struct associations;

struct socks {
	const adit_env *env;
	const adit_loop_1 *loop;
	const adit_server_1 *server;
	struct end **ends; /* env->flows of them, by ADIT_FLOW_SLOT */
	struct attempt *attempts;
	uint32_t attempt_count;
	adit_timer *clock;
	struct associations *associations;
	uint64_t *causes[CAUSE_COUNT]; /* cells of adit.counters/1; null without it */
	struct server servers[SERVERS_MOST];
	uint32_t server_count;
	/* Settings; the texts are the configuration's. */
	const char *username, *password;
	int login, remote_names, udp;
	uint32_t associations_most;
	enum pipeline pipeline;
	uint64_t timeout;
	uint64_t told; /* when socks_tell last said something, ns */
};

/* ---- settings.c ---- */

/* [control] Reads the configuration; 0, or what fail() was told. */
adit_result settings_read(struct socks *o, const adit_cfg *cfg);

/* ---- outbound-socks5.c ---- */

void socks_emit(struct socks *o, const adit_event *ev);
void socks_closed(struct socks *o, adit_flow flow, adit_result code);
/* [loop] One line about UDP for the log, at most one in a while. text is static. */
void socks_tell(struct socks *o, const char *text);
/* The place of the flow's end; null for a handle that no slot of this shard can have. */
struct end **socks_end(struct socks *o, adit_flow flow);
/* The result that a reply stands for (RFC 1928 section 6). */
adit_result socks_reply_result(uint8_t reply);

/* ---- attempt.c: a connection to a proxy and the handshake on it ---- */

/* [loop] The handshake is over, and the attempt with it. 0: sock, given, is the connection and bound what the proxy
 * said; else the reason, and sock is -1. */
typedef void (*attempt_done)(void *arg, adit_result result, intptr_t sock, const adit_addr *bound);

struct attempt_wish {
	uint8_t command;
	adit_addr dst;
	const char *name;     /* null, or lent; at most NAME_MOST bytes */
	uint64_t deadline_ns; /* 0: none but the setting's */
	attempt_done done;
	void *arg;
};

/* [loop] Starts one; done follows exactly once unless attempt_cancel comes first, and never before this returns.
 * ADIT_ELIMIT, ADIT_ENOMEM. */
adit_result attempt_start(struct socks *o, const struct attempt_wish *wish, struct attempt **out);
/* [loop] Closes everything; done does not follow. */
void attempt_cancel(struct attempt *a);
/* [loop] Ends those whose time is over. */
void attempts_expire(struct socks *o);
/* [loop] Registers the counters of causes, if the host has counters. */
void causes_start(struct socks *o);

#endif
