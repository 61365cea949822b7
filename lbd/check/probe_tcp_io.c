/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP probe: connect, then (optional) send some bytes, then (optional) wait for expected ones, all before one
 * deadline.
 *
 * How it leaves: with a reset (SO_LINGER 0), so that thousands of probes a second leave no TIME_WAIT behind, here or on
 * the backend. A plain connect check also holds its ACK back (TCP_QUICKACK off), so that the backend's kernel sees
 * SYN, SYN-ACK, RST and its application sees nothing at all: no accept, no log line. HAProxy does the same. A full
 * accept queue is still found: Linux then drops the SYN.
 */
#include "lbd/check/check_match.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 16384

struct tcp {
	struct check_probe probe;
	ev_io io;
	int fd;
	const char *send, *expect; /* of the spec */
	size_t send_len, expect_len, sent;
	bool connected, in_match;
	bool reset; /* leave with one: there is a connection, and nothing that a reset would take from the backend */
	struct check_match match;
};

static void tcp_cancel(struct check_probe *p)
{
	struct tcp *t = (struct tcp *)p;
	check_probe_end(p);
	ev_io_stop(p->loop, &t->io);
	if (t->fd >= 0 && t->reset) {
		const struct linger now = { .l_onoff = 1, .l_linger = 0 };
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	if (t->in_match)
		check_match_done(&t->match);
	t->in_match = false;
}

static void finish_reply(struct tcp *t, const char *why)
{
	struct check_result r = { 0 };
	check_result_reply(&r, why, t->match.head, t->match.head_n, t->match.seen > t->match.head_n);
	check_probe_finish(&t->probe, &r);
}

static void finish_talk(struct tcp *t, int err)
{
	struct check_result r = { 0 };
	check_result_talk(&r, err);
	check_probe_finish(&t->probe, &r);
}

/* One read per turn of the loop: a backend that pours must not starve the others. */
static void read_some(struct tcp *t)
{
	char piece[READ_SIZE];
	ssize_t n = recv(t->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !(errno == ECONNRESET && t->match.seen))
		finish_talk(t, errno);
	else if (n <= 0)
		finish_reply(t, "closed");
	else if (check_match_feed(&t->match, piece, (size_t)n))
		check_probe_finish_code(&t->probe, CHECK_CODE_L7OK, "expected bytes seen");
	else if (t->match.seen >= CHECK_REPLY_MAX)
		finish_reply(t, "not in 64 KiB");
}

static void watch(struct tcp *t, int events)
{
	if ((t->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(t->probe.loop, &t->io);
	ev_io_set(&t->io, t->fd, events);
	ev_io_start(t->probe.loop, &t->io);
}

static void send_some(struct tcp *t)
{
	while (t->sent < t->send_len) {
		ssize_t n = send(t->fd, t->send + t->sent, t->send_len - t->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch(t, EV_WRITE);
			return;
		}
		if (n < 0) {
			finish_talk(t, errno);
			return;
		}
		t->sent += (size_t)n;
	}
	if (t->send_len)
		check_probe_step(&t->probe, "sent %zu bytes", t->send_len);
	if (t->expect_len) {
		watch(t, EV_READ);
		return;
	}
	/* Nothing is read, so a reset would overtake what was just sent: this one says goodbye properly. */
	t->reset = false;
	check_probe_finish_code(&t->probe, CHECK_CODE_L4OK, "connected, bytes sent");
}

/* A connection to an ephemeral port of this host may meet itself: "open" without anybody listening. */
static bool met_itself(const struct tcp *t)
{
	union check_peer own = { 0 };
	socklen_t len = sizeof(own);
	if (getsockname(t->fd, &own.any, &len))
		return false;
	const struct check_spec *s = t->probe.spec;
	if (own.any.sa_family == AF_INET)
		return ntohs(own.in.sin_port) == s->port && memcmp(&own.in.sin_addr, s->addr.b, 4) == 0;
	return ntohs(own.in6.sin6_port) == s->port && memcmp(&own.in6.sin6_addr, s->addr.b, 16) == 0;
}

static void connected(struct tcp *t)
{
	t->reset = true;
	if (met_itself(t)) {
		check_probe_finish_code(&t->probe, CHECK_CODE_L4CON, "connection refused");
		return;
	}
	t->connected = true;
	check_probe_step(&t->probe, "connected");
	if (!t->send_len && !t->expect_len) {
		check_probe_finish_code(&t->probe, CHECK_CODE_L4OK, "connected");
		return;
	}
	if (t->expect_len && check_match_init(&t->match, t->expect, t->expect_len)) {
		check_probe_finish_code(&t->probe, CHECK_CODE_SOCKERR, "out of memory");
		return;
	}
	t->in_match = t->expect_len != 0;
	send_some(t);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct tcp *t = (struct tcp *)((char *)io - offsetof(struct tcp, io));
	if (events & EV_ERROR) { /* the kernel would not watch the socket: nothing is known of the backend */
		check_probe_finish_code(&t->probe, CHECK_CODE_SOCKERR, "cannot wait for an answer");
	} else if (t->connected && t->sent < t->send_len) {
		send_some(t);
	} else if (t->connected) {
		read_some(t);
	} else {
		/* An error makes a socket readable, too: one that is only writable has none to ask for. */
		int err = 0;
		socklen_t len = sizeof(err);
		if ((events & EV_READ) && getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len))
			err = errno;
		if (err == 0) {
			connected(t);
			return;
		}
		struct check_result r = { 0 };
		check_result_connect(&r, err, CHECK_FROM_NET);
		check_probe_finish(&t->probe, &r);
	}
}

static void tcp_expired(struct check_probe *p)
{
	const struct tcp *t = (struct tcp *)p;
	if (!t->connected)
		check_probe_finish_code(p, CHECK_CODE_L4TOUT, "no answer to connect");
	else if (t->sent < t->send_len)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, but it does not read");
	else if (t->match.seen == 0)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, no byte came");
	else
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, expected bytes did not come");
}

static int tcp_start(struct check_probe *p, struct lb_time now)
{
	struct tcp *t = (struct tcp *)p;
	const struct check_spec *s = p->spec;
	t->send = check_param_next(&s->params, CHECK_PARAM_SEND, NULL, &t->send_len);
	t->expect = check_param_next(&s->params, CHECK_PARAM_EXPECT, NULL, &t->expect_len);
	ev_init(&t->io, on_io);
	t->fd = check_probe_socket(s, SOCK_STREAM, IPPROTO_TCP);
	if (t->fd < 0)
		return t->fd;
	check_probe_begin(p, now);
	/* Best effort, as the reset: without them the probe is only less polite. */
	int off = 0;
	if (t->send_len || !t->expect_len) /* where the backend speaks first, its greeting may wait for our ACK */
		setsockopt(t->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	union check_peer to;
	socklen_t len = check_probe_peer(s, &to);
	if (connect(t->fd, &to.any, len) && errno != EINPROGRESS) {
		struct check_result r = { 0 };
		/* The kernel says "refused" here for a local address: that is the backend's answer, not our fault. */
		check_result_connect(&r, errno, CHECK_FROM_US);
		check_probe_early(p, &r);
		return 0;
	}
	ev_io_set(&t->io, t->fd, EV_READ | EV_WRITE);
	ev_io_start(p->loop, &t->io);
	return 0;
}

const struct check_ops check_tcp_ops = { sizeof(struct tcp), tcp_start, tcp_cancel, tcp_expired };
