/* SPDX-License-Identifier: MIT
 * base/err.c - the results of adit/abi.h and their words
 */
#include "base/err.h"

#include <errno.h>

static const char *const texts[] = {
	[-ADIT_OK] = "no error",
	[-ADIT_ENOMEM] = "out of memory",
	[-ADIT_EINVAL] = "invalid argument",
	[-ADIT_ENOSYS] = "not offered here",
	[-ADIT_EAGAIN] = "not now",
	[-ADIT_ESTALE] = "the flow has ended",
	[-ADIT_EPERM] = "not permitted",
	[-ADIT_ECONFIG] = "the manifest asks for something that cannot be",
	[-ADIT_EIO] = "the system refused",
	[-ADIT_ETHREAD] = "called from the wrong thread",
	[-ADIT_ERESET] = "connection reset",
	[-ADIT_ETIME] = "timed out",
	[-ADIT_EREFUSED] = "connection refused",
	[-ADIT_EHOST] = "host unreachable",
	[-ADIT_ENET] = "network unreachable",
	[-ADIT_EADMIN] = "administratively prohibited",
	[-ADIT_ELIMIT] = "a limit is reached",
	[-ADIT_EGONE] = "gone",
	[-ADIT_ENOENT] = "no such name",
	[-ADIT_EEXIST] = "exists already",
	[-ADIT_ECANCEL] = "cancelled",
};

const char *err_text(adit_result code)
{
	if (code > 0 || code <= -(adit_result)(sizeof(texts) / sizeof(texts[0])) || !texts[-code])
		return "unknown error";
	return texts[-code];
}

adit_result err_from_errno(int number)
{
	switch (number) {
	case 0:
		return ADIT_OK;
	case ENOMEM:
	case ENOBUFS:
		return ADIT_ENOMEM;
	case EINVAL:
	case EFAULT:
	case EMSGSIZE:
		return ADIT_EINVAL;
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ENOPROTOOPT:
		return ADIT_ENOSYS;
	case EAGAIN:
	case EINTR:
	case EINPROGRESS:
		return ADIT_EAGAIN;
	case EPERM:
	case EACCES:
		return ADIT_EPERM;
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return ADIT_ERESET;
	case ETIMEDOUT:
		return ADIT_ETIME;
	case ECONNREFUSED:
		return ADIT_EREFUSED;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return ADIT_EHOST;
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return ADIT_ENET;
	case EMFILE:
	case ENFILE:
	case ENOSPC:
		return ADIT_ELIMIT;
	case EBADFD:
	case ENODEV:
	case ENXIO:
		return ADIT_EGONE;
	case ENOENT:
		return ADIT_ENOENT;
	case EEXIST:
	case EADDRINUSE:
		return ADIT_EEXIST;
	case ECANCELED:
		return ADIT_ECANCEL;
	default:
		return ADIT_EIO;
	}
}
