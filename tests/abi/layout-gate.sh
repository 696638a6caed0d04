#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/abi/layout-gate.sh - the layout gate refuses what it is there to refuse
#
# Changes a copy of the SDK in one way at a time and asks layout.sh. Environment: CC; top_srcdir, where not this tree is meant.
set -u
src=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd) || exit 99
gate=$src/tests/abi/layout.sh
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
export top_srcdir="$tmp"

fresh()
{
	rm -rf "$tmp/sdk"
	mkdir -p "$tmp/sdk"
	cp -R "$src/sdk/include" "$src/sdk/abi" "$tmp/sdk/"
}

# edit FILE SCRIPT - must change something, or this test proves nothing
edit()
{
	sed "$2" "$tmp/sdk/$1" >"$tmp/edited"
	if cmp -s "$tmp/edited" "$tmp/sdk/$1"; then
		echo "FAIL: nothing to edit in $1: $2"
		failed=1
	fi
	chmod u+w "$tmp/sdk/$1"
	cp "$tmp/edited" "$tmp/sdk/$1"
}

# gate WHAT pass|fail TEXT [--accept]
gate()
{
	"$gate" ${4:+"$4"} >"$tmp/out" 2>&1
	status=$?
	case $2$status in
	pass0 | fail1) ;;
	*)
		echo "FAIL: $1: expected $2, exit status was $status"
		cat "$tmp/out"
		failed=1
		return
		;;
	esac
	if ! grep -q -e "$3" "$tmp/out"; then
		echo "FAIL: $1: does not say '$3'"
		cat "$tmp/out"
		failed=1
		return
	fi
	echo "ok: $1"
}

fresh
gate 'an unchanged SDK passes' pass 'ok: LP64'

fresh
edit include/adit/life.h 's/^	void(ADIT_CALL \*destroy)(void \*inst);/&\n	void(ADIT_CALL *extra)(void *inst);/'
gate 'a member that layout.c lacks fails' fail 'adit_life.extra 64'
edit abi/layout.c 's/^	MEMBER(adit_life, destroy, .*/&\n	MEMBER(adit_life, extra, void (*)(void *));/'
gate 'an appended member waits to be accepted' fail 'layout.sh --accept'
gate 'an appended member is accepted' pass 'accepted: LP64, 1 new' --accept
gate 'an accepted member passes' pass 'ok: LP64'

fresh
edit include/adit/life.h 's/^	void(ADIT_CALL \*stop)(void \*inst);/	void(ADIT_CALL *extra)(void *inst);\n&/'
edit abi/layout.c 's/^	MEMBER(adit_life, destroy, .*/&\n	MEMBER(adit_life, extra, void (*)(void *));/'
gate 'a member in the middle fails' fail 'changed: member adit_life.stop'
gate 'a member in the middle cannot be accepted' fail 'undo it' --accept

fresh
edit include/adit/abi.h 's/ADIT_EINVAL = -2,/ADIT_EINVAL = -22,/'
gate 'a renumbered constant fails' fail 'changed: const ADIT_EINVAL -2'

fresh
edit include/adit/flow.h 's/^	adit_flow flow;$/&\n	uint64_t extra;/'
edit include/adit/flow.h '/^typedef char adit_flow_layout/,/;$/d'
gate 'a grown event fails' fail 'changed: struct adit_event frozen size 32'

fresh
edit include/adit/life.h 's/(ADIT_CALL \*drain)(void \*inst, uint64_t deadline_ns)/(ADIT_CALL *drain)(void *inst, uint32_t deadline_ns)/'
gate 'a changed signature fails' fail 'adit_life.drain has another type'

fresh
edit include/adit/loop.h 's|"adit.loop/1"|"adit.loop/2"|'
gate 'a renamed interface fails' fail 'changed: text ADIT_LOOP_1 adit.loop/1'

fresh
edit include/adit/kinds.h 's/ADIT_STACK_CLAIMS = 16/&,\n	ADIT_STACK_EXTRA = 32/'
gate 'an enumerator that layout.c lacks fails' fail 'ADIT_STACK_EXTRA 32'

exit $failed
