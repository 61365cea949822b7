/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room of VRRP seen from the core: instances, keys and what daemon_track.c says go out; states, alarms and counters
 * come in and are told. It runs only while the configuration has an instance; and without one once, where an earlier
 * run may have left addresses. While it is away nothing is known of any. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"
#include "lbd/daemon_state.h"
#include "lbd/state/state_io.h"
#include "lbd/vrrp/vip_ask_io.h"
#include "lbd/vrrp/vrrp_io.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 65536u
#define ROOM_LOST    "the process of VRRP ended while it was at work; see lbctl vrrp list"

/* As the core: it has the same capabilities, and of its files the room can open none. */
const struct worker_row daemon_vrrp_row = {
	.name = "vrrp",
	.title = "lbd: vrrp",
	.user = NULL,
	.caps = 1ull << CAP_NET_RAW | 1ull << CAP_NET_ADMIN,
	.filter = SANDBOX_FILTER_VRRP,
	.main = vrrp_worker_main,
	.prepare = vrrp_worker_prepare,
	.realtime = true,
	.helper = vip_ask_main,
	.helper_title = "lbd: vip",
	.helper_caps = 1ull << CAP_NET_ADMIN,
	.without = "this node holds no virtual address",
};

/* ---- keys ---- */

static int read_key(const char *path, struct lb_text *out, struct lb_err *e, void *arg)
{
	(void)arg;
	return state_read_secret(path, KEY_FILE_MAX,
		"the password, or for hmac a line `1 HEX` with what `openssl rand -hex 32` says", out, e);
}

int daemon_vrrp_prepare(struct daemon *d, const struct config *c, struct lb_err *e)
{
	struct vrrp_conf *confs = model_vrrp_confs(c, read_key, NULL, e);
	if (!confs)
		return -1;
	daemon_vrrp_unprepare(d);
	d->vrrp.next = confs;
	d->vrrp.n_next = c->n_vrrp;
	struct daemon_key key = { .text = LB_TEXT_INIT };
	int err = daemon_peer_prepare(d, c, &key, e);
	if (!err)
		err = daemon_sync_prepare(d, c, &key, e);
	daemon_key_done(&key);
	if (err)
		daemon_vrrp_unprepare(d);
	return err;
}

void daemon_vrrp_unprepare(struct daemon *d)
{
	model_vrrp_confs_free(d->vrrp.next, d->vrrp.n_next);
	d->vrrp.next = NULL;
	d->vrrp.n_next = 0;
	daemon_peer_unprepare(d);
	daemon_sync_unprepare(d);
}

/* ---- to the room ---- */

static bool talking(const struct daemon_vrrp *v)
{
	return v->worker.state == WORKER_STATE_READY;
}

static int send(struct daemon_vrrp *v, const struct vrrp_msg *m, struct lb_text *line)
{
	lb_text_clear(line);
	vrrp_msg_write(m, line);
	int err = worker_send(&v->worker, line);
	if ((m->type == VRRP_MSG_SET || m->type == VRRP_MSG_PEERS) && line->n)
		explicit_bzero(line->s, line->n);
	return err;
}

static void send_track(struct daemon_vrrp *v, struct model_vrrp *one, struct lb_text *line)
{
	struct vrrp_msg m = { .type = VRRP_MSG_TRACK };
	m.u.track.id = one->conf->id;
	m.u.track.add = one->track.add;
	m.u.track.fault = one->track.fault;
	memcpy(m.u.track.reason, one->track.reason, sizeof(m.u.track.reason));
	one->track_due = send(v, &m, line) != 0;
}

int daemon_vrrp_send(struct daemon *d, const struct vrrp_msg *m, struct lb_text *line)
{
	return talking(&d->vrrp) ? send(&d->vrrp, m, line) : -ENOTCONN;
}

/* Who goes first: the addresses of an instance that has gone may be those of one that comes. */
void daemon_vrrp_send_due(struct daemon *d)
{
	struct daemon_vrrp *v = &d->vrrp;
	struct lb_text line = LB_TEXT_INIT;
	if (!talking(v))
		return;
	for (uint32_t i = 0; i < v->all.n_gone; i++) {
		const struct vrrp_msg m = { .type = VRRP_MSG_DEL, .u.del = v->all.gone[i] };
		(void)send(v, &m, &line);
	}
	v->all.n_gone = 0;
	daemon_peer_send(d, &line); /* before the first instance begins: it may ask what is known of the others */
	for (uint32_t i = 0; i < v->all.n; i++) {
		const struct vrrp_msg m = { .type = VRRP_MSG_SET, .u.set = v->all.v[i].conf };
		if (v->all.v[i].conf_due)
			v->all.v[i].conf_due = send(v, &m, &line) != 0;
	}
	for (uint32_t i = 0; i < v->all.n; i++)
		if (v->all.v[i].track_due && !v->all.v[i].conf_due)
			send_track(v, &v->all.v[i], &line);
	lb_text_done(&line);
}

int daemon_vrrp_do(struct daemon *d, uint32_t id, enum vrrp_do what, uint32_t for_ms)
{
	struct lb_text line = LB_TEXT_INIT;
	const struct vrrp_msg m = { .type = VRRP_MSG_DO, .u.run = { .id = id, .what = what, .for_ms = for_ms } };
	int err = daemon_vrrp_send(d, &m, &line);
	lb_text_done(&line);
	return err;
}

/* ---- what the room says ---- */

static void on_ready(struct worker *w, void *arg)
{
	struct daemon *d = arg;
	(void)w;
	model_vrrps_forget(&d->vrrp.all);
	daemon_peer_forget(d, ROOM_LOST);
	d->vrrp.look = true; /* tracks of this moment go out with the instances */
	if (d->vrrp.left) {
		struct lb_text line = LB_TEXT_INIT;
		(void)send(&d->vrrp, &(struct vrrp_msg){ .type = VRRP_MSG_SWEEP }, &line);
		lb_text_done(&line);
	}
	daemon_track_turn(d);
}

static void on_drained(struct worker *w, void *arg)
{
	(void)w;
	daemon_vrrp_send_due(arg); /* what did not go out for want of memory */
}

static void trace_taken(struct daemon *d, const struct model_vrrp *v, const struct vrrp_msg_taken *m)
{
	const uint32_t us[TRACE_PARTS] = { m->silent_us, m->woke_us, m->advert_us, m->addresses_us, m->announced_us };
	char object[TRACE_OBJECT];
	snprintf(object, sizeof(object), "vrrp/%s master", v->conf->name);
	traces_add(d->traces, TRACE_TAKEOVER, object, us, lb_clock_wall_ms());
}

/* Before the word is taken up. */
static void note_fault(struct daemon *d, struct model_vrrp *v, const struct vrrp_msg_state *m)
{
	struct daemon_vrrp *room = &d->vrrp;
	enum vrrp_state was;
	struct lb_time now = lb_clock_now();
	if (!model_vrrp_changes(v, m, &was))
		return;
	if (m->state == VRRP_STATE_FAULT) {
		model_fit_fault(&room->fit,
			model_track_fault_since(d->model, v->cfg->tracks, v->tracks, v->cfg->n_tracks, now));
		model_vrrp_at_fault(&room->all, v);
	} else if (was == VRRP_STATE_FAULT) {
		model_fit_over(&room->fit, d->model, now);
		if (room->fit.until.us && v->cfg->preempt)
			lb_log(LB_LOG_INFO,
				"vrrp/%s: leaves the addresses to others until its checks pass, %u s at most",
				v->conf->name, (unsigned)((lb_time_diff_us(room->fit.until, now) + 999999) / 1000000));
	}
}

static void take_up(struct daemon *d, struct model_vrrp *v, const struct vrrp_msg_state *m)
{
	struct model_line line;
	model_vrrp_said_state(v, m, lb_clock_wall_ms(), &line);
	if (line.text[0])
		daemon_event_line(d, &line, json_pack("{s:i}", "priority", (int)m->prio));
}

static void said_state(struct daemon *d, struct model_vrrp *v, const struct vrrp_msg_state *m)
{
	enum vrrp_state was;
	bool takes = m->state == VRRP_STATE_MASTER && model_vrrp_changes(v, m, &was);
	daemon_hook_state(d, v, m);
	note_fault(d, v, m);
	take_up(d, v, m);
	d->changed = true;
	daemon_sync_role(d);
	if (takes)
		daemon_conn_master(d);
}

static void swept(struct daemon *d)
{
	d->vrrp.left = d->vrrp.noted = false;
	daemon_vips_forget(d);
	daemon_vrrp_start(d); /* nothing needs it now */
}

static int on_line(struct worker *w, const json_t *msg, void *arg)
{
	struct daemon *d = arg;
	struct vrrp_msg m;
	struct model_line line;
	(void)w;
	int err = vrrp_msg_read_core(msg, &m);
	if (err)
		return err == -ENOMEM ? 0 : -EBADMSG;
	/* an id we do not know was removed while its word was on its way */
	struct model_vrrp *v;
	if (daemon_peer_said(d, &m)) {
		d->changed = true;
	} else if (m.type == VRRP_MSG_STATE && (v = model_vrrp_by_id(&d->vrrp.all, m.u.state.id))) {
		said_state(d, v, &m.u.state);
	} else if (m.type == VRRP_MSG_ALARM && (v = model_vrrp_by_id(&d->vrrp.all, m.u.alarm.id))) {
		model_vrrp_said_alarm(v, &m.u.alarm, &line);
		if (line.text[0])
			daemon_event_line(d, &line, NULL);
	} else if (m.type == VRRP_MSG_TAKEN && (v = model_vrrp_by_id(&d->vrrp.all, m.u.taken.id))) {
		trace_taken(d, v, &m.u.taken);
	} else if (m.type == VRRP_MSG_STATS && (v = model_vrrp_by_id(&d->vrrp.all, m.u.stats.id))) {
		v->stats = m.u.stats;
		v->has_stats = true;
	} else if (m.type == VRRP_MSG_SWEPT && d->vrrp.left) {
		swept(d);
	} else if (m.type == VRRP_MSG_PONG) {
		d->vrrp.pong = m.u.pong;
		ctl_lag_add(&d->vrrp.lag, m.u.pong.lag_us);
	}
	vrrp_msg_done(&m);
	return 0;
}

/* ---- start and stop ---- */

static bool needed(const struct daemon_vrrp *v)
{
	return v->all.n || v->left;
}

static void room_start(struct daemon *d);

static void on_gone(struct worker *w, void *arg)
{
	struct daemon *d = arg;
	model_vrrps_forget(&d->vrrp.all);
	daemon_peer_forget(d, ROOM_LOST);
	d->changed = true;
	if (!worker_stopped(w))
		return;
	worker_done(w);
	if (!d->stopping && needed(&d->vrrp)) /* needed again while it was ending */
		room_start(d);
}

static void on_news(const struct worker *w, const struct worker_news *news, void *arg)
{
	daemon_event_worker(arg, w, news);
}

static const struct worker_calls calls = { on_ready, on_line, on_drained, on_gone, on_news };

static void room_start(struct daemon *d)
{
	struct daemon_vrrp *v = &d->vrrp;
	v->pong = (struct vrrp_msg_pong){ 0 };
	model_vrrps_forget(&v->all);
	daemon_peer_forget(d, ROOM_LOST);
	worker_start(&v->worker, &daemon_vrrp_row, d->loop, daemon_level(d, LB_LOG_VRRP), &calls, d);
}

void daemon_vrrp_stop(struct daemon *d, bool leave)
{
	struct daemon_vrrp *v = &d->vrrp;
	if (!worker_exists(&v->worker) || v->worker.stopping)
		return;
	struct lb_text line = LB_TEXT_INIT;
	if (leave)
		(void)daemon_vrrp_send(d, &(struct vrrp_msg){ .type = VRRP_MSG_END }, &line);
	lb_text_done(&line);
	worker_end(&v->worker);
}

bool daemon_vrrp_stopped(const struct daemon *d)
{
	return !worker_exists(&d->vrrp.worker);
}

/* What a run had, and did not let go of: one that was killed before this one, or a process that ended just now. */
static void look_for_left(struct daemon *d)
{
	struct daemon_vrrp *v = &d->vrrp;
	if (v->all.n && !v->noted)
		daemon_vips_note(d);
	v->noted = v->all.n || v->noted;
	if (v->all.n)
		v->left = false; /* the process looks by itself */
	else if (!v->started || (worker_exists(&v->worker) && !v->worker.stopping && !talking(v)))
		v->left = daemon_vips_noted(d);
}

/* Starts it when it is needed and stops it when it is not. */
void daemon_vrrp_start(struct daemon *d)
{
	struct daemon_vrrp *v = &d->vrrp;
	look_for_left(d);
	v->started = true;
	if (needed(v) && !worker_exists(&v->worker))
		room_start(d);
	else if (!needed(v))
		daemon_vrrp_stop(d, true);
}

void daemon_vrrp_done(struct daemon *d)
{
	worker_done(&d->vrrp.worker);
	daemon_vrrp_unprepare(d);
	daemon_peer_done(d);
	model_vrrps_done(&d->vrrp.all);
	lb_vec_done(&d->vrrp.processes);
	lb_vec_done(&d->vrrp.interfaces);
}

void daemon_vrrp_log_level(struct daemon *d, enum lb_log_level level)
{
	if (worker_exists(&d->vrrp.worker))
		worker_log_level(&d->vrrp.worker, level);
}

size_t daemon_vrrp_info(const struct daemon *d, struct ctl_worker_info *out, size_t n)
{
	const struct daemon_vrrp *v = &d->vrrp;
	if (!worker_exists(&v->worker) && !v->all.n)
		return 0;
	if (n) {
		daemon_worker_info(&v->worker, &daemon_vrrp_row, out);
		out->rss_kib = v->pong.rss_kib;
		out->instances = v->pong.instances;
		out->lag_us = v->pong.lag_us;
		out->turns = v->pong.instances > 0;
		out->lag = &v->lag;
	}
	return 1;
}

/* ---- the configuration ---- */

int daemon_vrrp_model(struct daemon *d, const struct config *c)
{
	struct daemon_vrrp *v = &d->vrrp;
	assert(v->n_next == c->n_vrrp); /* daemon_vrrp_prepare comes before */
	int err = model_vrrps_take(&v->all, c, v->next, d->overrides);
	if (!err) {
		(void)daemon_peer_take(d);
		daemon_sync_model(d, c);
		model_fit_model(&v->fit);
	}
	daemon_vrrp_unprepare(d);
	if (err)
		return err;
	struct vrrp_msg_state m; /* the process has a last word for each that goes, but of whom is not known any more */
	for (struct model_vrrp *one; (one = model_vrrps_ended(&v->all, &m));)
		take_up(d, one, &m);
	daemon_track_collect(v);
	v->beside = config_serves_beside(c);
	daemon_track_tick(d);
	daemon_peer_tick(d);
	if (v->started)
		daemon_vrrp_start(d);
	daemon_vrrp_send_due(d); /* who has gone, when nobody is left to track anything */
	daemon_more(d);
	return 0;
}

uint32_t daemon_vrrp_keys(struct daemon *d, bool *cluster)
{
	(void)daemon_vrrp_new_keys(d, d->model->config, cluster); /* of the flows, too, which may be alone with it */
	*cluster |= daemon_peer_take(d);
	daemon_sync_model(d, d->model->config);
	uint32_t n = d->vrrp.n_next == d->vrrp.all.n ? model_vrrps_take_keys(&d->vrrp.all, d->vrrp.next) : 0;
	daemon_vrrp_unprepare(d);
	daemon_vrrp_send_due(d);
	return n;
}

void daemon_vrrp_override(struct daemon *d)
{
	model_vrrps_override(&d->vrrp.all, d->overrides);
	daemon_vrrp_send_due(d);
}
