#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/abi/headers.sh - every SDK header compiles alone, in every language version that the SDK promises
#
# Each header is included twice in a file of its own, before anything else. What the machine has no compiler for is
# said, not passed over in silence. Environment: top_srcdir, where not this tree is meant.
set -u
src=${top_srcdir:-$(dirname "$0")/../..}
include=$src/sdk/include
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0 runs=0

for header in "$include"/adit/*.h; do
	name=$(basename "$header")
	unit=$(basename "$header" .h)
	printf '#include <adit/%s>\n#include <adit/%s>\nint unit_%s(void);\nint unit_%s(void)\n{\n\treturn 0;\n}\n' \
		"$name" "$name" "$unit" "$unit" >"$tmp/$unit.c"
	cp "$tmp/$unit.c" "$tmp/$unit.cc"
done

# A module of the least size, to try what the macros of callbacks.h become.
cat >"$tmp/least.c" <<'END'
#define ADIT_MODULE_NAME "least"
#define ADIT_MODULE_VERSION "1"
static const char adit_descriptor[] = "{}";
#include <adit/callbacks.h>
static void opened(adit_handler *h, adit_flow flow, const adit_flow_info *info)
{
	if (info->proto == ADIT_PROTO_TCP)
		adit_forward(h, flow, 0, ADIT_OPF_CONNECT_FIRST, &info->dst);
	else
		adit_pass(h, flow);
}
static const adit_callbacks calls = {0, 0, 0, 0, 0, 0, opened, 0, 0, 0, 0, 0};
ADIT_HANDLER_MODULE("least", calls)
END
cp "$tmp/least.c" "$tmp/least.cc"

# one NAME COMPILER SUFFIX FLAGS.. - one run over all headers
one()
{
	name=$1 compiler=$2 suffix=$3
	shift 3
	runs=$((runs + 1))
	if ! "$compiler" -fsyntax-only -pedantic -Wall -Wextra -Werror -Wundef -Wshadow -I"$include" "$@" "$tmp"/*."$suffix" \
		2>"$tmp/err"; then
		echo "FAIL: $name: $compiler $*"
		head -n 20 "$tmp/err"
		failed=1
	fi
}

# every COMPILER SUFFIX STANDARD..
every()
{
	compiler=$1 suffix=$2
	shift 2
	if ! command -v "$compiler" >/dev/null; then
		echo "skipped: no $compiler"
		return
	fi
	for std in "$@"; do
		one "$std" "$compiler" "$suffix" "-std=$std"
	done
	one short-enums "$compiler" "$suffix" "-std=$std" -fshort-enums
	if echo '#include <stdint.h>' | "$compiler" -m32 -xc -fsyntax-only - 2>/dev/null; then
		one 32-bit "$compiler" "$suffix" "-std=$std" -m32
	else
		echo "skipped: $compiler -m32 (gcc-multilib)"
	fi
}

c='c89 c99 c11 c17'
cxx='c++98 c++11 c++17 c++20'
# shellcheck disable=SC2086
{
	every gcc c $c
	every clang c $c
	every g++ cc $cxx
	every clang++ cc $cxx
	if command -v x86_64-w64-mingw32-gcc >/dev/null; then
		one windows x86_64-w64-mingw32-gcc c -std=c99
	else
		echo 'skipped: no x86_64-w64-mingw32-gcc'
	fi
}

# Every function of a table says at its declaration on which threads it may be called.
for header in "$include"/adit/*.h; do
	awk -v name="$(basename "$header")" '
		/^\t\/\*/ { comment = ""; open = 1 }
		open { comment = comment $0; if (/\*\//) open = 0; next }
		/^\t[^\t].*\((ADIT_CALL )?\*[a-z_]+\)\(/ && !/^typedef/ {
			if (comment !~ /\[(control|loop|any|pool)\]/) {
				print "FAIL: " name ": no thread tag above: " $0
				bad = 1
			}
			comment = ""
			functions++
			next
		}
		/^\t.*;/ { comment = "" }
		END { exit bad }' "$header" || failed=1
done

if [ $runs = 0 ]; then
	echo 'skipped: no compiler at all'
	exit 77
fi
set -- "$tmp"/*.c
echo "$runs runs over $# files"
exit $failed
