#!/bin/sh
# SPDX-License-Identifier: MIT
# 01-harness.sh - the harness itself: the paths exist, both families, and nothing but them
#
#    client ---- adit or veth ---- gateway ------------ servers
#
# shellcheck disable=SC2034,SC1091 # read by netns.sh
LIMIT=30 AS_USER=1 NEED="ping curl"
. "$(dirname "$0")/../lib/netns.sh"

topo
client ip -br addr >"$W/client.addr"
like "the client has the address the topology says" "$(cat "$W/client.addr")" "$C4/24"
# A stack may have a device of its own there; no route leads to it.
for f in -4 -6; do
	is "the client's IPv${f#-} has no other way out than $CLIENT_DEV" \
		"$(client ip $f route show table all type unicast | sed -n 's/.* dev \([^ ]*\).*/\1/p' | grep -v '^lo$' | sort -u)" \
		$CLIENT_DEV
done
is "no default route leaves the servers" "$(servers ip route show default)" ""
is "only this run's processes are visible" "$(ls -d /proc/[0-9]* | wc -l | awk '{ print ($1 < 40) }')" 1
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
for a in $S4 $S6; do
	check "one TCP flow to $a" client "$BUILD/tests/lib/flowload" tcp $a 7000
	like "ten datagrams to $a" "$(client "$BUILD/tests/lib/flowload" udp $a 7000)" 'back=10 lost=0 doubled=0'
done
# The oracle has to be able to say no: a server that is not there, and a deadline that is too short.
check "a load on a closed port fails" sh -c "! nsenter --net=/run/netns/client $BUILD/tests/lib/flowload tcp $S4 7001"
check "a load that cannot end in time fails" \
	sh -c "! nsenter --net=/run/netns/client $BUILD/tests/lib/flowload tcp $S4 7000 --hold 3000 --deadline 1"
