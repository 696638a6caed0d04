/* SPDX-License-Identifier: MIT
 * host/trace.c - what is said about one flow
 */
#include "host/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "os/os.h"

enum { RING = 1 << 20, AFTER_END_MS = 500, WHO = 64, DETAIL = 256 };

struct trace {
	struct tapping *tapping;
	uint64_t began, deadline;
	bool over;
	char who[WHO], detail[DETAIL], number[32];
};

static const char *const events[] = {
	[ADIT_EV_OPEN] = "OPEN",     [ADIT_EV_DATA] = "DATA",     [ADIT_EV_DGRAM] = "DGRAM",   [ADIT_EV_FIN] = "FIN",
	[ADIT_EV_CREDIT] = "CREDIT", [ADIT_EV_CLOSED] = "CLOSED", [ADIT_EV_SOCKET] = "SOCKET",
};
static const char *const ops[] = {
	[ADIT_OP_ACCEPT] = "ACCEPT",   [ADIT_OP_PASS] = "PASS",       [ADIT_OP_REJECT] = "REJECT", [ADIT_OP_DROP] = "DROP",
	[ADIT_OP_SEND] = "SEND",       [ADIT_OP_CONSUME] = "CONSUME", [ADIT_OP_FIN] = "FIN",       [ADIT_OP_CLOSE] = "CLOSE",
	[ADIT_OP_ABORT] = "ABORT",     [ADIT_OP_IDLE] = "IDLE",       [ADIT_OP_FORWARD] = "FORWARD",
	[ADIT_OP_RELEASE] = "RELEASE", [ADIT_OP_UNREAD] = "UNREAD",   [ADIT_OP_NAME] = "NAME",     [ADIT_OP_SOCKET] = "SOCKET",
};

static const char *name_of(struct trace *t, const char *const *names, size_t count, unsigned type)
{
	if (type < count && names[type])
		return names[type];
	snprintf(t->number, sizeof(t->number), "type %u", type);
	return t->number;
}

int trace_new(struct trace **out, struct host *h, uint32_t shard, adit_flow flow, void (*news)(void *arg), void *arg)
{
	struct tapping_options taps = {
		.kind = TAP_FLOW, .flow = flow, .shard = shard, .words = true, .ring = RING, .news = news, .arg = arg};
	struct trace *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return ADIT_ENOMEM;
	t->began = os_now();
	err = tapping_new(&t->tapping, h, &taps);
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return ADIT_OK;
}

/* ---- steps ---- */

static void packet_step(struct trace *t, const struct tap_record *r, struct trace_step *out)
{
	static const struct {
		uint8_t bit;
		char name;
	} flags[] = {{0x02, 'S'}, {0x10, 'A'}, {0x08, 'P'}, {0x01, 'F'}, {0x04, 'R'}};
	char shown[8];
	size_t i, n = 0;

	out->who = "device";
	out->way = r->what == TAP_UP ? "up" : "down";
	out->what = "packet";
	out->packet = true;
	out->bytes = r->len;
	if (r->proto != ADIT_PROTO_TCP)
		return;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (r->type & flags[i].bit)
			shown[n++] = flags[i].name;
	shown[n] = 0;
	snprintf(t->detail, sizeof(t->detail), "%s seq %u ack %u", shown, (unsigned)(r->number >> 32),
	         (unsigned)(r->number & UINT32_MAX));
}

static void said(struct trace *t, const struct tap_record *r, struct trace_step *out)
{
	static const char *const kinds[] = {"platform", "stack", "handler", "outbound", "service"};

	snprintf(t->who, sizeof(t->who), "%s %s", r->part_kind < PART_KINDS ? kinds[r->part_kind] : "part", r->part);
	out->who = t->who;
	out->way = r->to ? "hears" : "says";
	out->bytes = r->number;
}

static void op_detail(struct trace *t, const struct tap_record *r)
{
	char address[ENDPOINT_TEXT];

	if (r->type == ADIT_OP_FORWARD)
		snprintf(t->detail, sizeof(t->detail), "outbound %d%s%s%s", r->code, r->flags & ADIT_OPF_CONNECT_FIRST ? ", connect first" : "",
		         r->dst.family ? ", to " : "", r->dst.family ? endpoint_text(&r->dst, address) : "");
	else if (r->type == ADIT_OP_NAME)
		snprintf(t->detail, sizeof(t->detail), "%s", r->handler);
	else if (r->type == ADIT_OP_REJECT || (r->type == ADIT_OP_ABORT && r->code))
		snprintf(t->detail, sizeof(t->detail), "%s", err_text(r->code));
	else if (r->type == ADIT_OP_ACCEPT && r->to && r->flags & ADIT_OPF_SOCKET)
		snprintf(t->detail, sizeof(t->detail), "its socket is wanted");
}

static void end_step(struct trace *t, const struct tap_record *r, struct trace_step *out)
{
	out->who = "flow";
	out->way = "ends";
	out->what = r->code ? err_text(r->code) : "closed";
	out->bytes = r->bytes_up + r->bytes_down;
	snprintf(t->detail, sizeof(t->detail), "up %" PRIu64 ", down %" PRIu64 " bytes, handler %s, outbound %s", r->bytes_up,
	         r->bytes_down, *r->handler ? r->handler : "-", *r->outbound ? r->outbound : "-");
	t->deadline = os_now() + AFTER_END_MS * (OS_SECOND / 1000);
}

bool trace_next(struct trace *t, struct trace_step *out)
{
	struct tap_record *r = t->over ? NULL : tapping_front(t->tapping);

	if (!r) {
		if (!t->over && (tapping_result(t->tapping) != ADIT_OK || (t->deadline && os_now() > t->deadline)))
			t->over = true;
		return false;
	}
	*out = (struct trace_step){.ns = r->ns > t->began ? r->ns - t->began : 0, .detail = t->detail, .code = r->code};
	t->detail[0] = 0;
	if (r->what == TAP_UP || r->what == TAP_DOWN) {
		packet_step(t, r, out);
	} else if (r->what == TAP_END) {
		end_step(t, r, out);
	} else if (r->what == TAP_EVENT) {
		said(t, r, out);
		out->what = name_of(t, events, sizeof(events) / sizeof(events[0]), r->type);
		if (r->code)
			snprintf(t->detail, sizeof(t->detail), "%s", err_text(r->code));
	} else {
		said(t, r, out);
		out->what = name_of(t, ops, sizeof(ops) / sizeof(ops[0]), r->type);
		op_detail(t, r);
	}
	tapping_pop(t->tapping);
	return true;
}

bool trace_over(const struct trace *t, int *result)
{
	*result = tapping_result(t->tapping);
	return t->over;
}

uint64_t trace_lost(const struct trace *t)
{
	return tapping_lost(t->tapping);
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	tapping_free(t->tapping);
	free(t);
}
