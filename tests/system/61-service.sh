#!/bin/sh
# SPDX-License-Identifier: MIT
# 61-service.sh - under a service manager: what it is told and when, descriptors it passes, the unit itself
#
#    client ---- adit0 ---- adit in gateway        a datagram socket stands in for the manager
#
# No manager runs here; systemd-analyze reads the units, systemd-socket-activate passes descriptors.
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 ONLY=adit NEED="python3 systemd-analyze systemd-socket-activate"
. "$(dirname "$0")/../lib/netns.sh"
told() { grep -c "$1" "$W/manager.log"; }

# ---- what it is told
ns_add manager
start manager manager python3 "$LIBDIR/notifylog.py" "$W/notify"
wait_for 5 grep -q listening "$W/manager.log" || bail "no socket: $(cat "$W/manager.log")"
ADIT_WRAP="env NOTIFY_SOCKET=$W/notify WATCHDOG_USEC=900000"
topo
wait_for 5 grep -q READY=1 "$W/manager.log"
is "it is told once that all is ready" "$(told 'READY=1 | MAINPID=[0-9]')" 1
like "and by whom" "$(cat "$W/manager.log")" "MAINPID=$(pid_of adit)( |\$)"
like "in words too" "$(cat "$W/manager.log")" 'STATUS=[0-9]+ flows, stacks [a-z]+ \(tcp\)'
sleep 2
within "signs of life in two seconds, at three in 0.9 s" "$(told WATCHDOG=1)" 4 9
kill -STOP "$(pid_of adit)"
sleep 0.4 # what was on its way
before=$(told WATCHDOG=1)
sleep 1.2
is "one that hangs gives no sign" "$(told WATCHDOG=1)" "$before"
kill -CONT "$(pid_of adit)"
check "and goes on when it does" wait_for 3 sh -c "[ \$(grep -c WATCHDOG=1 '$W/manager.log') -gt $before ]"
kill -HUP "$(pid_of adit)"
check "it is told of a reload, with its time" wait_for 5 grep -Eq 'RELOADING=1 \| MONOTONIC_USEC=[0-9]{6}' "$W/manager.log"
check "and of its end" wait_for 5 sh -c "[ \$(grep -c READY=1 '$W/manager.log') = 2 ]"
echo '{' >"$W/manifest.json"
kill -HUP "$(pid_of adit)"
check "also of one that changes nothing" wait_for 5 sh -c "[ \$(grep -c RELOADING=1 '$W/manager.log') = 2 ] && [ \$(grep -c READY=1 '$W/manager.log') = 3 ]"
adit_down
is "it is told of the end" "$(told STOPPING=1)" 1

# ---- the same at an abstract address, and for another process
start abstract gateway python3 "$LIBDIR/notifylog.py" "@adit-test"
wait_for 5 grep -q listening "$W/abstract.log"
manifest >"$W/manifest.json"
start second gateway env NOTIFY_SOCKET=@adit-test WATCHDOG_PID=1 WATCHDOG_USEC=300000 "$ADIT" run "$W/manifest.json"
check "an abstract address works" wait_for 5 grep -q READY=1 "$W/abstract.log"
sleep 1
is "a watchdog that is another process's is left alone" "$(grep -c WATCHDOG "$W/abstract.log")" 0
stop second
start third gateway env NOTIFY_SOCKET=/nonexistent/socket "$ADIT" run "$W/manifest.json"
check "a manager that is gone does not matter" wait_for 5 device_up
stop third

# ---- the journal
mkdir -p /run/systemd/journal
start journal gateway python3 "$LIBDIR/notifylog.py" /run/systemd/journal/socket
wait_for 5 grep -q listening "$W/journal.log"
ADIT_MORE=', "log": {"target": "journal", "level": "warn", "levels": {"stack-system": "debug"}}'
manifest >"$W/journal.json"
start fourth gateway "$ADIT" run "$W/journal.json"
check "the journal gets entries with fields" wait_for 10 grep -aEq 'PRIORITY=[67] \| SYSLOG_IDENTIFIER=adit \| ADIT_PART=stack-system \| MESSAGE' "$W/journal.log"
is "standard error does not" "$(grep -c 'stack-system:' "$W/fourth.log")" 0
stop fourth
stop journal
gateway timeout -k 1 5 "$ADIT" run "$W/journal.json" >"$W/none.log" 2>&1
is "a journal that is not there, but wanted, is an error" "$?" 2
like "with the place and the cure" "$(cat "$W/none.log")" '/log/target.*there is no journal at /run/systemd/journal/socket'
ADIT_MORE=

# ---- the control socket, listened on by the manager; the one who asks first starts the host
ADIT_MORE=", \"control\": {\"socket\": \"$W/passed.sock\"}"
manifest >"$W/passed.json"
start activate gateway systemd-socket-activate --fdname=control -l "$W/passed.sock" "$ADIT" run "$W/passed.json"
wait_for 5 test -S "$W/passed.sock"
is "the host is not there before" "$(client ip -br link show dev adit0 2>/dev/null | grep -c adit0)" 0
like "who asks is answered over the socket that was passed" "$(gateway timeout -k 1 15 "$ADIT" status --socket "$W/passed.sock" 2>&1)" '^passed +adit '
check "the host ends" stop activate
is "and leaves the file to the manager" "$([ -S "$W/passed.sock" ] && echo there)" there
ADIT_MORE=

# ---- the unit
mkdir "$W/units"
sed "s|@bindir@|$(dirname "$ADIT")|" "$TESTDIR/../../packaging/adit@.service.in" >"$W/units/adit@.service"
cp "$TESTDIR/../../packaging/adit@.socket" "$W/units"
check "systemd finds nothing wrong with the units" systemd-analyze verify --man=no "$W/units/adit@home.service" "$W/units/adit@home.socket"
is "and says nothing about them" "$(systemd-analyze verify --man=no "$W/units/adit@home.service" "$W/units/adit@home.socket" 2>&1)" ""
# In tenths; 10.0 is a service without any restriction, which systemd calls unsafe.
check "what is exposed is little" systemd-analyze security --offline=true --threshold=30 "$W/units/adit@.service"
