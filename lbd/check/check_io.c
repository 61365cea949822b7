/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_io.h"

#include "common/buf.h"
#include "common/clock_io.h"
#include "common/err.h"
#include "common/frame_io.h"
#include "common/log_io.h"
#include "lbd/check/check_fsm.h"
#include "lbd/check/check_late.h"
#include "lbd/check/check_msg.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_sched.h"
#include "lbd/check/check_watch_io.h"
#include "lbd/check/check_weight.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SCRIPTS_MAX    64u                  /* programs that run at once */
#define FDS_RESERVED   48u                  /* the loop's own, channel, log, CHECK_WATCH_MAX, what libraries open */
#define CHANNEL_HIGH   ((size_t)256 * 1024) /* above it, changed targets wait in `unsent` */
#define ALIVE_EVERY_US 100000
#define WARN_EVERY_US  60000000
#define WARN_LATE_US   1000000
#define TURN_US        20000 /* no probe is started in a turn that is older: the rest waits for the next one */

struct target;

struct run { /* exists while a probe runs */
	struct target *t;
	uint32_t stalls;
	_Alignas(16) struct check_probe probe; /* and, behind it, what its type has in addition */
};

/* Up to 100,000 of these: their size is watched by the bench (aim: below 400 bytes with heap and hash). */
struct target {
	uint32_t id;
	bool unsent_on, waiting_on;
	bool told_judged, told_up; /* what the core heard last */
	struct check_spec spec;    /* params point into bytes */
	struct check_fsm fsm;
	struct check_result last;
	struct check_smooth smooth;
	struct check_sched sched;
	struct run *run; /* NULL = not running */
	ev_timer due;    /* armed while neither running nor waiting */
	TAILQ_ENTRY(target) unsent, waiting;
	struct target *before, *next_stage; /* stages: the one that must be up; the next one that waits for the same */
	struct target *stages;              /* those that wait for this one */
	UT_hash_handle hh;
	uint8_t bytes[];
};

TAILQ_HEAD(target_list, target);

struct prober {
	struct ev_loop *loop;
	struct lb_frame channel;
	ev_io readable, writable;
	ev_prepare flush;
	ev_check turn;
	ev_timer beat;
	ev_idle more; /* active while probes wait for the next turn: the poll returns at once */
	void (*alive)(void);
	struct target *targets;
	struct target_list unsent, waiting;
	struct check_watch watch;
	struct lb_text line;
	uint32_t running, n_waiting, limit;
	uint32_t stalls; /* how often the loop was late: probes that ran through one are not trusted */
	int64_t lag_us;
	uint32_t probes; /* started */
	struct check_lateness lateness;
	uint64_t rand;
	struct lb_time now;   /* the clock, right after the poll: the moment the loop's own time is from */
	struct lb_time clock; /* as last read in this turn */
	struct lb_time alive_at, warned_at;
	bool greeted;
	int status;
};

static void end(struct prober *w, int status)
{
	w->status = status;
	ev_break(w->loop, EVBREAK_ALL);
}

static void note_lag(struct prober *w, int64_t late_us)
{
	if (late_us > w->lag_us)
		w->lag_us = late_us;
	if (late_us > CHECK_LATE_US)
		w->stalls++;
}

/* ---- sending ---- */

static void send_msg(struct prober *w, const struct check_msg *m)
{
	lb_text_clear(&w->line);
	check_msg_write(m, &w->line);
	if (w->line.bad || lb_frame_queue(&w->channel, w->line.s, w->line.n)) {
		/* a lost message would leave the core with a wrong state for good: start again from what it knows */
		lb_log(LB_LOG_ERROR, "channel: out of memory");
		end(w, 1);
	}
}

static void send_watched(const struct check_msg *m, void *arg)
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
		end(w, gone ? 0 : 1);
	} else if (rc == 1) {
		ev_io_start(w->loop, &w->writable);
	} else {
		ev_io_stop(w->loop, &w->writable);
	}
}

static bool may_start(const struct prober *w)
{
	return w->running < w->limit;
}

/* Before each poll: whatever changed in this turn leaves in one write. */
static void on_flush(struct ev_loop *loop, ev_prepare *ev, int events)
{
	(void)loop, (void)events;
	struct prober *w = ev->data;
	note_lag(w, lb_time_diff_us(lb_clock_now(), w->now));
	while (!TAILQ_EMPTY(&w->unsent) && lb_frame_pending(&w->channel) < CHANNEL_HIGH) {
		struct target *t = TAILQ_FIRST(&w->unsent);
		TAILQ_REMOVE(&w->unsent, t, unsent);
		t->unsent_on = false;
		send_state(w, t);
	}
	if (lb_frame_pending(&w->channel))
		write_channel(w);
	if (may_start(w) && !TAILQ_EMPTY(&w->waiting))
		ev_idle_start(w->loop, &w->more);
	else
		ev_idle_stop(w->loop, &w->more);
}

static void on_writable(struct ev_loop *loop, ev_io *ev, int events)
{
	(void)loop, (void)events;
	write_channel(ev->data);
}

/* ---- probing ---- */

static void arm(struct prober *w, struct target *t)
{
	int64_t wait = lb_time_diff_us(t->sched.due, w->now);
	ev_timer_stop(w->loop, &t->due);
	ev_timer_set(&t->due, wait > 0 ? (double)wait / 1e6 : 0.0, 0.0);
	ev_timer_start(w->loop, &t->due);
}

static void plan_next(struct prober *w, struct target *t)
{
	bool down = t->fsm.judged && !t->fsm.up;
	check_sched_next(&t->sched, down ? t->spec.interval_down_ms : t->spec.interval_ms, w->now, &w->rand);
	arm(w, t);
}

static void log_result(const struct target *t)
{
	if (lb_log_get_level() < LB_LOG_DEBUG)
		return;
	char at[LB_ENDPOINT_STRLEN];
	lb_log(LB_LOG_DEBUG, "probe %s: %s (%s, latency=%uus, n=%u)", lb_endpoint_str(&t->spec.addr, t->spec.port, at),
		check_codes[t->last.code].name, t->last.text, t->last.latency_us, t->fsm.n);
}

static void tell_later(struct prober *w, struct target *t)
{
	if (t->unsent_on)
		return;
	t->unsent_on = true;
	TAILQ_INSERT_TAIL(&w->unsent, t, unsent);
}

/* The stages after this one: probed at once when it came up, and when it fell nothing is known of them any more. */
static void wake_stages(struct prober *w, struct target *t)
{
	for (struct target *s = t->stages; s; s = s->next_stage) {
		if (s->run || s->waiting_on)
			continue; /* its result comes by itself */
		s->sched.due = w->now;
		arm(w, s);
	}
}

/* Whether a stage has to wait. One that waits has not been judged; what it said before is forgotten. */
static bool rests(struct prober *w, struct target *t)
{
	if (!t->before || (t->before->fsm.judged && t->before->fsm.up))
		return false;
	if (t->fsm.judged || t->last.code != CHECK_CODE_INI) {
		check_fsm_init(&t->fsm, t->spec.rise, t->spec.fall, NULL);
		t->last = (struct check_result){ .code = CHECK_CODE_INI, .text = "waits for the check before it" };
		t->smooth = (struct check_smooth){ 0 };
		tell_later(w, t);
		wake_stages(w, t);
	}
	return true;
}

static void judge(struct prober *w, struct target *t, const struct check_result *r)
{
	struct check_fsm before = t->fsm;
	struct check_result was = t->last;
	t->last = *r;
	/* a failure says nothing about the weight: the last one holds until the backend speaks again */
	t->last.weight = check_codes[r->code].verdict == CHECK_VERDICT_PASS
				 ? check_weight_smooth(&t->smooth, &t->spec.params, &r->weight)
				 : was.weight;
	check_fsm_step(&t->fsm, check_codes[r->code].verdict);
	log_result(t);
	bool flip = before.up != t->fsm.up || before.judged != t->fsm.judged;
	bool weight = was.weight.kind != t->last.weight.kind || was.weight.value != t->last.weight.value;
	if (flip || weight || before.n != t->fsm.n || was.code != r->code)
		tell_later(w, t);
	if (flip)
		wake_stages(w, t);
}

static void start_waiting(struct prober *w);

/* Whether it is time for another warning: what is wrong is wrong for every probe. */
static bool may_warn(struct prober *w)
{
	if (w->warned_at.us != 0 && lb_time_diff_us(w->now, w->warned_at) <= WARN_EVERY_US)
		return false;
	w->warned_at = w->now;
	return true;
}

static void on_done(struct check_probe *p, const struct check_result *r, void *arg)
{
	struct prober *w = arg;
	struct run *run = (struct run *)((char *)p - offsetof(struct run, probe));
	struct target *t = run->t;
	struct check_result result = *r;
	check_result_distrust(&result, run->stalls != w->stalls);
	t->run = NULL;
	w->running--;
	free(run);
	judge(w, t, &result);
	plan_next(w, t);
	start_waiting(w);
}

static void note_late(struct prober *w, int64_t late_us)
{
	w->probes++;
	check_lateness_add(&w->lateness, late_us);
	if (late_us > WARN_LATE_US && may_warn(w))
		lb_log(LB_LOG_WARNING, "probes start late, %u ms: more are due than can be made here",
			(uint32_t)(late_us / 1000));
}

static void start_run(struct prober *w, struct target *t)
{
	const struct check_ops *ops = check_ops[t->spec.type];
	int rc = ops ? -ENOMEM : -EPROTONOSUPPORT;
	struct run *run = ops ? calloc(1, offsetof(struct run, probe) + ops->size) : NULL;
	if (run) {
		run->t = t;
		run->stalls = w->stalls;
		run->probe.loop = w->loop;
		run->probe.ops = ops;
		run->probe.spec = &t->spec;
		run->probe.done = on_done;
		run->probe.arg = w;
		w->clock = lb_clock_now();
		note_late(w, lb_time_diff_us(w->clock, t->sched.due));
		rc = ops->start(&run->probe, w->clock);
	}
	if (rc == 0) {
		t->run = run;
		w->running++;
		return;
	}
	free(run);
	struct check_result r = { 0 };
	check_result_connect(&r, -rc, CHECK_FROM_US);
	judge(w, t, &r);
	plan_next(w, t);
}

/* When more is due than can be made, a turn that started all of it would take seconds: answers would wait, no ping be
 * answered, and the kernel end us for a loop that hangs. */
static bool in_turn(const struct prober *w)
{
	return lb_time_diff_us(w->clock, w->now) < TURN_US;
}

static void start_waiting(struct prober *w)
{
	while (!TAILQ_EMPTY(&w->waiting) && may_start(w) && in_turn(w)) {
		struct target *t = TAILQ_FIRST(&w->waiting);
		TAILQ_REMOVE(&w->waiting, t, waiting);
		t->waiting_on = false;
		w->n_waiting--;
		start_run(w, t);
	}
}

static void on_due(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)events;
	struct prober *w = ev_userdata(loop);
	struct target *t = (struct target *)((char *)ev - offsetof(struct target, due));
	if (lb_time_cmp(w->now, t->sched.due) < 0) {
		arm(w, t);
		return;
	}
	note_lag(w, lb_time_diff_us(w->now, t->sched.due));
	if (rests(w, t)) {
		plan_next(w, t);
		return;
	}
	if (TAILQ_EMPTY(&w->waiting) && may_start(w) && in_turn(w)) {
		start_run(w, t);
		return;
	}
	t->waiting_on = true;
	TAILQ_INSERT_TAIL(&w->waiting, t, waiting);
	w->n_waiting++;
	if (!may_start(w) && may_warn(w))
		lb_log(LB_LOG_WARNING, "probes wait: %u run at once, which is all that %s", w->limit,
			w->limit == SCRIPTS_MAX ? "scripts may: give them longer intervals" : "RLIMIT_NOFILE allows");
}

/* ---- targets ---- */

/* A stage is set after the one before it. Where that is unknown here (it is probed in another room), the stage does not
 * wait: the core does not look at it until the one before it is up. */
static void stage_link(struct prober *w, struct target *t)
{
	uint32_t id = t->spec.after - 1;
	if (t->spec.after)
		HASH_FIND(hh, w->targets, &id, sizeof(id), t->before);
	if (!t->before)
		return;
	t->next_stage = t->before->stages;
	t->before->stages = t;
}

static void stage_unlink(struct target *t)
{
	for (struct target *s = t->stages; s; s = s->next_stage)
		s->before = NULL;
	for (struct target **p = t->before ? &t->before->stages : NULL; p && *p; p = &(*p)->next_stage)
		if (*p == t) {
			*p = t->next_stage;
			break;
		}
}

static void target_free(struct prober *w, struct target *t)
{
	stage_unlink(t);
	ev_timer_stop(w->loop, &t->due);
	check_watch_cancel(&w->watch, &t->spec);
	if (t->run) {
		t->run->probe.ops->cancel(&t->run->probe);
		free(t->run);
		w->running--;
	}
	if (t->unsent_on)
		TAILQ_REMOVE(&w->unsent, t, unsent);
	if (t->waiting_on) {
		TAILQ_REMOVE(&w->waiting, t, waiting);
		w->n_waiting--;
	}
	HASH_DELETE(hh, w->targets, t); /* NOLINT(clang-analyzer-*): it does not see that t is in the table */
	free(t);
}

static struct target *target_new(const struct check_msg_target *in)
{
	const struct check_spec *s = &in->spec;
	struct target *t = calloc(1, sizeof(*t) + s->params.n);
	if (!t)
		return NULL;
	t->id = in->id;
	t->spec = *s;
	t->spec.name = NULL;
	if (s->params.n)
		t->spec.params.bytes = memcpy(t->bytes, s->params.bytes, s->params.n);
	check_fsm_init(&t->fsm, s->rise, s->fall, &in->state);
	t->last = in->state.last;
	t->told_judged = t->fsm.judged;
	t->told_up = t->fsm.up;
	ev_init(&t->due, on_due);
	return t;
}

static void target_set(struct prober *w, const struct check_msg_target *in)
{
	struct target *t;
	/* a program costs the host more than a connection does; where there is one, everything else is one, too */
	if (check_types[in->spec.type].room == CHECK_ROOM_SCRIPT && w->limit > SCRIPTS_MAX)
		w->limit = SCRIPTS_MAX;
	HASH_FIND(hh, w->targets, &in->id, sizeof(in->id), t);
	if (t && check_spec_equal(&t->spec, &in->spec))
		return; /* nothing new: neither its schedule nor its counter may be disturbed */
	if (t)
		target_free(w, t);
	t = target_new(in);
	if (t) {
		HASH_ADD(hh, w->targets, id, sizeof(t->id), t);
		if (!t->hh.tbl) { /* how uthash says that memory is out */
			free(t);
			t = NULL;
		}
	}
	if (!t) {
		lb_log(LB_LOG_ERROR, "target %u: out of memory", in->id);
		end(w, 1);
		return;
	}
	stage_link(w, t);
	bool down = t->fsm.judged && !t->fsm.up;
	check_sched_start(&t->sched, down ? t->spec.interval_down_ms : t->spec.interval_ms, w->now, &w->rand);
	arm(w, t);
	start_waiting(w); /* the one that was replaced may have been running */
}

static void target_del(struct prober *w, uint32_t id)
{
	struct target *t;
	HASH_FIND(hh, w->targets, &id, sizeof(id), t);
	if (!t)
		return; /* deleting twice is harmless: the end is the same */
	target_free(w, t);
	start_waiting(w);
}

static void run_now(struct prober *w, const struct check_msg_run *run)
{
	struct target *t;
	HASH_FIND(hh, w->targets, &run->id, sizeof(run->id), t);
	check_watch_run(&w->watch, run, t ? &t->spec : NULL);
}

/* ---- receiving ---- */

static int hello(struct prober *w, const struct check_msg_hello *h)
{
	if (w->greeted || h->version != LB_PROTO_VERSION)
		return -EPROTO;
	w->greeted = true;
	w->rand = h->seed;
	lb_log_set_level(h->level);
	struct check_msg m = { .type = CHECK_MSG_READY };
	m.u.ready = (struct check_msg_ready){ .version = LB_PROTO_VERSION, .pid = (int32_t)getpid() };
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
	case CHECK_MSG_TARGET_SET: target_set(w, &m->u.target_set); return 0;
	case CHECK_MSG_TARGET_DEL: target_del(w, m->u.target_del); return 0;
	case CHECK_MSG_LOG: lb_log_set_level(m->u.log); return 0;
	case CHECK_MSG_PING: send_pong(w, m->u.ping); return 0;
	case CHECK_MSG_RUN: run_now(w, &m->u.run); return 0;
	case CHECK_MSG_READY:
	case CHECK_MSG_STATE:
	case CHECK_MSG_PONG:
	case CHECK_MSG_RAN: break;
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
	end(w, 1);
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
		end(w, gone ? 0 : 1);
		return;
	}
	const char *line;
	size_t n;
	int rc;
	while (w->status < 0 && (rc = lb_frame_line(&w->channel, &line, &n)) != 0) {
		if (rc < 0) {
			lb_log(LB_LOG_ERROR, "channel: a line is too long");
			end(w, 1);
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
	start_waiting(w);
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
	w.now = w.clock = lb_clock_now();
	check_lateness_init(&w.lateness, w.now);
	w.watch = (struct check_watch){ .loop = w.loop, .stalls = &w.stalls, .send = send_watched, .arg = &w };
	watchers_start(&w);
	ev_run(w.loop, 0);
	for (struct target *t = w.targets, *next; t; t = next) {
		next = t->hh.next;
		target_free(&w, t);
	}
	lb_text_done(&w.line);
	lb_frame_done(&w.channel);
	ev_loop_destroy(w.loop);
	return w.status < 0 ? 1 : w.status;
}
