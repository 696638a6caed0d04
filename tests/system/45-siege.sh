#!/bin/sh
# SPDX-License-Identifier: MIT
# 45-siege.sh - a thousand live flows under forged segments and SYNs: none is lost, none crossed, a new one gets in
#
#    client (flowload; siege forges at the device) ---- adit or veth ---- gateway ---- servers (flowload :7000)
#
# What is forged knows the live flows' endpoints and numbers (tests/lib/siege-attacks.c). STACK and FORM choose the stack.
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit
. "$(dirname "$0")/../lib/netns.sh"

HALF_OPEN=600
ADIT_MORE=", \"control\": {\"socket\": \"$W/control.sock\"}, \"limits\": {\"half_open\": $HALF_OPEN, \"connect\": \"10s\"}"
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
counter() { "$ADIT" counters --socket "$W/control.sock" | awk -v name="$1" '$1 == name { print $2 }'; }
load() { client "$BUILD/tests/lib/flowload" tcp "$@"; }
new_flow() { # TEXT ADDRESS
	line=$(load "$2" 7000 --flows 1 --first 9000 --deadline 5 2>&1)
	is "$1: a new flow to $2" "$(value "$line" "done")" 1
	within "$1: within a second, ms" "$(value "$line" ms)" 0 1000
}
first=1
# A thousand flows, idle after what they say first; they end, and are compared, after the siege.
for attack in acks,data resets,strays syns; do
	start "$attack" client "$BUILD/tests/lib/siege" --dev $CLIENT_DEV --client4 $C4 --client6 $C6 --server4 $S4 --server6 $S6 \
		--port 7000 --flows 1000 --ms 4000 --rate 5000 --only $attack
	wait_for 3 grep -q ready "$W/$attack.log" || bail "$(cat "$W/$attack.log")"
	loads=
	for a in $S4 $S6; do
		start "load$first" client "$BUILD/tests/lib/flowload" tcp $a 7000 --flows 500 --first $first \
			--up 20000 --down 20000 --hold 6500 --deadline 20
		loads="$loads load$first"
		first=$((first + 500))
	done
	wait_for 15 grep -q begins "$W/$attack.log"
	is "$attack: flows were live when it began" "$(sed -n 's/^siege begins flows=//p' "$W/$attack.log")" 1000
	sleep 1
	for a in $S4 $S6; do new_flow "$attack, during it" $a; done
	wait_for 10 grep -q status= "$W/$attack.log"
	for a in $S4 $S6; do new_flow "$attack, right after it" $a; done
	line=$(grep status= "$W/$attack.log")
	within "$attack: forged segments were sent" "$(value "$line" sent)" 5000 20100
	is "$attack: no live flow was reset" "$(value "$line" resets)" 0
	note "$(grep -v 'sent=0' "$W/$attack.log")"
	for name in $loads; do
		wait "$(pid_of "$name")"
		line=$(grep '^tcp flows' "$W/$name.log")
		is "$attack: 500 flows, every byte right" "$(value "$line" "done") $(value "$line" crossed) $(value "$line" damaged)" "500 0 0"
		[ "$(value "$line" "done")" = 500 ] || note "$(cat "$W/$name.log")"
	done
done
evicted=$(counter half_open_evicted) dropped=$(counter dropped_half_open)
within "SYNs made half-open flows give way, or were dropped" $((evicted + dropped)) 1 1000000
note "half_open_evicted $evicted, dropped_half_open $dropped"
