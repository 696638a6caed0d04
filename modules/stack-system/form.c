/* SPDX-License-Identifier: MIT
 * stack-system/form.c - which form of TCP, and the listeners it needs
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "stack.h"

static const char *const names[] = {
        [FORM_AUTO] = "auto",
        [FORM_TRANSPARENT] = "transparent",
        [FORM_PRIVATE] = "private",
        [FORM_PORTABLE] = "portable",
};

const char *form_name(enum form form)
{
	return names[form];
}

/* Listeners of one port per family for all instances, each with its index in the group. */
static adit_result open_transparent_listeners(struct stack *st)
{
	struct group *g = st->group;
	adit_addr any = {.family = 4};
	uint32_t flags = ADIT_SOCK_TRANSPARENT | (st->shards > 1 ? ADIT_SOCK_REUSEPORT : 0);
	adit_result result;

	any.port = g->port[0];
	result = listen_open(st, 0, &any, flags);
	if (result != ADIT_OK)
		return result;
	any.family = 6;
	any.port = g->port[1];
	if (st->shard > 0 && !g->port[1])
		result = ADIT_OK; /* the first instance found no IPv6 */
	else if (listen_open(st, 1, &any, flags) != ADIT_OK && st->shard > 0)
		return ADIT_EIO;
	g->port[0] = st->listeners[0].addr.port;
	g->port[1] = st->listeners[1].addr.family ? st->listeners[1].addr.port : 0;
	return ADIT_OK;
}

static const char *device_name(const struct stack *st)
{
	const char *name = NULL;

	if (st->config->text(st->cfg, "device", &name, NULL) == ADIT_OK && *name)
		return name;
	return ADIT_HAS(st->places, adit_place_1, device_name) ? st->places->device_name() : NULL;
}

static adit_result attach_queues(struct stack *st)
{
	adit_result result = ADIT_OK;
	int i;

	for (i = 0; i < 2 && result == ADIT_OK && st->shards > 1; i++)
		if (st->listeners[i].addr.family)
			result = steer_queues(st->listeners[i].fd);
	return result;
}

/* Never a reason to fail: everything works without it, only slower. */
static void open_shortcut(struct stack *st, struct group *g)
{
	char why[160] = "";
	int32_t wanted = 1;

	st->config->truth(st->cfg, "shortcut", &wanted);
	if (!wanted)
		return;
	if (shortcut_set(st, g, why, sizeof(why)) == ADIT_OK)
		say(st, ADIT_LOG_DEBUG, "segments of accepted connections stay in the kernel (%s)", g->second);
	else
		say(st, ADIT_LOG_INFO, "no shortcut in the kernel, every packet takes the long way: %s", why);
}

static adit_result open_transparent(struct stack *st, char *why, size_t room)
{
	struct group *g = st->group;
	const char *device = device_name(st);
	int32_t allowed = 0;
	adit_result result;

	if (!device || strlen(device) >= sizeof(g->device)) {
		snprintf(why, room, "the platform does not say its device's name; set \"device\"");
		return ADIT_ECONFIG;
	}
	st->config->truth(st->cfg, "allow_rules", &allowed);
	if (!allowed &&
	    !(ADIT_HAS(st->places, adit_place_1, ours) && st->places->ours(st->place))) {
		snprintf(why, room,
		         "its rules would be made in a namespace that is not adit's own; set "
		         "\"allow_rules\" if they may be");
		return ADIT_EPERM;
	}
	snprintf(why, room,
	         "no transparent listener could be made (CAP_NET_ADMIN in the device's namespace)");
	result = open_transparent_listeners(st);
	if (result != ADIT_OK || st->shard > 0)
		return result;
	snprintf(g->device, sizeof(g->device), "%s", device);
	g->place = st->place;
	snprintf(why, room, "the queues' numbers cannot pick a listener");
	result = attach_queues(st);
	if (result != ADIT_OK)
		return result;
	snprintf(why, room, "the rules were refused");
	result = steer_set(st, g, why, room);
	if (result == ADIT_OK)
		open_shortcut(st, g);
	return result;
}

/* What the manifest says, or else the device's first address of the family. ADIT_ENOENT: neither. */
static adit_result own_address(const struct stack *st, int which, const char *key, adit_addr *own,
                               uint32_t *prefix)
{
	uint8_t family = which ? 6 : 4;
	const char *text = NULL;
	adit_result result;
	uint32_t n;

	if (st->config->text(st->cfg, key, &text, NULL) == ADIT_OK && *text) {
		result = alias_parse(text, own, prefix);
		return result == ADIT_OK && own->family != family ? ADIT_ECONFIG : result;
	}
	if (!ADIT_HAS(st->places, adit_place_1, device_address))
		return ADIT_ENOENT;
	for (n = 0; st->places->device_address(n, own, prefix) == ADIT_OK; n++)
		if (own->family == family)
			return ADIT_OK;
	return ADIT_ENOENT;
}

static adit_result open_portable_family(struct stack *st, int which, const char *key)
{
	char text[INET6_ADDRSTRLEN] = "the value";
	uint32_t prefix = 0;
	adit_addr own;
	adit_result result = own_address(st, which, key, &own, &prefix);

	if (result == ADIT_ENOENT)
		return result;
	if (result == ADIT_OK) {
		inet_ntop(which ? AF_INET6 : AF_INET, own.ip, text, sizeof(text));
		result = alias_init(&st->aliases[which], &own, prefix, st->slot_count);
	}
	if (result != ADIT_OK)
		return fail(st, result,
		            "%s: %s/%u is not an address with room for a peer beside it; at least "
		            "a /30 or a /126",
		            key, text, prefix);
	result = listen_open(st, (uint32_t)which, &own, 0);
	if (result != ADIT_OK)
		return fail(st, result,
		            "%s: no listener could be made at %s; is it the device's own address?",
		            key, text);
	return ADIT_OK;
}

static adit_result open_portable(struct stack *st)
{
	adit_result v4, v6;

	if (st->shards > MEMBERS_MOST)
		return fail(st, ADIT_ECONFIG, "form \"portable\" serves %d shards at most, not %u",
		            MEMBERS_MOST, st->shards);
	v4 = open_portable_family(st, 0, "address4");
	if (v4 != ADIT_OK && v4 != ADIT_ENOENT)
		return v4;
	v6 = open_portable_family(st, 1, "address6");
	if (v6 != ADIT_OK && v6 != ADIT_ENOENT)
		return v6;
	if (v4 == ADIT_ENOENT && v6 == ADIT_ENOENT)
		return fail(st, ADIT_ECONFIG,
		            "form \"portable\" needs the device's own address and prefix, which the "
		            "platform does not tell; set address4 or address6");
	return ADIT_OK;
}

static enum form wanted(const struct stack *st)
{
	const char *text = "auto";
	unsigned i;

	st->config->text(st->cfg, "form", &text, NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum form)i;
	return FORM_AUTO;
}

static adit_result open_one(struct stack *st, enum form form, char *why, size_t room)
{
	adit_result result;

	st->form = form;
	*why = 0;
	switch (form) {
	case FORM_TRANSPARENT:
		result = open_transparent(st, why, room);
		return result == ADIT_OK ? result
		                         : fail(st, result, "form \"transparent\": %s", why);
	case FORM_PRIVATE:
		return inner_open(st);
	default:
		return open_portable(st);
	}
}

/* "auto" does not try again what has failed its self-test. */
static int has_failed(const struct stack *st, enum form form)
{
	return st->wanted == FORM_AUTO && __atomic_load_n(&st->group->record->failed, __ATOMIC_RELAXED) >> form & 1;
}

static void append(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t room, const char *format, ...)
{
	size_t size = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + size, room - size, format, args);
	va_end(args);
}

adit_result form_open(struct stack *st)
{
	enum form form = st->shard > 0 ? st->group->form : wanted(st), first = form, last = form;
	char why[256] = "", said[400] = "";
	adit_result result = ADIT_ENOSYS;
	int tried = 0;

	st->wanted = wanted(st);
	if (form == FORM_AUTO) {
		first = FORM_TRANSPARENT;
		last = FORM_PORTABLE;
	}
	for (form = first; form <= last; form++) {
		if (!st->shard && has_failed(st, form)) {
			append(said, sizeof(said), "; not %s: its self-test failed", names[form]);
			continue;
		}
		tried = 1;
		result = open_one(st, form, why, sizeof(why));
		if (result == ADIT_OK)
			break;
		listen_close(st);
		inner_close(st);
		st->place = st->places->device();
		if (*why)
			append(said, sizeof(said), "; not %s: %s", names[form], why);
	}
	if (!tried)
		return fail(st, ADIT_ENOSYS, "no form of TCP works here: the self-test of each has failed");
	if (result != ADIT_OK)
		return result;
	st->group->form = st->form;
	if (st->shard == 0)
		say(st, ADIT_LOG_INFO, "TCP is ended in form \"%s\"%s%s", names[st->form],
		    first == last ? " as configured" : "", first == last ? "" : said);
	return ADIT_OK;
}
