/* SPDX-License-Identifier: MIT
 * os/os.h - clock, random numbers, processors: what the host needs of the system beyond plain C
 */
#ifndef OS_OS_H
#define OS_OS_H

#include <stddef.h>
#include <stdint.h>

#define OS_SECOND 1000000000ull /* ns */

/* Monotonic time in ns. */
uint64_t os_now(void);

/* Time of day, ns since 1970. */
uint64_t os_date(void);

/* Fills size bytes with unpredictable ones; there is no failure to handle (it aborts, which cannot happen on
 * a kernel that has booted). */
void os_random(void *out, size_t size);

/* Processors this process may use, at least 1. */
unsigned os_processors(void);

/* Descriptors this process may have open; raises the soft limit to the hard one first. */
unsigned os_descriptor_limit(void);

#endif
