/* SPDX-License-Identifier: MIT
 * conf/manifest.h - the host's own schema, made from manifest.schema.json when adit is built
 */
#ifndef CONF_MANIFEST_H
#define CONF_MANIFEST_H

#include "conf/node.h"

extern const char manifest_schema_text[];

/* As nodes; null: no memory. */
struct adit_cfg *manifest_schema(struct arena *a, struct report *r);

#endif
