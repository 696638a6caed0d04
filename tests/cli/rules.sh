#!/bin/sh
# SPDX-License-Identifier: MIT
# rules.sh - adit exec --rules: what a command may reach, by whose flow it is
#
#    this namespace (192.0.2.10, fd00:2::10) <--- adit (rules) ---- adit0 [namespace of the command]
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit AS_USER=1 NEED="python3 curl"
. "$(dirname "$0")/../lib/netns.sh"

x() { timeout -k 1 10 "$ADIT" exec --rules "$W/rules" "$@" 2>"$W/err"; }
ip addr add 192.0.2.10/24 dev lo
ip addr add fd00:2::10/64 dev lo nodad
"$BUILD/tests/lib/flowload" serve 7000 >"$W/serve.log" 2>&1 &
wait_for 5 sh -c 'ss -Hnlt "sport = :7000" | grep -q .'
cat >"$W/connect.py" <<-'END'
	import errno, socket, sys
	try:
	    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
	    print("connected")
	except TimeoutError:
	    print("timeout")
	except OSError as e:
	    print(errno.errorcode.get(e.errno, e))
END
other=$(readlink -f "$BUILD/tests/lib/flowload")
refused() { ! "$@" >"$W/out" 2>&1; }
try() { x -- "$@" 2>&1; }

# ---- addresses
echo 'reject net dst 192.0.2.0/24 port 7000
reject host dst fd00:2::10' >"$W/rules"
is "a rule refuses" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" ENETUNREACH
is "... IPv6 too" "$(try python3 "$W/connect.py" fd00:2::10 7000)" EHOSTUNREACH
is "what no rule minds goes out, and finds nobody" "$(try python3 "$W/connect.py" 192.0.2.10 7001)" ECONNREFUSED
echo 'port 7000 reject' >"$W/rules"
x -- true
is "a rule that is wrong: adit failed" $? 125
like "... with file, line and the cure" "$(cat "$W/err")" '/rules:1: an action comes first \(via NAME, allow, reject, drop or pass\), not: "port"'
x --rules "$W/none" -- true
is "no such file: adit failed" $? 125
like "... and which" "$(cat "$W/err")" '/none: No such file'
x --rules 'a"b' -- true
is "a name that cannot stand in JSON: adit failed" $? 125

# ---- processes
program=$(basename "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')")
cat >"$W/rules" <<-END
	reject host process $program
	default allow
END
is "a process is known by the name of its program" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" EHOSTUNREACH
is "... of IPv6 too" "$(try python3 "$W/connect.py" fd00:2::10 7000)" EHOSTUNREACH
check "... and another program is not it" x -- "$other" tcp 192.0.2.10 7000
echo "reject host process $other" >"$W/rules"
check "a process is known by its path" refused x -- "$other" tcp 192.0.2.10 7000
is "... and another path is not it" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" connected
echo "reject host not user $(id -u)" >"$W/rules"
is "a user's own flows" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" connected
echo "reject host user $(id -u)" >"$W/rules"
is "... are known" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" EHOSTUNREACH
echo "reject host group $(id -g)" >"$W/rules"
is "a group's too" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" EHOSTUNREACH
echo "reject user $(id -u) proto udp" >"$W/rules"
is "datagrams have owners too" "$(try python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.sendto(b"x", ("192.0.2.10", 7000)); s.connect(("192.0.2.10", 7000))
try: s.send(b"x"); s.send(b"x"); print(s.recv(9))
except ConnectionRefusedError: print("refused")')" refused
group=$(sed -n 's/^0:://p' /proc/self/cgroup)
if [ -n "$group" ] && [ ${#group} -lt 200 ]; then
	echo "reject host cgroup $group" >"$W/rules"
	is "a control group is known" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" EHOSTUNREACH
	echo "reject host cgroup /no-such-group" >"$W/rules"
	is "... and another is not it" "$(try python3 "$W/connect.py" 192.0.2.10 7000)" connected
else
	skip "control groups" "there is no version 2 hierarchy here"
fi
# A process that is gone before the answer, and many at once.
cat >"$W/many.py" <<-'END'
	import socket, sys
	good = 0
	for i in range(200):
	    s = socket.socket()
	    s.settimeout(5)
	    s.connect(("192.0.2.10", 7000))
	    good += 1
	    s.close()
	print(good)
END
echo "reject process no-such-program" >"$W/rules"
is "200 flows of which the owner is asked" "$(try python3 "$W/many.py")" 200
