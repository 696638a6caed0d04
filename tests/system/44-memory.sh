#!/bin/sh
# SPDX-License-Identifier: MIT
# 44-memory.sh - far more data waits than adit may keep: memory stays under its cap, and flows that live go on
#
#    client (flowload) ---- adit or veth ---- gateway ---- servers (flowload :7000)
#
# Neither end of the slow flows reads for seconds, while both send as much as they can. STACK and FORM choose the stack.
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit
. "$(dirname "$0")/../lib/netns.sh"

ADIT_MORE=", \"control\": {\"socket\": \"$W/control.sock\"}, \"limits\": {\"memory\": \"16M\", \"flow_memory\": \"256k\"}"
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
counter() { "$ADIT" counters --socket "$W/control.sock" | awk -v name="$1" '$1 == name { print $2 }'; }
load() { client "$BUILD/tests/lib/flowload" tcp "$@"; }
base=$(rss_kib adit)
start live client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 50 --up 20000 --down 20000 --hold 12000 --deadline 25
sleep 1
start slow4 client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 150 --first 1000 --up 1000000 --down 1000000 --stall 6000 --deadline 30
start slow6 client "$BUILD/tests/lib/flowload" tcp $S6 7000 --flows 150 --first 2000 --up 1000000 --down 1000000 --stall 6000 --deadline 30
sleep 3
during=$(rss_kib adit)
for a in $S4 $S6; do
	line=$(load $a 7000 --flows 1 --first 9000 --up 20000 --down 20000 --deadline 5 2>&1)
	note "while they wait: a new flow to $a: $line"
done
note "rss: $base before, $during while they wait"
for name in live slow4 slow6; do
	wait "$(pid_of $name)"
	note "$name $(cat "$W/$name.log")"
done
note "rss after: $(rss_kib adit)"
for a in $S4 $S6; do
	line=$(load $a 7000 --flows 1 --first 9000 --up 20000 --down 20000 --deadline 5 2>&1)
	note "after: a new flow to $a: $line"
done
note "$("$ADIT" counters --socket "$W/control.sock" | awk '$2 > 0')"
