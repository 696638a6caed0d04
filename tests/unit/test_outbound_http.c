/* SPDX-License-Identifier: MIT
 * tests/unit/test_outbound_http.c - outbound-http by its table, the test being the proxy: honest, slow, lying, in TLS
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tests/lib/proxyrig.h"

#define V4 "198.51.100.7"
#define V6 "2001:db8::7"
#define ASKED4 "CONNECT 198.51.100.7:443 HTTP/1.1\r\nHost: 198.51.100.7:443\r\n\r\n"
#define ASKED6 "CONNECT [2001:db8::7]:443 HTTP/1.1\r\nHost: [2001:db8::7]:443\r\n\r\n"
enum { WAIT = 2000 };

static struct rig *r;

static int set_up(void **state)
{
	r = rig_new();
	rig_set(r, "server", "proxy.example:8080");
	return 0;
}

static int tear_down(void **state)
{
	rig_free(r);
	return 0;
}

static void says(uint32_t n, const char *text)
{
	char got[2000];
	size_t size = strlen(text);

	assert_int_equal(rig_read(r, n, got, size, WAIT), size);
	assert_memory_equal(got, text, size);
	assert_int_equal(rig_read(r, n, got, sizeof(got), 10), 0); /* and no more */
}

static void answer(uint32_t n, const char *text)
{
	assert_true(rig_connections(r, n + 1, WAIT));
	rig_turn(r, 10);
	rig_write(r, n, text, strlen(text));
}

static void has_socket(uint32_t event, const char *after)
{
	char got[100];
	ssize_t n;

	assert_true(rig_events(r, event + 1, WAIT));
	assert_int_equal(r->events[event].type, ADIT_EV_SOCKET);
	n = recv((int)r->events[event].num, got, sizeof(got), MSG_DONTWAIT);
	assert_int_equal(n, *after ? (int)strlen(after) : -1);
	if (*after)
		assert_memory_equal(got, after, strlen(after));
}

static void is_closed(uint32_t event, adit_result code)
{
	assert_true(rig_events(r, event + 1, WAIT));
	assert_int_equal(r->events[event].type, ADIT_EV_CLOSED);
	assert_int_equal(r->events[event].code, code);
}

static void test_connect(void **state)
{
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, ASKED4);
	rig_write(r, 0, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 of the application", 65);
	has_socket(0, "HTTP/1.1 of the application");
	rig_reach(r, 1, ADIT_PROTO_TCP, V6, NULL, 1);
	says(1, ASKED6);
	rig_write(r, 1, "HTTP/1.0 204 \n\n", 15);
	has_socket(1, "");
	rig_reach(r, 2, ADIT_PROTO_TCP, V6, "www.example", 1);
	says(2, "CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\n\r\n");
	answer(2, "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 100 \r\n\r\n");
	rig_turn(r, 20);
	assert_int_equal(r->count, 2);
	answer(2, "HTTP/1.1 299 Hm\r\n\r\n!");
	has_socket(2, "!");
	rig_reach(r, 3, ADIT_PROTO_UDP, V4, NULL, 1);
	is_closed(3, ADIT_EADMIN);
}

static void test_a_name_that_is_none(void **state)
{
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, "evil.example:80 HTTP/1.1\r\nX: y", 1);
	says(0, ASKED4);
	rig_reach(r, 1, ADIT_PROTO_TCP, NULL, "evil example", 1);
	is_closed(0, ADIT_EINVAL);
}

static void test_login(void **state)
{
	rig_set(r, "username", "Aladdin");
	rig_set(r, "password", "open sesame");
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	says(0, "CONNECT 198.51.100.7:443 HTTP/1.1\r\nHost: 198.51.100.7:443\r\n"
	        "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"); /* RFC 7617 section 2 */
	answer(0, "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n<html>");
	is_closed(0, ADIT_EADMIN);
	assert_non_null(strstr(fakehost_logged(r->host), "username and password"));
	assert_null(strstr(fakehost_logged(r->host), "sesame"));
}

static void test_statuses(void **state)
{
	static const struct {
		int status;
		adit_result result;
	} statuses[] = {{403, ADIT_EADMIN}, {404, ADIT_EHOST}, {407, ADIT_EADMIN}, {500, ADIT_EIO}, {502, ADIT_EHOST},
	                {503, ADIT_EHOST},  {504, ADIT_ETIME}, {301, ADIT_EIO}};
	char text[100];
	uint32_t i;

	rig_start(r);
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		rig_reach(r, i, ADIT_PROTO_TCP, V4, NULL, 1);
		snprintf(text, sizeof(text), "HTTP/1.1 %d Because\r\n\r\n", statuses[i].status);
		answer(i, text);
		is_closed(i, statuses[i].result);
	}
}

static void test_lies(void **state)
{
	static const char *const lies[] = {
		"\5\1", "SSH-2.0", "HTTP/2 200 \r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000 \r\n\r\n", "HTTP/1.1 99 \r\n\r\n",
		"HTTP/1.1 101 Switch\r\n\r\n", "HTTP/1.1 600 \r\n\r\n", "HTTP/1.1 abc \r\n\r\n", "\r\n\r\n",
	};
	uint32_t i;

	rig_start(r);
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		rig_reach(r, i, ADIT_PROTO_TCP, V4, NULL, 1);
		answer(i, lies[i]);
		is_closed(i, ADIT_EIO);
	}
	assert_int_equal(rig_counted(r, "answer"), sizeof(lies) / sizeof(lies[0]));
}

static void test_a_head_without_end(void **state)
{
	char line[1025] = "X: y";
	uint32_t i;

	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	answer(0, "HTTP/1.1 200 OK\r\n");
	memset(line + 4, 'y', sizeof(line) - 6);
	line[sizeof(line) - 2] = '\n';
	for (i = 0; i < 15; i++) {
		rig_write(r, 0, line, sizeof(line) - 1);
		rig_turn(r, 3);
		assert_int_equal(r->count, 0);
	}
	rig_write(r, 0, line, sizeof(line) - 1);
	is_closed(0, ADIT_EIO);
}

static void test_a_byte_at_a_time(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest";
	uint64_t turns;
	uint32_t i;

	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_true(rig_connections(r, 1, WAIT));
	rig_turn(r, 10);
	turns = fakehost_turns(r->host);
	for (i = 0; i < 25; i++) {
		assert_int_equal(r->count, 0);
		rig_write(r, 0, &text[i], 1);
		rig_turn(r, 3);
	}
	assert_true(fakehost_turns(r->host) - turns < 120); /* what was looked at was taken: no spinning */
	has_socket(0, "");
	rig_write(r, 0, "rest", 4);
	rig_turn(r, 3);
}

static void test_an_end_at_any_byte(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\n\r\n";
	uint32_t i;

	rig_start(r);
	for (i = 0; i < sizeof(text) - 1; i++) {
		rig_reach(r, i, ADIT_PROTO_TCP, V4, NULL, 1);
		assert_true(rig_connections(r, i + 1, WAIT));
		rig_turn(r, 5);
		if (i)
			rig_write(r, i, text, i);
		rig_turn(r, 5);
		rig_hang_up(r, i);
		is_closed(i, ADIT_EIO);
	}
}

static void test_too_slow(void **state)
{
	rig_set(r, "timeout", "1");
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	answer(0, "HTTP/1.1 200");
	rig_turn(r, 500);
	assert_int_equal(r->count, 0);
	is_closed(0, ADIT_ETIME);
}

static void test_taken_back(void **state)
{
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	rig_submit(r, ADIT_OP_CLOSE, 0, NULL, 0);
	is_closed(0, ADIT_ECANCEL);
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	says(1, ASKED4);
	rig_submit(r, ADIT_OP_ABORT, 1, "bytes", 5);
	is_closed(1, ADIT_ECANCEL);
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1);
	rig_turn(r, 20);
	assert_int_equal(r->count, 2);
	/* One is under way when the module stops. */
}

static void test_reload(void **state)
{
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_true(rig_connections(r, 1, WAIT));
	rig_set(r, "server", "192.0.2.9:9999");
	/* A request under way keeps its settings: the host makes a new instance beside this one. */
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), ADIT_ENOSYS);
	rig_submit(r, ADIT_OP_CLOSE, 0, NULL, 0);
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), 0);
	rig_reach(r, 1, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_true(rig_connections(r, 2, WAIT));
	assert_string_equal(r->connections[1].where, "192.0.2.9:9999");
	rig_submit(r, ADIT_OP_CLOSE, 1, NULL, 0);
	rig_set(r, "tls", "true"); /* authorities are files */
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), ADIT_ENOSYS);
	rig_set(r, "tls", "false");
	rig_set(r, "password", "alone");
	assert_int_equal(r->table->life->reload(r->inst, r->env->cfg), ADIT_ECONFIG);
	rig_reach(r, 2, ADIT_PROTO_TCP, V4, NULL, 1); /* nothing has changed */
	assert_true(rig_connections(r, 3, WAIT));
	assert_string_equal(r->connections[2].where, "192.0.2.9:9999");
}

/* ---- TLS ---- */

struct proxy {
	SSL_CTX *ctx;
	SSL *ssl;
	char file[64];
};

/* A certificate for proxy.example that signs itself, and its file. */
static void proxy_new(struct proxy *p)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:proxy.example");
	FILE *f;

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"proxy", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, ext, -1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	p->ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(p->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(p->ctx, key), 1);
	strcpy(p->file, "/tmp/adit-test-http.XXXXXX");
	f = fdopen(mkstemp(p->file), "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
	X509_EXTENSION_free(ext);
	X509_free(cert);
	EVP_PKEY_free(key);
	p->ssl = NULL;
}

static void proxy_free(struct proxy *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	unlink(p->file);
}

/* Returns 1, or what SSL_get_error says in the end, negative. */
static int proxy_accept(struct proxy *p, uint32_t n)
{
	uint64_t end = fakehost_now() + WAIT * 1000000ull;
	int got;

	assert_true(rig_connections(r, n + 1, WAIT));
	rig_turn(r, 5);
	p->ssl = SSL_new(p->ctx);
	SSL_set_fd(p->ssl, r->connections[n].fd);
	do {
		rig_turn(r, 2);
		got = SSL_accept(p->ssl);
	} while (got != 1 && SSL_get_error(p->ssl, got) == SSL_ERROR_WANT_READ && fakehost_now() < end);
	return got == 1 ? 1 : -SSL_get_error(p->ssl, got);
}

static int proxy_read(struct proxy *p, char *out, int size)
{
	uint64_t end = fakehost_now() + WAIT * 1000000ull;
	int got;

	do {
		rig_turn(r, 2);
		got = SSL_read(p->ssl, out, size);
	} while (got <= 0 && SSL_get_error(p->ssl, got) == SSL_ERROR_WANT_READ && fakehost_now() < end);
	return got;
}

static void tls_settings(struct proxy *p)
{
	proxy_new(p);
	rig_set(r, "tls", "true");
	rig_set(r, "tls_ca", p->file);
}

static int tunnel_to(struct proxy *p, const char *behind)
{
	char got[500], text[200];

	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_int_equal(proxy_accept(p, 0), 1);
	assert_int_equal(proxy_read(p, got, sizeof(got)), strlen(ASKED4));
	assert_memory_equal(got, ASKED4, strlen(ASKED4));
	assert_string_equal(SSL_get_servername(p->ssl, TLSEXT_NAMETYPE_host_name), "proxy.example");
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n\r\n%s", behind);
	assert_int_equal(SSL_write(p->ssl, text, (int)strlen(text)), strlen(text));
	assert_true(rig_events(r, 1, WAIT));
	assert_int_equal(r->events[0].type, ADIT_EV_SOCKET);
	return (int)r->events[0].num;
}

static void test_tls(void **state)
{
	struct proxy p;
	char got[100];
	int sock;

	tls_settings(&p);
	rig_start(r);
	sock = tunnel_to(&p, "behind");
	assert_int_equal(recv(sock, got, sizeof(got), MSG_DONTWAIT), 6);
	assert_memory_equal(got, "behind", 6);
	assert_int_equal(send(sock, "up", 2, MSG_NOSIGNAL), 2);
	assert_int_equal(proxy_read(&p, got, sizeof(got)), 2);
	/* Each direction ends by itself. */
	assert_int_equal(shutdown(sock, SHUT_WR), 0);
	assert_int_equal(proxy_read(&p, got, sizeof(got)), 0);
	assert_int_equal(SSL_get_shutdown(p.ssl), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(SSL_write(p.ssl, "down", 4), 4);
	rig_turn(r, 20);
	assert_int_equal(recv(sock, got, sizeof(got), MSG_DONTWAIT), 4);
	assert_int_equal(SSL_shutdown(p.ssl), 1);
	rig_turn(r, 20);
	assert_int_equal(recv(sock, got, sizeof(got), MSG_DONTWAIT), 0);
	proxy_free(&p);
}

/* Ten megabytes each way at once, with ends that are slow in turn. */
static void test_tls_with_back_pressure(void **state)
{
	enum { TOTAL = 10000000, PIECE = 50000 };
	static uint8_t piece[PIECE], got[PIECE];
	uint32_t up_sent = 0, up_got = 0, down_sent = 0, down_got = 0, round, i;
	struct proxy p;
	ssize_t n;
	int sock;

	tls_settings(&p);
	rig_start(r);
	sock = tunnel_to(&p, "");
	SSL_set_mode(p.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	for (round = 0; (up_got < TOTAL || down_got < TOTAL) && round < 50000; round++) {
		for (i = 0; i < PIECE; i++)
			piece[i] = (uint8_t)((up_sent + i) % 251);
		n = up_sent < TOTAL ? send(sock, piece, TOTAL - up_sent < PIECE ? TOTAL - up_sent : PIECE, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
		up_sent += n > 0 ? (uint32_t)n : 0;
		for (i = 0; i < PIECE; i++)
			piece[i] = (uint8_t)((down_sent + i) % 253);
		n = down_sent < TOTAL ? SSL_write(p.ssl, piece, TOTAL - down_sent < PIECE ? (int)(TOTAL - down_sent) : PIECE) : 0;
		down_sent += n > 0 ? (uint32_t)n : 0;
		if (round % 5 == 0)
			rig_turn(r, 1);
		n = round % 64 > 20 || up_sent == TOTAL ? SSL_read(p.ssl, got, PIECE) : 0;
		for (i = 0; n > 0 && i < (uint32_t)n; i++, up_got++)
			assert_int_equal(got[i], up_got % 251);
		n = round % 64 < 40 || down_sent == TOTAL ? recv(sock, got, PIECE, MSG_DONTWAIT) : 0;
		for (i = 0; n > 0 && i < (uint32_t)n; i++, down_got++)
			assert_int_equal(got[i], down_got % 253);
	}
	assert_int_equal(up_got, TOTAL);
	assert_int_equal(down_got, TOTAL);
	proxy_free(&p);
	/* The tunnel stands when the module stops. */
}

static void test_tls_with_the_wrong_name(void **state)
{
	struct proxy p;

	tls_settings(&p);
	rig_set(r, "tls_name", "other.example");
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	assert_int_equal(proxy_accept(&p, 0), -SSL_ERROR_SSL);
	is_closed(0, ADIT_EADMIN);
	assert_non_null(strstr(fakehost_logged(r->host), "hostname mismatch"));
	proxy_free(&p);
}

static void test_tls_with_what_is_no_tls(void **state)
{
	struct proxy p;

	tls_settings(&p);
	rig_start(r);
	rig_reach(r, 0, ADIT_PROTO_TCP, V4, NULL, 1);
	answer(0, "HTTP/1.1 400 Bad Request\r\n\r\n");
	is_closed(0, ADIT_EADMIN);
	proxy_free(&p);
}

static void test_tls_that_breaks(void **state)
{
	struct proxy p;
	char got[10];
	int sock;

	tls_settings(&p);
	rig_start(r);
	sock = tunnel_to(&p, "last");
	assert_int_equal(send(r->connections[0].fd, "\27\3\3\0\5junk!", 10, MSG_NOSIGNAL), 10); /* a record that is none */
	rig_turn(r, 20);
	assert_int_equal(recv(sock, got, sizeof(got), MSG_DONTWAIT), 4);
	assert_true(recv(sock, got, sizeof(got), MSG_DONTWAIT) <= 0);
	assert_int_equal(send(sock, "x", 1, MSG_NOSIGNAL), -1);
	proxy_free(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_a_name_that_is_none),
		TEST(test_login),
		TEST(test_reload),
		TEST(test_statuses),
		TEST(test_lies),
		TEST(test_a_head_without_end),
		TEST(test_a_byte_at_a_time),
		TEST(test_an_end_at_any_byte),
		TEST(test_too_slow),
		TEST(test_taken_back),
		TEST(test_tls),
		TEST(test_tls_with_back_pressure),
		TEST(test_tls_with_the_wrong_name),
		TEST(test_tls_with_what_is_no_tls),
		TEST(test_tls_that_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
