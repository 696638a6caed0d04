#!/bin/sh
# SPDX-License-Identifier: MIT
# secrets.sh - the password of a proxy stands nowhere: memory that a core would hold, output, log, trace
#
#    this namespace (192.0.2.10: web server :8080, microsocks :1081, tinyproxy :8081, both with a password)
#        <--- outbound-socks5, outbound-http --- adit ---- adit0 [namespace of the command]
#
# The memory of adit and of every process it made is read from outside while it serves: all mappings but those that the
# kernel leaves out of a core ("dd" in VmFlags). That the search finds what is there is proven with the command's name.
#
# shellcheck disable=SC2034,SC1091,SC2016,SC2086
LIMIT=100 ONLY=adit AS_USER=1 NEED="microsocks tinyproxy curl python3 gcore"
. "$(dirname "$0")/../lib/netns.sh"

SECRET=Zx9-kept-apart-7Qv
ip addr add 192.0.2.10/24 dev lo
mkdir "$W/web" && echo "hello from the host side" >"$W/web/page"
here() { name=$1 && shift && { "$@" >"$W/$name.log" 2>&1 & } && echo $! >"$W/$name.pid"; }
here web python3 -m http.server --bind 192.0.2.10 --directory "$W/web" 8080
here closed microsocks -i 127.0.0.1 -p 1081 -u visible-user -P "$SECRET"
printf 'Port 8081\nListen 127.0.0.1\nTimeout 60\nLogLevel Warning\nBasicAuth visible-user %s\n' "$SECRET" >"$W/tiny.conf"
here tiny tinyproxy -d -c "$W/tiny.conf"
for port in 8080 1081 8081; do
	wait_for 10 sh -c "ss -Htln sport = :$port | grep -q ." || bail "nothing listens on $port"
done

# find WORD PID...: where it stands in what a core of these processes would hold, and in those of their children
cat >"$W/find.py" <<-'END'
	import base64, glob, os, sys

	def family(pid):
	    found = [pid]
	    for path in glob.glob("/proc/%d/task/*/children" % pid):
	        for child in open(path).read().split():
	            found += family(int(child))
	    return found

	def mappings(pid):
	    at = None
	    for line in open("/proc/%d/smaps" % pid):
	        words = line.split()
	        if "-" in words[0] and not words[0].endswith(":"):
	            at = (tuple(int(n, 16) for n in words[0].split("-")), words[1], words[5] if len(words) > 5 else "")
	        elif words[0] == "VmFlags:":
	            yield at + (words[1:],)

	word = sys.argv[1].encode()
	wanted = [word, base64.b64encode(b"visible-user:" + word)[20:-4]]
	read = apart = 0
	for pid in (p for root in sys.argv[2:] for p in family(int(root))):
	    if os.readlink("/proc/%d/exe" % pid) != os.readlink("/proc/%s/exe" % sys.argv[2]):
	        continue
	    mem = open("/proc/%d/mem" % pid, "rb", 0)
	    for (low, high), rights, name, flags in mappings(pid):
	        if "r" not in rights or name in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
	            continue
	        if "dd" in flags:
	            apart += 1
	            continue
	        try:
	            mem.seek(low)
	            bytes = mem.read(high - low)
	        except (OSError, OverflowError):
	            continue
	        read += len(bytes)
	        for w in wanted:
	            if w in bytes:
	                i = bytes.index(w)
	                print("%s at %x of %s (%s)" % (w[:4].decode() + "...", low + i, name or "memory", rights))
	if read < 1 << 20 or not apart:
	    print("the search itself failed: %d bytes read, %d mappings apart" % (read, apart))
END
find_word() { timeout -k 1 20 python3 "$W/find.py" "$@" 2>&1; }
look_at() { # TEXT PID
	like "$1: the search finds what is there" "$(find_word the-command-inside "$2")" "^the-\.\.\. at"
	is "$1: the password is nowhere" "$(find_word "$SECRET" "$2")" ""
}
core_of() { # TEXT PID
	if timeout -k 1 30 gcore -o "$W/core" "$2" >"$W/gcore.log" 2>&1; then
		check "$1: a core has the command's name" grep -aq the-command-inside "$W/core.$2"
		is "$1: and no password" "$(grep -ac -e "$SECRET" "$W/core.$2")" 0
		rm -f "$W/core.$2"
	else
		skip "$1: a core" "gcore could not: $(tail -n 1 "$W/gcore.log")"
	fi
}
# The command says how its page came, and waits to be ended.
cat >"$W/the-command-inside" <<-END
	#!/bin/sh
	curl -s -m 5 http://192.0.2.10:8080/page >"$W/\$1.page" 2>&1
	echo done >"$W/\$1.done"
	exec sleep 60
END
chmod 755 "$W/the-command-inside"
served() { # NAME WORD...
	name=$1 && shift
	"$@" -- "$W/the-command-inside" "$name" 2>"$W/$name.err" </dev/null &
	pid=$!
	wait_for 10 test -s "$W/$name.done"
	is "$name: a page came through the proxy" "$(cat "$W/$name.page")" "hello from the host side"
	look_at "$name" $pid
	core_of "$name" $pid
	is "$name: nor in what it said" "$(grep -c -e "$SECRET" "$W/$name.err")" 0
	kill -TERM $pid
	wait $pid
}
served socks5 "$ADIT" exec --via "socks5://visible-user:$SECRET@127.0.0.1:1081"
served http "$ADIT" exec --via "http://visible-user:$SECRET@127.0.0.1:8081"
export ADIT_VIA_PASSWORD="$SECRET"
served environment "$ADIT" exec --via "socks5://visible-user@127.0.0.1:1081"
unset ADIT_VIA_PASSWORD

# ---- a manifest: what the log says at its finest, and the tools beside it
printf '%s\n' "$SECRET" >"$W/secret"
modules=
[ "$NETNS_WHO" = root ] || modules='"modules": {"allow_unsafe_owner": true},'
manifest_of() { # SECRET [MORE]
	cat <<-END
		{"adit": 1, $modules "log": {"level": "trace"},
		 "platform": {"module": "platform-linux"},
		 "outbounds": [
			{"name": "socks", "module": "outbound-socks5", "server": "127.0.0.1:1081", "username": "visible-user", "password": "$1"${2:-}},
			{"name": "http", "module": "outbound-http", "server": "127.0.0.1:8081", "username": "visible-user", "password": "$1"}],
		 "handlers": [{"name": "to-socks", "module": "handler-direct", "outbound": "socks"}]}
	END
}
manifest_of "$SECRET" >"$W/plain.json"
manifest_of "\${file:$W/secret}" >"$W/file.json"
for name in plain file; do
	served "$name" "$ADIT" exec -c "$W/$name.json"
	out=$("$ADIT" show "$W/$name.json" 2>&1; "$ADIT" show --origin "$W/$name.json" 2>&1; "$ADIT" check "$W/$name.json" 2>&1)
	like "$name: show has the user" "$out" visible-user
	is "$name: and not the password" "$(printf '%s\n' "$out" | grep -c -e "$SECRET")" 0
done
manifest_of "$SECRET$(printf '%0300d' 0)" ', "nonsense": 1' >"$W/wrong.json"
out=$("$ADIT" check "$W/wrong.json" 2>&1)
like "a password that is too long is complained about" "$out" password
is "... without saying it" "$(printf '%s\n' "$out" | grep -c -e "$SECRET")" 0
sed "s/\"password\": \"$SECRET\"/\"password\": \"$SECRET/" "$W/plain.json" >"$W/broken.json"
out=$("$ADIT" check "$W/broken.json" 2>&1)
like "a manifest that is no JSON is complained about" "$out" "broken.json:"
is "... without what stands there" "$(printf '%s\n' "$out" | grep -c -e "$SECRET")" 0
for name in web closed tiny; do kill "$(cat "$W/$name.pid")" 2>/dev/null; done
