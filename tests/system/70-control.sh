#!/bin/sh
# SPDX-License-Identifier: MIT
# 70-control.sh - the control socket of a host under traffic: every verb, who may ask, and clients that behave badly
#
#    client (flowload) ---- adit ---- gateway ------------ servers (flowload serve :7000)
#                            |
#                 /run/adit/manifest.sock (status, flows, follow, ..., and readers that never read)
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2012,SC1091
LIMIT=150 ONLY=adit AS_USER=1 NEED="python3 setpriv"
. "$(dirname "$0")/../lib/netns.sh"

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
sock=/run/adit/manifest.sock
ask() { timeout -k 1 20 "$ADIT" "$@" >"$W/out" 2>"$W/err" </dev/null; rc=$?; }
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
json() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$W/out" "$1" 2>&1; }
lines() { wc -l <"$1"; }
# Lines to the socket as they are, and the answers; $1: seconds to wait for each. "half" sends no end of line, "long" a line
# that never ends, "many" asks often at once.
cat >"$W/raw.py" <<'END'
import socket, sys, time
wait, path = float(sys.argv[1]), sys.argv[2]
s = socket.socket(socket.AF_UNIX)
s.settimeout(wait)
s.connect(path)
f = s.makefile("rb")
for line in sys.argv[3:]:
    try:
        if line == "half":
            s.sendall(b'{"verb":"sta')
        elif line == "long":
            s.sendall(b"x" * 100000)
        elif line == "many":
            s.sendall(b'{"verb":"hello"}\n' * 3000)
            print(sum(b'"protocol":1' in f.readline() for _ in range(3000)))
            continue
        else:
            s.sendall(line.encode("latin-1") + b"\n")
        while True:
            got = f.readline().decode("utf-8", "replace").strip()
            if '"item"' not in got:
                print(got or "closed")
                break
    except BrokenPipeError:
        print("closed")
    except ConnectionResetError:
        print("closed")
    except TimeoutError:
        print("nothing")
END
raw() { timeout -k 1 30 python3 "$W/raw.py" 5 "$sock" "$@" 2>&1; }

# ---- questions
check "the socket is there" test -S $sock
is "its mode" "$(stat -c %a $sock)" 600
ask hosts
is "hosts" "$rc $(sed 's/ .*//' "$W/out")" "0 manifest"
ask status
like "status" "$rc $(cat "$W/out" "$W/err")" "^0 manifest  adit "
ask status --json
is "status --json" "$rc $(json 'd["host"]["name"], d["host"]["stack"]["tcp"]["name"], d["host"]["flows"]["tcp"]')" \
	"0 ('manifest', 'tested', 0)"
ask counters --json
is "counters --json" "$rc $(json 'd["flows_now"], "packets_up" in d')" "0 (0, True)"
ask flows
is "no flows" "$rc $(cat "$W/out")" "0 no flows"
is "hello" "$(raw '{"verb":"hello","id":"a"}' | cut -c1-32)" '{"id":"a","ok":{"protocol":1,"na'

missing=
for verb in $(raw '{"verb":"hello"}' | sed 's/.*"verbs":\[\([^]]*\)\].*/\1/' | tr -d '"' | tr ',' ' '); do
	grep -q "\`$verb\`" "$TESTDIR/../../docs/CONTROL.md" || missing="$missing $verb"
done
is "docs/CONTROL.md knows every verb" "$missing" ""

# ---- flows
start follow gateway timeout 60 "$ADIT" flows --follow --json
wait_for 5 sh -c "timeout 5 '$ADIT' status --json | grep -q '\"clients\":2'" || note "the follower did not come in time"
start held client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 200 --hold 9000 --up 2000 --down 3000 --deadline 30
flows_are() { [ "$(timeout 5 "$ADIT" flows state=open tcp --json | wc -l)" = "$1" ]; }
wait_for 10 flows_are 200 && ok "200 held flows are listed" || not_ok "200 held flows are listed" "$("$ADIT" flows | tail -n 3)"
ask flows --json port=7000 $S4 handler=direct
is "filters that fit" "$rc $(lines "$W/out")" "0 200"
ask flows --json udp
is "a filter that fits none" "$rc $(lines "$W/out")" "0 0"
ask flows --sort down --limit 7
is "--limit" "$rc $(grep -c 'tcp' "$W/out") $(tail -n 1 "$W/out")" "0 7 7 of 200 flows; --limit shows more"
ask flows --sort age --limit 200 --json
python3 -c 'import json, sys
ages = [json.loads(l)["age"] for l in open(sys.argv[1])]
print(len(ages), all(a >= b - 0.5 for a, b in zip(ages, ages[1:])))' "$W/out" >"$W/ages"
is "--sort age" "$(cat "$W/ages")" "200 True"
ask flows --sort nonesuch
is "a key that there is not" "$rc $(cut -c1-26 "$W/err")" '2 adit flows: "sort" is none'
ask flows nonesuch=1
is "a filter that there is not" "$rc" 2
flow=$(timeout 5 "$ADIT" flows --json tcp state=open --limit 1 | sed 's/.*"flow":"\([^"]*\)".*/\1/')
like "one flow whole" "$(raw "{\"verb\":\"flow\",\"flow\":\"$flow\"}")" '"flow":"'"$flow"'".*"state":"open".*"owner":"'
is "a flow that cannot be" "$(raw '{"verb":"flow","flow":"zzzz.1"}' | cut -c1-26)" '{"error":{"code":"unknown"'
ask close "$flow"
is "close a flow" "$rc $(cat "$W/out")" "0 $flow: closed"
ask close "$flow"
like "close it again" "$rc $(cat "$W/out" "$W/err")" "^(1 .*no such flow|0 $flow: had ended already)"
ask close port=7000
is "close by a filter wants --yes" "$rc" 2
ask close port=7000 --yes --limit 50
is "close by a filter, 50 at most" "$rc $(cat "$W/out")" "0 50 flows closed"
wait_for 20 gone held || note "the load did not end"
held=$(grep -o 'done=[0-9]*' "$W/held.log")
is "those that were closed, and no others, were cut" "$held" "done=149"
stop follow
is "the follower saw every flow open and end" \
	"$(grep -c '"event":"opened"' "$W/follow.log") $(grep -c '"event":"closed"' "$W/follow.log") $(grep -c '"cause":"cancelled"' "$W/follow.log") $(grep -c '"event":"lost"' "$W/follow.log")" \
	"200 200 51 0"

# ---- the log
start log gateway timeout 20 "$ADIT" log --follow
wait_for 5 sh -c "timeout 5 '$ADIT' status --json | grep -q '\"clients\":2'" || note "the reader of the log did not come in time"
ask log --level debug
is "log --level" "$rc $(cat "$W/out")" "0 logged from here on: debug and above"
ask log --level warn
ask log --level nonesuch
is "a level that there is not" "$rc" 2
check "log --follow shows what was logged" wait_for 3 grep -q 'info  control: log level debug' "$W/log.log"
stop log
ask status
like "status tells the last change, and who" "$(cat "$W/out")" "change +log level warn, .* ago, by uid 0"

# ---- changes
ask diff
is "diff of a manifest that has not changed" "$rc $(cat "$W/out" "$W/err")" "0 nothing differs"
cp "$W/manifest.json" "$W/manifest.saved"
sed 's/"adit": 1,/"adit": 1, "limits": {"idle_udp": "77s"},/' "$W/manifest.saved" >"$W/manifest.json"
ask diff
like "diff names what differs" "$rc $(cat "$W/out")" "^0 ~ live +/limits/idle_udp"
ask reload
like "reload does it" "$rc $(cat "$W/out")" "^0 ~ live +/limits/idle_udp"
ask diff
is "... and then nothing differs" "$rc $(cat "$W/out")" "0 nothing differs"
echo '{ "adit": 1, "zzz": 1 }' >"$W/manifest.json"
ask reload
like "a manifest that is wrong is refused, with the reasons" "$rc $(tr '\n' ' ' <"$W/err")" '^2 .*nothing has changed.*unknown key "zzz"'
cp "$W/manifest.saved" "$W/manifest.json"
ask reload
is "... and a right one is taken again" "$rc" 0
ask swap nonesuch
like "a swap to a stack that there is not" "$rc $(cat "$W/err")" "^[12] adit swap: .*nothing has changed.*"
ask swap
is "swap without a stack" "$rc" 2
ask swap --undo
like "nothing to undo" "$rc" "^1"
if [ "$STACK" = stack-system ] && [ "$FORM" != private ]; then
	sed 's/"stacks": \[/&{"name": "second", "module": "stack-system", "form": "private"}, /' "$W/manifest.saved" >"$W/manifest.json"
	ask reload
	is "a second stack is taken in" "$rc" 0
	start kept client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --hold 4000 --up 2000 --down 3000 --first 90000 --deadline 30
	wait_for 5 sh -c "[ \$(timeout 5 '$ADIT' flows tcp state=open --json | wc -l) = 20 ]"
	start swap gateway timeout 30 "$ADIT" swap second
	check "swap: the steps are told" wait_for 10 grep -q '^shift' "$W/swap.log"
	ask status
	like "... status names both stacks" "$(cat "$W/out")" "stack +tested +stack-system .*draining: [0-9]+ flows left"
	line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 2000 --down 20000 --first 95000 --deadline 25)
	is "... new flows are served" "$(value "$line" "done") $(value "$line" crossed)" "20 0"
	like "... by the new one" "$("$ADIT" flows tcp state=all --json | tail -n 1)" '"stack":"second"'
	wait_for 15 gone kept || note "the load did not end"
	is "... old ones stay whole" "$(grep -o 'done=[0-9]*' "$W/kept.log")" "done=20"
	check "... and the old one retires" wait_for 15 grep -q '^retire' "$W/swap.log"
	wait_for 5 gone swap || not_ok "... which ends the command" "$(cat "$W/swap.log")"
	start undo gateway timeout 30 "$ADIT" swap --undo
	check "swap --undo" wait_for 15 grep -q '^shift' "$W/undo.log"
	wait_for 15 gone undo || note "$(cat "$W/undo.log")"
	like "... status tells" "$("$ADIT" status --json)" '"tcp":\{"name":"tested"'
else
	skip "a swap" "this run is about another stack, or the only form that goes beside"
fi

# ---- clients that behave badly
is "garbage" "$(raw 'x' '{"verb":7}' '{"verb":"nonesuch"}' '[1]' '{"verb":"hello","x":1}' | cut -c1-26 | sort | uniq -c | sed 's/^ *//')" \
	'4 {"error":{"code":"invalid"
1 {"error":{"code":"unknown"'
is "bytes that are no text" "$(raw '{"verb":"flows","text":"ÿþ"}' | cut -c1-26)" '{"error":{"code":"invalid"'
is "a connection that has sent garbage still answers" "$(raw '}}}' '{"verb":"hello"}' | tail -n 1 | cut -c1-19)" '{"ok":{"protocol":1'
is "a line that does not end is refused" "$(raw long | cut -c1-24)" '{"error":{"code":"limit"'
is "3,000 requests at once are all answered" "$(raw many)" 3000
began=$(ms)
like "half a request is refused after five seconds" "$(timeout 20 python3 "$W/raw.py" 12 $sock half)" '"code":"timeout"'
within "... ms" $(($(ms) - began)) 4000 9000

line=$(client "$BUILD/tests/lib/flowload" udp $S4 7000 --flows 10000 --count 1 --size 64 --gap 10 --first 20000 2>"$W/load.err")
many=$(timeout 10 "$ADIT" flows udp --json | wc -l)
within "10,000 UDP flows: listed" "$many" 9000 10000
cat >"$W/greedy.py" <<'END'
import socket, sys, time
held = []
for i in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.setblocking(False)
    try:
        if sys.argv[4] == "lists":
            s.send(b'{"verb":"flows"}\n{"verb":"flows","sort":"down"}\n' * 20)
        elif sys.argv[4] == "follows":
            s.send(b'{"verb":"follow","rates":true}\n')
    except BlockingIOError:
        pass
    held.append(s)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
END
start lists gateway python3 "$W/greedy.py" $sock 40 15 lists
start follows gateway python3 "$W/greedy.py" $sock 40 15 follows
wait_for 5 grep -q held "$W/lists.log" && wait_for 5 grep -q held "$W/follows.log" || bail "no greedy readers"
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 500 --parallel 50 --up 2000 --down 20000 --first 50000 --deadline 25)
is "30 readers that never read: traffic goes on" "$(value "$line" "done") $(value "$line" crossed)" "500 0"
began=$(ms)
ask status
is "... and others are answered" "$rc" 0
within "... in time, ms (0.6 s of it measures rates)" $(($(ms) - began)) 500 5000
ask flows --sort down --limit 5
is "... sorted, out of 10,000" "$rc $(grep -c 'udp\|tcp' "$W/out")" "0 5"
start hundred gateway python3 "$W/greedy.py" $sock 6 100 idle
wait_for 5 grep -q held "$W/hundred.log" || not_ok "100 clients come in" "$(cat "$W/hundred.log")"
ask status
is "100 more that say nothing: others are answered" "$rc" 0
within "... and no more than 64 are kept" "$(timeout 10 "$ADIT" status --json | sed 's/.*"clients":\([0-9]*\).*/\1/')" 30 64
within "resident memory, KiB" "$(rss_kib adit)" 1 "$([ -n "${SANITIZED:-}" ] && echo 2500000 || echo 300000)"
for r in lists follows hundred; do stop $r; done
gone_again() { timeout 5 "$ADIT" status --json | grep -q '"clients":1[,}]'; }
wait_for 5 gone_again && ok "clients that have gone are forgotten" || not_ok "clients that have gone are forgotten" "$("$ADIT" status)"

# ---- whose socket
cat >"$W/other.json" <<-END
	{ "adit": 1, "platform": {"module": "platform-linux", "namespace": "new"}, "shards": 1$([ "$NETNS_WHO" = root ] || echo ', "modules": {"allow_unsafe_owner": true}'),
	  "control": {"name": "other"CONTROL} }
END
other() { sed "s/CONTROL/$1/" "$W/other.json" >"$W/other-now.json"; start other gateway "$ADIT" run "$W/other-now.json"; }
up() { wait_for 10 test -S /run/adit/other.sock && wait_for 5 timeout 2 "$ADIT" status --name other; }
other ''
up || bail "no second host: $(cat "$W/other.log")"
ask status
is "two hosts: it asks which" "$rc $(head -n 1 "$W/err")" "2 adit status: 2 hosts run here; say which with --name:"
ask status --name other
is "--name" "$rc $(head -n 1 "$W/out" | cut -d' ' -f1)" "0 other"
ask status --name nonesuch
is "a host that does not run" "$rc $(tail -n 1 "$W/err")" "3   start one: adit run MANIFEST, or adit exec --name NAME -- COMMAND"
ask run "$W/other-now.json"
like "a second one of the same name is refused" "$rc $(cat "$W/err")" "^1 .*other.sock: a host that runs has it \(process $(pid_of other)\)"
ask status --name other
is "... and the first one goes on" "$rc" 0
kill -KILL "$(pid_of other)"
wait_for 5 gone other
check "a killed host leaves its socket" test -S /run/adit/other.sock
ask status --name other
is "... which says so" "$rc" 3
other ''
up && ok "... and the next one takes it over" || not_ok "... and the next one takes it over" "$(cat "$W/other.log")"
stop other || not_ok "the second host ends" ""
check "its socket goes with it" test ! -e /run/adit/other.sock
: >/run/adit/other.sock
sed "s/CONTROL//" "$W/other.json" >"$W/other-now.json"
ask run "$W/other-now.json"
like "what is no socket is left alone" "$rc $(cat "$W/err")" "^1 .*something that is no socket is there"
check "... and stays" test -f /run/adit/other.sock
rm /run/adit/other.sock
other ', "socket": "off"'
wait_for 5 grep -q running "$W/other.log" || bail "no host without a socket: $(cat "$W/other.log")"
check "off is off" test ! -e /run/adit/other.sock
stop other
other ', "group": "nonesuch"'
wait_for 5 gone other
like "a group that there is not is refused" "$(cat "$W/other.log")" "no group nonesuch on this machine"

if [ "$NETNS_WHO" = root ]; then
	member() { setpriv --reuid 12345 --regid "$(getent group daemon | cut -d: -f3)" --clear-groups -- timeout 10 "$ADIT" "$@" >"$W/out" 2>"$W/err"; rc=$?; }
	stranger() { setpriv --reuid 12345 --regid 12345 --clear-groups -- timeout 10 "$ADIT" "$@" >"$W/out" 2>"$W/err"; rc=$?; }
	chmod 666 "$W/out" "$W/err"
	other ', "group": "daemon"'
	up || bail "no host with a group"
	is "the mode for a group" "$(stat -c '%a %G' /run/adit/other.sock)" "660 daemon"
	member status --name other
	is "a member of the group may look" "$rc" 0
	member log --level debug --name other
	like "... but not change" "$rc $(cat "$W/err")" "^1 .*may look, but not change"
	stranger status --name other
	like "others may not look" "$rc $(cat "$W/err")" "^3 .*belongs to another user"
	stranger hosts
	is "... nor do they see it" "$rc $(cat "$W/out")" "3 "
	chmod 666 /run/adit/other.sock
	stranger status --name other
	like "... even where the file would let them" "$rc $(cat "$W/err")" "^1 .*this host is not yours"
	stop other
	other ', "group": "daemon", "group_writes": true'
	up
	member log --level debug --name other
	is "group_writes lets it" "$rc" 0
	stop other
else
	skip "other users and groups" "this run has one user"
fi
