/* SPDX-License-Identifier: MIT
 * flow/flowid.h - the name of a flow that people see and type, such as "3k.1"
 *
 * Before the point slot and shard in one number (slot * shards + shard), behind it the slot's generation; both in 32
 * digits without i, l, o and u. It names one flow for as long as the host runs, and a handle can be had back from it.
 */
#ifndef FLOW_FLOWID_H
#define FLOW_FLOWID_H

#include <stdbool.h>

#include <adit/abi.h>

enum { FLOWID_TEXT = 24 /* bytes that hold any */ };

/* Returns out. shards is at least 1, shard below it. */
const char *flowid_text(adit_flow handle, uint32_t shard, uint32_t shards, char out[FLOWID_TEXT]);
/* Reads the whole text; upper case counts as lower. False, leaving both alone: it is no such name. Whether there is such
 * a flow is another question. */
bool flowid_read(const char *text, uint32_t shards, adit_flow *handle, uint32_t *shard);

#endif
