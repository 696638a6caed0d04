#!/bin/sh
# SPDX-License-Identifier: MIT
# sdk/descriptor.sh - makes the two forms of a module's descriptor from its module.json
#
# usage: descriptor.sh MODULE.JSON VERSION TARGET > NAME-descriptor.h
#        descriptor.sh --json MODULE.JSON VERSION TARGET > NAME.json
#
# @VERSION@ and @TARGET@ in the source are replaced. The header defines adit_descriptor[], plain bytes in the
# section .adit.json. It may be included by every file of a module: only the one whose adit_module_1 points at it
# keeps it (compile with -fno-keep-static-consts). It also defines
# ADIT_MODULE_NAME and ADIT_MODULE_VERSION, taken from the lines "name" and "version", the first of their kind.
set -eu
mode=header
if [ "$1" = --json ]; then
	mode=json
	shift
fi
if [ $# -ne 3 ]; then
	echo 'usage: descriptor.sh [--json] MODULE.JSON VERSION TARGET' >&2
	exit 2
fi
src=$1 version=$2 target=$3
text=$(sed -e "s/@VERSION@/$version/g" -e "s/@TARGET@/$target/g" "$src")
if [ "$mode" = json ]; then
	printf '%s\n' "$text"
	exit 0
fi

# value KEY - the text of the first line `"KEY": "..."`
value()
{
	found=$(printf '%s\n' "$text" | sed -n "s/^[[:space:]]*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"\\\\]*\)\".*/\1/p" | head -n 1)
	if [ -z "$found" ]; then
		echo "descriptor.sh: $src has no line \"$1\": \"...\": put it on a line of its own" >&2
		exit 1
	fi
	printf '%s' "$found"
}
module_name=$(value name)
module_version=$(value version)
echo "/* generated from $(basename "$(dirname "$src")")/$(basename "$src") */"
echo '#ifndef ADIT_DESCRIPTOR_H'
echo '#define ADIT_DESCRIPTOR_H'
printf '#define ADIT_MODULE_NAME "%s"\n#define ADIT_MODULE_VERSION "%s"\n' "$module_name" "$module_version"
echo '#if defined(__APPLE__)'
echo '#define ADIT_DESCRIPTOR_SECTION "__DATA,__adit_json"'
echo '#else'
echo '#define ADIT_DESCRIPTOR_SECTION ".adit.json"'
echo '#endif'
echo 'static const char adit_descriptor[] __attribute__((section(ADIT_DESCRIPTOR_SECTION), unused)) ='
printf '%s\n' "$text" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/	"/' -e 's/$/\\n"/'
echo '	;'
echo '#endif'
