#!/bin/sh
# SPDX-License-Identifier: MIT
# 37-policy.sh - which addresses are closed by default, what opens them, and that the list of our own stays current
#
#    client ---- adit0, adit [gateway: 10.2.0.1, services on every address] ---- servers
#
# shellcheck disable=SC2034,SC1091,SC2329
LIMIT=90 ONLY=adit AS_USER=1 NEED=python3
. "$(dirname "$0")/../lib/netns.sh"

cat >"$W/probe.py" <<-'END'
	import errno, socket, sys
	proto, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
	family = socket.AF_INET6 if ":" in address else socket.AF_INET
	s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
	s.settimeout(2)
	try:
	    s.connect((address, port))
	    if proto == "udp":
	        s.send(b"hello")
	    print(s.recv(100).decode())
	except OSError as e:
	    print("timeout" if isinstance(e, TimeoutError) and not e.errno else errno.errorcode[e.errno])
END
cat >"$W/serve.py" <<-'END'
	import selectors, socket, sys
	all = selectors.DefaultSelector()
	for address in sys.argv[2:]:
	    family = socket.AF_INET6 if ":" in address else socket.AF_INET
	    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
	        s = socket.socket(family, kind)
	        if family == socket.AF_INET6:
	            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
	            s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
	        s.bind((address, 7))
	        if kind == socket.SOCK_STREAM:
	            s.listen(16)
	        all.register(s, selectors.EVENT_READ, kind)
	print("ready", flush=True)
	while True:
	    for key, _ in all.select():
	        if key.data == socket.SOCK_STREAM:
	            peer = key.fileobj.accept()[0]
	            peer.sendall(sys.argv[1].encode())
	            peer.close()
	        else:
	            key.fileobj.sendto(sys.argv[1].encode(), key.fileobj.recvfrom(100)[1])
END
serve() { # NAME NAMESPACE ADDRESS...
	name=$1 ns=$2
	shift 2
	start "$name" "$ns" python3 "$W/serve.py" "$name" "$@"
	wait_for 5 grep -q ready "$W/$name.log" || bail "$(cat "$W/$name.log")"
}
probe() { client timeout -k 1 5 python3 "$W/probe.py" "$@"; }
counter() { # NAME
	kill -USR1 "$(pid_of adit)"
	sleep 0.2
	sed -n "s/^adit: counter $1 //p" "$W/adit.log" | tail -n 1
}
with() { # MEMBERS: adit once more, with these in its manifest
	stop adit || :
	ADIT_MORE=", \"policy\": {$1}"
	adit_up
}

topo
# A datagram socket of "::" would answer from any of its addresses.
serve outside servers 0.0.0.0 $S6 fd00:2::50
serve inside gateway 0.0.0.0 $G6 fd00:2::50

# ---- by default
for p in tcp udp; do
	is "$p to a server" "$(probe $p $S4 7)" outside
	is "$p to a server, IPv6" "$(probe $p $S6 7)" outside
	is "$p to this machine's own address is prohibited" "$(probe $p $G4 7)" EHOSTUNREACH
	is "$p to this machine's own address is prohibited, IPv6" "$(probe $p $G6 7)" EACCES
	is "$p to metadata services is prohibited" "$(probe $p 169.254.169.254 7)" EHOSTUNREACH
	is "$p to loopback in NAT64 clothes is prohibited" "$(probe $p 64:ff9b::7f00:1 7)" EACCES
done
within "they were counted" "$(counter refused_policy)" 8 60
like "... and one line says why" "$(cat "$W/adit.log")" "policy: $G4:7 is closed: refused as prohibited"

# ---- addresses that come and go
is "an address that nobody has" "$(probe tcp 10.2.0.50 7 | sed s/EHOSTUNREACH/nobody/ | sed s/timeout/nobody/)" nobody
before=$(counter refused_policy)
gateway ip addr add 10.2.0.50/24 dev up0
gateway ip addr add fd00:2::50/64 dev up0 nodad
now_closed() { [ "$(probe tcp 10.2.0.50 7)" = EHOSTUNREACH ] && [ "$(probe tcp fd00:2::50 7)" = EACCES ]; }
check "an address that is new here is closed" wait_for 3 now_closed
within "... as this machine's own" "$(counter refused_policy)" $((before + 2)) $((before + 80))
gateway ip addr del 10.2.0.50/24 dev up0
gateway ip addr del fd00:2::50/64 dev up0
servers ip addr add 10.2.0.50/24 dev srv0
servers ip addr add fd00:2::50/64 dev srv0 nodad
gateway ip neigh flush dev up0
now_open() { [ "$(probe tcp 10.2.0.50 7)" = outside ] && [ "$(probe tcp fd00:2::50 7)" = outside ]; }
check "... and open when another machine has it" wait_for 5 now_open

# ---- the operator's words
with '"host": true'
is "host: this machine's own address is reached" "$(probe tcp $G4 7) $(probe udp $G6 7)" "inside inside"
with '"host_address": ["10.2.0.77", "fd00:2::77"]'
stop inside || :
rm -f "$W/inside.log" # its "ready" is not the next one's
serve inside gateway 127.0.0.1 ::1
for p in tcp udp; do
	is "host_address: $p reaches this machine's loopback" "$(probe $p 10.2.0.77 7) $(probe $p fd00:2::77 7)" "inside inside"
	is "... and nothing else of it" "$(probe $p $G4 7)" EHOSTUNREACH
done
with '"private": false'
is "private closed: a private address is prohibited" "$(probe tcp $S4 7) $(probe tcp $S6 7)" "EHOSTUNREACH EACCES"
with '"private": false, "allow": ["10.2.0.2"]'
is "... but for one that is allowed" "$(probe tcp $S4 7) $(probe tcp $T4 7)" "outside EHOSTUNREACH"
with '"deny": ["10.2.0.2/32", "fd00:2::2"]'
is "deny closes what it names" "$(probe udp $S4 7) $(probe tcp $S6 7) $(probe tcp $T4 7)" "EHOSTUNREACH EACCES outside"
with '"sources": ["192.0.2.0/24"]'
is "sources: packets from elsewhere are dropped without a word" "$(probe tcp $S4 7)" timeout
within "... and counted" "$(counter dropped_policy)" 1 20
