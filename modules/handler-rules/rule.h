/* SPDX-License-Identifier: MIT
 * handler-rules/rule.h - one rule: what is done with a flow, and the terms that must all hold for it
 *
 *     via proxy proto tcp port 80,443 domain .example.org,@work
 *     reject not user root dst 10.0.0.0/8
 *
 * docs/RULES.md has the language. A term may need what is not known yet (the name that a flow goes to, whose it is):
 * then the answer is to find out and ask again.
 */
#ifndef RULES_RULE_H
#define RULES_RULE_H

#include <adit/owner.h>

#include "set.h"

enum { RULE_LINE_MOST = 4096, RULE_WORDS_MOST = 64, RULE_TERMS_MOST = 16, RULE_NAME_MOST = 32, RULE_WHY = 256 };

enum rule_action { RULE_VIA, RULE_REJECT, RULE_DROP, RULE_PASS };

/* In the order in which they are looked at: the dear ones last. */
enum term_key {
	TERM_PROTO,
	TERM_PORT,
	TERM_SOURCE_PORT,
	TERM_DST,
	TERM_SRC,
	TERM_USER,
	TERM_GROUP,
	TERM_PROCESS,
	TERM_CGROUP,
	TERM_DOMAIN,
	TERM_OVER,
	TERM_KEYS
};

struct span {
	uint32_t from, to;
};

struct term {
	uint8_t key, negated;
	uint32_t count; /* of spans or texts */
	union {
		struct span *spans; /* PROTO, the ports, USER, GROUP */
		char **texts;       /* PROCESS, CGROUP */
		uint32_t rate;      /* OVER: new flows of one source per second */
	} u;
	struct set *own;         /* DST, SRC, DOMAIN: what is written in the rule; may be null */
	const struct set **sets; /* the named ones; the first is unnamed[0], ... until they are resolved */
	char (*names)[RULE_NAME_MOST + 1];
	uint32_t set_count;
};

struct rule {
	uint8_t action;
	uint8_t connect_first; /* 0, 1, or 2: as the module is set */
	adit_result code;      /* of REJECT */
	int32_t outbound;      /* of VIA: its number; filled in by the table */
	uint32_t term_count;
	char via[RULE_NAME_MOST + 1]; /* "": the default outbound */
	char stack[RULE_NAME_MOST + 1]; /* "": as the manifest says */
	struct term terms[RULE_TERMS_MOST];
};

/* What is known of a flow. */
struct subject {
	const adit_flow_info *info;
	const char *name; /* null: it has none, if KNOWN_NAME */
	uint32_t name_size;
	uint32_t known; /* KNOWN_... */
	const adit_owner *owner; /* null: it has none, if KNOWN_OWNER */
};
enum { KNOWN_NAME = 1, KNOWN_OWNER = 2 };

enum rule_answer { RULE_NO, RULE_YES, RULE_ASK_NAME, RULE_ASK_OWNER };

/* [any] Splits a line into words, in place: white space parts them, "..." holds them together, # ends the line. Returns
 * how many there are; negative: ADIT_EINVAL (a quote without its end) or ADIT_ELIMIT (more than `most`). */
int32_t rule_words(char *line, char **words, uint32_t most);
/* [control] Reads a rule out of its words; what hangs on it is freed by rule_fini, also after a failure. Users and
 * groups are looked up. ADIT_ECONFIG with the reason in why (RULE_WHY bytes), ADIT_ENOMEM. */
adit_result rule_read(struct rule *out, char **words, uint32_t n, char *why);
/* [any] Reads an action alone ("reject host"), for the default. */
adit_result rule_read_action(struct rule *out, char **words, uint32_t n, char *why);
void rule_fini(struct rule *r);

/* [any] Does the rule hold for the subject? OVER is not looked at: rule_rate() says if there is one. */
enum rule_answer rule_holds(const struct rule *r, const struct subject *s);
/* [any] The term OVER of a rule, or null. */
const struct term *rule_over(const struct rule *r);
/* [any] KNOWN_... that the rule's terms need. */
uint32_t rule_needs(const struct rule *r);

#endif
