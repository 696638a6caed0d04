/* SPDX-License-Identifier: MIT
 * os/notify.c - what a service manager is told, and the descriptors it passes
 */
#include "os/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT = 1024, FIRST = 3, DESCRIPTORS_MOST = 1024 };

static const char *socket_name(void)
{
	const char *name = secure_getenv("NOTIFY_SOCKET");

	return name && (name[0] == '/' || name[0] == '@') && name[1] ? name : NULL;
}

bool notify_wanted(void)
{
	return socket_name() != NULL;
}

bool notify_send(const char *format, ...)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *name = socket_name();
	char text[TEXT];
	va_list args;
	size_t len;
	int n, fd;

	if (!name || strlen(name) >= sizeof(to.sun_path))
		return false;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(text))
		return false;
	len = strlen(name);
	memcpy(to.sun_path, name, len);
	if (*name == '@')
		to.sun_path[0] = 0; /* abstract */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	n = (int)sendto(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to,
	                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
	return n >= 0;
}

/* A whole decimal number; false: it is none. */
static bool number(const char *text, uint64_t *out)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

/* What is meant for another process is not for us. */
static bool ours(const char *variable, bool must)
{
	uint64_t pid;

	if (!getenv(variable))
		return !must;
	return number(secure_getenv(variable), &pid) && pid == (uint64_t)getpid();
}

uint64_t notify_watchdog(void)
{
	uint64_t us;

	return number(secure_getenv("WATCHDOG_USEC"), &us) && us < UINT64_MAX / 1000 && ours("WATCHDOG_PID", false) ? us * 1000 : 0;
}

int notify_descriptor(const char *name)
{
	const char *names = secure_getenv("LISTEN_FDNAMES");
	uint64_t count, i;
	size_t len = strlen(name), n;

	if (!names || !ours("LISTEN_PID", true) || !number(secure_getenv("LISTEN_FDS"), &count) || count > DESCRIPTORS_MOST)
		return -1;
	for (i = 0; i < count; i++, names += n + 1) {
		n = strcspn(names, ":");
		if (n == len && !memcmp(names, name, n))
			return fcntl(FIRST + (int)i, F_SETFD, FD_CLOEXEC) ? -1 : FIRST + (int)i;
		if (!names[n])
			break;
	}
	return -1;
}
