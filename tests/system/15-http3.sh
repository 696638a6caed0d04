#!/bin/sh
# SPDX-License-Identifier: MIT
# 15-http3.sh - QUIC: ngtcp2's client and server, files over HTTP/3
#
#    client (gtlsclient) ---- adit or veth ---- gateway ------------ servers (gtlsserver :4433/udp)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 NEED="gtlsclient gtlsserver openssl"
. "$(dirname "$0")/../lib/netns.sh"

topo
mkdir "$W/www" "$W/got"
for s in 0 1 1048576 20000000; do make_file "$W/www/f$s" $s; done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=h3.test -keyout "$W/key.pem" -out "$W/cert.pem" 2>/dev/null ||
	bail "no certificate"
start h3v4 servers gtlsserver -q -d "$W/www" $S4 4433 "$W/key.pem" "$W/cert.pem"
start h3v6 servers gtlsserver -q -d "$W/www" $S6 4434 "$W/key.pem" "$W/cert.pem"
await_port h3v4 servers udp 4433
await_port h3v6 servers udp 4434
for e in $S4/4433 $S6/4434; do
	a=${e%/*} port=${e#*/}
	for s in 1 1048576 20000000; do
		rm -f "$W/got"/*
		client timeout 20 gtlsclient -q --exit-on-all-streams-close --download "$W/got" $a "$port" \
			"https://$(url_host $a):$port/f$s" >"$W/h3.out" 2>&1
		is "HTTP/3 file of $s bytes from $a" "$(hash_of "$W/got/f$s")" "$(hash_of "$W/www/f$s")"
	done
	rm -f "$W/got"/*
	client timeout 20 gtlsclient -q --exit-on-all-streams-close --download "$W/got" --change-local-addr=20ms $a "$port" \
		"https://$(url_host $a):$port/f20000000" >"$W/h3.out" 2>&1
	is "HTTP/3 from $a while the client's port changes" "$(hash_of "$W/got/f20000000")" "$(hash_of "$W/www/f20000000")"
done
