/* SPDX-License-Identifier: MIT
 * observe/journal.c - the log of systemd
 *
 * A field is NAME=value and a line end, or, for values that may hold line ends, NAME, a line end, the size in 64 bits (least
 * byte first), the value, and a line end.
 */
#include "observe/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <adit/module.h>

#include "base/err.h"

int journal_is_stderr(void)
{
	const char *stream = secure_getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 && !fstat(2, &st) &&
	       st.st_dev == device && st.st_ino == inode;
}

int journal_open(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(at.sun_path))
		return ADIT_EINVAL;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	if (!connect(fd, (const struct sockaddr *)&at, sizeof(at)))
		return fd;
	err = err_from_errno(errno);
	close(fd);
	return err;
}

static struct iovec piece(const void *data, size_t size)
{
	return (struct iovec){(void *)(uintptr_t)data, size};
}

int journal_send(int fd, const char *part, int32_t level, const char *text, size_t size)
{
	/* RFC 5424: error, warning, informational, debug. */
	static const char priorities[] = {'7', '7', '6', '4', '3'};
	char head[192];
	uint8_t length[8];
	struct iovec v[4];
	struct msghdr msg = {.msg_iov = v, .msg_iovlen = 4};
	unsigned i;
	int n = snprintf(head, sizeof(head), "PRIORITY=%c\nSYSLOG_IDENTIFIER=adit\nADIT_PART=%.64s\nMESSAGE\n", priorities[level], part);

	/* A part's name with a line end would be fields of its own. */
	if (n < 0 || n >= (int)sizeof(head) || strchr(part, '\n'))
		return 0;
	for (i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)size >> 8 * i);
	v[0] = piece(head, (size_t)n);
	v[1] = piece(length, sizeof(length));
	v[2] = piece(text, size);
	v[3] = piece("\n", 1);
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}
