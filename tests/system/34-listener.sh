#!/bin/sh
# SPDX-License-Identifier: MIT
# 34-listener.sh - a local process that is not an application behind the device gets nothing from the stack
#
#    client ---- adit0 ---- adit in gateway ---- servers
#    ^ a stranger here            ^ and one here tries every port that listens
#
# On the system path the kernel listens for the stack. Whoever connects to that listener without a flow of
# its own must be closed at once, must not be relayed, and must not disturb the flows there are.
#
# shellcheck disable=SC2034,SC1091
LIMIT=75 ONLY=adit AS_USER=1 NEED="ss"
. "$(dirname "$0")/../lib/netns.sh"

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 50 --hold 6000 --up 50000 --down 50000 --deadline 20 >"$W/held" 2>&1 &
held=$!
sleep 1
accepted=$(servers ss -Htn state established "sport = :7000" | wc -l)
within "50 honest flows are held" "$accepted" 50 50
tried=0
for ns in client gateway; do
	on $ns ss -Hlnt | awk '{ print $4 }' >"$W/listeners"
	while read -r at; do
		port=${at##*:}
		host=${at%:*}
		host=${host%%%*}
		case $host in
		'*' | '[::]' | 0.0.0.0) hosts="127.0.0.1 ::1 $([ $ns = client ] && echo "$C4 $C6" || echo "$G4 $G6")" ;;
		*) hosts=$(echo "$host" | tr -d '[]') ;;
		esac
		for h in $hosts; do
			for i in 1 2 3 4 5; do
				tried=$((tried + 1))
				on $ns timeout 4 "$BUILD/tests/lib/flowload" tcp "$h" "$port" --deadline 2 >>"$W/stranger" 2>/dev/null </dev/null
			done
		done
	done <"$W/listeners"
done
if [ $tried = 0 ]; then
	ok "no listener of the stack can be seen from the client or the gateway"
else
	is "$tried strangers tried, none was served" "$(grep -c ' done=1 ' "$W/stranger")" 0
	is "none was left hanging" "$(grep -c ' timeout=1 ' "$W/stranger")" 0
fi
is "no stranger became a flow to the server" "$(servers ss -Htn state established 'sport = :7000' | wc -l)" "$accepted"
wait $held
is "the honest flows were not disturbed" "$(value "$(cat "$W/held")" "done") $(value "$(cat "$W/held")" crossed)" "50 0"
# A packet from inside to loopback of the host must not get there.
start inner gateway "$BUILD/tests/lib/flowload" serve 7555
await_port inner gateway tcp 7555
packets() { client cat /proc/net/dev | awk -v d="$CLIENT_DEV:" '$1 == d { print $11 }'; }
client sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.adit0.route_localnet=1
for a in 127.0.0.1 127.1.2.3 127.255.255.254 169.254.169.254 ::1 64:ff9b::7f00:1 ::7f00:1; do
	client ip route replace table local "$a" dev adit0 2>/dev/null
	sent=$(packets)
	line=$(client "$BUILD/tests/lib/flowload" tcp $a 7555 --deadline 2 2>/dev/null)
	if [ "$(packets)" = "$sent" ]; then
		skip "$a does not lead to the host's own loopback" "the client's kernel does not send that"
	else
		is "$a does not lead to the host's own loopback" "$(value "$line" "done")" 0
	fi
done
