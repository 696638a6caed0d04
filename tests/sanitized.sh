#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/sanitized.sh - the core's tests under AddressSanitizer and UndefinedBehaviorSanitizer, ThreadSanitizer, valgrind
#
# Each in a build of its own below the build directory, so that a read-only source tree is enough; later runs only
# build what has changed. SANITIZED=no skips it, for those who cannot wait two minutes.
set -u
top=$(cd "${srcdir:-.}" && pwd)
if [ "${SANITIZED:-}" = no ]; then
	echo "skip: SANITIZED=no"
	exit 77
fi
if grep -q 'define ADIT_SANITIZED' config.h 2>/dev/null; then
	echo "skip: this build has a sanitizer itself"
	exit 77
fi
if [ -e "$top/config.status" ]; then
	echo "skip: the sources are configured in place; builds beside them need a clean tree: make distclean"
	exit 77
fi
failed=0
for kind in asan tsan valgrind; do
	DIR=$PWD "$top/tools/build" $kind
	status=$?
	[ $status = 0 ] || [ $status = 77 ] || failed=1
done
exit $failed
