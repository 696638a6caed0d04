#!/bin/sh
# SPDX-License-Identifier: MIT
# 18-truth.sh - a closed port looks closed, an unreachable place unreachable, silence is silence
#
#    client (curl, nc, own) ---- adit or veth ---- gateway ------------ servers
#                                                   10.9.0.0/24 unreachable, 10.8.0.0/24 prohibited (and v6)
#
# With connect-first, which the direct handler does by default, an application sees through adit what it
# sees without: the errors below are those of the plain path.
#
# shellcheck disable=SC2034,SC1091
LIMIT=90 AS_USER=1 NEED="curl nc nft"
. "$(dirname "$0")/../lib/netns.sh"

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
# Port 7009 drops, 7008 answers RST after a moment of the kernel, 7007 is refused by a firewall.
servers nft -f - <<-END
	table inet t {
		chain in {
			type filter hook input priority 0
			tcp dport 7009 drop
			tcp dport 7007 reject with icmpx type admin-prohibited
			udp dport 7009 drop
		}
	}
END
form() { client "$BUILD/tests/lib/closeform" "$@"; }
for f in 4 6; do
	[ $f = 4 ] && a=$S4 u=10.9.0.1 p=10.8.0.1 || { a=$S6 u=fd00:9::1 p=fd00:8::1; }
	is "IPv$f: an open port connects" "$(form connect $a 7000)" connected
	is "IPv$f: a closed port is refused" "$(form connect $a 7001)" refused
	began=$(ms)
	form connect $a 7001 >/dev/null
	within "IPv$f: and at once, ms" $(($(ms) - began)) 0 500
	like "IPv$f: an unreachable host" "$(form connect $u 7000)" '^(host|net)-unreachable$'
	# IPv4 has one errno for both of its codes, IPv6 another.
	like "IPv$f: a prohibited host" "$(form connect $p 7000)" '^(host-unreachable|prohibited)$'
	like "IPv$f: a port that a firewall prohibits" "$(form connect $a 7007)" '^(host-unreachable|prohibited)$'
	is "IPv$f: a port that says nothing says nothing" "$(form connect $a 7009)" no-answer
	is "IPv$f: a closed UDP port is refused" "$(form udp-closed $a 7001)" refused
	is "IPv$f: a UDP port that says nothing says nothing" "$(form udp-closed $a 7009)" no-answer
	client curl -s --noproxy '*' -m 5 "http://$(url_host $a):7001/" -o /dev/null
	is "IPv$f: curl says 'failed to connect'" $? 7
	check "IPv$f: nc sees the open port" client nc -z -w 2 $a 7000
	check "IPv$f: nc sees the closed port" sh -c "! nsenter --net=/run/netns/client nc -z -w 2 $a 7001"
	# A scan has to give the same table as the server's own list.
	open=$(for port in $(seq 6990 7006); do
		[ "$(form connect $a "$port")" = connected ] && echo "$port"
	done | tr '\n' ' ')
	is "IPv$f: a scan of 17 ports finds the one that is open" "$open" "7000 "
done
