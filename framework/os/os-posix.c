/* SPDX-License-Identifier: MIT
 * os/os-posix.c - clock, random numbers, processors on Linux and its like
 */
#include "os/os.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

uint64_t os_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * OS_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t os_date(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * OS_SECOND + (uint64_t)t.tv_nsec;
}

void os_random(void *out, size_t size)
{
	uint8_t *p = out;

	while (size) {
		ssize_t n = getrandom(p, size, 0);

		if (n <= 0)
			abort();
		p += n;
		size -= (size_t)n;
	}
}

unsigned os_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

unsigned os_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return 1024;
	if (r.rlim_cur < r.rlim_max) {
		rlim_t soft = r.rlim_cur;

		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r))
			r.rlim_cur = soft;
	}
	return r.rlim_cur > UINT_MAX ? UINT_MAX : (unsigned)r.rlim_cur;
}
