/* SPDX-License-Identifier: MIT
 * cli/members.h - the manifest that the options of adit exec stand for
 */
#ifndef CLI_MEMBERS_H
#define CLI_MEMBERS_H

#include "cli/commands.h"
#include "cli/via.h"

/* Where the password of --via comes from; never seen by the command inside. */
#define MEMBERS_PASSWORD "ADIT_VIA_PASSWORD"

/* The members, as `"a": 1, "b": 2`, with `between` between them; the caller's to free. Null: no memory. A password is
 * not among them, but the word that asks the environment for it. v: null without --via. With `whole` also those that
 * change one value: on the way to a host they are settings, so that a manifest of -c keeps the rest of its own. */
char *members_text(const struct request *r, const struct via *v, const char *between, bool whole);
/* Those settings, for session_options. False: there are too many. */
bool members_settings(struct request *r);

#endif
