#!/bin/sh
# SPDX-License-Identifier: MIT
# 21-flows.sh - a thousand tagged flows at once: none lost, none crossed
#
#    client (flowload) ---- adit or veth ---- gateway ------------ servers (flowload serve :7000)
#
# shellcheck disable=SC2034,SC1091
LIMIT=90 AS_USER=1
. "$(dirname "$0")/../lib/netns.sh"

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
run() { client "$BUILD/tests/lib/flowload" "$@" 2>"$W/load.err"; }
first=1
for a in $S4 $S6; do
	line=$(run tcp $a 7000 --flows 1000 --hold 1500 --up 20000 --down 20000 --first $first --deadline 25)
	is "1,000 flows to $a held open together, every byte right" "$(value "$line" "done") $(value "$line" crossed)" "1000 0"
	[ "$(value "$line" "done")" = 1000 ] || note "$line" "$(cat "$W/load.err")"
	first=$((first + 1000))
	line=$(run tcp $a 7000 --flows 2000 --parallel 100 --up 500 --down 3000 --first $first --deadline 25)
	is "2,000 short flows to $a, 100 at a time" "$(value "$line" "done") $(value "$line" crossed)" "2000 0"
	[ "$(value "$line" "done")" = 2000 ] || note "$line" "$(cat "$W/load.err")"
	first=$((first + 2000))
	line=$(run tcp $a 7000 --flows 8 --up 8000000 --down 8000000 --first $first --deadline 25)
	is "8 flows of 8 MB each way to $a" "$(value "$line" "done") $(value "$line" up) $(value "$line" down)" "8 64000000 64000000"
	[ "$(value "$line" "done")" = 8 ] || note "$line" "$(cat "$W/load.err")"
	late=$(late_drops)
	line=$(run udp $a 7000 --flows 500 --count 4 --size 300 --gap 100 --first 5000)
	is "500 UDP flows to $a: answers come to who asked" "$(value "$line" crossed) $(value "$line" damaged) $(value "$line" doubled)" "0 0 0"
	within "and next to none is lost, of 2,000" "$(value "$line" lost)" 0 $((20 + $(late_drops) - late))
	for size in 8 9 1400 1473 8000; do
		line=$(run udp $a 7000 --flows 2 --count 5 --size $size --gap 1000)
		is "datagrams of $size bytes to $a" "$(value "$line" back) $(value "$line" damaged)" "10 0"
	done
done
if via adit; then
	most=600000
	[ -z "${SANITIZED:-}" ] || most=2500000
	within "resident memory afterwards, KiB" "$(rss_kib adit)" 1 $most
fi
