#!/bin/sh
# SPDX-License-Identifier: MIT
# 51-choice.sh - "stack": "": which stack the host chooses by what its platform knows, and what it refuses
#
# The platform is told what it stands on ("facts"); everything else is real.
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 AS_USER=1 ONLY=adit
. "$(dirname "$0")/../lib/netns.sh"
FORM=auto
SOCKET=$W/adit.sock
MODULES=$(dirname "$ADIT")/lib/adit/modules/abi-1
FACTS='{}' CHOICE='""'
LWIP=yes
[ -e "$MODULES/stack-lwip.so" ] || LWIP=

manifest() {
	cat <<-END
		{
			"adit": 1, "control": {"socket": "$SOCKET"}, "stack": $CHOICE,
			"platform": {"module": "platform-linux", "namespace": "/run/netns/client", "name": "adit0", "facts": $FACTS,
				"addresses": ["$C4/24", "$C6/64"], "routes": ["0.0.0.0/0", "::/0"]},
			"modules": {"allow_unsafe_owner": true}
		}
	END
}
checked() { # FACTS CHOICE: what `adit check` says
	FACTS=$1 CHOICE=$2
	manifest >"$W/check.json"
	timeout 10 "$ADIT" check "$W/check.json" 2>&1
	echo "status $?"
}
again() { # FACTS CHOICE: ends adit and starts it with these
	stop adit || :
	FACTS=$1 CHOICE=$2
	adit_up
}
stacks() { timeout 10 "$ADIT" status --json --socket "$SOCKET" 2>&1; }
chosen() { # TEXT NAME REASON
	like "$1: $2" "$(stacks | tr -d ' \n')" "\"name\":\"$2\",\"reason\":\"$(echo "$3" | tr -d ' ')"
}
new_flows() { # TEXT
	line=$(client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 3000 --down 3000 --deadline 10)
	like "$1" "$line" 'done=20 .*crossed=0'
}

ALL='{"include_all_networks": true}'
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
chosen "nothing unusual" system "chosen: the fastest"
new_flows "and it works"

if [ -z "$LWIP" ]; then
	skip "where the system stack cannot be, lwIP is chosen" "stack-lwip is not built"
	like "without lwIP there is nothing to choose, which is said" "$(checked "$ALL" '""')" \
		'stack "lwip" is not installed'
	exit
fi

again "$ALL" '""'
chosen "all networks included" lwip "chosen: all networks are included"
new_flows "and it works"
out=$(timeout 10 "$ADIT" swap system --socket "$SOCKET" 2>&1)
like "swap to the system stack is refused" "$out" 'stack "system" \(module stack-system\) cannot work here: the platform includes all networks'
out=$(timeout 10 "$ADIT" swap mixed --socket "$SOCKET" 2>&1)
like "and so is mixed" "$out" 'stack "system" .* cannot work here'
CHOICE='"mixed"' && manifest >"$W/new.json" && mv "$W/new.json" "$W/manifest.json"
kill -HUP "$(pid_of adit)"
check "a reload to it is refused" wait_for 5 grep -q 'cannot work here: the platform includes all networks' "$W/adit.log"
chosen "nothing was changed" lwip "chosen: all networks are included"
new_flows "and all goes on"

again '{"system": "android", "release": "5.4.61-android11"}' '""'
chosen "an old kernel of Android" lwip "chosen: the kernel of this Android, 5.4.61-android11, is older than 5.10"
new_flows "and it works"
timeout 20 "$ADIT" swap system --socket "$SOCKET" >"$W/swap.log" 2>&1 &
check "where it may work it can be had by its name" wait_for 15 grep -q '^shift' "$W/swap.log"
again '{"system": "android", "release": "5.10.0"}' '""'
chosen "a newer one" system "chosen: the fastest"
again '{"system": "linux", "release": "4.19.0"}' '""'
chosen "an old kernel that is not Android's" system "chosen: the fastest"
again '{"system": "android", "release": "5.4"}' '{"tcp": "", "udp": "system", "icmp": ""}'
chosen "one protocol of three is named" system "the manifest says so"

like "adit check: the choice is possible" "$(checked "$ALL" '""')" '^status 0$'
for name in system mixed; do
	out=$(checked "$ALL" "\"$name\"")
	like "adit check: $name is refused where all networks are included" "$out" 'cannot work here: the platform includes all networks'
	like "adit check: with status 2, and a cure" "$(echo "$out" | tr '\n' ' ')" 'use "lwip".*status 2'
done
out=$(timeout 10 "$ADIT" run "$W/check.json" 2>&1)
like "and so it is at the start" "$out" 'cannot work here: the platform includes all networks'
like "what is not installed is named, and how to get it" "$(checked '{}' '"fancy"' | tr '\n' ' ')" \
	'stack "fancy" is not installed.*install the package adit-module-stack-fancy.*status 2'
