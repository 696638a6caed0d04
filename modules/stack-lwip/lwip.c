/* SPDX-License-Identifier: MIT
 * stack-lwip/lwip.c - the parts of lwIP that the module is made of, as they come from its source
 *
 * lwIP lies outside this repository (tools/lwip) and is not changed. Its directory is a system include directory, so
 * that our warnings are for our code. What lwIP would take from the files that are left out stands in ip.c.
 */
#include "core/def.c"
#include "core/ip.c"
#include "core/ipv4/ip4_addr.c"
#include "core/ipv6/ip6_addr.c"
#include "core/mem.c"
#include "core/memp.c"
#include "core/pbuf.c"
#include "core/tcp.c"
#include "core/tcp_in.c"
#include "core/tcp_out.c"
