#!/bin/sh
# SPDX-License-Identifier: MIT
# 62-capture.sh - adit capture and adit trace: files that tshark takes, comments that say who has a flow and how it ended
#
#    client (curl) ---- adit0 ---- adit in gateway ---- servers (nginx :8080)
#                                  ^ adit capture, adit trace
#
# The system stack is in its form "private", where every packet passes adit.
#
# shellcheck disable=SC2034,SC1091
LIMIT=150 ONLY=adit AS_USER=1 NEED="nginx curl openssl tshark capinfos tcpdump python3"
FORM=private
. "$(dirname "$0")/../lib/netns.sh"
. "$LIBDIR/web.sh"

ADIT_MORE=", \"control\": {\"socket\": \"$W/control.sock\"}"
topo
web_files f1m:1048576 f100m:104857600
web_up
get() { client curl -sS --fail --noproxy '*' -m 30 "$@"; }
ctl() { verb=$1 && shift && gateway "$ADIT" "$verb" --socket "$W/control.sock" "$@"; }
# The rest of a comment may stand at the end of the file, where no packet followed.
shark() { HOME=$W tshark -n -r "$@" 2>/dev/null; }
capture() { # NAME ARGUMENT...: in the background; ready when the note has been printed
	name=$1
	shift
	nsenter --net=/run/netns/gateway -- "$ADIT" capture --socket "$W/control.sock" "$@" >"$W/$name.pcapng" 2>"$W/$name.err" </dev/null &
	echo $! >"$W/$name.pid"
	wait_for 5 grep -q 'Packets that a stack' "$W/$name.err" || note "$(cat "$W/$name.err")"
	sleep 0.2
}
finish() { # NAME: an interrupt, and its end
	kill -INT "$(pid_of "$1")"
	wait "$(pid_of "$1")"
}

# ---- the device
capture dev
get -o "$W/got" http://$S4:8080/f1m
get -o "$W/got6" "http://[$S6]:8080/f1m"
client ping -c 1 -W 2 $S4 >/dev/null
get -o /dev/null http://$S4:9/ 2>/dev/null # refused
sleep 0.3
finish dev
is "an interrupt ends it well" "$?" 0
like "it says how much it was" "$(cat "$W/dev.err")" 'adit capture: [0-9]+ packets, 0 lost, [0-9]+ bytes'
check "capinfos takes it" sh -c "capinfos '$W/dev.pcapng' >'$W/info'"
is "times are nanoseconds" "$(sed -n 's/^File timestamp precision: *//p' "$W/info")" "nanoseconds (9)"
is "packets are in order of time" "$(sed -n 's/^Strict time order: *//p' "$W/info")" True
is "as many packets as it said" "$(shark "$W/dev.pcapng" | wc -l)" "$(sed -n 's/.*capture: \([0-9]*\) packets.*/\1/p' "$W/dev.err")"
# It wants to become another user, which an ordinary one's namespace does not let it.
if [ "$NETNS_WHO" = root ]; then
	check "tcpdump takes it too" sh -c "tcpdump -nr '$W/dev.pcapng' >/dev/null"
else
	skip "tcpdump takes it too" "it cannot change its user here"
fi
is "a file is in it whole" "$(shark "$W/dev.pcapng" -q -z follow,tcp,raw,0 -o tcp.desegment_tcp_streams:TRUE |
	python3 "$LIBDIR/followed.py")" "$(hash_of "$W/www/f1m")"
is "every checksum is right" "$(shark "$W/dev.pcapng" -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE \
	-Y 'tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0 || icmp.checksum.status == 0' | wc -l)" 0
is "no packet is malformed" "$(shark "$W/dev.pcapng" -Y _ws.malformed | wc -l)" 0
comments=$(shark "$W/dev.pcapng" -T fields -e frame.comment -Y frame.comment)
like "a comment says who has a flow" "$comments" "flow [0-9a-z.]+ tcp $C4:[0-9]+ -> $S4:8080: stack tested, handler direct, forwarded to outbound direct"
like "and how it ended" "$comments" "flow [0-9a-z.]+ tcp $C4:[0-9]+ -> $S4:8080: ended after [0-9.]+ s, up [0-9]+, down 10[0-9]{5} bytes: closed"
like "echo too" "$comments" "flow [0-9a-z.]+ icmp $C4"
like "a refusal is one" "$(strings -n 20 "$W/dev.pcapng")" "-> $S4:9: ended after .*refused"
within "packets go both ways" "$(shark "$W/dev.pcapng" -T fields -e frame.packet_flags_direction | sort -u | wc -l)" 2 2
like "its head says what it cannot show" "$(strings -n 20 "$W/dev.pcapng" | head -n 3)" 'Packets that a stack leaves to the kernel'

# ---- ends of its own
capture few --count 5 -w "$W/five.pcapng"
get -o /dev/null http://$S4:8080/f1m
check "--count ends it" wait_for 5 gone few
is "at that number" "$(shark "$W/five.pcapng" | wc -l)" 5
is "the file is its owner's alone" "$(stat -c %a "$W/five.pcapng")" 600
capture sized --size 50k
get -o /dev/null http://$S4:8080/f1m
check "--size ends it" wait_for 5 gone sized
within "not far beyond" "$(stat -c %s "$W/sized.pcapng")" 51200 160000
capture timed --time 0.5s --snap 60
get -o /dev/null http://$S4:8080/f1m
check "--time ends it" wait_for 5 gone timed
is "--snap keeps no more" "$(shark "$W/timed.pcapng" -T fields -e frame.cap_len | sort -n | tail -n 1)" 60

# ---- one flow, one stack
capture other --stack tested
capture none --stack nosuch
wait "$(pid_of none)"
is "a stack that is not there is refused" "$?" 1
like "with the reason" "$(cat "$W/none.err")" 'there is no such stack'
client curl -sS --noproxy '*' -m 30 --limit-rate 25M -o "$W/slow" http://$S4:8080/f100m 2>/dev/null &
slow=$!
flow() { ctl flows --json | python3 -c 'import json,sys
for line in sys.stdin:
    row = json.loads(line)
    if row.get("proto") == "tcp" and row.get("state") == "open": print(row["flow"]); break'; }
sleep 0.5
id=$(flow)
like "the flow has a name" "$id" '^[0-9a-z]+\.[0-9a-z]+$'
capture one --flow "$id"
ctl trace "$id" >"$W/trace" 2>"$W/trace.err" &
trace=$!
get -o /dev/null http://$S4:8080/f1m # another flow
wait $slow
check "the capture of a flow ends with it" wait_for 20 gone one
wait $trace
is "so does its trace" "$?" 0
finish other
is "one flow is in it" "$(shark "$W/one.pcapng" -T fields -e tcp.stream | sort -u | wc -l)" 1
within "and it is more than a few packets" "$(shark "$W/one.pcapng" | wc -l)" 20 100000
like "its end is told" "$(strings -n 10 "$W/one.pcapng")" "flow $id .*ended after"
within "the stack's capture has both" "$(shark "$W/other.pcapng" -T fields -e tcp.stream | sort -u | wc -l)" 2 3
is "a flow that is no more is refused" "$(ctl capture --flow "$id" -w "$W/x" 2>&1 | grep -c 'no such flow, or no more')" 1

# ---- the trace
like "a trace has packets" "$(cat "$W/trace")" '^ +[0-9]+\.[0-9]{6}  device +up +packet [0-9]+ bytes, A seq [0-9]+ ack [0-9]+'
like "what parts hear" "$(cat "$W/trace")" 'handler direct +hears +CLOSED'
like "and the end" "$(cat "$W/trace")" 'flow +ends +closed.*down 104[0-9]{6} bytes, handler direct, outbound direct'
is "in the order of time" "$(awk '{ print $1 }' "$W/trace" | sort -n | cmp - "$(awk '{ print $1 }' "$W/trace" >"$W/times"; echo "$W/times")" && echo same)" same
is "of a flow that is no more: refused" "$(ctl trace "$id" 2>&1 | grep -c 'no such flow')" 1
is "a name that is none: refused" "$(ctl trace 'x y' 2>&1 | grep -c 'is no name of a flow')" 1

# ---- a reader that does not read loses packets, and the traffic does not wait
nsenter --net=/run/netns/gateway -- "$ADIT" capture --socket "$W/control.sock" 2>"$W/stuck.err" | { sleep 6; cat >"$W/stuck.pcapng"; } &
stuck=$!
wait_for 5 grep -q 'Packets that' "$W/stuck.err"
get -o "$W/got100" http://$S4:8080/f100m
is "100 MiB pass while nobody reads" "$(hash_of "$W/got100")" "$(hash_of "$W/www/f100m")"
sleep 6
for p in $(pgrep -x adit); do tr '\0' ' ' <"/proc/$p/cmdline" | grep -q "capture --socket" && kill -INT "$p"; done
wait $stuck
within "what was lost is counted" "$(sed -n 's/.*packets, \([0-9]*\) lost.*/\1/p' "$W/stuck.err")" 1 10000000
like "in the file too" "$(HOME=$W capinfos -I "$W/stuck.pcapng" 2>/dev/null; HOME=$W tshark -r "$W/stuck.pcapng" 2>/dev/null | wc -l)" '[0-9]'
