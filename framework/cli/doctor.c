/* SPDX-License-Identifier: MIT
 * cli/doctor.c - doctor: what this machine has of what adit needs
 */
#include <adit/doctor.h>

#include <stdio.h>

#include "cli/commands.h"

struct findings {
	bool json;
	unsigned count, bad;
};

static void json_member(const char *name, const char *text)
{
	printf("\"%s\": \"", name);
	for (; text && *text; text++)
		printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	putchar('"');
}

static void finding(void *arg, int32_t level, const char *name, const char *text, const char *cure)
{
	static const char *const words[] = {"ok", "warn", "BAD"};
	struct findings *f = arg;

	if (level < ADIT_DOCTOR_OK || level > ADIT_DOCTOR_BAD)
		level = ADIT_DOCTOR_BAD;
	if (level == ADIT_DOCTOR_BAD)
		f->bad++;
	if (f->json) {
		printf("%s\n  {\"level\": \"%s\", ", f->count ? "," : "", level == ADIT_DOCTOR_BAD ? "bad" : words[level]);
		json_member("name", name);
		fputs(", ", stdout);
		json_member("text", text);
		fputs(", ", stdout);
		json_member("cure", cure);
		putchar('}');
	} else {
		printf("%-5s %-22s %s\n", words[level], name, text);
		if (cure && level != ADIT_DOCTOR_OK)
			printf("      %-22s cure: %s\n", "", cure);
	}
	f->count++;
}

int command_doctor(struct request *r)
{
	struct findings f = {.json = r->json};
	const adit_doctor_1 *doctor = NULL;
	struct session s;
	int err;

	err = session_init(&s, &r->session);
	if (!err)
		err = session_load(&s);
	if (!err)
		err = session_make(&s);
	session_print(&s);
	if (!err)
		doctor = host_platform_interface(s.host, ADIT_DOCTOR_1);
	if (f.json)
		putchar('[');
	if (doctor)
		doctor->run(finding, &f);
	else
		finding(&f, ADIT_DOCTOR_BAD, "platform module", "none that can examine this system is usable",
		        "see above; `adit modules --why` tells where it was looked for");
	if (f.json)
		puts("\n]");
	session_fini(&s);
	return f.bad ? 1 : 0;
}
