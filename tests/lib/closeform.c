/* SPDX-License-Identifier: MIT
 * closeform.c - every way in which a connection ends, and what each end sees of it
 *
 *   closeform serve PORT            says per connection, on its output: "ID FORM saw OUTCOME"
 *   closeform FORM ADDRESS PORT ID  plays the client of one form and prints the outcome it saw
 *
 * Forms: client-fin server-fin client-half server-half client-reset server-reset
 * server-reset-unread client-reset-midway server-reset-midway connect udp-closed. An outcome is
 * "end N" (N bytes, then the regular end), "reset N", "nothing N" (deadline), or the errno of
 * connecting: refused, host-unreachable, net-unreachable, prohibited, no-answer. The client tells
 * the server form and id in its first line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	WAIT_S = 4,	   /* for anything that has to come */
	CONNECT_MS = 2500, /* long enough for a lost SYN to be sent again, once */
	WORD = 1000,	   /* bytes that an end says */
	MUCH = 4000000	   /* bytes that do not fit into any buffer on the way at once */
};

struct outcome {
	const char *how;
	unsigned long bytes;
};

static void deadline(int fd)
{
	struct timeval t = {.tv_sec = WAIT_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static void say(int fd, unsigned long size)
{
	char data[WORD];

	memset(data, 'x', sizeof(data));
	while (size) {
		ssize_t n = send(fd, data, size < WORD ? size : WORD, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		size -= (unsigned long)n;
	}
}

/* Takes bytes until the end, a reset, the deadline, or until there are as many as wanted. */
static struct outcome hear(int fd, unsigned long want)
{
	struct outcome o = {.how = "got"};
	char data[65536];

	while (o.bytes < want) {
		size_t room = want - o.bytes < sizeof(data) ? want - o.bytes : sizeof(data);
		ssize_t n = recv(fd, data, room, 0);

		if (n <= 0) {
			o.how = n == 0					? "end"
				: errno == ECONNRESET || errno == EPIPE ? "reset"
									: "nothing";
			return o;
		}
		o.bytes += (unsigned long)n;
	}
	return o;
}

static const unsigned long ALL = ~0ul;

static void reset(int fd)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

/* Each form is one function per end. Both sides of a form begin after the client's first line. */
static struct outcome hear_and_close(int fd)
{
	struct outcome o = hear(fd, ALL);

	close(fd);
	return o;
}

static struct outcome say_and_close(int fd)
{
	say(fd, WORD);
	shutdown(fd, SHUT_WR);
	return hear_and_close(fd);
}

static struct outcome hear_then_say(int fd)
{
	struct outcome o = hear(fd, ALL);

	usleep(200000); /* the other direction has to outlive the first one's end by more than a
			   moment */
	say(fd, WORD);
	close(fd);
	return o;
}

static struct outcome say_then_reset(int fd)
{
	struct outcome o = {.how = "left"};

	say(fd, WORD);
	hear(fd, 1); /* the other end has it all */
	reset(fd);
	return o;
}

static struct outcome hear_word_then_wait(int fd)
{
	struct outcome word = hear(fd, WORD), o;

	say(fd, 1);
	o = hear(fd, ALL);
	o.bytes += word.bytes;
	close(fd);
	return o;
}

static struct outcome leave_unread(int fd)
{
	struct outcome o = {.how = "left"};

	usleep(300000); /* the client's word is in the receive buffer by now, and nobody reads it */
	close(fd);
	return o;
}

static struct outcome say_word_then_wait(int fd)
{
	say(fd, WORD);
	return hear_and_close(fd);
}

static struct outcome hear_some_then_reset(int fd)
{
	struct outcome o = hear(fd, 100000);

	reset(fd);
	o.how = "left";
	return o;
}

/* Writing meets the reset; it must not look like a peer that is merely slow. */
static struct outcome say_much(int fd)
{
	struct outcome o = {.how = "nothing"};
	char data[WORD];
	ssize_t n = 0;

	memset(data, 'x', sizeof(data));
	while (o.bytes < 25ul * MUCH && (n = send(fd, data, sizeof(data), MSG_NOSIGNAL)) > 0)
		o.bytes += (unsigned long)n;
	if (n < 0 && (errno == ECONNRESET || errno == EPIPE))
		o.how = "reset";
	o.bytes = 0; /* how many fitted on the way is chance */
	close(fd);
	return o;
}

static const struct form {
	const char *name;
	struct outcome (*client)(int fd), (*server)(int fd);
} forms[] = {
    {"client-fin", say_and_close, hear_and_close},
    {"server-fin", hear_and_close, say_and_close},
    {"client-half", say_and_close, hear_then_say},
    {"server-half", hear_then_say, say_and_close},
    {"client-reset", say_then_reset, hear_word_then_wait},
    {"server-reset", hear_word_then_wait, say_then_reset},
    {"server-reset-unread", say_word_then_wait, leave_unread},
    {"client-reset-midway", hear_some_then_reset, say_much},
    {"server-reset-midway", say_much, hear_some_then_reset},
};

static const struct form *form_find(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	return NULL;
}

static void serve_one(int fd)
{
	char line[128], form[64], id[32];
	const struct form *f;
	struct outcome o;
	size_t size = 0;

	deadline(fd);
	while (size < sizeof(line) - 1 && recv(fd, line + size, 1, 0) == 1 && line[size++] != '\n')
		;
	line[size] = 0;
	if (sscanf(line, "%63s %31s", form, id) != 2 || !(f = form_find(form))) {
		printf("? ? saw no form\n");
		return;
	}
	o = f->server(fd);
	printf("%s %s saw %s %lu\n", id, form, o.how, o.bytes);
}

static int serve(uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int one = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 64)) {
		perror("closeform: listening");
		return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int got = accept(fd, NULL, NULL);

		if (got >= 0 && fork() == 0) {
			close(fd);
			serve_one(got);
			fflush(stdout);
			_exit(0);
		}
		if (got >= 0)
			close(got);
	}
}

static const char *name_of(int err)
{
	switch (err) {
	case ECONNREFUSED: return "refused";
	case EHOSTUNREACH: return "host-unreachable";
	case ENETUNREACH: return "net-unreachable";
	case EACCES: return "prohibited";
	case ECONNRESET: return "reset";
	case EINPROGRESS:
	case EAGAIN:
	case ETIMEDOUT: return "no-answer";
	default: return strerror(err);
	}
}

static socklen_t address(struct sockaddr_storage *to, const char *text, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
		return sizeof(*v6);
	}
	fprintf(stderr, "closeform: '%s' is no numeric address\n", text);
	exit(2);
}

/* What an application sees that asks a UDP port where nobody is. */
static int udp_closed(const struct sockaddr_storage *to, socklen_t size)
{
	int fd = socket(to->ss_family, SOCK_DGRAM, 0);
	struct timeval t = {.tv_sec = 2};
	char data[16] = "anybody there?";

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect(fd, (const struct sockaddr *)to, size) || send(fd, data, sizeof(data), 0) < 0 ||
	    recv(fd, data, sizeof(data), 0) < 0)
		puts(name_of(errno));
	else
		puts("answered");
	return 0;
}

static int dial(const struct sockaddr_storage *to, socklen_t size, int *out)
{
	int fd = socket(to->ss_family, SOCK_STREAM, 0);
	struct timeval t = {.tv_usec = (CONNECT_MS % 1000) * 1000, .tv_sec = CONNECT_MS / 1000};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)); /* bounds connect() too */
	if (connect(fd, (const struct sockaddr *)to, size))
		return errno;
	*out = fd;
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_storage to;
	const struct form *f;
	struct outcome o;
	socklen_t size;
	int fd = -1, err;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve((uint16_t)atoi(argv[2]));
	if (argc < 4) {
		fprintf(stderr, "usage: closeform serve PORT | closeform FORM ADDRESS PORT ID\n");
		return 2;
	}
	size = address(&to, argv[2], argv[3]);
	if (!strcmp(argv[1], "udp-closed"))
		return udp_closed(&to, size);
	err = dial(&to, size, &fd);
	if (err || !strcmp(argv[1], "connect")) {
		puts(err ? name_of(err) : "connected");
		return 0;
	}
	f = form_find(argv[1]);
	if (!f || argc < 5) {
		fprintf(stderr, "closeform: no form '%s', or no id for it\n", argv[1]);
		return 2;
	}
	deadline(fd);
	dprintf(fd, "%s %s\n", f->name, argv[4]);
	o = f->client(fd);
	printf("saw %s %lu\n", o.how, o.bytes);
	return 0;
}
