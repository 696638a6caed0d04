/* SPDX-License-Identifier: MIT
 * outbound-http/tls.c - TLS to the proxy, and the only place that knows types of OpenSSL
 *
 * The certificate must be for the host and lead to a trusted authority; there is no setting that turns this off.
 * Sockets are read and written by OpenSSL itself; the host ignores SIGPIPE.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_context {
	SSL_CTX *ctx;
};

struct tls {
	SSL *ssl;
	char why[200];
};

/* The oldest error of this thread's queue, which is emptied. */
static void last_error(char *why, size_t room, const char *otherwise)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	snprintf(why, room, "%s", reason ? reason : otherwise);
	ERR_clear_error();
}

struct tls_context *tls_context_new(const char *file, char *why, size_t room)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	int ok;

	ERR_clear_error();
	if (c)
		c->ctx = SSL_CTX_new(TLS_client_method());
	ok = c && c->ctx && SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) == 1;
	if (ok)
		ok = *file ? SSL_CTX_load_verify_file(c->ctx, file) == 1 : SSL_CTX_set_default_verify_paths(c->ctx) == 1;
	if (!ok) {
		last_error(why, room, "no memory");
		tls_context_free(c);
		return NULL;
	}
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                 SSL_MODE_RELEASE_BUFFERS);
	return c;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

static int set_host(SSL *ssl, const char *host)
{
	unsigned char ip[16];

	if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct tls *tls_new(struct tls_context *c, int sock, const char *host)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t)
		t->ssl = SSL_new(c->ctx);
	if (!t || !t->ssl || !set_host(t->ssl, host) || SSL_set_fd(t->ssl, sock) != 1) {
		tls_free(t);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_connect_state(t->ssl);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* What a call of OpenSSL that returned n means. */
static int outcome(struct tls *t, int n)
{
	long verified;

	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_NONE:
		return n;
	case SSL_ERROR_WANT_READ:
		return TLS_MORE_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_MORE_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		verified = SSL_get_verify_result(t->ssl);
		if (verified != X509_V_OK)
			snprintf(t->why, sizeof(t->why), "its certificate: %s", X509_verify_cert_error_string(verified));
		else
			last_error(t->why, sizeof(t->why), "the connection ended");
		ERR_clear_error();
		return TLS_BROKEN;
	}
}

int tls_handshake(struct tls *t)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(t->ssl);
	return n == 1 ? 0 : outcome(t, n);
}

int tls_read(struct tls *t, void *out, size_t room)
{
	ERR_clear_error();
	return outcome(t, SSL_read(t->ssl, out, room > 1 << 20 ? 1 << 20 : (int)room));
}

int tls_write(struct tls *t, const void *bytes, size_t size)
{
	ERR_clear_error();
	return outcome(t, SSL_write(t->ssl, bytes, size > 1 << 20 ? 1 << 20 : (int)size));
}

int tls_finish(struct tls *t)
{
	int n;

	ERR_clear_error();
	n = SSL_shutdown(t->ssl);
	return n >= 0 ? 0 : outcome(t, n);
}

const char *tls_why(struct tls *t)
{
	return t->why;
}
