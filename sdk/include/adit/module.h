/* SPDX-License-Identifier: MIT
 * adit/module.h - the two frozen roots: what a module exports, and what it is given
 */
#ifndef ADIT_MODULE_H
#define ADIT_MODULE_H

#include "abi.h"

ADIT_BEGIN_DECLS

typedef struct adit_component {
	uint32_t size;
	uint32_t flags;
	const char *id;    /* unique in the module, [a-z0-9-]+ */
	const char *iface; /* ADIT_HANDLER_1 and the like */
	const void *table; /* the interface's table */
} adit_component;

typedef struct adit_module {
	uint32_t size;
	uint16_t abi_major, abi_minor;
	uint32_t flags; /* ADIT_MODULE_... */
	uint32_t zero;
	const char *name;
	const char *version;
	const char *descriptor; /* the module's JSON; in section .adit.json, readable without loading */
	const adit_component *const *components; /* null-terminated */
	/* [control] Once per loaded image, before any instance; host is kept as long as the image
	 * is loaded. *ctx goes to every create. 0 or negative, after host->fail(): then the module
	 * is not used. May be null. */
	adit_result(ADIT_CALL *init)(const adit_host *host, void **ctx);
	/* [control] After the last instance is gone; not after a failed init. May be null. */
	void(ADIT_CALL *fini)(void *ctx);
	/* [any] The table of an interface that this module offers to the host and to others, kept
	 * as long as the image is loaded; null: not offered. iface is lent. May be null. */
	const void *(ADIT_CALL *get)(void *ctx, const char *iface);
} adit_module;
enum {
	ADIT_MODULE_PRIVATE = 1 /* has global state: wants a private image of its library per shard */
};

enum { ADIT_LOG_TRACE, ADIT_LOG_DEBUG, ADIT_LOG_INFO, ADIT_LOG_WARN, ADIT_LOG_ERROR };

/* One per module, so that logs, memory and rights have an owner. Kept as long as the module is
 * loaded. */
struct adit_host {
	uint32_t size;
	uint16_t abi_major, abi_minor;
	const char *version;
	void *priv;
	const int32_t *log_level; /* lowest level wanted; read it before formatting */
	/* [any] The table of an interface of the host or of the platform module; null: not offered.
	 * Kept. */
	const void *(ADIT_CALL *get)(const adit_host *h, const char *iface);
	/* [any] size bytes, zeroed; align is a power of two, or 0 for what suits every type. It is
	 * the module's until release. Null: none, or the module's share is used up. */
	void *(ADIT_CALL *alloc)(const adit_host *h, size_t size, size_t align);
	/* [any] Takes memory of alloc back, of the same host; null is fine. */
	void(ADIT_CALL *release)(const adit_host *h, void *mem);
	/* [any] One line of UTF-8 without a line end; len bytes, lent. level is ADIT_LOG_... */
	void(ADIT_CALL *log)(const adit_host *h, int32_t level, const char *msg, size_t len);
	/* [any] Says why the call under way fails, in len bytes, lent, and returns code: return
	 * host->fail(...). Name the thing, the place and the cure. */
	adit_result(ADIT_CALL *fail)(const adit_host *h, adit_result code, const char *why, size_t len);
};

/* The only symbol a module exports. Constant; read before any code of the module runs. */
extern ADIT_EXPORT const adit_module adit_module_1;

ADIT_END_DECLS

#endif
