/* SPDX-License-Identifier: MIT
 * stack-lwip/port.c - what lwIP wants of its port: memory out of a hard total, initial sequence numbers, assertions
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lwip/ip_addr.h"
#include "lwip/priv/tcp_priv.h"

#include "siphash.h"
#include "stack.h"

enum {
	SPARE_PART = 8,     /* of the memory, that new flows do not get */
	ISN_TICK_NS = 4000, /* RFC 6528 section 3 */
	ASSERTS_SAID = 8    /* in the log; the rest is the same again */
};

struct stack *port_stack;
uint32_t port_window = 65535;

static size_t used;
static struct siphash_key key;
static int keyed;
static uint32_t asserts;

size_t port_used(void)
{
	return used;
}

int port_has_room(const struct stack *st)
{
	return used < st->memory - st->memory / SPARE_PART;
}

void *port_alloc(size_t size)
{
	void *mem;

	if (size > port_stack->memory || used > port_stack->memory - size)
		return NULL;
	mem = malloc(size);
	if (mem)
		used += malloc_usable_size(mem);
	return mem;
}

void *port_alloc_array(size_t count, size_t size)
{
	void *mem;

	if (size && count > SIZE_MAX / size)
		return NULL;
	mem = port_alloc(count * size);
	if (mem)
		memset(mem, 0, count * size);
	return mem;
}

void port_free(void *mem)
{
	if (mem)
		used -= malloc_usable_size(mem);
	free(mem);
}

void port_assert(const char *what, const char *file, int line)
{
	if (port_stack && asserts++ < ASSERTS_SAID)
		say(port_stack, ADIT_LOG_ERROR, "lwIP found itself wrong (%s:%d): %s", file, line, what);
#ifdef STACK_LWIP_STRICT
	abort();
#endif
}

/* RFC 6528: a clock, and a keyed hash of the endpoints, so that nobody else can tell the next number. */
uint32_t port_isn(const void *local, uint16_t local_port, const void *remote, uint16_t remote_port)
{
	const ip_addr_t *from = local, *to = remote;
	struct stack *st = port_stack;
	uint64_t words[5] = {0};
	size_t size = IP_IS_V6(from) ? 16 : 4;

	memcpy(words, size == 16 ? (const void *)ip_2_ip6(from)->addr : (const void *)&ip_2_ip4(from)->addr, size);
	memcpy(words + 2, size == 16 ? (const void *)ip_2_ip6(to)->addr : (const void *)&ip_2_ip4(to)->addr, size);
	words[4] = (uint64_t)local_port << 16 | remote_port | (uint64_t)size << 32;
	return (uint32_t)siphash_words(&key, words, 5) + (uint32_t)(st->loops->now(st->loop) / ISN_TICK_NS);
}

/* lwIP's own timers are not there (timer.c). */
void tcp_timer_needed(void)
{
}

adit_result port_open(struct stack *st)
{
	port_stack = st;
	port_window = st->window;
	if (!keyed && getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return ADIT_EIO;
	keyed = 1;
	return ADIT_OK;
}
