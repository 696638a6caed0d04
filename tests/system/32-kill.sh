#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-kill.sh - SIGKILL leaves nothing behind, and the next start works at once
#
#    client ---- adit0 ---- adit in gateway (killed) ---- servers
#
# shellcheck disable=SC2034,SC1091
LIMIT=75 ONLY=adit AS_USER=1 NEED="nft ping"
. "$(dirname "$0")/../lib/netns.sh"

# What a process can leave behind in a namespace: links, addresses, routes, rules, tables, listeners.
traces() {
	for ns in client gateway; do
		echo "== $ns"
		on $ns ip -o link | sed 's/^[0-9]*: //; s/ .*//'
		on $ns ip -o addr | awk '{ print $2, $4 }'
		on $ns ip route show table all | sed 's/ expires [^ ]*//' | sort
		on $ns ip -6 route show table all | sed 's/ expires [^ ]*//' | sort
		on $ns ip rule
		on $ns ip -6 rule
		on $ns nft list ruleset
		on $ns ss -Hlntu
		on $ns sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.rp_filter net.ipv4.conf.default.rp_filter \
			net.ipv4.conf.all.accept_local net.ipv4.conf.all.route_localnet net.ipv4.ip_nonlocal_bind
	done
}
# The network without adit first: what it looks like then is what it has to look like again.
adit_up() { CLIENT_DEV=adit0; }
topo
sleep 0.2
traces >"$W/before"
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
manifest >"$W/manifest.json"
processes() { ls -d /proc/[0-9]* | wc -l; }
idle=$(processes)

for n in 1 2 3 4 5; do
	start adit gateway "$ADIT" run "$W/manifest.json"
	case $n in
	1) wait_for 10 device_up || bail "no device: $(tail -n 5 "$W/adit.log")" ;;
	2) wait_for 10 device_up ;;
	3) sleep 0.02 ;; # somewhere in the middle of its start
	4) sleep 0.08 ;;
	5) sleep 0.2 ;;
	esac
	if [ $n -le 2 ]; then
		check "round $n: a flow passes" client "$BUILD/tests/lib/flowload" tcp $S4 7000 --deadline 5
		client "$BUILD/tests/lib/flowload" tcp $S6 7000 --flows 20 --hold 9000 --deadline 1 >/dev/null 2>&1 &
		sleep 0.5
	fi
	kill -KILL "$(pid_of adit)"
	wait_for 2 gone adit
	wait_for 1 sh -c "[ \$(ls -d /proc/[0-9]* | wc -l) -le $((idle + 3)) ]"
	sleep 0.2
	traces >"$W/after"
	is "round $n: nothing of a killed adit is left" "$(diff "$W/before" "$W/after")" ""
done
# Its agent carries out a last will. Killed first, it cannot: the next start takes away what it finds.
start adit gateway "$ADIT" run "$W/manifest.json"
wait_for 10 device_up
# The rules come after the device.
steered() { client ip -6 rule show | grep -q 'iif adit-in'; }
wait_for 10 steered
# shellcheck disable=SC2046 # one agent or more
kill -KILL $(cat "/proc/$(pid_of adit)/task/$(pid_of adit)/children") "$(pid_of adit)"
wait_for 2 gone adit
sleep 0.2
traces >"$W/after"
check "control: a killed agent leaves something" sh -c "! cmp -s '$W/before' '$W/after'"
start adit gateway "$ADIT" run "$W/manifest.json"
began=$(ms)
wait_for 10 device_up
check "after five kills a flow passes" client "$BUILD/tests/lib/flowload" tcp $S4 7000 --deadline 5
within "start to first flow, ms" $(($(ms) - began)) 0 2000
stop adit || not_ok "SIGTERM ends adit in 2 s" "$(tail -n 5 "$W/adit.log")"
adit_status
sleep 0.2
traces >"$W/after"
is "nothing is left after SIGTERM either" "$(diff "$W/before" "$W/after")" ""
ADIT_ENDED=1
sanitizer_clean
