/* SPDX-License-Identifier: MIT
 * handler-rules/table.c - the rules in their order, and the sets that they name
 */
#include "table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct named {
	char name[RULE_NAME_MOST + 1];
	uint32_t count; /* of paths and files */
	char *paths[TABLE_FILES_MOST];
	FILE *files[TABLE_FILES_MOST];
	struct set set;
};

struct line {
	struct rule rule;
	char text[TABLE_TEXT];
};

struct table {
	uint32_t refs; /* atomic */
	uint32_t count, room, set_count;
	struct line *lines;
	struct line fallback;
	struct named *sets[TABLE_SETS_MOST];
	pthread_mutex_t lock; /* of what follows */
	int loaded;
	adit_result result;
	char why[TABLE_WHY];
	char bad[TABLE_WHY];
	uint64_t lines_bad;
};

/* ---- life ---- */

struct table *table_new(void)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (pthread_mutex_init(&t->lock, NULL)) {
		free(t);
		return NULL;
	}
	t->refs = 1;
	t->fallback.rule.action = RULE_PASS;
	strcpy(t->fallback.text, "default pass");
	return t;
}

struct table *table_ref(struct table *t)
{
	__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

static void named_free(struct named *n)
{
	uint32_t i;

	for (i = 0; i < n->count; i++) {
		if (n->files[i])
			fclose(n->files[i]);
		free(n->paths[i]);
	}
	set_fini(&n->set);
	free(n);
}

void table_unref(struct table *t)
{
	uint32_t i;

	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (i = 0; i < t->count; i++)
		rule_fini(&t->lines[i].rule);
	for (i = 0; i < t->set_count; i++)
		named_free(t->sets[i]);
	free(t->lines);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- what is written ---- */

static adit_result say(char *why, adit_result code, const char *place, const char *what, const char *shown)
{
	snprintf(why, TABLE_WHY, "%.120s: %s%s%.120s%s", place, what, shown ? ": \"" : "", shown ? shown : "",
	         shown ? "\"" : "");
	return code;
}

static struct named *find_set(struct table *t, const char *name)
{
	uint32_t i;

	for (i = 0; i < t->set_count; i++)
		if (!strcmp(t->sets[i]->name, name))
			return t->sets[i];
	return NULL;
}

static struct named *make_set(struct table *t, const char *name)
{
	struct named *n = find_set(t, name);

	if (n || t->set_count == TABLE_SETS_MOST)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	strcpy(n->name, name);
	t->sets[t->set_count++] = n;
	return n;
}

adit_result table_set(struct table *t, const char *name, const char *path, char *why)
{
	struct named *n;

	if (!*name || strlen(name) > RULE_NAME_MOST)
		return say(why, ADIT_ECONFIG, "sets", "names have 1 to 32 letters", name);
	n = make_set(t, name);
	if (!n || n->count == TABLE_FILES_MOST)
		return say(why, ADIT_ELIMIT, "sets", "more than 256 sets, or more than 64 files in one, at", name);
	n->paths[n->count] = strdup(path);
	if (!n->paths[n->count])
		return say(why, ADIT_ENOMEM, "sets", "no memory", NULL);
	n->count++;
	return 0;
}

static adit_result set_line(struct table *t, char **words, int32_t n, const char *place, const char *file, char *why)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	adit_result result;
	char *path;

	if (n != 3)
		return say(why, ADIT_ECONFIG, place, "a set is written: set NAME FILE", NULL);
	if (asprintf(&path, "%.*s%s", slash && words[2][0] != '/' ? (int)(slash + 1 - file) : 0, file ? file : "",
	             words[2]) < 0)
		return say(why, ADIT_ENOMEM, place, "no memory", NULL);
	result = table_set(t, words[1], path, why);
	free(path);
	return result;
}

static adit_result add_rule(struct table *t, const struct line *l)
{
	uint32_t room = t->room ? t->room * 2 : 8;
	struct line *lines;

	if (t->count == t->room) {
		lines = realloc(t->lines, room * sizeof(*lines));
		if (!lines)
			return ADIT_ENOMEM;
		t->lines = lines;
		t->room = room;
	}
	t->lines[t->count++] = *l;
	return 0;
}

static adit_result rule_line(struct table *t, struct line *l, char **words, int32_t n, const char *place, char *why)
{
	char reason[RULE_WHY] = "no memory";
	adit_result result;

	if (!strcmp(words[0], "default")) {
		result = rule_read_action(&l->rule, words + 1, (uint32_t)n - 1, reason);
		if (result == 0)
			t->fallback = *l;
		return result < 0 ? say(why, result, place, reason, NULL) : 0;
	}
	if (t->count == TABLE_RULES_MOST)
		return say(why, ADIT_ELIMIT, place, "more than 4096 rules: put lists into sets", NULL);
	result = rule_read(&l->rule, words, (uint32_t)n, reason);
	if (result == 0)
		result = add_rule(t, l);
	if (result < 0)
		rule_fini(&l->rule);
	return result < 0 ? say(why, result, place, reason, NULL) : 0;
}

adit_result table_line(struct table *t, const char *line, const char *place, const char *file, char *why)
{
	char copy[RULE_LINE_MOST], *words[RULE_WORDS_MOST];
	struct line l;
	int32_t n;

	if (strlen(line) >= sizeof(copy))
		return say(why, ADIT_ECONFIG, place, "a rule of 4096 bytes or more: put lists into sets", NULL);
	strcpy(copy, line);
	n = rule_words(copy, words, RULE_WORDS_MOST);
	if (n < 0)
		return say(why, ADIT_ECONFIG, place,
		           n == ADIT_EINVAL ? "a quote has no end" : "more than 64 words: lists have commas, and no spaces",
		           NULL);
	if (!n)
		return 0;
	if (!strcmp(words[0], "set"))
		return set_line(t, words, n, place, file, why);
	snprintf(l.text, sizeof(l.text), "%s", line);
	l.text[strcspn(l.text, "\r\n")] = '\0';
	return rule_line(t, &l, words, n, place, why);
}

/* ---- files ---- */

static adit_result open_plain(const char *path, FILE **out, char *why)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	int error = errno;

	if (!f)
		return say(why, error == ENOENT ? ADIT_ENOENT : ADIT_EIO, path, strerror(error), NULL);
	if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
		fclose(f);
		return say(why, ADIT_EIO, path, "not a plain file", NULL);
	}
	*out = f;
	return 0;
}

adit_result table_file(struct table *t, const char *path, char *why)
{
	char line[RULE_LINE_MOST + 1], place[300];
	uint64_t total = 0;
	uint32_t number = 0;
	adit_result result;
	FILE *f;

	result = open_plain(path, &f, why);
	if (result < 0)
		return result;
	while (result == 0 && fgets(line, sizeof(line), f)) {
		snprintf(place, sizeof(place), "%.250s:%u", path, ++number);
		total += strlen(line) + 1;
		if (total > TABLE_FILE_MOST)
			result = say(why, ADIT_ELIMIT, place, "more than 4 MiB of rules: put lists into sets", NULL);
		else if (!strchr(line, '\n') && !feof(f))
			result = say(why, ADIT_ECONFIG, place,
			             "a zero byte, or a rule of 4096 bytes or more: put lists into sets", NULL);
		else
			result = table_line(t, line, place, path, why);
	}
	if (result == 0 && ferror(f))
		result = say(why, ADIT_EIO, path, strerror(errno), NULL);
	fclose(f);
	return result;
}

/* ---- joining ---- */

static adit_result resolve_sets(struct table *t, struct term *term, const char *place, char *why)
{
	struct named *n;
	uint32_t i;

	for (i = 0; i < term->set_count; i++) {
		n = find_set(t, term->names[i]);
		if (!n)
			return say(why, ADIT_ECONFIG, place,
			           "there is no set of this name; add it, or correct the name", term->names[i]);
		term->sets[i] = &n->set;
	}
	return 0;
}

static adit_result resolve(struct table *t, struct rule *r, const char *place, table_find find, void *arg,
                           char *why)
{
	adit_result result = 0;
	uint32_t i;

	for (i = 0; i < r->term_count && result == 0; i++)
		result = resolve_sets(t, &r->terms[i], place, why);
	if (result == 0 && r->stack[0] && find(arg, TABLE_STACK, r->stack) < 0)
		return say(why, ADIT_ECONFIG, place,
		           "no stack of this name is in service: name it in \"stack\", or give its entry in \"stacks\" "
		           "\"standby\": true", r->stack);
	if (result < 0 || r->action != RULE_VIA || !r->via[0])
		return result;
	r->outbound = find(arg, TABLE_OUTBOUND, r->via);
	return r->outbound < 0 ? say(why, ADIT_ECONFIG, place, "no outbound of the manifest has this name", r->via) : 0;
}

adit_result table_finish(struct table *t, table_find find, void *arg, char *why)
{
	char place[TABLE_TEXT + 16];
	adit_result result = resolve(t, &t->fallback.rule, "the default", find, arg, why);
	uint32_t i, k;

	for (i = 0; i < t->count && result == 0; i++) {
		snprintf(place, sizeof(place), "rule \"%s\"", t->lines[i].text);
		result = resolve(t, &t->lines[i].rule, place, find, arg, why);
	}
	for (i = 0; i < t->set_count && result == 0; i++)
		for (k = 0; k < t->sets[i]->count && result == 0; k++)
			result = open_plain(t->sets[i]->paths[k], &t->sets[i]->files[k], why);
	return result;
}

/* ---- reading the sets ---- */

static void note_bad(struct table *t, const struct named *n, const char *path)
{
	t->lines_bad = t->lines_bad + n->set.lines_bad;
	if (!t->bad[0])
		snprintf(t->bad, sizeof(t->bad),
		         "%.300s:%u: no address, prefix or host name; such lines (%llu in set %s) are left out", path,
		         n->set.line_bad, (unsigned long long)n->set.lines_bad, n->name);
}

static adit_result load_set(struct table *t, struct named *n)
{
	const char *bad = NULL;
	adit_result result = 0;
	uint64_t before;
	uint32_t i;

	for (i = 0; i < n->count && result == 0; i++) {
		before = n->set.lines_bad;
		result = set_read(&n->set, n->files[i]);
		fclose(n->files[i]);
		n->files[i] = NULL;
		if (!bad && n->set.lines_bad > before)
			bad = n->paths[i];
		if (result < 0)
			say(t->why, result, n->paths[i],
			    result == ADIT_ELIMIT ? "more than 256 MiB, or more than 8388608 entries in one set"
			    : result == ADIT_EIO  ? "the file cannot be read to its end"
			                          : "no memory for so many entries",
			    NULL);
	}
	if (result == 0 && (result = set_seal(&n->set)) < 0)
		say(t->why, result, n->name, "no memory for so many entries, or no random numbers", NULL);
	if (bad)
		note_bad(t, n, bad);
	return result;
}

adit_result table_load(struct table *t, char *why)
{
	adit_result result;
	uint32_t i;

	pthread_mutex_lock(&t->lock);
	for (i = 0; i < t->set_count && !t->loaded && t->result == 0; i++)
		t->result = load_set(t, t->sets[i]);
	t->loaded = 1;
	result = t->result;
	if (result < 0)
		memcpy(why, t->why, TABLE_WHY);
	pthread_mutex_unlock(&t->lock);
	return result;
}

uint64_t table_bad_lines(const struct table *t, const char **words)
{
	*words = t->bad[0] ? t->bad : NULL;
	return t->lines_bad;
}

/* ---- reading ---- */

uint32_t table_count(const struct table *t)
{
	return t->count;
}

const struct rule *table_rule(const struct table *t, uint32_t i)
{
	return i < t->count ? &t->lines[i].rule : &t->fallback.rule;
}

const char *table_text(const struct table *t, uint32_t i)
{
	return i < t->count ? t->lines[i].text : t->fallback.text;
}

uint32_t table_needs(const struct table *t)
{
	uint32_t i, needs = 0;

	for (i = 0; i < t->count; i++)
		needs |= rule_needs(&t->lines[i].rule);
	return needs;
}

uint64_t table_size(const struct table *t)
{
	uint64_t size = 0;
	uint32_t i;

	for (i = 0; i < t->set_count; i++)
		size += ranges_size(&t->sets[i]->set.ranges) + names_size(&t->sets[i]->set.names);
	return size;
}
