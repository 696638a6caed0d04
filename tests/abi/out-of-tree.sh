#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/abi/out-of-tree.sh - a module folder that was copied elsewhere builds with the installed SDK alone
#
# Installs into a temporary folder, copies the examples out of the tree, and builds them with nothing but what was
# installed. Run in the build folder. Environment: CC, MAKE.
set -u
src=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd) || exit 99
cc=${CC:-cc}
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
command -v pkg-config >/dev/null || { echo 'skipped: no pkg-config'; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "FAIL: $*"
	exit 1
}

$make install DESTDIR="$tmp/root" >"$tmp/log" 2>&1 || { tail -n 30 "$tmp/log"; fail 'make install'; }
pc=$(find "$tmp/root" -name adit-module.pc)
[ -n "$pc" ] || fail 'adit-module.pc is not installed'
# The installed tree stands under DESTDIR: take prefix from where the file lies.
PKG_CONFIG_LIBDIR=$(dirname "$pc")
export PKG_CONFIG_LIBDIR
mkdir "$tmp/bin"
printf '#!/bin/sh\nexec %s --define-prefix "$@"\n' "$(command -v pkg-config)" >"$tmp/bin/pkg-config"
chmod +x "$tmp/bin/pkg-config"
PATH=$tmp/bin:$PATH

# The .pc file and the header say the same revision.
abi=$(sed -n 's/^#define ADIT_ABI_M[A-Z]* \([0-9]*\)$/\1/p' "$src/sdk/include/adit/abi.h" | paste -s -d .)
said=$(pkg-config --variable=abi adit-module)
[ "$abi" = "$said" ] || fail "abi.h says ABI $abi, adit-module.pc says $said"

# No example is installed, and every module of ours lies there with its descriptor.
moduledir=$(pkg-config --variable=moduledir adit-module)
[ -d "$moduledir" ] || fail "no folder $moduledir"
for module in handler-echo handler-blocklist; do
	[ ! -e "$moduledir/$module.so" ] || fail "$module is an example, but was installed"
done
for module in handler-direct outbound-direct; do
	[ -f "$moduledir/$module.so" ] || fail "$module is not installed"
	[ -f "$moduledir/$module.json" ] || fail "$module is installed without its descriptor"
done

for module in handler-echo handler-blocklist; do
	mkdir -p "$tmp/away"
	cp -R "$src/examples/$module" "$tmp/away/"
	chmod -R u+w "$tmp/away"
	(cd "$tmp/away/$module" && $make CC="$cc" VERSION=3.2.1 CFLAGS='-O1 -Wall -Wextra -Werror -Wno-unused-parameter' \
		check install DESTDIR="$tmp/dest") >"$tmp/log" 2>&1 || { cat "$tmp/log"; fail "$module does not build"; }
	if grep -q -F "$src" "$tmp/away/$module"/*.d; then
		fail "$module was built with headers of the source tree"
	fi
	so=$(find "$tmp/dest" -name "$module.so")
	[ -n "$so" ] || fail "make install laid no $module.so"
	[ "$(nm -D --defined-only "$so" | wc -l)" = 1 ] || fail "$module exports more than one symbol"
	nm -D --defined-only "$so" | grep -q ' adit_module_1$' || fail "$module lacks adit_module_1"
	grep -q '"version": "3.2.1"' "${so%.so}.json" || fail "$module.json lacks the version"
	# The descriptor beside the library and the one inside are the same bytes (but for the closing zero).
	objcopy -O binary --only-section=.adit.json --set-section-flags .adit.json=alloc "$so" "$tmp/inside" ||
		fail "$module has no section .adit.json"
	tr -d '\000' <"$tmp/inside" | cmp -s - "${so%.so}.json" || fail "$module: the two descriptors differ"
	echo "ok: $module"
done

# The first module of docs/MODULES.md, as it stands there: its first block of each language.
mkdir "$tmp/away/first"
for block in c:handler-first.c json:module.json make:Makefile; do
	awk -v fence='```'"${block%%:*}" '/^```/ { if (inside) exit; inside = $0 == fence; next } inside' \
		"$src/docs/MODULES.md" >"$tmp/away/first/${block#*:}"
	[ -s "$tmp/away/first/${block#*:}" ] || fail "docs/MODULES.md has no block ${block%%:*}"
done
(cd "$tmp/away/first" && $make CC="$cc" CFLAGS='-O1 -Wall -Wextra -Werror -Wno-unused-parameter' check) \
	>"$tmp/log" 2>&1 || { cat "$tmp/log"; fail 'the first module of docs/MODULES.md does not build'; }
echo 'ok: docs/MODULES.md'

# The check of module.mk itself refuses a module that exports more.
mkdir "$tmp/away/loud"
cp "$tmp/away/handler-echo/handler-echo.c" "$tmp/away/handler-echo/module.json" "$tmp/away/handler-echo/Makefile" \
	"$tmp/away/loud/"
echo 'ADIT_EXPORT int loud(void); int loud(void) { return 1; }' >>"$tmp/away/loud/handler-echo.c"
if (cd "$tmp/away/loud" && $make CC="$cc" check) >"$tmp/log" 2>&1; then
	fail 'make check of module.mk let a second export pass'
fi
grep -q 'must export adit_module_1 alone' "$tmp/log" || { cat "$tmp/log"; fail 'another reason than the export'; }
echo 'ok: a second export is refused'
