#!/bin/sh
# SPDX-License-Identifier: MIT
# 20-close.sh - every way to end a connection, verified at the end that did not choose it
#
#    client (closeform) ---- adit or veth ---- gateway ------------ servers (closeform serve :7100)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 AS_USER=1
. "$(dirname "$0")/../lib/netns.sh"

topo
start close servers "$BUILD/tests/lib/closeform" serve 7100
await_port close servers tcp 7100
# FORM|what the client sees|what the server sees
cat >"$W/forms" <<-END
	client-fin|end 0|end 1000
	server-fin|end 1000|end 0
	client-half|end 1000|end 1000
	server-half|end 1000|end 1000
	client-reset|left 0|reset 1000
	server-reset|reset 1000|left 0
	server-reset-unread|reset 0|left 0
	client-reset-midway|left 100000|reset 0
	server-reset-midway|reset 0|left 100000
END
for a in $S4 $S6; do
	while IFS='|' read -r form client_sees server_sees; do
		id=$form-$a
		got=$(client "$BUILD/tests/lib/closeform" "$form" $a 7100 "$id" </dev/null 2>&1)
		is "$form at $a, seen by the client" "$got" "saw $client_sees"
		wait_for 6 grep -q "^$id " "$W/close.log"
		is "$form at $a, seen by the server" "$(sed -n "s/^$id $form saw //p" "$W/close.log")" "$server_sees"
	done <"$W/forms"
done
