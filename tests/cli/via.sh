#!/bin/sh
# SPDX-License-Identifier: MIT
# via.sh - adit exec --via: a proxy as one word, its password unseen, and what adit explain makes of it
#
#    this namespace (192.0.2.10: web server :8080, microsocks :1080 open, :1081 with a password)
#        <--- outbound-socks5 --- adit ---- adit0 [namespace of the command]
#
# shellcheck disable=SC2034,SC1091,SC2016
LIMIT=90 ONLY=adit AS_USER=1 NEED="microsocks curl python3 tmux setsid"
. "$(dirname "$0")/../lib/netns.sh"

x() { timeout -k 1 10 "$ADIT" exec "$@" 2>"$W/err"; }
ip addr add 192.0.2.10/24 dev lo
mkdir "$W/web" && echo "hello from the host side" >"$W/web/page"
here() { name=$1 && shift && { "$@" >"$W/$name.log" 2>&1 & } && echo $! >>"$W/pids"; }
here web python3 -m http.server --bind 192.0.2.10 --directory "$W/web" 8080
here open microsocks -i 127.0.0.1 -p 1080
here closed microsocks -i 127.0.0.1 -p 1081 -u me -P 'p:w@1'
for port in 8080 1080 1081; do
	wait_for 10 sh -c "ss -Htln sport = :$port | grep -q ." || bail "nothing listens on $port"
done
page="curl -s -m 5 http://192.0.2.10:8080/page"

# shellcheck disable=SC2086 # $page is words
{
	is "a page through the proxy" "$(x --via socks5://127.0.0.1:1080 --flows -- $page)" "hello from the host side"
	like "... the flow says so" "$(cat "$W/err")" '192\.0\.2\.10:8080 .*via via  closed'
	is "with user and password in the word" "$(x --via 'socks5://me:p%3Aw%401@127.0.0.1:1081' -- $page)" "hello from the host side"
	is "with the password from the environment" \
		"$(ADIT_VIA_PASSWORD='p:w@1' x --via socks5://me@127.0.0.1:1081 -- $page)" "hello from the host side"
	is "a wrong password: the flow is refused" "$(x --via "socks5://me:no@127.0.0.1:1081" -- $page; echo $?)" 7
	is "no proxy there: the flow is refused" "$(x --via socks5://127.0.0.1:1089 -- $page; echo $?)" 7
	is "--via direct" "$(x --via direct -- $page)" "hello from the host side"
	is "--via block" "$(x --via block -- $page; echo $?)" 7
	printf 'via direct port 8080\n' >"$W/rules"
	is "rules may still say direct" "$(x --via socks5://127.0.0.1:1089 --rules "$W/rules" -- $page)" "hello from the host side"
}
is "the command does not see the password" "$(ADIT_VIA_PASSWORD=x x --via socks5://me@127.0.0.1:1081 -- env | grep -c ADIT_VIA)" 0
"$ADIT" exec --via "socks5://me:p%3Aw%401@127.0.0.1:1081" -- sleep 3 &
sleep 1
is "nor does a list of processes" "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c '[p]%3Aw')" 0
check "... where the rest of the word stands" sh -c "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q 'socks5://me:[*]*@127'"
wait $!
setsid -w "$ADIT" exec --via socks5://me@127.0.0.1:1081 -- true 2>"$W/err" </dev/null
is "no password, no terminal: adit failed" $? 125
like "... and how to give one" "$(cat "$W/err")" '^adit exec: no password for me at 127\.0\.0\.1:1081: set ADIT_VIA_PASSWORD'
x --via gopher://h -- true
is "another scheme: adit failed" $? 125
like "... with those that there are" "$(cat "$W/err")" 'gopher://h: it is none of socks5://'

t() { timeout -k 1 5 tmux -S "$W/tmux" -f /dev/null "$@"; }
export TERM=xterm
t new-session -d -x 80 -y 24 "PS1='out> ' bash --norc --noprofile -i"
t send-keys "$ADIT exec --via socks5://me@127.0.0.1:1081 -- $page" Enter
asked() { t capture-pane -p | grep -q '^password of me at 127.0.0.1:1081:'; }
check "in a terminal the password is asked for" wait_for 5 asked
t send-keys 'p:w@1' Enter
came() { t capture-pane -p | grep -q '^hello from the host side'; }
check "... and serves" wait_for 5 came
is "... and is not shown" "$(t capture-pane -p | grep -c 'p:w@1')" 0
t kill-server

"$ADIT" explain exec --via socks5://me@127.0.0.1:1081 --stack system --rules "$W/rules" >"$W/explained.json"
check "what adit explain prints is a manifest" "$ADIT" check "$W/explained.json"
# shellcheck disable=SC2086 # words
is "... that exec runs" "$(ADIT_VIA_PASSWORD='p:w@1' x -c "$W/explained.json" -- $page)" "hello from the host side"
