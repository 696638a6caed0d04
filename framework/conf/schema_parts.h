/* SPDX-License-Identifier: MIT
 * conf/schema_parts.h - what the files of the validator share
 */
#ifndef CONF_SCHEMA_PARTS_H
#define CONF_SCHEMA_PARTS_H

#include "conf/schema.h"

/* As schema_validate(). open: the schema is one of several about the same object, so it may not
 * close it. */
bool schema_apply(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema,
                  bool open);
/* As schema_apply(), without findings or changes. */
bool schema_try(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema);

/* The keywords for one kind of value each; true where n is of another kind. */
bool schema_object(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema,
                   bool open);
bool schema_list(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema);
bool schema_text(struct schema_run *run, const struct adit_cfg *n, const struct adit_cfg *schema);
bool schema_number(struct schema_run *run, const struct adit_cfg *n, const struct adit_cfg *schema);
/* Whether count is within the two keywords; what is for the finding: "items". */
bool schema_count(struct schema_run *run, const struct adit_cfg *n, const struct adit_cfg *schema, int64_t count,
                  const char *least_key, const char *most_key, const char *what);
/* allOf anyOf oneOf not if then else */
bool schema_combine(struct schema_run *run, struct adit_cfg *n, const struct adit_cfg *schema);

/* Whether n is of the type that a "type" keyword names. */
bool schema_is_type(const struct adit_cfg *n, const char *type);
/* Whether the schema's own "type" allows n's; true without one. */
bool schema_allows_type(const struct adit_cfg *n, const struct adit_cfg *schema);

/* Whether text has a part that the expression describes; false with run->err or a finding on
 * failure. */
bool schema_matches(struct schema_run *run, const struct adit_cfg *n, const char *expression,
                    const char *text);

#endif
