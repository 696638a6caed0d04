#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/abi/build.sh - builds the forms of tests/abi/hostile.c, each with its descriptor
#
# usage: CC=... build.sh SRCDIR OUTDIR TARGET
#
# form NAME [json: SED] [COMPILER AND LINKER FLAGS]. Built without sanitizers on purpose: what a module's file says
# must be told apart from what a sanitizer adds.
set -eu
src=$1 out=$2 target=$3
: "${CC:=cc}"
rm -rf "$out"
mkdir -p "$out/tmp"

form()
{
	name=$1 edit=$2
	shift 2
	sed -e "s/@FORM@/$name/g" -e "$edit" "$src/tests/abi/hostile.json" >"$out/tmp/module.json"
	sh "$src/sdk/descriptor.sh" "$out/tmp/module.json" 1.0 "$target" >"$out/tmp/descriptor.h"
	sh "$src/sdk/descriptor.sh" --json "$out/tmp/module.json" 1.0 "$target" >"$out/$name.json"
	# shellcheck disable=SC2086
	$CC -std=gnu11 -O1 -g0 -fPIC -shared -fvisibility=hidden -Wall -Wno-unused -Wno-unused-const-variable \
		-I"$out/tmp" -I"$src/sdk/include" -DFORM="\"$name\"" "$src/tests/abi/hostile.c" -o "$out/$name.so" \
		-Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack "$@"
}
none=';'

# Right ones.
form good "$none"
form gen1 's/"gen1"/"gen"/; s/gen1.so/gen.so/; s/"1.0.0"/"1.0.1"/' -DROOT_NAME='"gen"' -DROOT_VERSION='"1.0.1"'
form gen2 's/"gen2"/"gen"/; s/gen2.so/gen.so/; s/"1.0.0"/"1.0.2"/' -DROOT_NAME='"gen"' -DROOT_VERSION='"1.0.2"'
form newer 's/"abi": "1.0"/"abi": "1.7"/' -DLARGER -DROOT_MINOR=7
form older-root "$none" -DROOT_SIZE='offsetof(adit_module, init)'
form older-stack 's,adit.handler/1,adit.stack/1,' -DKIND_STACK -DSTACK_FLAGS=1 -DIFACE=ADIT_STACK_1 \
	-DTABLE_SIZE='offsetof(adit_stack_1, claims)'
form older-platform 's,adit.handler/1,adit.platform/1,' -DKIND_PLATFORM -DIFACE=ADIT_PLATFORM_1 \
	-DTABLE_SIZE='offsetof(adit_platform_1, protect)'
form private "$none" -DROOT_FLAGS=ADIT_MODULE_PRIVATE
form needs 's,"requires": \[\],"requires": ["test.nosuch/1"],; s,"wants": \[\],"wants": ["test.nicer/1"],'
form old-hash "$none" -Wl,--hash-style=sysv
echo '#include "descriptor.h"' >"$out/tmp/more.c"
form two-sources "$none" "$out/tmp/more.c"

# Refused before any of their code runs.
form execstack "$none" -Wl,-z,execstack
form runpath "$none" -Wl,--enable-new-dtags -Wl,-rpath,/nowhere
form rpath "$none" -Wl,--disable-new-dtags -Wl,-rpath,/nowhere
form textrel "$none" -DTEXT_RELOCATION -Wl,-z,notext
form wx "$none" -DWRITABLE_CODE -Wl,--no-warn-rwx-segments
form ietls "$none" -DINITIAL_EXEC
form export "$none" -DEXTRA_EXPORT
form noroot "$none" -DNO_ROOT
form abi2 's/"abi": "1.0"/"abi": "2.0"/'
form target "s/@TARGET@/sparc64-unknown-linux-gnu/"
form library 's/library.so/another.so/'
form jsonname 's/"name": "jsonname"/"name": "somebody"/'
form badjson 's/"schema": 1/"schema": 1, "schema": 1/'
form audit "$none" -Wl,--depaudit=/nowhere.so
form global "$none" -Wl,-z,global
form noopen "$none" -Wl,-z,nodlopen
echo 'void adit_test_dependency(void); void adit_test_dependency(void) {}' >"$out/tmp/dep.c"
$CC -fPIC -shared "$out/tmp/dep.c" -o "$out/tmp/dep.so"
form needpath "$none" -DWANTS_BY_PATH "$out/tmp/dep.so"
form program "$none" -DPROGRAM
form twodescriptors "$none" -DSECOND_DESCRIPTOR
form nodescriptor "$none"
${OBJCOPY:-objcopy} --rename-section .adit.json=.nothing "$out/nodescriptor.so"

# Refused after loading: the tables are wrong.
form undefined "$none" -DUNDEFINED_SYMBOL
form rootmajor "$none" -DROOT_MAJOR=2
form rootname "$none" -DROOT_NAME='"somebody"'
form rootdescriptor "$none" -DROOT_DESCRIPTOR='"{}"'
form rootsmall "$none" -DROOT_SIZE=8
form roothuge "$none" -DROOT_SIZE=0x7fffffff
form missing "$none" -DNO_COMPONENT
form extra "$none" -DOTHER_COMPONENT
form twice "$none" -DSAME_COMPONENT
form iface "$none" -DIFACE=ADIT_SERVICE_1
form nullhot "$none" -DEVENTS=0
form nulllife "$none" -DLIFE=0
form nullcreate "$none" -DCREATE=0
form nulltable "$none" -DTABLE=0
form wildtable "$none" -DTABLE='(void *)4096'
form smalltable "$none" -DTABLE_SIZE=12
form hugetable "$none" -DTABLE_SIZE=8192
form claims 's,adit.handler/1,adit.stack/1,' -DKIND_STACK -DSTACK_FLAGS=17 -DIFACE=ADIT_STACK_1
rm -rf "$out/tmp"
