#!/bin/sh
# SPDX-License-Identifier: MIT
# 10-web.sh - nginx and curl: files of no byte to 100 MiB, both ways, hashed
#
#    client (curl) ---- adit or veth ---- gateway ------------ servers (nginx :8080)
#
# shellcheck disable=SC2034,SC1091,SC1090
LIMIT=90 AS_USER=1 NEED="nginx curl openssl"
. "$(dirname "$0")/../lib/netns.sh"
. "$LIBDIR/web.sh"

topo
web_files f0:0 f1:1 f1m:1048576 f100m:104857600
web_up
get() { client curl -sS --fail --noproxy '*' -m 30 "$@"; }

for a in $S4 $S6; do
	base=http://$(url_host $a):8080
	for f in f0 f1 f1m f100m; do
		get -o "$W/got" "$base/$f" 2>"$W/curl.err" || note "$(cat "$W/curl.err")"
		is "GET $f from $a has the right hash" "$(hash_of "$W/got")" "$(hash_of "$W/www/$f")"
		rm -f "$W/got"
	done
	for f in f0 f1m f100m; do
		get -T "$W/www/$f" "$base/up/$f-$a" 2>"$W/curl.err" || note "$(cat "$W/curl.err")"
		same "PUT $f to $a arrives whole" "$W/www/up/$f-$a" "$W/www/$f"
	done
	code=$(get -o /dev/null -w '%{http_code}' -r 1000000-1000099 "$base/f1m")
	is "a range request to $a" "$code" 206
	n=$(get -o /dev/null -w '%{num_connects}\n' "$base/f1" -o /dev/null "$base/f1" -o /dev/null "$base/f1" | tr '\n' ' ')
	is "keep-alive to $a: one connection for three files" "$n" "1 0 0 "
done
# A peer sees the gateway when adit dials for the client, and the client itself on the plain path.
want=$C4
via direct || want=$G4
is "the server sees the address it should" "$(get "http://$S4:8080/peer")" "$want"
urls=
for i in $(seq 200); do urls="$urls -o /dev/null http://$S4:8080/f1?$i"; done
# shellcheck disable=SC2086 # words
done_ok=$(get -Z --parallel-max 50 -w '%{http_code} %{size_download}\n' $urls 2>/dev/null | grep -c '^200 1$')
is "200 requests, 50 at a time" "$done_ok" 200
