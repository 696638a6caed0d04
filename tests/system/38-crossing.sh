#!/bin/sh
# SPDX-License-Identifier: MIT
# 38-crossing.sh - datagrams that talk one way stay on the shard to which they come; sockets keep one mapping all the same
#
#    client (32 sockets, one way; one socket to 8 destinations) ---- adit0, adit [gateway, 2 shards] ---- servers
#
# shellcheck disable=SC2034,SC1091,SC2329
LIMIT=60 ONLY=adit AS_USER=1 NEED=python3
. "$(dirname "$0")/../lib/netns.sh"

cat >"$W/sink.py" <<-'END'
	import socket, sys
	s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(9)]
	for i, x in enumerate(s):
	    x.bind(("0.0.0.0", 7000 + i))
	    x.settimeout(3)
	s[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
	print("ready", flush=True)
	got = 0
	try:
	    while got < 3200:
	        got += len(s[0].recv(100)) == 64
	except OSError:
	    pass
	print("datagrams", got, flush=True)
	print("sources", len({x.recvfrom(100)[1] for x in s[1:]}), flush=True)
END
cat >"$W/flood.py" <<-'END'
	import socket, time
	s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(32)]
	for x in s:
	    x.connect(("10.2.0.2", 7000))
	for i in range(100):
	    for x in s:
	        x.send(b"x" * 64)
	    time.sleep(0.002)
	one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for i in range(1, 9):
	    one.sendto(b"hello", ("10.2.0.2", 7000 + i))
END
ADIT_MORE=', "shards": 2'
topo
start sink servers python3 "$W/sink.py"
wait_for 5 grep -q ready "$W/sink.log" || bail "$(cat "$W/sink.log")"
client python3 "$W/flood.py"
check "all of a socket's flows have one source port" wait_for 5 grep -qx "sources 1" "$W/sink.log"
within "datagrams that came through, of 3200" "$(sed -n 's/^datagrams //p' "$W/sink.log")" 3100 3200
kill -USR1 "$(pid_of adit)"
check "adit counts" wait_for 3 grep -q flows_opened "$W/adit.log"
# Of the eight flows of one socket all but the first may come up elsewhere; of the 32 sockets nothing does, but for those
# that share a bucket with another one.
within "datagrams that crossed" "$(sed -n 's/^adit: counter datagrams_crossed //p' "$W/adit.log" | grep . || echo 0)" 0 107
