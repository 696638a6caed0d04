/* SPDX-License-Identifier: MIT
 * tests/lib/stackplace.h - adit.place/1 without an agent: the test has the rights itself and moves
 * with setns
 */
#ifndef TESTS_LIB_STACKPLACE_H
#define TESTS_LIB_STACKPLACE_H

#include <adit/place.h>

extern const adit_place_1 stackplace_table;
/* What the place of the device says of itself; 1 at first. */
void stackplace_set_ours(int yes);
/* A TUN device with virtio headers; 0 or -errno. */
int stackplace_tun(const char *name, int queues, int *fds);

#endif
