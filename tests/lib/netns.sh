# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# netns.sh - the harness of the system tests: private namespaces, servers, adit, and a line per case
#
# A test sets LIMIT (seconds per run), NEED (programs), AS_USER=1 (runs as an ordinary user too) or
# ONLY=adit (means nothing without adit), PASS ("NAME=VALUE ...", what the test inside gets), then sources
# this file. The file starts the test again, once for
# each path of VIA ("direct": a plain veth, the control; "adit"), inside mount, network and process
# namespaces of its own: /run is a private tmpfs, and when the test ends or its time is up the process
# namespace dies, and with it every process, device, route and mount. Nothing of the machine is changed.
#
# From outside:  VIA="direct adit"   paths to run (default both)
#                ADIT=PATH           the binary (default build/adit beside the sources)
#                FORM=auto           form of stack-system: auto, transparent, private, portable
#                STACK=MODULE        another stack module than stack-system; or mixed
#                AS="root user"      who runs it (user only for tests that say AS_USER=1)
#                KEEP=1              keeps the directory with all logs
# Output is TAP. Exit status: 0 all good, 1 a case failed, 77 nothing could be run (the reason is printed).
#
#    client ------------- gateway -------------- [mbox] ------------- servers
#    10.1.0.2      adit0  10.1.0.1 (direct)                           10.2.0.2, 10.2.0.3
#    fd00:1::2  or  veth  fd00:1::1            10.2.0.1               fd00:2::2, fd00:2::3
#                         adit runs here       fd00:2::1

C4=10.1.0.2 C6=fd00:1::2
G4=10.2.0.1 G6=fd00:2::1
S4=10.2.0.2 S6=fd00:2::2
# shellcheck disable=SC2034 # used by tests
T4=10.2.0.3 T6=fd00:2::3

TESTNAME=$(basename "$0" .sh)
TESTDIR=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # used by tests
LIBDIR=$(cd "$TESTDIR/../lib" && pwd)
: "${LIMIT:=60}" "${AS_USER:=0}" "${ONLY:=}" "${NEED:=}"
: "${FORM:=auto}" "${STACK:=stack-system}"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C

# ---- outside: one run per path and user ---------------------------------------------------------------

outside_skip() { # REASON
	echo "1..0 # SKIP $1"
	exit 77
}

# The build tree: where automake runs us, or build/ beside the sources.
outside_find() {
	for dir in "${BUILD:-}" "$PWD" "$TESTDIR/../../build"; do
		[ -n "$dir" ] && [ -x "$dir/tests/lib/flowload" ] || continue
		BUILD=$(cd "$dir" && pwd)
		: "${ADIT:=$BUILD/adit}"
		export BUILD ADIT
		return
	done
	outside_skip "the test programs are not built: make check, or make tests/lib/flowload in the build directory"
}

# A host that is content with a manifest that is not there is not a host yet.
outside_adit_runs() {
	[ -x "$ADIT" ] && ! timeout 5 "$ADIT" run /nonexistent/manifest.json >/dev/null 2>&1
}

# /dev/net/tun is often for root alone. An ordinary user gets a node of its own, in a private mount namespace.
outside_as_user() { # COMMAND...
	unshare -m --propagation private sh -c '
		set -e
		dir=$1 top=$2 && shift 2
		if [ -e /dev/net/tun ]; then
			mkdir -p "$dir/dev"
			mount -t tmpfs -o mode=755 tmpfs "$dir/dev"
			mknod -m 0666 "$dir/dev/tun" c 10 200
			mount --bind "$dir/dev/tun" /dev/net/tun
		fi
		chown 12345:12345 "$dir" "$dir"/count "$dir"/work
		"$top/tools/reach" 12345 "$top" "$BUILD"
		exec setpriv --reuid 12345 --regid 12345 --clear-groups --reset-env --inh-caps=-all -- "$@"' sh "$OUT" "$(cd "$TESTDIR/../.." && pwd)" "$@"
}

outside_run() { # WHO PATH
	set -- "$1" "$2" "$(id -u)"
	rm -rf "$OUT/work" && mkdir "$OUT/work"
	echo "# $TESTNAME via $2 as $1"
	userns=
	[ "$1" = root ] && [ "$3" = 0 ] || userns=-Ur
	inner="env -i PATH=$PATH LC_ALL=C HOME=$OUT/work TERM=dumb NETNS_INSIDE=1 NETNS_WHO=$1 VIA=$2 BUILD=$BUILD
		ADIT=$ADIT FORM=$FORM STACK=$STACK OUT=$OUT TMPDIR=$OUT/work ${KEEP:+KEEP=1} ${PASS:-} ${SANITIZED:+SANITIZED=1} ${ASAN_OPTIONS:+ASAN_OPTIONS=$ASAN_OPTIONS}
		${UBSAN_OPTIONS:+UBSAN_OPTIONS=$UBSAN_OPTIONS} ${LSAN_OPTIONS:+LSAN_OPTIONS=$LSAN_OPTIONS}"
	# shellcheck disable=SC2086 # $userns is empty or one word, $inner is words
	set -- $inner timeout -k 5 "$LIMIT" unshare $userns -m -n -p --fork --kill-child --mount-proc \
		--propagation private sh "$TESTDIR/$TESTNAME.sh"
	if [ -n "$userns" ] && [ "$(id -u)" = 0 ]; then
		outside_as_user "$@" </dev/null
	else
		"$@" </dev/null
	fi
	rc=$?
	if [ $rc != 0 ] && [ $rc != 1 ]; then
		n=$(($(cat "$OUT/count") + 1)) && echo $n >"$OUT/count"
		case $rc in
		124 | 137) echo "not ok $n - the run ended within its $LIMIT s" ;;
		*) echo "not ok $n - the run came to its end (status $rc)" ;;
		esac
		rc=1
	fi
	return $rc
}

outside_main() {
	outside_find
	for program in unshare nsenter ip timeout $NEED; do
		command -v "$program" >/dev/null || outside_skip "$program is not installed (tools/setup check installs it)"
	done
	unshare -Urmnp --fork true 2>/dev/null || [ "$(id -u)" = 0 ] ||
		outside_skip "an ordinary user may not make user namespaces here (kernel.unprivileged_userns_clone, user.max_user_namespaces)"
	OUT=$(mktemp -d "${TMPDIR:-/tmp}/adit-$TESTNAME.XXXXXX")
	export OUT
	chmod 755 "$OUT"
	trap 'test -n "${KEEP:-}" && echo "# logs: $OUT" || rm -rf "$OUT"' EXIT
	trap 'exit 1' INT TERM HUP
	echo 0 >"$OUT/count"
	who=user
	[ "$(id -u)" != 0 ] || who=root
	[ $who = user ] || [ "$AS_USER" = 0 ] || who="root user"
	[ "$AS_USER" = 1 ] || [ $who = root ] || outside_skip "this test needs root"
	failed=0 ran=0
	for w in ${AS:-$who}; do
		case " $who " in *" $w "*) ;; *) continue ;; esac
		for v in ${VIA:-direct adit}; do
			[ -z "$ONLY" ] || [ "$ONLY" = "$v" ] || continue
			if [ "$v" = adit ] && ! outside_adit_runs; then
				echo "# SKIP via adit as $w: $ADIT does not run manifests"
				continue
			fi
			ran=$((ran + 1))
			outside_run "$w" "$v" || failed=1
		done
	done
	[ $ran -gt 0 ] || outside_skip "nothing to run: VIA=${VIA:-direct adit}${ONLY:+, a test of $ONLY alone}, binary $ADIT"
	echo "1..$(cat "$OUT/count")"
	exit $failed
}

[ -n "${NETNS_INSIDE:-}" ] || outside_main

# ---- inside: cases ------------------------------------------------------------------------------------

W=$OUT/work
BAD=0
STARTED=

case_line() { # "ok"|"not ok" TEXT
	case_number=$(($(cat "$OUT/count") + 1)) # the tests have variables of their own
	echo $case_number >"$OUT/count"
	echo "$1 $case_number - [$VIA] $2"
}

ok() { case_line ok "$1"; }
not_ok() { # TEXT [REASON...]
	BAD=1
	case_line "not ok" "$1"
	shift
	[ $# = 0 ] || printf '%s\n' "$*" | head -n 12 | sed 's/^/#   /'
}
note() { printf '%s\n' "$*" | sed 's/^/# /'; }
skip() { case_line ok "$1 # SKIP $2"; }

check() { # TEXT COMMAND...: the command has to succeed
	text=$1
	shift
	if "$@" >"$W/check.out" 2>&1; then
		ok "$text"
	else
		not_ok "$text" "status $? of: $*
$(tail -n 8 "$W/check.out")"
	fi
}
is() { # TEXT GOT WANT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:  $2
want: $3"; fi
}
like() { # TEXT GOT PATTERN (of grep -E)
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then ok "$1"; else not_ok "$1" "got:  $2
want: $3"; fi
}
within() { # TEXT VALUE LOW HIGH (numbers)
	if [ -n "$2" ] && awk -v v="$2" -v l="$3" -v h="$4" 'BEGIN { exit !(v + 0 >= l + 0 && v + 0 <= h + 0) }'; then
		ok "$1 ($2)"
	else
		not_ok "$1" "got $2, wanted $3 to $4"
	fi
}
via() { [ "$VIA" = "$1" ]; }
bail() { # REASON: the harness itself failed; the rest of the test would say nothing
	not_ok "the harness could be set up" "$*"
	exit 1
}

# ---- inside: namespaces and processes -----------------------------------------------------------------

on() { # NAMESPACE COMMAND...
	ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}
client() { on client "$@"; }
gateway() { on gateway "$@"; }
servers() { on servers "$@"; }

# Starts a program in the background; its output goes to $W/NAME.log, its process id to $W/NAME.pid.
start() { # NAME NAMESPACE COMMAND...
	name=$1 ns=$2
	shift 2
	nsenter --net="/run/netns/$ns" -- "$@" >"$W/$name.log" 2>&1 </dev/null &
	echo $! >"$W/$name.pid"
	STARTED="$name $STARTED"
}
pid_of() { cat "$W/$1.pid"; }
alive() { # NAME
	kill -0 "$(pid_of "$1")" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$(pid_of "$1")/status" 2>/dev/null
}
gone() { ! alive "$1"; }
wait_for() { # SECONDS COMMAND...: polls until the command succeeds
	end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt $end ] || return 1
		sleep 0.05
	done
}
# Ends a program by its id: SIGTERM, two seconds, SIGKILL. Says whether it obeyed.
stop() { # NAME
	alive "$1" || return 0
	kill -TERM "$(pid_of "$1")" 2>/dev/null
	wait_for 2 gone "$1" && return 0
	kill -KILL "$(pid_of "$1")" 2>/dev/null
	return 1
}
listening() { # NAMESPACE tcp|udp PORT
	nsenter --net="/run/netns/$1" -- ss -Hnl${2%"${2#?}"} "sport = :$3" | grep -q .
}
await_port() { # NAME NAMESPACE tcp|udp PORT
	wait_for 5 listening "$2" "$3" "$4" || bail "$1 does not listen on port $4: $(tail -n 5 "$W/$1.log")"
}
# Packets that the kernel of this machine threw away because a core was late (all namespaces share that
# queue). On a machine under load they explain a loss that the path is not to blame for.
late_drops() {
	total=0
	while read -r _ dropped _; do total=$((total + 0x$dropped)); done </proc/net/softnet_stat
	echo $total
}
rss_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$(pid_of "$1")/status"; }
cpu_ticks() { sed 's/.*) //' "/proc/$(pid_of "$1")/stat" | awk '{ print $12 + $13 }'; }
ms() { echo $(($(date +%s%N) / 1000000)); }

ns_add() { # NAME
	ip netns add "$1" || bail "cannot add namespace $1"
	on "$1" ip link set lo up
	on "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv4.ping_group_range="0 0" net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 2>/dev/null || :
}
addr() { # NAMESPACE DEVICE ADDRESS...
	ns=$1 dev=$2
	shift 2
	for a in "$@"; do
		case $a in
		*:*) on "$ns" ip addr add "$a" dev "$dev" nodad ;;
		*) on "$ns" ip addr add "$a" dev "$dev" ;;
		esac
	done
	on "$ns" ip link set "$dev" up
}

# The network of the drawing above. With arguments there is a middlebox before the servers, which gets them.
topo() { # [MBOX OPTION...]
	for ns in client gateway servers; do ns_add $ns; done
	gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	if [ $# -gt 0 ]; then
		ns_add mbox
		ip link add up0 netns gateway type veth peer name a0 netns mbox
		ip link add srv0 netns servers type veth peer name b0 netns mbox
		for e in gateway:up0 servers:srv0 mbox:a0 mbox:b0; do
			on "${e%:*}" ethtool -K "${e#*:}" tx off gso off tso off gro off >/dev/null 2>&1
		done
		on mbox ip link set a0 up
		on mbox ip link set b0 up
		for e in a0 b0; do on mbox sysctl -qw net.ipv6.conf.$e.disable_ipv6=1; done
		start mbox mbox "$BUILD/tests/lib/mbox" --a a0 --b b0 "$@"
		wait_for 3 grep -q ready "$W/mbox.log" || bail "$(cat "$W/mbox.log")"
	else
		ip link add up0 netns gateway type veth peer name srv0 netns servers
	fi
	addr gateway up0 $G4/24 $G6/64
	addr servers srv0 $S4/24 $T4/24 $S6/64 $T6/64
	servers ip route add 10.1.0.0/24 via $G4
	servers ip route add fd00:1::/64 via $G6
	# Places that cannot be reached, for those who want to see how that looks.
	for kind in unreachable:10.9.0.0/24 unreachable:fd00:9::/64 prohibit:10.8.0.0/24 prohibit:fd00:8::/64; do
		gateway ip route add "${kind%%:*}" "${kind#*:}"
	done
	if via direct; then direct_up; else adit_up; fi
}

direct_up() {
	ip link add eth0 netns client type veth peer name down0 netns gateway
	addr gateway down0 10.1.0.1/24 fd00:1::1/64
	addr client eth0 $C4/24 $C6/64
	client ip route add default via 10.1.0.1
	client ip route add default via fd00:1::1
	CLIENT_DEV=eth0
}

# ADIT_MORE, STACK_MORE: more members of the manifest, and of the stack in it, beginning with a comma. ADIT_WRAP: words before the binary.
manifest() {
	form=
	[ "$STACK" != stack-system ] || form=", \"form\": \"$FORM\""
	stacks="\"stack\": \"tested\", \"stacks\": [{\"name\": \"tested\", \"module\": \"$STACK\"$form${STACK_MORE:-}}]"
	[ "$STACK" != mixed ] || stacks='"stack": "mixed"'
	modules=
	[ "$NETNS_WHO" = root ] || modules=', "modules": {"allow_unsafe_owner": true}'
	cat <<-END
		{
			"adit": 1,
			"platform": {"module": "platform-linux", "namespace": "/run/netns/client", "name": "adit0", "mtu": 1500,
				"addresses": ["$C4/24", "$C6/64"], "routes": ["0.0.0.0/0", "::/0"]},
			$stacks$modules${ADIT_MORE:-}
		}
	END
}
device_up() { client ip -br link show dev adit0 2>/dev/null | grep -q adit0 && client ip route get $S4 && client ip route get $S6; }
adit_up() {
	manifest >"$W/manifest.json"
	# shellcheck disable=SC2086 # words
	start adit gateway ${ADIT_WRAP:-} "$ADIT" run "$W/manifest.json"
	# shellcheck disable=SC2034 # used by tests
	CLIENT_DEV=adit0
	if ! wait_for 10 device_up; then
		bail "adit made no device adit0 with routes: $(tail -n 10 "$W/adit.log")"
	fi
}
# What every run through adit ends with: it is there, it obeys, and no sanitizer had a word.
adit_down() {
	[ -z "${ADIT_ENDED:-}" ] || return 0
	ADIT_ENDED=1
	if alive adit; then ok "adit was alive at the end"; else not_ok "adit was alive at the end" "$(tail -n 15 "$W/adit.log")"; fi
	[ "$FORM" = auto ] || [ "$STACK" != stack-system ] ||
		check "TCP was ended in form $FORM" grep -q "TCP is ended in form \"$FORM\"" "$W/adit.log"
	began=$(ms)
	stop adit || :
	within "SIGTERM ended adit in time, ms" $(($(ms) - began)) 0 2000
	adit_status
	sanitizer_clean
}
# An abort at the very end, in a destructor, shows here and nowhere else.
adit_status() {
	wait "$(pid_of adit)"
	status=$?
	if [ $status = 0 ]; then ok "adit ended with status 0"; else not_ok "adit ended with status 0" "status $status
$(tail -n 6 "$W/adit.log")"; fi
}
sanitizer_clean() {
	words='ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|SUMMARY: '
	if found=$(grep -E "$words" "$W/adit.log"); then
		not_ok "no sanitizer report" "$found"
	fi
}

inside_end() {
	rc=$?
	trap - EXIT
	if via adit && [ -e "$W/adit.pid" ]; then adit_down; fi
	for name in $STARTED; do stop "$name"; done
	[ -z "${KEEP:-}" ] || cp -r "$W" "$OUT/$VIA-$NETNS_WHO" 2>/dev/null
	[ $rc = 0 ] || BAD=1
	exit $BAD
}

# ---- inside: files and transfers ----------------------------------------------------------------------

# A file of SIZE bytes that nothing compresses, the same one for the same size.
make_file() { # PATH BYTES
	openssl enc -aes-128-ctr -nosalt -K 00112233445566778899aabbccddeeff -iv "$(printf '%032x' "$2")" \
		-in /dev/zero 2>/dev/null | head -c "$2" >"$1"
}
hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
same() { # TEXT FILE FILE
	if cmp -s "$2" "$3"; then ok "$1"; else not_ok "$1" "$(wc -c "$2" "$3" 2>&1)"; fi
}
url_host() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }

flowload() { "$BUILD/tests/lib/flowload" "$@"; }

trap inside_end EXIT
mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/netns /run/sshd || bail "no private /run"
ip link set lo up
