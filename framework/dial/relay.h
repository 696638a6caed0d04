/* SPDX-License-Identifier: MIT
 * dial/relay.h - bytes between two connected kernel sockets: back-pressure, half-close both ways, resets as resets
 *
 * Small amounts are copied through one buffer of the shard. A direction that fills it is switched to splice
 * through a pipe, so that bulk never enters user space, and back when it grows quiet. What one socket does not
 * take stays with the relay and stops the reading of the other; nothing is ever held beyond one buffer or pipe
 * per direction.
 */
#ifndef DIAL_RELAY_H
#define DIAL_RELAY_H

#include "base/bufpool.h"
#include "loop/loop.h"

enum { RELAY_NEAR, RELAY_FAR };

struct relay;
struct relay_shard;

/* Why a relay ended: 0 after both ends said FIN, else the reason; the sockets are closed (with a reset if one end
 * was reset or failed). The relay is freed after the call. */
typedef void (*relay_ended)(void *arg, adit_result result);

/* What all relays of a shard share: the buffer and a pool of pipes. */
adit_result relay_shard_new(struct relay_shard **out, adit_loop *l);
void relay_shard_free(struct relay_shard *rs);

/* Takes both sockets (non-blocking). moved[RELAY_NEAR] counts bytes read from the near one (up), moved[RELAY_FAR]
 * those from the far one; *last is set to the loop's second whenever a byte moves. Both must outlive the relay.
 * ended is never called before relay_start returns. */
adit_result relay_start(struct relay **out, struct relay_shard *rs, int near, int far, uint64_t *moved[2], uint32_t *last,
                        relay_ended ended, void *arg);
/* Right after relay_start: what the near end has sent before goes first, and is not counted. Takes the chain. ADIT_ENOMEM: the
 * relay is good for nothing. */
adit_result relay_first(struct relay *r, adit_buf *chain);
/* Ends it from the outside, with resets both ways; ended is not called. */
void relay_abort(struct relay *r);

/* Closes a socket so that its peer sees a reset. */
void relay_reset_socket(int fd);

#endif
