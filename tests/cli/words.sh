#!/bin/sh
# SPDX-License-Identifier: MIT
# words.sh - the command line itself: help everywhere, what is not known, descriptors that are closed or full
#
#    no network: only the program
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2086,SC1091
LIMIT=60 ONLY=adit AS_USER=1
. "$(dirname "$0")/../lib/netns.sh"

mkdir "$W/d" && cd "$W/d" || bail "no directory"
run() { timeout -k 1 10 "$ADIT" "$@" >"$W/out" 2>"$W/err" </dev/null; rc=$?; }
said() { printf '%s|' "$rc" && cat "$W/out" "$W/err"; }
commands=$("$ADIT" help | sed -n 's/^  \([a-z]*\)  .*/\1/p')

is "the commands" "$(echo "$commands" | tr '\n' ' ')" "exec explain run check show schema modules inspect doctor hosts status flows top close diff reload swap log capture trace counters help "
run
is "without words: the overview, on standard error, status 2" "$rc $(wc -c <"$W/out") $(head -n 1 "$W/err")" \
	"2 0 usage: adit COMMAND [OPTION ...] [WORD ...]"
for words in --help -h help; do
	run $words
	is "adit $words: the overview, status 0" "$rc $(wc -c <"$W/err") $(head -n 1 "$W/out")" \
		"0 0 usage: adit COMMAND [OPTION ...] [WORD ...]"
done
for words in --version -V; do
	run $words
	like "adit $words" "$rc $(cat "$W/out")" '^0 adit [0-9.]+ \(module ABI [0-9]+\.[0-9]+\)$'
done
for c in $commands; do
	run "$c" --help
	cp "$W/out" help
	like "adit $c --help: status 0, the usage first" "$rc $(head -n 1 help)" "^0 usage: adit $c \[OPTION \.\.\.\]"
	run "$c" -h
	is "adit $c -h says the same" "$rc $(cmp "$W/out" help && wc -c <"$W/err")" "0 0"
	run help "$c"
	is "adit help $c says the same" "$rc $(cmp "$W/out" help && wc -c <"$W/err")" "0 0"
	is "... in lines of 100 at most" "$(awk 'length > 100' help)" ""
	run "$c" --no-such
	is "adit $c --no-such" "$(said)" "2|adit $c: no option --no-such; try: adit $c --help"
	run "$c" -Z
	is "adit $c -Z" "$(said)" "2|adit $c: no option -Z; try: adit $c --help"
done
run frobnicate
is "a command that nobody knows" "$(said)" "2|adit: no command frobnicate; try: adit --help"
run --frobnicate
is "an option in its place" "$(said)" "2|adit: no command --frobnicate; try: adit --help"
run ''
is "an empty word in its place" "$(said)" "2|adit: no command ; try: adit --help"
run "$(printf 'a\033[31m\tb\177')"
is "control characters are not echoed" "$(said)" "2|adit: no command a?[31m?b?; try: adit --help"
run check "-$(head -c 100000 /dev/zero | tr '\0' z)"
is "a long word is cut" "$(said | wc -c | awk '{ print ($1 < 200) }')" 1
run help frobnicate
is "help for it" "$(said)" "2|adit help: no command frobnicate; try: adit help"
run help completion-csh
is "help for another shell" "$(said)" "2|adit help: no command completion-csh; try: adit help"
run check
is "a word is missing" "$(said)" "2|adit check: a word is missing: MANIFEST; try: adit check --help"
run check a b
is "a word too many" "$(said)" "2|adit check: too many words, at b; try: adit check --help"
run check --set
is "a value is missing" "$(said)" "2|adit check: a value is missing after --set; try: adit check --help"
run check --json=1 a
is "a value too many" "$(said)" "2|adit check: an option that takes no value: --json=1; try: adit check --help"
run check --set x a
is "a setting without a value" "$(said)" "2|adit check: --set wants PATH=VALUE, not x; try: adit check --help"
run check --set =x a
is "a setting without a path" "$(said)" "2|adit check: --set wants PATH=VALUE, not =x; try: adit check --help"
printf '{"adit":1}' >m.json
for words in '--set limits.flows=99 m.json' '-s limits.flows=99 m.json' '-slimits.flows=99 m.json' '--set=limits.flows=99 m.json' \
	'm.json --set limits.flows=99' '--set limits.flows=99 -- m.json'; do
	run show $words
	is "adit show $words" "$rc $(grep -c '"flows": 99,' "$W/out")" "0 1"
done

# ---- descriptors
for words in --version --help help 'help manual' 'help completion-bash' 'show' schema modules 'modules --json' 'inspect handler-direct' doctor; do
	"$ADIT" $words >/dev/full 2>"$W/err" </dev/null
	is "adit $words, standard output full: said, and status 1" "$? $(tail -n 1 "$W/err")" \
		"1 adit: standard output: No space left on device"
	"$ADIT" $words >&- 2>"$W/err" </dev/null
	is "... closed" "$? $(tail -n 1 "$W/err")" "1 adit: standard output: Bad file descriptor"
done
"$ADIT" show <&- >&- 2>&-
is "all three closed" $? 1
"$ADIT" schema | head -n 1 >"$W/out"
is "a reader that leaves early" "$(cat "$W/out")" "{"
rm -f help m.json
is "nothing was written into the working directory" "$(ls -A)" ""
