#!/bin/sh
# SPDX-License-Identifier: MIT
# terminal.sh - an interactive shell inside adit exec, in a real terminal: jobs, signals, sizes, the exit status
#
#    tmux (80x24) - bash "out" - adit exec - bash "in"
#
# shellcheck disable=SC2034,SC1091,SC2016
LIMIT=60 ONLY=adit AS_USER=1 NEED="tmux"
. "$(dirname "$0")/../lib/netns.sh"

t() { timeout -k 1 5 tmux -S "$W/tmux" -f /dev/null "$@"; }
screen() { t capture-pane -p; }
# Keys, then what the screen has to show.
press() { t send-keys "$@"; }
shows() { screen | grep -Eq -- "$1"; }
sees() { # TEXT PATTERN
	if wait_for 5 shows "$2"; then ok "$1"; else not_ok "$1" "no line like $2 in
$(screen)"; fi
}

export TERM=xterm
unset TMUX
t new-session -d -x 80 -y 24 "PS1='out> ' bash --norc --noprofile -i" || bail "tmux does not start"
wait_for 5 shows '^out>' || bail "no prompt: $(screen)"
press "PS1='in> ' $ADIT exec -- bash --norc --noprofile -i" Enter
sees "a shell inside shows its prompt" '^in>'
if shows 'job control'; then not_ok "it has job control" "$(screen)"; else ok "it has job control"; fi
press 'ip -br addr show adit0' Enter
sees "it is inside" '^adit0 .*198\.18\.0\.1'
press 'tty; stty size' Enter
sees "its terminal has the window's size" '^24 80$'
t resize-window -x 101 -y 31
press clear Enter
press 'stty size' Enter
sees "and follows it" '^31 101$'
press 'sleep 100' Enter
wait_for 5 shows 'sleep 100'
press C-z
sees "Ctrl-Z stops a job of the inner shell, not the shell" '^\[1\]\+ +Stopped +sleep 100'
press 'fg' Enter
wait_for 5 shows '^sleep 100'
press C-c
press 'echo "status $?"' Enter
sees "Ctrl-C ends the job alone" '^status 130$'
press 'suspend' Enter
sees "the whole of it can be suspended" '^\[1\]\+ +Stopped .*adit exec'
press 'fg' Enter
press 'echo "come back"' Enter
sees "and brought back" '^come back$'
press 'read -rsp "secret: " x; echo; echo "<$x>"' Enter
wait_for 5 shows '^secret:'
press 'hidden' Enter
sees "a program that turns the echo off reads" '^<hidden>$'
press 'exit 7' Enter
wait_for 5 shows '^out>'
press 'echo "ended with $?"' Enter
sees "the exit status is the inner shell's" '^ended with 7$'
press 'stty -a | tr " " "\n" | grep -cx echo' Enter
sees "the terminal is as it was" '^1$'
t kill-server
