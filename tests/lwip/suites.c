/* SPDX-License-Identifier: MIT
 * tests/lwip/suites.c - lwIP's own tests of TCP, as they come with its source
 *
 * One file each in lwIP; the names that two of them have are told apart here.
 */
#include "lwip/memp.h"

#define MEMP_SYS_TIMEOUT MEMP_MAX /* a pool that is not built */

#include "core/test_def.c"
#include "tcp/tcp_helper.c"
#include "tcp/test_tcp.c"

#define old_netif_list oos_old_netif_list
#define old_netif_default oos_old_netif_default
#include "tcp/test_tcp_oos.c"
#undef old_netif_list
#undef old_netif_default

#define old_netif_list state_old_netif_list
#define old_netif_default state_old_netif_default
#define test_tcp_timer state_test_tcp_timer
#define test_tcp_tmr state_test_tcp_tmr
#include "tcp/test_tcp_state.c"
