/* SPDX-License-Identifier: MIT
 * adit/doctor.h - what of this machine a module relies on, and how it is
 */
#ifndef ADIT_DOCTOR_H
#define ADIT_DOCTOR_H

#include "abi.h"

ADIT_BEGIN_DECLS

enum { ADIT_DOCTOR_OK, ADIT_DOCTOR_WARN, ADIT_DOCTOR_BAD };

/* One finding. name: a few words, such as "user namespaces"; text: what was found; cure: what to
 * do, or null. Lent. */
typedef void(ADIT_CALL *adit_finding)(void *arg, int32_t level, const char *name, const char *text,
                                      const char *cure);

#define ADIT_DOCTOR_1 "adit.doctor/1"
typedef struct adit_doctor_1 {
	uint32_t size;
	uint32_t zero;
	/* [control] Tries things out, changing nothing that outlives the call, for at most ten
	 * seconds. */
	void(ADIT_CALL *run)(adit_finding finding, void *arg);
} adit_doctor_1;

ADIT_END_DECLS

#endif
