#!/bin/sh
# SPDX-License-Identifier: MIT
# 63-stacks.sh - handler-rules gives one port to lwIP while the kernel ends the rest, at the same time
#
#    client ---- adit (stack "main": system; "spare": lwIP, stands by) ---- gateway ---- servers (nginx :8080, python :8081)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit AS_USER=1 NEED="curl nginx python3"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../lib/web.sh"
if [ ! -e "$(dirname "$ADIT")/lib/adit/modules/abi-1/stack-lwip.so" ]; then
	echo "1..0 # SKIP stack-lwip is not built: there is no source of lwIP (tools/lwip obtains it)"
	exit 77
fi
manifest() {
	modules=
	[ "$NETNS_WHO" = root ] || modules=', "modules": {"allow_unsafe_owner": true}'
	cat <<-END
		{
			"adit": 1, "control": {"socket": "$W/control.sock"},
			"platform": {"module": "platform-linux", "namespace": "/run/netns/client", "name": "adit0", "mtu": 1500,
				"addresses": ["$C4/24", "$C6/64"], "routes": ["0.0.0.0/0", "::/0"]},
			"stack": "main", "stacks": [{"name": "main", "module": "stack-system", "form": "private"},
				{"name": "spare", "module": "stack-lwip", "standby": ${STANDBY:-true}}],
			"handlers": [{"name": "rules", "module": "handler-rules",
				"rules": ["allow stack spare proto tcp port 8081", "allow"]}]$modules
		}
	END
}
ctl() { verb=$1 && shift && gateway timeout -k 2 10 "$ADIT" "$verb" --socket "$W/control.sock" "$@" 2>&1; }
c() { client curl -s -o /dev/null -m 5 --noproxy '*' -w '%{http_code}' "$@" 2>/dev/null; }
hold() { # NAME PORT: a connection that stays
	client python3 - $S4 "$2" "$W/go" >"$W/$1.log" 2>&1 <<-'END' &
		import os, socket, sys, time
		s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
		s.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
		print(s.recv(15).decode(), flush=True)
		while not os.path.exists(sys.argv[3]):
		    time.sleep(0.02)
		s.settimeout(5)
		s.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		got = b""
		while chunk := s.recv(65536):
		    got += chunk
		print("went on" if got.count(b"HTTP/1.1 200") == 1 else got[:50])
	END
	eval "$1=$!"
	wait_for 5 grep -q 200 "$W/$1.log"
}
stack_of() { ctl flows --json | python3 -c '
import json, sys
for line in sys.stdin:
    rows = json.loads(line)
    for row in rows if isinstance(rows, list) else rows.get("flows", [rows]):
        if row.get("dst", "").endswith(":" + sys.argv[1]) and row.get("state") == "open":
            print(row.get("stack"))
' "$1"; }
reloaded() { # SED
	before=$(grep -c 'reload: ' "$W/adit.log")
	sed "$1" "$W/manifest.json" >"$W/new.json" && mv "$W/new.json" "$W/manifest.json"
	kill -HUP "$(pid_of adit)"
	wait_for 10 sh -c "[ \$(grep -c 'reload: ' '$W/adit.log') -gt $before ]"
}

topo
web_files small:1000
web_up
start second servers python3 -m http.server --protocol HTTP/1.1 --bind :: --directory "$W/www" 8081
await_port second servers tcp 8081
hold a 8080
hold b 8081
is "a connection to one port is ended by the stack of the manifest" "$(stack_of 8080)" main
is "... and one to the other, at the same time, by the stack that the rule names" "$(stack_of 8081)" spare
is "IPv6 too" "$(c "http://[$S6]:8081/small")$(c "http://[$S6]:8080/small")" 200200
is "the manifest is reloaded" "$(reloaded 's/"allow"\]/"allow connect-later"]/' && echo yes)" yes
is "... and the stack that stands by is still there" "$(c http://$S4:8081/small)" 200
is "rules that name a stack which is to go are refused" "$(reloaded 's/"standby": true/"standby": false/' && echo yes)" yes
like "... with the cure" "$(cat "$W/adit.log")" 'no stack of this name is in service.*standby'
is "... and nothing has changed" "$(c http://$S4:8081/small)" 200
touch "$W/go"
# shellcheck disable=SC2154 # hold() sets them
wait "$a" "$b"
is "both connections went on through it" "$(tail -qn 1 "$W/a.log" "$W/b.log" | tr '\n' ' ')" "went on went on "
