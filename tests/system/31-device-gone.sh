#!/bin/sh
# SPDX-License-Identifier: MIT
# 31-device-gone.sh - the device is deleted, or flaps, under a running adit
#
#    client ---- adit0 (deleted) ---- adit in gateway ---- servers
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit AS_USER=1 NEED="ping"
. "$(dirname "$0")/../lib/netns.sh"

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
flow() { client "$BUILD/tests/lib/flowload" tcp $S4 7000 --deadline 5; }
check "a flow passes to begin with" flow

client ip link set adit0 down
sleep 0.3
client ip link set adit0 up
client ip route replace default dev adit0
client ip -6 route replace default dev adit0
check "a flow passes after the device was down and up" flow
client ip link set adit0 mtu 1280
check "a flow passes after the MTU was changed" flow

# Ten flows hang in the middle of their life when the device goes.
client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 10 --hold 20000 --deadline 3 >"$W/held" 2>&1 &
held=$!
sleep 0.5
lines=$(wc -l <"$W/adit.log")
client ip link del adit0
sleep 0.2
if gone adit; then
	ok "the loss of the device was noticed: adit ended"
	ADIT_ENDED=1
	sanitizer_clean
	wait $held
	check "it said why" grep -qiE 'device|adit0' "$W/adit.log"
	exit
fi
like "the loss of the device was noticed within 200 ms and logged" "$(tail -n +$((lines + 1)) "$W/adit.log")" '[Dd]evice|adit0'
ticks=$(cpu_ticks adit)
sleep 2
within "adit idles without its device, CPU ticks of 10 ms in 2 s" $(($(cpu_ticks adit) - ticks)) 0 10
within "its log does not flow over, lines" $(($(wc -l <"$W/adit.log") - lines)) 1 15
wait $held
# adit_down() at the end: SIGTERM obeyed within 2 s
