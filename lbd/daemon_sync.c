/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room of flow state seen from the core: with whom flows are exchanged, and the key, go out; how that goes comes in
 * and is told. It runs only while there is somebody to exchange them with, or somebody asks about single connections
 * (daemon_conn.c), and once more when one was killed, which may have left something in the kernel. It has the link to
 * the other node, over which the two cores talk, too. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"
#include "lbd/sync/ipvs_tap_io.h"
#include "lbd/sync/sync_io.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

/* As the core: it has the same capabilities, and of its files the room can open none. */
const struct worker_row daemon_sync_row = {
	.name = "sync",
	.title = "lbd: sync",
	.user = NULL,
	.caps = 1ull << CAP_NET_RAW | 1ull << CAP_NET_ADMIN,
	.filter = SANDBOX_FILTER_SYNC,
	.main = sync_worker_main,
	.prepare = sync_worker_prepare,
	.without = "flows are not copied",
};

int daemon_sync_prepare(struct daemon *d, const struct config *c, struct daemon_key *key, struct lb_err *e)
{
	daemon_sync_unprepare(d);
	return model_sync_conf(c, daemon_key_read, key, &d->sync.next, e);
}

void daemon_sync_unprepare(struct daemon *d)
{
	sync_conf_done(&d->sync.next);
}

/* ---- to the room ---- */

static bool talking(const struct daemon_sync *s)
{
	return s->worker.state == WORKER_STATE_READY;
}

static int send(struct daemon_sync *s, const struct sync_room_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	if (!talking(s))
		return -ENOTCONN;
	sync_room_msg_write(m, &line);
	int err = worker_send(&s->worker, &line);
	if (m->type == SYNC_MSG_SET && line.n)
		explicit_bzero(line.s, line.n);
	lb_text_done(&line);
	return err;
}

static void send_due(struct daemon *d)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_SET, .u.set = &d->sync.all.conf };
	if (d->sync.all.due)
		d->sync.all.due = send(&d->sync, &m) != 0;
}

/* Which role is the kernel's goes by those of the instances. */
static void role_of_kernel(struct daemon *d)
{
	struct sync_room_msg m = { .type = SYNC_MSG_MULTICAST };
	struct sync_multicast *want = &m.u.multicast, *told = &d->sync.multicast;
	if (!d->sync.of_kernel || !talking(&d->sync) || !model_sync_multicast(d->model->config, &d->vrrp.all, want))
		return;
	if (want->master == told->master && want->id == told->id && want->port == told->port &&
		lb_ip_cmp(&want->group, &told->group) == 0 && strcmp(want->device, told->device) == 0)
		return;
	if (send(&d->sync, &m) == 0)
		*told = *want;
}

void daemon_sync_role(struct daemon *d)
{
	model_sync_role(&d->sync.all, &d->vrrp.all);
	send_due(d);
	role_of_kernel(d);
}

int daemon_sync_do(struct daemon *d, const struct sync_msg_do *what)
{
	struct sync_room_msg m = { .type = SYNC_MSG_DO, .u.run = *what };
	m.u.run.number = d->sync.all.orders + 1;
	int err = send(&d->sync, &m);
	if (!err)
		model_sync_did(&d->sync.all, &m.u.run);
	return err;
}

bool daemon_sync_talking(const struct daemon *d)
{
	return talking(&d->sync);
}

int daemon_sync_ask(struct daemon *d, const struct sync_room_msg *m)
{
	if (talking(&d->sync))
		return send(&d->sync, m);
	if (d->stopping)
		return -ESHUTDOWN;
	daemon_sync_start(d);
	return d->sync.worker.refused ? d->sync.worker.refused : -EAGAIN;
}

bool daemon_sync_has_room(const struct daemon *d)
{
	return worker_pending(&d->sync.worker) < WORKER_HIGH;
}

void daemon_sync_restart(struct daemon *d, const char *why)
{
	if (worker_exists(&d->sync.worker))
		worker_restart(&d->sync.worker, why);
}

int daemon_sync_talk(struct daemon *d, uint32_t link, uint32_t id, uint8_t flags, const char *text, size_t n)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_TALK_OUT,
		.u.talk = { .link = link, .id = id, .flags = flags, .text = text, .n = n } };
	return send(&d->sync, &m);
}

/* ---- what the room says ---- */

static void tell(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	struct model_line line;
	while (model_sync_next(&d->sync.all, now, &line)) {
		daemon_event_line(d, &line, NULL);
		d->changed = true;
	}
}

static void on_ready(struct worker *w, void *arg)
{
	struct daemon *d = arg;
	(void)w;
	daemon_talk_link(d, 0, "the process that has the link was started anew");
	model_sync_forget(&d->sync.all, lb_clock_now());
	d->sync.all.due = true;
	d->sync.multicast = (struct sync_multicast){ .port = 0 };
	daemon_sync_role(d);
	daemon_conn_ready(d);
}

static void on_drained(struct worker *w, void *arg)
{
	(void)w;
	daemon_sync_role(arg); /* and what did not go out for want of memory */
}

static int on_line(struct worker *w, const json_t *msg, void *arg)
{
	struct daemon *d = arg;
	struct sync_room_msg m;
	(void)w;
	int err = sync_room_msg_read_core(msg, &m);
	if (err)
		return err == -ENOMEM ? 0 : -EBADMSG;
	if (m.type == SYNC_MSG_STATE) {
		d->sync.left = false; /* it has its configuration, and goes by it */
		if (model_sync_said_state(&d->sync.all, &m.u.state, lb_clock_now(), lb_clock_wall_ms()))
			daemon_conn_copied(d);
		d->changed = true;
	} else if (m.type == SYNC_MSG_STATS) {
		model_sync_said_stats(&d->sync.all, &m.u.stats);
	} else if (m.type == SYNC_MSG_TALK_LINK) {
		daemon_talk_link(d, m.u.talk.link, "the link broke");
	} else if (m.type == SYNC_MSG_TALK_IN) {
		daemon_talk_in(d, &m.u.talk);
	} else if (m.type == SYNC_MSG_PONG) {
		d->sync.pong = m.u.pong;
		ctl_lag_add(&d->sync.lag, m.u.pong.lag_us);
	} else if (m.type == SYNC_MSG_CONN_ROWS || m.type == SYNC_MSG_CONN_END) {
		daemon_conn_said(d, &m);
	} else if (m.type == SYNC_MSG_LOOK_WANT || m.type == SYNC_MSG_LOOK_END) {
		daemon_look_said(d, &m);
	}
	tell(d);
	sync_room_msg_done(&m);
	return 0;
}

/* ---- start and stop ---- */

static bool of_kernel(const struct daemon *d)
{
	return d->sync.all.runs == CONFIG_FLOWS_KERNEL;
}

static bool wanted(const struct daemon *d)
{
	return of_kernel(d) || model_sync_runs(&d->sync.all) || daemon_conn_wanted(d) || d->sync.left;
}

static void room_start(struct daemon *d);

static void on_gone(struct worker *w, void *arg)
{
	struct daemon *d = arg;
	daemon_talk_link(d, 0, "the process that has the link ended");
	model_sync_forget(&d->sync.all, lb_clock_now());
	d->changed = true;
	daemon_conn_lost(d);
	daemon_look_lost(d);
	/* One that was told to end and did has left nothing: what has these names then is somebody else's, and would
	 * start it again and again. */
	if (!worker_stopped(w) || w->killed)
		d->sync.left = ipvs_tap_left();
	if (!worker_stopped(w))
		return;
	worker_done(w);
	if (!d->stopping && wanted(d)) /* needed again while it was ending */
		room_start(d);
}

static void on_news(const struct worker *w, const struct worker_news *news, void *arg)
{
	daemon_event_worker(arg, w, news);
}

static const struct worker_calls calls = { on_ready, on_line, on_drained, on_gone, on_news };

static void room_start(struct daemon *d)
{
	struct daemon_sync *s = &d->sync;
	s->pong = (struct sync_msg_pong){ 0 };
	s->of_kernel = of_kernel(d);
	worker_start(&s->worker, &daemon_sync_row, d->loop, daemon_level(d, LB_LOG_SYNC), &calls, d);
}

void daemon_sync_stop(struct daemon *d)
{
	struct daemon_sync *s = &d->sync;
	if (!worker_exists(&s->worker) || s->worker.stopping)
		return;
	worker_end(&s->worker);
}

bool daemon_sync_stopped(const struct daemon *d)
{
	return !worker_exists(&d->sync.worker);
}

void daemon_sync_start(struct daemon *d)
{
	if (!d->sync.started)
		d->sync.left = ipvs_tap_left();
	d->sync.started = true;
	/* one way and the other have nothing in common: then it is another process */
	if (worker_exists(&d->sync.worker) && (!wanted(d) || d->sync.of_kernel != of_kernel(d)))
		daemon_sync_stop(d);
	if (wanted(d) && !worker_exists(&d->sync.worker))
		room_start(d);
}

void daemon_sync_done(struct daemon *d)
{
	worker_done(&d->sync.worker);
	daemon_sync_unprepare(d);
	daemon_conn_done(d);
	model_sync_done(&d->sync.all);
}

void daemon_sync_log_level(struct daemon *d, enum lb_log_level level)
{
	if (worker_exists(&d->sync.worker))
		worker_log_level(&d->sync.worker, level);
}

size_t daemon_sync_info(const struct daemon *d, struct ctl_worker_info *out, size_t n)
{
	const struct daemon_sync *s = &d->sync;
	if (!worker_exists(&s->worker))
		return 0;
	if (n) {
		daemon_worker_info(&s->worker, &daemon_sync_row, out);
		out->rss_kib = s->pong.rss_kib;
		out->lag_us = s->pong.lag_us;
		out->turns = true;
		out->lag = &s->lag;
	}
	return 1;
}

void daemon_sync_tick(struct daemon *d)
{
	tell(d);
	daemon_sync_role(d);
	if (!d->stopping && worker_exists(&d->sync.worker) && !wanted(d))
		daemon_sync_stop(d);
}

/* ---- the configuration ---- */

void daemon_sync_model(struct daemon *d, const struct config *c)
{
	if (d->sync.next.n_paths)
		d->sync.next.ways = d->sync.all.conf.ways + model_sync_gains(d->model ? d->model->config : NULL, c);
	if (model_sync_take(&d->sync.all, c, &d->sync.next, d->generation, lb_clock_now()))
		d->sync.all.due = true;
	if (d->sync.started)
		daemon_sync_start(d);
	send_due(d);
}
