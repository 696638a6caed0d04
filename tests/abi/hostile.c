/* SPDX-License-Identifier: MIT
 * tests/abi/hostile.c - one small module in many wrong (and a few unusual, right) forms
 *
 * tests/abi/build.sh compiles it once per form. Being mapped leaves a mark: the file that ADIT_TEST_MARK names.
 */
#include <adit/adit.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "descriptor.h"

#ifndef ROOT_NAME
#define ROOT_NAME FORM
#endif
#ifndef ROOT_VERSION
#define ROOT_VERSION "1.0"
#endif
#ifndef ROOT_MAJOR
#define ROOT_MAJOR 1
#endif
#ifndef ROOT_MINOR
#define ROOT_MINOR 0
#endif
#ifndef ROOT_SIZE
#define ROOT_SIZE sizeof(adit_module)
#endif
#ifndef ROOT_FLAGS
#define ROOT_FLAGS 0
#endif
#ifndef IFACE
#define IFACE ADIT_HANDLER_1
#endif
#ifndef TABLE_SIZE
#define TABLE_SIZE sizeof(table)
#endif
#ifndef EVENTS
#define EVENTS events
#endif
#ifndef LIFE
#define LIFE &life
#endif
#ifndef CREATE
#define CREATE create
#endif
#ifndef TABLE
#define TABLE &table
#endif

__attribute__((constructor)) static void mark(void)
{
	const char *path = getenv("ADIT_TEST_MARK");
	int fd = path ? open(path, O_WRONLY | O_CREAT, 0600) : -1;

	if (fd >= 0)
		close(fd);
}

static adit_result create(void *ctx, const adit_env *env, void **inst)
{
	*inst = ctx;
	return env ? ADIT_OK : ADIT_EINVAL;
}

static void destroy(void *inst)
{
}

static void events(void *inst, const adit_event *ev, uint32_t n)
{
}

static void buffers(void *inst, adit_buf *const *pkt, uint32_t n)
{
}

static void submit(void *inst, const adit_op *op, uint32_t n)
{
}

static const adit_life life = {sizeof(life), 0, CREATE, 0, 0, 0, 0, 0, destroy};

#if defined(KIND_STACK)
static const adit_stack_1 table = {TABLE_SIZE, STACK_FLAGS, LIFE, buffers, submit, 0};
#elif defined(KIND_PLATFORM)
static const adit_platform_1 table = {TABLE_SIZE, 0, LIFE, buffers, 0};
#elif defined(LARGER)
/* What a later SDK might have: members that this one does not know. */
static const struct {
	adit_handler_1 known;
	void (*later)(void *inst);
	uint64_t more[6];
} table = {{sizeof(table), 0x80000000u, LIFE, events}, destroy, {1, 2, 3, 4, 5, 6}};
#else
static const adit_handler_1 table = {TABLE_SIZE, 0, LIFE, EVENTS};
#endif

static const adit_component component = {sizeof(component), 0, "main", IFACE, TABLE};
static const adit_component other = {sizeof(other), 0, "other", IFACE, TABLE};
static const adit_component *const components[] = {
#ifndef NO_COMPONENT
	&component,
#endif
#ifdef OTHER_COMPONENT
	&other,
#endif
#ifdef SAME_COMPONENT
	&component,
#endif
	0,
};

/* Lets a test see which image it has: each image has a counter of its own. */
static int counter;
static const void *get(void *ctx, const char *iface)
{
	counter++;
	return iface ? (const void *)&counter : (const void *)&other;
}

#ifdef LARGER
struct larger {
	adit_module known;
	void (*later)(void);
	uint64_t more[4];
};
extern ADIT_EXPORT const struct larger later_root __asm__("adit_module_1");
const struct larger later_root = {{sizeof(struct larger), ROOT_MAJOR, ROOT_MINOR, 0, 0, ROOT_NAME, ROOT_VERSION,
                                   adit_descriptor, components, 0, 0, get},
                                  0,
                                  {1, 2, 3, 4}};
#elif defined(NO_ROOT)
ADIT_EXPORT const char *adit_other_1(void);
const char *adit_other_1(void)
{
	return components[0] && get(0, 0) ? adit_descriptor : ROOT_NAME;
}
#else
#ifdef ROOT_DESCRIPTOR
/* Or it would not be in the file at all. */
__attribute__((used)) static const char *const volatile kept = adit_descriptor;
#else
#define ROOT_DESCRIPTOR adit_descriptor
#endif
const adit_module adit_module_1 = {ROOT_SIZE,    ROOT_MAJOR,      ROOT_MINOR, ROOT_FLAGS, 0,  ROOT_NAME,
                                   ROOT_VERSION, ROOT_DESCRIPTOR, components, 0,          0,  get};
#endif

#ifdef EXTRA_EXPORT
ADIT_EXPORT int adit_helper(void);
int adit_helper(void)
{
	return 1;
}
#endif
#ifdef WRITABLE_CODE
__asm__(".section .wx,\"awx\",@progbits\n.byte 0\n.previous\n");
#endif
#ifdef SECOND_DESCRIPTOR
static const char second[] __attribute__((section(ADIT_DESCRIPTOR_SECTION), used)) = "{}\n";
#endif
#ifdef PROGRAM
__asm__(".section .interp,\"a\",@progbits\n.string \"/lib/ld.so\"\n.previous\n");
#endif
#ifdef TEXT_RELOCATION
__asm__(".text\n.balign 8\n.quad adit_module_1\n");
#endif
#ifdef INITIAL_EXEC
static __thread int local __attribute__((tls_model("initial-exec"), used));
__attribute__((used)) static int *local_place(void)
{
	return &local;
}
#endif
#ifdef UNDEFINED_SYMBOL
void adit_nobody_has_this(void);
__attribute__((used)) static void (*volatile wanted)(void) = adit_nobody_has_this;
#endif
#ifdef WANTS_BY_PATH
void adit_test_dependency(void);
__attribute__((used)) static void (*volatile wanted)(void) = adit_test_dependency;
#endif
