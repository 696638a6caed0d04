#!/bin/sh
# SPDX-License-Identifier: MIT
# 13-iperf3.sh - iperf3: TCP up and down, several streams, UDP at a fixed rate
#
#    client (iperf3) ---- adit or veth ---- gateway ------------ servers (iperf3 :5201)
#
# Not a benchmark: the floors are far below what a slow machine does, they find a path that crawls.
#
# shellcheck disable=SC2034,SC1091
LIMIT=75 NEED="iperf3"
. "$(dirname "$0")/../lib/netns.sh"

topo
start iperf servers iperf3 -s
await_port iperf servers tcp 5201
mbit() { awk '/bits_per_second/ { gsub(/[",]/, "", $2); v = $2 } END { printf "%d", v / 1000000 }'; }
run() { # TEXT FLOOR OPTION...
	text=$1 floor=$2
	shift 2
	out=$(client timeout 15 iperf3 -J -t 1 --connect-timeout 5000 "$@" 2>&1)
	got=$(printf '%s\n' "$out" | sed -n '/"sum_received"/,/}/p' | mbit)
	within "$text, Mbit/s" "$got" "$floor" 1000000
	[ -n "$got" ] && [ "$got" != 0 ] || note "$(printf '%s\n' "$out" | grep error)"
}
for a in $S4 $S6; do
	run "TCP up to $a" 50 -c $a
	run "TCP down from $a" 50 -c $a -R
	[ $a = $S6 ] || run "TCP to $a, 8 streams" 50 -c $a -P 8
	[ $a = $S4 ] || run "TCP with $a, both directions" 50 -c $a --bidir
	for dir in "" -R; do
		# shellcheck disable=SC2086 # an empty word has to vanish
		out=$(client timeout 15 iperf3 -J -u -b 20M -l 1200 -t 1 -c $a $dir 2>&1)
		lost=$(printf '%s\n' "$out" | sed -n 's/.*"lost_percent":[[:space:]]*\([0-9.e+-]*\).*/\1/p' | tail -n 1)
		within "UDP ${dir:+down }20 Mbit/s with $a, per cent lost" "$lost" 0 1
	done
done
