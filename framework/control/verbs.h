/* SPDX-License-Identifier: MIT
 * control/verbs.h - the verbs, each where it lives
 */
#ifndef CONTROL_VERBS_H
#define CONTROL_VERBS_H

#include "control/request.h"

void verb_hello(struct client *c, const struct request *q);     /* control/status.c */
void verb_status(struct client *c, const struct request *q);
void verb_counters(struct client *c, const struct request *q);
void verb_flows(struct client *c, const struct request *q);     /* control/list.c */
void verb_flow(struct client *c, const struct request *q);
void verb_close(struct client *c, const struct request *q);
void verb_follow(struct client *c, const struct request *q);    /* control/follow.c */
void verb_capture(struct client *c, const struct request *q);   /* control/capture.c */
void verb_trace(struct client *c, const struct request *q);
void verb_log(struct client *c, const struct request *q);       /* control/logfeed.c */
void verb_log_level(struct client *c, const struct request *q);
void verb_diff(struct client *c, const struct request *q);      /* control/change.c */
void verb_reload(struct client *c, const struct request *q);
void verb_swap(struct client *c, const struct request *q);

#endif
