#!/bin/sh
# SPDX-License-Identifier: MIT
# 71-top.sh - adit top in a real terminal of 80x24 and others, and what the other commands print there
#
#    client (flowload) ---- adit ---- gateway (tmux: adit top) ------ servers (flowload serve :7000)
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2012,SC1091
LIMIT=120 ONLY=adit AS_USER=1 NEED="tmux"
. "$(dirname "$0")/../lib/netns.sh"

# A build without ncurses has no adit-top.
[ -x "$(dirname "$ADIT")/adit-top" ] || { skip "adit top" "it is not built: no ncurses"; exit 0; }
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
start held client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 100 --hold 45000 --up 2000 --down 3000 --deadline 60
client "$BUILD/tests/lib/flowload" udp $S4 7000 --flows 3000 --count 1 --size 64 --gap 10 --first 20000 >/dev/null 2>&1
TMUX_NUMBER=0
tm() { timeout -k 1 5 tmux -S "$W/tmux$TMUX_NUMBER" -f /dev/null "$@"; }
keys() { tm send-keys -t t "$@"; }
pane() { tm capture-pane -p -t t; }
shows() { pane | grep -Eq -- "$1"; }
sees() { # TEXT PATTERN
	if wait_for 6 shows "$2"; then ok "$1"; else not_ok "$1" "wanted $2 in:
$(pane)"; fi
}
widest() { pane | awk '{ if (length($0) > n) n = length($0) } END { print n }'; }
terminal() { # COLUMNS ROWS COMMAND...
	[ $TMUX_NUMBER = 0 ] || tm kill-server
	TMUX_NUMBER=$((TMUX_NUMBER + 1)) x=$1 y=$2
	shift 2
	env LC_ALL=C.UTF-8 TERM=screen timeout -k 1 5 tmux -S "$W/tmux$TMUX_NUMBER" -f /dev/null new-session -d -s t -x "$x" -y "$y" "$*; echo status \$?; sleep 60"
}

terminal 80 24 "$ADIT" top
sees "it begins with the host" "^ adit 0.* manifest  up .*stack tested"
sees "totals on a line of their own" "^ down .*B/s  up .*B/s  flows 3100 \(100 tcp 3000 udp 0 icmp\)  by rate"
sees "the columns" "^ FLOW +PROTO TO +VIA +DOWN/s +UP/s +AGE STATE"
sees "the keys, in the last line" "enter. whole .r. why .p. pcap .k. close .s. sort"
is "24 lines, each with something but for none" "$(pane | grep -c .)" 24
within "no line is wider than the terminal" "$(widest)" 70 80
keys s s s s s s s
sees "s goes through the orders" "by dst"
keys s
sees "... and round" "by rate"
keys / t c p
sees "/ begins a filter" "show only: tcp_"
keys Enter
sees "... which the host applies" "flows 100 \(100 tcp 0 udp 0 icmp\) .*/tcp"
keys Down Down Enter
sees "enter shows one flow whole" "^  owner +"
sees "... with its stack" "^  stack +tested"
keys x
sees "any key goes back" "^ FLOW +PROTO"
keys r
sees "r says who decided" "handler direct, outbound direct, stack tested"
keys p
sees "p says how to capture it" "adit capture --flow [0-9a-z.]+ . wireshark -k -i -"
keys k
sees "k asks" "close flow [0-9a-z.]+\? .y/n"
keys n
sees "... and n leaves it" "enter. whole"
is "... there" "$("$ADIT" flows --json tcp | wc -l)" 100
keys k
sees "k asks again" "close flow"
keys y
sees "... and y ends it" "[0-9a-z.]+ closed"
wait_for 3 sh -c "[ \$(timeout 5 '$ADIT' flows --json tcp | wc -l) = 99 ]" && ok "... it alone" || not_ok "... it alone" "$("$ADIT" flows tcp | wc -l)"
tm resize-window -t t -x 130 -y 40
sees "a wider terminal has a column more" "^ FLOW +PROTO FROM +TO +VIA"
within "... and is used" "$(widest)" 100 130
is "... to its last line" "$(pane | tail -n 1 | cut -c1-8)" " [enter]"
tm resize-window -t t -x 50 -y 10
sees "a small one too" "enter. whole"
within "... and nothing is wider" "$(widest)" 30 50
tm resize-window -t t -x 80 -y 24
sees "and back" "^ FLOW +PROTO TO"
keys / n o n e s u c h Enter
sees "a filter that fits nothing says so" "no flow fits the filter"
keys q
sees "q ends it, status 0" "^status 0"
terminal 80 24 "$ADIT" flows tcp --limit 9
sees "flows in 80 columns" "^FLOW +PROTO +FROM +TO +VIA"
within "... are no wider" "$(widest)" 60 80
terminal 80 24 env TERM=nonesuch "$ADIT" top
sees "a terminal that nobody knows" "adit flows prints the same once"
terminal 80 24 env TERM=dumb "$ADIT" top
sees "a dumb terminal" "it needs a terminal; adit flows"
like "no terminal at all" "$("$ADIT" top </dev/null 2>&1)" "it needs a terminal; adit flows"
terminal 80 24 "$ADIT" top
sees "it runs again" "by rate"
adit_down
sees "a host that ends ends it, with a word" "adit top: the host has ended"
sees "... and status 3" "^status 3"
tm kill-server
