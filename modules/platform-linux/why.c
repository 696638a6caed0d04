/* SPDX-License-Identifier: MIT
 * platform-linux/why.c - the reason of a failure in words, beside its result
 */
#include "why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int number;
	adit_result code;
} codes[] = {
	{ENOMEM, ADIT_ENOMEM},      {ENOBUFS, ADIT_ENOMEM},      {EINVAL, ADIT_EINVAL},
	{EFAULT, ADIT_EINVAL},      {EMSGSIZE, ADIT_EINVAL},     {ENOSYS, ADIT_ENOSYS},
	{EOPNOTSUPP, ADIT_ENOSYS},  {EAFNOSUPPORT, ADIT_ENOSYS}, {EPROTONOSUPPORT, ADIT_ENOSYS},
	{ENOPROTOOPT, ADIT_ENOSYS}, {EAGAIN, ADIT_EAGAIN},       {EINTR, ADIT_EAGAIN},
	{EPERM, ADIT_EPERM},        {EACCES, ADIT_EPERM},        {EROFS, ADIT_EPERM},
	{ETIMEDOUT, ADIT_ETIME},    {EHOSTUNREACH, ADIT_EHOST},  {ENETUNREACH, ADIT_ENET},
	{ENETDOWN, ADIT_ENET},      {EADDRNOTAVAIL, ADIT_ENET},  {EMFILE, ADIT_ELIMIT},
	{ENFILE, ADIT_ELIMIT},      {ENOSPC, ADIT_ELIMIT},       {EUSERS, ADIT_ELIMIT},
	{EBADFD, ADIT_EGONE},       {ENODEV, ADIT_EGONE},        {ENXIO, ADIT_EGONE},
	{EPIPE, ADIT_EGONE},        {ECONNRESET, ADIT_EGONE},    {ENOENT, ADIT_ENOENT},
	{ESRCH, ADIT_ENOENT},       {EEXIST, ADIT_EEXIST},       {EADDRINUSE, ADIT_EEXIST},
	{EBUSY, ADIT_EEXIST},
};

adit_result why_result(int number)
{
	size_t i;

	if (!number)
		return ADIT_OK;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].number == number)
			return codes[i].code;
	return ADIT_EIO;
}

adit_result why_set(struct why *why, adit_result code, const char *format, ...)
{
	va_list args;

	if (!why)
		return code;
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return code;
}

adit_result why_errno(struct why *why, int number, const char *format, ...)
{
	va_list args;
	size_t len;
	int n;

	if (!why)
		return why_result(number);
	va_start(args, format);
	n = vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	len = n < 0 ? 0 : (size_t)n < sizeof(why->text) ? (size_t)n : sizeof(why->text) - 1;
	snprintf(why->text + len, sizeof(why->text) - len, ": %s", strerror(number));
	return why_result(number);
}
