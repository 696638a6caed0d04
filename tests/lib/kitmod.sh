#!/bin/sh
# SPDX-License-Identifier: MIT
# kitmod.sh - builds the modules of tests/lib/kitmod.c: kitbase, and two versions of kithandler
#
# usage: CC=... kitmod.sh SRCDIR OUTDIR TARGET
# Without sanitizers: the loader compares texts of tables of which it knows no size but that of the image.
set -eu
src=$1 out=$2 target=$3
: "${CC:=cc}"
rm -rf "$out"
mkdir -p "$out/1" "$out/2" "$out/tmp"

settings='{ "type": "object", "additionalProperties": false, "properties": {
	"tag": { "type": "string", "default": "a" }, "outbound": { "type": "string", "default": "" },
	"reload": { "type": "string", "default": "" }, "fail": { "type": "string", "default": "" },
	"claim": { "type": "string", "default": "" }, "job": { "type": "string", "default": "" },
	"probe": { "type": "string", "default": "pass" } } }'

component() { # KIND
	printf '{ "id": "%s", "interface": "adit.%s/1", "config": %s }' "$1" "$1" "$settings"
}

module() { # NAME VERSION DIR COMPONENTS FLAGS...
	name=$1 version=$2 dir=$3 components=$4
	shift 4
	cat >"$out/tmp/module.json" <<END
{
  "schema": 1,
  "name": "$name",
  "version": "@VERSION@",
  "license": "MIT",
  "summary": "for tests of the host",
  "abi": "1.0",
  "target": "@TARGET@",
  "library": "$name.so",
  "loops": "many",
  "components": [ $components ],
  "offers": [],
  "requires": ["adit.config/1", "adit.loop/1", "adit.outbounds/1"],
  "wants": [],
  "rights": []
}
END
	sh "$src/sdk/descriptor.sh" "$out/tmp/module.json" "$version" "$target" >"$out/tmp/descriptor.h"
	sh "$src/sdk/descriptor.sh" --json "$out/tmp/module.json" "$version" "$target" >"$dir/$name.json"
	# shellcheck disable=SC2086
	$CC -std=gnu11 -O1 -g -fPIC -shared -fvisibility=hidden -fno-keep-static-consts -Wall -I"$src/sdk/include" \
		-I"$src/tests/lib" -include "$out/tmp/descriptor.h" "$@" "$src/tests/lib/kitmod.c" -o "$dir/$name.so" \
		-Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack
}

module kitbase 1.0.0 "$out/1" \
	"$(component platform), $(component stack), $(component outbound), $(component service)" -DKITBASE
module kithandler 1.0.0 "$out/1" "$(component handler)"
module kithandler 2.0.0 "$out/2" "$(component handler)"
rm -rf "$out/tmp"
