/* SPDX-License-Identifier: MIT
 * outbound-http/tls.h - TLS to the proxy, and the only place that knows types of OpenSSL
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stddef.h>
#include <stdint.h>

struct tls_context;
struct tls;

/* What a call could not finish without. */
enum { TLS_MORE_READ = -1, TLS_MORE_WRITE = -2, TLS_END = -3, TLS_BROKEN = -4 };

/* [control] Reads the authorities from file, or the machine's for "". Null: why says it, in words. */
struct tls_context *tls_context_new(const char *file, char *why, size_t room);
void tls_context_free(struct tls_context *c);

/* [loop] A client on a connected socket, which stays the caller's. host: a name or an address, that the certificate must
 * be for. Null: no memory. */
struct tls *tls_new(struct tls_context *c, int sock, const char *host);
void tls_free(struct tls *t);

/* [loop] Each goes on from where it was; 0 or a number of bytes, or TLS_... */
int tls_handshake(struct tls *t);
int tls_read(struct tls *t, void *out, size_t room);
int tls_write(struct tls *t, const void *bytes, size_t size);
/* Says that nothing more will be sent. */
int tls_finish(struct tls *t);
/* [loop] After TLS_BROKEN: why, in words. Lent until the next call. */
const char *tls_why(struct tls *t);

#endif
