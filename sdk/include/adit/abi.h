/* SPDX-License-Identifier: MIT
 * adit/abi.h - what the other headers stand on: calling convention, results, thread tags
 *
 * Valid C89 to C17 and C++98 to C++20. Needs only <stddef.h> and <stdint.h>.
 *
 * Rules of the line between host and module:
 *   - A module exports one data symbol, adit_module_1 (module.h). The host exports nothing.
 *   - Tables start with their size in bytes and grow only at the end. A reader ignores a longer
 *     tail and asks ADIT_HAS for any member that was added after the table's first revision.
 *   - What crosses in arrays (adit_buf, adit_event, adit_op, adit_addr, adit_reach) never grows.
 *   - An interface is named by a string with a revision, "adit.handler/1". A changed meaning is a
 *     new string.
 *   - Whoever allocates frees. "lent": valid until the call returns. "given": yours from now on.
 *     "kept": valid until destroy() returns.
 *   - Unknown flags are ignored when read and zero when written. Times are nanoseconds, monotonic.
 *
 * Thread tags stand first in every function's comment:
 *   [control] the host's one control thread, never a loop's.
 *   [loop]    the thread of the loop that owns the instance; never two at once for one instance.
 *   [any]     every thread, concurrently.
 *   [pool]    a worker of the host's pool; the only tag that may block.
 * A host function tagged [loop] that is called from elsewhere refuses with ADIT_ETHREAD (or does
 * nothing where it returns nothing) in every build. The host never re-enters a module: what a call
 * into the host causes arrives after the module has returned.
 */
#ifndef ADIT_ABI_H
#define ADIT_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#define ADIT_CALL __cdecl
#define ADIT_EXPORT __declspec(dllexport)
#else
#define ADIT_CALL
#define ADIT_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define ADIT_BEGIN_DECLS extern "C" {
#define ADIT_END_DECLS }
#else
#define ADIT_BEGIN_DECLS
#define ADIT_END_DECLS
#endif

#if defined(__GNUC__)
#define ADIT_INLINE static __inline__ __attribute__((unused))
#else
#define ADIT_INLINE static
#endif

#define ADIT_ABI_MAJOR 1
#define ADIT_ABI_MINOR 0

/* True when the provider of table t (of type T) was built knowing member m and has filled it. */
#define ADIT_HAS(t, T, m) ((t) && (t)->size >= offsetof(T, m) + sizeof((t)->m) && (t)->m)

ADIT_BEGIN_DECLS

/* 0 (or a count, where said) on success, else one of the codes below. Codes are never
 * renumbered. */
typedef int32_t adit_result;

enum {
	ADIT_OK = 0,
	ADIT_ENOMEM = -1,    /* memory could not be had, or the module's share of it is used up */
	ADIT_EINVAL = -2,    /* an argument is out of its range */
	ADIT_ENOSYS = -3,    /* not offered here: this platform, this build, this kernel */
	ADIT_EAGAIN = -4,    /* not now; the caller is told when */
	ADIT_ESTALE = -5,    /* the flow handle is from an ended flow */
	ADIT_EPERM = -6,     /* the process or the module lacks the right */
	ADIT_ECONFIG = -7,   /* the manifest asks for something that cannot be */
	ADIT_EIO = -8,       /* the system refused in a way no other code names */
	ADIT_ETHREAD = -9,   /* called from a thread that the function's tag excludes */
	ADIT_ERESET = -10,   /* the other end reset the connection */
	ADIT_ETIME = -11,    /* a deadline passed */
	ADIT_EREFUSED = -12, /* nobody listens there (TCP reset, ICMP port unreachable) */
	ADIT_EHOST = -13,    /* host unreachable */
	ADIT_ENET = -14,     /* network unreachable */
	ADIT_EADMIN = -15,   /* administratively prohibited */
	ADIT_ELIMIT = -16,   /* a hard limit of ours is reached */
	ADIT_EGONE = -17,    /* the thing underneath is gone for good (device deleted, stack stopped) */
	ADIT_ENOENT = -18,   /* no such name */
	ADIT_EEXIST = -19,   /* the name is taken */
	ADIT_ECANCEL = -20   /* ended because somebody on this side asked for it */
};

/* A flow: slot and generation in one number, never a pointer. 0 is no flow. A stale handle is
 * refused. */
typedef uint64_t adit_flow;

typedef struct adit_loop adit_loop; /* opaque: no event library's type crosses the line */
typedef struct adit_cfg adit_cfg;   /* opaque: no JSON library's type crosses the line */
typedef struct adit_timer adit_timer;
typedef struct adit_io adit_io;
typedef struct adit_host adit_host;
typedef struct adit_path adit_path;
typedef struct adit_buf adit_buf;

/* A function with its argument: arg is handed over untouched and belongs to whoever gave it. */
typedef void(ADIT_CALL *adit_fn)(void *arg);

ADIT_END_DECLS

#endif
