/* SPDX-License-Identifier: MIT
 * conf/wiped.h - jansson's memory, wiped when it is freed
 */
#ifndef CONF_WIPED_H
#define CONF_WIPED_H

/* Takes null, and what malloc() gave. */
void wiped_free(void *mem);

/* Has jansson free by wiped_free(); calls after the first do nothing. From any thread. */
void wiped_json(void);

#endif
