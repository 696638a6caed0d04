/* SPDX-License-Identifier: MIT
 * control/row.h - what is shown of a flow: copied on the flow's loop, filtered, sorted and written on the control loop
 */
#ifndef CONTROL_ROW_H
#define CONTROL_ROW_H

#include "base/jsonw.h"
#include "conf/format.h"
#include "control/request.h"
#include "flow/shard.h"

enum { ROW_PART_NAME = 33, ROW_NAME = 254 };

/* Whose a flow is, where the platform can tell (control/owners.h). */
struct flow_user {
	bool known;
	uint32_t uid;
	int32_t pid;      /* 0: no process was found */
	char process[32]; /* its short name; "": not known */
};

/* Holds no pointer: the flow and its parts may be gone when it is read. */
struct flow_row {
	adit_flow handle;
	uint64_t bytes_up, bytes_down;
	uint64_t rate_up, rate_down; /* bytes a second; ROW_NO_RATE */
	uint64_t age;                /* ns */
	adit_addr src, dst;
	uint32_t shard, shards;
	uint32_t idle; /* seconds without a packet or byte */
	int32_t code;  /* why it was refused or has ended */
	uint16_t flags;
	uint8_t proto, state;
	char handler[ROW_PART_NAME], outbound[ROW_PART_NAME], stack[ROW_PART_NAME];
	struct flow_user user;
	char name[ROW_NAME]; /* host name that it goes to; "": not known */
};
#define ROW_NO_RATE UINT64_MAX

/* [loop] */
void row_take(struct flow_row *row, const struct shard *s, const struct flow *f);
/* Its members, into an object that is begun. */
void row_write(struct jsonw *w, const struct flow_row *row);
/* "asked", "dial", "handshake", "open", "refused", "closed". Static. */
const char *row_state(const struct flow_row *row);
/* "tcp", "udp", "icmp". Static. */
const char *row_proto(const struct flow_row *row);

/* Which rows are wanted. What is not said is not judged, but closed flows have to be asked for. */
struct filter {
	uint8_t proto; /* ADIT_PROTO_TCP, _UDP, _ICMP (both versions); 0: all */
	bool by_port, by_address;
	uint16_t port; /* of either end */
	struct format_prefix address; /* of either end */
	char handler[ROW_PART_NAME], outbound[ROW_PART_NAME], stack[ROW_PART_NAME];
	char state[16]; /* "": all but closed; "all" */
	char text[REQUEST_TEXT_MOST + 1]; /* in anything that is shown, whatever the case */
};

/* From the arguments of a request. ADIT_EINVAL with why. */
int filter_read(struct filter *f, const struct request *q, char why[REQUEST_WHY]);
bool filter_fits(const struct filter *f, const struct flow_row *row);
/* Whether it says anything at all. */
bool filter_is_empty(const struct filter *f);

/* By what rows are sorted; SORT_NONE: as they are found. */
enum sort { SORT_NONE, SORT_UP_RATE, SORT_DOWN_RATE, SORT_RATE, SORT_UP, SORT_DOWN, SORT_AGE, SORT_IDLE, SORT_DST, SORT_KEYS };
/* SORT_KEYS: no such key. */
enum sort sort_named(const char *name);
/* All names with blanks between. Static. */
const char *sort_names(void);
/* Below 0 when a stands before b: the largest number first, the oldest first, destinations by alphabet. */
int sort_compare(enum sort by, const struct flow_row *a, const struct flow_row *b);

#endif
