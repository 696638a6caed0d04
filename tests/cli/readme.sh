#!/bin/bash
# SPDX-License-Identifier: MIT
# readme.sh - every block of README.md is run, its handler is built with the installed SDK, and no link leads nowhere
#
#    this namespace (192.0.2.10: HTTP server) <--- adit ---- adit0 [namespace of the command]
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2012,SC2013,SC1091
LIMIT=180 ONLY=adit AS_USER=1 NEED="make pkg-config curl python3 nc bash"
[ "$(id -u)" != 0 ] && AS=user || AS=root
. "$(dirname "$0")/../lib/netns.sh"

top=$(cd "$TESTDIR/../.." && pwd)
block() { # LANGUAGE NUMBER
	awk -v fence='```'"$1" -v want="$2" '/^```/ { if (inside) inside = 0; else if ($0 == fence) { inside = ++n == want; next } }
		inside' "$top/README.md"
}
mkdir "$W/d" && cd "$W/d" || bail "no directory"
ip addr add 192.0.2.10/24 dev lo
python3 -m http.server --bind 192.0.2.10 8080 >"$W/http.log" 2>&1 &
http=$!
wait_for 10 curl -fso /dev/null http://192.0.2.10:8080/ || bail "no HTTP server"

# ---- the five lines
is "there are five lines" "$(block sh 1 | wc -l)" 5
targets=$(make --no-print-directory -s -C "$top" help | cut -d' ' -f1)
for t in $(block sh 1 | sed -n 's/^make \([a-z]*\) .*/\1/p'); do
	case $t in
	check) ok "make check: this is it" ;;
	*) like "make $t is a target" "$targets" "^$t\$" ;;
	esac
done
cp "$top/tools/demo" "$top/tools/reach" "$W/"
"$W/demo" "$ADIT" >"$W/demo.log" 2>&1
is "make run: the demonstration runs" "$?" 0
like "... and shows what it says" "$(tr '\n' ' ' <"$W/demo.log")" 'hello from the host side.*the hash is right.*the hash is right.*closed port'
block sh 1 | grep '^build/adit' | sed "s,^build/adit,\"\$ADIT\"," >lines
is "two lines run adit" "$(wc -l <lines)" 2
"$ADIT" doctor >/dev/null 2>&1
doctor=$?
while IFS= read -r line; do
	sh -c "$line" >"$W/out" 2>"$W/err" </dev/null
	case $line in *doctor*) want=$doctor ;; *) want=0 ;; esac
	is "$line" $? $want
done <lines
shape() { sed 's/[0-9][0-9]*/N/g; s/N\.N\.N\.N:N ->/SRC ->/'; }
is "the line about a flow looks as it does in README.md" "$(grep '^adit: flow' "$W/err" | shape)" "$(block text 1 | shape)"

# ---- while it runs
export XDG_RUNTIME_DIR="$W/run"
mkdir -m 700 "$XDG_RUNTIME_DIR"
block console 1 | sed -n 's,^\$ build/adit,"$ADIT",p' >live
within "lines about a host that runs" "$(wc -l <live)" 6 12
while IFS= read -r line; do
	case $line in
	*' &')
		sh -c "exec ${line% &}" >"$W/live.log" 2>&1 </dev/null &
		live=$!
		is_there() { "$ADIT" status --name work >/dev/null 2>&1; }
		check "$line" wait_for 10 is_there
		;;
	*' top '*) check "$line (says what it needs without a terminal)" sh -c "$line 2>&1 </dev/null | grep -qi terminal" ;;
	*) check "$line" sh -c "$line" ;;
	esac
done <live
kill $live
wait $live

# ---- the handler
make --no-print-directory -C "$BUILD" install DESTDIR="$W/root" >"$W/make.log" 2>&1 || bail "make install: $(tail -n 5 "$W/make.log")"
prefix=$(sed -n 's/^prefix = //p' "$BUILD/Makefile")
mkdir bin first
printf '#!/bin/sh\nexec %s --define-prefix "$@"\n' "$(command -v pkg-config)" >bin/pkg-config
chmod +x bin/pkg-config
export PKG_CONFIG_LIBDIR="$W/root$prefix/lib/pkgconfig" PATH="$W/d/bin:$W/root$prefix/bin:$PATH"
block c 1 >first/handler-first.c
block json 1 >first/module.json
block make 1 >first/Makefile
within "the handler has thirty lines, lines" "$(wc -l <first/handler-first.c)" 10 31
cd first || bail "no directory"
(
	echo 'set -e'
	block sh 2 | sed 's,^make$,make CFLAGS="-O2 -Wall -Wextra -Werror -Wno-unused-parameter",'
) >run.sh
is "its commands are three" "$(block sh 2 | wc -l)" 3
sh run.sh >out 2>err </dev/null
is "they succeed" "$? $(grep -i 'error' err)" "0 "
like "inspect says that it can be loaded" "$(cat out)" '^loadable +yes$'
is "the datagram comes back" "$(tail -n 1 out)" hello
mine() { timeout 10 adit exec --flows --module-dir . --handler handler-first -- "$@"; }
mine nc -z -w 2 192.0.2.10 25 >out 2>err
is "mail is refused, by the handler" "$? $(sed -n 's/.*:25  up 0  down 0  [0-9.]* s  //p' err)" "1 via -  connection refused"
is "the rest goes out" "$(mine curl -s -o /dev/null -w '%{http_code}' http://192.0.2.10:8080/ 2>err)" 200
kill $http

# ---- links
cd "$top" || bail "no sources"
for page in *.md docs/*.md docs/decisions/*.md; do
	for link in $(grep -o ']([^)#]*' "$page" | cut -c3- | grep -v '^[a-z]*:'); do
		[ -e "$(dirname "$page")/$link" ] || echo "$page: $link"
	done
done >"$W/dead"
is "no link between the pages leads nowhere" "$(cat "$W/dead")" ""
