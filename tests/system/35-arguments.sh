#!/bin/sh
# SPDX-License-Identifier: MIT
# 35-arguments.sh - garbage as arguments and as manifest: one clear line, status not 0, no crash, no delay
#
#    no network: only the program
#
# shellcheck disable=SC2034,SC1091
LIMIT=75 ONLY=adit AS_USER=1 NEED="openssl"
. "$(dirname "$0")/../lib/netns.sh"

# A refusal: ends by itself in 3 s with a status that is neither 0 nor a signal's, and says something.
refused() { # TEXT COMMAND...
	text=$1
	shift
	timeout -k 1 3 "$@" >"$W/out" 2>&1 </dev/null
	rc=$?
	size=$(wc -c <"$W/out")
	if [ $rc -gt 0 ] && [ $rc -lt 124 ] && [ $rc != 99 ] && [ "$size" -gt 10 ] && [ "$size" -lt 20000 ] &&
		! grep -qE 'Sanitizer|runtime error' "$W/out"; then
		ok "$text"
	else
		not_ok "$text" "status $rc, $size bytes: $(head -c 600 "$W/out" | tr -c '[:print:]\n' '?')"
	fi
}
m() { printf '%s' "$1" >"$W/m.json"; }

check "--help succeeds" "$ADIT" --help
check "--version succeeds" "$ADIT" --version
refused "no such command" "$ADIT" frobnicate
refused "no such option" "$ADIT" --frobnicate
refused "run without a manifest" "$ADIT" run
refused "run with two of them" "$ADIT" run /dev/null /dev/null
refused "a manifest that is not there" "$ADIT" run /nonexistent/m.json
refused "a manifest that is a directory" "$ADIT" run /
refused "a manifest that never ends" "$ADIT" run /dev/zero
refused "exec without a command" "$ADIT" exec --
long=$(head -c 100000 /dev/zero | tr '\0' 'a')
refused "an argument of 100,000 letters" "$ADIT" "$long"
refused "a manifest's name of 5,000 letters" "$ADIT" run "$(echo "$long" | head -c 5000)"
refused "format letters as command" "$ADIT" '%s%s%s%n%n'
refused "a control character in an argument" "$ADIT" "$(printf 'a\033[31m\001b')"
check "control characters are not echoed" sh -c "! LC_ALL=C grep -q '$(printf '\033')' '$W/out'"

n=0
while IFS= read -r text; do
	n=$((n + 1))
	m "$text"
	refused "manifest $n is refused: $(printf '%s' "$text" | cut -c1-60)" "$ADIT" check "$W/m.json"
done <<'END'

[]
null
{
{"adit":1
{"adit":1}}
{"adit":1,,}
{"adit":2}
{"adit":"1"}
{"adit":1.5}
{"adit":-1}
{"adit":1e400}
{"adit":1,"adit":1}
{"adit":1,"plattform":{}}
{"adit":1,"platform":[]}
{"adit":1,"platform":{"module":"no-such-module"}}
{"adit":1,"platform":{"module":"../../etc/passwd"}}
{"adit":1,"platform":{"module":"platform-linux","mtu":"big"}}
{"adit":1,"platform":{"module":"platform-linux","mtu":-1}}
{"adit":1,"platform":{"module":"platform-linux","name":"a-name-far-too-long-for-a-device"}}
{"adit":1,"platform":{"module":"platform-linux","addresses":["10.0.0.300/8"]}}
{"adit":1,"stack":"no-such-stack"}
{"adit":1,"stacks":[{"name":"a","module":"stack-system"},{"name":"a","module":"stack-system"}]}
{"adit":1,"handlers":[{"name":"h","module":"handler-direct","outbound":"missing"}]}
{"adit":1,"limits":{"flows":-5}}
{"adit":1,"include":"/nonexistent/x.json"}
{"adit":1,"shards":100000}
{"adit":1,"platform":{"module":"${env:NO_SUCH_VARIABLE_HERE}"}}
END
for depth in 100 100000; do
	m "{\"adit\":1,\"platform\":$(head -c $depth /dev/zero | tr '\0' '[')"
	refused "$depth open brackets" "$ADIT" check "$W/m.json"
done
make_file "$W/m.json" 100000
refused "100,000 random bytes" "$ADIT" check "$W/m.json"
printf '{"adit":1,"stack":"\377\376"}' >"$W/m.json"
refused "a string that is not UTF-8" "$ADIT" check "$W/m.json"
printf '{"adit":1,"stack":"a\\u0000b"}' >"$W/m.json"
refused "a string with a NUL" "$ADIT" check "$W/m.json"
m '{"adit":1}'
check "the smallest manifest is good" "$ADIT" check "$W/m.json"
check "a good manifest with one byte changed never crashes (200 of them)" sh -c '
	printf "%s" "{\"adit\": 1, \"stack\": \"\", \"shards\": 1, \"limits\": {\"flows\": 1000}}" >"$2/good"
	size=$(wc -c <"$2/good")
	for i in $(seq 200); do
		at=$((i * 7 % size))
		{ head -c $at "$2/good"; printf "\\$(printf %o $((i * 37 % 255 + 1)))"; tail -c +$((at + 2)) "$2/good"; } >"$2/bent"
		timeout 3 "$1" check "$2/bent" >"$2/bent.out" 2>&1
		[ $? -lt 99 ] || { echo "status $? for:"; cat "$2/bent" "$2/bent.out"; exit 1; }
	done' sh "$ADIT" "$W"
