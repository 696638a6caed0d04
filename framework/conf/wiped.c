/* SPDX-License-Identifier: MIT
 * conf/wiped.c - jansson's memory, wiped when it is freed
 *
 * jansson has one allocator for the process, in which a module or a test may use it too: so its memory stays malloc()'s,
 * and free() may still be called for it.
 */
#include "conf/wiped.h"

#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void wiped_free(void *mem)
{
	if (mem)
		explicit_bzero(mem, malloc_usable_size(mem));
	free(mem);
}

static void use_with_json(void)
{
	json_malloc_t allocate;
	json_free_t release;

	json_get_alloc_funcs(&allocate, &release);
	if (release == free)
		json_set_alloc_funcs(allocate, wiped_free);
}

void wiped_json(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, use_with_json);
}
