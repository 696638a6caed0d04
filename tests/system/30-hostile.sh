#!/bin/sh
# SPDX-License-Identifier: MIT
# 30-hostile.sh - 60,000 malformed packets while a file of 100 MB passes: the file is whole, the host lives
#
#    client (curl; hostile writes into the device) ---- adit or veth ---- gateway ---- servers (nginx)
#
# shellcheck disable=SC2034,SC1091
LIMIT=120 NEED="nginx curl openssl ss"
. "$(dirname "$0")/../lib/netns.sh"
. "$LIBDIR/web.sh"

topo
web_files f100m:100000000
web_up
mac=
if via direct; then
	mac="--mac $(gateway ip -o link show down0 | sed 's/.*link.ether \([0-9a-f:]*\).*/\1/')"
fi
via adit && before=$(rss_kib adit)
for seed in 1 2; do
	# Slow enough that the storm falls into the transfer, fast enough to be one.
	(client curl -sS --fail --noproxy '*' -m 60 --limit-rate 12M -o "$W/got$seed" "http://$S4:8080/f100m" 2>"$W/curl$seed.err"
		echo $? >"$W/curl$seed.rc") &
	transfer=$!
	sleep 0.5
	# shellcheck disable=SC2086 # $mac is words
	client "$BUILD/tests/lib/hostile" --dev $CLIENT_DEV --client4 $C4 --client6 $C6 --server4 $S4 --server6 $S6 --port 8080 \
		$mac --seed $seed --count 30000 --rate 8000 >"$W/hostile$seed" 2>&1
	is "seed $seed: 30,000 packets were offered" "$(sed -n 's/.*seed=.* status=\([0-9]*\)$/\1/p' "$W/hostile$seed")" 0
	within "seed $seed: and nearly all of them went into the device" "$(sed -n 's/^hostile seed=.* sent=\([0-9]*\) .*/\1/p' "$W/hostile$seed")" 29000 30000
	kill -0 $transfer 2>/dev/null && ok "seed $seed: the transfer was still running when the storm ended" ||
		not_ok "seed $seed: the transfer was still running when the storm ended" "$(cat "$W/curl$seed.rc" "$W/curl$seed.err")"
	if via adit; then
		if alive adit; then ok "seed $seed: adit is alive"; else not_ok "seed $seed: adit is alive" "$(tail -n 15 "$W/adit.log")"; fi
	fi
	began=$(ms)
	code=$(client curl -sS --noproxy '*' -m 5 -o /dev/null -w '%{http_code}' -r 0-99 "http://$(url_host $S6):8080/f100m" 2>"$W/after$seed.err")
	is "seed $seed: a new flow right after the storm works" "$code" 206
	[ "$code" = 206 ] || note "$(cat "$W/after$seed.err")"
	within "seed $seed: within a second, ms" $(($(ms) - began)) 0 1500
	wait $transfer
	is "seed $seed: the transfer's hash is right" "$(hash_of "$W/got$seed")" "$(hash_of "$W/www/f100m")"
	rm -f "$W/got$seed"
done
if via adit; then
	after=$(rss_kib adit)
	most=65536
	[ -z "${SANITIZED:-}" ] || most=400000 # its quarantine of freed memory
	within "resident memory did not grow much, KiB" $((after - before)) -1000000 $most
	within "and its log stayed short, lines" "$(wc -l <"$W/adit.log")" 0 500
fi
