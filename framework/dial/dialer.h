/* SPDX-License-Identifier: MIT
 * dial/dialer.h - connects TCP sockets that bypass the device, with a deadline, bounded in number
 */
#ifndef DIAL_DIALER_H
#define DIAL_DIALER_H

#include <adit/dial.h>

#include "flow/shard.h"

struct dialer;

enum { DIALER_MOST = 8192 /* attempts under way on one shard */ };

adit_result dialer_new(struct dialer **out, struct shard *s);
/* Attempts under way are dropped without a word. Takes null. */
void dialer_free(struct dialer *d);

/* As adit_dial_1. */
adit_result dialer_connect(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns, adit_dialed done, void *arg,
                           adit_dialing **out);
/* The same for an address that the manifest has named: the address policy is not asked. */
adit_result dialer_connect_any(adit_loop *l, const adit_addr *dst, uint64_t deadline_ns, adit_dialed done, void *arg,
                               adit_dialing **out);
void dialer_cancel(adit_dialing *a);

/* A non-blocking socket that bypasses the device; -1 and *err. */
int dialer_socket(struct shard *s, int family, int type, int proto, adit_result *err);

#endif
