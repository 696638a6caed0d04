/* SPDX-License-Identifier: MIT
 * platform-linux/queue.h - one instance of the platform: reads and writes one queue of the device
 */
#ifndef PLATFORM_QUEUE_H
#define PLATFORM_QUEUE_H

#include "device.h"

struct queue;

/* Takes over the reference to the device on success. */
adit_result queue_new(const adit_env *env, struct device *d, struct queue **out, struct why *why);
struct device *queue_device(const struct queue *q);
adit_result queue_start(struct queue *q, struct why *why);
void queue_output(struct queue *q, adit_buf *const *pkt, uint32_t n);
void queue_stop(struct queue *q);
void queue_free(struct queue *q);

#endif
