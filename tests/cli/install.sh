#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh - make install, then the whole tree moved elsewhere: it still works; make uninstall: nothing is left
#
#    no network but adit's own
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2012,SC1091
LIMIT=120 ONLY=adit AS_USER=1 NEED="make"
[ "$(id -u)" != 0 ] && AS=user || AS=root
. "$(dirname "$0")/../lib/netns.sh"

build() { make --no-print-directory -C "$BUILD" "$@" >"$W/make.log" 2>&1; }
build install DESTDIR="$W/root" || bail "make install: $(tail -n 5 "$W/make.log")"
prefix=$(sed -n 's/^prefix = //p' "$BUILD/Makefile")
cp -R "$W/root$prefix" "$W/elsewhere"

# ---- what is there
cd "$W/elsewhere" || bail "no prefix"
for f in bin/adit include/adit/adit.h include/adit/callbacks.h share/adit/sdk/module.mk share/adit/sdk/descriptor.sh \
	share/man/man5/adit-manifest.5 lib/adit/modules/abi-1/platform-linux.so lib/adit/modules/abi-1/platform-linux.json; do
	check "$f is installed" test -s $f
done
if [ -e "$BUILD/docs/man/adit.1" ]; then
	for f in share/man/man1/adit.1 share/bash-completion/completions/adit share/zsh/site-functions/_adit \
		share/fish/vendor_completions.d/adit.fish; do
		check "$f is installed" test -s $f
	done
fi
is "modules and descriptors come in pairs" "$(ls lib/adit/modules/abi-1 | sed 's/\.[a-z]*$//' | sort | uniq -c | awk '$1 != 2')" ""
is "no example and no archive is installed" "$(find . -name 'handler-echo*' -o -name '*.la' -o -name '*.a')" ""
is "nobody but the owner may write" "$(find . -perm /022 ! -type l)" ""
is "no text names the build tree" "$(grep -rIlF "$BUILD" . | head -n 3)" ""

# ---- it works where it was moved to
rm -rf "$W/root"
moved=$W/elsewhere/bin/adit
is "--version" "$("$moved" --version)" "$("$ADIT" --version)"
is "modules: those of its own tree" "$("$moved" modules --why handler-direct | sed -n 's/^taken *//p' | sed 's/: .*(/ (/')" \
	"$W/elsewhere/lib/adit/modules/abi-1/handler-direct.so (from the program's own tree)"
is "... and nothing unfit" "$("$moved" modules | grep -c 'unfit\|shadowed')" 0
is "check examples/direct.json" "$("$moved" check "$TESTDIR/../../examples/direct.json" 2>&1 | sed 's/.*: //')" good
is "check --load makes its instances" "$("$moved" check --load "$TESTDIR/../../examples/direct.json" 2>&1 | sed 's/.*: //')" good
is "exec" "$(cd / && timeout 10 "$moved" exec -- sh -c 'ip -br link show adit0 | cut -d" " -f1; exit 3' 2>&1; echo $?)" "adit0
3"
ln -s "$moved" "$W/link"
is "by a symbolic link too" "$("$W/link" modules | wc -l)" "$("$moved" modules | wc -l)"

# ---- and goes
build install DESTDIR="$W/again" || bail "make install again: $(tail -n 5 "$W/make.log")"
build uninstall DESTDIR="$W/again" || not_ok "make uninstall" "$(tail -n 5 "$W/make.log")"
is "make uninstall leaves no file" "$(find "$W/again" ! -type d)" ""
