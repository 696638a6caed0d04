/* SPDX-License-Identifier: MIT
 * stack-lwip/arch/cc.h - lwIP's view of the compiler and of this port (port.c)
 */
#ifndef STACK_LWIP_ARCH_CC_H
#define STACK_LWIP_ARCH_CC_H

#include <stddef.h>
#include <stdint.h>

/* What lwIP believes and does not hold is a programming error: in sanitized builds and in tests it ends the process,
 * elsewhere it is counted and the flow under way goes on or ends by lwIP's own means. */
void port_assert(const char *what, const char *file, int line);
#define LWIP_PLATFORM_ASSERT(what) port_assert(what, __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(what)

/* The hard total of lwIP's memory. */
void *port_alloc(size_t size);
void *port_alloc_array(size_t count, size_t size);
void port_free(void *mem);

/* TCP_WND, which is set by the configuration. */
extern uint32_t port_window;

#endif
