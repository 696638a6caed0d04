#!/bin/sh
# SPDX-License-Identifier: MIT
# 36-bypass.sh - where device and adit share a namespace, adit's own sockets go past the device
#
#    gateway: applications, adit0, adit ---- up0 ---- servers
#
# A route of this very namespace sends the server's address into adit0. A socket of adit's that took it would come
# back as a new flow, for ever. Two ways past: sockets bound to up0, and a mark with a rule of the operator's.
#
# shellcheck disable=SC2034,SC1091,SC2329
LIMIT=60 ONLY=adit
. "$(dirname "$0")/../lib/netns.sh"

FLOWS=40
manifest() {
	cat <<-END
		{
			"adit": 1,
			"platform": {"module": "platform-linux", "namespace": "here", "name": "adit0", "routes": ["$S4/32", "$S6/128"],
				$BYPASS}
		}
	END
}
device_up() { gateway ip route get $S4 | grep -q adit0 && gateway ip -6 route get $S6 | grep -q adit0; }
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
opened() { sed -n 's/^adit: counter flows_opened //p' "$W/adit.log" | tail -n 1; }

# Everything twice: once for each way past.
round() { # NAME
	for a in $S4 $S6; do
		line=$(gateway "$BUILD/tests/lib/flowload" tcp $a 7000 --flows $FLOWS --up 20000 --down 20000 --deadline 20 2>&1 </dev/null)
		is "$1: $FLOWS flows to $a come through whole" "$(value "$line" "done") $(value "$line" crossed)" "$FLOWS 0"
	done
	line=$(gateway "$BUILD/tests/lib/flowload" udp $S4 7000 --flows 10 --deadline 10 2>&1 </dev/null)
	[ -n "$line" ] || not_ok "$1: UDP load" "$line"
	kill -USR1 "$(pid_of adit)"
	wait_for 3 grep -q flows_opened "$W/adit.log"
	# The load's own, the self-test's if there is one, and nothing that came round again.
	within "$1: no socket of adit's came back as a flow" "$(opened)" $((2 * FLOWS)) $((2 * FLOWS + 14))
}

BYPASS='"bypass_device": "up0"'
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
round "bound to up0"
stop adit || :
gateway ip rule add fwmark 0x77 lookup 77
gateway ip -6 rule add fwmark 0x77 lookup 77
gateway ip route add "$S4" dev up0 table 77
gateway ip -6 route add "$S6" dev up0 table 77
BYPASS='"mark": 119'
adit_up
round "marked"
