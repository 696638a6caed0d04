/* SPDX-License-Identifier: MIT
 * adit/config.h - settings of an instance, read only
 *
 * Checked against the schema in the module's descriptor before create(), defaults filled in, so these fail only
 * on a programming error. Paths look like "server/port"; an empty path is the node itself.
 */
#ifndef ADIT_CONFIG_H
#define ADIT_CONFIG_H

#include "abi.h"

ADIT_BEGIN_DECLS

#define ADIT_CONFIG_1 "adit.config/1"
/* All [any]. ADIT_ENOENT: no such node; ADIT_EINVAL: another type. Results are untouched on failure. */
typedef struct adit_config_1 {
	uint32_t size;
	uint32_t zero;
	/* *out is null-terminated and lives as long as c. len may be null. */
	adit_result(ADIT_CALL *text)(const adit_cfg *c, const char *path, const char **out, size_t *len);
	adit_result(ADIT_CALL *integer)(const adit_cfg *c, const char *path, int64_t *out);
	adit_result(ADIT_CALL *number)(const adit_cfg *c, const char *path, double *out);
	adit_result(ADIT_CALL *truth)(const adit_cfg *c, const char *path, int32_t *out);
	/* Element `index` of the array or object at path; null past the end. Lives as long as c. */
	const adit_cfg *(ADIT_CALL *item)(const adit_cfg *c, const char *path, uint32_t index);
	/* The subtree as JSON text, null-terminated; lives as long as c. */
	adit_result(ADIT_CALL *json)(const adit_cfg *c, const char *path, const char **out, size_t *len);
	/* A duration ("1.5s", "250ms", "5m", or a number of seconds) in nanoseconds. */
	adit_result(ADIT_CALL *duration)(const adit_cfg *c, const char *path, uint64_t *out);
	/* The key of a node that item() gave out of an object; null elsewhere. Lives as long as c. */
	const char *(ADIT_CALL *key)(const adit_cfg *c);
} adit_config_1;

ADIT_END_DECLS

#endif
