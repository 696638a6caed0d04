/* SPDX-License-Identifier: MIT
 * load/verify.h - the tables of a loaded module, checked once against its descriptor
 */
#ifndef LOAD_VERIFY_H
#define LOAD_VERIFY_H

#include "load/candidate.h"
#include "load/image.h"

/* Checks what the image exports. ADIT_ECONFIG, explained in the report; *root only on success. */
int verify_image(const struct image *image, const struct candidate *c, struct report *report,
                 const adit_module **root);

#endif
