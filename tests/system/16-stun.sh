#!/bin/sh
# SPDX-License-Identifier: MIT
# 16-stun.sh - UDP mapping and filtering as RFC 5780 measures them, with coturn on two addresses
#
#    client (natdiscovery) ---- adit or veth ---- gateway ------------ servers (turnserver 10.2.0.2 and .3 :3478)
#
# The plain path has no translation, so both behaviours are endpoint-independent there; adit's default is
# to be as open as that.
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 NEED="turnserver turnutils_natdiscovery"
. "$(dirname "$0")/../lib/netns.sh"

topo
start turn servers turnserver -n --no-cli --no-tls --no-dtls --no-auth --stun-only --log-file=stdout --pidfile="$W/turn.id" \
	-L $S4 -L $T4 --listening-port=3478 --alt-listening-port=3479 --userdb="$W/turn.db" --realm=test
await_port turn servers udp 3478
out=$(client timeout 20 turnutils_natdiscovery -m $S4 2>&1)
printf '%s\n' "$out" >"$W/mapping"
like "mapping does not depend on the server asked" "$out" 'NAT with Endpoint Independent Mapping|No NAT detected'
out=$(client timeout 20 turnutils_natdiscovery -f $S4 2>&1)
printf '%s\n' "$out" >"$W/filtering"
like "filtering lets everybody answer" "$out" 'NAT with Endpoint Independent Filtering'
# The measurement can say no: without the second address the server cannot answer from elsewhere.
servers nft add table inet t
servers nft add chain inet t out '{ type filter hook output priority 0; }'
servers nft add rule inet t out ip saddr $T4 udp sport 3478-3479 drop
out=$(client timeout 20 turnutils_natdiscovery -f $S4 2>&1)
check "control: dropped answers from the other address are noticed" sh -c "! echo '$out' | grep -q 'Endpoint Independent Filtering'"
