/* SPDX-License-Identifier: MIT
 * host/choice.h - which stack gets which protocol, and why
 */
#ifndef HOST_CHOICE_H
#define HOST_CHOICE_H

#include "host/instance.h"

enum { REASON_ROOM = 128 };

struct choice {
	char names[STACK_PROTOCOLS][NAME_ROOM];
	char reasons[STACK_PROTOCOLS][REASON_ROOM];
	bool chosen[STACK_PROTOCOLS]; /* by the host: "" */
};

/* [control] What wish ("stack" of the manifest in one word), or for null what conf says, means for the protocols of the
 * mask (CONF_TCP and so on); *out is left alone for the others. ADIT_ECONFIG, explained in r: not installed, or not possible
 * on this platform. */
int choice_make(struct host *h, const struct conf *conf, const char *wish, unsigned protos, struct report *r,
                struct choice *out);
/* Whether an entry is to have an instance: all but stacks that no protocol is given to and that are not kept ready. */
bool choice_wants(char names[STACK_PROTOCOLS][NAME_ROOM], const struct conf_entry *e);
/* [control] Whether a choice that has been made is possible with another manifest: 0 or ADIT_ECONFIG, explained in r. */
int choice_check(struct host *h, const struct conf *conf, const struct choice *c, struct report *r);

#endif
