/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 5869 by hand: no salt, one block. */
static void hkdf(const uint8_t *key, size_t key_n, const char *info, uint8_t out[32])
{
	static const uint8_t salt[32];
	uint8_t prk[32], text[64];
	unsigned n;
	size_t info_n = strlen(info);
	ck_assert_ptr_nonnull(HMAC(EVP_sha256(), salt, 32, key, key_n, prk, &n));
	memcpy(text, info, info_n);
	text[info_n] = 1;
	ck_assert_ptr_nonnull(HMAC(EVP_sha256(), prk, 32, text, info_n + 1, out, &n));
}

void raw_psk(uint8_t key, uint8_t psk[32], char id[9])
{
	uint8_t bytes[32], name[32];
	memset(bytes, key, sizeof(bytes));
	hkdf(bytes, sizeof(bytes), "lbd sync v1", psk);
	hkdf(bytes, sizeof(bytes), "lbd sync v1 id", name);
	snprintf(id, 9, "%02x%02x%02x%02x", name[0], name[1], name[2], name[3]);
}

int raw_try(const char *from, const char *to)
{
	struct sockaddr_in a = { .sin_family = AF_INET }, b = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, from, &a.sin_addr);
	inet_pton(AF_INET, to, &b.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || connect(fd, (struct sockaddr *)&b, sizeof(b))) {
		close(fd);
		return -1;
	}
	return fd;
}

int raw_connect(const char *from, const char *to)
{
	int fd = raw_try(from, to);
	ck_assert_msg(fd >= 0, "connect: %s", strerror(errno));
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

int raw_listen(const char *ip)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	return fd;
}

static int on_use(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_n, SSL_SESSION **session)
{
	static const unsigned char suite[2] = { 0x13, 0x01 };
	struct raw *r = SSL_get_app_data(ssl);
	(void)md;
	*session = SSL_SESSION_new();
	*id = (const unsigned char *)r->identity;
	*id_n = strlen(r->identity);
	return SSL_SESSION_set1_master_key(*session, r->psk, sizeof(r->psk)) &&
	       SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite)) &&
	       SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
}

void raw_tls(struct raw *r, const char *from, const char *to, const char *identity, uint8_t key, int version)
{
	char id[9];
	*r = (struct raw){ .fd = raw_connect(from, to), .ctx = SSL_CTX_new(TLS_client_method()) };
	raw_psk(key, r->psk, id);
	SSL_CTX_set_min_proto_version(r->ctx, version);
	SSL_CTX_set_max_proto_version(r->ctx, version);
	r->ssl = SSL_new(r->ctx);
	r->in = BIO_new(BIO_s_mem());
	r->out = BIO_new(BIO_s_mem());
	ck_assert(r->ssl && r->in && r->out);
	SSL_set_bio(r->ssl, r->in, r->out);
	SSL_set_app_data(r->ssl, r);
	SSL_set_connect_state(r->ssl);
	if (!identity)
		return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(r->identity, sizeof(r->identity), identity, id);
#pragma GCC diagnostic pop
	SSL_set_psk_use_session_callback(r->ssl, on_use);
}

static void pump_out(struct raw *r)
{
	int n = BIO_read(r->out, r->waits + r->waits_n, (int)(sizeof(r->waits) - r->waits_n));
	r->waits_n += n > 0 ? (size_t)n : 0;
	ssize_t sent = r->waits_n ? send(r->fd, r->waits, r->drip ? 1 : r->waits_n, MSG_NOSIGNAL) : 0;
	if (sent > 0) {
		r->waits_n -= (size_t)sent;
		memmove(r->waits, r->waits + sent, r->waits_n);
	}
}

bool raw_pump(struct raw *r)
{
	uint8_t bytes[4096];
	ssize_t n = recv(r->fd, bytes, sizeof(bytes), 0);
	if (n > 0) {
		r->got += (size_t)n;
		BIO_write(r->in, bytes, (int)n);
	}
	r->ended |= n == 0 || (n < 0 && errno != EAGAIN);
	if (!SSL_is_init_finished(r->ssl))
		(void)SSL_do_handshake(r->ssl);
	ERR_clear_error();
	pump_out(r);
	return SSL_is_init_finished(r->ssl) && !r->ended;
}

size_t raw_hello(struct raw *r, uint8_t *out, size_t max)
{
	(void)SSL_do_handshake(r->ssl);
	ERR_clear_error();
	int n = BIO_read(r->out, out, (int)max);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

void raw_write(struct raw *r, const void *p, size_t n)
{
	ck_assert_int_eq(SSL_write(r->ssl, p, (int)n), (int)n);
	pump_out(r);
}

void raw_done(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	close(r->fd);
}

bool raw_is_closed(int fd)
{
	uint8_t bytes[4096];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		continue;
	return n == 0 || errno != EAGAIN;
}
