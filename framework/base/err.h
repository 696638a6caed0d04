/* SPDX-License-Identifier: MIT
 * base/err.h - the results of adit/abi.h, their words, and the one place where errno is turned into them
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <adit/abi.h>

/* Words for a result, such as "connection refused"; never null. Static. */
const char *err_text(adit_result code);

/* The result for an errno value; ADIT_EIO for what has none of its own, 0 for 0. */
adit_result err_from_errno(int number);

#endif
