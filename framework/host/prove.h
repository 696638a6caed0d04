/* SPDX-License-Identifier: MIT
 * host/prove.h - the stacks of the start are opened and tested, and replaced where that can be
 */
#ifndef HOST_PROVE_H
#define HOST_PROVE_H

#include "host/instance.h"

/* [control] Opens an instance of the start, before the loops run. A stack that cannot be opened, and that the host chose, gives
 * its place to the second choice, and is freed. What cannot be helped is explained in the host's report. */
int prove_open(struct host *h, struct instance *i);
/* [control] Has the stacks of the line-up test themselves, once all of the data path has started; runs the control loop until
 * that is over, some seconds where tests fail. ADIT_EIO and others, explained in the host's report: one does not work, and
 * nothing can take its place. */
int prove_stacks(struct host *h);

#endif
