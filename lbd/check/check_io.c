/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_io.h"

#include "common/clock_io.h"
#include "common/err.h"
#include "common/log_io.h"
#include "lbd/check/check_prober_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FDS_RESERVED   112u                 /* the loop's, channel, log, CHECK_WATCH_MAX, libraries', idle sockets */
#define CHANNEL_HIGH   ((size_t)256 * 1024) /* above it, changed targets wait in `unsent` */
#define ALIVE_EVERY_US 100000

void prober_end(struct prober *w, int status)
{
	w->status = status;
	ev_break(w->loop, EVBREAK_ALL);
}

void prober_note_lag(struct prober *w, struct lb_time since, struct lb_time until)
{
	int64_t late_us = lb_time_diff_us(until, since);
	if (late_us > w->lag_us)
		w->lag_us = late_us;
	if (!check_late(since, until))
		return;
	/* one stall is seen by all that was due meanwhile */
	w->stalled_us += lb_time_cmp(since, w->stalled_until) < 0 ? lb_time_diff_us(until, w->stalled_until) : late_us;
	w->stalled_until = until;
}

/* ---- sending ---- */

static void send_msg(struct prober *w, const struct check_msg *m)
{
	lb_text_clear(&w->line);
	check_msg_write(m, &w->line);
	if (w->line.bad || lb_frame_queue(&w->channel, w->line.s, w->line.n)) {
		/* a lost message would leave the core with a wrong state for good: start again from what it knows */
		lb_log(LB_LOG_ERROR, "channel: out of memory");
		prober_end(w, 1);
	}
}

/* For those that have no sight of the prober. */
static void send_for(const struct check_msg *m, void *arg)
{
	send_msg(arg, m);
}

static void send_state(struct prober *w, struct target *t)
{
	struct check_msg m = { .type = CHECK_MSG_STATE };
	m.u.state.id = t->id;
	m.u.state.state =
		(struct check_state){ .n = t->fsm.n, .judged = t->fsm.judged, .up = t->fsm.up, .last = t->last };
	m.u.state.flip = t->told_judged != t->fsm.judged || t->told_up != t->fsm.up;
	t->told_judged = t->fsm.judged;
	t->told_up = t->fsm.up;
	send_msg(w, &m);
}

static void send_pong(struct prober *w, uint32_t n)
{
	struct rusage use = { 0 };
	getrusage(RUSAGE_SELF, &use);
	check_lateness_turn(&w->lateness, w->now);
	struct check_msg m = { .type = CHECK_MSG_PONG };
	m.u.pong = (struct check_msg_pong){ .n = n,
		.targets = HASH_COUNT(w->targets),
		.running = w->running,
		.waiting = w->n_waiting,
		.lag_us = w->lag_us > UINT32_MAX ? UINT32_MAX : (uint32_t)w->lag_us,
		.rss_kib = (uint32_t)use.ru_maxrss,
		.probes = w->probes,
		.late_p50_us = check_lateness_quantile(&w->lateness, 50),
		.late_p99_us = check_lateness_quantile(&w->lateness, 99) };
	w->lag_us = 0;
	send_msg(w, &m);
}

static void write_channel(struct prober *w)
{
	int rc = lb_frame_write(&w->channel);
	if (rc < 0) {
		/* a core that is gone is not an error of ours: its end of the channel says the rest */
		bool gone = rc == -EPIPE || rc == -ECONNRESET;
		if (!gone)
			lb_log(LB_LOG_ERROR, "channel: %s", strerror(-rc));
		prober_end(w, gone ? 0 : 1);
	} else if (rc == 1) {
		ev_io_start(w->loop, &w->writable);
	} else {
		ev_io_stop(w->loop, &w->writable);
	}
}

bool prober_may_start(const struct prober *w)
{
	return w->running < w->limit;
}

/* Before each poll: whatever changed in this turn leaves in one write. */
static void on_flush(struct ev_loop *loop, ev_prepare *ev, int events)
{
	(void)loop, (void)events;
	struct prober *w = ev->data;
	prober_note_lag(w, w->now, lb_clock_now());
	while (!TAILQ_EMPTY(&w->unsent) && lb_frame_pending(&w->channel) < CHANNEL_HIGH) {
		struct target *t = TAILQ_FIRST(&w->unsent);
		TAILQ_REMOVE(&w->unsent, t, unsent);
		t->unsent_on = false;
		send_state(w, t);
	}
	if (lb_frame_pending(&w->channel))
		write_channel(w);
	if (prober_may_start(w) && !TAILQ_EMPTY(&w->waiting))
		ev_idle_start(w->loop, &w->more);
	else
		ev_idle_stop(w->loop, &w->more);
}

static void on_writable(struct ev_loop *loop, ev_io *ev, int events)
{
	(void)loop, (void)events;
	write_channel(ev->data);
}

/* ---- receiving ---- */

static int hello(struct prober *w, const struct check_msg_hello *h)
{
	if (w->greeted || h->worker.version != LB_PROTO_VERSION)
		return -EPROTO;
	w->greeted = true;
	w->rand = h->seed;
	lb_log_set_level(h->worker.level);
	struct check_msg m = { .type = CHECK_MSG_READY };
	m.u.ready = (struct lb_msg_ready){ .version = LB_PROTO_VERSION, .pid = (int32_t)getpid() };
	send_msg(w, &m);
	return 0;
}

/* Messages of the other direction never come out of check_msg_read_probe: they have nothing to do here. */
static int dispatch(struct prober *w, const struct check_msg *m)
{
	if (m->type != CHECK_MSG_HELLO && !w->greeted)
		return -EPROTO;
	switch (m->type) {
	case CHECK_MSG_HELLO: return hello(w, &m->u.hello);
	case CHECK_MSG_TARGET_SET: prober_target_set(w, &m->u.target_set); return 0;
	case CHECK_MSG_TARGET_DEL: prober_target_del(w, m->u.target_del); return 0;
	case CHECK_MSG_LOG: lb_log_set_level(m->u.log); return 0;
	case CHECK_MSG_PING: send_pong(w, m->u.ping); return 0;
	case CHECK_MSG_RUN: prober_run_now(w, &m->u.run); return 0;
	case CHECK_MSG_HOOK_RUN: check_hook_run(&w->hook, &m->u.hook_run); return 0;
	case CHECK_MSG_READY:
	case CHECK_MSG_STATE:
	case CHECK_MSG_PONG:
	case CHECK_MSG_RAN:
	case CHECK_MSG_HOOK_DONE: break;
	}
	return -EPROTO;
}

static void take_line(struct prober *w, const char *line, size_t n)
{
	struct lb_err e = { .text = "not a message, or a member is missing or out of range" };
	json_t *json = lb_proto_parse(line, n, &e);
	struct check_msg m;
	int rc = json ? check_msg_read_probe(json, &m) : -EBADMSG;
	if (rc == 0) {
		rc = dispatch(w, &m);
		if (rc)
			snprintf(e.text, sizeof(e.text), "%s at the wrong time or of another version",
				check_msg_name(m.type));
		check_msg_done(&m);
	} else if (rc == -ENOMEM) {
		snprintf(e.text, sizeof(e.text), "out of memory");
	}
	json_decref(json);
	if (rc == 0)
		return;
	lb_log(LB_LOG_ERROR, "channel: %s: %.*s", e.text, n > 200 ? 200 : (int)n, line);
	prober_end(w, 1);
}

/* One read per turn (at most some hundred lines): probes go on while 100,000 targets arrive. */
static void on_readable(struct ev_loop *loop, ev_io *ev, int events)
{
	(void)loop, (void)events;
	struct prober *w = ev->data;
	long got = lb_frame_read(&w->channel);
	if (got == -EAGAIN)
		return;
	if (got <= 0) {
		bool gone = got == 0 || got == -ECONNRESET;
		if (!gone)
			lb_log(LB_LOG_ERROR, "channel: %s", strerror((int)-got));
		prober_end(w, gone ? 0 : 1);
		return;
	}
	const char *line;
	size_t n;
	int rc;
	while (w->status < 0 && (rc = lb_frame_line(&w->channel, &line, &n)) != 0) {
		if (rc < 0) {
			lb_log(LB_LOG_ERROR, "channel: a line is too long");
			prober_end(w, 1);
			return;
		}
		take_line(w, line, n);
	}
}

/* ---- the loop ---- */

static void on_turn(struct ev_loop *loop, ev_check *ev, int events)
{
	(void)loop, (void)events;
	struct prober *w = ev->data;
	w->now = w->clock = lb_clock_now();
	if (w->alive && lb_time_diff_us(w->now, w->alive_at) >= ALIVE_EVERY_US) {
		w->alive_at = w->now;
		w->alive();
	}
	prober_start_waiting(w);
}

static void on_more(struct ev_loop *loop, ev_idle *ev, int events)
{
	(void)loop, (void)ev, (void)events; /* its only use is that the loop turns */
}

static void on_beat(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)ev, (void)events; /* its only use is that the loop turns */
}

static uint32_t probe_limit(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == RLIM_INFINITY || r.rlim_cur > UINT32_MAX)
		return 65536;
	return r.rlim_cur > FDS_RESERVED ? (uint32_t)r.rlim_cur - FDS_RESERVED : 1;
}

static void watchers_start(struct prober *w)
{
	ev_set_userdata(w->loop, w);
	w->readable.data = w->writable.data = w->flush.data = w->turn.data = w;
	ev_io_init(&w->readable, on_readable, w->channel.fd, EV_READ);
	ev_io_init(&w->writable, on_writable, w->channel.fd, EV_WRITE);
	ev_prepare_init(&w->flush, on_flush);
	ev_check_init(&w->turn, on_turn);
	ev_timer_init(&w->beat, on_beat, 0.5, 0.5);
	ev_idle_init(&w->more, on_more);
	ev_set_priority(&w->more, EV_MINPRI); /* libev calls it only in a turn that has nothing else */
	ev_set_priority(&w->turn, EV_MAXPRI); /* everything else of a turn uses its clock */
	ev_io_start(w->loop, &w->readable);
	ev_prepare_start(w->loop, &w->flush);
	ev_check_start(w->loop, &w->turn);
	ev_timer_start(w->loop, &w->beat);
}

int check_worker_main(int channel_fd, void (*alive)(void))
{
	struct prober w = { .alive = alive, .limit = probe_limit(), .status = -1 };
	TAILQ_INIT(&w.unsent);
	TAILQ_INIT(&w.waiting);
	lb_frame_init(&w.channel, channel_fd, (size_t)LB_PROTO_LINE_MAX);
	w.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!w.loop) {
		lb_log(LB_LOG_ERROR, "no event loop");
		lb_frame_done(&w.channel);
		return 1;
	}
	w.now = w.clock = w.stalled_until = lb_clock_now();
	check_lateness_init(&w.lateness, w.now);
	w.watch = (struct check_watch){ .loop = w.loop, .stalled_us = &w.stalled_us, .send = send_for, .arg = &w };
	w.hook = (struct check_hook){ .loop = w.loop, .send = send_for, .arg = &w };
	check_hook_init(&w.hook);
	watchers_start(&w);
	ev_run(w.loop, 0);
	for (struct target *t = w.targets, *next; t; t = next) {
		next = t->hh.next;
		prober_target_free(&w, t);
	}
	check_hook_close(&w.hook);
	lb_text_done(&w.line);
	lb_frame_done(&w.channel);
	ev_loop_destroy(w.loop);
	return w.status < 0 ? 1 : w.status;
}
