/* SPDX-License-Identifier: MIT
 * tests/lib/stackconf.h - the adit_host and the settings of stackhost
 */
#ifndef TESTS_LIB_STACKCONF_H
#define TESTS_LIB_STACKCONF_H

#include "stackhost.h"

/* Fills h->host; h->settings and h->places are asked through it. */
void stackconf_init(struct stackhost *h);

#endif
