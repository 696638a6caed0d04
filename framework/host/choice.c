/* SPDX-License-Identifier: MIT
 * host/choice.c - which stack: what the names of the manifest stand for, and the choice where it leaves it to the host
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/choice.h"
#include "host/parts.h"

const char *const instance_protocols[STACK_PROTOCOLS] = {"tcp", "udp", "icmp"};

/* "mixed" is lwIP for TCP and the system stack for the rest. */
static const char *resolve(const char *name, unsigned protocol)
{
	if (!strcmp(name, "mixed"))
		return protocol == 0 ? "lwip" : "system";
	return *name ? name : "system";
}

static void not_installed(struct report *r, const char *name)
{
	char cure[160];

	snprintf(cure, sizeof(cure),
	         "install the package adit-module-stack-%.40s, or choose another; `adit modules` lists them", name);
	report_add(r, REPORT_ERROR, &(struct report_place){.pointer = "/stack"}, cure,
	           "stack \"%s\" is not installed: there is no module stack-%s and no entry of that name in stacks",
	           name, name);
}

static int are_there(const struct conf *c, const char *const names[STACK_PROTOCOLS], struct report *r)
{
	unsigned i;
	int err = ADIT_OK;

	for (i = 0; i < STACK_PROTOCOLS; i++) {
		if (conf_entry_find(c, CONF_STACK, names[i]))
			continue;
		err = ADIT_ECONFIG;
		if ((i < 1 || strcmp(names[i], names[0])) && (i < 2 || strcmp(names[i], names[1])))
			not_installed(r, names[i]);
	}
	return err;
}

static unsigned bit_of(unsigned protocol)
{
	return protocol == 0 ? CONF_TCP : protocol == 1 ? CONF_UDP : CONF_ICMP;
}

int choice_make(struct host *h, const struct conf *conf, const char *wish, unsigned protos, struct report *r,
                struct choice *out)
{
	const char *names[STACK_PROTOCOLS];
	const char *said;
	struct choice c = *out;
	unsigned i;
	int err;

	for (i = 0; i < STACK_PROTOCOLS; i++) {
		names[i] = c.names[i];
		if (!(protos & bit_of(i)))
			continue;
		said = wish ? wish : conf_stack_for(conf, instance_protocols[i]);
		c.chosen[i] = !*said;
		snprintf(c.names[i], NAME_ROOM, "%s", resolve(said, i));
		snprintf(c.reasons[i], REASON_ROOM, "%s",
		         !*said ? "chosen: the fastest that there is"
		         : wish ? "swapped by hand"
		                : "the manifest says so");
	}
	err = are_there(conf, names, r);
	if (!err)
		*out = c;
	return err;
}

bool choice_wants(char names[STACK_PROTOCOLS][NAME_ROOM], const struct conf_entry *e)
{
	unsigned i;

	if (e->kind != CONF_STACK || e->standby)
		return true;
	for (i = 0; i < STACK_PROTOCOLS && strcmp(names[i], e->name); i++)
		;
	return i < STACK_PROTOCOLS;
}

int host_stacks(const struct conf *c, struct report *r, const char *names[3])
{
	unsigned i;

	for (i = 0; i < STACK_PROTOCOLS; i++)
		names[i] = resolve(conf_stack_for(c, instance_protocols[i]), i);
	return are_there(c, names, r);
}
