/* SPDX-License-Identifier: MIT
 * service-metrics/service-metrics.c - answers GET /metrics on the host's control loop
 *
 * libmicrohttpd speaks HTTP; its epoll descriptor is watched by the loop, and its time-outs are a timer of the loop.
 * Clients are few, have a deadline, and a text is made at once and then sent at the pace of who reads it.
 */
#include <adit/adit.h>

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expose.h"
#include "listen.h"

enum { CONNECTION_MEMORY = 16384, NS_PER_MS = 1000000 };

struct service {
	const adit_env *env;
	const adit_config_1 *config;
	const adit_loop_1 *loop;
	const adit_observe_1 *observe;
	struct listen listen;
	struct MHD_Daemon *daemon; /* owns the listening socket once it is there */
	adit_io *io;
	adit_timer *timer;
};

static adit_result fail(const struct service *s, adit_result code, const char *why)
{
	const adit_host *host = s->env->host;

	return host->fail(host, code, why, strlen(why));
}

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, struct MHD_Response *r, const char *header,
                              const char *value)
{
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	if (header)
		MHD_add_response_header(r, header, value);
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *text, const char *header, const char *value)
{
	return answer(c, status, MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT),
	              header, value);
}

static enum MHD_Result metrics(const struct service *s, struct MHD_Connection *c)
{
	struct expose e = {.format = expose_accepted(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept"))};

	s->observe->each(s->env->host, expose_series, &e);
	expose_end(&e);
	if (e.failed || !e.text) {
		free(e.text);
		return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory for the answer\n", NULL, NULL);
	}
	return answer(c, MHD_HTTP_OK, MHD_create_response_from_buffer(e.used, e.text, MHD_RESPMEM_MUST_FREE), "Content-Type",
	              expose_type(e.format));
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *body, size_t *body_size, void **state)
{
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n", "Allow", "GET, HEAD");
	if (strcmp(url, "/metrics") != 0)
		return say(c, MHD_HTTP_NOT_FOUND, "the figures are at /metrics\n", NULL, NULL);
	return metrics(arg, c);
}

/* ---- the loop ---- */

static void ADIT_CALL run(void *arg)
{
	struct service *s = arg;
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->daemon);
	if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
		s->loop->timer_set(s->timer, ms ? ms * NS_PER_MS : 1, 0);
	else
		s->loop->timer_set(s->timer, 0, 0);
}

/* libmicrohttpd's own words go to the log, as what they are: details. */
static void on_log(void *arg, const char *format, va_list args)
{
	const struct service *s = arg;
	const adit_host *host = s->env->host;
	char text[256];
	int n;

	if (*host->log_level > ADIT_LOG_DEBUG)
		return;
	n = vsnprintf(text, sizeof(text), format, args);
	if (n <= 0)
		return;
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	while (n && text[n - 1] == '\n')
		n--;
	host->log(host, ADIT_LOG_DEBUG, text, (size_t)n);
}

/* ---- life ---- */

static adit_result ADIT_CALL service_create(void *ctx, const adit_env *env, void **inst)
{
	const adit_host *host = env->host;
	struct service *s = host->alloc(host, sizeof(*s), 0);

	if (!s)
		return ADIT_ENOMEM;
	s->env = env;
	s->listen.fd = -1;
	*inst = s; /* from here on destroy follows */
	s->config = host->get(host, ADIT_CONFIG_1);
	s->loop = host->get(host, ADIT_LOOP_1);
	s->observe = host->get(host, ADIT_OBSERVE_1);
	if (!s->config || !s->loop || !ADIT_HAS(s->observe, adit_observe_1, each))
		return fail(s, ADIT_ENOSYS, "the host offers no adit.observe/1: it is older than this module");
	return ADIT_OK;
}

static adit_result ADIT_CALL service_open(void *inst)
{
	struct service *s = inst;
	const char *where = "auto", *group = "";
	adit_result r;

	s->config->text(s->env->cfg, "listen", &where, NULL);
	s->config->text(s->env->cfg, "group", &group, NULL);
	r = listen_open(&s->listen, where, group);
	return r == ADIT_OK ? r : fail(s, r, s->listen.why);
}

static adit_result ADIT_CALL service_start(void *inst)
{
	struct service *s = inst;
	const union MHD_DaemonInfo *info;
	int64_t clients = 16;
	uint64_t timeout = 10000000000u;
	adit_result r;

	s->config->integer(s->env->cfg, "clients", &clients);
	s->config->duration(s->env->cfg, "timeout", &timeout);
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, s,
	                             MHD_OPTION_EXTERNAL_LOGGER, on_log, s, MHD_OPTION_LISTEN_SOCKET, s->listen.fd,
	                             MHD_OPTION_CONNECTION_LIMIT, (unsigned)clients, MHD_OPTION_CONNECTION_TIMEOUT,
	                             (unsigned)((timeout + 999999999u) / 1000000000u), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                             (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (!s->daemon)
		return fail(s, ADIT_EIO, "libmicrohttpd could not be started: log level debug tells more");
	s->listen.fd = -1;
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return fail(s, ADIT_ENOSYS, "this libmicrohttpd was built without epoll");
	r = s->loop->timer(s->env->loop, run, s, &s->timer);
	if (r == ADIT_OK)
		r = s->loop->io(s->env->loop, info->epoll_fd, run, s, &s->io);
	if (r == ADIT_OK)
		s->loop->io_want(s->io, ADIT_IO_READ);
	return r;
}

static void ADIT_CALL service_stop(void *inst)
{
	struct service *s = inst;

	s->loop->io_free(s->io);
	s->loop->timer_free(s->timer);
	s->io = NULL;
	s->timer = NULL;
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
}

static void ADIT_CALL service_destroy(void *inst)
{
	struct service *s = inst;

	if (!s)
		return;
	if (s->listen.fd >= 0)
		close(s->listen.fd);
	listen_remove(&s->listen);
	s->env->host->release(s->env->host, s);
}

static const adit_life life = {
	.size = sizeof(life),
	.create = service_create,
	.open = service_open,
	.start = service_start,
	.stop = service_stop,
	.destroy = service_destroy,
};
static const adit_service_1 table = {.size = sizeof(table), .life = &life};
static const adit_component component = {sizeof(component), 0, "metrics", ADIT_SERVICE_1, &table};
static const adit_component *const components[] = {&component, NULL};

const adit_module adit_module_1 = {
	.size = sizeof(adit_module_1),
	.abi_major = ADIT_ABI_MAJOR,
	.abi_minor = ADIT_ABI_MINOR,
	.name = ADIT_MODULE_NAME,
	.version = ADIT_MODULE_VERSION,
	.descriptor = adit_descriptor,
	.components = components,
};
