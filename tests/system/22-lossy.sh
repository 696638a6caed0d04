#!/bin/sh
# SPDX-License-Identifier: MIT
# 22-lossy.sh - transfers stay whole on a bad network: loss, reordering, duplicates, damage, a black hole
#
#    client ---- adit or veth ---- gateway ---- mbox ---- servers
#
# shellcheck disable=SC2034,SC1091
LIMIT=100 NEED="ethtool curl nginx"
. "$(dirname "$0")/../lib/netns.sh"
. "$LIBDIR/web.sh"

topo --seed 22 --loss 2 --reorder 3 --dup 1 --corrupt 0.2 --delay 2
web_files f1m:1048576
web_up
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
want=$(hash_of "$W/www/f1m")
good=0
for i in $(seq 20); do
	[ $((i % 2)) = 0 ] && a=$S4 || a=$S6
	client curl -sS --fail --noproxy '*' -m 20 -o "$W/got" "http://$(url_host $a):8080/f1m" 2>"$W/curl.err" || note "$(cat "$W/curl.err")"
	[ "$(hash_of "$W/got")" = "$want" ] && good=$((good + 1))
	rm -f "$W/got"
done
is "20 transfers of 1 MiB over 2 % loss, 3 % reordered, 1 % doubled, 0.2 % damaged" $good 20
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 50 --up 100000 --down 100000 --deadline 40 2>"$W/load.err")
is "50 tagged flows at once over the same" "$(value "$line" "done") $(value "$line" crossed) $(value "$line" damaged)" "50 0 0"
[ "$(value "$line" "done")" = 50 ] || note "$line" "$(cat "$W/load.err")"
late=$(late_drops)
line=$(client "$BUILD/tests/lib/flowload" udp $S6 7000 --flows 4 --count 1000 --gap 200)
is "UDP over the same: nothing damaged, nothing crossed" "$(value "$line" damaged) $(value "$line" crossed)" "0 0"
# 2 % and 0.2 % in each direction make 4.3 %: nobody adds to it, nobody hides it.
within "UDP loss is the network's own, of 4,000" "$(value "$line" lost)" 115 $((240 + $(late_drops) - late))
within "UDP duplicates too" "$(value "$line" doubled)" 30 130
stop mbox
within "the middlebox did lose packets" "$(sed -n 's/.* lost=\([0-9]*\).*/\1/p' "$W/mbox.log" | head -n 1)" 100 1000000

start mbox mbox "$BUILD/tests/lib/mbox" --a a0 --b b0 --delay 20 --jitter 10 --rate 50 --blackhole 600+1500
wait_for 3 grep -q ready "$W/mbox.log" || bail "$(cat "$W/mbox.log")"
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 4 --up 1500000 --down 1500000 --deadline 40 2>"$W/load.err")
is "4 flows live through a black hole of 1.5 s, 20 to 30 ms of jitter, 50 Mbit/s" "$(value "$line" "done")" 4
[ "$(value "$line" "done")" = 4 ] || note "$line" "$(cat "$W/load.err")"
stop mbox
within "the black hole was hit" "$(sed -n 's/.* blackholed=\([0-9]*\).*/\1/p' "$W/mbox.log" | head -n 1)" 1 1000000
