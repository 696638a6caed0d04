/* SPDX-License-Identifier: MIT
 * conf/schema_combine.c - the keywords that join schemas: allOf anyOf oneOf not, if then else
 */
#include <string.h>

#include "conf/schema_parts.h"

static const struct adit_cfg *branches_of(const struct adit_cfg *schema, const char *key)
{
	const struct adit_cfg *n = node_find(schema, key);

	return n && n->type == NODE_LIST ? n : NULL;
}

static bool all_of(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	const struct adit_cfg *branches = branches_of(schema, "allOf");
	bool fine = true;
	uint32_t i;

	for (i = 0; branches && i < branches->count; i++)
		fine = schema_apply(run, n, branches->items[i], true) && fine;
	return fine;
}

static const struct adit_cfg *through_refs(const struct schema_run *run,
                                           const struct adit_cfg *schema)
{
	unsigned hops;
	const char *ref;

	for (hops = 0; schema && hops < 8; hops++) {
		ref = node_find_text(schema, "$ref");
		if (!ref)
			return schema;
		schema = schema_resolve(run->root, ref);
	}
	return schema;
}

/* None of the branches fits. If just one is about values of n's type, its complaints are the
 * helpful ones. */
static bool fail_any(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *branches)
{
	const struct adit_cfg *only = NULL, *branch;
	char brief[80], words[160], cure[500];
	unsigned candidates = 0;
	size_t size = 0;
	uint32_t i;

	if (!run->report)
		return false;
	for (i = 0; i < branches->count; i++) {
		branch = through_refs(run, branches->items[i]);
		if (branch && branch->type == NODE_OBJECT && node_find(branch, "type") &&
		    schema_allows_type(n, branch)) {
			only = branches->items[i];
			candidates++;
		}
	}
	if (candidates == 1)
		return schema_apply(run, n, only, true) && false;
	for (i = 0; i < branches->count && size + sizeof(words) + 8 < sizeof(cure); i++)
		size += (size_t)snprintf(
			cure + size, sizeof(cure) - size, "%s%s", i ? ", or " : "must be ",
			schema_words(run->root, branches->items[i], words, sizeof(words)));
	node_report(run->report, REPORT_ERROR, n, AT_VALUE, size ? cure : NULL,
	            "%s has none of the forms allowed here", node_brief(n, brief, sizeof(brief)));
	return false;
}

/* anyOf and oneOf: find out quietly which branches fit, then apply the first of them in earnest. */
static bool some_of(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *branches,
                    bool just_one)
{
	const struct adit_cfg *chosen = NULL;
	char brief[80];
	unsigned fits = 0;
	uint32_t i;

	if (!branches)
		return true;
	for (i = 0; i < branches->count && !run->err; i++) {
		if (!schema_try(run, n, branches->items[i]))
			continue;
		chosen = chosen ? chosen : branches->items[i];
		fits++;
	}
	if (!chosen)
		return fail_any(run, n, branches);
	if (just_one && fits > 1) {
		if (run->report)
			node_report(run->report, REPORT_ERROR, n, AT_VALUE, "make it fit just one",
			            "%s fits %u of the forms that exclude each other here",
			            node_brief(n, brief, sizeof(brief)), fits);
		return false;
	}
	return !run->report || schema_apply(run, n, chosen, true);
}

static bool conditional(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	const struct adit_cfg *condition = node_find(schema, "if"), *branch;

	if (!condition)
		return true;
	branch = node_find(schema, schema_try(run, n, condition) ? "then" : "else");
	return !branch || schema_apply(run, n, branch, true);
}

bool schema_combine(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema)
{
	const struct adit_cfg *never = node_find(schema, "not");
	char brief[80];
	bool fine = all_of(run, n, schema);

	fine = some_of(run, n, branches_of(schema, "anyOf"), false) && fine;
	fine = some_of(run, n, branches_of(schema, "oneOf"), true) && fine;
	fine = conditional(run, n, schema) && fine;
	if (never && schema_try(run, n, never)) {
		fine = false;
		if (run->report)
			node_report(run->report, REPORT_ERROR, n, AT_VALUE, NULL,
			            "%s is excluded here", node_brief(n, brief, sizeof(brief)));
	}
	return fine;
}
