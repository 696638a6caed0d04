/* SPDX-License-Identifier: MIT
 * host/swap.h - what the rest of the host tells those who follow a swap
 */
#ifndef HOST_SWAP_H
#define HOST_SWAP_H

#include "host/instance.h"

/* [control] i drains: its flows have been counted; has gone; gets flows again. */
void swaps_drain(const struct instance *i);
void swaps_retired(const struct instance *i);
void swaps_taken_back(const struct instance *i);
/* After the shards have ended: everybody hears the last. */
void swaps_end(struct host *h);

#endif
