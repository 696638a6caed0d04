/* SPDX-License-Identifier: MIT
 * packet/verdict.c - names of the verdicts
 */
#include "packet/verdict.h"

static const char *const names[] = {
	[PACKET_OK] = "ok",
	[PACKET_FRAGMENT] = "fragment",
	[PACKET_SHORT] = "short",
	[PACKET_BAD_VERSION] = "bad-version",
	[PACKET_BAD_HEADER_LENGTH] = "bad-header-length",
	[PACKET_BAD_TOTAL_LENGTH] = "bad-total-length",
	[PACKET_BAD_OPTION] = "bad-option",
	[PACKET_BAD_EXTENSION] = "bad-extension",
	[PACKET_BAD_L4_LENGTH] = "bad-l4-length",
	[PACKET_BAD_FLAGS] = "bad-flags",
	[PACKET_BAD_CHECKSUM] = "bad-checksum",
	[PACKET_UNKNOWN_PROTOCOL] = "unknown-protocol",
	[PACKET_BAD_FRAGMENT] = "bad-fragment",
	[PACKET_TINY_FRAGMENT] = "tiny-fragment",
	[PACKET_FRAGMENT_OVERLAP] = "fragment-overlap",
	[PACKET_FRAGMENT_LIMIT] = "fragment-limit",
	[PACKET_FRAGMENT_TIMEOUT] = "fragment-timeout",
	[PACKET_MARTIAN_SOURCE] = "martian-source",
	[PACKET_MARTIAN_DESTINATION] = "martian-destination",
	[PACKET_LAND] = "land",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == PACKET_VERDICTS, "a verdict lacks its name");

const char *packet_verdict_name(enum packet_verdict verdict)
{
	return (unsigned)verdict < PACKET_VERDICTS ? names[verdict] : "unknown";
}
