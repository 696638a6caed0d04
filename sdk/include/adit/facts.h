/* SPDX-License-Identifier: MIT
 * adit/facts.h - what a platform knows about the system under it that decides which stack can work there
 *
 * Offered by platforms. A platform that does not offer it is taken for one without anything unusual. Its embedder may know
 * better than the platform: by convention a platform module takes the same facts in its settings, as members of an object
 * named "facts" ("include_all_networks", "system", "release"), which then hold; the host reads them there too when a
 * manifest is checked without being run.
 */
#ifndef ADIT_FACTS_H
#define ADIT_FACTS_H

#include "abi.h"

ADIT_BEGIN_DECLS

/* The caller sets size; what lies beyond the size that the platform knows stays as it is. Texts are null-terminated, and
 * empty where the platform does not know. */
typedef struct adit_facts {
	uint32_t size;
	/* 1: the system sends everything of this machine into the device, the packets that a process writes back to it among
	 * them (Apple's includeAllNetworks): no connection through the device reaches this machine's own kernel. */
	uint32_t include_all_networks;
	char system[16];  /* "linux", "android", "darwin", ... */
	char release[64]; /* of the kernel, as uname(2) has it: "5.4.61-android11" */
} adit_facts;

#define ADIT_PLATFORM_FACTS_1 "adit.platform-facts/1"
typedef struct adit_platform_facts_1 {
	uint32_t size;
	uint32_t zero;
	/* [control] Writes what it knows to *out; the same for as long as the platform's instances live. From the create of
	 * the first one on; before that, and after the last one, what the system alone tells. Does not block. */
	void(ADIT_CALL *get)(adit_facts *out);
} adit_platform_facts_1;

ADIT_END_DECLS

#endif
