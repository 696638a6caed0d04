#!/bin/sh
# SPDX-License-Identifier: MIT
# 61-rules.sh - handler-rules: the right flows refused, dropped, passed and sent on, as the application sees it
#
#    client ---- adit (rules) ---- gateway ------------ servers (nginx :8080, :8081; UDP echo :7000)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit AS_USER=1 NEED="curl nginx python3"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../lib/web.sh"

cat >"$W/blocked" <<-END
	# a set
	$T4
	$T6/128
	not an entry
END
cat >"$W/extra.rules" <<-END
	set blocked blocked
	reject net dst 203.0.113.0/24,2001:db8:bad::/48   # as if there were no such network
	reject host proto icmp dst $T4
END
ADIT_MORE=', "handlers": [
	{"name": "rules", "module": "handler-rules",
		"files": ["'$W'/extra.rules"],
		"rules": ["reject admin proto tcp port 8081 src '$C4'",
			"drop proto tcp port 8082",
			"reject proto udp dst @blocked",
			"via second proto tcp port 8080 not dst @blocked",
			"reject host proto tcp port 9000 over 5",
			"reject host dst @blocked"],
		"default": "pass"},
	{"name": "rest", "module": "handler-direct", "outbound": "first"}],
	"outbounds": [{"name": "first", "module": "outbound-direct"}, {"name": "second", "module": "outbound-direct"}],
	"log": {"level": "info"}'
printf '#!/bin/sh\nexec "$@" --flows\n' >"$W/wrap" && chmod 755 "$W/wrap"
ADIT_WRAP=$W/wrap
topo
web_files small:1000
web_up
start udp servers "$BUILD/tests/lib/flowload" serve 7000
await_port udp servers udp 7000
c() { client curl -s -o /dev/null -m 3 -w '%{http_code}' "$@" 2>/dev/null; }
py() { client python3 - "$@" 2>&1; }
connect() { # ADDRESS PORT
	py "$1" "$2" <<-'END'
		import socket, sys, errno
		try:
		    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
		    print("connected")
		except TimeoutError:
		    print("timeout")
		except OSError as e:
		    print(errno.errorcode.get(e.errno, e))
	END
}
like "the rules and the size of the sets are told" "$(cat "$W/adit.log")" '8 rules, sets of [0-9]+ bytes'
like "... and a line that is no entry, by file and number" "$(cat "$W/adit.log")" '/blocked:4: no address, prefix or host name'
is "a web page" "$(c http://$S4:8080/small)" 200
is "... of IPv6" "$(c "http://[$S6]:8080/small")" 200
for a in $S4 $S6; do
	check "... by the second outbound" wait_for 3 grep -q "flow tcp .*$a.*:8080 .* via second" "$W/adit.log"
done
is "a blocked address looks like an unreachable host" "$(connect $T4 8080)" EHOSTUNREACH
is "... of IPv6 too" "$(connect $T6 8080)" EHOSTUNREACH
is "a network that is none" "$(connect 203.0.113.9 80)" ENETUNREACH
is "... of IPv6" "$(connect 2001:db8:bad::9 80)" ENETUNREACH
is "administratively prohibited" "$(connect $S4 8081)" EHOSTUNREACH
is "dropped: silence" "$(connect $S4 8082)" timeout
is "what passes goes to the next handler, and refused is refused there" "$(connect $S4 8083)" ECONNREFUSED
like "UDP that no rule minds" "$(client "$BUILD/tests/lib/flowload" udp $S4 7000 2>&1)" 'back=10 lost=0'
check "... goes out by the next handler's outbound" wait_for 3 grep -q "flow tcp .*:8083 .* via first" "$W/adit.log"
is "UDP that is rejected: refused at once" "$(py $T4 <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.settimeout(2)
	s.connect((sys.argv[1], 7000))
	s.send(b"x")
	try:
	    s.recv(10)
	    print("answer")
	except ConnectionRefusedError:
	    print("refused")
	except TimeoutError:
	    print("timeout")
END
)" refused
is "more flows than a source may make: the first go on, the others are rejected" "$(py $S4 <<-'END'
	import errno, socket, sys
	seen = {}
	for i in range(60):
	    s = socket.socket()
	    s.settimeout(2)
	    try:
	        s.connect((sys.argv[1], 9000))
	    except OSError as e:
	        name = errno.errorcode.get(e.errno, "timeout")
	        seen[name] = seen.get(name, 0) + 1
	    s.close()
	print(sorted(seen), seen["ECONNREFUSED"] >= 5, seen["EHOSTUNREACH"] >= 10)
END
)" "['ECONNREFUSED', 'EHOSTUNREACH'] True True"

# ---- other rules, while it runs
client python3 - $S4 "$W/go" >"$W/live.log" 2>&1 <<-'END' &
	import os, socket, sys, time
	s = socket.create_connection((sys.argv[1], 8080), 5)
	s.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
	print(s.recv(15).decode(), flush=True)
	while not os.path.exists(sys.argv[2]):
	    time.sleep(0.02)
	s.settimeout(5)
	s.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	got = b""
	while chunk := s.recv(65536):
	    got += chunk
	print("went on" if got.count(b"HTTP/1.1 200") == 1 else got[:50])
END
live=$!
wait_for 5 grep -q 200 "$W/live.log"
sed 's/drop proto tcp port 8082/reject net proto tcp port 8080/' "$W/manifest.json" >"$W/manifest.new" && mv "$W/manifest.new" "$W/manifest.json"
kill -HUP "$(pid_of adit)"
check "the new rules are told of" wait_for 5 grep -q 'the new rules are in effect' "$W/adit.log"
is "a new flow has the new rules" "$(connect $S4 8080)" ENETUNREACH
is "... also where an old one is gone" "$(connect $S4 8082)" ECONNREFUSED
touch "$W/go"
wait $live
is "a flow that was decided before stays as it is" "$(tail -n 1 "$W/live.log")" "went on"
sed 's/reject net proto tcp port 8080/reject net proto tcp port x/' "$W/manifest.json" >"$W/manifest.new" && mv "$W/manifest.new" "$W/manifest.json"
kill -HUP "$(pid_of adit)"
check "rules that are wrong are told" wait_for 5 grep -q 'ports are 0 to 65535' "$W/adit.log"
is "... and change nothing" "$(connect $S4 8080)" ENETUNREACH
sed 's/proto tcp port x/proto tcp port 8080/' "$W/manifest.json" >"$W/manifest.new" && mv "$W/manifest.new" "$W/manifest.json"
before=$(grep -c 'the new rules are in effect' "$W/adit.log")
again() { # the log is told once more
	kill -HUP "$(pid_of adit)"
	wait_for 5 sh -c "[ \$(grep -c 'the new rules are in effect' '$W/adit.log') -gt $before ]"
	before=$(grep -c 'the new rules are in effect' "$W/adit.log")
}
is "an address of no set" "$(connect $S4 8083)" ECONNREFUSED
echo "$S4/32" >>"$W/blocked"
check "the manifest is as it was, and is loaded again" again
is "... a set whose file has changed is read again" "$(connect $S4 8083)" EHOSTUNREACH
echo 'reject net proto tcp port 8083' >>"$W/extra.rules"
check "... and so" again
is "... is a file of rules" "$(connect $S4 8083)" ENETUNREACH
