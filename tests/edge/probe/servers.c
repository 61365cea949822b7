/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "servers.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct conn {
	int fd;
	SSL *ssl;
	const struct server *of;
};

/* The connections that are served now. A thread must be gone before the process ends: the end of OpenSSL is one for
 * all of its threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool served[4096];
static unsigned n_served;
static bool stopping;

static void note(int fd, bool on)
{
	pthread_mutex_lock(&lock);
	ck_assert_int_lt(fd, 4096);
	served[fd] = on;
	n_served += on ? 1 : -1u;
	if (on && stopping)
		shutdown(fd, SHUT_RDWR);
	if (!on)
		close(fd);
	pthread_mutex_unlock(&lock);
}

static long get(struct conn *c, void *buf, size_t n)
{
	return c->ssl ? SSL_read(c->ssl, buf, (int)n) : recv(c->fd, buf, n, 0);
}

/* false: the other end is gone. */
static bool put(struct conn *c, const char *text, size_t n)
{
	while (n) {
		long got = c->ssl ? SSL_write(c->ssl, text, (int)n) : send(c->fd, text, n, MSG_NOSIGNAL);
		if (got <= 0)
			return false;
		text += got;
		n -= (size_t)got;
	}
	return true;
}

static bool read_line(struct conn *c, char *line, size_t size)
{
	size_t n = 0;
	while (n < size - 1 && get(c, line + n, 1) == 1)
		if (line[n++] == '\n') {
			line[n] = '\0';
			return true;
		}
	return false;
}

static bool read_request(struct conn *c)
{
	char line[8192];
	do
		if (!read_line(c, line, sizeof(line)))
			return false;
	while (line[0] != '\r');
	return true;
}

static void hang(const struct conn *c)
{
	char buf[4096];
	while (recv(c->fd, buf, sizeof(buf), 0) > 0)
		;
}

static bool drip(struct conn *c, const char *text, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0;; i = (i + 1) % n) {
		if (!put(c, text + i, 1))
			return false;
		poll(NULL, 0, 10);
	}
}

static void pour(struct conn *c, const char *text, size_t n)
{
	char many[4096];
	size_t fill = n ? sizeof(many) / n * n : 0;
	for (size_t i = 0; i < fill; i++)
		many[i] = text[i % n];
	while (fill && put(c, many, fill))
		;
}

static bool handshake(struct conn *c)
{
	c->ssl = SSL_new(c->of->tls);
	SSL_set_fd(c->ssl, c->fd);
	return SSL_accept(c->ssl) == 1;
}

/* Made in memory, which takes longer than reading them does; who reads finds them all. */
static bool new_keys(struct conn *c, size_t n)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes;
	SSL_set0_wbio(c->ssl, out);
	for (size_t i = 0; i < n; i++) {
		SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		SSL_do_handshake(c->ssl);
	}
	long size = BIO_get_mem_data(out, &bytes);
	bool there = true;
	while (there && size > 0) {
		ssize_t sent = send(c->fd, bytes, (size_t)size, MSG_NOSIGNAL);
		there = sent > 0;
		bytes += sent;
		size -= sent;
	}
	SSL_set0_wbio(c->ssl, BIO_new_socket(c->fd, BIO_NOCLOSE));
	return there;
}

/* A real handshake through memory, of which no more than `most` bytes get out. */
static void stall(struct conn *c, size_t most)
{
	char buf[16384];
	SSL *ssl = SSL_new(c->of->tls);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, in, out);
	while (most) {
		long n = recv(c->fd, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		BIO_write(in, buf, (int)n);
		SSL_accept(ssl);
		n = BIO_read(out, buf, sizeof(buf));
		if (n <= 0)
			continue;
		n = (size_t)n < most ? n : (long)most;
		most -= (size_t)n;
		put(c, buf, (size_t)n);
	}
	hang(c);
	SSL_free(ssl);
}

static bool run_op(struct conn *c, const struct op *op)
{
	char line[8192];
	size_t n = op->n ? op->n : op->text ? strlen(op->text) : 0;
	const struct linger reset = { 1, 0 };
	switch (op->type) {
	case OP_END: return false;
	case OP_REQUEST: return read_request(c);
	case OP_LINE:
		return read_line(c, line, sizeof(line)) &&
		       (!op->text || strncmp(line, op->text, strlen(op->text)) == 0);
	case OP_BYTES: return get(c, line, sizeof(line)) > 0;
	case OP_SAY: return put(c, op->text, n);
	case OP_POUR: pour(c, op->text, n); return false;
	case OP_REPEAT:
		for (size_t i = 0; i < op->n; i++)
			if (!put(c, op->text, strlen(op->text)))
				return false;
		return true;
	case OP_DRIP: return drip(c, op->text, n);
	case OP_TLS: return handshake(c);
	case OP_KEYS: return new_keys(c, op->n);
	case OP_STALL: stall(c, op->n); return false;
	case OP_HANG: hang(c); return false;
	case OP_RESET: setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); return false;
	}
	return false;
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	for (const struct op *op = c->of->ops; run_op(c, op); op++)
		;
	if (c->ssl) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	int fd = c->fd;
	free(c);
	note(fd, false);
	return NULL;
}

static void *listen_on(void *arg)
{
	struct server *s = arg;
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		struct conn *c = calloc(1, sizeof(*c));
		ck_assert_ptr_nonnull(c);
		*c = (struct conn){ .fd = fd, .of = s };
		__atomic_add_fetch(&s->accepted, 1, __ATOMIC_RELAXED);
		note(fd, true);
		pthread_t t;
		ck_assert_int_eq(pthread_create(&t, NULL, serve, c), 0);
		pthread_detach(t);
	}
}

#define SERVERS_MAX 128
static struct server servers[SERVERS_MAX];
static unsigned n_servers;

struct server *server_start(const struct op *ops, SSL_CTX *tls)
{
	ck_assert_uint_lt(n_servers, SERVERS_MAX);
	struct server *s = &servers[n_servers++];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	*s = (struct server){ .ops = ops, .tls = tls };
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(s->listener, 128), 0);
	ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, listen_on, s), 0);
	return s;
}

void servers_stop(void)
{
	for (unsigned i = 0; i < n_servers; i++) {
		shutdown(servers[i].listener, SHUT_RDWR);
		pthread_join(servers[i].thread, NULL);
		close(servers[i].listener);
	}
	n_servers = 0;
	for (bool left = true; left;) {
		pthread_mutex_lock(&lock);
		stopping = true;
		for (int fd = 0; fd < 4096; fd++)
			if (served[fd])
				shutdown(fd, SHUT_RDWR);
		left = n_served != 0;
		pthread_mutex_unlock(&lock);
		poll(NULL, 0, left ? 1 : 0);
	}
}
