/* SPDX-License-Identifier: MIT
 * loop/edge.h - inside of the loop: the set of sockets that are watched by edges
 */
#ifndef LOOP_EDGE_H
#define LOOP_EDGE_H

#include "loop/loop.h"

struct edge_set;

/* Its descriptor is readable while there is something to tell. */
adit_result edge_set_new(struct edge_set **out);
void edge_set_free(struct edge_set *s);
int edge_set_fd(const struct edge_set *s);
/* Tells what there is, bounded. */
void edge_set_turn(struct edge_set *s);

/* The loop's set (loop.c). */
struct edge_set *loop_edges(adit_loop *l);

#endif
