/* SPDX-License-Identifier: MIT
 * tests/lib/fakehost.c - a host that is small enough to see through: module side, settings, buffers
 */
#include "tests/lib/fakehost-inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fakehost *of(const adit_host *h)
{
	return h->priv;
}

static const void *ADIT_CALL host_get(const adit_host *h, const char *iface)
{
	struct fakehost *f = of(h);
	uint32_t i;

	for (i = 0; i < f->n_offers; i++)
		if (!strcmp(f->offers[i].iface, iface))
			return f->offers[i].table;
	return f->module && f->module->get ? f->module->get(f->module_ctx, iface) : NULL;
}

static void *ADIT_CALL host_alloc(const adit_host *h, size_t size, size_t align)
{
	size_t unit = align > 16 ? align : 16;
	void *p = aligned_alloc(unit, (size + unit - 1) / unit * unit);

	if (p)
		memset(p, 0, size);
	return p;
}

static void ADIT_CALL host_release(const adit_host *h, void *mem)
{
	free(mem);
}

static void ADIT_CALL host_log(const adit_host *h, int32_t level, const char *msg, size_t len)
{
	struct fakehost *f = of(h);

	if (getenv("FAKEHOST_LOG"))
		fprintf(stderr, "# log %d: %.*s\n", level, (int)len, msg);
	if (level < ADIT_LOG_WARN)
		return;
	f->lines++;
	snprintf(f->logged, sizeof(f->logged), "%.*s", (int)len, msg);
}

static adit_result ADIT_CALL host_fail(const adit_host *h, adit_result code, const char *why,
                                       size_t len)
{
	struct fakehost *f = of(h);

	if (getenv("FAKEHOST_LOG"))
		fprintf(stderr, "# fail %d: %.*s\n", code, (int)len, why);
	snprintf(f->why, sizeof(f->why), "%.*s", (int)len, why);
	return code;
}

/* A node is a host and a path; nodes live as long as the host. */
struct adit_cfg {
	struct fakehost *host;
	char path[320];
	adit_cfg *next;
};

static adit_cfg *node(struct fakehost *f, const char *path)
{
	adit_cfg *c = calloc(1, sizeof(*c));

	if (!c || strlen(path) >= sizeof(c->path))
		abort();
	c->host = f;
	strcpy(c->path, path);
	c->next = f->nodes;
	f->nodes = c;
	return c;
}

static void join(const adit_cfg *c, const char *path, char *out, size_t room)
{
	snprintf(out, room, "%s%s%s", c->path, c->path[0] && path[0] ? "/" : "", path);
}

static const char *value(const adit_cfg *c, const char *path)
{
	char full[640];
	uint32_t i;

	join(c, path, full, sizeof(full));
	for (i = 0; i < c->host->n_settings; i++)
		if (!strcmp(c->host->settings[i].path, full))
			return c->host->settings[i].value;
	return NULL;
}

/* True when there is something below the path. */
static int has_below(const adit_cfg *c, const char *path)
{
	char full[640];
	size_t len;
	uint32_t i;

	join(c, path, full, sizeof(full));
	len = strlen(full);
	for (i = 0; i < c->host->n_settings; i++)
		if (!strncmp(c->host->settings[i].path, full, len) &&
		    c->host->settings[i].path[len] == '/')
			return 1;
	return 0;
}

static adit_result ADIT_CALL cfg_text(const adit_cfg *c, const char *path, const char **out,
                                      size_t *len)
{
	const char *v = value(c, path);
	char *end;

	if (!v)
		return ADIT_ENOENT;
	strtoll(v, &end, 10);
	if (*v && !*end)
		return ADIT_EINVAL; /* a number */
	*out = v;
	if (len)
		*len = strlen(v);
	return 0;
}

static adit_result ADIT_CALL cfg_integer(const adit_cfg *c, const char *path, int64_t *out)
{
	const char *v = value(c, path);
	char *end;
	int64_t n;

	if (!v)
		return ADIT_ENOENT;
	n = strtoll(v, &end, 10);
	if (!*v || *end)
		return ADIT_EINVAL;
	*out = n;
	return 0;
}

static adit_result ADIT_CALL cfg_number(const adit_cfg *c, const char *path, double *out)
{
	int64_t n;
	adit_result result = cfg_integer(c, path, &n);

	if (!result)
		*out = (double)n;
	return result;
}

static adit_result ADIT_CALL cfg_truth(const adit_cfg *c, const char *path, int32_t *out)
{
	const char *v = value(c, path);

	if (!v)
		return ADIT_ENOENT;
	if (strcmp(v, "true") && strcmp(v, "false"))
		return ADIT_EINVAL;
	*out = v[0] == 't';
	return 0;
}

static const adit_cfg *ADIT_CALL cfg_item(const adit_cfg *c, const char *path, uint32_t index)
{
	char full[640], below[660];

	join(c, path, full, sizeof(full));
	snprintf(below, sizeof(below), "%s/%u", full, index);
	if (!value(c->host->root, below) && !has_below(c->host->root, below))
		return NULL;
	return node(c->host, below);
}

/* Only good for asking whether there is a node. */
static adit_result ADIT_CALL cfg_json(const adit_cfg *c, const char *path, const char **out,
                                      size_t *len)
{
	const char *v = value(c, path);

	if (!v && !has_below(c, path))
		return ADIT_ENOENT;
	*out = v ? v : "[]";
	if (len)
		*len = strlen(*out);
	return 0;
}

static adit_result ADIT_CALL cfg_duration(const adit_cfg *c, const char *path, uint64_t *out)
{
	int64_t n;
	adit_result result = cfg_integer(c, path, &n);

	if (!result)
		*out = (uint64_t)n * 1000000000u;
	return result;
}

static const char *ADIT_CALL cfg_key(const adit_cfg *c)
{
	return NULL;
}

static const adit_config_1 config_table = {
	sizeof(adit_config_1),
	0,
	cfg_text,
	cfg_integer,
	cfg_number,
	cfg_truth,
	cfg_item,
	cfg_json,
	cfg_duration,
	cfg_key,
};

enum { HEAD = ADIT_BUF_HEADROOM };

static uint32_t ADIT_CALL path_get(void *end, adit_buf **v, uint32_t n, uint32_t room)
{
	struct fakehost *f = end;
	uint32_t i;

	for (i = 0; i < n && f->out < f->limit; i++) {
		adit_buf *b = malloc(sizeof(*b) + HEAD + room);

		if (!b)
			break;
		memset(b, 0, sizeof(*b));
		b->head = (uint8_t *)(b + 1);
		b->data = b->head + HEAD;
		b->end = b->data + room;
		f->out++;
		v[i] = b;
	}
	return i;
}

static void ADIT_CALL path_put(void *end, adit_buf *const *v, uint32_t n)
{
	struct fakehost *f = end;
	uint32_t i;

	for (i = 0; i < n; i++) {
		adit_buf *b = v[i], *next;

		for (; b; b = next) {
			struct wrapped *w = b->priv;

			next = b->next;
			if (w) {
				w->done(w->arg);
				free(w);
			}
			free(b);
			f->out--;
		}
	}
}

static adit_buf *ADIT_CALL path_wrap(void *end, void *mem, uint32_t len, adit_fn done, void *arg)
{
	struct fakehost *f = end;
	adit_buf *b = calloc(1, sizeof(*b));
	struct wrapped *w = calloc(1, sizeof(*w));

	if (!b || !w)
		abort();
	w->done = done;
	w->arg = arg;
	b->data = b->head = mem;
	b->end = b->data + len;
	b->len = len;
	b->flags = ADIT_BUF_RDONLY;
	b->priv = w;
	f->out++;
	return b;
}

static void ADIT_CALL path_input(void *end, adit_buf *const *pkt, uint32_t n)
{
	struct fakehost *f = end;

	if (f->ends.input)
		f->ends.input(f->ends.arg, pkt, n);
	else
		path_put(f, pkt, n);
}

static void ADIT_CALL path_output(void *end, adit_buf *const *pkt, uint32_t n)
{
	struct fakehost *f = end;

	if (f->ends.output)
		f->ends.output(f->ends.arg, pkt, n);
	else
		path_put(f, pkt, n);
}

static void ADIT_CALL path_emit(void *end, const adit_event *ev, uint32_t n)
{
	struct fakehost *f = end;
	uint32_t i;

	if (f->ends.emit) {
		f->ends.emit(f->ends.arg, ev, n);
		return;
	}
	for (i = 0; i < n; i++)
		if (ev[i].flags & ADIT_EVF_BUF)
			path_put(f, &ev[i].u.buf, 1);
}

static void ADIT_CALL path_submit(void *end, const adit_op *op, uint32_t n)
{
	struct fakehost *f = end;
	uint32_t i;

	if (f->ends.submit) {
		f->ends.submit(f->ends.arg, op, n);
		return;
	}
	for (i = 0; i < n; i++)
		if (op[i].flags & ADIT_OPF_BUF)
			path_put(f, &op[i].u.buf, 1);
}

static const adit_flow_info *ADIT_CALL path_info(void *end, adit_flow flow)
{
	struct fakehost *f = end;

	return f->ends.info ? f->ends.info(f->ends.arg, flow) : NULL;
}

struct fakehost *fakehost_new(const struct fakehost_ends *ends)
{
	static const adit_host host = {
		sizeof(adit_host), ADIT_ABI_MAJOR, ADIT_ABI_MINOR, "fake",   NULL,      NULL,
		host_get,          host_alloc,     host_release,   host_log, host_fail,
	};
	static const adit_path path = {
		sizeof(adit_path), 0,        NULL,     path_input, path_output, path_emit,
		path_submit,       path_get, path_put, path_wrap,  path_info,
	};
	struct fakehost *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	if (ends)
		f->ends = *ends;
	f->host = host;
	f->host.priv = f;
	f->host.log_level = &f->level;
	f->path = path;
	f->path.end = f;
	f->limit = 4096;
	f->root = node(f, "");
	fakehost_loop_init(f);
	fakehost_offer(f, ADIT_CONFIG_1, &config_table);
	return f;
}

void fakehost_free(struct fakehost *f)
{
	adit_cfg *c, *next;

	for (c = f->nodes; c; c = next) {
		next = c->next;
		free(c);
	}
	fakehost_loop_fini(f);
	free(f);
}

void fakehost_set(struct fakehost *f, const char *path, const char *v)
{
	uint32_t i;

	for (i = 0; i < f->n_settings; i++) {
		if (!strcmp(f->settings[i].path, path)) {
			f->settings[i].value = v;
			return;
		}
	}
	if (f->n_settings == FAKE_SETTINGS)
		abort();
	f->settings[f->n_settings].path = path;
	f->settings[f->n_settings++].value = v;
}

void fakehost_offer(struct fakehost *f, const char *iface, const void *table)
{
	if (f->n_offers == FAKE_OFFERS)
		abort();
	f->offers[f->n_offers].iface = iface;
	f->offers[f->n_offers++].table = table;
}

void fakehost_offer_module(struct fakehost *f, const adit_module *m, void *ctx)
{
	f->module = m;
	f->module_ctx = ctx;
}

void fakehost_limit(struct fakehost *f, uint32_t buffers)
{
	f->limit = buffers;
}

const adit_host *fakehost_host(struct fakehost *f)
{
	return &f->host;
}

const adit_path *fakehost_path(struct fakehost *f)
{
	return &f->path;
}

const adit_env *fakehost_env(struct fakehost *f, uint32_t shard, uint32_t shards)
{
	struct adit_env *env = &f->env[shard % FAKE_SHARDS];

	env->size = sizeof(*env);
	env->shard = shard;
	env->shards = shards;
	env->flows = 65536;
	env->name = "test";
	env->host = &f->host;
	env->loop = &f->loop;
	env->cfg = f->root;
	env->path = &f->path;
	return env;
}

uint32_t fakehost_buffers(const struct fakehost *f)
{
	return f->out;
}

const char *fakehost_why(const struct fakehost *f)
{
	return f->why;
}

const char *fakehost_logged(const struct fakehost *f)
{
	return f->logged;
}

uint32_t fakehost_log_lines(const struct fakehost *f)
{
	return f->lines;
}
