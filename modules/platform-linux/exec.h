/* SPDX-License-Identifier: MIT
 * platform-linux/exec.h - adit.exec/1: commands in places, the owner's side
 */
#ifndef PLATFORM_EXEC_H
#define PLATFORM_EXEC_H

#include <adit/exec.h>

extern const adit_exec_1 exec_table;

#endif
