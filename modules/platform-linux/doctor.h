/* SPDX-License-Identifier: MIT
 * platform-linux/doctor.h - adit.doctor/1: what of this machine the platform relies on
 */
#ifndef PLATFORM_DOCTOR_H
#define PLATFORM_DOCTOR_H

#include <adit/doctor.h>

extern const adit_doctor_1 doctor_table;

#endif
