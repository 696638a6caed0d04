/* SPDX-License-Identifier: MIT
 * observe/journal.h - the log of systemd, by its own protocol: fields in a datagram
 */
#ifndef OBSERVE_JOURNAL_H
#define OBSERVE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* True if standard error goes to the journal anyway ($JOURNAL_STREAM). */
int journal_is_stderr(void);
/* A descriptor to send to; a negative ADIT_E...: there is no journal at the path. */
int journal_open(const char *path);
/* One entry; false: it was not taken. level is ADIT_LOG_... */
int journal_send(int fd, const char *part, int32_t level, const char *text, size_t size);

#endif
