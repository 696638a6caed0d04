/* SPDX-License-Identifier: MIT
 * packet/policy.c - the default address policy
 *
 * An address gets a class from a table; the class decides. IPv6 addresses that carry an IPv4 address are judged
 * by that one as well, since a translator or tunnel on the way would deliver to it.
 */
#include "packet/policy.h"

#include <string.h>

enum class {
	UNICAST,
	PRIVATE,   /* private and shared space: reachable unless only public addresses are */
	LOOPBACK,
	LOCAL,     /* link-local, metadata services: reaches who must not be reached by accident */
	MULTICAST, /* opened for UDP only */
	NOBODY     /* nothing legal is there: "this network", reserved, broadcast, mapped on the wire */
};

struct row {
	uint8_t ip[16];
	uint8_t bits;
	uint8_t class;
};

/* First match wins. */
static const struct row table4[] = {
	{{0}, 8, NOBODY},                      /* this network (RFC 1122 section 3.2.1.3) */
	{{127}, 8, LOOPBACK},
	{{169, 254}, 16, LOCAL},               /* link-local, the metadata services of clouds among it */
	{{100, 100, 100, 200}, 32, LOCAL},     /* a metadata service */
	{{192, 0, 0, 192}, 32, LOCAL},         /* another */
	{{255, 255, 255, 255}, 32, NOBODY},    /* broadcast */
	{{240}, 4, NOBODY},                    /* class E */
	{{224}, 4, MULTICAST},
	{{10}, 8, PRIVATE},                    /* RFC 1918, and the two below */
	{{172, 16}, 12, PRIVATE},
	{{192, 168}, 16, PRIVATE},
	{{100, 64}, 10, PRIVATE},              /* shared (RFC 6598) */
	{{198, 18}, 15, PRIVATE},              /* for benchmarks (RFC 2544), and what devices are given */
};

static const struct row table6[] = {
	{{0}, 128, NOBODY},
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, LOOPBACK},
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, NOBODY}, /* mapped: never on the wire (RFC 6890) */
	{{0xfe, 0x80}, 10, LOCAL},
	{{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, LOCAL}, /* a metadata service */
	{{0xfd, 0x20, 0, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, LOCAL},    /* another */
	{{0xff}, 8, MULTICAST},
	{{0xfc}, 7, PRIVATE}, /* RFC 4193 */
};

/* IPv6 forms that carry an IPv4 address, and where. */
static const struct {
	uint8_t ip[16];
	uint8_t bits, at, invert;
} carriers[] = {
	{{0}, 96, 12, 0},                                           /* compatible (RFC 4291 section 2.5.5.1) */
	{{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12, 0},          /* translated (RFC 2765) */
	{{0, 0x64, 0xff, 0x9b}, 96, 12, 0},                         /* NAT64 (RFC 6052) */
	{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, 12, 0},                   /* NAT64, local use (RFC 8215), as /96 */
	{{0x20, 0x02}, 16, 2, 0},                                   /* 6to4 (RFC 3056) */
	{{0x20, 0x01, 0, 0}, 32, 4, 0},                             /* Teredo's server (RFC 4380) */
	{{0x20, 0x01, 0, 0}, 32, 12, 0xff},                         /* Teredo's client, inverted */
};

static bool has_prefix(const uint8_t *ip, const uint8_t *prefix, unsigned bits)
{
	unsigned rest = bits % 8;

	if (memcmp(ip, prefix, bits / 8) != 0)
		return false;
	return rest == 0 || (ip[bits / 8] ^ prefix[bits / 8]) >> (8 - rest) == 0;
}

static enum class look_up(const struct row *table, size_t rows, const uint8_t *ip)
{
	size_t i;

	for (i = 0; i < rows; i++)
		if (has_prefix(ip, table[i].ip, table[i].bits))
			return table[i].class;
	return UNICAST;
}

/* The last address of one of the device's prefixes: the broadcast address of that net. */
static bool is_net_broadcast(const struct policy *policy, const uint8_t *ip)
{
	const struct prefix *p = prefix_set_find(&policy->device, 4, ip);
	uint32_t ones;

	if (!p || p->bits > 30)
		return false;
	ones = 0xffffffffu >> p->bits;
	return (((uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3]) & ones) == ones;
}

static enum class class4(const struct policy *policy, const uint8_t *ip)
{
	if (is_net_broadcast(policy, ip))
		return NOBODY;
	return look_up(table4, sizeof(table4) / sizeof(table4[0]), ip);
}

static enum class class_of(const struct policy *policy, uint8_t family, const uint8_t *ip)
{
	return family == 4 ? class4(policy, ip) : look_up(table6, sizeof(table6) / sizeof(table6[0]), ip);
}

static bool open_by_word(const struct policy *policy, enum class class, uint8_t proto, bool from_device)
{
	switch (class) {
	case LOOPBACK: /* has no business on a wire (RFC 1122 section 3.2.1.3) */
		return !from_device && policy->words & POLICY_LOOPBACK;
	case LOCAL:
		return policy->words & POLICY_LINK_LOCAL;
	case MULTICAST:
		return policy->words & POLICY_MULTICAST && proto == ADIT_PROTO_UDP;
	case PRIVATE:
		return !(policy->words & POLICY_PUBLIC);
	default:
		return class == UNICAST;
	}
}

/* A destination of one address, without what it may carry. */
static bool may_reach(const struct policy *policy, uint8_t family, uint8_t proto, const uint8_t *ip, bool from_device)
{
	enum class class = class_of(policy, family, ip);
	bool allowed = prefix_set_find(&policy->allow, family, ip) != NULL;
	bool devices = from_device && prefix_set_find(&policy->device, family, ip);

	if (class == NOBODY || prefix_set_find(&policy->deny, family, ip))
		return false;
	if (class == MULTICAST && allowed)
		return proto == ADIT_PROTO_UDP;
	if (allowed || (devices && class != MULTICAST))
		return true;
	if (!open_by_word(policy, class, proto, from_device))
		return false;
	return policy->words & POLICY_HOST || class == LOOPBACK || !prefix_set_find(&policy->host, family, ip);
}

/* The IPv4 address that ip carries in the way of carriers[i]; false: it does not. */
static bool carried(size_t i, const uint8_t *ip, uint8_t out[4])
{
	size_t k;

	if (!has_prefix(ip, carriers[i].ip, carriers[i].bits))
		return false;
	for (k = 0; k < 4; k++)
		out[k] = ip[carriers[i].at + k] ^ carriers[i].invert;
	return true;
}

/* ISATAP (RFC 5214 section 6.1) has its mark in the interface identifier, under any prefix. */
static bool is_isatap(const uint8_t *ip)
{
	return (ip[8] & 0xfd) == 0 && ip[9] == 0 && ip[10] == 0x5e && ip[11] == 0xfe;
}

static bool destination_ok(const struct policy *policy, uint8_t family, uint8_t proto, const uint8_t *ip,
                           bool from_device)
{
	uint8_t inner[4];
	size_t i;

	if (!may_reach(policy, family, proto, ip, from_device))
		return false;
	/* An address that is open by itself (::1, or by the allow list) is not judged by what it may carry too. */
	if (family == 4 || class_of(policy, 6, ip) == LOOPBACK || prefix_set_find(&policy->allow, 6, ip))
		return true;
	for (i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (carried(i, ip, inner) && !may_reach(policy, 4, proto, inner, from_device))
			return false;
	return !is_isatap(ip) || may_reach(policy, 4, proto, ip + 12, from_device);
}

static bool is_common(enum class class)
{
	return class == UNICAST || class == PRIVATE;
}

static bool source_ok(const struct policy *policy, uint8_t family, const uint8_t *ip)
{
	enum class class = class_of(policy, family, ip);
	uint8_t inner[4];
	size_t i;

	if (class == NOBODY || class == MULTICAST)
		return false;
	if (policy->device.count + policy->sources.count == 0) {
		if (!is_common(class))
			return false;
	} else if (!prefix_set_find(&policy->device, family, ip) && !prefix_set_find(&policy->sources, family, ip)) {
		return false;
	}
	if (class == LOOPBACK)
		return false; /* whatever the sets say */
	if (family == 4)
		return true;
	for (i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (carried(i, ip, inner) && !is_common(class4(policy, inner)))
			return false;
	return !is_isatap(ip) || is_common(class4(policy, ip + 12));
}

enum packet_verdict policy_packet(const struct policy *policy, uint8_t family, uint8_t proto, const uint8_t *src,
                                  const uint8_t *dst)
{
	if (memcmp(src, dst, family == 4 ? 4 : 16) == 0)
		return PACKET_LAND;
	if (!source_ok(policy, family, src))
		return PACKET_MARTIAN_SOURCE;
	return destination_ok(policy, family, proto, dst, true) ? PACKET_OK : PACKET_MARTIAN_DESTINATION;
}

enum packet_verdict policy_dial(const struct policy *policy, uint8_t proto, const adit_addr *dst)
{
	static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const uint8_t *ip = dst->ip;
	uint8_t family = dst->family;

	if (family == 6 && has_prefix(ip, mapped, 96)) {
		ip += 12;
		family = 4;
	}
	if (family != 4 && family != 6)
		return PACKET_MARTIAN_DESTINATION;
	return destination_ok(policy, family, proto, ip, false) ? PACKET_OK : PACKET_MARTIAN_DESTINATION;
}

adit_addr policy_target(const struct policy *policy, const adit_addr *dst)
{
	adit_addr target = *dst;
	const adit_addr *s = &policy->stand_in[dst->family == 6];

	if (s->family != dst->family || memcmp(s->ip, dst->ip, dst->family == 4 ? 4 : 16) != 0)
		return target;
	memset(target.ip, 0, sizeof(target.ip));
	target.scope = 0;
	if (target.family == 4)
		target.ip[0] = 127;
	target.ip[target.family == 4 ? 3 : 15] = 1;
	return target;
}
