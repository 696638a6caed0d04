#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/packet-prove.sh - has the contracts of the packet parsers proven by Frama-C's WP plugin
#
# usage: tests/packet-prove.sh
#
# Needs the Debian packages of `tools/setup prove`; takes some minutes of one core. Exit 0: every goal is
# proven; 1: some are not, they are named; 77: the tools are missing and nothing was proven.
set -eu

top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
files='framework/packet/parse.c framework/packet/icmp_error.c'
seconds=${PROVE_SECONDS:-20}

for tool in frama-c why3 z3 cvc4; do
	command -v $tool >/dev/null || {
		echo "packet-prove: SKIPPED, nothing is proven: $tool is missing (tools/setup prove)"
		exit 77
	}
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
# The provers are found anew, so that nothing is written into anybody's home.
export HOME="$work" WHY3CONFIG="$work/why3.conf" XDG_CACHE_HOME="$work"
why3 config detect -C "$WHY3CONFIG" >"$work/detect" 2>&1 || { cat "$work/detect"; exit 1; }

cd "$top"
# shellcheck disable=SC2086
if ! frama-c -c11 -cpp-extra-args='-Iframework -Isdk/include' -wp -wp-rte -warn-unsigned-overflow \
	-wp-prover z3,cvc4 -wp-timeout "$seconds" -wp-par 2 $files >"$work/log" 2>&1; then
	tail -20 "$work/log"
	exit 1
fi
grep '^\[wp\].*Goal' "$work/log" | grep -v ': Valid' || true
line=$(grep 'Proved goals:' "$work/log" || true)
# shellcheck disable=SC2086
set -- $line
proved=${4:-0} all=${6:-0}
echo "packet-prove: $proved of $all goals are proven"
[ "$all" -gt 0 ] && [ "$proved" -eq "$all" ]
