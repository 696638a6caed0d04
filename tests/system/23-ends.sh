#!/bin/sh
# SPDX-License-Identifier: MIT
# 23-ends.sh - every pair of ends: flows that a handler looks at first, and an outbound that keeps the bytes
#
#    client ---- adit0, adit [gateway] ---- servers (closeform :7100 :7101 :7102, answer.py :7110 :7111 :7112)
#
# Ports that end in 0: looked at, then direct. In 1: forwarded at once, the outbound keeps the bytes. In 2: looked at, and
# the outbound keeps the bytes.
#
# shellcheck disable=SC2034,SC1091
LIMIT=120 ONLY=adit AS_USER=1 NEED="cc python3"
. "$(dirname "$0")/../lib/netns.sh"

source=$(cd "$(dirname "$0")/../.." && pwd)
target=$(sed -n 's/.*"target": "\([^"]*\)".*/\1/p' "$BUILD"/lib/adit/modules/abi-1/handler-direct.json)
mkdir -m 755 "$W/modules"
for m in handler-look outbound-bytes; do
	json=$source/tests/modules/$m.json
	sh "$source/sdk/descriptor.sh" "$json" 1.0.0 "$target" >"$W/$m-descriptor.h"
	sh "$source/sdk/descriptor.sh" --json "$json" 1.0.0 "$target" >"$W/modules/$m.json"
	cc -std=gnu11 -D_GNU_SOURCE -O1 -g -fPIC -shared -fvisibility=hidden -fno-keep-static-consts -Wl,-z,now \
		-Wl,-z,nodelete -Wl,-z,noexecstack -I"$source/sdk/include" -include "$W/$m-descriptor.h" \
		-o "$W/modules/$m.so" "$source/tests/modules/$m.c" 2>"$W/$m.log" || bail "$m does not build: $(tail -n 5 "$W/$m.log")"
	chmod 755 "$W/modules/$m.so"
done
ADIT_WRAP="env ADIT_MODULE_PATH=$W/modules:$BUILD/lib/adit/modules/abi-1"
ADIT_MORE=', "outbounds": [{"name": "direct", "module": "outbound-direct"}, {"name": "bytes", "module": "outbound-bytes"}],
	"handlers": [{"name": "look", "module": "handler-look", "match": {"port": [7100, 7102, 7110, 7112]}},
		{"name": "plain", "module": "handler-direct", "outbound": "bytes"}]'
cat >"$W/answer.py" <<-'END'
	# Says back what came, once all of it has: TCP at the end of the stream, UDP each datagram.
	import socket, sys, threading
	def tcp(s):
	    while True:
	        c, _ = s.accept()
	        def serve(c=c):
	            got = b""
	            while (b := c.recv(65536)):
	                got += b
	            c.sendall(b"got " + got)
	            c.close()
	        threading.Thread(target=serve, daemon=True).start()
	def udp(s):
	    while True:
	        b, a = s.recvfrom(65536)
	        s.sendto(b"got " + b, a)
	for address in sys.argv[1], sys.argv[2]:
	    for port in map(int, sys.argv[3:]):
	        for kind, loop in (socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp):
	            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
	            s.bind((address, port))
	            if kind == socket.SOCK_STREAM:
	                s.listen(16)
	            threading.Thread(target=loop, args=(s,), daemon=True).start()
	threading.Event().wait()
END
cat >"$W/say.py" <<-'END'
	import socket, sys
	how, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
	family = socket.AF_INET6 if ":" in address else socket.AF_INET
	s = socket.socket(family, socket.SOCK_DGRAM if how == "udp" else socket.SOCK_STREAM)
	s.settimeout(10)
	s.connect((address, port))
	if how == "udp":
	    for text in b"one", b"two", b"three":
	        s.send(text)
	    print(b" ".join(sorted(s.recv(100) for _ in range(3))).decode())
	    sys.exit()
	if how == "fin":  # the first bytes and the FIN in one segment
	    s.send(b"short", socket.MSG_MORE)
	    s.shutdown(socket.SHUT_WR)
	elif how == "much":
	    s.sendall(bytes(range(256)) * 40000)
	    s.shutdown(socket.SHUT_WR)
	else:  # nothing, and FIN
	    s.shutdown(socket.SHUT_WR)
	got = b""
	while (b := s.recv(65536)):
	    got += b
	print("much" if got == b"got " + bytes(range(256)) * 40000 else got[:60].decode("latin-1"))
END

topo
start answer servers python3 "$W/answer.py" $S4 $S6 7110 7111 7112
for port in 7100 7101 7102; do
	start close$port servers "$BUILD/tests/lib/closeform" serve $port
	await_port close$port servers tcp $port
done
await_port answer servers tcp 7112
for port in 7110 7111 7112; do
	for a in $S4 $S6; do
		is "bytes and FIN at once, $a $port" "$(client python3 "$W/say.py" fin $a $port 2>&1)" "got short"
		is "nothing and FIN, $a $port" "$(client python3 "$W/say.py" none $a $port 2>&1)" "got "
		is "10 MB, $a $port" "$(client python3 "$W/say.py" much $a $port 2>&1)" "much"
		is "datagrams, $a $port" "$(client python3 "$W/say.py" udp $a $port 2>&1)" "got one got three got two"
	done
done
cat >"$W/forms" <<-END
	client-fin|end 0|end 1000
	server-fin|end 1000|end 0
	client-half|end 1000|end 1000
	server-half|end 1000|end 1000
	client-reset|left 0|reset 1000
	server-reset|reset 1000|left 0
	server-reset-unread|reset 0|left 0
	client-reset-midway|left 100000|reset 0
	server-reset-midway|reset 0|left 100000
END
for port in 7100 7101 7102; do
	while IFS='|' read -r form client_sees server_sees; do
		id=$form-$port
		got=$(client "$BUILD/tests/lib/closeform" "$form" $S4 $port "$id" </dev/null 2>&1)
		is "$form at $port, seen by the client" "$got" "saw $client_sees"
		wait_for 6 grep -q "^$id " "$W/close$port.log"
		is "$form at $port, seen by the server" "$(sed -n "s/^$id $form saw //p" "$W/close$port.log")" "$server_sees"
	done <"$W/forms"
done
like "no module was found at fault" "$(grep -c 'module misuse' "$W/adit.log")" '^0$'
