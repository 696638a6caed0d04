/* SPDX-License-Identifier: MIT
 * tests/lib/stackecho.h - the handler of stackhost: sends back what it gets, as a stream or over
 * the socket
 */
#ifndef TESTS_LIB_STACKECHO_H
#define TESTS_LIB_STACKECHO_H

#include "stackhost.h"

extern const adit_packet_1 stackecho_packets;

const adit_stack_1 *stackecho_table(void);
/* One operation, sent at the end of the turn if the stack is inside a call. */
void stackecho_submit(struct stackhost_shard *s, const adit_op *op);
void stackecho_event(struct stackhost_shard *s, struct stackhost_flow *f, const adit_event *ev);
/* Closes what the flow still holds. */
void stackecho_forget(struct stackhost_flow *f);

#endif
