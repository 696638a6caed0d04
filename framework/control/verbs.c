/* SPDX-License-Identifier: MIT
 * control/verbs.c - the table of verbs
 */
#include "control/verbs.h"

#define FILTER ARG_PROTO, ARG_ADDRESS, ARG_PORT, ARG_HANDLER, ARG_OUTBOUND, ARG_STACK, ARG_STATE, ARG_TEXT

const struct verb verbs[] = {
	{"hello", false, verb_hello, {ARG_END}},
	{"status", false, verb_status, {ARG_END}},
	{"counters", false, verb_counters, {ARG_END}},
	{"flows", false, verb_flows, {FILTER, ARG_SORT, ARG_LIMIT, ARG_RATES, ARG_END}},
	{"flow", false, verb_flow, {ARG_FLOW, ARG_END}},
	{"follow", false, verb_follow, {FILTER, ARG_RATES, ARG_END}},
	{"close", true, verb_close, {ARG_FLOW, FILTER, ARG_LIMIT, ARG_CONFIRM, ARG_END}},
	{"diff", false, verb_diff, {ARG_END}},
	{"reload", true, verb_reload, {ARG_DRAIN, ARG_END}},
	{"swap", true, verb_swap, {ARG_STACK, ARG_PROTO, ARG_DRAIN, ARG_UNDO, ARG_END}},
	{"capture", true, verb_capture, {ARG_FLOW, ARG_STACK, ARG_LIMIT, ARG_SIZE, ARG_TIME, ARG_SNAP, ARG_END}},
	{"trace", false, verb_trace, {ARG_FLOW, ARG_END}},
	{"log", false, verb_log, {ARG_LEVEL, ARG_END}},
	{"log-level", true, verb_log_level, {ARG_LEVEL, ARG_END}},
};
const unsigned verb_count = sizeof(verbs) / sizeof(verbs[0]);
