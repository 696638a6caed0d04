#!/bin/sh
# SPDX-License-Identifier: MIT
# 43-selftest.sh - a stack whose self-test fails at the start: "auto" moves on, a form that was named ends the start, and a
# stack that the host chose gives its place to lwIP
#
#    client (nft drops what "transparent" sends back into the device) ---- adit0 ---- gateway ---- servers (http :8080)
#
# shellcheck disable=SC2034,SC1091,SC2317,SC2329
LIMIT=90 AS_USER=1 ONLY=adit NEED="python3 curl nft"
. "$(dirname "$0")/../lib/netns.sh"

ROUTES='["0.0.0.0/0", "::/0"]'
adit_up() { :; } # topo calls it; here each case starts one of its own
write_manifest() { # STACK-MEMBERS
	modules=
	[ "$NETNS_WHO" = root ] || modules=', "modules": {"allow_unsafe_owner": true}'
	cat <<-END >"$W/manifest.json"
		{
			"adit": 1, "shards": 2, "log": {"level": "debug"},
			"platform": {"module": "platform-linux", "namespace": "/run/netns/client", "name": "adit0", "mtu": 1500,
				"addresses": ["$C4/24", "$C6/64"], "routes": $ROUTES},
			$1$modules
		}
	END
}
up() { # NAME STACK-MEMBERS
	write_manifest "$2"
	start "$1" gateway "$ADIT" run "$W/manifest.json"
	wait_for 20 grep -q 'adit: running' "$W/$1.log"
}
fetch() { client curl -sf --max-time 5 "http://$S4:8080/word"; }
end() { # NAME
	stop "$1" || :
	wait "$(pid_of "$1")"
	is "$1: ended with status 0" "$?" 0
	words='ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|SUMMARY: '
	is "$1: no sanitizer report" "$(grep -E "$words" "$W/$1.log")" ""
}

topo
mkdir "$W/www" && echo hello >"$W/www/word"
start web servers python3 -m http.server 8080 --bind $S4 --directory "$W/www"
await_port web servers tcp 8080

# As long as nothing is in the way, the form that is the fastest stays.
up free '"stack": "one", "stacks": [{"name": "one", "module": "stack-system"}]'
like "free: the self-test passed" "$(grep 'self-test' "$W/free.log")" '"transparent": passed'
is "free: nothing was made anew" "$(grep -c 'made anew' "$W/free.log")" 0
is "free: traffic" "$(fetch)" hello
end free

# Behind the rules of form "transparent", before its listener: what comes back to the client itself passes.
client nft -f - <<-END
	table inet adverse {
		chain early {
			type filter hook prerouting priority -200;
			iifname "adit0" meta l4proto tcp ip daddr != $C4 drop
		}
	}
END
up auto '"stack": "one", "stacks": [{"name": "one", "module": "stack-system"}]'
like "auto: the log says that the form failed" "$(grep 'self-test' "$W/auto.log")" '"transparent": failed'
like "auto: and what follows" "$(cat "$W/auto.log")" 'stack "one" .*does not work here: .*the self-test of form "transparent" failed; it is made anew'
like "auto: the next form was taken, and why" "$(cat "$W/auto.log")" 'in form "private"; not transparent: its self-test failed'
is "auto: traffic" "$(fetch)" hello
wait_for 5 grep -q 'generation 1, has gone' "$W/auto.log" || :
like "auto: the first one has gone" "$(grep 'has gone' "$W/auto.log")" 'stack "one", generation 1'
tables() { client nft list tables | grep -c adit-; }
no_tables() { [ "$(tables)" = 0 ]; }
wait_for 3 no_tables || :
is "auto: and its rules with it" "$(tables)" 0
end auto

write_manifest '"stack": "one", "stacks": [{"name": "one", "module": "stack-system", "form": "transparent"}]'
gateway timeout -k 1 20 "$ADIT" run "$W/manifest.json" >"$W/named.log" 2>&1 </dev/null
is "named: the start ends with status 1" "$?" 1
like "named: a line says why" "$(cat "$W/named.log")" 'stack "one" .*does not work here: .*the self-test of form "transparent" failed'
is "named: it never ran" "$(grep -c 'adit: running' "$W/named.log")" 0

up chosen '"stacks": [{"name": "system", "module": "stack-system", "form": "transparent"}]'
like "chosen: lwIP takes its place" "$(cat "$W/chosen.log")" 'the self-test of form "transparent" failed; stack "lwip" takes its place'
like "chosen: and is told" "$(grep 'adit: running' "$W/chosen.log")" 'stack lwip .tcp. lwip .udp. lwip .icmp.'
is "chosen: traffic" "$(fetch)" hello
end chosen

up closed '"stacks": [{"name": "system", "module": "stack-system", "form": "portable", "address4": "192.0.2.9/24"}]'
like "closed: a stack that cannot be opened gives its place too" "$(cat "$W/closed.log")" 'could not be opened: .*; stack "lwip" takes its place'
is "closed: traffic" "$(fetch)" hello
end closed

# Where no route leads through the device there is nothing to test, and nothing ends.
ROUTES='[]'
up astray '"stack": "one", "stacks": [{"name": "one", "module": "stack-system", "form": "transparent"}]'
like "astray: not tested, and told" "$(grep 'self-test' "$W/astray.log")" '"transparent": not made: no route leads through the device'
end astray
