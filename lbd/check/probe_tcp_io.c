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
#include "common/clock_io.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_sched.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 16384

union peer {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static void tcp_cancel(struct check_probe *p)
{
	ev_io_stop(p->loop, &p->io);
	ev_timer_stop(p->loop, &p->timer); /* also forgets a fed event */
	ev_clear_pending(p->loop, &p->timer);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	if (p->in_match)
		check_match_done(&p->match);
	p->in_match = false;
}

/* The one way out. The probe may be gone when this returns. */
static void finish(struct check_probe *p, struct check_result *r)
{
	struct lb_time now = lb_clock_now();
	/* An answer after the deadline tells nothing: it may have been there in time, while we did not look. */
	if (check_late(p->deadline, now))
		check_result_set(r, CHECK_CODE_SOCKERR, "probe ran too late");
	int64_t us = lb_time_diff_us(now, p->started);
	r->latency_us = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	tcp_cancel(p);
	p->done(p, r, p->arg);
}

static void finish_code(struct check_probe *p, enum check_code code, const char *text)
{
	struct check_result r = { 0 };
	check_result_set(&r, code, text);
	finish(p, &r);
}

static void finish_reply(struct check_probe *p, const char *why)
{
	struct check_result r = { 0 };
	check_result_reply(&r, why, p->match.head, p->match.head_n, p->match.seen > p->match.head_n);
	finish(p, &r);
}

static void finish_talk(struct check_probe *p, int err)
{
	struct check_result r = { 0 };
	check_result_talk(&r, err);
	finish(p, &r);
}

/* One read per turn of the loop: a backend that pours must not starve the others. */
static void read_some(struct check_probe *p)
{
	char piece[READ_SIZE];
	ssize_t n = recv(p->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !(errno == ECONNRESET && p->match.seen))
		finish_talk(p, errno);
	else if (n <= 0)
		finish_reply(p, "closed");
	else if (check_match_feed(&p->match, piece, (size_t)n))
		finish_code(p, CHECK_CODE_L7OK, "expected bytes seen");
	else if (p->match.seen >= CHECK_REPLY_MAX)
		finish_reply(p, "not in 64 KiB");
}

static void watch(struct check_probe *p, int events)
{
	if ((p->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(p->loop, &p->io);
	ev_io_set(&p->io, p->fd, events);
	ev_io_start(p->loop, &p->io);
}

static void send_some(struct check_probe *p)
{
	const struct check_spec *s = p->spec;
	while (p->sent < s->send_len) {
		ssize_t n = send(p->fd, s->send + p->sent, s->send_len - p->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			finish_talk(p, errno);
			return;
		}
		p->sent += (size_t)n;
	}
	if (s->expect_len) {
		watch(p, EV_READ);
		return;
	}
	/* Nothing is read, so a reset would overtake what was just sent: this one says goodbye properly. */
	struct linger keep = { 0 };
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &keep, sizeof(keep));
	finish_code(p, CHECK_CODE_L4OK, "connected, bytes sent");
}

/* A connection to an ephemeral port of this host may meet itself: "open" without anybody listening. */
static bool met_itself(const struct check_probe *p)
{
	union peer own = { 0 };
	socklen_t len = sizeof(own);
	if (getsockname(p->fd, &own.any, &len))
		return false;
	const uint8_t *want = p->spec->addr.b;
	if (own.any.sa_family == AF_INET)
		return ntohs(own.in.sin_port) == p->spec->port && memcmp(&own.in.sin_addr, want, 4) == 0;
	return ntohs(own.in6.sin6_port) == p->spec->port && memcmp(&own.in6.sin6_addr, want, 16) == 0;
}

static void connected(struct check_probe *p)
{
	const struct check_spec *s = p->spec;
	if (met_itself(p)) {
		finish_code(p, CHECK_CODE_L4CON, "connection refused");
		return;
	}
	p->connected = true;
	if (!s->send_len && !s->expect_len) {
		finish_code(p, CHECK_CODE_L4OK, "connected");
		return;
	}
	if (s->expect_len && check_match_init(&p->match, s->expect, s->expect_len)) {
		finish_code(p, CHECK_CODE_SOCKERR, "out of memory");
		return;
	}
	p->in_match = s->expect_len != 0;
	send_some(p);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop, (void)events;
	struct check_probe *p = (struct check_probe *)((char *)io - offsetof(struct check_probe, io));
	if (p->connected && p->sent < p->spec->send_len) {
		send_some(p);
	} else if (p->connected) {
		read_some(p);
	} else {
		int err = 0;
		socklen_t len = sizeof(err);
		if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &len))
			err = errno;
		if (err == 0) {
			connected(p);
			return;
		}
		struct check_result r = { 0 };
		check_result_connect(&r, err, CHECK_FROM_NET);
		finish(p, &r);
	}
}

static void out_of_time(struct check_probe *p)
{
	if (!p->connected)
		finish_code(p, CHECK_CODE_L4TOUT, "no answer to connect");
	else if (p->sent < p->spec->send_len)
		finish_code(p, CHECK_CODE_L7TOUT, "connected, but it does not read");
	else if (p->match.seen == 0)
		finish_code(p, CHECK_CODE_L7TOUT, "connected, no byte came");
	else
		finish_code(p, CHECK_CODE_L7TOUT, "connected, expected bytes did not come");
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct check_probe *p = (struct check_probe *)((char *)timer - offsetof(struct check_probe, timer));
	int64_t left = lb_time_diff_us(p->deadline, lb_clock_now());
	if (p->early) {
		finish(p, &p->result);
	} else if (left > 0) { /* a timer counts from the loop's time, which may have been old when it was armed */
		ev_timer_set(timer, (double)left / 1e6, 0.0);
		ev_timer_start(loop, timer);
	} else {
		out_of_time(p);
	}
}

static int begin(struct check_probe *p)
{
	const struct check_spec *s = p->spec;
	union peer to = { 0 };
	socklen_t len;
	if (lb_ip_is_v6(&s->addr)) {
		to.in6.sin6_family = AF_INET6;
		to.in6.sin6_port = htons(s->port);
		memcpy(&to.in6.sin6_addr, s->addr.b, 16);
		len = sizeof(to.in6);
	} else {
		to.in.sin_family = AF_INET;
		to.in.sin_port = htons(s->port);
		memcpy(&to.in.sin_addr, s->addr.b, 4);
		len = sizeof(to.in);
	}
	p->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (p->fd < 0)
		return -errno;
	/* Best effort: without them the probe is only less polite. */
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	int off = 0;
	if (s->send_len || !s->expect_len) /* where the backend speaks first, its greeting may wait for our ACK */
		setsockopt(p->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	if (connect(p->fd, &to.any, len) == 0 || errno == EINPROGRESS)
		return 0;
	p->early = true;
	/* The kernel says "refused" here for a local address: that is the backend's answer, not our fault. */
	check_result_connect(&p->result, errno, CHECK_FROM_US);
	return 0;
}

static int tcp_start(struct check_probe *p, struct lb_time now)
{
	p->sent = 0;
	p->connected = p->in_match = p->early = false;
	p->match.seen = 0;
	p->match.head_n = 0;
	p->result = (struct check_result){ 0 };
	p->started = now;
	p->deadline = lb_time_add_ms(now, p->spec->timeout_ms);
	ev_init(&p->io, on_io);
	ev_init(&p->timer, on_timer);
	/* After the loop was late, what is in the sockets is looked at before any deadline (libev: timers first). */
	ev_set_priority(&p->timer, -1);
	int rc = begin(p);
	if (rc)
		return rc;
	if (p->early) {
		ev_feed_event(p->loop, &p->timer, EV_CUSTOM);
		return 0;
	}
	ev_io_set(&p->io, p->fd, EV_WRITE);
	ev_io_start(p->loop, &p->io);
	ev_timer_set(&p->timer, p->spec->timeout_ms / 1000.0, 0.0);
	ev_timer_start(p->loop, &p->timer);
	return 0;
}

const struct check_ops check_tcp_ops = { tcp_start, tcp_cancel };
