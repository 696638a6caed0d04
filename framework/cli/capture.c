/* SPDX-License-Identifier: MIT
 * cli/capture.c - capture and trace: what passes a host that runs
 *
 * The host sends, and the file is written here, with the rights of who asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "cli/commands.h"
#include "cli/connect.h"

/* An interrupt ends our half of the connection; what the host still has to say then comes. */
static volatile sig_atomic_t asked = -1; /* the descriptor */

static void on_interrupt(int number)
{
	if (asked >= 0)
		shutdown(asked, SHUT_WR);
}

static void catch_interrupts(int fd)
{
	struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

	asked = fd;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static void begin(struct jsonw *w, const char *verb)
{
	jsonw_init(w, 65536);
	jsonw_object(w, NULL);
	jsonw_text(w, "verb", verb);
}

static void add_text(struct jsonw *w, const char *key, const char *value)
{
	if (value)
		jsonw_text(w, key, value);
}

/* A whole number of the command line; false: it is none, and said so. */
static bool add_number(struct jsonw *w, const char *key, const char *value, const char *option)
{
	char *end;
	unsigned long long v;

	if (!value)
		return true;
	errno = 0;
	v = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || !v || v > UINT32_MAX) {
		fprintf(stderr, "adit capture: %s wants a number from 1 to %u, not %s\n", option, UINT32_MAX, words_shown(value));
		return false;
	}
	jsonw_uint(w, key, v);
	return true;
}

/* ---- capture ---- */

static bool write_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		data += done;
		n -= (size_t)done;
	}
	return true;
}

static int take_piece(const struct json_node *item, int out)
{
	const char *note = json_node_text(json_node_member(item, "note"));
	const char *text = json_node_text(json_node_member(item, "pcapng"));
	size_t length = text ? strlen(text) : 0;
	uint8_t *data;
	ptrdiff_t n;
	bool written;

	if (note)
		fprintf(stderr, "adit capture: %s\n", note);
	if (!text)
		return STATUS_OK;
	data = malloc(length + 1);
	n = data ? base64_read(data, text, length) : -1;
	written = n >= 0 && write_all(out, data, (size_t)n);
	free(data);
	if (written)
		return STATUS_OK;
	if (n < 0)
		fprintf(stderr, "adit capture: the host sent what cannot be read, or memory is used up\n");
	else if (errno != EPIPE)
		fprintf(stderr, "adit capture: cannot write: %s\n", strerror(errno));
	return STATUS_REFUSED;
}

static int receive(struct connection *c, int out)
{
	struct reply reply;
	int status = STATUS_OK;

	for (;;) {
		connection_next(c, CONNECT_FOREVER, &reply);
		if (reply.kind != REPLY_ITEM)
			break;
		status = take_piece(reply.body, out);
		reply_free(&reply);
		if (status)
			return status;
	}
	status = reply_status(&reply, "capture");
	if (!status)
		fprintf(stderr, "adit capture: %llu packets, %llu lost, %llu bytes\n",
		        (unsigned long long)member_number(reply.body, "packets"),
		        (unsigned long long)member_number(reply.body, "lost"), (unsigned long long)member_number(reply.body, "bytes"));
	reply_free(&reply);
	return status;
}

static int open_file(const char *path)
{
	int fd;

	if (!path || !strcmp(path, "-")) {
		if (!isatty(1))
			return 1;
		fputs("adit capture: a terminal cannot show it: name a file with -w, or a program: adit capture | wireshark -k -i -\n",
		      stderr);
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fprintf(stderr, "adit capture: %s: %s\n", words_shown(path), strerror(errno));
	return fd;
}

int command_capture(struct request *r)
{
	struct connection c;
	struct jsonw w;
	int status, out;

	if ((r->flow != NULL) + (r->stack != NULL) + r->device > 1) {
		fputs("adit capture: one of --device, --stack and --flow\n", stderr);
		return STATUS_WORDS;
	}
	begin(&w, "capture");
	add_text(&w, "flow", r->flow);
	add_text(&w, "stack", r->stack);
	add_text(&w, "size", r->size);
	add_text(&w, "time", r->time);
	if (!add_number(&w, "limit", r->limit, "--count") || !add_number(&w, "snap", r->snap, "--snap")) {
		jsonw_fini(&w);
		return STATUS_WORDS;
	}
	jsonw_end_object(&w);
	status = connection_open(&c, "capture", r->session.name, r->socket);
	out = status ? -1 : open_file(r->write);
	if (out < 0) {
		jsonw_fini(&w);
		connection_close(&c);
		return status ? status : STATUS_WORDS;
	}
	signal(SIGPIPE, SIG_IGN);
	catch_interrupts(c.fd);
	connection_ask(&c, &w);
	status = receive(&c, out);
	asked = -1;
	connection_close(&c);
	if (out != 1 && close(out) && !status) {
		fprintf(stderr, "adit capture: %s: %s\n", words_shown(r->write), strerror(errno));
		status = STATUS_REFUSED;
	}
	return status;
}

/* ---- trace ---- */

static void show_step(const struct json_node *b)
{
	uint64_t us = member_number(b, "us"), bytes = member_number(b, "bytes");
	const char *detail = json_node_text(json_node_member(b, "detail"));

	printf("%4llu.%06llu  %-24s %-5s  %s", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
	       member_text(b, "who"), member_text(b, "way"), member_text(b, "what"));
	if (bytes)
		printf(" %llu bytes", (unsigned long long)bytes);
	printf("%s%s\n", detail ? ", " : "", detail ? detail : "");
}

int command_trace(struct request *r)
{
	struct connection c;
	struct reply reply;
	struct jsonw w;
	int status = connection_open(&c, "trace", r->session.name, r->socket);

	if (status)
		return status;
	begin(&w, "trace");
	jsonw_text(&w, "flow", r->operand);
	jsonw_end_object(&w);
	catch_interrupts(c.fd);
	connection_ask(&c, &w);
	for (;;) {
		char *text;

		connection_next(&c, CONNECT_FOREVER, &reply);
		if (reply.kind != REPLY_ITEM)
			break;
		text = r->json ? json_node_dump(reply.body) : NULL;
		if (r->json)
			puts(text ? text : "null");
		else
			show_step(reply.body);
		free(text);
		fflush(stdout);
		reply_free(&reply);
	}
	status = reply_status(&reply, "trace");
	if (!status && member_number(reply.body, "lost"))
		fprintf(stderr, "adit trace: %llu steps were lost\n", (unsigned long long)member_number(reply.body, "lost"));
	reply_free(&reply);
	asked = -1;
	connection_close(&c);
	return status;
}
