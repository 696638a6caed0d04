/* SPDX-License-Identifier: MIT
 * handler-rules/holds.c - does a rule hold for a flow?
 *
 * Three answers: yes, no, and "that depends on what is not known yet". A term that is known not to hold ends it, so
 * nothing is found out for a rule that cannot hold anyway.
 */
#include <string.h>

#include "rule.h"

static int in_spans(const struct term *t, uint32_t x)
{
	uint32_t i;

	for (i = 0; i < t->count; i++)
		if (x >= t->u.spans[i].from && x <= t->u.spans[i].to)
			return 1;
	return 0;
}

static int in_addresses(const struct term *t, const adit_addr *addr)
{
	uint32_t i;

	if (t->own && ranges_hold(&t->own->ranges, addr))
		return 1;
	for (i = 0; i < t->set_count; i++)
		if (ranges_hold(&t->sets[i]->ranges, addr))
			return 1;
	return 0;
}

static int in_names(const struct term *t, const char *name, uint32_t size)
{
	uint32_t i;

	if (t->own && names_hold(&t->own->names, name, size))
		return 1;
	for (i = 0; i < t->set_count; i++)
		if (names_hold(&t->sets[i]->names, name, size))
			return 1;
	return 0;
}

/* A text with a slash is the program's path, else the last part of it, or the short name of the process. */
static int is_process(const struct term *t, const adit_owner *o)
{
	const char *file = strrchr(o->path, '/');
	uint32_t i;

	for (i = 0; i < t->count; i++) {
		const char *text = t->u.texts[i];

		if (strchr(text, '/') ? !strcmp(text, o->path)
		                      : (file && !strcmp(text, file + 1)) || !strcmp(text, o->name))
			return 1;
	}
	return 0;
}

/* The group itself and those below it. */
static int in_cgroup(const struct term *t, const adit_owner *o)
{
	size_t size;
	uint32_t i;

	for (i = 0; i < t->count; i++) {
		size = strlen(t->u.texts[i]);
		if (size && t->u.texts[i][size - 1] == '/')
			size--;
		if (!strncmp(o->cgroup, t->u.texts[i], size) && (!o->cgroup[size] || o->cgroup[size] == '/'))
			return o->cgroup[0] != 0;
	}
	return 0;
}

static int owner_holds(const struct term *t, const adit_owner *o)
{
	switch (t->key) {
	case TERM_USER:
		return in_spans(t, o->uid);
	case TERM_GROUP:
		return o->pid && in_spans(t, o->gid);
	case TERM_PROCESS:
		return is_process(t, o);
	default:
		return in_cgroup(t, o);
	}
}

static int has_ports(const adit_flow_info *info)
{
	return info->proto == ADIT_PROTO_TCP || info->proto == ADIT_PROTO_UDP;
}

static uint32_t proto_of(const adit_flow_info *info)
{
	return info->proto == ADIT_PROTO_ICMPV6 ? ADIT_PROTO_ICMP : info->proto;
}

static enum rule_answer term_holds(const struct term *t, const struct subject *s)
{
	const adit_flow_info *info = s->info;

	switch (t->key) {
	case TERM_PROTO:
		return in_spans(t, proto_of(info)) ? RULE_YES : RULE_NO;
	case TERM_PORT:
		return has_ports(info) && in_spans(t, info->dst.port) ? RULE_YES : RULE_NO;
	case TERM_SOURCE_PORT:
		return has_ports(info) && in_spans(t, info->src.port) ? RULE_YES : RULE_NO;
	case TERM_DST:
		return in_addresses(t, &info->dst) ? RULE_YES : RULE_NO;
	case TERM_SRC:
		return in_addresses(t, &info->src) ? RULE_YES : RULE_NO;
	case TERM_DOMAIN:
		if (!(s->known & KNOWN_NAME))
			return RULE_ASK_NAME;
		return s->name && in_names(t, s->name, s->name_size) ? RULE_YES : RULE_NO;
	case TERM_OVER:
		return RULE_YES;
	default:
		if (!(s->known & KNOWN_OWNER))
			return RULE_ASK_OWNER;
		return s->owner && owner_holds(t, s->owner) ? RULE_YES : RULE_NO;
	}
}

enum rule_answer rule_holds(const struct rule *r, const struct subject *s)
{
	enum rule_answer all = RULE_YES;
	uint32_t i;

	for (i = 0; i < r->term_count; i++) {
		enum rule_answer one = term_holds(&r->terms[i], s);

		if (r->terms[i].negated && one <= RULE_YES)
			one = one == RULE_YES ? RULE_NO : RULE_YES;
		if (one == RULE_NO)
			return RULE_NO;
		if (one != RULE_YES && all == RULE_YES)
			all = one; /* the owner stands before the name: it costs the flow nothing */
	}
	return all;
}

const struct term *rule_over(const struct rule *r)
{
	uint32_t i;

	for (i = 0; i < r->term_count; i++)
		if (r->terms[i].key == TERM_OVER)
			return &r->terms[i];
	return NULL;
}

uint32_t rule_needs(const struct rule *r)
{
	uint32_t i, needs = 0;

	for (i = 0; i < r->term_count; i++) {
		if (r->terms[i].key == TERM_DOMAIN)
			needs |= KNOWN_NAME;
		else if (r->terms[i].key >= TERM_USER && r->terms[i].key <= TERM_CGROUP)
			needs |= KNOWN_OWNER;
	}
	return needs;
}
