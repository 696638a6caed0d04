/* SPDX-License-Identifier: MIT
 * tests/unit/test_packet_policy.c - the address policy as a table of addresses, and the prefix set under it
 *
 * The policy under test: device 10.0.0.0/24 and fd00:1::/64, host 192.168.1.5, 203.0.113.9 and 2001:db8::9, nothing
 * allowed; a second one allows some. `t`, `u`, `i`: the answer for TCP, UDP and ICMP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "packet/policy.h"
#include "packets.h"

static uint8_t read_ip(const char *text, uint8_t ip[16])
{
	memset(ip, 0, 16);
	if (inet_pton(AF_INET, text, ip) == 1)
		return 4;
	if (inet_pton(AF_INET6, text, ip) == 1)
		return 6;
	fail_msg("not an address: %s", text);
	return 0;
}

static void add(struct prefix_set *set, const char *text, unsigned bits)
{
	uint8_t ip[16], family = read_ip(text, ip);

	assert_int_equal(prefix_set_add(set, family, ip, bits), ADIT_OK);
}

static struct policy usual;
static struct policy open_policy; /* the same with an allow list */

static int set_up(void **state)
{
	add(&usual.device, "10.0.0.0", 24);
	add(&usual.device, "fd00:1::", 64);
	add(&usual.host, "192.168.1.5", 32);
	add(&usual.host, "203.0.113.9", 32);
	add(&usual.host, "10.0.0.1", 32); /* the device's own address is the host's too */
	add(&usual.host, "2001:db8::9", 128);
	open_policy = usual;
	add(&open_policy.allow, "127.0.0.1", 32);
	add(&open_policy.allow, "::1", 128);
	add(&open_policy.allow, "169.254.169.254", 32);
	add(&open_policy.allow, "192.168.1.5", 32);
	add(&open_policy.allow, "fe80::", 10);
	add(&open_policy.allow, "239.0.0.0", 8);
	add(&open_policy.allow, "ff00::", 8);
	add(&open_policy.allow, "0.0.0.0", 32);
	add(&open_policy.allow, "255.255.255.255", 32);
	add(&open_policy.allow, "240.0.0.0", 4);
	add(&open_policy.allow, "::ffff:0:0", 96);
	return 0;
}

/* Destinations. packet, dial: y or n under the usual policy; opened: what the packet gets under the open one, by
 * TCP and UDP. */
static const struct {
	const char *ip;
	char packet, dial;
	const char *opened;
} destinations[] = {
	/* the whole of 0/8, loopback, and their neighbours */
	{"0.0.0.0", 'n', 'n', "nn"}, {"0.0.0.1", 'n', 'n', "nn"}, {"0.255.255.255", 'n', 'n', "nn"},
	{"0.127.0.1", 'n', 'n', "nn"}, {"1.0.0.0", 'y', 'y', "yy"}, {"1.1.1.1", 'y', 'y', "yy"},
	{"126.255.255.255", 'y', 'y', "yy"}, {"127.0.0.0", 'n', 'n', "nn"}, {"127.0.0.1", 'n', 'n', "yy"},
	{"127.0.0.2", 'n', 'n', "nn"}, {"127.0.0.53", 'n', 'n', "nn"}, {"127.0.1.1", 'n', 'n', "nn"},
	{"127.1.1.1", 'n', 'n', "nn"}, {"127.128.0.1", 'n', 'n', "nn"}, {"127.255.255.254", 'n', 'n', "nn"},
	{"127.255.255.255", 'n', 'n', "nn"}, {"128.0.0.0", 'y', 'y', "yy"}, {"128.0.0.1", 'y', 'y', "yy"},
	/* link-local and metadata */
	{"169.253.255.255", 'y', 'y', "yy"}, {"169.254.0.0", 'n', 'n', "nn"}, {"169.254.0.1", 'n', 'n', "nn"},
	{"169.254.169.253", 'n', 'n', "nn"}, {"169.254.169.254", 'n', 'n', "yy"}, {"169.254.170.2", 'n', 'n', "nn"},
	{"169.254.255.255", 'n', 'n', "nn"}, {"169.255.0.0", 'y', 'y', "yy"}, {"100.100.100.200", 'n', 'n', "nn"},
	{"100.100.100.199", 'y', 'y', "yy"}, {"100.100.100.201", 'y', 'y', "yy"}, {"192.0.0.192", 'n', 'n', "nn"},
	{"192.0.0.191", 'y', 'y', "yy"}, {"192.0.0.193", 'y', 'y', "yy"}, {"168.63.129.16", 'y', 'y', "yy"},
	/* private and shared space is what tunnels are for */
	{"10.0.1.0", 'y', 'y', "yy"}, {"10.255.255.255", 'y', 'y', "yy"}, {"172.16.0.1", 'y', 'y', "yy"},
	{"172.31.255.254", 'y', 'y', "yy"}, {"192.168.0.1", 'y', 'y', "yy"}, {"192.168.1.4", 'y', 'y', "yy"},
	{"192.168.1.6", 'y', 'y', "yy"}, {"100.64.0.1", 'y', 'y', "yy"}, {"198.18.0.1", 'y', 'y', "yy"},
	{"192.0.2.1", 'y', 'y', "yy"},
	/* the host's own, and the device's */
	{"192.168.1.5", 'n', 'n', "yy"}, {"203.0.113.9", 'n', 'n', "nn"}, {"203.0.113.8", 'y', 'y', "yy"},
	{"10.0.0.1", 'y', 'n', "yy"}, {"10.0.0.2", 'y', 'y', "yy"}, {"10.0.0.53", 'y', 'y', "yy"},
	{"10.0.0.254", 'y', 'y', "yy"}, {"10.0.0.255", 'n', 'n', "nn"}, /* the device's broadcast */
	/* multicast, class E, broadcast */
	{"223.255.255.255", 'y', 'y', "yy"}, {"224.0.0.0", 'n', 'n', "nn"}, {"224.0.0.1", 'n', 'n', "nn"},
	{"224.0.0.251", 'n', 'n', "nn"}, {"232.1.1.1", 'n', 'n', "nn"}, {"238.255.255.255", 'n', 'n', "nn"},
	{"239.0.0.1", 'n', 'n', "ny"}, {"239.255.255.250", 'n', 'n', "ny"}, {"240.0.0.0", 'n', 'n', "nn"},
	{"240.0.0.1", 'n', 'n', "nn"}, {"250.1.2.3", 'n', 'n', "nn"}, {"255.0.0.0", 'n', 'n', "nn"},
	{"255.255.255.254", 'n', 'n', "nn"}, {"255.255.255.255", 'n', 'n', "nn"},
	/* IPv6 itself */
	{"::", 'n', 'n', "nn"}, {"::1", 'n', 'n', "yy"}, {"::2", 'n', 'n', "nn"}, {"::ffff", 'n', 'n', "nn"},
	{"2606:4700::1111", 'y', 'y', "yy"}, {"2001:4860:4860::8888", 'y', 'y', "yy"}, {"2001:db8::8", 'y', 'y', "yy"},
	{"2001:db8::9", 'n', 'n', "nn"}, {"2001:db8::a", 'y', 'y', "yy"}, {"fd00:1::1", 'y', 'y', "yy"},
	{"fd00:1::53", 'y', 'y', "yy"}, {"fd12:3456::1", 'y', 'y', "yy"}, {"fc00::1", 'y', 'y', "yy"},
	{"fe7f:ffff::1", 'y', 'y', "yy"}, {"fe80::", 'n', 'n', "yy"}, {"fe80::1", 'n', 'n', "yy"},
	{"fe80::a9fe:a9fe", 'n', 'n', "yy"}, {"fe80:1::1", 'n', 'n', "yy"}, {"febf::1", 'n', 'n', "yy"},
	{"febf:ffff:ffff:ffff::1", 'n', 'n', "yy"}, {"fec0::1", 'y', 'y', "yy"}, {"feff::1", 'y', 'y', "yy"},
	{"ff00::", 'n', 'n', "ny"}, {"ff01::1", 'n', 'n', "ny"}, {"ff02::1", 'n', 'n', "ny"}, {"ff02::2", 'n', 'n', "ny"},
	{"ff02::fb", 'n', 'n', "ny"}, {"ff02::1:ff00:1", 'n', 'n', "ny"}, {"ff05::c", 'n', 'n', "ny"},
	{"ff0e::1", 'n', 'n', "ny"}, {"ffff::1", 'n', 'n', "ny"}, {"fd00:ec2::254", 'n', 'n', "nn"},
	{"fd00:ec2::253", 'y', 'y', "yy"}, {"fd20:ce::254", 'n', 'n', "nn"}, {"100::1", 'y', 'y', "yy"},
	/* IPv4-mapped: never on the wire, whatever is inside; dialled as what is inside */
	{"::ffff:1.1.1.1", 'n', 'y', "nn"}, {"::ffff:127.0.0.1", 'n', 'n', "nn"}, {"::ffff:127.1.2.3", 'n', 'n', "nn"},
	{"::ffff:0.0.0.0", 'n', 'n', "nn"}, {"::ffff:169.254.169.254", 'n', 'n', "nn"}, {"::ffff:192.168.1.5", 'n', 'n', "nn"},
	{"::ffff:192.168.1.6", 'n', 'y', "nn"}, {"::ffff:224.0.0.1", 'n', 'n', "nn"}, {"::ffff:255.255.255.255", 'n', 'n', "nn"},
	{"::ffff:240.0.0.1", 'n', 'n', "nn"}, {"::ffff:10.0.0.1", 'n', 'n', "nn"}, {"::ffff:10.0.0.2", 'n', 'y', "nn"},
	{"::ffff:203.0.113.9", 'n', 'n', "nn"},
	/* IPv4-compatible */
	{"::1.1.1.1", 'y', 'y', "yy"}, {"::127.0.0.1", 'n', 'n', "yy"}, {"::127.0.0.2", 'n', 'n', "nn"},
	{"::127.255.0.1", 'n', 'n', "nn"}, {"::0.0.0.5", 'n', 'n', "nn"}, {"::169.254.169.254", 'n', 'n', "yy"},
	{"::169.254.1.1", 'n', 'n', "nn"}, {"::192.168.1.5", 'n', 'n', "yy"}, {"::192.168.1.7", 'y', 'y', "yy"},
	{"::224.0.0.1", 'n', 'n', "nn"}, {"::239.0.0.1", 'n', 'n', "ny"}, {"::255.255.255.255", 'n', 'n', "nn"},
	{"::203.0.113.9", 'n', 'n', "nn"},
	/* translated */
	{"::ffff:0:1.1.1.1", 'y', 'y', "yy"}, {"::ffff:0:127.0.0.1", 'n', 'n', "yy"}, {"::ffff:0:127.0.0.9", 'n', 'n', "nn"},
	{"::ffff:0:0.0.0.0", 'n', 'n', "nn"}, {"::ffff:0:169.254.169.254", 'n', 'n', "yy"},
	/* NAT64 */
	{"64:ff9b::1.1.1.1", 'y', 'y', "yy"}, {"64:ff9b::7f00:1", 'n', 'n', "yy"}, {"64:ff9b::127.0.0.1", 'n', 'n', "yy"},
	{"64:ff9b::127.0.0.53", 'n', 'n', "nn"}, {"64:ff9b::127.255.255.255", 'n', 'n', "nn"}, {"64:ff9b::", 'n', 'n', "nn"},
	{"64:ff9b::0.0.0.1", 'n', 'n', "nn"}, {"64:ff9b::169.254.169.254", 'n', 'n', "yy"}, {"64:ff9b::169.254.0.1", 'n', 'n', "nn"},
	{"64:ff9b::100.100.100.200", 'n', 'n', "nn"}, {"64:ff9b::192.168.1.5", 'n', 'n', "yy"},
	{"64:ff9b::203.0.113.9", 'n', 'n', "nn"}, {"64:ff9b::192.168.1.77", 'y', 'y', "yy"}, {"64:ff9b::224.0.0.1", 'n', 'n', "nn"},
	{"64:ff9b::240.0.0.1", 'n', 'n', "nn"}, {"64:ff9b::255.255.255.255", 'n', 'n', "nn"}, {"64:ff9b::10.0.0.1", 'y', 'n', "yy"},
	{"64:ff9b:1::1.1.1.1", 'y', 'y', "yy"}, {"64:ff9b:1::127.0.0.1", 'n', 'n', "yy"}, {"64:ff9b:1:ffff::127.0.0.2", 'n', 'n', "nn"},
	{"64:ff9b:1::169.254.1.1", 'n', 'n', "nn"}, {"64:ff9b:2::127.0.0.1", 'y', 'y', "yy"}, {"64:ff9c::127.0.0.1", 'y', 'y', "yy"},
	/* 6to4 */
	{"2002:101:101::1", 'y', 'y', "yy"}, {"2002:7f00:1::", 'n', 'n', "yy"}, {"2002:7f00:2::1", 'n', 'n', "nn"},
	{"2002:7fff:ffff:1:2:3:4:5", 'n', 'n', "nn"}, {"2002::1", 'n', 'n', "nn"}, {"2002:a9fe:a9fe::1", 'n', 'n', "yy"},
	{"2002:a9fe:1::1", 'n', 'n', "nn"}, {"2002:c0a8:105::1", 'n', 'n', "yy"}, {"2002:c0a8:106::1", 'y', 'y', "yy"},
	{"2002:cb00:7109::", 'n', 'n', "nn"}, {"2002:e000:1::", 'n', 'n', "nn"}, {"2002:ffff:ffff::", 'n', 'n', "nn"},
	{"2003:7f00:1::", 'y', 'y', "yy"},
	/* Teredo: the server, and the client inverted */
	{"2001:0:101:101:0:0:fefe:fefe", 'y', 'y', "yy"}, {"2001:0:7f00:1:0:0:fefe:fefe", 'n', 'n', "yy"},
	{"2001:0:7f00:2:0:0:fefe:fefe", 'n', 'n', "nn"}, {"2001:0:101:101:0:0:80ff:fffe", 'n', 'n', "yy"},
	{"2001:0:101:101:0:0:80ff:fffd", 'n', 'n', "nn"}, {"2001:0:101:101:0:0:5601:5601", 'n', 'n', "yy"},
	{"2001:0:101:101:0:0:ffff:ffff", 'n', 'n', "nn"}, {"2001:1::1", 'y', 'y', "yy"},
	/* ISATAP under any prefix */
	{"2606:4700::5efe:1.1.1.1", 'y', 'y', "yy"}, {"2606:4700::5efe:127.0.0.1", 'n', 'n', "yy"},
	{"2606:4700::5efe:127.0.0.2", 'n', 'n', "nn"}, {"2606:4700::200:5efe:127.0.0.2", 'n', 'n', "nn"},
	{"2606:4700::100:5efe:127.0.0.2", 'y', 'y', "yy"}, {"2606:4700::5eff:127.0.0.2", 'y', 'y', "yy"},
	{"fd12::5efe:169.254.169.254", 'n', 'n', "yy"}, {"fd12::200:5efe:192.168.1.5", 'n', 'n', "yy"},
	{"fd12::5efe:203.0.113.9", 'n', 'n', "nn"},
};

static char judge(const struct policy *policy, const char *text, uint8_t proto)
{
	uint8_t dst[16], src[16], family = read_ip(text, dst);

	read_ip(family == 4 ? "10.0.0.77" : "fd00:1::77", src);
	switch (policy_packet(policy, family, proto, src, dst)) {
	case PACKET_OK:
		return 'y';
	case PACKET_MARTIAN_DESTINATION:
		return 'n';
	default:
		return '?';
	}
}

static char judge_dial(const struct policy *policy, const char *text, uint8_t proto)
{
	adit_addr a = {0};

	a.family = read_ip(text, a.ip);
	a.port = 80;
	return policy_dial(policy, proto, &a) == PACKET_OK ? 'y' : 'n';
}

static void destinations_by_the_table(void **state)
{
	static const uint8_t protos[] = {ADIT_PROTO_TCP, ADIT_PROTO_UDP, ADIT_PROTO_ICMP};
	unsigned i, k;
	char got;

	for (i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++)
		for (k = 0; k < 3; k++) {
			got = judge(&usual, destinations[i].ip, protos[k]);
			if (got != destinations[i].packet)
				fail_msg("%s, protocol %u: %c", destinations[i].ip, protos[k], got);
			got = judge_dial(&usual, destinations[i].ip, protos[k]);
			if (got != destinations[i].dial)
				fail_msg("dial %s, protocol %u: %c", destinations[i].ip, protos[k], got);
			got = judge(&open_policy, destinations[i].ip, protos[k]);
			if (got != destinations[i].opened[k == 1])
				fail_msg("opened %s, protocol %u: %c", destinations[i].ip, protos[k], got);
		}
	assert_true(sizeof(destinations) / sizeof(destinations[0]) >= 150);
}

/* Sources: under the usual policy (device prefixes only), with everything as a further source, and with no sets. */
static const struct {
	const char *ip;
	char usual, router, bare;
} sources[] = {
	{"10.0.0.2", 'y', 'y', 'y'}, {"10.0.0.1", 'y', 'y', 'y'}, {"10.0.0.254", 'y', 'y', 'y'}, {"10.0.0.255", 'n', 'n', 'y'},
	{"10.0.1.1", 'n', 'y', 'y'}, {"9.255.255.255", 'n', 'y', 'y'}, {"192.168.7.7", 'n', 'y', 'y'}, {"1.2.3.4", 'n', 'y', 'y'},
	{"0.0.0.0", 'n', 'n', 'n'}, {"0.1.2.3", 'n', 'n', 'n'}, {"127.0.0.1", 'n', 'n', 'n'}, {"127.9.9.9", 'n', 'n', 'n'},
	{"224.0.0.1", 'n', 'n', 'n'}, {"239.1.1.1", 'n', 'n', 'n'}, {"240.0.0.1", 'n', 'n', 'n'}, {"255.255.255.255", 'n', 'n', 'n'},
	{"169.254.3.4", 'n', 'y', 'n'}, {"fd00:1::2", 'y', 'y', 'y'}, {"fd00:1:0:1::2", 'n', 'y', 'y'},
	{"2606:4700::1", 'n', 'y', 'y'}, {"::", 'n', 'n', 'n'}, {"::1", 'n', 'n', 'n'}, {"fe80::1", 'n', 'y', 'n'},
	{"ff02::1", 'n', 'n', 'n'}, {"ff0e::1", 'n', 'n', 'n'}, {"::ffff:10.0.0.2", 'n', 'n', 'n'}, {"::ffff:127.0.0.1", 'n', 'n', 'n'},
	{"::127.0.0.1", 'n', 'n', 'n'}, {"::10.0.0.2", 'n', 'y', 'y'}, {"64:ff9b::127.0.0.1", 'n', 'n', 'n'},
	{"64:ff9b::8.8.8.8", 'n', 'y', 'y'}, {"2002:7f00:1::1", 'n', 'n', 'n'}, {"2002:e000:1::1", 'n', 'n', 'n'},
	{"2001:0:7f00:1::1", 'n', 'n', 'n'}, {"fd12::5efe:127.0.0.1", 'n', 'n', 'n'}, {"fd00:1::5efe:127.0.0.1", 'n', 'n', 'n'},
};

static void sources_by_the_table(void **state)
{
	static const struct policy bare;
	struct policy router = usual;
	uint8_t src[16], dst[16], family;
	unsigned i;

	add(&router.sources, "0.0.0.0", 0);
	add(&router.sources, "::", 0);
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		family = read_ip(sources[i].ip, src);
		read_ip(family == 4 ? "8.8.8.8" : "2606:4700::1111", dst);
		if (policy_packet(&usual, family, 6, src, dst) != (sources[i].usual == 'y' ? PACKET_OK : PACKET_MARTIAN_SOURCE) ||
		    policy_packet(&router, family, 6, src, dst) != (sources[i].router == 'y' ? PACKET_OK : PACKET_MARTIAN_SOURCE) ||
		    policy_packet(&bare, family, 6, src, dst) != (sources[i].bare == 'y' ? PACKET_OK : PACKET_MARTIAN_SOURCE))
			fail_msg("%s: %d %d %d", sources[i].ip, policy_packet(&usual, family, 6, src, dst),
			         policy_packet(&router, family, 6, src, dst), policy_packet(&bare, family, 6, src, dst));
	}
}

static void land(void **state)
{
	uint8_t ip[16], other[16];

	read_ip("10.0.0.2", ip);
	assert_int_equal(policy_packet(&usual, 4, 6, ip, ip), PACKET_LAND);
	read_ip("fd00:1::2", ip);
	memcpy(other, ip, 16);
	assert_int_equal(policy_packet(&usual, 6, 17, ip, other), PACKET_LAND);
	other[15]++;
	assert_int_equal(policy_packet(&usual, 6, 17, ip, other), PACKET_OK);
}

static void dial_needs_a_family(void **state)
{
	adit_addr a = {.ip = {1, 1, 1, 1}};

	assert_int_equal(policy_dial(&usual, 6, &a), PACKET_MARTIAN_DESTINATION);
	a.family = 5;
	assert_int_equal(policy_dial(&usual, 6, &a), PACKET_MARTIAN_DESTINATION);
	a.family = 4;
	assert_int_equal(policy_dial(&usual, 6, &a), PACKET_OK);
}

static adit_addr endpoint(const char *text)
{
	adit_addr a = {.port = 80};

	a.family = read_ip(text, a.ip);
	return a;
}

/* Each word of the operator's opens or closes what it names and nothing else: the answers for packet and dial, under no
 * word and under each. */
static const struct {
	const char *ip;
	uint8_t proto;
	const char *none, *loopback, *link_local, *host, *multicast, *public;
} by_word[] = {
	{"127.0.0.1", 6, "nn", "ny", "nn", "nn", "nn", "nn"}, {"127.9.9.9", 17, "nn", "ny", "nn", "nn", "nn", "nn"},
	{"::1", 6, "nn", "ny", "nn", "nn", "nn", "nn"}, {"64:ff9b::7f00:1", 6, "nn", "ny", "nn", "nn", "nn", "nn"},
	{"169.254.169.254", 6, "nn", "nn", "yy", "nn", "nn", "nn"}, {"fe80::1", 6, "nn", "nn", "yy", "nn", "nn", "nn"},
	{"fd00:ec2::254", 6, "nn", "nn", "yy", "nn", "nn", "nn"}, {"192.168.1.5", 6, "nn", "nn", "nn", "yy", "nn", "nn"},
	{"203.0.113.9", 17, "nn", "nn", "nn", "yy", "nn", "nn"}, {"2001:db8::9", 6, "nn", "nn", "nn", "yy", "nn", "nn"},
	{"224.0.0.251", 17, "nn", "nn", "nn", "nn", "yy", "nn"}, {"224.0.0.251", 6, "nn", "nn", "nn", "nn", "nn", "nn"},
	{"ff02::fb", 17, "nn", "nn", "nn", "nn", "yy", "nn"}, {"192.168.1.6", 6, "yy", "yy", "yy", "yy", "yy", "nn"},
	{"10.9.9.9", 6, "yy", "yy", "yy", "yy", "yy", "nn"}, {"172.16.0.1", 6, "yy", "yy", "yy", "yy", "yy", "nn"},
	{"172.32.0.1", 6, "yy", "yy", "yy", "yy", "yy", "yy"}, {"100.64.0.1", 6, "yy", "yy", "yy", "yy", "yy", "nn"},
	{"198.19.255.1", 6, "yy", "yy", "yy", "yy", "yy", "nn"}, {"fd12::1", 6, "yy", "yy", "yy", "yy", "yy", "nn"},
	{"1.1.1.1", 6, "yy", "yy", "yy", "yy", "yy", "yy"}, {"2606:4700::1111", 17, "yy", "yy", "yy", "yy", "yy", "yy"},
	{"0.0.0.0", 17, "nn", "nn", "nn", "nn", "nn", "nn"}, {"255.255.255.255", 17, "nn", "nn", "nn", "nn", "nn", "nn"},
	{"240.0.0.1", 17, "nn", "nn", "nn", "nn", "nn", "nn"},
};

static void each_word_opens_what_it_names(void **state)
{
	static const uint8_t words[] = {0, POLICY_LOOPBACK, POLICY_LINK_LOCAL, POLICY_HOST, POLICY_MULTICAST, POLICY_PUBLIC};
	struct policy p = usual;
	unsigned i, w;

	p.device.count = 0;
	for (i = 0; i < sizeof(by_word) / sizeof(by_word[0]); i++) {
		const char *const want[] = {by_word[i].none, by_word[i].loopback, by_word[i].link_local,
		                            by_word[i].host, by_word[i].multicast, by_word[i].public};
		adit_addr dst = endpoint(by_word[i].ip), src = endpoint(dst.family == 4 ? "8.8.8.8" : "2606:4700::9");

		for (w = 0; w < sizeof(words); w++) {
			p.words = words[w];
			if ((policy_packet(&p, dst.family, by_word[i].proto, src.ip, dst.ip) == PACKET_OK) != (want[w][0] == 'y') ||
			    (policy_dial(&p, by_word[i].proto, &dst) == PACKET_OK) != (want[w][1] == 'y'))
				fail_msg("%s under word %u is not %s", by_word[i].ip, words[w], want[w]);
		}
	}
}

static void what_is_denied_stays_closed(void **state)
{
	struct policy p = {.words = POLICY_HOST | POLICY_LOOPBACK};
	adit_addr in = endpoint("10.1.2.3"), out = endpoint("10.2.2.3"), own = endpoint("127.0.0.1");

	add(&p.deny, "10.1.0.0", 16);
	add(&p.deny, "127.0.0.0", 8);
	add(&p.allow, "10.1.2.3", 32);
	assert_int_equal(policy_dial(&p, 6, &in), PACKET_MARTIAN_DESTINATION);
	assert_int_equal(policy_dial(&p, 6, &own), PACKET_MARTIAN_DESTINATION);
	assert_int_equal(policy_dial(&p, 6, &out), PACKET_OK);
}

static void a_stand_in_leads_to_loopback(void **state)
{
	struct policy p = {.stand_in = {endpoint("10.0.2.2"), endpoint("fd00:1::2")}};
	static const char *const pairs[][2] = {
		{"10.0.2.2", "127.0.0.1"}, {"10.0.2.3", "10.0.2.3"}, {"fd00:1::2", "::1"}, {"fd00:1::3", "fd00:1::3"},
	};
	static const struct policy none;
	unsigned i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		adit_addr from = endpoint(pairs[i][0]), want = endpoint(pairs[i][1]), got = policy_target(&p, &from);

		assert_int_equal(got.family, want.family);
		assert_memory_equal(got.ip, want.ip, want.family == 4 ? 4 : 16);
		assert_int_equal(got.port, 80);
		assert_int_equal(policy_dial(&p, 6, &from), PACKET_OK);
		got = policy_target(&none, &from);
		assert_memory_equal(got.ip, from.ip, from.family == 4 ? 4 : 16);
	}
}

/* Random sets against a list that is searched from end to end. */
static void prefix_sets_find_what_a_list_finds(void **state)
{
	uint32_t seed = 29, round, i, k;
	static struct prefix_set set;
	struct prefix list[40];

	for (round = 0; round < 2000; round++) {
		uint32_t count = 1 + next_random(&seed) % 40;

		memset(&set, 0, sizeof(set));
		for (i = 0; i < count; i++) {
			uint8_t family = next_random(&seed) % 3 ? 4 : 6;

			memset(&list[i], 0, sizeof(list[i]));
			list[i].family = family;
			for (k = 0; k < 4; k++)
				list[i].ip[k] = (uint8_t)(next_random(&seed) % 4 << (k % 2 ? 6 : 0));
			list[i].bits = (uint8_t)(next_random(&seed) % (family == 4 ? 33 : 129));
			if (next_random(&seed) % 20 && list[i].bits < 32) /* seldom a prefix that holds all others */
				list[i].bits |= 8;
			assert_int_equal(prefix_set_add(&set, family, list[i].ip, list[i].bits), ADIT_OK);
		}
		for (k = 0; k < 200; k++) {
			uint8_t ip[16] = {0}, family = next_random(&seed) % 2 ? 4 : 6;
			bool held = false;

			for (i = 0; i < 4; i++)
				ip[i] = (uint8_t)(next_random(&seed) % 4 << (i % 2 ? 6 : 0));
			for (i = 0; i < count && !held; i++) {
				uint32_t bit;

				held = list[i].family == family;
				for (bit = 0; held && bit < list[i].bits; bit++)
					held = !((ip[bit / 8] ^ list[i].ip[bit / 8]) & (0x80 >> bit % 8));
			}
			assert_int_equal(prefix_set_find(&set, family, ip) != NULL, held);
		}
	}
}

static void prefix_sets_have_limits(void **state)
{
	static struct prefix_set set;
	uint8_t ip[16] = {0};
	unsigned i;

	assert_int_equal(prefix_set_add(&set, 5, ip, 0), ADIT_EINVAL);
	assert_int_equal(prefix_set_add(&set, 4, ip, 33), ADIT_EINVAL);
	assert_int_equal(prefix_set_add(&set, 6, ip, 129), ADIT_EINVAL);
	for (i = 0; i < PREFIX_SET_MOST; i++) {
		ip[0] = (uint8_t)(i / 256);
		ip[1] = (uint8_t)(i % 256);
		assert_int_equal(prefix_set_add(&set, 4, ip, 32), ADIT_OK);
	}
	ip[0] = 200;
	assert_int_equal(prefix_set_add(&set, 4, ip, 32), ADIT_ELIMIT);
	assert_int_equal(set.count, PREFIX_SET_MOST);
	ip[0] = 0;
	ip[1] = 5;
	assert_int_equal(prefix_set_add(&set, 4, ip, 32), ADIT_OK); /* known */
	assert_int_equal(prefix_set_add(&set, 4, ip, 0), ADIT_OK);  /* takes the place of all */
	assert_int_equal(set.count, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_by_the_table),
		cmocka_unit_test(sources_by_the_table),
		cmocka_unit_test(land),
		cmocka_unit_test(dial_needs_a_family),
		cmocka_unit_test(each_word_opens_what_it_names),
		cmocka_unit_test(what_is_denied_stays_closed),
		cmocka_unit_test(a_stand_in_leads_to_loopback),
		cmocka_unit_test(prefix_sets_find_what_a_list_finds),
		cmocka_unit_test(prefix_sets_have_limits),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
