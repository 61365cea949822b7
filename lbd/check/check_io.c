/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_io.h"

#include "common/clock_io.h"
#include "common/err.h"
#include "common/log_io.h"
#include "common/rss_io.h"
#include "lbd/check/check_prober_io.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define FDS_RESERVED 112u                 /* the loop's, channel, log, CHECK_WATCH_MAX, libraries', idle sockets */
#define CHANNEL_HIGH ((size_t)256 * 1024) /* above it, changed targets wait in `unsent` */

void prober_note_lag(struct prober *w, struct lb_time since, struct lb_time until)
{
	int64_t late_us = lb_time_diff_us(until, since);
	lb_room_was_late(&w->base, late_us);
	if (!check_late(since, until))
		return;
	/* one stall is seen by all that was due meanwhile */
	w->stalled_us += lb_time_cmp(since, w->stalled_until) < 0 ? lb_time_diff_us(until, w->stalled_until) : late_us;
	w->stalled_until = until;
}

/* ---- sending ---- */

static void send_msg(struct prober *w, const struct check_msg *m)
{
	check_msg_write(m, &w->base.line);
	lb_room_send(&w->base);
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
	m.u.state.at = lb_clock_now();
	t->told_judged = t->fsm.judged;
	t->told_up = t->fsm.up;
	t->told_at = w->base.now;
	t->text_new = false;
	send_msg(w, &m);
}

static void send_pong(struct prober *w, uint32_t n)
{
	check_lateness_turn(&w->lateness, w->base.now);
	struct check_msg m = { .type = CHECK_MSG_PONG };
	m.u.pong = (struct check_msg_pong){ .n = n,
		.targets = HASH_COUNT(w->targets),
		.running = w->running,
		.waiting = w->n_waiting,
		.lag_us = lb_room_lag_us(&w->base),
		.rss_kib = lb_rss_kib(),
		.probes = w->probes,
		.late_p50_us = check_lateness_quantile(&w->lateness, 50),
		.late_p99_us = check_lateness_quantile(&w->lateness, 99) };
	send_msg(w, &m);
}

bool prober_may_start(const struct prober *w)
{
	return w->running < w->limit;
}

static void on_flush(void *arg)
{
	struct prober *w = arg;
	prober_note_lag(w, w->base.now, lb_clock_now());
	while (!TAILQ_EMPTY(&w->unsent) && lb_room_pending(&w->base) < CHANNEL_HIGH) {
		struct target *t = TAILQ_FIRST(&w->unsent);
		TAILQ_REMOVE(&w->unsent, t, unsent);
		t->unsent_on = false;
		send_state(w, t);
	}
	if (prober_may_start(w) && !TAILQ_EMPTY(&w->waiting))
		ev_idle_start(w->base.loop, &w->more);
	else
		ev_idle_stop(w->base.loop, &w->more);
}

/* ---- receiving ---- */

static int hello(struct prober *w, const struct check_msg_hello *h)
{
	int err = lb_room_hello(&w->base, &h->worker);
	if (err)
		return err;
	w->rand = h->seed;
	struct check_msg m = { .type = CHECK_MSG_READY };
	m.u.ready = (struct lb_msg_ready){ .version = LB_PROTO_VERSION, .pid = (int32_t)getpid() };
	send_msg(w, &m);
	return 0;
}

/* Messages of the other direction never come out of check_msg_read_probe: they have nothing to do here. */
static int dispatch(struct prober *w, const struct check_msg *m)
{
	if (m->type != CHECK_MSG_HELLO && !w->base.greeted)
		return -EPROTO;
	switch (m->type) {
	case CHECK_MSG_HELLO: return hello(w, &m->u.hello);
	case CHECK_MSG_TARGET_SET: prober_target_set(w, &m->u.target_set); return 0;
	case CHECK_MSG_TARGET_DEL: prober_target_del(w, m->u.target_del); return 0;
	case CHECK_MSG_LOG: lb_log_set_level(m->u.log); return 0;
	case CHECK_MSG_PING: send_pong(w, m->u.ping); return 0;
	case CHECK_MSG_RUN: prober_run_now(w, &m->u.run); return 0;
	case CHECK_MSG_CUT: check_cut_set(&w->cut, &m->u.cut, w->base.now); return 0;
	case CHECK_MSG_HOOK_RUN: check_hook_run(&w->hook, &m->u.hook_run); return 0;
	case CHECK_MSG_READY:
	case CHECK_MSG_STATE:
	case CHECK_MSG_PONG:
	case CHECK_MSG_RAN:
	case CHECK_MSG_HOOK_DONE: break;
	}
	return -EPROTO;
}

static int on_line(const json_t *line, struct lb_err *e, void *arg)
{
	struct check_msg m;
	int rc = check_msg_read_probe(line, &m);
	if (rc)
		return rc;
	rc = dispatch(arg, &m);
	if (rc)
		snprintf(
			e->text, sizeof(e->text), "%s at the wrong time or of another version", check_msg_name(m.type));
	check_msg_done(&m);
	return rc;
}

/* ---- the loop ---- */

static void on_turn(void *arg)
{
	struct prober *w = arg;
	w->clock = w->base.now;
	prober_start_waiting(w);
}

static void on_more(struct ev_loop *loop, ev_idle *ev, int events)
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

static const struct lb_room_calls room_calls = {
	.line = on_line,
	.turn = on_turn,
	.flush = on_flush,
	.quote = true,
};

int check_worker_main(int channel_fd, void (*alive)(void))
{
	struct prober w = { .limit = probe_limit() };
	TAILQ_INIT(&w.unsent);
	TAILQ_INIT(&w.waiting);
	if (lb_room_open(&w.base, channel_fd, alive, &room_calls, &w)) {
		lb_log(LB_LOG_ERROR, "no event loop");
		return 1;
	}
	struct ev_loop *loop = w.base.loop;
	w.clock = w.stalled_until = w.base.now;
	check_lateness_init(&w.lateness, w.base.now);
	w.watch = (struct check_watch){
		.loop = loop, .stalled_us = &w.stalled_us, .cut = &w.cut, .send = send_for, .arg = &w
	};
	w.hook = (struct check_hook){ .loop = loop, .send = send_for, .arg = &w };
	check_hook_init(&w.hook);
	check_cut_open(&w.cut);
	ev_set_userdata(loop, &w);
	ev_idle_init(&w.more, on_more);
	ev_set_priority(&w.more, EV_MINPRI); /* libev calls it only in a turn that has nothing else */
	lb_room_run(&w.base);
	for (struct target *t = w.targets, *next; t; t = next) {
		next = t->hh.next;
		prober_target_free(&w, t);
	}
	check_hook_close(&w.hook);
	check_cut_close(&w.cut);
	return lb_room_close(&w.base);
}
