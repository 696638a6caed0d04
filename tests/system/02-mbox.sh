#!/bin/sh
# SPDX-License-Identifier: MIT
# 02-mbox.sh - the middlebox does what it is told, so that what tests see under it means something
#
#    client -- veth -- gateway ---- mbox ---- servers       (never through adit: this measures the tool)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=direct NEED="ethtool ping"
. "$(dirname "$0")/../lib/netns.sh"

mbox="$BUILD/tests/lib/mbox"
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }

one=$("$mbox" --dry 100000 --loss 2 --dup 1 --reorder 5 --corrupt 1 --jitter 5 --seed 7)
is "the same seed takes the same decisions" "$("$mbox" --dry 100000 --loss 2 --dup 1 --reorder 5 --corrupt 1 --jitter 5 --seed 7)" "$one"
is "another seed takes others" "$([ "$("$mbox" --dry 100000 --loss 2 --seed 8 | tail -n 1)" != \
	"$("$mbox" --dry 100000 --loss 2 --seed 9 | tail -n 1)" ] && echo differs)" differs
# 4 sigma of 100,000 throws
within "2 % loss, of 100,000 decisions" "$(value "$one" lost)" 1823 2177
within "1 % doubled" "$(value "$one" doubled)" 874 1126
within "5 % reordered" "$(value "$one" reordered)" 4724 5276
check "nonsense is refused" sh -c "! $mbox --a x --b y --loss much 2>/dev/null"

topo --loss 0
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
again() { # MBOX OPTIONS...
	stop mbox
	start mbox mbox "$mbox" --a a0 --b b0 "$@"
	wait_for 3 grep -q ready "$W/mbox.log" || bail "$(cat "$W/mbox.log")"
}
late=$(late_drops)
late() { echo $(($(late_drops) - late)); }
udp() { client "$BUILD/tests/lib/flowload" udp $S4 7000 --flows 4 --count 2500 --gap 50 "$@"; }

line=$(udp)
within "nothing asked, nothing lost" "$(value "$line" lost)" 0 "$(late)"
is "and nothing doubled" "$(value "$line" doubled)" 0
# A sender that the kernel moves to another core may overtake itself on a veth, with no middlebox at fault.
within "nothing asked, next to nothing reordered, of 10,000" "$(value "$line" reordered)" 0 20
again --loss 2 --dir ab --seed 3
line=$(udp)
within "2 % loss on the wire, of 10,000" "$(value "$line" lost)" 144 $((256 + $(late)))
stop mbox
own=$(sed -n 's/^mbox ab .* lost=\([0-9]*\).*/\1/p' "$W/mbox.log")
within "its counters agree with what is missing" "$(value "$line" lost)" "$own" $((own + $(late)))
again --dup 1 --reorder 5 --delay 5 --dir ba --seed 4
line=$(udp)
within "1 % doubled on the wire" "$(value "$line" doubled)" 60 140
within "5 % jump the queue" "$(value "$line" reordered)" 2000 10000
within "none is lost by that" "$(value "$line" lost)" 0 "$(late)"
again --delay 10
out=$(client ping -q -i 0.05 -c 20 $S4 | sed -n 's,.* = \([0-9.]*\)/\([0-9.]*\)/.*,\1 \2,p')
within "10 ms each way make 20 ms, at best" "${out% *}" 20 22
within "and never less, on average" "${out#* }" 20 1000
again --corrupt 100 --dir ab
line=$(udp --count 25)
is "a damaged packet never arrives: checksums are real on this path" "$(value "$line" back)" 0
again --rate 20 --queue 2000
client "$BUILD/tests/lib/flowload" tcp $S4 7000 --up 0 --down 5000000 >"$W/rate"
within "5 MB at 20 Mbit/s take 2 s and a little" "$(value "$(cat "$W/rate")" ms)" 1950 2600
again --blackhole 300+700
client ping -D -i 0.02 -c 60 -W 1 $S4 >"$W/hole"
gap=$(sed -n 's/^\[\([0-9.]*\)\] .* ttl=.*/\1/p' "$W/hole" | awk 'last && $1 - last > most { most = $1 - last } { last = $1 } END { print int(most * 1000) }')
within "a black hole of 700 ms leaves a gap of that length between replies, ms" "$gap" 680 800
