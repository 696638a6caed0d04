/* SPDX-License-Identifier: MIT
 * platform-linux/link.h - a network interface of the calling thread's namespace: up, MTU,
 * addresses, routes
 */
#ifndef PLATFORM_LINK_H
#define PLATFORM_LINK_H

#include "cidr.h"
#include "why.h"

/* The interface index of a name; 0: there is none. */
uint32_t link_index(const char *name);

/* Sets the MTU (0: leaves it), keeps the kernel from giving the link an IPv6 address of its own,
 * brings it up. */
adit_result link_up(uint32_t index, uint32_t mtu, struct why *why);

/* Adds an address; one that is there already is fine. */
adit_result link_address(uint32_t index, const struct cidr *c, struct why *why);

/* Sends a destination into the link; a route that is there already is an error (ADIT_EEXIST). */
adit_result link_route(uint32_t index, const struct cidr *c, struct why *why);

#endif
