/* SPDX-License-Identifier: MIT
 * control/follow.h - the verb follow: flows as they open and end, and what they move
 */
#ifndef CONTROL_FOLLOW_H
#define CONTROL_FOLLOW_H

struct control;
struct follows;

int follows_new(struct follows **out, struct control *c);
/* The shards' loops must not be running. Takes null. */
void follows_free(struct follows *f);
/* Once a second: rates, for those who want them. */
void follows_tick(struct follows *f);

#endif
