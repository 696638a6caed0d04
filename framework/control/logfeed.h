/* SPDX-License-Identifier: MIT
 * control/logfeed.h - the verbs log and log-level: lines of the log as they are written
 */
#ifndef CONTROL_LOGFEED_H
#define CONTROL_LOGFEED_H

struct control;
struct log_feed;

int log_feed_new(struct log_feed **out, struct control *c);
/* Takes null. */
void log_feed_free(struct log_feed *f);

#endif
