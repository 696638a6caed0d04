#!/bin/sh
# SPDX-License-Identifier: MIT
# 62-names.sh - handler-rules: flows decided by the host name in their first bytes
#
#    client (curl, dig, ssh) ---- adit (rules) ---- gateway ------------ servers (nginx :8080 :8443, dnsmasq :53, sshd :22)
#
# shellcheck disable=SC2034,SC1091
LIMIT=90 ONLY=adit AS_USER=1 NEED="curl nginx openssl dig dnsmasq gtlsclient gtlsserver python3"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../lib/web.sh"

cat >"$W/ads" <<-END
	.ads.test
	exact.test
END
ADIT_MORE=', "handlers": [
	{"name": "rules", "module": "handler-rules",
		"sets": {"ads": ["'$W'/ads"]},
		"rules": ["reject domain @ads",
			"via second proto tcp port 8080-8443 domain .work.test",
			"drop proto udp port 53 domain .dropped.test"],
		"default": "allow"}],
	"outbounds": [{"name": "first", "module": "outbound-direct"}, {"name": "second", "module": "outbound-direct"}]'
printf '#!/bin/sh\nexec "$@" --flows\n' >"$W/wrap" && chmod 755 "$W/wrap"
ADIT_WRAP=$W/wrap
topo
web_files small:1000 big:20000000
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test \
	-keyout "$W/key.pem" -out "$W/cert.pem" 2>/dev/null || bail "openssl makes no certificate"
web_up
cat >"$W/tls.conf" <<-END
	user root;
	daemon off;
	master_process off;
	pid $W/ngx/tls.pid;
	error_log $W/ngx/tls.log;
	events { }
	http {
		access_log off;
		client_body_temp_path $W/ngx/body;
		proxy_temp_path $W/ngx/proxy;
		fastcgi_temp_path $W/ngx/fastcgi;
		uwsgi_temp_path $W/ngx/uwsgi;
		scgi_temp_path $W/ngx/scgi;
		server {
			listen 8443 ssl;
			listen [::]:8443 ssl;
			ssl_certificate $W/cert.pem;
			ssl_certificate_key $W/key.pem;
			root $W/www;
		}
	}
END
start tls servers nginx -e "$W/ngx/tls.log" -c "$W/tls.conf"
await_port tls servers tcp 8443
{
	echo "port=53"
	echo "no-resolv"
	echo "no-hosts"
	echo "address=/test/192.0.2.77"
} >"$W/dnsmasq.conf"
start dns servers dnsmasq -k -C "$W/dnsmasq.conf" --user=root --group= --pid-file="$W/dnsmasq.id"
await_port dns servers udp 53

c() { # NAME ADDRESS PORT SCHEME MORE...
	name=$1 address=$2 port=$3 scheme=$4
	shift 4
	client curl -sk -o "$W/got" -m 5 -w '%{http_code}' --resolve "$name:$port:$address" "$@" "$scheme://$name:$port/small" 2>/dev/null
}
for a in "$S4" "[$S6]"; do
	is "HTTP to a name that no rule minds, $a" "$(c fine.test "$a" 8080 http)" 200
	is "TLS to it" "$(c fine.test "$a" 8443 https)" 200
	is "TLS 1.2 to it" "$(c fine.test "$a" 8443 https --tls-max 1.2)" 200
	is "HTTP to a name below one of the set" "$(c www.ads.test "$a" 8080 http)" 000
	is "TLS to it" "$(c www.ads.test "$a" 8443 https)" 000
	is "HTTP to an exact name of the set" "$(c exact.test "$a" 8080 http)" 000
	is "... and to one below it" "$(c www.exact.test "$a" 8080 http)" 200
	is "TLS to a name for the second outbound" "$(c a.work.test "$a" 8443 https)" 200
done
for a in $S4 $S6; do
	check "... which it went by, over $a" wait_for 3 grep -q "flow tcp .*$a.*:8443 .* via second" "$W/adit.log"
	check "... as others by the first" wait_for 3 grep -q "flow tcp .*$a.*:8443 .* via first" "$W/adit.log"
done
is "20 MB over TLS by the second outbound are the same" \
	"$(client curl -sk -m 20 --resolve a.work.test:8443:$S4 https://a.work.test:8443/big | hash_of /dev/stdin)" "$(hash_of "$W/www/big")"
is "8 MB up, of which the first are looked at" "$(head -c 8000000 "$W/www/big" >"$W/up"
	client curl -s -m 20 -o /dev/null -w '%{http_code}' --resolve a.work.test:8080:$S4 -T "$W/up" http://a.work.test:8080/up/x)" 201
same "... are the same" "$W/up" "$W/www/up/x"

# ---- odd ways to begin
py() { client python3 - "$@" 2>&1; }
cat >"$W/slow.py" <<-'END'
	import socket, sys, time
	host, port, name, step, wait = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
	s = socket.create_connection((host, port), 5)
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	text = b"GET /small HTTP/1.1\r\nHost: " + name.encode() + b"\r\nConnection: close\r\n\r\n"
	try:
	    for i in range(0, len(text), step):
	        s.sendall(text[i:i + step])
	        time.sleep(wait)
	    got = b""
	    while chunk := s.recv(65536):
	        got += chunk
	    print(got[:15].decode(), len(got) > 1000)
	except OSError as e:
	    print("reset")
END
slow() { client python3 "$W/slow.py" "$@" 2>&1; }
is "a request in two pieces, refused by its name" "$(slow $S4 8080 a.ads.test 35 0.05)" reset
is "... sent on" "$(slow $S4 8080 fine.test 35 0.05)" "HTTP/1.1 200 OK True"
is "a request that dribbles in goes on without a name" "$(slow $S4 8080 fine.test 1 0.02)" "HTTP/1.1 200 OK True"
is "... and none of its bytes is lost, whoever it is for" "$(slow $S4 8080 a.ads.test 1 0.02)" "HTTP/1.1 200 OK True"
is "bytes and the end at once" "$(py $S4 <<-'END'
	import socket, sys
	s = socket.create_connection((sys.argv[1], 8080), 5)
	s.sendall(b"GET /small HTTP/1.0\r\nHost: fine.test\r\n\r\n")
	s.shutdown(socket.SHUT_WR)
	got = b""
	while chunk := s.recv(65536):
	    got += chunk
	print(got[:15].decode(), len(got) > 1000)
END
)" "HTTP/1.1 200 OK True"
is "an end without bytes" "$(py $S4 <<-'END'
	import socket, sys
	s = socket.create_connection((sys.argv[1], 8080), 5)
	s.shutdown(socket.SHUT_WR)
	print(s.recv(10))
END
)" "b''"
servers python3 - >"$W/first.log" 2>&1 <<-'END' &
	import socket
	l = socket.create_server(("0.0.0.0", 2222))
	print("ready", flush=True)
	while True:
	    s, _ = l.accept()
	    s.sendall(b"220 hello\r\n")
	    s.sendall(s.recv(100))
	    s.close()
END
first=$!
wait_for 5 grep -q ready "$W/first.log"
began=$(ms)
is "a server that speaks first is heard" "$(py $S4 <<-'END'
	import socket, sys
	s = socket.create_connection((sys.argv[1], 2222), 5)
	s.settimeout(5)
	got = s.recv(100)
	s.sendall(b"echo")
	print(got, s.recv(100))
END
)" "b'220 hello\r\n' b'echo'"
within "... after the time for looking, ms" $(($(ms) - began)) 300 1500
kill $first

# ---- DNS
ask() { client dig +time=3 +tries=1 +short "$@"; }
is "a question for a name that no rule minds" "$(ask @$S4 fine.test)" 192.0.2.77
is "... over IPv6" "$(ask @$S6 fine.test)" 192.0.2.77
like "a question for a name of the set gets no answer" "$(ask @$S4 www.ads.test)" 'no servers could be reached|timed out|refused'
like "... and one that is dropped" "$(ask @$S4 a.dropped.test)" 'no servers could be reached|timed out'
is "300 questions one after the other, each from a port of its own" \
	"$(for i in $(seq 300); do echo "@$S4 h$i.test A"; done >"$W/batch"; ask -f "$W/batch" | grep -c 192.0.2.77)" 300
# ---- QUIC
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout "$W/rsa.key" -out "$W/rsa.pem" 2>/dev/null
mkdir "$W/h3"
echo "$S4 fine.test www.ads.test www.exact.test" >"$W/hosts"
mount --bind "$W/hosts" /etc/hosts || bail "no hosts of our own" # gtlsclient sends only names that it looks up
start h3 servers gtlsserver -q -d "$W/www" $S4 4433 "$W/rsa.key" "$W/rsa.pem"
await_port h3 servers udp 4433
h3() { # NAME
	rm -f "$W/h3"/*
	client timeout 8 gtlsclient -q --exit-on-all-streams-close --handshake-timeout=3s --download "$W/h3" "$1" 4433 \
		"https://$1:4433/small" >"$W/h3.out" 2>&1
	[ "$(hash_of "$W/h3/small" 2>/dev/null)" = "$(hash_of "$W/www/small")" ] && echo came || echo nothing
}
is "HTTP/3 from a name that no rule minds" "$(h3 fine.test)" came
is "... from one of the set" "$(h3 www.ads.test)" nothing
is "... and from below an exact one" "$(h3 www.exact.test)" came
is "nobody misused anything" "$(grep -c misuse "$W/adit.log")" 0
