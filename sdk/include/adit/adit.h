/* SPDX-License-Identifier: MIT
 * adit/adit.h - all of the SDK that a module needs
 */
#ifndef ADIT_H
#define ADIT_H

#include "abi.h"
#include "buf.h"
#include "config.h"
#include "dial.h"
#include "flow.h"
#include "kinds.h"
#include "life.h"
#include "loop.h"
#include "module.h"
#include "observe.h"
#include "packet.h"

#endif
