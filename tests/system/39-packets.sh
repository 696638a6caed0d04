#!/bin/sh
# SPDX-License-Identifier: MIT
# 39-packets.sh - exact packets into the device, exact answers, over one stack (FORM and STACK choose)
#
#    client (tests/packets/cases.py; adit0) ---- adit [gateway] ---- servers (port 7 echoes)
#
# shellcheck disable=SC2034,SC1091,SC2329
LIMIT=90 ONLY=adit AS_USER=1 NEED="python3 nft"
. "$(dirname "$0")/../lib/netns.sh"

cat >"$W/echo.py" <<-'END'
	import socket, threading
	def stream(c):
	    try:
	        while data := c.recv(4096):
	            if data == b"quit":
	                break
	            c.sendall(data)
	    except OSError:
	        pass
	    c.close()
	def listen(family, address):
	    l = socket.socket(family, socket.SOCK_STREAM)
	    l.bind((address, 7))
	    l.listen(64)
	    while True:
	        threading.Thread(target=stream, args=(l.accept()[0],), daemon=True).start()
	def datagrams(family, address):
	    s = socket.socket(family, socket.SOCK_DGRAM)
	    s.bind((address, 7))
	    while True:
	        data, peer = s.recvfrom(65535)
	        s.sendto(data, peer)
	import sys
	for family, address in (socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2]):
	    for work in listen, datagrams:
	        threading.Thread(target=work, args=(family, address), daemon=True).start()
	print("ready", flush=True)
	threading.Event().wait()
END
topo
start echo servers python3 "$W/echo.py" $S4 $S6
await_port echo servers tcp 7
# The kernel has no socket for what the test sends, and would reset or refuse the answers.
client nft 'table inet quiet { chain i { type filter hook input priority -300; tcp dport 40000-40999 drop; udp dport 40000-40999 drop; }; }' ||
	bail "no firewall rule can be made"
PYTHONDONTWRITEBYTECODE=1 client timeout -k 5 80 python3 "$TESTDIR/../packets/cases.py" adit0 $C4 $C6 $S4 $S6 >"$W/cases" 2>"$W/cases.err"
while IFS= read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) text=${line#not ok } && not_ok "${text%%:*}" "${text#*: }" ;;
	esac
done <"$W/cases"
is "all cases ran" "$(grep -c . "$W/cases") $(cat "$W/cases.err")" "$(grep -c '^@case' "$TESTDIR/../packets/cases.py") "
