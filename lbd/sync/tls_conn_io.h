/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection of the link, opened or accepted: TCP, handshake, frames in and out. */
#pragma once

#include "common/buf.h"
#include "lbd/sync/tls_auth_io.h"

#include <ev.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct tls_conn;

/* From the loop. After `ended` the connection is gone. */
struct tls_conn_calls {
	void (*ready)(struct tls_conn *c); /* the other side is who it must be */
	void (*frame)(struct tls_conn *c, const uint8_t *p, size_t n);
	void (*wrote)(struct tls_conn *c);
	void (*ended)(struct tls_conn *c, enum tls_reason why, const char *text);
};

enum tls_conn_state { TLS_CONN_CONNECTING, TLS_CONN_SHAKING, TLS_CONN_OPEN, TLS_CONN_CLOSED };

struct tls_conn { /* owned by whoever got it; read only outside tls_conn_io.c */
	LIST_ENTRY(tls_conn) next;
	const struct tls_conn_calls *calls;
	void *arg;
	struct ev_loop *loop;
	struct lb_ip theirs;
	enum tls_conn_state state;
	struct tls_try try;
	struct ssl_st *ssl;
	int fd;
	ev_io readable, writable;
	ev_timer deadline;
	bool busy; /* in one of its own callbacks: freed when that is over */
	uint8_t *in, *out;
	size_t in_n, out_at, out_n;
};

union tls_addr {
	struct sockaddr any;
	struct sockaddr_storage room;
};
socklen_t tls_addr_of(const struct lb_ip *ip, uint16_t port, union tls_addr *out);
struct lb_ip tls_addr_ip(const union tls_addr *a);

struct tls_conn_new {
	struct ev_loop *loop;
	const struct tls_conn_calls *calls;
	void *arg;
	const struct tls_auth *auth;
	size_t key; /* to dial with */
};

/* NULL: *err is -errno, and nothing is called. */
struct tls_conn *tls_conn_dial(const struct tls_conn_new *n, const struct lb_path *path, uint16_t port, int *err);

/* Takes over fd in any case. NULL: no memory. */
struct tls_conn *tls_conn_accept(const struct tls_conn_new *n, int fd, const struct lb_ip *theirs);

/* Whether it seems to have the key, even where the handshake is not over yet. */
bool tls_conn_proved(const struct tls_conn *c);

/* Ends it without a call. polite: what waits goes as far as it can at once, and the other side is told. */
void tls_conn_close(struct tls_conn *c, bool polite);

size_t tls_conn_room(const struct tls_conn *c);
void tls_conn_send(struct tls_conn *c, const uint8_t *p, size_t n); /* n is within the room */

/* What an errno of a connection means. */
enum tls_reason tls_conn_errno(int err);
