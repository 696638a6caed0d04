/* SPDX-License-Identifier: MIT
 * control/row.c - what is shown of a flow
 */
#include "control/row.h"

#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "flow/flow.h"
#include "flow/flowid.h"
#include "os/os.h"

static void part_name(char out[ROW_PART_NAME], const struct shard *s, enum part_kind kind, uint8_t index)
{
	const struct part *p = index < s->part_count[kind] ? s->parts[kind][index] : NULL;

	snprintf(out, ROW_PART_NAME, "%s", p ? p->name : "");
}

void row_take(struct flow_row *row, const struct shard *s, const struct flow *f)
{
	uint64_t now = loop_now(s->loop);
	uint32_t seconds = (uint32_t)(now / OS_SECOND);

	memset(row, 0, offsetof(struct flow_row, handler));
	row->handle = flow_handle(f);
	row->bytes_up = f->bytes_up;
	row->bytes_down = f->bytes_down;
	row->rate_up = row->rate_down = ROW_NO_RATE;
	row->age = now > f->opened ? now - f->opened : 0;
	row->src = f->info.src;
	row->dst = f->info.dst;
	row->shard = s->index;
	row->shards = s->count;
	row->idle = seconds > f->last ? seconds - f->last : 0;
	row->proto = f->info.proto;
	row->state = f->state;
	row->flags = f->flags;
	if (f->flags & FLOW_REFUSED)
		row->code = (int32_t)(int64_t)f->user;
	row->user.known = false;
	part_name(row->handler, s, PART_HANDLER, f->handler);
	part_name(row->outbound, s, PART_OUTBOUND, f->outbound);
	part_name(row->stack, s, PART_STACK, f->stack);
	snprintf(row->name, sizeof(row->name), "%s", flow_name(f) ? flow_name(f) : "");
}

const char *row_proto(const struct flow_row *row)
{
	return flow_protocol_name(row->proto);
}

const char *row_state(const struct flow_row *row)
{
	if (row->flags & FLOW_REFUSED)
		return "refused";
	if (row->state == FLOW_OPEN && row->proto == ADIT_PROTO_TCP && !(row->flags & FLOW_ESTABLISHED))
		return "handshake";
	return flow_state_name((enum flow_state)row->state);
}

static void write_known(struct jsonw *w, const char *key, const char *text)
{
	jsonw_text(w, key, *text ? text : NULL);
}

void row_write(struct jsonw *w, const struct flow_row *row)
{
	char text[ENDPOINT_TEXT], id[FLOWID_TEXT];

	jsonw_text(w, "flow", flowid_text(row->handle, row->shard, row->shards, id));
	jsonw_text(w, "proto", row_proto(row));
	jsonw_text(w, "src", endpoint_text(&row->src, text));
	jsonw_text(w, "dst", endpoint_text(&row->dst, text));
	write_known(w, "name", row->name);
	write_known(w, "handler", row->handler);
	write_known(w, "outbound", row->outbound);
	write_known(w, "stack", row->stack);
	if (row->user.known)
		jsonw_uint(w, "uid", row->user.uid);
	if (row->user.known && row->user.pid) {
		jsonw_int(w, "pid", row->user.pid);
		write_known(w, "process", row->user.process);
	}
	jsonw_uint(w, "shard", row->shard);
	jsonw_uint(w, "up", row->bytes_up);
	jsonw_uint(w, "down", row->bytes_down);
	if (row->rate_up != ROW_NO_RATE) {
		jsonw_uint(w, "up_rate", row->rate_up);
		jsonw_uint(w, "down_rate", row->rate_down);
	}
	jsonw_thousandths(w, "age", row->age / 1000000);
	jsonw_uint(w, "idle", row->idle);
	jsonw_text(w, "state", row_state(row));
	if (row->code)
		jsonw_text(w, "cause", err_text(row->code));
}
