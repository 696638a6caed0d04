#!/bin/sh
# SPDX-License-Identifier: MIT
# 60-proxies.sh - flows through real proxies of the distribution, and what the application sees of what they say
#
#    client ---- adit (one outbound per proxy) ---- gateway ------------ servers: proxies at 10.2.0.3, fd00:2::3
#                                                                        and, behind each proxy i, a network of its own:
#                                                                        10.3.i.1, fd00:3:i::1   echo :7001
#                                                                        10.3.i.9, fd00:3:i::9   nobody can reach it
#
# Which proxy a flow takes is decided by the network it goes to. At the end stands the table of what was seen.
#
# shellcheck disable=SC2034,SC1091,SC2016,SC2086,SC2329
LIMIT=120 ONLY=adit NEED="microsocks danted ssh sshd ss-local ss-server tinyproxy squid stunnel4 openssl"
. "$(dirname "$0")/../lib/netns.sh"

PROXIES="micro micro-user micro-wrong dante dante6 shadow ssh gone list tiny tiny-user tiny-wrong tls tls-list tls-strange tls-unknown squid squid-tls block drop none"
number_of() {
	i=0
	for p in $PROXIES; do
		i=$((i + 1))
		[ "$p" != "$1" ] || echo $i
	done
}
settings_of() { # PROXY
	case $1 in
	micro) echo '"module": "outbound-socks5", "server": "10.2.0.3:1080"' ;;
	micro-user) echo '"module": "outbound-socks5", "server": "[fd00:2::3]:1081", "username": "joe", "password": "${file:'"$W"'/secret}"' ;;
	micro-wrong) echo '"module": "outbound-socks5", "server": "10.2.0.3:1081", "username": "joe", "password": "wrong"' ;;
	dante) echo '"module": "outbound-socks5", "server": "10.2.0.3:1083"' ;;
	dante6) echo '"module": "outbound-socks5", "server": "[fd00:2::3]:1083"' ;;
	shadow) echo '"module": "outbound-socks5", "server": "[fd00:2::3]:1085"' ;;
	ssh) echo '"module": "outbound-socks5", "server": "proxy.example:1084"' ;;
	gone) echo '"module": "outbound-socks5", "server": "10.2.0.3:1099"' ;;
	list) echo '"module": "outbound-socks5", "server": ["10.2.0.3:1099", "nowhere.example:1080", "10.2.0.3:1080"]' ;;
	tiny) echo '"module": "outbound-http", "server": "[fd00:2::3]:8080"' ;;
	tiny-user) echo '"module": "outbound-http", "server": "10.2.0.3:8081", "username": "joe", "password": "s3cret"' ;;
	tiny-wrong) echo '"module": "outbound-http", "server": "10.2.0.3:8081", "username": "joe", "password": "wrong"' ;;
	tls) echo '"module": "outbound-http", "server": "proxy.example:8443", "tls": true, "tls_ca": "'"$W"'/ca.pem"' ;;
	tls-list) echo '"module": "outbound-http", "server": ["10.2.0.3:8443", "[fd00:2::3]:8443"], "tls": true, "tls_name": "proxy.example", "tls_ca": "'"$W"'/ca.pem"' ;;
	tls-strange) echo '"module": "outbound-http", "server": "10.2.0.3:8443", "tls": true, "tls_ca": "'"$W"'/ca.pem"' ;;
	tls-unknown) echo '"module": "outbound-http", "server": "proxy.example:8443", "tls": true' ;;
	squid) echo '"module": "outbound-http", "server": "10.2.0.3:3128"' ;;
	squid-tls) echo '"module": "outbound-http", "server": "proxy.example:8444", "tls": true, "tls_ca": "'"$W"'/ca.pem"' ;;
	block) echo '"module": "outbound-block", "kind": "net"' ;;
	drop) echo '"module": "outbound-block", "kind": "drop"' ;;
	none) echo '"module": "outbound-direct"' ;;
	esac
}
ADIT_MORE=', "outbounds": [' handlers=
for p in $PROXIES; do
	n=$(number_of "$p")
	ADIT_MORE="$ADIT_MORE
		{\"name\": \"$p\", $(settings_of "$p")},"
	handlers="$handlers
		{\"name\": \"to-$p\", \"module\": \"handler-direct\", \"outbound\": \"$p\", \"match\": {\"address\": [\"10.3.$n.0/24\", \"fd00:3:$n::/64\"]}},"
done
# Flows to 10.3.99.0/24, where nobody is, go by the name that they say themselves.
rules=
hosts=
for p in micro dante shadow ssh tiny tls squid; do
	rules="$rules\"via $p domain .$p.example\", "
	hosts="$hosts
10.3.$(number_of $p).1 www.$p.example"
done
handlers="$handlers
		{\"name\": \"by-name\", \"module\": \"handler-rules\", \"match\": {\"address\": \"10.3.99.0/24\"}, \"look\": true, \"rules\": [$rules]},"
ADIT_MORE="$ADIT_MORE], \"handlers\": [$handlers]"
printf s3cret >"$W/secret"

# The resolver of adit's proxies is a file of this mount namespace.
printf '127.0.0.1 localhost\n10.2.0.3 proxy.example\n%s\n' "$hosts" >"$W/hosts"
mount --bind "$W/hosts" /etc/hosts
printf 'hosts: files\n' >"$W/nsswitch"
mount --bind "$W/nsswitch" /etc/nsswitch.conf

# An authority, and a certificate of it for proxy.example.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority -keyout "$W/ca.key" \
	-out "$W/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=proxy -keyout "$W/proxy.key" -out "$W/proxy.csr" 2>/dev/null
printf 'subjectAltName=DNS:proxy.example\n' >"$W/ext"
openssl x509 -req -in "$W/proxy.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -CAcreateserial -days 2 -extfile "$W/ext" -out "$W/proxy.pem" 2>/dev/null
cat "$W/proxy.key" "$W/proxy.pem" >"$W/both.pem"

topo
servers sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for p in $PROXIES; do
	n=$(number_of "$p")
	servers ip addr add "10.3.$n.1/32" dev lo
	servers ip -6 addr add "fd00:3:$n::1/128" dev lo nodad
	servers ip route add unreachable "10.3.$n.9/32"
	servers ip -6 route add unreachable "fd00:3:$n::9/128"
done
for net in 10.3.0.0/16 fd00:3::/32; do
	case $net in *:*) gateway ip -6 route add $net via $S6 ;; *) gateway ip route add $net via $S4 ;; esac
done

# ---- the proxies --------------------------------------------------------------------------------------

start micro servers microsocks -i 10.2.0.3 -p 1080
start micro-user servers microsocks -i :: -p 1081 -u joe -P s3cret
cat >"$W/dante.conf" <<-END
	logoutput: stderr
	internal: 10.2.0.3 port = 1083
	internal: fd00:2::3 port = 1083
	external: srv0
	user.privileged: root
	user.unprivileged: root
	clientmethod: none
	socksmethod: none
	client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
	client pass { from: ::/0 to: ::/0 }
	socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
	socks pass { from: ::/0 to: ::/0 }
END
start dante servers danted -f "$W/dante.conf" -N 1
start shadow-far servers ss-server -s 10.2.0.3 -p 8388 -k key -m aes-256-gcm -u
start shadow servers ss-local -s 10.2.0.3 -p 8388 -b fd00:2::3 -l 1085 -k key -m aes-256-gcm -u
ssh-keygen -q -t ed25519 -N '' -f "$W/key"
ssh-keygen -q -t ed25519 -N '' -f "$W/hostkey"
cp "$W/key.pub" "$W/authorized" && chmod 600 "$W/authorized"
start sshd servers "$(command -v sshd)" -D -e -p 1022 -f /dev/null -h "$W/hostkey" -o "AuthorizedKeysFile=$W/authorized" \
	-o StrictModes=no -o UsePAM=no -o ListenAddress=10.2.0.2
await_port sshd servers tcp 1022
start ssh servers ssh -N -D 10.2.0.3:1084 -p 1022 -i "$W/key" -F /dev/null -o StrictHostKeyChecking=no \
	-o "UserKnownHostsFile=$W/known" "$(id -un)@10.2.0.2"
tiny() { # NAME ADDRESS PORT [LINE]
	printf 'Port %s\nListen %s\nTimeout 60\nMaxClients 200\nLogLevel Warning\n%s\n' "$3" "$2" "${4:-}" >"$W/$1.conf"
	start "$1" servers tinyproxy -d -c "$W/$1.conf"
}
tiny tiny fd00:2::3 8080
tiny tiny-user 10.2.0.3 8081 "BasicAuth joe s3cret"
tiny tiny-behind 127.0.0.1 8082
cat >"$W/stunnel.conf" <<-END
	foreground = yes
	pid =
	[v4]
	accept = 10.2.0.3:8443
	connect = 127.0.0.1:8082
	cert = $W/both.pem
	[v6]
	accept = fd00:2::3:8443
	connect = 127.0.0.1:8082
	cert = $W/both.pem
END
start stunnel servers stunnel4 "$W/stunnel.conf"
mkdir -m 777 "$W/squid"
cat >"$W/squid.conf" <<-END
	http_port 10.2.0.3:3128
	https_port 10.2.0.3:8444 tls-cert=$W/proxy.pem tls-key=$W/proxy.key
	http_access allow all
	pid_filename none
	cache deny all
	access_log none
	cache_log $W/squid/cache.log
	coredump_dir $W/squid
	shutdown_lifetime 0 seconds
	workers 1
END
chmod 644 "$W/proxy.key" && chmod 755 "$W"
start squid servers squid -N -f "$W/squid.conf"
for p in tiny:8080 tiny-user:8081 tiny-behind:8082 stunnel:8443 squid:3128 squid:8444 micro:1080 micro-user:1081 dante:1083 shadow:1085 ssh:1084; do
	await_port "${p%:*}" servers tcp "${p#*:}"
done

# ---- what the application sees ------------------------------------------------------------------------

# connect: says how a connect ended, "connected" or the name of the error. echo: twenty flows at once with a megabyte
# of their own each way, and no half-close, which not every proxy can. steady: a message every 10 ms for so many
# seconds. named: an HTTP request that says a host name, which comes back. udp: a hundred datagrams, ten under way at a time. serve: the other end of these.
cat >"$W/flows.py" <<-'END'
	import errno, os, random, socket, socketserver, sys, threading, time

	def open_to(address, port, seconds=10, kind=socket.SOCK_STREAM):
	    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
	    s.settimeout(seconds)
	    s.connect((address, int(port)))
	    return s

	def connect(address, port, seconds=10):
	    try:
	        open_to(address, port, float(seconds))
	        return "connected"
	    except socket.timeout:
	        return "silence"
	    except OSError as e:
	        return errno.errorcode[e.errno]

	def echo(address, port):
	    size, said = 1000000, []
	    def one(seed):
	        data = random.Random(seed).randbytes(size)
	        try:
	            s = open_to(address, port)
	            threading.Thread(target=s.sendall, args=(data,), daemon=True).start()
	            got = b""
	            while len(got) < size:
	                more = s.recv(1 << 16)
	                if not more:
	                    break
	                got += more
	            said.append("whole" if got == data else "broken at %d" % len(os.path.commonprefix([got, data])))
	        except OSError as e:
	            said.append(errno.errorcode.get(e.errno, str(e)))
	    threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
	    for t in threads:
	        t.start()
	    for t in threads:
	        t.join()
	    return " ".join(sorted(set(said)))

	def steady(address, port, seconds):
	    s, end = open_to(address, port), time.monotonic() + float(seconds)
	    try:
	        while time.monotonic() < end:
	            s.sendall(b"x" * 64)
	            got = 0
	            while got < 64:
	                more = len(s.recv(64))
	                if not more:
	                    return "end"
	                got += more
	            time.sleep(0.01)
	        return "ran"
	    except OSError as e:
	        return errno.errorcode.get(e.errno, str(e))

	def named(address, port, name):
	    said = b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % name.encode()
	    try:
	        s, got = open_to(address, port), b""
	        s.sendall(said)
	        while len(got) < len(said):
	            more = s.recv(4096)
	            if not more:
	                return "end"
	            got += more
	        return "whole" if got == said else "broken"
	    except OSError as e:
	        return errno.errorcode.get(e.errno, str(e))

	def udp(address, port):
	    said = []
	    try:
	        sockets = [open_to(address, port, 3, socket.SOCK_DGRAM) for _ in range(10)]
	        for n in range(10):
	            sent = [random.Random(n * 100 + i).randbytes(1 + 137 * n) for i in range(10)]
	            for i, s in enumerate(sockets):
	                s.send(sent[i])
	            for i, s in enumerate(sockets):
	                said.append("whole" if s.recv(4096) == sent[i] else "crossed")
	        return " ".join(sorted(set(said)))
	    except socket.timeout:
	        return "silence"
	    except OSError as e:
	        return errno.errorcode[e.errno]

	def serve_udp(port):
	    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	    s.bind(("::", port))
	    # Answers come from where the question went to.
	    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
	    while True:
	        data, info, _, peer = s.recvmsg(65536, 256)
	        s.sendmsg([data], info, 0, peer)

	class Echo(socketserver.BaseRequestHandler):
	    def handle(self):
	        while True:
	            data = self.request.recv(1 << 16)
	            if not data:
	                break
	            self.request.sendall(data)

	class Server(socketserver.ThreadingTCPServer):
	    allow_reuse_address, daemon_threads, request_queue_size, address_family = True, True, 100, socket.AF_INET6

	if sys.argv[1] == "serve":
	    threading.Thread(target=serve_udp, args=(int(sys.argv[2]),), daemon=True).start()
	    Server(("::", int(sys.argv[2])), Echo).serve_forever()
	print({"connect": connect, "echo": echo, "steady": steady, "udp": udp, "named": named}[sys.argv[1]](*sys.argv[2:]))
END
flows() { client timeout 30 python3 "$W/flows.py" "$@" </dev/null 2>&1; }
start echo servers python3 "$W/flows.py" serve 7001
await_port echo servers tcp 7001
row() { # PROXY: what is wanted of tcp4 tcp6 refused4 refused6 unreachable4 unreachable6 udp4 udp6
	proxy=$1
	n=$(number_of "$proxy")
	shift
	line=$(printf '%-12s' "$proxy")
	for cell in "tcp4 echo 10.3.$n.1 7001" "tcp6 echo fd00:3:$n::1 7001" "refused4 connect 10.3.$n.1 7777" "refused6 connect fd00:3:$n::1 7777" \
		"unreachable4 connect 10.3.$n.9 7000" "unreachable6 connect fd00:3:$n::9 7000" "udp4 udp 10.3.$n.1 7001" "udp6 udp fd00:3:$n::1 7001"; do
		# shellcheck disable=SC2086 # words
		got=$(flows ${cell#* })
		is "$proxy: ${cell%% *}" "$got" "$1"
		line="$line $(printf '%-14s' "$got")"
		shift
	done
	printf '%s\n' "$line" >>"$W/table"
}
printf '%-12s %-14s %-14s %-14s %-14s %-14s %-14s %-14s %-14s\n' proxy tcp4 tcp6 refused4 refused6 unreachable4 unreachable6 udp4 udp6 >"$W/table"
# Linux does not tell UDP sockets of unreachable hosts and networks, which it takes for passing troubles.
row none whole whole ECONNREFUSED ECONNREFUSED EHOSTUNREACH ENETUNREACH whole whole
row micro whole whole ECONNREFUSED ECONNREFUSED EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EACCES
row micro-user whole whole ECONNREFUSED ECONNREFUSED EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EACCES
row micro-wrong EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES
# dante takes a client to destinations of the client's own family alone, and datagrams to IPv4.
row dante whole EACCES ECONNREFUSED EACCES EHOSTUNREACH EACCES whole silence
row dante6 EHOSTUNREACH whole EHOSTUNREACH ECONNREFUSED EHOSTUNREACH EHOSTUNREACH whole silence
# Of shadowsocks the near half alone is a SOCKS5 proxy, and says yes to everything. Its UDP knows both families.
row shadow whole whole connected connected connected connected whole whole
# ssh ends the connection without a word, whatever the reason.
row ssh whole whole ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED EHOSTUNREACH EACCES
row gone EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH silence silence
row list whole whole ECONNREFUSED ECONNREFUSED EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EACCES
# tinyproxy answers 500 and squid 503, whatever the reason.
row tiny whole whole ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED EHOSTUNREACH EACCES
row tiny-user whole whole ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED EHOSTUNREACH EACCES
row tiny-wrong EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES
row tls whole whole ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED EHOSTUNREACH EACCES
row tls-list whole whole ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED EHOSTUNREACH EACCES
row tls-strange EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES
row tls-unknown EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES EHOSTUNREACH EACCES
row squid whole whole EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EACCES
row squid-tls whole whole EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH EACCES
row block ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH silence silence
note "$(cat "$W/table")"
for p in micro dante shadow ssh tiny tls squid; do
	is "$p: the name that a flow says is what the proxy is asked for" "$(flows named 10.3.99.1 7001 "www.$p.example")" whole
done

# UDP without a proxy that has it is refused, never sent past the proxy.
like "the log says that a proxy has no UDP" "$(grep "has no UDP" "$W/adit.log")" "micro: .*UDP is refused"
is "drop is silence" "$(flows connect "10.3.$(number_of drop).1" 7001 1.5)" silence
like "what is wrong with a certificate is said" "$(grep 8443 "$W/adit.log")" "its certificate: IP address mismatch"
like "and with its authority" "$(grep proxy.example:8443 "$W/adit.log")" "its certificate: unable to get local issuer certificate"
like "and that a login is wrong" "$(grep 10.2.0.3:8081 "$W/adit.log")" "check username and password"
is "no secret is in the log" "$(grep -Ec 's3cret|am9lOn' "$W/adit.log")" 0
shown=$("$ADIT" show "$W/manifest.json" 2>&1)
like "adit show has the proxies" "$shown" "proxy.example:8443"
is "and no secret" "$(printf '%s\n' "$shown" | grep -c s3cret)" 0

# ---- a proxy is killed under load ---------------------------------------------------------------------

m=$(number_of micro) d=$(number_of none) t=$(number_of tls)
flows steady "10.3.$m.1" 7001 30 >"$W/through-micro" &
flows steady "10.3.$t.1" 7001 30 >"$W/through-tls" &
flows steady "10.3.$d.1" 7001 4 >"$W/past" &
past=$!
sleep 1.5
began=$(ms)
stop micro || :
stop stunnel || :
like "the end of a proxy ends its flows" "$(wait_for 3 test -s "$W/through-micro" && cat "$W/through-micro")" "^(end|ECONNRESET)$"
like "in TLS as well" "$(wait_for 3 test -s "$W/through-tls" && cat "$W/through-tls")" "^(end|ECONNRESET)$"
within "at once, ms" $(($(ms) - began)) 0 2500
is "a new flow is told that there is no way" "$(flows connect "10.3.$m.1" 7001)" EHOSTUNREACH
is "nor in TLS" "$(flows connect "10.3.$t.1" 7001)" EHOSTUNREACH
wait $past
is "other flows run on" "$(cat "$W/past")" ran
start micro servers microsocks -i 10.2.0.3 -p 1080
await_port micro servers tcp 1080
is "the proxy is back, and so are its flows" "$(flows echo "10.3.$m.1" 7001)" whole
