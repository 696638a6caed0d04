/* SPDX-License-Identifier: MIT
 * host/choice.c - which stack: what the names of the manifest stand for, and the choice where it leaves it to the host
 */
#include <stdio.h>
#include <string.h>

#include <adit/facts.h>

#include "host/choice.h"
#include "host/parts.h"

const char *const instance_protocols[STACK_PROTOCOLS] = {"tcp", "udp", "icmp"};

enum { OLDEST_ANDROID_MAJOR = 5, OLDEST_ANDROID_MINOR = 10 };
static const char kernel_module[] = "stack-system";

/* ---- what the platform knows ---- */

/* With a host its platform is asked; without one there is what the manifest says (adit/facts.h). */
static void facts_read(struct host *h, const struct conf *c, adit_facts *out)
{
	const adit_platform_facts_1 *table = h ? host_platform_interface(h, ADIT_PLATFORM_FACTS_1) : NULL;
	const struct conf_entry *platform;
	const char *text;
	size_t count;
	int32_t all = 0;

	*out = (adit_facts){.size = sizeof(*out)};
	if (ADIT_HAS(table, adit_platform_facts_1, get)) {
		table->get(out);
		return;
	}
	platform = conf_entries(c, CONF_PLATFORM, &count);
	if (!count)
		return;
	conf_config_1.truth(platform->cfg, "facts/include_all_networks", &all);
	out->include_all_networks = all != 0;
	if (conf_config_1.text(platform->cfg, "facts/system", &text, NULL) == ADIT_OK)
		snprintf(out->system, sizeof(out->system), "%s", text);
	if (conf_config_1.text(platform->cfg, "facts/release", &text, NULL) == ADIT_OK)
		snprintf(out->release, sizeof(out->release), "%s", text);
}

/* "5.4.61-android11" is; what is no number at all is not. */
static bool is_old_android(const adit_facts *f)
{
	unsigned major, minor = 0;

	return !strcmp(f->system, "android") && sscanf(f->release, "%5u.%5u", &major, &minor) >= 1 &&
	       (major < OLDEST_ANDROID_MAJOR || (major == OLDEST_ANDROID_MAJOR && minor < OLDEST_ANDROID_MINOR));
}

/* ---- what a name stands for ---- */

/* "" is the fastest that works there. */
static const char *best(const struct conf *c, const adit_facts *f, char reason[REASON_ROOM])
{
	if (f->include_all_networks) {
		snprintf(reason, REASON_ROOM, "chosen: all networks are included, so packets do not get to the kernel's own stack");
		return "lwip";
	}
	if (is_old_android(f)) {
		snprintf(reason, REASON_ROOM, "chosen: the kernel of this Android, %.24s, is older than %d.%d", f->release,
		         OLDEST_ANDROID_MAJOR, OLDEST_ANDROID_MINOR);
		return "lwip";
	}
	if (!conf_entry_find(c, CONF_STACK, "system") && conf_entry_find(c, CONF_STACK, "lwip")) {
		snprintf(reason, REASON_ROOM, "chosen: %s is not installed", kernel_module);
		return "lwip";
	}
	snprintf(reason, REASON_ROOM, "chosen: the fastest that there is");
	return "system";
}

/* "mixed" is lwIP for TCP and the system stack for the rest. */
static const char *resolve(const struct conf *c, const adit_facts *f, const char *name, unsigned protocol,
                           char reason[REASON_ROOM])
{
	if (!strcmp(name, "mixed"))
		return protocol == 0 ? "lwip" : "system";
	return *name ? name : best(c, f, reason);
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

static void not_possible(struct report *r, const char *name)
{
	report_add(r, REPORT_ERROR, &(struct report_place){.pointer = "/stack"},
	           "use \"lwip\", or \"\" to leave the choice to adit",
	           "stack \"%s\" (module %s) cannot work here: the platform includes all networks, so what is written back to the "
	           "device does not get to this machine's kernel",
	           name, kernel_module);
}

/* Each name once. */
static int are_possible(const struct conf *c, const adit_facts *f, const char *const names[STACK_PROTOCOLS],
                        struct report *r)
{
	const struct conf_entry *all;
	size_t count, k;
	unsigned i;
	int err = ADIT_OK;

	all = conf_entries(c, CONF_STACK, &count);
	for (k = 0; k < count && f->include_all_networks; k++) {
		if (!all[k].standby || strcmp(all[k].module, kernel_module))
			continue;
		not_possible(r, all[k].name);
		err = ADIT_ECONFIG;
	}
	for (i = 0; i < STACK_PROTOCOLS; i++) {
		const struct conf_entry *e = conf_entry_find(c, CONF_STACK, names[i]);

		if (e && !(f->include_all_networks && !strcmp(e->module, kernel_module)))
			continue;
		err = ADIT_ECONFIG;
		if ((i >= 1 && !strcmp(names[i], names[0])) || (i >= 2 && !strcmp(names[i], names[1])))
			continue;
		if (e)
			not_possible(r, names[i]);
		else
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
	const char *names[STACK_PROTOCOLS], *said;
	struct choice c = *out;
	adit_facts facts;
	unsigned i;
	int err;

	facts_read(h, conf, &facts);
	for (i = 0; i < STACK_PROTOCOLS; i++) {
		names[i] = c.names[i];
		if (!(protos & bit_of(i)))
			continue;
		said = wish ? wish : conf_stack_for(conf, instance_protocols[i]);
		c.chosen[i] = !*said;
		snprintf(c.reasons[i], REASON_ROOM, "%s", wish ? "swapped by hand" : "the manifest says so");
		snprintf(c.names[i], NAME_ROOM, "%s", resolve(conf, &facts, said, i, c.reasons[i]));
	}
	err = are_possible(conf, &facts, names, r);
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

int choice_check(struct host *h, const struct conf *conf, const struct choice *c, struct report *r)
{
	const char *names[STACK_PROTOCOLS];
	adit_facts facts;
	unsigned i;

	facts_read(h, conf, &facts);
	for (i = 0; i < STACK_PROTOCOLS; i++)
		names[i] = c->names[i];
	return are_possible(conf, &facts, names, r);
}

int host_stacks(const struct conf *c, struct report *r, const char *names[3])
{
	char reason[REASON_ROOM];
	adit_facts facts;
	unsigned i;

	facts_read(NULL, c, &facts);
	for (i = 0; i < STACK_PROTOCOLS; i++)
		names[i] = resolve(c, &facts, conf_stack_for(c, instance_protocols[i]), i, reason);
	return are_possible(c, &facts, names, r);
}
