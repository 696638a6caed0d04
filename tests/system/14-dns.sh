#!/bin/sh
# SPDX-License-Identifier: MIT
# 14-dns.sh - dig against dnsmasq, UDP and TCP, large answers, many at once
#
#    client (dig) ---- adit or veth ---- gateway ------------ servers (dnsmasq :53)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 AS_USER=1 NEED="dig dnsmasq"
. "$(dirname "$0")/../lib/netns.sh"

topo
{
	echo "port=53"
	echo "no-resolv"
	echo "no-hosts"
	echo "edns-packet-max=4096"
	echo "address=/wild.test/192.0.2.77"
	for i in $(seq 300); do echo "host-record=h$i.test,192.0.2.$((i % 250 + 1)),2001:db8::$i"; done
	for i in 1 2 3 4 5 6 7 8; do echo "txt-record=long.test,$(printf '%0240d' "$i")"; done
} >"$W/dnsmasq.conf"
user=root
start dns servers dnsmasq -k -C "$W/dnsmasq.conf" --user=$user --group= --pid-file="$W/dnsmasq.id"
await_port dns servers udp 53
ask() { client dig +time=3 +tries=1 "$@"; }
for a in $S4 $S6; do
	is "A over UDP from $a" "$(ask +short @$a h7.test A)" 192.0.2.8
	is "AAAA over UDP from $a" "$(ask +short @$a h7.test AAAA)" 2001:db8::7
	is "A over TCP from $a" "$(ask +short +tcp @$a h9.test A)" 192.0.2.10
	is "an answer of 2 KB over UDP from $a, in fragments" "$(ask +short +bufsize=4096 +notcp +ignore @$a long.test TXT | grep -c 00)" 8
	is "the same after truncation, over TCP, from $a" "$(ask +short +bufsize=512 @$a long.test TXT | grep -c 00)" 8
	for i in $(seq 300); do echo "@$a h$i.test A"; done >"$W/batch"
	want=$(for i in $(seq 300); do echo "h$i.test. 192.0.2.$((i % 250 + 1))"; done | sort)
	got=$(ask -f "$W/batch" +noall +answer | awk '{ print $1, $5 }' | sort)
	is "300 names from $a, every answer to its own question" "$(printf '%s' "$got" | sha256sum)" "$(printf '%s' "$want" | sha256sum)"
done
# Sixteen askers at once, each with its own name: an answer to the wrong port would show.
for i in $(seq 16); do
	(
		good=0
		for k in $(seq 5); do
			[ "$(ask +short @$S4 h$((i * 10 + k)).test A)" = "192.0.2.$(((i * 10 + k) % 250 + 1))" ] && good=$((good + 1))
		done
		echo $good >"$W/asker$i"
	) &
	pids="${pids:-} $!"
done
# shellcheck disable=SC2086
wait $pids
is "16 askers at once, 5 questions each, all answered right" "$(cat "$W"/asker* | awk '{ n += $1 } END { print n }')" 80
