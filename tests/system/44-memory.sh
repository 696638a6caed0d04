#!/bin/sh
# SPDX-License-Identifier: MIT
# 44-memory.sh - far more data waits than adit may keep: memory stays under its cap, and flows that live go on
#
#    client (flowload) ---- adit or veth ---- gateway ---- servers (flowload :7000)
#
# Neither end of the slow flows reads for seconds, while both send as much as they can. STACK and FORM choose the stack.
# shellcheck disable=SC2034,SC1091
LIMIT=75 ONLY=adit
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
start slow4 client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 150 --first 1000 --up 1000000 --down 1000000 --stall 5000 --deadline 40
start slow6 client "$BUILD/tests/lib/flowload" tcp $S6 7000 --flows 150 --first 2000 --up 1000000 --down 1000000 --stall 5000 --deadline 40
sleep 3
during=$(rss_kib adit)
most=110000 # two shards, 32 MB each, and what is kept beside
[ -z "${SANITIZED:-}" ] || most=800000
within "resident memory while 300 MB wait each way, KiB" "$during" 1 $most
line=$(load $S4 7000 --flows 1 --first 9000 --deadline 5 2>&1)
note "a new flow while they wait: $(value "$line" "done") in $(value "$line" ms) ms; before $base KiB, now $during"
for name in live slow4 slow6; do
	wait "$(pid_of $name)"
	line=$(grep '^tcp flows' "$W/$name.log")
	is "$name: nothing crossed, damaged or reset" "$(value "$line" crossed) $(value "$line" damaged) $(value "$line" reset)" "0 0 0"
	note "$line"
	[ $name = live ] || continue
	is "$name: the flows that were there before went on" "$(value "$line" "done")" 50
done
for name in slow4 slow6; do
	line=$(grep '^tcp flows' "$W/$name.log")
	is "$name: whole, once they are read" "$(value "$line" "done")" 150
	[ "$(value "$line" "done")" = 150 ] || note "$(cat "$W/$name.log")"
done
for a in $S4 $S6; do
	line=$(load $a 7000 --flows 1 --first 9000 --up 20000 --down 20000 --deadline 5 2>&1)
	is "afterwards a new flow to $a" "$(value "$line" "done")" 1
done
within "resident memory afterwards, KiB" "$(rss_kib adit)" 1 $most
note "$("$ADIT" counters --socket "$W/control.sock" | grep -E '^(dropped|half)' | awk '$2 > 0')"
