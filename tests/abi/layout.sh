#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/abi/layout.sh - the layout gate: what modules in the field were built with must still hold
#
# usage: layout.sh            compares sdk/abi/layout.c's answer with the committed sdk/abi/adit-1.*.layout
#        layout.sh --accept   adds new lines to the committed answers; never changes one that is there
#
# First the list in layout.c is compared with the debug information of all headers: a struct member, enumerator or
# constant that layout.c lacks fails. Environment: CC; top_srcdir, where not this tree is meant.
set -u
src=${top_srcdir:-$(dirname "$0")/../..}
cc=${CC:-gcc}
here=$(dirname "$0")
accept=${1:-}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# What the headers hold, by the compiler's debug information: "adit_buf.data 0", "ADIT_EINVAL -2".
# callbacks.h is compiled into modules and crosses nothing.
for header in "$src"/sdk/include/adit/*.h; do
	case $header in
	*/callbacks.h) ;;
	*) printf '#include <adit/%s>\n' "$(basename "$header")" ;;
	esac
done >"$tmp/witness.c"

# shellcheck disable=SC2086
headers_hold()
{
	$cc -std=gnu11 -gdwarf-4 -O0 -fno-eliminate-unused-debug-types -I"$src/sdk/include" -c -o "$tmp/witness.o" \
		"$tmp/witness.c" || exit 1
	readelf --wide --debug-dump=info "$tmp/witness.o" | awk -f "$here/layout-dwarf.awk"
	$cc -std=gnu11 -I"$src/sdk/include" -dM -E "$tmp/witness.c" |
		awk '$1 == "#define" && $2 ~ /^ADIT_[A-Z0-9_]+$/ && NF > 2 && $2 !~ /_H$/ &&
			$2 !~ /^ADIT_(CALL|EXPORT|INLINE|BEGIN_DECLS|END_DECLS|ABI_MINOR)$/ { print $2 }'
}

check_complete()
{
	headers_hold | sort -u >"$tmp/held"
	# The list's own words for the same, once with and once without the value of a constant.
	awk '$1 == "member" { split($2, part, "."); print part[1] "." part[2], $4 }
		$1 == "const" { print $2, $3; print $2 }
		$1 == "text" { print $2 }' "$tmp/now.LP64" | sort -u >"$tmp/listed"
	comm -23 "$tmp/held" "$tmp/listed" >"$tmp/missing"
	if [ "$(grep -c '^adit_' "$tmp/held")" -lt 50 ] || [ "$(grep -c '^ADIT_' "$tmp/held")" -lt 50 ]; then
		echo "FAIL: the debug information of the headers could not be read: the comparison would prove nothing"
		failed=1
	fi
	if [ -s "$tmp/missing" ]; then
		echo "FAIL: in the headers, but not in sdk/abi/layout.c; add a MEMBER, CONST or TEXT line for each:"
		sed 's/^/	/' "$tmp/missing"
		failed=1
	fi
}

# model NAME FLAGS.. - compares, or accepts, the answer of one data model
model()
{
	name=$1
	shift
	committed=$src/sdk/abi/adit-1.$name.layout
	if ! "$tmp/layout.$name" >"$tmp/now.$name"; then
		echo "FAIL: layout.c built for $name does not run"
		failed=1
		return
	fi
	before=$committed
	[ -e "$committed" ] || before=/dev/null
	awk -f "$here/layout-compare.awk" file=1 "$before" file=2 "$tmp/now.$name" >"$tmp/report"
	status=$?
	if [ $status = 0 ]; then
		echo "ok: $name, $(wc -l <"$tmp/now.$name") lines"
	elif [ $status = 1 ] && [ "$accept" = --accept ]; then
		sed -n 's/^new: //p' "$tmp/report" >"$tmp/added"
		if [ ! -e "$committed" ]; then
			echo "# adit-1.$name.layout - what ABI 1 fixes; made by tests/abi/layout.sh --accept, see docs/ABI.md" >"$committed"
		fi
		cat "$tmp/added" >>"$committed"
		echo "accepted: $name, $(wc -l <"$tmp/added") new lines in $committed: commit them"
	else
		echo "FAIL: $name"
		sed 's/^/	/' "$tmp/report"
		if [ $status = 1 ]; then
			echo "	These lines are new and harm no module. To accept them: tests/abi/layout.sh --accept, and commit."
		else
			echo "	This breaks modules that are built already: undo it, or give the changed table a new id (docs/ABI.md)."
		fi
		failed=1
	fi
}

build()
{
	# shellcheck disable=SC2086
	$cc -std=gnu11 -Wall -Werror -I"$src/sdk/include" "$@" "$src/sdk/abi/layout.c"
}

if ! build -o "$tmp/layout.LP64"; then
	echo "FAIL: sdk/abi/layout.c does not compile: a struct or a type that it lists is gone or has changed"
	exit 1
fi
if [ "$(printf '__SIZEOF_POINTER__\n' | $cc -E -P -)" = 8 ]; then
	model LP64
	check_complete
	if build -m32 -o "$tmp/layout.ILP32" 2>/dev/null; then
		model ILP32 # of i386, where 64-bit members are aligned to 4
	else
		echo 'skipped: ILP32, the compiler makes no 32-bit programs (gcc-multilib)'
	fi
else
	echo 'skipped: the committed answers are for x86-64 and i386'
	exit 77
fi
exit $failed
