/* SPDX-License-Identifier: MIT
 * conf/setting.c - values from the command line put into a manifest
 */
#include "conf/setting.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/blank.h"
#include "conf/merge.h"
#include "conf/parse.h"
#include "conf/subst.h"
#include "conf/suggest.h"

struct setting {
	struct arena *arena;
	const char *path;
	struct report *report;
	char separator;
};

__attribute__((format(printf, 3, 4))) static int fail(struct setting *s, const char *cure,
                                                      const char *format, ...)
{
	struct report_place place = {.file = "command line", .pointer = s->path};
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_add(s->report, REPORT_ERROR, &place, cure, "%s", text);
	return ADIT_ECONFIG;
}

/* Whether rest begins with this name as a whole; how much of rest it takes. Names may hold dots. */
static size_t begins_with(const struct setting *s, const char *rest, const char *name)
{
	const char *at = rest;

	for (; *name; name++) {
		char c = *at++;

		if (s->separator == '/' && c == '~' && (*at == '0' || *at == '1'))
			c = *at++ == '0' ? '~' : '/';
		if (c != *name)
			return 0;
	}
	return !*at || *at == s->separator ? (size_t)(at - rest) : 0;
}

/* The part of n that rest begins with (the longest name that fits), null if there is none yet. */
static struct adit_cfg *find_part(struct setting *s, struct adit_cfg *n, const char *rest,
                                  size_t *taken)
{
	struct adit_cfg *best = NULL;
	const char *name;
	char number[16];
	size_t length;
	uint32_t i;

	*taken = 0;
	for (i = 0; i < n->count; i++) {
		name = n->type == NODE_OBJECT ? n->items[i]->key
		                              : node_find_text(n->items[i], "name");
		length = name ? begins_with(s, rest, name) : 0;
		if (!length && n->type == NODE_LIST) {
			snprintf(number, sizeof(number), "%u", (unsigned)i);
			length = begins_with(s, rest, number);
		}
		if (length > *taken) {
			*taken = length;
			best = n->items[i];
		}
	}
	return best;
}

static int fail_part(struct setting *s, const struct adit_cfg *n, const char *part)
{
	struct suggest near = {.word = part};
	const char *singular = "entry", *name;
	char cure[80];
	uint32_t i;

	if (n->type != NODE_LIST)
		return fail(s, "give the whole value",
		            "\"%.60s\" holds a single value, so it has no \"%.60s\"",
		            n->key ? n->key : "", part);
	if (n->key)
		merge_is_named(n->key, &singular);
	for (i = 0; i < n->count; i++) {
		name = node_find_text(n->items[i], "name");
		if (name)
			suggest_offer(&near, name);
	}
	snprintf(cure, sizeof(cure), "did you mean \"%s\"?", near.best ? near.best : "");
	return fail(s, near.best ? cure : "use the name of one in the manifest",
	            "there is no %s \"%.60s\"", singular, part);
}

static struct adit_cfg *make_value(struct setting *s, const char *value, int *err)
{
	struct parse_input in = {
		.file = "command line",
		.text = value,
		.size = strlen(value),
		.depth = PARSE_MANIFEST_DEPTH,
		.from = FROM_COMMAND,
	};
	struct node_origin origin = {.from = FROM_COMMAND, .file = "command line"};
	struct adit_cfg *n;

	if (*value && strchr("{[\"", *value)) {
		n = parse_text(s->arena, &in, s->report);
		if (!n)
			*err = ADIT_ECONFIG;
	} else {
		n = node_text(s->arena, value, strlen(value), &origin);
		if (n)
			n->loose = true;
		else
			*err = ADIT_ENOMEM;
	}
	return n;
}

/* A new member with the first part of rest as its key: the value itself, or an object on the way to
 * it. */
static int add_part(struct setting *s, struct adit_cfg *n, const char *rest, struct adit_cfg *value,
                    struct adit_cfg **made, size_t *taken)
{
	struct node_origin origin = {.from = FROM_COMMAND, .file = "command line"};
	char key[128];
	size_t size = 0;
	const char *at = rest;
	int err;

	while (*at && *at != s->separator && size + 1 < sizeof(key)) {
		char c = *at++;

		if (s->separator == '/' && c == '~' && (*at == '0' || *at == '1'))
			c = *at++ == '0' ? '~' : '/';
		key[size++] = c;
	}
	key[size] = '\0';
	if (!size || (*at && *at != s->separator))
		return fail(s, "write it like platform.mtu=9000",
		            "the path has a part that is empty or too long");
	*taken = (size_t)(at - rest);
	if (n->type != NODE_OBJECT)
		return fail_part(s, n, key);
	if (*at && !n->parent && merge_is_named(key, NULL))
		return fail(s, "write the list into the manifest, or set all of it",
		            "there are no %s yet", key);
	*made = *at ? node_new(s->arena, NODE_OBJECT, &origin) : value;
	if (!*made)
		return ADIT_ENOMEM;
	err = node_append(s->arena, n, key, *made);
	return err == ADIT_ELIMIT ? fail(s, NULL, "too many members beside it") : err;
}

int setting_apply(struct arena *a, struct adit_cfg *root, const struct conf_setting *setting,
                  struct report *r)
{
	struct setting s = {.arena = a, .path = setting->path, .report = r};
	const char *rest = setting->path;
	struct adit_cfg *n = root, *next, *value;
	size_t taken, where;
	int err = 0;

	if (!blank_is_utf8(rest, strlen(rest), &where) ||
	    !blank_is_utf8(setting->value, strlen(setting->value), &where))
		return fail(&s, NULL, "not UTF-8");
	s.separator = *rest == '/' ? '/' : '.';
	rest += *rest == '/';
	value = make_value(&s, setting->value, &err);
	if (value)
		err = subst_tree(a, value, NULL, r);
	while (!err) {
		next = find_part(&s, n, rest, &taken);
		if (!next)
			err = add_part(&s, n, rest, value, &next, &taken);
		if (err)
			break;
		rest += taken;
		n = next;
		if (*rest) {
			rest++;
			continue;
		}
		if (n != value)
			node_replace(n, value);
		break;
	}
	return err;
}
