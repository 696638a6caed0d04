/* SPDX-License-Identifier: MIT
 * host/capture.c - records of taps, written as pcapng
 */
#include "host/capture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "flow/flow.h"
#include "flow/flowid.h"
#include "observe/pcapng.h"
#include "os/os.h"
#include "packet/checksum.h"
#include "packet/parse.h"
#include "packet/wire.h"

enum {
	RINGS = 32 << 20, /* bytes, of all shards */
	RING_LEAST_OF_ONE = 2 << 20,
	RING_MOST_OF_ONE = 16 << 20,
	WAITS_MOST = 256 << 10,  /* bytes of file that are made ahead of the reader */
	NOTES_MOST = 900,        /* bytes of comments that wait for a packet to stand at */
	AFTER_END_MS = 500       /* a flow's last packets come after its end */
};

struct capture {
	struct tapping *tapping;
	struct pcapng file;
	struct capture_options options;
	unsigned shards;
	uint64_t date;     /* what makes a date of os_now() */
	uint64_t began, deadline; /* os_now(); 0: none */
	uint64_t packets, bytes, lost;
	char notes[NOTES_MOST]; /* what the next packet's comment begins with */
	int result;
	bool over;
};

const char *capture_note(void)
{
	return "Packets that a stack leaves to the kernel are not in it. stack-system in its form \"transparent\": the kernel "
	       "answers TCP by itself, and with \"shortcut\" (on by default) segments of accepted connections never come to "
	       "adit; {\"shortcut\": false} in the stack's settings brings those of the applications here.";
}

static void begin(struct capture *c)
{
	char what[128];

	snprintf(what, sizeof(what), "%s%s", c->options.kind == TAP_DEVICE  ? "the device"
	                                     : c->options.kind == TAP_STACK ? "stack "
	                                                                    : "one flow",
	         c->options.kind == TAP_STACK ? c->options.stack : "");
	pcapng_section(&c->file, "adit " ADIT_VERSION, capture_note());
	pcapng_interface(&c->file, PCAPNG_LINK_RAW, c->options.snap, "adit", what);
}

static void on_news(void *arg)
{
	struct capture *c = arg;

	c->options.news(c->options.arg);
}

static size_t ring_size(unsigned shards)
{
	size_t size = RING_MOST_OF_ONE;

	while (size > RING_LEAST_OF_ONE && size * shards > RINGS)
		size /= 2;
	return size;
}

int capture_new(struct capture **out, struct host *h, const struct capture_options *options)
{
	struct tapping_options taps = {
		.kind = options->kind,
		.stack = options->stack,
		.flow = options->flow,
		.shard = options->shard,
		.snap = options->snap && options->snap < TAPPING_SNAP_MOST ? options->snap : TAPPING_SNAP_MOST,
		.ring = ring_size(host_shards(h)),
		.news = on_news,
	};
	struct capture *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return ADIT_ENOMEM;
	c->options = *options;
	c->shards = host_shards(h);
	c->began = os_now();
	c->date = os_date() - c->began;
	c->deadline = options->ns ? c->began + options->ns : 0;
	taps.arg = c;
	begin(c);
	c->options.stack = NULL;
	err = c->file.failed ? ADIT_ENOMEM : tapping_new(&c->tapping, h, &taps);
	if (err) {
		capture_free(c);
		return err;
	}
	*out = c;
	return ADIT_OK;
}

/* ---- comments ---- */

static size_t put_flow(const struct capture *c, const struct tap_record *r, char *out, size_t size)
{
	char id[FLOWID_TEXT], src[ENDPOINT_TEXT], dst[ENDPOINT_TEXT];
	int n = snprintf(out, size, "flow %s %s %s -> %s", flowid_text(r->flow, r->shard, c->shards, id),
	                 flow_protocol_name(r->proto),
	                 endpoint_text(&r->src, src), endpoint_text(&r->dst, dst));

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

/* A line for the next packet's comment; dropped if too many wait already. */
static void note(struct capture *c, const char *line)
{
	size_t used = strlen(c->notes), n = strlen(line);

	if (used + n + 2 > sizeof(c->notes))
		return;
	if (used)
		c->notes[used++] = '\n';
	memcpy(c->notes + used, line, n + 1);
}

static void note_begin(struct capture *c, const struct tap_record *r)
{
	char line[400];
	size_t n = put_flow(c, r, line, sizeof(line));

	snprintf(line + n, sizeof(line) - n, ": stack %s, handler %s, %s%s", r->stack, *r->handler ? r->handler : "-",
	         *r->outbound ? "forwarded to outbound " : "accepted", r->outbound);
	note(c, line);
}

static void note_end(struct capture *c, const struct tap_record *r)
{
	char line[400];
	size_t n = put_flow(c, r, line, sizeof(line));

	snprintf(line + n, sizeof(line) - n, ": ended after %.3f s, up %" PRIu64 ", down %" PRIu64 " bytes: %s",
	         (double)(r->ns - r->opened) / (double)OS_SECOND, r->bytes_up,
	         r->bytes_down, r->code ? err_text(r->code) : "closed");
	note(c, line);
}

/* ---- packets ---- */

/* The field holds the sum over the pseudo header, so the sum over all of L4 is the whole one. */
static bool complete(struct tap_record *r)
{
	uint8_t *data = (uint8_t *)(r + 1);
	struct packet_view v;
	enum packet_verdict verdict = r->buf_flags & ADIT_BUF_GSO ? packet_parse_super(data, r->kept, &v)
	                                                          : packet_parse(data, r->kept, &v);
	uint16_t check;
	uint32_t at;

	if (verdict != PACKET_OK || r->kept != r->len || v.total > r->kept)
		return false;
	at = v.l4 + (v.proto == ADIT_PROTO_TCP ? (uint32_t)WIRE_TCP_CHECKSUM
	             : v.proto == ADIT_PROTO_UDP ? (uint32_t)WIRE_UDP_CHECKSUM
	                                         : (uint32_t)WIRE_ICMP_CHECKSUM);
	check = checksum_finish(checksum_add(0, data + v.l4, v.total - v.l4));
	if (v.proto == ADIT_PROTO_UDP)
		check = checksum_udp(check);
	wire_put16(data + at, check);
	return true;
}

static void write_packet(struct capture *c, struct tap_record *r)
{
	uint32_t flags = r->what == TAP_UP ? PCAPNG_OUT : PCAPNG_IN; /* as a capture of the device in its kernel has it */

	if (r->named)
		note_begin(c, r);
	if (r->buf_flags & ADIT_BUF_CSUM_NEEDED && !complete(r))
		flags |= PCAPNG_CHECKSUM_NOT_READY;
	if (r->buf_flags & ADIT_BUF_GSO)
		flags |= PCAPNG_SEGMENTATION;
	pcapng_packet(&c->file, 0, c->date + r->ns, (const uint8_t *)(r + 1), r->kept, r->len, flags, c->notes);
	c->notes[0] = 0;
	c->packets++;
}

static void finish(struct capture *c, int result)
{
	if (c->over)
		return;
	c->over = true;
	c->result = result;
	if (c->tapping) {
		c->lost = tapping_lost(c->tapping);
		pcapng_statistics(&c->file, 0, c->date + c->began, c->date + os_now(), c->packets + c->lost, c->lost, c->notes);
	}
	tapping_free(c->tapping);
	c->tapping = NULL;
}

void capture_end(struct capture *c)
{
	finish(c, ADIT_OK);
}

static bool enough(const struct capture *c)
{
	return (c->options.packets && c->packets >= c->options.packets) ||
	       (c->options.bytes && c->bytes + pcapng_waits(&c->file) >= c->options.bytes);
}

static void flow_ended(struct capture *c, const struct tap_record *r)
{
	uint64_t at = os_now() + AFTER_END_MS * (OS_SECOND / 1000);

	note_end(c, r);
	if (c->options.kind == TAP_FLOW && (!c->deadline || at < c->deadline))
		c->deadline = at;
}

static void fill(struct capture *c)
{
	struct tap_record *r;

	while (!c->over && !enough(c) && pcapng_waits(&c->file) < WAITS_MOST && (r = tapping_front(c->tapping)) != NULL) {
		if (c->deadline && r->ns > c->deadline)
			break;
		if (r->what == TAP_END)
			flow_ended(c, r);
		else
			write_packet(c, r);
		tapping_pop(c->tapping);
	}
	if (c->over)
		return;
	if (c->file.failed)
		finish(c, ADIT_ENOMEM);
	else if (tapping_result(c->tapping) != ADIT_OK)
		finish(c, tapping_result(c->tapping));
	else if (enough(c) || (c->deadline && os_now() > c->deadline && pcapng_waits(&c->file) < WAITS_MOST))
		finish(c, ADIT_OK);
}

size_t capture_front(struct capture *c, const uint8_t **bytes)
{
	fill(c);
	*bytes = c->file.bytes + c->file.taken;
	return pcapng_waits(&c->file);
}

void capture_take(struct capture *c, size_t n)
{
	pcapng_taken(&c->file, n);
	c->bytes += n;
}

bool capture_over(const struct capture *c, int *result)
{
	*result = c->result;
	return c->over;
}

void capture_count(const struct capture *c, struct capture_counts *out)
{
	out->packets = c->packets;
	out->lost = c->tapping ? tapping_lost(c->tapping) : c->lost;
	out->bytes = c->bytes;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	tapping_free(c->tapping);
	free(c->file.bytes);
	free(c);
}
