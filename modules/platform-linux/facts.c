/* SPDX-License-Identifier: MIT
 * platform-linux/facts.c - what stands under us: the system, its kernel, and what its embedder says of it
 */
#include "facts.h"

#include <string.h>
#include <sys/utsname.h>

static adit_facts said; /* empty: ask the system */

void facts_use(const adit_facts *s)
{
	if (s)
		said = *s;
	else
		memset(&said, 0, sizeof(said));
}

static void copy(char *out, size_t room, const char *text)
{
	size_t len = strnlen(text, room - 1);

	memcpy(out, text, len);
	out[len] = 0;
}

static void ADIT_CALL facts_get(adit_facts *out)
{
#ifdef __ANDROID__
	static const char built_for[] = "android";
#else
	static const char built_for[] = "linux";
#endif
	adit_facts now = said;
	struct utsname u;

	if (!now.system[0])
		copy(now.system, sizeof(now.system), built_for);
	if (!now.release[0] && uname(&u) == 0)
		copy(now.release, sizeof(now.release), u.release);
	now.size = out->size < sizeof(now) ? out->size : (uint32_t)sizeof(now);
	memcpy(out, &now, now.size);
}

const adit_platform_facts_1 facts_table = {sizeof(adit_platform_facts_1), 0, facts_get};
