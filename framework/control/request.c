/* SPDX-License-Identifier: MIT
 * control/request.c - one request of a client
 */
#include "control/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <adit/abi.h>

#include "base/jsonw.h"
#include "conf/json.h"

enum type { TYPE_TEXT, TYPE_NUMBER, TYPE_TRUTH };

static const struct {
	const char *name;
	enum type type;
	int64_t least, most; /* of numbers */
} arguments[ARG_IDS] = {
	[ARG_ADDRESS] = {"address", TYPE_TEXT, 0, 0},
	[ARG_CONFIRM] = {"confirm", TYPE_TRUTH, 0, 0},
	[ARG_DRAIN] = {"drain", TYPE_TEXT, 0, 0},
	[ARG_FLOW] = {"flow", TYPE_TEXT, 0, 0},
	[ARG_HANDLER] = {"handler", TYPE_TEXT, 0, 0},
	[ARG_LEVEL] = {"level", TYPE_TEXT, 0, 0},
	[ARG_LIMIT] = {"limit", TYPE_NUMBER, 1, UINT32_MAX},
	[ARG_OUTBOUND] = {"outbound", TYPE_TEXT, 0, 0},
	[ARG_PORT] = {"port", TYPE_NUMBER, 0, 65535},
	[ARG_PROTO] = {"proto", TYPE_TEXT, 0, 0},
	[ARG_RATES] = {"rates", TYPE_TRUTH, 0, 0},
	[ARG_SIZE] = {"size", TYPE_TEXT, 0, 0},
	[ARG_SNAP] = {"snap", TYPE_NUMBER, 1, UINT32_MAX},
	[ARG_SORT] = {"sort", TYPE_TEXT, 0, 0},
	[ARG_STACK] = {"stack", TYPE_TEXT, 0, 0},
	[ARG_STATE] = {"state", TYPE_TEXT, 0, 0},
	[ARG_TEXT] = {"text", TYPE_TEXT, 0, 0},
	[ARG_TIME] = {"time", TYPE_TEXT, 0, 0},
	[ARG_UNDO] = {"undo", TYPE_TRUTH, 0, 0},
};

const char *argument_name(enum argument a)
{
	return arguments[a].name;
}

struct reading {
	struct request *q;
	char *why;
	int result;
};

static int refuse(struct reading *r, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct reading *r, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, REQUEST_WHY, format, args);
	va_end(args);
	r->result = code;
	return code;
}

/* An id comes back as it is: a whole number, or a short text. */
static int read_id(struct reading *r, const struct json_node *value)
{
	const char *text = json_node_text(value);
	struct jsonw w;
	int64_t number;

	if (json_node_integer(value, &number)) {
		snprintf(r->q->id, sizeof(r->q->id), "%" PRId64, number);
		return 0;
	}
	jsonw_init(&w, REQUEST_ID_TEXT - 1);
	if (text)
		jsonw_text(&w, NULL, text);
	if (!text || w.failed) {
		jsonw_fini(&w);
		return refuse(r, ADIT_EINVAL, "\"id\" is a whole number, or a text of up to %d bytes", REQUEST_ID_TEXT - 3);
	}
	memcpy(r->q->id, w.text, w.used);
	r->q->id[w.used] = 0;
	jsonw_fini(&w);
	return 0;
}

static int read_verb(struct reading *r, const struct json_node *root)
{
	const char *name = json_node_text(json_node_member(root, "verb"));
	unsigned i;

	if (!name)
		return refuse(r, ADIT_EINVAL, "the text \"verb\" is missing");
	for (i = 0; i < verb_count; i++)
		if (!strcmp(verbs[i].name, name))
			r->q->verb = &verbs[i];
	return r->q->verb ? 0 : refuse(r, ADIT_ENOENT, "there is no verb \"%.32s\" here", name);
}

static enum argument find_argument(const struct verb *v, const char *name)
{
	unsigned i;

	for (i = 0; i < VERB_ARGUMENTS && v->arguments[i] != ARG_END; i++)
		if (!strcmp(arguments[v->arguments[i]].name, name))
			return v->arguments[i];
	return ARG_END;
}

static int read_argument(void *arg, const char *key, const struct json_node *value)
{
	struct reading *r = arg;
	struct argument_value *v;
	enum argument a;
	int64_t number;
	bool truth;

	if (!strcmp(key, "verb") || !strcmp(key, "id"))
		return 0;
	a = find_argument(r->q->verb, key);
	if (a == ARG_END)
		return refuse(r, ADIT_EINVAL, "\"%s\" takes no \"%.32s\"", r->q->verb->name, key);
	v = &r->q->arg[a];
	v->given = true;
	switch (arguments[a].type) {
	case TYPE_TEXT:
		v->text = json_node_text(value);
		if (!v->text || strlen(v->text) > REQUEST_TEXT_MOST)
			return refuse(r, ADIT_EINVAL, "\"%s\" is a text of up to %d bytes", key, REQUEST_TEXT_MOST);
		return 0;
	case TYPE_NUMBER:
		if (!json_node_integer(value, &number) || number < arguments[a].least || number > arguments[a].most)
			return refuse(r, ADIT_EINVAL, "\"%s\" is a whole number from %" PRId64 " to %" PRId64, key,
			              arguments[a].least, arguments[a].most);
		v->number = (uint64_t)number;
		return 0;
	default:
		if (!json_node_truth(value, &truth))
			return refuse(r, ADIT_EINVAL, "\"%s\" is true or false", key);
		v->number = truth;
		return 0;
	}
}

int request_read(struct request *q, const char *line, size_t size, char why[REQUEST_WHY])
{
	struct reading r = {q, why, 0};
	const struct json_node *root, *id;
	struct json_fault fault;
	int err;

	memset(q, 0, sizeof(*q));
	if (size > REQUEST_LINE_MOST)
		return refuse(&r, ADIT_EINVAL, "a request is longer than %d KiB", REQUEST_LINE_MOST >> 10);
	err = json_tree_read(&q->tree, line, size, &fault);
	if (err)
		return refuse(&r, err == ADIT_ENOMEM ? err : ADIT_EINVAL, "no JSON: %s (column %u)", fault.text, fault.column);
	root = json_tree_root(q->tree);
	if (!json_node_is_object(root))
		return refuse(&r, ADIT_EINVAL, "a request is an object, such as {\"verb\": \"status\"}");
	id = json_node_member(root, "id");
	err = id ? read_id(&r, id) : 0;
	if (!err)
		err = read_verb(&r, root);
	return err ? err : json_node_each(root, read_argument, &r);
}

void request_fini(struct request *q)
{
	json_tree_free(q->tree);
	q->tree = NULL;
}
