/* SPDX-License-Identifier: MIT
 * outbound-direct/outbound-direct.c
 */
#include <adit/adit.h>

static const adit_component *const components[] = {0};

const adit_module adit_module_1 = {
	sizeof(adit_module), ADIT_ABI_MAJOR, ADIT_ABI_MINOR, 0, 0, "outbound-direct", "0", adit_descriptor, components, 0, 0, 0,
};
