/* SPDX-License-Identifier: MIT
 * adit/config.h - settings of an instance, read only
 *
 * Checked against the schema in the module's descriptor before create(), defaults filled in, so
 * these fail only on a programming error. Paths look like "server/port"; an empty path is the node
 * itself.
 */
#ifndef ADIT_CONFIG_H
#define ADIT_CONFIG_H

#include "abi.h"

ADIT_BEGIN_DECLS

#define ADIT_CONFIG_1 "adit.config/1"
/* Every function returns 0, ADIT_ENOENT (no such node) or ADIT_EINVAL (a node of another type, or a
 * path that is none), unless it says otherwise; *out is untouched on failure. What is returned by
 * pointer is the host's and lives as long as c: until destroy() for the configuration of create(),
 * or until a later reload() has succeeded. */
typedef struct adit_config_1 {
	uint32_t size;
	uint32_t zero;
	/* [any] A string, in UTF-8 and null-terminated; *len is its length in bytes without the
	 * zero. len may be null. */
	adit_result(ADIT_CALL *text)(const adit_cfg *c, const char *path, const char **out, size_t *len);
	/* [any] A number without a fraction. */
	adit_result(ADIT_CALL *integer)(const adit_cfg *c, const char *path, int64_t *out);
	/* [any] A number, with or without a fraction. */
	adit_result(ADIT_CALL *number)(const adit_cfg *c, const char *path, double *out);
	/* [any] A boolean: 1 or 0. */
	adit_result(ADIT_CALL *truth)(const adit_cfg *c, const char *path, int32_t *out);
	/* [any] Element `index`, from 0, of the array or object at path; null past the end or where
	 * there is neither. */
	const adit_cfg *(ADIT_CALL *item)(const adit_cfg *c, const char *path, uint32_t index);
	/* [any] The node with all below it as JSON text, null-terminated. len may be null. */
	adit_result(ADIT_CALL *json)(const adit_cfg *c, const char *path, const char **out, size_t *len);
	/* [any] A duration ("1.5s", "250ms", "5m", or a number of seconds) in nanoseconds. */
	adit_result(ADIT_CALL *duration)(const adit_cfg *c, const char *path, uint64_t *out);
	/* [any] The key, null-terminated, of a node that item() gave out of an object; null
	 * elsewhere. */
	const char *(ADIT_CALL *key)(const adit_cfg *c);
} adit_config_1;

ADIT_END_DECLS

#endif
