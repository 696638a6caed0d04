#!/bin/sh
# SPDX-License-Identifier: MIT
# exec.sh - adit exec as a user meets it: status, signals, environment, directory, pipes, words
#
#    this namespace (192.0.2.10, fd00:2::10) <--- adit ---- adit0 [namespace of the command]
#
# shellcheck disable=SC2034,SC2016,SC2015,SC1091
LIMIT=90 ONLY=adit AS_USER=1 NEED="setpriv python3"
. "$(dirname "$0")/../lib/netns.sh"

x() { timeout -k 1 10 "$ADIT" exec "$@" 2>"$W/err"; }
status() { # TEXT WANT WORDS...
	text=$1 want=$2
	shift 2
	x "$@" >"$W/out" </dev/null
	is "$text" $? "$want"
}
mkdir "$W/empty" && cd "$W/empty" || bail "no directory"
ip addr add 192.0.2.10/24 dev lo
ip addr add fd00:2::10/64 dev lo nodad
sysctl -qw net.ipv4.ping_group_range="0 0"

# ---- the exit status
for n in 0 1 2 77 125 255; do status "status $n is passed on" $n -- sh -c "exit $n"; done
status "a command ended by SIGTERM: 128 and 15" 143 -- sh -c 'kill -TERM $$'
status "a command ended by SIGKILL: 128 and 9" 137 -- sh -c 'kill -KILL $$'
status "no such command: 127" 127 -- no-such-command
is "... with its name" "$(cat "$W/err")" "adit: no-such-command: command not found"
status "no such command with a slash: 127" 127 -- ./no-such-command
echo 'exit 0' >"$W/plain"
status "a file without the right to run: 126" 126 -- "$W/plain"
is "... with its name" "$(cat "$W/err")" "adit: $W/plain: it is there, but cannot be run"
status "no command: the command line is wrong" 2 --
like "... and what is missing" "$(cat "$W/err")" '^adit exec: a word is missing: .*; try: adit exec --help$'
status "a stack that is not installed: adit failed" 125 --stack none -- true
like "... and the package" "$(cat "$W/err")" 'stack "none" is not installed: .*install the package adit-module-stack-none'
status "a handler that is not installed: adit failed" 125 --handler none -- true
status "a handler's name with a quote: adit failed" 125 --handler 'a"b' -- true
status "a manifest that is wrong: adit failed" 125 -c /nonexistent -- true

# ---- words
is "options behind the command are the command's" "$(x sh -c 'echo "$@"' - --flows -f -- --help)" "--flows -f -- --help"
is "-- ends adit's options" "$(x -- echo --flows)" "--flows"
is "empty words and spaces arrive" "$(x -- sh -c 'printf "<%s>" "$@"' - '' 'a b' '
' '*')" "<><a b><
><*>"
long=$(head -c 100000 /dev/zero | tr '\0' a)
is "a word of 100,000 letters arrives" "$(x -- sh -c 'echo ${#1}' - "$long")" 100000
status "an option of another command" 2 --origin -- true
is "... is not known here" "$(cat "$W/err")" "adit exec: no option --origin; try: adit exec --help"

# ---- environment, directory, descriptors
is "the environment arrives" "$(FOO='b a r' x -- sh -c 'echo "$FOO"')" "b a r"
is "... and nothing but it" "$(x -- env | sort)" "$(env | grep -v '^_=' | sort)"
is "the command is looked for in PATH" "$(PATH=$W:$PATH; printf '#!/bin/sh\necho mine\n' >"$W/tool"; chmod 755 "$W/tool"; x tool)" mine
is "the working directory is the caller's" "$(x -- pwd)" "$W/empty"
is "standard input is the command's" "$(printf 'a\nb\n' | x -- cat)" "a
b"
make_file "$W/big" 3000000
x -- cat <"$W/big" >"$W/big.back"
same "3,000,000 bytes through a pipe are the same" "$W/big" "$W/big.back"
x -- sh -c 'echo to-out; echo to-err >&2' >"$W/out"
is "standard output is apart" "$(cat "$W/out")" to-out
is "... from standard error" "$(cat "$W/err")" to-err
is "a reader that leaves ends the command" "$(x -- yes | head -n 1)" y
is "no descriptor of adit's is left open in the command" "$(x -- ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
status "standard output may be closed" 3 -- sh -c 'exec >&-; exit 3'
(exec >&-; x -- sh -c 'echo lost 2>/dev/null; exit 4')
is "... before adit is started too" $? 4
is "the signals that adit minds are not blocked in the command" \
	"$(x -- sh -c 'grep -E "^Sig(Blk|Ign):" /proc/self/status')" "$(sh -c 'grep -E "^Sig(Blk|Ign):" /proc/self/status')"

# ---- signals to adit
waiting='trap "echo got-$1; exit 7" $1; echo up; while :; do sleep 0.05; done'
for s in TERM INT HUP USR1 QUIT; do
	# A shell starts what is in the background with SIGINT and SIGQUIT ignored; env undoes that.
	env --default-signal "$ADIT" exec -- sh -c "$waiting" - $s >"$W/out.$s" 2>"$W/err" </dev/null &
	pid=$!
	wait_for 5 grep -q up "$W/out.$s" || not_ok "the command came up" "$(cat "$W/err")"
	kill -$s $pid
	wait $pid
	is "SIG$s reaches the command, whose status counts" "$? $(tail -n 1 "$W/out.$s")" "7 got-$s"
done
"$ADIT" exec -- sh -c 'echo $$; exec sleep 60' >"$W/out.kill" 2>&1 </dev/null &
pid=$!
wait_for 5 test -s "$W/out.kill"
child=$(cat "$W/out.kill")
like "the command runs" "$(cat "/proc/$child/comm" 2>&1)" '^sleep$'
kill -KILL $pid
wait $pid 2>/dev/null
check "adit killed: its command ends too" wait_for 2 test ! -e "/proc/$child"

# ---- the way out
links() { x "$@" -- ip -br link | cut -d' ' -f1 | sort | tr '\n' ' '; }
is "lo and adit0 are all there is" "$(links --set stacks.system.shortcut=false)" "adit0 lo "
like "... but for the shortcut's second device" "$(links)" '^(adit-in0 )?adit0 lo $'
is "the way out is adit0, whatever the destination" \
	"$(x -- sh -c 'for a in 192.0.2.10 203.0.113.1 2001:db8::1; do ip route get $a; done' | grep -c ' dev adit0 ')" 3
"$BUILD/tests/lib/flowload" serve 7000 >"$W/serve.log" 2>&1 &
serve=$!
wait_for 5 sh -c 'ss -Hnlt "sport = :7000" | grep -q .'
for a in 192.0.2.10 fd00:2::10; do
	status "a TCP flow to $a" 0 --flows -- "$BUILD/tests/lib/flowload" tcp $a 7000
	like "... is told at its end" "$(cat "$W/err")" "^adit: flow tcp .* -> .*$a.*:7000  up [0-9]+  down [0-9]+  [0-9.]+ s  via direct  closed$"
done
like "datagrams come back" "$(x -- "$BUILD/tests/lib/flowload" udp 192.0.2.10 7000)" 'back=10 lost=0'
status "a closed port is refused" 1 --flows -- "$BUILD/tests/lib/flowload" tcp 192.0.2.10 7001
like "... and told so" "$(cat "$W/err")" ':7001  up 0  down 0 .* connection refused$'
status "without --flows adit says nothing" 0 -- "$BUILD/tests/lib/flowload" tcp 192.0.2.10 7000
is "... at all" "$(grep -c '^adit' "$W/err")" 0
for form in transparent private; do
	status "form $form" 0 --form $form -- "$BUILD/tests/lib/flowload" tcp 192.0.2.10 7000
done
status "a manifest to start from" 0 -c "$TESTDIR/../../examples/direct.json" -- "$BUILD/tests/lib/flowload" tcp 192.0.2.10 7000
status "another handler" 0 --handler handler-echo -- sh -c 'exec "$1" udp 192.0.2.77 9 >/dev/null' - "$BUILD/tests/lib/flowload"
status "--set" 0 --set platform.mtu=1400 -- sh -c 'ip link show adit0 | grep -q "mtu 1400"'
kill $serve

# ---- what the command sent before it ended
cat >"$W/sink.py" <<-'END'
	import socket, time
	listener = socket.create_server(("192.0.2.10", 9000))
	print("ready", flush=True)
	peer, count = listener.accept()[0], 0
	try:
	    while data := peer.recv(65536):
	        count += len(data)
	        time.sleep(0.002)
	    print("end after", count)
	except OSError as e:
	    print(e, "after", count)
END
leave='import socket; socket.create_connection(("192.0.2.10", 9000)).sendall(b"x" * 3000000)'
python3 "$W/sink.py" >"$W/sink" 2>&1 &
sink=$!
wait_for 5 grep -q ready "$W/sink"
status "a command that ends while a slow peer still reads" 0 -- python3 -c "$leave"
wait_for 5 test ! -e /proc/$sink
is "... loses nothing that it sent" "$(tail -n 1 "$W/sink")" "end after 3000000"
python3 -c 'import socket, time
listener = socket.create_server(("192.0.2.10", 9001)); print("ready", flush=True)
peer = listener.accept()[0]; time.sleep(60)' >"$W/silent" 2>&1 &
silent=$!
wait_for 5 grep -q ready "$W/silent"
began=$(ms)
status "a peer that never ends" 0 -- python3 -c 'import socket; socket.create_connection(("192.0.2.10", 9001))'
within "... is waited for only so long, ms" $(($(ms) - began)) 4000 8000
kill $silent

# ---- without any right, and without a trace
run_bare() { unshare --user --map-user=1000 --map-group=1000 setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"; }
if run_bare true 2>/dev/null; then
	is "an ordinary user without any capability" "$(run_bare "$ADIT" exec -- sh -c 'echo ran' 2>"$W/err")" ran
else
	skip "an ordinary user without any capability" "no further user namespace can be made here"
fi
is "adit exec wrote nothing into the working directory" "$(ls -A "$W/empty")" ""
check "no process is left" wait_for 3 sh -c '! grep -l "^Name:.adit" /proc/[0-9]*/status 2>/dev/null | grep -q .'
