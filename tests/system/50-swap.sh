#!/bin/sh
# SPDX-License-Identifier: MIT
# 50-swap.sh - the stack is swapped and the manifest reloaded under a thousand live flows: none is reset, no byte lost
#
#    client (flowload, curl) ---- adit0 ---- gateway ------------ servers (flowload serve :7000, http :8080)
#
# stack-system in a form whose packets the host sees, and stack-lwip (where it is not built: stack-system again), are swapped
# back and forth; a stack that is new is tried first with flows made in memory.
#
# shellcheck disable=SC2034,SC1091
LIMIT=100 AS_USER=1 ONLY=adit NEED="python3 curl"
. "$(dirname "$0")/../lib/netns.sh"
FORM=auto # adit_down looks for one form, here are two
SOCKET=$W/adit.sock
SECOND=stack-lwip
[ -e "$(dirname "$ADIT")/lib/adit/modules/abi-1/$SECOND.so" ] || SECOND=stack-system
ROUNDS=6

manifest() { # [CONNECT_FIRST]
	modules=
	[ "$NETNS_WHO" = root ] || modules=', "modules": {"allow_unsafe_owner": true}'
	form=', "form": "private"'
	[ "$SECOND" = stack-system ] || form=
	cat <<-END
		{
			"adit": 1, "shards": 2, "control": {"socket": "$SOCKET"},
			"platform": {"module": "platform-linux", "namespace": "/run/netns/client", "name": "adit0", "mtu": 1500,
				"addresses": ["$C4/24", "$C6/64"], "routes": ["0.0.0.0/0", "::/0"]},
			"handlers": [{"name": "direct", "module": "handler-direct", "connect_first": ${1:-true}}],
			"stack": "one", "stacks": [{"name": "one", "module": "stack-system", "form": "private"},
				{"name": "two", "module": "$SECOND"$form},
				{"name": "three", "module": "stack-system", "form": "transparent", "allow_rules": true}]$modules
		}
	END
}
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
counted() { grep -c "$1" "$W/adit.log"; }
# Waits until new flows go there; what the command prints is asked, for the log leaves out lines of a burst.
swap() { # STACK
	timeout 20 "$ADIT" swap "$1" --socket "$SOCKET" >"$W/swap.log" 2>&1 &
	wait_for 15 grep -q '^shift' "$W/swap.log"
}
reload() { # CONNECT_FIRST
	before=$(counted 'reload: done')
	manifest "$1" >"$W/new.json" && mv "$W/new.json" "$W/manifest.json"
	kill -HUP "$(pid_of adit)"
	wait_for 10 sh -c "[ \$(grep -c 'reload: done' '$W/adit.log') -gt $before ]"
}
ended() { ! kill -0 "$(cat "$W/$1.pid")" 2>/dev/null; }

topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
mkdir "$W/www" && make_file "$W/www/file" 48000000
start web servers python3 -m http.server 8080 --bind $S4 --directory "$W/www"
await_port web servers tcp 8080

late=$(late_drops)
start held client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 1000 --hold 22000 --up 20000 --down 20000 --first 1 --deadline 60
start udp client "$BUILD/tests/lib/flowload" udp $S4 7000 --flows 20 --count 600 --size 200 --gap 1000 --first 5000
start get client curl -sf --limit-rate 3M -o "$W/got" "http://$S4:8080/file"
sleep 2
shifted=0 reloaded=0 n=0
while [ $n -lt $ROUNDS ]; do
	to=two
	[ $((n % 2)) = 0 ] || to=one
	swap $to && shifted=$((shifted + 1))
	word=false
	[ $((n % 2)) = 0 ] || word=true
	reload $word && reloaded=$((reloaded + 1))
	line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --first $((20000 + n * 20)) --deadline 10)
	is "swap $((n + 1)) to $to: new flows work" "$(value "$line" "done") $(value "$line" crossed)" "20 0"
	n=$((n + 1))
done
is "all $ROUNDS swaps were made" "$shifted" "$ROUNDS"
is "all $ROUNDS reloads were made" "$reloaded" "$ROUNDS"
like "the new stack was tried first" "$(grep 'swap: probe' "$W/adit.log" | head -n 1)" 'made in memory went through on 2 shards'
is "and only when it was new: the others were taken back" "$(counted 'swap: probe')" 1
is "the handler changed in place each time" "$(counted 'reload: update handler direct')" "$ROUNDS"
is "flows that live were there all the time" "$(ended held && echo over)" ""
wait_for 40 ended held || :
line=$(grep flows= "$W/held.log" | tail -n 1)
is "1,000 flows, idle through all of it: every byte right" "$(value "$line" "done") $(value "$line" crossed)" "1000 0"
wait_for 20 ended udp || :
line=$(tail -n 1 "$W/udp.log")
is "datagrams, a thousand a second: none crossed or damaged" "$(value "$line" crossed) $(value "$line" damaged)" "0 0"
within "and none lost but by a late core, of 12,000" "$(value "$line" lost)" 0 $((5 + $(late_drops) - late))
wait_for 30 ended get || :
check "the long download is whole" cmp "$W/www/file" "$W/got"
is "no module was misused" "$(grep -c 'module misuse' "$W/adit.log")" 0

# The other stack goes when its last flow has.
check "the stack that was left goes" wait_for 30 grep -q 'swap: retire: stack "two" has gone; no flow was cut' "$W/adit.log"

# A form whose answers pass the host by has a test of its own, through the device.
swap three
like "form transparent is tried by itself" "$(grep 'swap: probe' "$W/adit.log" | tail -n 1)" 'stack "three": its own test passed on 2 shards'
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --first 40000 --deadline 10)
is "and ends new flows" "$(value "$line" "done") $(value "$line" crossed)" "20 0"
check "what it was can be had back" timeout 20 "$ADIT" swap --undo --drain 1s --socket "$SOCKET"

# One that cannot be: nothing changes.
sed 's/"allow_rules": true}\]/"allow_rules": true, "nonesuch": 1}]/' "$W/manifest.json" >"$W/new.json" && mv "$W/new.json" "$W/manifest.json"
kill -HUP "$(pid_of adit)"
check "a manifest with a mistake is refused" wait_for 5 grep -q 'nothing was changed' "$W/adit.log"
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --first 30000 --deadline 10)
is "and all goes on" "$(value "$line" "done") $(value "$line" crossed)" "20 0"
