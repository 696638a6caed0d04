/* SPDX-License-Identifier: MIT
 * conf/match.c - a handler's "match" as numbers
 */
#include "conf/match.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(const struct adit_cfg *n)
{
	return !n ? 0 : n->type == NODE_LIST ? n->count : 1;
}

static const struct adit_cfg *one_of(const struct adit_cfg *n, size_t i)
{
	return n->type == NODE_LIST ? n->items[i] : n;
}

static unsigned read_protos(const struct adit_cfg *n)
{
	static const struct {
		const char *name;
		unsigned bit;
	} protos[] = {{"tcp", CONF_TCP}, {"udp", CONF_UDP}, {"icmp", CONF_ICMP}};
	unsigned out = 0;
	size_t i, k;

	for (i = 0; i < count_of(n); i++)
		for (k = 0; k < 3 && one_of(n, i)->type == NODE_TEXT; k++)
			if (!strcmp(one_of(n, i)->text, protos[k].name))
				out |= protos[k].bit;
	return out ? out : CONF_TCP | CONF_UDP | CONF_ICMP;
}

/* "80" or "8000-8080", whose form the schema has checked. */
static bool read_port(const struct adit_cfg *n, struct conf_ports *out)
{
	long long from, to;
	char *end;

	if (n->type == NODE_TEXT) {
		from = to = strtol(n->text, &end, 10);
		if (*end == '-')
			to = strtol(end + 1, &end, 10);
		if (*end || end == n->text)
			return false;
	} else if (n->type == NODE_INTEGER) {
		from = to = n->integer;
	} else {
		return false;
	}
	if (from < 1 || to > 65535 || from > to)
		return false;
	out->from = (uint16_t)from;
	out->to = (uint16_t)to;
	return true;
}

static int read_ports(struct arena *a, struct conf_match *out, const struct adit_cfg *n,
                      struct report *r)
{
	size_t count = count_of(n), i;
	struct conf_ports *ports = arena_alloc(a, (count + 1) * sizeof(*ports));
	char brief[80];
	int err = 0;

	if (!ports)
		return ADIT_ENOMEM;
	for (i = 0; i < count; i++) {
		if (read_port(one_of(n, i), &ports[out->port_count])) {
			out->port_count++;
			continue;
		}
		if (one_of(n, i)->type == NODE_TEXT)
			node_report(r, REPORT_ERROR, one_of(n, i), AT_VALUE,
			            "ports are 1 to 65535, and a range goes upwards: \"8000-8080\"",
			            "%s is not a port or a range",
			            node_brief(one_of(n, i), brief, sizeof(brief)));
		err = ADIT_ECONFIG;
	}
	out->ports = ports;
	return err;
}

/* An address inside a network was written: show the network. */
static void fail_prefix(const struct adit_cfg *n, const struct format_prefix *p, struct report *r)
{
	char text[INET6_ADDRSTRLEN], cure[100], brief[80];
	uint8_t ip[16];
	size_t i;

	for (i = 0; i < sizeof(ip); i++)
		ip[i] = i * 8 >= p->bits
		                ? 0
		                : (uint8_t)(p->ip[i] &
		                            (p->bits - i * 8 >= 8 ? 0xff
		                                                  : 0xff00 >> (p->bits - i * 8)));
	inet_ntop(p->family == 4 ? AF_INET : AF_INET6, ip, text, sizeof(text));
	snprintf(cure, sizeof(cure), "did you mean \"%s/%u\"?", text, p->bits);
	node_report(r, REPORT_ERROR, n, AT_VALUE, cure, "%s has bits beyond its length",
	            node_brief(n, brief, sizeof(brief)));
}

static int read_prefixes(struct arena *a, struct conf_match *out, const struct adit_cfg *n,
                         struct report *r)
{
	size_t count = count_of(n), i;
	struct format_prefix *prefixes = arena_alloc(a, (count + 1) * sizeof(*prefixes));
	int err = 0;

	if (!prefixes)
		return ADIT_ENOMEM;
	for (i = 0; i < count; i++) {
		const struct adit_cfg *one = one_of(n, i);

		if (one->type != NODE_TEXT ||
		    !format_cidr(one->text, &prefixes[out->prefix_count])) {
			err = ADIT_ECONFIG; /* the schema has said so */
		} else if (!format_prefix_is_net(&prefixes[out->prefix_count])) {
			fail_prefix(one, &prefixes[out->prefix_count], r);
			err = ADIT_ECONFIG;
		} else {
			out->prefix_count++;
		}
	}
	out->prefixes = prefixes;
	return err;
}

int match_make(struct arena *a, struct conf_match *out, const struct adit_cfg *n, struct report *r)
{
	int err, other;

	memset(out, 0, sizeof(*out));
	out->protos = read_protos(node_find(n, "proto"));
	err = read_ports(a, out, node_find(n, "port"), r);
	other = err == ADIT_ENOMEM ? 0 : read_prefixes(a, out, node_find(n, "address"), r);
	return other ? other : err;
}
