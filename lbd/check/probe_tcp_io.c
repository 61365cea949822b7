/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP probe: connect, then (optional) send some bytes, then (optional) wait for the expected reply, all before one
 * deadline. Where connecting is all, it is dialled (check_dial_io.h).
 *
 * How it leaves: with a reset (SO_LINGER 0), so that thousands of probes a second leave no TIME_WAIT behind, here or on
 * the backend. A plain connect check also holds its ACK back (TCP_QUICKACK off), so that the backend's kernel sees
 * SYN, SYN-ACK, RST and its application sees nothing at all: no accept, no log line. HAProxy does the same. A full
 * accept queue is still found: Linux then drops the SYN.
 */
#include "lbd/check/check_conn_io.h"
#include "lbd/check/check_dial_io.h"
#include "lbd/check/check_reply.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#define READ_SIZE 16384
/* How long a reply must have been still before a pattern is tried on its last bytes; doubled each time, so that a peer
 * that always sends one byte more buys few searches with it. */
#define PAUSE_S   0.02

struct tcp {
	struct check_probe probe;
	ev_io io;
	ev_timer pause;
	double pause_s;
	int fd;
	struct check_dial dial;
	const char *send; /* of the spec */
	size_t send_len, sent;
	bool connected, wanted;
	struct check_reply reply;
};

static void tcp_cancel(struct check_probe *p)
{
	struct tcp *t = (struct tcp *)p;
	check_probe_end(p);
	check_dial_close(&t->dial);
	ev_io_stop(p->loop, &t->io);
	ev_timer_stop(p->loop, &t->pause);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	check_reply_done(&t->reply);
}

static void finish_reply(struct tcp *t, const char *why)
{
	struct check_result r = { 0 };
	check_result_reply(&r, why, t->reply.head, t->reply.head_n, t->reply.seen > t->reply.head_n);
	check_probe_finish(&t->probe, &r);
}

static void finish_talk(struct tcp *t, int err)
{
	struct check_result r = { 0 };
	check_result_talk(&r, err);
	check_probe_finish(&t->probe, &r);
}

/* False: still open. True: the probe is finished and may be gone. */
static bool judged(struct tcp *t, enum check_reply_say say)
{
	switch (say) {
	case CHECK_REPLY_OPEN: return false;
	case CHECK_REPLY_SEEN: check_probe_finish_code(&t->probe, CHECK_CODE_L7OK, "expected bytes seen"); break;
	case CHECK_REPLY_FULL: finish_reply(t, "not in 64 KiB"); break;
	case CHECK_REPLY_COSTLY: finish_reply(t, "pattern takes too long"); break;
	case CHECK_REPLY_NOMEM: check_probe_finish_code(&t->probe, CHECK_CODE_SOCKERR, "out of memory"); break;
	}
	return true;
}

static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct tcp *t = (struct tcp *)((char *)timer - offsetof(struct tcp, pause));
	judged(t, check_reply_search(&t->reply));
}

/* Another moment of silence is waited for; an armed one goes on, or single bytes would put it off for ever. */
static void arm_pause(struct tcp *t)
{
	if (!check_reply_unsearched(&t->reply)) {
		ev_timer_stop(t->probe.loop, &t->pause);
	} else if (!ev_is_active(&t->pause)) {
		ev_timer_set(&t->pause, t->pause_s, 0.0);
		ev_timer_start(t->probe.loop, &t->pause);
		t->pause_s *= 2;
	}
}

/* One read per turn of the loop: a backend that pours must not starve the others. */
static void read_some(struct tcp *t)
{
	char piece[READ_SIZE];
	ssize_t n = recv(t->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !(errno == ECONNRESET && t->reply.seen)) {
		finish_talk(t, errno);
	} else if (n <= 0) {
		if (!judged(t, check_reply_search(&t->reply)))
			finish_reply(t, "closed");
	} else if (!judged(t, check_reply_feed(&t->reply, piece, (size_t)n, (size_t)n < sizeof(piece)))) {
		arm_pause(t);
	}
}

static void send_some(struct tcp *t)
{
	int rc = check_conn_send(t->fd, t->send, t->send_len, &t->sent);
	if (rc < 0)
		finish_talk(t, -rc);
	if (rc == 0)
		check_conn_watch(&t->probe, &t->io, t->fd, EV_WRITE);
	if (rc <= 0)
		return;
	if (t->send_len)
		check_probe_step(&t->probe, "sent %zu bytes", t->send_len);
	if (t->wanted) {
		check_conn_watch(&t->probe, &t->io, t->fd, EV_READ);
		return;
	}
	/* Nothing is read, so a reset would overtake what was just sent: this one says goodbye properly. */
	struct linger keep = { 0 };
	setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &keep, sizeof(keep));
	check_probe_finish_code(&t->probe, CHECK_CODE_L4OK, "connected, bytes sent");
}

static void connected(struct tcp *t)
{
	t->connected = true;
	if (!t->send_len && !t->wanted) {
		check_probe_finish_code(&t->probe, CHECK_CODE_L4OK, "connected");
		return;
	}
	int rc = t->wanted ? check_reply_init(&t->reply, &t->probe.spec->params) : 0;
	if (rc)
		check_probe_finish_code(&t->probe, CHECK_CODE_SOCKERR,
			rc == -ENOMEM ? "out of memory" : "expect or expect_regex is not valid");
	else
		send_some(t);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct tcp *t = (struct tcp *)((char *)io - offsetof(struct tcp, io));
	if (!check_conn_watched(&t->probe, events))
		return;
	if (t->connected && t->sent < t->send_len)
		send_some(t);
	else if (t->connected)
		read_some(t);
	else if (check_conn_ready(&t->probe, t->fd, events))
		connected(t);
}

static void tcp_expired(struct check_probe *p)
{
	struct tcp *t = (struct tcp *)p;
	if (!t->connected)
		check_probe_finish_code(p, CHECK_CODE_L4TOUT, "no answer to connect");
	else if (t->sent < t->send_len)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, but it does not read");
	else if (t->reply.seen == 0)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, no byte came");
	else if (!judged(t, check_reply_search(&t->reply)))
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, expected bytes did not come");
}

static void on_dialled(struct check_probe *p, int err)
{
	struct check_result r = { 0 };
	if (err)
		check_result_connect(&r, err, CHECK_FROM_NET);
	else
		check_result_set(&r, CHECK_CODE_L4OK, "connected");
	if (!err)
		check_probe_step(p, "connected");
	check_probe_finish(p, &r);
}

/* As check_conn_open. */
static int dial(struct tcp *t)
{
	int err = 0;
	t->dial.probe = &t->probe;
	t->dial.done = on_dialled;
	int rc = check_dial_open(&t->dial, &err);
	if (rc == 0) {
		struct check_result r = { 0 };
		/* the kernel says "refused" here for a local address: that is the backend's answer, not our fault */
		check_result_connect(&r, err, CHECK_FROM_US);
		check_probe_early(&t->probe, &r);
	}
	return rc;
}

static int tcp_start(struct check_probe *p, struct lb_time now)
{
	struct tcp *t = (struct tcp *)p;
	const struct check_spec *s = p->spec;
	t->send = check_param_next(&s->params, CHECK_PARAM_SEND, NULL, &t->send_len);
	t->wanted = check_reply_wanted(&s->params);
	t->pause_s = PAUSE_S;
	ev_init(&t->io, on_io);
	ev_init(&t->pause, on_pause);
	t->fd = -1;
	check_probe_begin(p, now);
	bool dials = !t->send_len && !t->wanted && check_dial_can(s);
	/* where the backend speaks first, its greeting may wait for our ACK */
	int rc = dials ? dial(t) : check_conn_open(p, t->send_len || !t->wanted, &t->fd);
	if (rc > 0 && !dials)
		check_conn_watch(p, &t->io, t->fd, EV_READ | EV_WRITE);
	else if (rc < 0)
		check_probe_end(p);
	return rc < 0 ? rc : 0;
}

const struct check_ops check_tcp_ops = { sizeof(struct tcp), tcp_start, tcp_cancel, tcp_expired };
