/* SPDX-License-Identifier: MIT
 * outbound-http/http.h - inside of the module: the instance, its proxies, attempts and tunnels
 */
#ifndef HTTP_H
#define HTTP_H

#include <adit/adit.h>
#include <adit/observe.h>
#include <adit/server.h>

#include "message.h"
#include "tls.h"

enum {
	SERVERS_MOST = 8,
	HOST_MOST = 256,
	ATTEMPTS_MOST = 8192, /* under way on one shard */
	TUNNELS_MOST = 8192,  /* in TLS, on one shard */
	TUNNEL_BYTES = 16384, /* of one direction that wait at most; a TLS record */
	CLOCK_NS = 50 * 1000 * 1000 /* between looks at the deadlines */
};

/* Why a proxy was of no use. */
enum cause {
	CAUSE_CONNECT, /* it cannot be reached */
	CAUSE_NAME,    /* its name has no address */
	CAUSE_TIME,
	CAUSE_END,     /* it closed the connection before an answer */
	CAUSE_BROKEN,  /* what it says is no HTTP, or too long */
	CAUSE_LOGIN,   /* it wants other credentials */
	CAUSE_TLS,
	CAUSE_MEMORY,
	CAUSE_COUNT
};

struct server {
	const char *where;
	char host[HOST_MOST]; /* of where, without brackets: what the certificate must be for */
	uint64_t told[CAUSE_COUNT]; /* when the log heard of it last, ns */
};

struct attempt;
struct tunnel;

struct http {
	const adit_env *env;
	const adit_loop_1 *loop;
	const adit_server_1 *server;
	struct attempt **ends; /* env->flows of them, by ADIT_FLOW_SLOT */
	struct attempt *attempts;
	struct tunnel *tunnels;
	uint32_t attempt_count, tunnel_count;
	adit_timer *clock;
	uint64_t *causes[CAUSE_COUNT]; /* cells of adit.counters/1; null without it */
	struct server servers[SERVERS_MOST];
	uint32_t server_count;
	struct tls_context *tls_context; /* null: no TLS */
	uint8_t *scratch;                /* TUNNEL_BYTES, of whoever is called, with TLS alone */
	/* Settings; the texts are the configuration's. */
	const char *username, *password, *tls_ca, *tls_name;
	int remote_names, tls;
	uint64_t timeout;
};

/* ---- settings.c ---- */

/* [control] Reads the configuration; 0, or what fail() was told. */
adit_result settings_read(struct http *o, const adit_cfg *cfg);

/* ---- outbound-http.c ---- */

void http_emit(struct http *o, uint16_t type, adit_flow flow, adit_result code, uint64_t num);
/* The place of the flow's attempt; null for a handle that no slot of this shard can have. */
struct attempt **http_end(struct http *o, adit_flow flow);

/* ---- attempt.c: a connection to a proxy and the request on it ---- */

/* [loop] Starts one, which puts itself into its place among o->ends and answers with SOCKET or CLOSED once it is over.
 * name: null, or one that message_name_fits. ADIT_ELIMIT, ADIT_ENOMEM, or why no proxy can be asked. */
adit_result attempt_start(struct http *o, const adit_reach *req, const char *name);
adit_flow attempt_flow(const struct attempt *a);
/* [loop] Closes everything and emits nothing. */
void attempt_drop(struct attempt *a);
/* [loop] Registers the counters of causes, if the host has counters. */
void causes_start(struct http *o);
/* [loop] Ends those whose time is over. */
void attempts_expire(struct http *o);

/* ---- tunnel.c: a connection in TLS, as a socket ---- */

/* [loop] Takes sock and t, and gives *out, the other end of what is in the tunnel. bytes, lent, came out of it already.
 * ADIT_ELIMIT, ADIT_ENOMEM: sock and t are still the caller's. */
adit_result tunnel_start(struct http *o, int sock, struct tls *t, const void *bytes, size_t size, int *out);
/* [loop] Ends all of them at once. */
void tunnels_stop(struct http *o);

#endif
