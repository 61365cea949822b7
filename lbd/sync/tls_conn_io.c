/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tls_conn_io.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEGIN_S 3.0 /* from the first packet to the end of the handshake */
#define RECORD  16384u
#define HEAD    4u
#define IN_MAX                                                                                                         \
	(HEAD + TLS_FRAME_MAX + RECORD) /* with most of a frame in it a whole record has room: libssl keeps none */
#define PER_TURN  16                    /* records in each direction, then others have their turn */
#define UNSENT    (128 * 1024)          /* in the kernel; more would stand in front of what is urgent */
#define SILENT_MS 3000                  /* what the other side must acknowledge */

/* ---- addresses ---- */

socklen_t tls_addr_of(const struct lb_ip *ip, uint16_t port, union tls_addr *out)
{
	*out = (union tls_addr){ .room = { .ss_family = ip->family } };
	if (ip->family == AF_INET) {
		struct sockaddr_in *a = (struct sockaddr_in *)&out->any;
		a->sin_port = htons(port);
		memcpy(&a->sin_addr, ip->b, sizeof(a->sin_addr));
		return sizeof(*a);
	}
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)&out->any;
	a->sin6_port = htons(port);
	memcpy(&a->sin6_addr, ip->b, sizeof(a->sin6_addr));
	return sizeof(*a);
}

struct lb_ip tls_addr_ip(const union tls_addr *a)
{
	struct lb_ip ip = { .family = (uint8_t)a->any.sa_family };
	if (a->any.sa_family == AF_INET)
		memcpy(ip.b, &((const struct sockaddr_in *)&a->any)->sin_addr, 4);
	else
		memcpy(ip.b, &((const struct sockaddr_in6 *)&a->any)->sin6_addr, 16);
	return ip;
}

enum tls_reason tls_conn_errno(int err)
{
	switch (err) {
	case ECONNREFUSED: return TLS_REASON_REFUSED;
	case ETIMEDOUT: return TLS_REASON_TIMEOUT;
	case EACCES:
	case EADDRNOTAVAIL:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
	case EPERM: return TLS_REASON_UNREACHABLE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM: return TLS_REASON_OURS;
	default: return TLS_REASON_CLOSED;
	}
}

/* ---- the end ---- */

static void memory_free(struct tls_conn *c)
{
	free(c->in);
	free(c->out);
	free(c);
}

/* All but its memory, which a callback of its own may still be using. */
static void shut(struct tls_conn *c)
{
	ev_io_stop(c->loop, &c->readable);
	ev_io_stop(c->loop, &c->writable);
	ev_timer_stop(c->loop, &c->deadline);
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
	c->state = TLS_CONN_CLOSED;
}

static void end(struct tls_conn *c, enum tls_reason why, const char *what)
{
	char text[TLS_TEXT_MAX], ip[LB_IP_STRLEN];
	if (c->state == TLS_CONN_CLOSED)
		return;
	snprintf(text, sizeof(text), "%s: %s", lb_ip_str(&c->theirs, ip), what);
	shut(c);
	c->calls->ended(c, why, text);
}

static bool flush(struct tls_conn *c, int *rc);

void tls_conn_close(struct tls_conn *c, bool polite)
{
	int rc;
	const struct linger reset = { .l_onoff = 1 };
	ERR_clear_error();
	if (polite && c->state == TLS_CONN_OPEN) {
		if (flush(c, &rc))
			(void)SSL_shutdown(c->ssl);
	} else {
		setsockopt(
			c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* nothing of it is left in the kernel */
	}
	shut(c);
	if (!c->busy)
		memory_free(c);
}

static void leave(struct tls_conn *c)
{
	c->busy = false;
	if (c->state == TLS_CONN_CLOSED)
		memory_free(c);
}

/* ---- what libssl says ---- */

static void ssl_failed(struct tls_conn *c)
{
	const char *text;
	bool open = c->state == TLS_CONN_OPEN;
	enum tls_reason why = tls_auth_error(&c->try, &text);
	if (open && why == TLS_REASON_KEY) /* it had the key before: what came was changed on its way */
		why = TLS_REASON_PROTOCOL;
	end(c, why, text);
}

/* After a call that did not do what it was to do: waits for what libssl waits for, or that was the end. */
static void wait_or_end(struct tls_conn *c, int rc)
{
	int err = errno;
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ: return; /* always watched */
	case SSL_ERROR_WANT_WRITE: ev_io_start(c->loop, &c->writable); return;
	case SSL_ERROR_ZERO_RETURN: end(c, TLS_REASON_CLOSED, "it ended the connection"); return;
	case SSL_ERROR_SYSCALL: end(c, tls_conn_errno(err), err ? strerror(err) : "it closed the connection"); return;
	default: ssl_failed(c); return;
	}
}

/* ---- frames ---- */

/* Those that are whole. */
static void deliver(struct tls_conn *c)
{
	size_t at = 0;
	while (c->state == TLS_CONN_OPEN && c->in_n - at >= HEAD) {
		struct lb_reader r = { c->in + at, c->in + c->in_n, false };
		uint32_t n = lb_read_u32(&r);
		if (n == 0 || n > TLS_FRAME_MAX) {
			end(c, TLS_REASON_PROTOCOL, "a frame of an impossible length");
			return;
		}
		const uint8_t *frame = lb_take(&r, n);
		if (!frame)
			break;
		at += HEAD + n;
		c->calls->frame(c, frame, n);
	}
	if (at) {
		c->in_n -= at;
		memmove(c->in, c->in + at, c->in_n);
	}
}

static void take_in(struct tls_conn *c)
{
	for (int i = 0; i < PER_TURN && c->state == TLS_CONN_OPEN; i++) {
		size_t got = 0;
		ERR_clear_error();
		int rc = SSL_read_ex(c->ssl, c->in + c->in_n, IN_MAX - c->in_n, &got);
		if (rc != 1) {
			wait_or_end(c, rc);
			return;
		}
		c->in_n += got;
		deliver(c);
	}
}

/* Sends what goes at once. False: *rc is what libssl returned. */
static bool flush(struct tls_conn *c, int *rc)
{
	for (int i = 0; i < PER_TURN && c->out_n; i++) {
		size_t run = TLS_ROOM - c->out_at, done = 0;
		run = run < c->out_n ? run : c->out_n;
		/* never less than the time before: libssl wants to see again what it could not send */
		*rc = SSL_write_ex(c->ssl, c->out + c->out_at, run < RECORD ? run : RECORD, &done);
		if (*rc != 1)
			return false;
		c->out_at = (c->out_at + done) % TLS_ROOM;
		c->out_n -= done;
	}
	return true;
}

static void put_out(struct tls_conn *c)
{
	size_t before = c->out_n;
	int rc = 0;
	ERR_clear_error();
	bool fine = flush(c, &rc);
	if (!fine)
		wait_or_end(c, rc);
	if (c->state == TLS_CONN_OPEN && c->out_n < before)
		c->calls->wrote(c);
	if (c->state == TLS_CONN_OPEN && fine && !c->out_n)
		ev_io_stop(c->loop, &c->writable);
}

size_t tls_conn_room(const struct tls_conn *c)
{
	return TLS_ROOM - c->out_n;
}

static void append(struct tls_conn *c, const uint8_t *p, size_t n)
{
	size_t at = (c->out_at + c->out_n) % TLS_ROOM, run = TLS_ROOM - at;
	run = run < n ? run : n;
	memcpy(c->out + at, p, run);
	memcpy(c->out, p + run, n - run);
	c->out_n += n;
}

void tls_conn_send(struct tls_conn *c, const uint8_t *p, size_t n)
{
	uint8_t head[HEAD];
	struct lb_writer w = { head, head + HEAD, false };
	assert(c->state == TLS_CONN_OPEN && n <= TLS_FRAME_MAX && HEAD + n <= tls_conn_room(c));
	lb_write_u32(&w, (uint32_t)n);
	append(c, head, HEAD);
	append(c, p, n);
	ev_io_start(c->loop, &c->writable); /* in the next turn: frames of one turn share records */
}

/* ---- the beginning ---- */

/* From here on it goes before whatever is not the link. */
static void set_urgent(struct tls_conn *c)
{
	ev_io_stop(c->loop, &c->readable);
	ev_io_stop(c->loop, &c->writable);
	ev_set_priority(&c->readable, 2); /* first: the last words of who closes */
	ev_set_priority(&c->writable, 1);
	ev_io_start(c->loop, &c->readable);
}

static void opened(struct tls_conn *c)
{
	ev_timer_stop(c->loop, &c->deadline);
	if (!tls_auth_proved(c->ssl)) {
		end(c, TLS_REASON_KEY, "it did without the key");
		return;
	}
	c->in = malloc(IN_MAX);
	c->out = malloc(TLS_ROOM);
	if (!c->in || !c->out) {
		end(c, TLS_REASON_OURS, "out of memory");
		return;
	}
	c->state = TLS_CONN_OPEN;
	set_urgent(c);
	c->calls->ready(c);
}

static void shake(struct tls_conn *c)
{
	ev_io_stop(c->loop, &c->writable);
	ERR_clear_error();
	int rc = SSL_do_handshake(c->ssl);
	if (rc == 1)
		opened(c);
	else
		wait_or_end(c, rc);
}

static void connected(struct tls_conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		end(c, tls_conn_errno(err), strerror(err));
		return;
	}
	c->state = TLS_CONN_SHAKING;
	ev_io_start(c->loop, &c->readable);
	shake(c);
}

/* There was no place for what libssl answers by itself, and there is now. */
static void answer(struct tls_conn *c)
{
	ev_io_stop(c->loop, &c->writable);
	take_in(c);
}

static void go_on(struct tls_conn *c, int events)
{
	switch (c->state) {
	case TLS_CONN_CONNECTING: connected(c); return;
	case TLS_CONN_SHAKING: shake(c); return;
	case TLS_CONN_OPEN:
		if (events & EV_READ)
			take_in(c);
		else if (c->out_n)
			put_out(c);
		else
			answer(c);
		return;
	case TLS_CONN_CLOSED: return;
	}
}

static void on_event(struct ev_loop *loop, ev_io *io, int events)
{
	struct tls_conn *c = io->data;
	(void)loop;
	c->busy = true;
	if (events & EV_ERROR)
		end(c, TLS_REASON_OURS, "the kernel does not watch the socket");
	else
		go_on(c, events);
	leave(c);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int events)
{
	struct tls_conn *c = t->data;
	(void)loop, (void)events;
	c->busy = true;
	end(c, TLS_REASON_TIMEOUT, c->state == TLS_CONN_CONNECTING ? "no answer" : "it did not finish the handshake");
	leave(c);
}

/* Silence is noticed by the kernel, too: a link that has nothing to say is asked every second. */
static void set_options(int fd)
{
	const int on = 1, unsent = UNSENT, silent_ms = SILENT_MS, idle_s = 1, each_s = 1, times = 3;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof(silent_ms));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each_s, sizeof(each_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

/* Takes over fd. */
static struct tls_conn *conn_new(const struct tls_conn_new *n, int fd, const struct lb_ip *theirs, bool dials)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	if (c) {
		*c = (struct tls_conn){
			.calls = n->calls, .arg = n->arg, .loop = n->loop, .theirs = *theirs, .fd = fd
		};
		c->try = (struct tls_try){ .auth = n->auth, .key = n->key };
		c->ssl = tls_auth_ssl(&c->try, dials);
	}
	if (!c || !c->ssl || !SSL_set_fd(c->ssl, fd)) {
		if (c)
			SSL_free(c->ssl);
		free(c);
		close(fd);
		return NULL;
	}
	set_options(fd);
	ev_io_init(&c->readable, on_event, fd, EV_READ);
	ev_io_init(&c->writable, on_event, fd, EV_WRITE);
	ev_timer_init(&c->deadline, on_deadline, BEGIN_S, 0.0);
	c->readable.data = c->writable.data = c->deadline.data = c;
	ev_now_update(n->loop);
	ev_timer_start(n->loop, &c->deadline);
	return c;
}

struct tls_conn *tls_conn_accept(const struct tls_conn_new *n, int fd, const struct lb_ip *theirs)
{
	struct tls_conn *c = conn_new(n, fd, theirs, false);
	if (!c)
		return NULL;
	c->state = TLS_CONN_SHAKING;
	ev_io_start(c->loop, &c->readable);
	return c;
}

/* 0 or -errno: it is on its way. */
static int begin(int fd, const struct lb_path *path, uint16_t port)
{
	union tls_addr a;
	const int on = 1;
	/* the port is chosen when the other end is known: two connections to different addresses can share one */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	socklen_t len = tls_addr_of(&path->ours, 0, &a);
	if (bind(fd, &a.any, len))
		return -errno;
	len = tls_addr_of(&path->theirs, port, &a);
	return connect(fd, &a.any, len) && errno != EINPROGRESS ? -errno : 0;
}

struct tls_conn *tls_conn_dial(const struct tls_conn_new *n, const struct lb_path *path, uint16_t port, int *err)
{
	int fd = socket(path->theirs.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		*err = -errno;
		return NULL;
	}
	int rc = begin(fd, path, port);
	if (rc) {
		close(fd);
		*err = rc;
		return NULL;
	}
	struct tls_conn *c = conn_new(n, fd, &path->theirs, true);
	if (!c) {
		*err = -ENOMEM;
		return NULL;
	}
	c->state = TLS_CONN_CONNECTING;
	ev_io_start(c->loop, &c->writable);
	return c;
}

/* The name is looked at right before the proof of the key, in the same call: had that failed, this were closed. Who
 * plays back the first packet of another connection comes as far, and no further. */
bool tls_conn_proved(const struct tls_conn *c)
{
	return c->state == TLS_CONN_OPEN || c->try.seen == TLS_SEEN_NAME;
}
