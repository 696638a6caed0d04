/* SPDX-License-Identifier: MIT
 * tests/lwip/main.c - runs lwIP's own tests of TCP against the module's options
 *
 * What an option of ours makes inapplicable is left out, by name and with the reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwip/icmp6.h"
#include "lwip/init.h"
#include "lwip/ip6_addr.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/icmp6.h"
#include "lwip/stats.h"

#include "core/test_def.h"
#include "lwip_check.h"
#include "tcp/test_tcp.h"
#include "tcp/test_tcp_oos.h"
#include "tcp/test_tcp_state.h"

static const struct {
	const char *name, *reason;
} left_out[] = {
	{"test_tcp_new_max_num", "there is no number of control blocks, but a total of memory"},
	{"test_tcp_new_max_num_remove_TIME_WAIT", "the same"},
	{"test_tcp_rto_rexmit_wraparound", "counts eleven ticks to a timeout of 3 s; ours is 1 s, of finer ticks"},
};

static const char *reason_for(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (!strcmp(left_out[i].name, name))
			return left_out[i].reason;
	return NULL;
}

Suite *create_suite(const char *name, testfunc *tests, size_t num_tests, SFun setup, SFun teardown)
{
	Suite *s = suite_create(name);
	size_t i;

	for (i = 0; i < num_tests; i++) {
		TCase *c;

		if (reason_for(tests[i]->name)) {
			printf("# left out: %s: %s\n", tests[i]->name, reason_for(tests[i]->name));
			continue;
		}
		c = tcase_create(name);
		tcase_add_checked_fixture(c, setup, teardown);
		tcase_add_named_test(c, tests[i]);
		suite_add_tcase(s, c);
	}
	return s;
}

void lwip_check_ensure_no_alloc(unsigned int skip)
{
	int i;

	for (i = 0; i < MEMP_MAX; i++)
		if (!(skip & 1u << i))
			fail_unless(lwip_stats.memp[i]->used == 0);
}

/* ---- the port ---- */

void *port_alloc(size_t size)
{
	return malloc(size);
}

void *port_alloc_array(size_t count, size_t size)
{
	return calloc(count, size);
}

void port_free(void *mem)
{
	free(mem);
}

void port_assert(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

void tcp_timer_needed(void)
{
}

/* ---- IPv6 neighbours, which these tests do not have ---- */

void nd6_cleanup_netif(struct netif *netif)
{
}

struct netif *nd6_find_route(const ip6_addr_t *ip6addr)
{
	return NULL;
}

u16_t nd6_get_destination_mtu(const ip6_addr_t *ip6addr, struct netif *netif)
{
	return netif->mtu;
}

void nd6_restart_netif(struct netif *netif)
{
}

void icmp6_param_problem(struct pbuf *p, enum icmp6_pp_code c, const void *pointer); /* declared with ICMPv6 alone */

void icmp6_param_problem(struct pbuf *p, enum icmp6_pp_code c, const void *pointer)
{
}

int main(void)
{
	suite_getter_fn *suites[] = {tcp_suite, tcp_oos_suite, tcp_state_suite, def_suite};
	SRunner *runner = srunner_create(NULL);
	size_t i;
	int failed;

	lwip_init();
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
