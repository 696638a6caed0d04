#!/bin/sh
# SPDX-License-Identifier: MIT
# 60-metrics.sh - service-metrics: promtool finds nothing to say, figures are those of the traffic, slow readers harm nobody
#
#    client ---- adit0 ---- adit in gateway ---- servers (flowload :7000)
#                           ^ curl asks at the Unix socket and at 127.0.0.1:9464
#
# shellcheck disable=SC2034,SC1091
LIMIT=75 ONLY=adit AS_USER=1 NEED="curl promtool python3 socat"
. "$(dirname "$0")/../lib/netns.sh"

[ -e "$BUILD/lib/adit/modules/abi-1/service-metrics.so" ] || { skip "service-metrics" "built without libmicrohttpd"; exit 0; }
ADIT_MORE=", \"services\": [{\"name\": \"unix\", \"module\": \"service-metrics\", \"listen\": \"$W/metrics.socket\"},
	{\"name\": \"tcp\", \"module\": \"service-metrics\", \"listen\": \"127.0.0.1:9464\", \"clients\": 4, \"timeout\": \"2s\"}]"
topo
start load servers "$BUILD/tests/lib/flowload" serve 7000
await_port load servers tcp 7000
ask() { curl -sS -m 10 --unix-socket "$W/metrics.socket" "$@" http://adit/metrics; }
ask_tcp() { gateway curl -sS -m 10 --noproxy '*' "$@" http://127.0.0.1:9464/metrics; }
value() { grep "^$2" "$1" | awk '{ s += $2 } END { print s + 0 }'; }

client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 1000 --down 1000 --deadline 20 >"$W/load.out" 2>&1
check "the traffic went through" grep -q "flows" "$W/load.out"
client ping -c 2 -i 0.2 -W 2 $S4 >/dev/null 2>&1
client timeout 5 curl -s -m 3 --noproxy '*' http://$S4:9/ >/dev/null 2>&1 # refused: nobody listens

# ---- the text
is "the socket is for its owner alone" "$(stat -c %a "$W/metrics.socket")" 600
ask -D "$W/head" -o "$W/text" 2>"$W/curl.err" || note "$(cat "$W/curl.err")"
like "the type is that of the text format" "$(tr -d '\r' <"$W/head")" '^Content-Type: text/plain; version=0.0.4; charset=utf-8$'
if promtool check metrics <"$W/text" >"$W/promtool" 2>&1 && [ ! -s "$W/promtool" ]; then
	ok "promtool has nothing to say"
else
	not_ok "promtool has nothing to say" "$(cat "$W/promtool")"
fi
ask -H 'Accept: application/openmetrics-text; version=1.0.0' -D "$W/head" -o "$W/open"
like "OpenMetrics is told to who asks for it" "$(tr -d '\r' <"$W/head")" '^Content-Type: application/openmetrics-text; version=1.0.0'
is "and has an end" "$(tail -n 1 "$W/open")" "# EOF"
if python3 -c 'import prometheus_client' 2>/dev/null; then
	check "an OpenMetrics reader takes it" python3 -c "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as p
assert len(list(p(open('$W/open').read()))) > 20"
else
	skip "an OpenMetrics reader takes it" "python3-prometheus-client is not installed"
fi
is "no series is there twice" "$(grep -v '^#' "$W/text" | sed 's/ [^ ]*$//' | sort | uniq -d | head -n 3)" ""

# ---- the figures
within "TCP flows that began" "$(value "$W/text" 'adit_flows_opened_total.*protocol="tcp"')" 21 22
within "echo flows that began" "$(value "$W/text" 'adit_flows_opened_total.*protocol="icmp"')" 1 2
within "bytes that came from the applications" "$(value "$W/text" 'adit_packet_bytes_total.*direction="up"')" 1000 10000000
within "connects that went well" "$(value "$W/text" 'adit_dials_total.*result="ok"')" 20 22
within "connects that failed" "$(value "$W/text" 'adit_dials_total.*result="failed"')" 1 1
within "forwarded flows" "$(value "$W/text" 'adit_verdicts_total.*verdict="forward"')" 22 24
within "connects in the histogram" "$(value "$W/text" 'adit_dial_seconds_count.*outbound="direct"')" 20 24
within "looks at the loops' turns" "$(value "$W/text" 'adit_loop_turn_seconds_count')" 1 1000000000
within "memory of the outbound" "$(value "$W/text" 'adit_module_memory_bytes.*outbound-direct')" 1 1000000000
like "the stack has its name" "$(cat "$W/text")" '^adit_stack_info\{protocol="tcp",stack="[a-z]+"\} 1$'
wait_for 20 sh -c "! curl -s -m 5 --unix-socket '$W/metrics.socket' http://adit/metrics | grep -q '^adit_flows{.*protocol=\"tcp\"} [1-9]'"
check "no TCP flow is left in the gauge" sh -c "curl -s -m 5 --unix-socket '$W/metrics.socket' http://adit/metrics | grep -q '^adit_flows{.*protocol=\"tcp\"} 0'"

# ---- the dashboard
grep -o 'adit_[a-z0-9_]*' "$TESTDIR/../../packaging/grafana-dashboard.json" | sort -u >"$W/asked"
grep -v '^#' "$W/text" | sed 's/[{ ].*//' | sort -u >"$W/there"
is "every query of the dashboard names a metric that is there" "$(comm -23 "$W/asked" "$W/there" | tr '\n' ' ')" ""
within "and it has queries" "$(wc -l <"$W/asked")" 15 100

# ---- HTTP
is "another path is not found" "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$W/metrics.socket" http://adit/)" 404
is "POST is not allowed" "$(curl -s -o /dev/null -w '%{http_code}' -d x --unix-socket "$W/metrics.socket" http://adit/metrics)" 405
is "HEAD has no body" "$(ask -I | grep -c '^adit_')" 0
is "the address answers too" "$(ask_tcp | grep -c '^adit_build_info')" 1

# ---- clients that never read
for i in 1 2 3 4 5 6 7 8; do
	gateway sh -c 'printf "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"; sleep 20' | gateway timeout -k 1 20 socat -u - TCP:127.0.0.1:9464 >/dev/null 2>&1 &
done
sleep 0.5
before=$(ms)
client "$BUILD/tests/lib/flowload" tcp $S4 7000 --flows 20 --up 1000 --down 1000 --deadline 20 >"$W/load2.out" 2>&1
is "the flows do not care about clients that do not read" "$?" 0
within "nor for long, ms" $(($(ms) - before)) 0 10000
is "the other socket answers meanwhile" "$(ask | grep -c '^adit_build_info')" 1
within "the address answers when they have been dropped" "$(wait_for 10 ask_tcp -f -o /dev/null && echo 1)" 1 1

# ---- a second host, the same path
manifest | sed 's/adit0/adit1/; s/9464/9465/; s#/run/netns/client#new#' >"$W/second.json"
gateway timeout -k 2 10 "$ADIT" run "$W/second.json" >"$W/second.log" 2>&1
like "a second one is refused with the reason" "$(cat "$W/second.log")" 'metrics.socket: a running process has it: name another path'
is "and leaves the first alone" "$(ask | grep -c '^adit_build_info')" 1
adit_down
is "the socket is gone at the end" "$([ -e "$W/metrics.socket" ] && echo there)" ""
