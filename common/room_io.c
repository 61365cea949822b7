/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/room_io.h"

#include "common/clock_io.h"
#include "common/err.h"
#include "common/log_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALIVE_EVERY_US 100000
#define BEAT_S         0.5
#define QUOTED         200 /* bytes */

void lb_room_end(struct lb_room *r, int status)
{
	if (r->status < 0)
		r->status = status;
	ev_break(r->loop, EVBREAK_ALL);
}

bool lb_room_deaf(struct ev_loop *loop, int events, const char *what)
{
	if (!(events & EV_ERROR))
		return false;
	lb_log(LB_LOG_ERROR, "%s: the kernel does not watch its descriptor (memory, or fs.epoll.max_user_watches)",
		what);
	ev_break(loop, EVBREAK_ALL); /* a status that nobody has given is 1 */
	return true;
}

/* A core that is gone is not an error of ours. */
static void channel_ended(struct lb_room *r, int err)
{
	bool gone = err == 0 || err == EPIPE || err == ECONNRESET;
	if (!gone)
		lb_log(LB_LOG_ERROR, "channel: %s", strerror(err));
	lb_room_end(r, gone ? 0 : 1);
}

/* ---- sending ---- */

void lb_room_send(struct lb_room *r)
{
	if (r->line.bad || lb_frame_queue(&r->channel, r->line.s, r->line.n)) {
		lb_log(LB_LOG_ERROR, "channel: out of memory");
		lb_room_end(r, 1);
	}
	lb_text_clear(&r->line);
}

size_t lb_room_pending(const struct lb_room *r)
{
	return lb_frame_pending(&r->channel);
}

static void write_channel(struct lb_room *r)
{
	int rc = lb_frame_write(&r->channel);
	if (rc < 0)
		channel_ended(r, -rc);
	else if (rc == 1)
		ev_io_start(r->loop, &r->writable);
	else
		ev_io_stop(r->loop, &r->writable);
}

static void on_writable(struct ev_loop *loop, ev_io *ev, int events)
{
	if (!lb_room_deaf(loop, events, "channel"))
		write_channel(ev->data);
}

void lb_room_was_late(struct lb_room *r, int64_t us)
{
	if (us > r->lag_us)
		r->lag_us = us;
}

static void on_flush(struct ev_loop *loop, ev_prepare *ev, int events)
{
	(void)loop, (void)events;
	struct lb_room *r = ev->data;
	lb_room_was_late(r, lb_time_diff_us(lb_clock_now(), r->now));
	if (r->calls->flush)
		r->calls->flush(r->arg);
	if (lb_frame_pending(&r->channel))
		write_channel(r);
	if (r->calls->rest)
		r->calls->rest(r->arg);
}

/* ---- receiving ---- */

int lb_room_hello(struct lb_room *r, const struct lb_msg_hello *h)
{
	if (r->greeted || h->version != LB_PROTO_VERSION)
		return -EPROTO;
	r->greeted = true;
	lb_log_set_level(h->level);
	return 0;
}

static void take_line(struct lb_room *r, const char *line, size_t n)
{
	struct lb_err e = { .text = "not a message, or a member is missing or out of range" };
	json_t *msg = lb_proto_parse(line, n, &e);
	int rc = msg ? r->calls->line(msg, &e, r->arg) : -EBADMSG;
	json_decref(msg);
	if (rc == 0)
		return;
	const char *why = rc == -ENOMEM ? "out of memory" : e.text;
	if (r->calls->quote)
		lb_log(LB_LOG_ERROR, "channel: %s: %.*s", why, n > QUOTED ? QUOTED : (int)n, line);
	else
		lb_log(LB_LOG_ERROR, "channel: %s", why);
	lb_room_end(r, 1);
}

/* One read per turn: whatever else a room does goes on while a long message arrives. */
static void on_readable(struct ev_loop *loop, ev_io *ev, int events)
{
	struct lb_room *r = ev->data;
	const char *line;
	size_t n;
	int rc;
	if (lb_room_deaf(loop, events, "channel"))
		return;
	long got = lb_frame_read(&r->channel);
	if (got == -EAGAIN)
		return;
	if (got <= 0) {
		channel_ended(r, (int)-got);
		return;
	}
	while (r->status < 0 && (rc = lb_frame_line(&r->channel, &line, &n)) != 0) {
		if (rc < 0) {
			lb_log(LB_LOG_ERROR, "channel: a line is too long");
			lb_room_end(r, 1);
			return;
		}
		take_line(r, line, n);
	}
}

/* ---- the loop ---- */

static void on_turn(struct ev_loop *loop, ev_check *ev, int events)
{
	(void)loop, (void)events;
	struct lb_room *r = ev->data;
	r->now = lb_clock_now();
	if (r->alive && lb_time_diff_us(r->now, r->alive_at) >= ALIVE_EVERY_US) {
		r->alive_at = r->now;
		r->alive();
	}
	if (r->calls->turn)
		r->calls->turn(r->arg);
}

static void on_beat(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	struct lb_room *r = ev->data;
	if (r->calls->beat)
		r->calls->beat(r->arg);
}

int lb_room_open(struct lb_room *r, int fd, void (*alive)(void), const struct lb_room_calls *calls, void *arg)
{
	*r = (struct lb_room){ .status = -1, .alive = alive, .calls = calls, .arg = arg };
	lb_frame_init(&r->channel, fd, (size_t)LB_PROTO_LINE_MAX);
	r->now = lb_clock_now();
	r->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!r->loop) {
		lb_frame_done(&r->channel);
		return -ENOMEM;
	}
	r->readable.data = r->writable.data = r->flush.data = r->turn.data = r->beat.data = r;
	ev_io_init(&r->readable, on_readable, fd, EV_READ);
	ev_io_init(&r->writable, on_writable, fd, EV_WRITE);
	ev_prepare_init(&r->flush, on_flush);
	ev_check_init(&r->turn, on_turn);
	ev_timer_init(&r->beat, on_beat, BEAT_S, BEAT_S);
	ev_set_priority(&r->turn, EV_MAXPRI); /* everything else of a turn uses its clock */
	ev_io_start(r->loop, &r->readable);
	ev_prepare_start(r->loop, &r->flush);
	ev_check_start(r->loop, &r->turn);
	ev_timer_start(r->loop, &r->beat);
	return 0;
}

void lb_room_run(struct lb_room *r)
{
	if (r->status < 0)
		ev_run(r->loop, 0);
}

int lb_room_close(struct lb_room *r)
{
	lb_text_done(&r->line);
	lb_frame_done(&r->channel);
	if (r->loop)
		ev_loop_destroy(r->loop);
	r->loop = NULL;
	return r->status < 0 ? 1 : r->status;
}

uint32_t lb_room_lag_us(struct lb_room *r)
{
	uint32_t lag = r->lag_us > UINT32_MAX ? UINT32_MAX : (uint32_t)r->lag_us;
	r->lag_us = 0;
	return lag;
}
