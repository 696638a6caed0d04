#!/bin/sh
# SPDX-License-Identifier: MIT
# 50-swap.sh - the stack is swapped and the manifest reloaded under a thousand live flows: none is reset, no byte lost
#
#    client (flowload, curl) ---- adit0 ---- gateway ------------ servers (flowload serve :7000, http :8080)
#
# stack-system in a form whose packets the host sees, and stack-lwip (where it is not built: stack-system again), are swapped
# back and forth; a stack that is new is tried first with flows made in memory.
#
# Short as it is in `make check`. SWAPS=100 RELOADS=20 UPGRADES=2 LASTS=600 make it the long one: as many, evenly over
# that time. SWAPS=0 RELOADS=0 shows what is lost without any.
#
# shellcheck disable=SC2034,SC1091
SWAPS=${SWAPS:-6} RELOADS=${RELOADS:-6} UPGRADES=${UPGRADES:-1} LASTS=${LASTS:-20}
LIMIT=$((LASTS + 80)) AS_USER=1 ONLY=adit NEED="nginx curl"
PASS="SWAPS=$SWAPS RELOADS=$RELOADS UPGRADES=$UPGRADES LASTS=$LASTS"
. "$(dirname "$0")/../lib/netns.sh"
FORM=auto # adit_down looks for one form, here are two
SOCKET=$W/adit.sock
MODULES=$(dirname "$ADIT")/lib/adit/modules/abi-1
SECOND=stack-lwip
[ -e "$MODULES/$SECOND.so" ] || SECOND=stack-system
IDLE=850 BULK=150 PACE=20000

manifest() { # [CONNECT_FIRST]
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
				{"name": "three", "module": "stack-system", "form": "transparent", "allow_rules": true}],
			"modules": {"path": ["$W/modules"], "allow_unsafe_owner": true}
		}
	END
}
# Other contents under the same name: what lies behind an ELF file's sections is nothing to it.
upgrade() { # MODULE NUMBER
	{ cat "$W/modules/$1.so" && echo "upgrade $2"; } >"$W/modules/.new" && chmod 755 "$W/modules/.new" &&
		mv "$W/modules/.new" "$W/modules/$1.so"
}
value() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
counted() { grep -c "$1" "$W/adit.log"; }
# Waits until new flows go there; what the command prints is asked, for the log leaves out lines of a burst.
swap() { # STACK
	timeout 20 "$ADIT" swap "$1" --socket "$SOCKET" >"$W/swap.log" 2>&1 &
	wait_for 15 grep -q '^shift' "$W/swap.log"
}
reload() {
	before=$(counted 'reload: done')
	manifest "$1" >"$W/new.json" && mv "$W/new.json" "$W/manifest.json"
	kill -HUP "$(pid_of adit)"
	wait_for 20 sh -c "[ \$(grep -c 'reload: done' '$W/adit.log') -gt $before ]"
}
ended() { ! kill -0 "$(cat "$W/$1.pid")" 2>/dev/null; }
# Whether the N-th of so many, evenly spread, is due in this second.
due() { # N OF SECOND
	[ "$1" -lt "$2" ] && [ $(($3 * $2)) -ge $(($1 * LONG)) ]
}
new_flows() { # TEXT
	line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --first $next --deadline 10)
	next=$((next + 20))
	[ "$(value "$line" "done") $(value "$line" crossed)" = "20 0" ] || not_ok "$1: new flows work" "$line"
}
load() { # NAME OPTION...: of flowload
	name=$1 kind=$2
	shift 2
	start "$name" client "$BUILD/tests/lib/flowload" "$kind" $S4 7000 "$@" --deadline $((LASTS + 60))
}

mkdir "$W/modules" && cp "$MODULES"/* "$W/modules" || bail "no copy of the modules"
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
mkdir "$W/www" "$W/ngx" && make_file "$W/www/file" $((LASTS * 1000000))
cat >"$W/nginx.conf" <<-END
	user root; daemon off; master_process off; pid $W/ngx/pid; error_log $W/ngx/error.log;
	events { worker_connections 64; }
	http { access_log off; client_body_temp_path $W/ngx; proxy_temp_path $W/ngx; fastcgi_temp_path $W/ngx;
		uwsgi_temp_path $W/ngx; scgi_temp_path $W/ngx;
		server { listen $S4:8080; root $W/www; limit_rate 1000000; } }
END
start web servers nginx -e "$W/ngx/error.log" -c "$W/nginx.conf"
await_port web servers tcp 8080

late=$(late_drops)
load held tcp --flows $IDLE --hold $((LASTS * 1000)) --up 20000 --down 20000 --first 1
swaps=0 shifted=0
# Half of what lives does so on the other stack.
if [ "$SWAPS" -gt 0 ]; then
	sleep 1
	swap two && shifted=1
	swaps=1
fi
load bulk tcp --flows $BULK --pace $PACE --up $((PACE * LASTS)) --down $((PACE * LASTS)) --first 2000
load udp udp --flows 20 --count $((LASTS * 48)) --size 200 --gap 1000 --first 5000
start get client curl -sf -o "$W/got" "http://$S4:8080/file"
sleep 3
began=$(date +%s) LONG=$((LASTS - 7)) next=20000
reloaded=0 upgraded=0 reloads=0
while second=$(($(date +%s) - began)) && [ $second -lt $LONG ]; do
	if due $swaps "$SWAPS" $second; then
		to=two
		[ $((swaps % 2)) = 0 ] || to=one
		swap $to && shifted=$((shifted + 1))
		swaps=$((swaps + 1))
		new_flows "swap $swaps to $to"
	fi
	if due $upgraded "$UPGRADES" $((second - LONG / 3)); then
		upgrade stack-system $upgraded
		[ "$SECOND" = stack-system ] || upgrade "$SECOND" $upgraded
		upgrade handler-direct $upgraded
		upgraded=$((upgraded + 1))
	fi
	if due $reloads "$RELOADS" $second; then
		word=false
		[ $((reloads % 2)) = 0 ] || word=true
		reload $word && reloaded=$((reloaded + 1))
		reloads=$((reloads + 1))
		new_flows "reload $reloads"
	fi
	sleep 0.2
done
is "all swaps were made" "$shifted" "$SWAPS"
is "all reloads were made" "$reloaded" "$RELOADS"
note "$((next - 20000)) new flows in between"
if [ "$SWAPS" -gt 0 ]; then
	like "a new stack was tried first" "$(grep 'swap: probe' "$W/adit.log" | head -n 1)" 'made in memory went through on 2 shards'
fi
if [ $upgraded -gt 0 ]; then
	like "a module's file was another one" "$(grep 'reload: renew' "$W/adit.log")" "the module's file is another one"
fi
note "$(counted 'reload: update') parts changed in place, $(counted 'reload: renew') were made anew, $(counted 'swap: probe') stacks tried"
is "each reload reached the handler" "$(counted 'reload: \(update\|renew\) handler direct')" "$RELOADS"
is "flows that live were there all the time" "$(ended held && echo over)$(ended bulk && echo over)" ""
wait_for 60 ended held || :
line=$(grep flows= "$W/held.log" | tail -n 1)
is "$IDLE flows, idle through all of it: every byte right" \
	"$(value "$line" "done") $(value "$line" crossed) $(value "$line" reset)" "$IDLE 0 0"
note "$line"
wait_for 60 ended bulk || :
line=$(grep flows= "$W/bulk.log" | tail -n 1)
is "$BULK flows, busy both ways through all of it: every byte right" \
	"$(value "$line" "done") $(value "$line" crossed) $(value "$line" reset)" "$BULK 0 0"
note "$line"
wait_for 30 ended udp || :
line=$(tail -n 1 "$W/udp.log")
note "$line; late core: $(($(late_drops) - late))"
is "datagrams, a thousand a second: none crossed or damaged" "$(value "$line" crossed) $(value "$line" damaged)" "0 0"
within "and none lost but by a late core" "$(value "$line" lost)" 0 $((5 + $(late_drops) - late))
wait_for 60 ended get || :
check "the long download is whole" cmp "$W/www/file" "$W/got"
is "no module was misused" "$(grep -c 'module misuse' "$W/adit.log")" 0
if [ "$SWAPS" = 0 ]; then exit; fi

# The other stack goes when its last flow has.
check "the stack that was left goes" wait_for 30 grep -q 'swap: retire: stack "two" has gone; no flow was cut' "$W/adit.log"

# A form whose answers pass the host by has a test of its own, through the device.
swap three
like "form transparent is tried by itself" "$(grep '^probe' "$W/swap.log")" 'stack "three": its own test passed on 2 shards'
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --first 40000 --deadline 10)
is "and ends new flows" "$(value "$line" "done") $(value "$line" crossed)" "20 0"
check "what it was can be had back" timeout 20 "$ADIT" swap --undo --drain 1s --socket "$SOCKET"

# One that cannot be: nothing changes.
sed 's/"allow_rules": true}\]/"allow_rules": true, "nonesuch": 1}]/' "$W/manifest.json" >"$W/new.json" && mv "$W/new.json" "$W/manifest.json"
kill -HUP "$(pid_of adit)"
check "a manifest with a mistake is refused" wait_for 5 grep -q 'nothing was changed' "$W/adit.log"
line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --first 30000 --deadline 10)
is "and all goes on" "$(value "$line" "done") $(value "$line" crossed)" "20 0"
