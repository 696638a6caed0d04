#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-owners.sh - adit flows and adit flow say which process and user a flow is of
#
#    client (python3) ---- adit ---- gateway ---- servers (nginx :8080)
#
# shellcheck disable=SC2034,SC1091
LIMIT=40 ONLY=adit AS_USER=1 NEED="nginx python3"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../lib/web.sh"
ADIT_MORE=", \"control\": {\"socket\": \"$W/control.sock\"}"
ctl() { verb=$1 && shift && gateway timeout -k 2 10 "$ADIT" "$verb" --socket "$W/control.sock" "$@" 2>&1; }
topo
web_files small:1000
web_up
client python3 - $S4 "$W/go" >"$W/held.log" 2>&1 <<-'END' &
	import os, socket, sys, time
	s = socket.create_connection((sys.argv[1], 8080), 5)
	s.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
	s.recv(15)
	print(os.getpid(), os.getuid(), open("/proc/self/comm").read().strip(), flush=True)
	while not os.path.exists(sys.argv[2]):
	    time.sleep(0.02)
END
held=$!
check "a connection is there" wait_for 5 grep -q . "$W/held.log"
said() { # the flow's user, process and its number, as the host says; ARGUMENT... of adit flows
	ctl flows --json "$@" | python3 -c '
import json, sys
for row in map(json.loads, sys.stdin):
    if row.get("dst", "").endswith(":8080"):
        print(row.get("pid"), row.get("uid"), row.get("process"))'
}
want=$(cat "$W/held.log")
[ "$NETNS_WHO" = root ] || note "the process is asked for as an ordinary user: own processes only"
is "its process, by number and name, and its user" "$(said)" "$want"
is "... told again from what is remembered" "$(said)" "$want"
is "... and in an order" "$(said --sort age)" "$want"
like "... in the table too" "$(ctl flows)" "$(echo "$want" | cut -d' ' -f3)\\[$(echo "$want" | cut -d' ' -f1)\\]"
id=$(ctl flows --json | python3 -c 'import json, sys
print([r["flow"] for r in map(json.loads, sys.stdin) if r["dst"].endswith(":8080")][0])')
is "... and of one flow" "$(python3 - "$W/control.sock" "$id" <<-'END'
	import json, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(5)
	s.connect(sys.argv[1])
	s.sendall(json.dumps({"id": 1, "verb": "flow", "flow": sys.argv[2]}).encode() + b"\n")
	ok = json.loads(s.makefile().readline())["ok"]
	print(ok["pid"], ok["uid"], ok["process"])
END
)" "$want"
client ping -c 1 -W 2 $S4 >/dev/null
echo_flows=$(ctl flows --json proto=icmp)
is "of echo nothing is known" "$(echo "$echo_flows" | grep -c '"dst"') $(echo "$echo_flows" | grep -c '"uid"')" "1 0"
touch "$W/go"
wait $held
