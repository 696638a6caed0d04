# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# web.sh - nginx for the system tests: files of all sizes, and a place to put them
#
# Needs netns.sh. Serves $W/www on port 8080 of both families; PUT works below /up/.

web_files() { # NAME:BYTES...
	mkdir -p "$W/www/up" "$W/ngx"
	for f in "$@"; do make_file "$W/www/${f%:*}" "${f#*:}"; done
}
web_up() {
	cat >"$W/nginx.conf" <<-END
		user root;
		daemon off;
		master_process off;
		pid $W/ngx/pid;
		error_log $W/ngx/error.log;
		worker_rlimit_nofile 8192;
		events { worker_connections 4096; }
		http {
			access_log off;
			client_body_temp_path $W/ngx/body;
			proxy_temp_path $W/ngx/proxy;
			fastcgi_temp_path $W/ngx/fastcgi;
			uwsgi_temp_path $W/ngx/uwsgi;
			scgi_temp_path $W/ngx/scgi;
			client_max_body_size 0;
			sendfile on;
			server {
				listen 8080;
				listen [::]:8080;
				root $W/www;
				location /up/ { dav_methods PUT; }
				location /peer { return 200 "\$remote_addr\n"; }
			}
		}
	END
	start nginx servers nginx -e "$W/ngx/error.log" -c "$W/nginx.conf"
	await_port nginx servers tcp 8080
}
