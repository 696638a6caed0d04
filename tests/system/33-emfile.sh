#!/bin/sh
# SPDX-License-Identifier: MIT
# 33-emfile.sh - 200 flows against 64 descriptors: refused or late, never a spin, and all good again after
#
#    client ---- adit0 ---- adit in gateway (ulimit -n 64) ---- servers
#
# shellcheck disable=SC2034,SC1091
LIMIT=75 AS_USER=1 NEED="prlimit"
. "$(dirname "$0")/../lib/netns.sh"

ADIT_WRAP="prlimit --nofile=64:64 --"
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
check "one flow passes" client "$BUILD/tests/lib/flowload" tcp $S4 7000 --deadline 5
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 200 --hold 3000 --deadline 12 2>/dev/null)
note "$line"
if via direct; then
	is "without a limit all 200 pass" "$(value "$line" "done")" 200
else
	within "some of the 200 pass" "$(value "$line" "done")" 5 200
	is "those that fail are not damaged or crossed" "$(value "$line" damaged) $(value "$line" crossed)" "0 0"
	if alive adit; then ok "adit is alive"; else not_ok "adit is alive" "$(tail -n 10 "$W/adit.log")"; fi
	sleep 1
	ticks=$(cpu_ticks adit)
	sleep 2
	within "it idles afterwards, CPU ticks of 10 ms in 2 s" $(($(cpu_ticks adit) - ticks)) 0 15
	within "its log does not flow over, lines" "$(wc -l <"$W/adit.log")" 0 300
	within "descriptors are given back" "$(ls "/proc/$(pid_of adit)/fd" | wc -l)" 1 40
fi
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --parallel 5 --deadline 10 2>/dev/null)
is "20 flows afterwards, five at a time" "$(value "$line" "done")" 20
line=$(client "$BUILD/tests/lib/flowload" udp $S6 7000 --flows 5 --count 4)
is "UDP afterwards" "$(value "$line" back)" 20
