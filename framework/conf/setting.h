/* SPDX-License-Identifier: MIT
 * conf/setting.h - values from the command line put into a manifest
 */
#ifndef CONF_SETTING_H
#define CONF_SETTING_H

#include "conf/conf.h"
#include "conf/node.h"

/* ADIT_ECONFIG (findings in r), ADIT_ENOMEM. */
int setting_apply(struct arena *a, struct adit_cfg *root, const struct conf_setting *setting,
                  struct report *r);

#endif
