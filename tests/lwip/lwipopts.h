/* SPDX-License-Identifier: MIT
 * tests/lwip/lwipopts.h - the module's options, and over them what lwIP's own tests cannot do without
 *
 * They count what is allocated (statistics), have arrays as large as the window and segments that are sent whole into
 * one that is not scaled (sizes), and use lwIP's IPv4 on an interface of theirs. All else is as in the module.
 */
#ifndef TESTS_LWIP_LWIPOPTS_H
#define TESTS_LWIP_LWIPOPTS_H

#include "../../modules/stack-lwip/lwipopts.h"

#undef LWIP_STATS
#define LWIP_STATS 1
#define MEMP_STATS 1
#undef TCP_MSS
#define TCP_MSS 536
#undef TCP_WND
#define TCP_WND (10 * TCP_MSS)
#undef TCP_SND_BUF
#define TCP_SND_BUF (12 * TCP_MSS)
#undef TCP_SND_QUEUELEN
#define TCP_SND_QUEUELEN 40
#undef TCP_SNDLOWAT
#undef TCP_SNDQUEUELOWAT
#undef TCP_RCV_SCALE
#define TCP_RCV_SCALE 0
#undef LWIP_SINGLE_NETIF
#define LWIP_SINGLE_NETIF 0

/* They choose sequence numbers by way of lwIP's own, guessable ones. */
#undef LWIP_HOOK_TCP_ISN

#endif
