/* SPDX-License-Identifier: MIT
 * adit/owner.h - whose a flow is: user, process, control group
 *
 * Offered by platform modules that can know. The answer is what holds at the moment of the question: ask when the flow
 * is new, for a process may end or hand its socket on at any time.
 */
#ifndef ADIT_OWNER_H
#define ADIT_OWNER_H

#include "flow.h"

ADIT_BEGIN_DECLS

/* The caller sets size; what lies beyond the size that the platform knows stays as it is. Texts are null-terminated; what
 * is not known, or too long for its place, is empty. */
typedef struct adit_owner {
	uint32_t size;
	uint32_t uid; /* of the socket, as the host's user namespace counts */
	uint32_t gid; /* of the process; only if pid is set */
	int32_t pid;  /* one process that holds the socket; 0: none was found */
	char name[32];    /* the process's short name */
	char path[512];   /* the program's file */
	char cgroup[512]; /* path in the version 2 hierarchy, "/user.slice/..." */
} adit_owner;

#define ADIT_OWNER_1 "adit.owner/1"
typedef struct adit_owner_1 {
	uint32_t size;
	uint32_t zero;
	/* [pool] Finds the owner of the application's socket of a flow. info is lent. Takes up to 100 ms, some tens of
	 * microseconds as a rule. ADIT_ENOENT: no such socket there (it has been closed; it is of a protocol of which the
	 * system does not tell, such as echo), ADIT_ENOSYS: this system cannot tell, ADIT_ETIME. */
	adit_result(ADIT_CALL *find)(const adit_flow_info *info, adit_owner *out);
} adit_owner_1;

ADIT_END_DECLS

#endif
