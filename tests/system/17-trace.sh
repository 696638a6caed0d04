#!/bin/sh
# SPDX-License-Identifier: MIT
# 17-trace.sh - ping and traceroute tell the truth, or what is documented in its place
#
#    client ---- adit or veth ---- gateway ------------ servers
#
# On the plain path the gateway is hop 1 and the server hop 2. adit ends echo and UDP flows and asks the
# server itself, so there the server is the first hop that answers and no hop is invented: what traceroute
# shows must end with the server, and must never show an address that does not exist. An address where
# nobody is must stay silent or unreachable: echo is never faked.
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 AS_USER=1 NEED="ping traceroute"
. "$(dirname "$0")/../lib/netns.sh"

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
for a in $S4 $S6; do
	out=$(client ping -n -c 5 -i 0.2 -W 2 $a 2>&1)
	like "ping $a: five of five come back" "$out" ' 5 received, (0|0\.0)% packet loss'
	like "ping $a with 1400 bytes, content checked" "$(client ping -n -c 2 -i 0.2 -s 1400 -p a5 -W 2 $a 2>&1)" ' 2 received'
	out=$(client ping -n -c 5 -i 0.2 -W 2 -s 4000 $a 2>&1)
	like "ping $a with 4000 bytes, in fragments" "$out" ' 5 received'
	check "ping $a shows no wrong data" sh -c "! printf '%s' '$out' | grep -qi 'wrong data'"
	out=$(client ping -n -c 100 -i 0.01 -W 2 $a 2>&1)
	like "ping $a a hundred times a second, none doubled" "$out" '100 packets transmitted, 100 received, 0%'
done
for a in 10.2.0.99 fd00:2::99; do
	out=$(client ping -n -c 2 -i 0.3 -W 1 $a 2>&1)
	like "nobody at $a, and no echo is faked" "$out" ' 0 received'
done
for a in $S4 $S6; do
	via direct && want="1 gateway 2 server" || want="server"
	for how in "-U -p 33434" "-T -p 7000" "-I"; do
		# shellcheck disable=SC2086 # words
		out=$(client traceroute -n -q 1 -w 1 -m 4 -N 1 $how $a 2>&1)
		printf '%s\n' "$out" >"$W/trace"
		hops=$(printf '%s\n' "$out" | awk 'NR > 1 && $2 != "*" { print $2 }')
		is "traceroute ${how%% *} $a ends at the server" "$(printf '%s\n' "$hops" | tail -n 1)" "$a"
		strangers=$(printf '%s\n' "$hops" | grep -vxE "$a|10\.1\.0\.1|fd00:1::1|$G4|$G6|198\.18\.0\.[0-9]+" || :)
		is "traceroute ${how%% *} $a shows no hop that does not exist" "$strangers" ""
	done
done
