/* SPDX-License-Identifier: MIT
 * handler-rules/rule.c - a rule's words are read
 */
#include "rule.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

static int is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes one word off *at, in place. 0 at the end of the line. */
static int32_t next_word(char **at, char **word)
{
	char *in = *at, *out;
	int quoted = 0;

	while (is_white(*in))
		in++;
	if (!*in || *in == '#')
		return 0;
	*word = out = in;
	for (; *in && (quoted || !is_white(*in)); in++) {
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	}
	*at = *in ? in + 1 : in;
	*out = '\0';
	return quoted ? ADIT_EINVAL : 1;
}

int32_t rule_words(char *line, char **words, uint32_t most)
{
	char *word;
	uint32_t n = 0;
	int32_t more;

	while ((more = next_word(&line, &word)) == 1) {
		if (n == most)
			return ADIT_ELIMIT;
		words[n++] = word;
	}
	return more < 0 ? more : (int32_t)n;
}

/* What is being read. */
struct reader {
	char **words;
	uint32_t n, at;
	char *why;
};

static const char *peek(const struct reader *r)
{
	return r->at < r->n ? r->words[r->at] : "";
}

static char *take(struct reader *r)
{
	return r->at < r->n ? r->words[r->at++] : NULL;
}

static int take_if(struct reader *r, const char *word)
{
	if (r->at == r->n || strcmp(r->words[r->at], word))
		return 0;
	r->at++;
	return 1;
}

static adit_result wrong(const struct reader *r, const char *what, const char *shown)
{
	snprintf(r->why, RULE_WHY, "%s: \"%.80s\"", what, shown);
	return ADIT_ECONFIG;
}

static adit_result take_name(struct reader *r, char *out, const char *what)
{
	const char *word = take(r);

	if (!word)
		return wrong(r, "a name is missing behind", what);
	if (!*word || strlen(word) > RULE_NAME_MOST)
		return wrong(r, "names have 1 to 32 letters", word);
	strcpy(out, word);
	return 0;
}

/* ---- the action ---- */

static void read_reject(struct reader *r, struct rule *out)
{
	static const struct {
		const char *word;
		adit_result code;
	} kinds[] = {{"refused", ADIT_EREFUSED}, {"host", ADIT_EHOST}, {"net", ADIT_ENET}, {"admin", ADIT_EADMIN}};
	size_t i;

	out->action = RULE_REJECT;
	out->code = ADIT_EREFUSED;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (take_if(r, kinds[i].word))
			out->code = kinds[i].code;
}

/* In any order, each at most once. */
static adit_result read_options(struct reader *r, struct rule *out)
{
	adit_result result = 0;

	while (result == 0) {
		if (out->connect_first == 2 && take_if(r, "connect-first"))
			out->connect_first = 1;
		else if (out->connect_first == 2 && take_if(r, "connect-later"))
			out->connect_first = 0;
		else if (!out->stack[0] && take_if(r, "stack"))
			result = take_name(r, out->stack, "stack");
		else
			break;
	}
	return result;
}

static adit_result read_action(struct reader *r, struct rule *out)
{
	adit_result result = 0;

	out->connect_first = 2;
	if (take_if(r, "reject")) {
		read_reject(r, out);
		return 0;
	}
	if (take_if(r, "drop")) {
		out->action = RULE_DROP;
		return 0;
	}
	if (take_if(r, "pass")) {
		out->action = RULE_PASS;
		return 0;
	}
	out->action = RULE_VIA;
	if (take_if(r, "via"))
		result = take_name(r, out->via, "via");
	else if (!take_if(r, "allow"))
		return wrong(r, "an action comes first (via NAME, allow, reject, drop or pass), not", peek(r));
	return result == 0 ? read_options(r, out) : result;
}

/* ---- the terms ---- */

static const struct {
	const char *word;
	enum term_key key;
} keys[] = {
	{"proto", TERM_PROTO}, {"port", TERM_PORT},   {"source-port", TERM_SOURCE_PORT}, {"dst", TERM_DST},
	{"src", TERM_SRC},     {"user", TERM_USER},   {"group", TERM_GROUP},             {"process", TERM_PROCESS},
	{"cgroup", TERM_CGROUP}, {"domain", TERM_DOMAIN}, {"over", TERM_OVER},
};

static int find_key(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].word, word))
			return (int)keys[i].key;
	return -1;
}

/* Cuts one piece off a list that commas part. */
static char *next_piece(char **list)
{
	char *piece = *list, *comma;

	if (!piece)
		return NULL;
	comma = strchr(piece, ',');
	*list = comma ? comma + 1 : NULL;
	if (comma)
		*comma = '\0';
	return piece;
}

static uint32_t count_pieces(const char *list)
{
	uint32_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* A number without sign; *end is behind it. */
static int read_number(const char *text, const char **end, uint64_t most, uint32_t *out)
{
	uint64_t n = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && n <= most; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	*end = at;
	*out = (uint32_t)n;
	return at != text && n <= most;
}

static int read_port(const char *piece, struct span *out)
{
	const char *end;

	if (!read_number(piece, &end, 65535, &out->from))
		return 0;
	out->to = out->from;
	if (*end == '-' && !read_number(end + 1, &end, 65535, &out->to))
		return 0;
	return !*end && out->from <= out->to;
}

static int read_proto(const char *piece, struct span *out)
{
	out->from = !strcmp(piece, "tcp") ? ADIT_PROTO_TCP : !strcmp(piece, "udp") ? ADIT_PROTO_UDP : ADIT_PROTO_ICMP;
	out->to = out->from;
	return out->from != ADIT_PROTO_ICMP || !strcmp(piece, "icmp");
}

static int read_user(const char *piece, struct span *out)
{
	const char *end;
	const struct passwd *p;

	if (read_number(piece, &end, UINT32_MAX - 1, &out->from) && !*end) {
		out->to = out->from;
		return 1;
	}
	p = getpwnam(piece);
	if (p)
		out->from = out->to = p->pw_uid;
	return p != NULL;
}

static int read_group(const char *piece, struct span *out)
{
	const char *end;
	const struct group *g;

	if (read_number(piece, &end, UINT32_MAX - 1, &out->from) && !*end) {
		out->to = out->from;
		return 1;
	}
	g = getgrnam(piece);
	if (g)
		out->from = out->to = g->gr_gid;
	return g != NULL;
}

static adit_result read_spans(struct reader *r, struct term *t, char *list)
{
	static int (*const readers[TERM_KEYS])(const char *piece, struct span *out) = {
		[TERM_PROTO] = read_proto, [TERM_PORT] = read_port,   [TERM_SOURCE_PORT] = read_port,
		[TERM_USER] = read_user,   [TERM_GROUP] = read_group,
	};
	static const char *const expected[TERM_KEYS] = {
		[TERM_PROTO] = "protocols are tcp, udp and icmp, not",
		[TERM_PORT] = "ports are 0 to 65535, and ranges go upwards (8000-8080), not",
		[TERM_SOURCE_PORT] = "ports are 0 to 65535, and ranges go upwards (8000-8080), not",
		[TERM_USER] = "this system has no user",
		[TERM_GROUP] = "this system has no group",
	};
	char *piece;

	t->u.spans = calloc(count_pieces(list), sizeof(*t->u.spans));
	if (!t->u.spans)
		return ADIT_ENOMEM;
	while ((piece = next_piece(&list)))
		if (!readers[t->key](piece, &t->u.spans[t->count++]))
			return wrong(r, expected[t->key], piece);
	return 0;
}

static adit_result read_texts(struct reader *r, struct term *t, char *list)
{
	char *piece;

	t->u.texts = calloc(count_pieces(list), sizeof(*t->u.texts));
	if (!t->u.texts)
		return ADIT_ENOMEM;
	while ((piece = next_piece(&list))) {
		if (!*piece)
			return wrong(r, "an empty text stands in a list of", keys[t->key].word);
		if (t->key == TERM_CGROUP && *piece != '/')
			return wrong(r, "a control group is a path from its root (/user.slice), not", piece);
		t->u.texts[t->count] = strdup(piece);
		if (!t->u.texts[t->count++])
			return ADIT_ENOMEM;
	}
	return 0;
}

static adit_result add_named(struct reader *r, struct term *t, const char *name)
{
	if (!*name || strlen(name) > RULE_NAME_MOST)
		return wrong(r, "names of sets have 1 to 32 letters", name);
	strcpy(t->names[t->set_count++], name);
	return 0;
}

static adit_result add_own(struct reader *r, struct term *t, const char *piece)
{
	struct entry e;

	if (entry_read(piece, strlen(piece), &e) < 0 || (e.kind == ENTRY_NAME) != (t->key == TERM_DOMAIN))
		return wrong(r,
		             t->key == TERM_DOMAIN ? "host names are written example.org or .example.org, not"
		                                   : "addresses are written 192.0.2.0/24 or 2001:db8::/32, not",
		             piece);
	if (!t->own)
		t->own = calloc(1, sizeof(*t->own));
	return t->own ? set_add(t->own, &e) : ADIT_ENOMEM;
}

static adit_result read_sets(struct reader *r, struct term *t, char *list)
{
	uint32_t most = count_pieces(list);
	adit_result result = 0;
	char *piece;

	t->names = calloc(most, sizeof(*t->names));
	t->sets = calloc(most, sizeof(*t->sets));
	if (!t->names || !t->sets)
		return ADIT_ENOMEM;
	while (result == 0 && (piece = next_piece(&list)))
		result = *piece == '@' ? add_named(r, t, piece + 1) : add_own(r, t, piece);
	return result == 0 && t->own ? set_seal(t->own) : result;
}

static adit_result read_values(struct reader *r, struct term *t, char *list)
{
	const char *end;

	switch (t->key) {
	case TERM_DST:
	case TERM_SRC:
	case TERM_DOMAIN:
		return read_sets(r, t, list);
	case TERM_PROCESS:
	case TERM_CGROUP:
		return read_texts(r, t, list);
	case TERM_OVER:
		if (t->negated || !read_number(list, &end, 1000000, &t->u.rate) || *end || !t->u.rate)
			return wrong(r, "over takes 1 to 1000000 new flows per second, and no \"not\"; it has", list);
		return 0;
	default:
		return read_spans(r, t, list);
	}
}

static adit_result read_term(struct reader *r, struct rule *out)
{
	struct term *t = &out->terms[out->term_count];
	int negated = take_if(r, "not"), key = find_key(peek(r));
	char *list;

	if (key < 0)
		return wrong(r,
		             "no match is called that (proto, port, source-port, dst, src, domain, user, group, "
		             "process, cgroup, over)",
		             peek(r));
	if (out->term_count == RULE_TERMS_MOST)
		return wrong(r, "more than 16 matches in one rule, at", peek(r));
	take(r);
	list = take(r);
	if (!list)
		return wrong(r, "a value is missing behind", r->words[r->at - 1]);
	if (key == TERM_OVER && rule_over(out))
		return wrong(r, "a second over in one rule, of", list);
	out->term_count++; /* from here on rule_fini() frees what hangs on it */
	t->key = (uint8_t)key;
	t->negated = (uint8_t)negated;
	return read_values(r, t, list);
}

static int compare_terms(const void *a, const void *b)
{
	return (int)((const struct term *)a)->key - (int)((const struct term *)b)->key;
}

adit_result rule_read(struct rule *out, char **words, uint32_t n, char *why)
{
	struct reader r = {words, n, 0, why};
	adit_result result;

	memset(out, 0, sizeof(*out));
	result = read_action(&r, out);
	while (result == 0 && r.at < n)
		result = read_term(&r, out);
	qsort(out->terms, out->term_count, sizeof(out->terms[0]), compare_terms);
	return result;
}

adit_result rule_read_action(struct rule *out, char **words, uint32_t n, char *why)
{
	struct reader r = {words, n, 0, why};
	adit_result result;

	memset(out, 0, sizeof(*out));
	result = read_action(&r, out);
	if (result == 0 && r.at < n)
		return wrong(&r, "the default is an action alone, without", peek(&r));
	return result;
}

void rule_fini(struct rule *r)
{
	uint32_t i, k;

	for (i = 0; i < r->term_count; i++) {
		struct term *t = &r->terms[i];

		if (t->key == TERM_PROCESS || t->key == TERM_CGROUP) {
			for (k = 0; k < t->count; k++)
				free(t->u.texts[k]);
			free(t->u.texts);
		} else if (t->key != TERM_OVER) {
			free(t->u.spans);
		}
		if (t->own)
			set_fini(t->own);
		free(t->own);
		free(t->sets);
		free(t->names);
	}
	r->term_count = 0;
}
