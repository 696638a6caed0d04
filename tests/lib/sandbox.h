/* SPDX-License-Identifier: MIT
 * tests/lib/sandbox.h - test cases in processes and namespaces of their own
 *
 * Nothing of the machine is touched: the program leaves its network and mount namespace first and
 * gets a /dev/net/tun node of its own that everybody may open, as ordinary machines have it.
 */
#ifndef TESTS_SANDBOX_H
#define TESTS_SANDBOX_H

#include <sys/types.h>

enum { SANDBOX_NOBODY = 65534, SANDBOX_SKIP = 77 };

/* Leaves the machine's namespaces. 0, or SANDBOX_SKIP after saying why on standard output. */
int sandbox_enter(void);

/* Runs a case in a child of its own, as uid, for at most `seconds`. 0: it passed. Every process
 * that the case leaves behind is an error, found and ended here. */
int sandbox_run(const char *name, void (*fn)(void), uid_t uid, unsigned seconds);

/* In a case: ends it as failed unless the condition holds. */
#define check(condition, ...) \
	do { \
		if (!(condition)) \
			sandbox_failed(__FILE__, __LINE__, #condition, " " __VA_ARGS__); \
	} while (0)
void sandbox_failed(const char *file, int line, const char *condition, const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));

#endif
