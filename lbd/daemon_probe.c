/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rooms of the probes seen from the core: targets go out in slices, each to the room of its type; verdicts come in
 * and make services dirty. While a room is away verdicts and weights stay as they are: its silence means nothing about
 * a backend. Hooks (daemon_hook.c) run in that of scripts. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/check/check_io.h"
#include "lbd/daemon_rooms.h"

#include <errno.h>
#include <string.h>

#define TARGETS_PER_SLICE 500

/* One program, once without the right to start another and once with it. */
const struct worker_row daemon_probe_rows[CHECK_ROOM_COUNT] = {
	[CHECK_ROOM_NET] = {
		.name = "probe",
		.title = "lbd: probe",
		.user = "lbd-probe",
		.caps = 0,
		.filter = SANDBOX_FILTER_PROBE,
		.main = check_worker_main,
		.prepare = check_worker_prepare,
		.without = "backends with such a check stay as they are",
	},
	[CHECK_ROOM_SCRIPT] = {
		.name = "script",
		.title = "lbd: script",
		.user = "lbd-probe",
		.caps = 0,
		.filter = SANDBOX_FILTER_SCRIPT,
		.main = check_worker_main,
		.without = "backends with such a check stay as they are",
	},
};

const char *daemon_probe_user(void)
{
	return daemon_probe_rows[CHECK_ROOM_NET].user;
}

static enum check_room room_of(const struct model_target *t)
{
	return check_types[t->check->spec.type].room;
}

static enum check_room name_of(const struct daemon_room *room)
{
	return (enum check_room)(room - room->d->rooms);
}

static bool is_of(const struct daemon_room *room, const struct model_target *t)
{
	return &room->d->rooms[room_of(t)] == room;
}

static void send_set(struct daemon_room *room, const struct model_target *t, struct lb_text *line)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	m.u.target_set.id = t->id;
	model_target_spec(t, &m.u.target_set.spec);
	model_target_state(t, &m.u.target_set.state);
	lb_text_clear(line);
	check_msg_write(&m, line);
	(void)worker_send(&room->worker, line);
}

static void send_del(struct daemon_room *room, uint32_t id, struct lb_text *line)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_DEL, .u.target_del = id };
	lb_text_clear(line);
	check_msg_write(&m, line);
	(void)worker_send(&room->worker, line);
}

/* Tells its room what that does not know yet of the target at this index. False: it knows. */
static bool tell(struct daemon *d, uint32_t at, struct lb_text *line)
{
	struct model *m = d->model;
	struct daemon_room *room = &d->rooms[room_of(&m->targets[at])];
	switch (model_target_tell(m, at)) {
	case MODEL_TELL_NOTHING: return false;
	case MODEL_TELL_SET: send_set(room, &m->targets[at], line); return true;
	case MODEL_TELL_DEL: send_del(room, m->targets[at].id, line); return true;
	}
	return false;
}

/* The first target that has not been looked at yet, by bisection: ids ascend. */
static uint32_t first_unseen(const struct daemon_room *room)
{
	const struct model *m = room->d->model;
	uint32_t lo = 0, hi = m->n_targets;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (m->targets[mid].id < room->next_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void send_more(struct daemon_room *room)
{
	struct lb_text line = LB_TEXT_INIT;
	const struct model *m = room->d->model;
	uint32_t at = m ? first_unseen(room) : 0;
	for (uint32_t n = 0; m && at < m->n_targets && n < TARGETS_PER_SLICE; at++) {
		if (worker_pending(&room->worker) > WORKER_HIGH)
			break;
		/* what is not told costs no slice: nothing would be pending that asks for the next one */
		if (is_of(room, &m->targets[at]) && tell(room->d, at, &line))
			n++;
		room->next_id = m->targets[at].id + 1;
	}
	lb_text_done(&line);
}

void daemon_probe_override(struct daemon *d, const char *object)
{
	const struct model *m = d->model;
	struct lb_text line = LB_TEXT_INIT;
	uint32_t first = 0, n = model_override_backends(m, object, &first);
	for (const struct model_backend *b = &m->backends[first]; n > 0; b++, n--) {
		/* in their order: a stage comes after the one before it */
		for (uint32_t l = 0; l < m->services[b->service].cfg->n_checks; l++)
			(void)tell(d, m->links[b->first_link + l].target, &line);
	}
	lb_text_done(&line);
}

int daemon_probe_run(struct daemon *d, uint32_t token, uint32_t target_id)
{
	const struct model_target *t = model_target_by_id(d->model, target_id);
	struct check_msg m = { .type = CHECK_MSG_RUN, .u.run = { token, target_id } };
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(&m, &line);
	int err = t && worker_exists(&d->rooms[room_of(t)].worker) ? worker_send(&d->rooms[room_of(t)].worker, &line)
								   : -ENOTCONN;
	lb_text_done(&line);
	return err;
}

/* ---- what a room says ---- */

static void on_ready(struct worker *w, void *arg)
{
	struct daemon_room *room = arg;
	struct model *m = room->d->model;
	(void)w;
	for (uint32_t i = 0; m && i < m->n_targets; i++)
		if (is_of(room, &m->targets[i]))
			m->targets[i].sent = false; /* this process knows of none */
	room->next_id = 0;
	if (room->d->cuts.n)
		daemon_pause_tell(room);
	send_more(room);
	daemon_hook_more(room->d);
}

static void on_drained(struct worker *w, void *arg)
{
	(void)w;
	send_more(arg);
}

static void trace_flip(struct daemon *d, const struct history_record *r, struct lb_time decided, struct lb_time heard)
{
	char at[LB_ENDPOINT_STRLEN], object[TRACE_OBJECT];
	snprintf(object, sizeof(object), "check/%.60s %s %s", r->check, lb_endpoint_str(&r->addr, r->port, at),
		history_state_name((enum history_state)r->new_state));
	traces_open(d->traces, TRACE_FLIP, object, r->result.latency_us, lb_time_span_us(decided, heard), heard,
		r->wall_ms);
}

static void take_state(struct daemon *d, const struct check_msg_state *m)
{
	int64_t wall_ms = lb_clock_wall_ms();
	struct lb_time now = lb_clock_now();
	const struct history_record *r = history_add(d->history, d->model, m->id, &m->state, wall_ms);
	if (r && r->old_state != HISTORY_UNCHECKED) {
		daemon_log_check(d, r);
		trace_flip(d, r, m->at, now);
	}
	if (model_health(d->model, m->id, &m->state, now, wall_ms))
		d->changed = true;
}

static int on_line(struct worker *w, const json_t *msg, void *arg)
{
	struct daemon_room *room = arg;
	struct daemon *d = room->d;
	struct check_msg m;
	(void)w;
	int err = check_msg_read_core(msg, &m);
	if (err)
		return err == -ENOMEM ? 0 : -EBADMSG;
	if (m.type == CHECK_MSG_STATE) {
		/* a verdict may be on its way while its target is removed, or while nobody wants it any more; a room
		 * has a word on its own only */
		const struct model_target *t = model_target_by_id(d->model, m.u.state.id);
		if (t && t->sent && is_of(room, t))
			take_state(d, &m.u.state);
	} else if (m.type == CHECK_MSG_PONG) {
		room->pong = m.u.pong;
		ctl_lag_add(&room->lag, m.u.pong.lag_us);
	} else if (m.type == CHECK_MSG_RAN) {
		ctl_run_result(d->runs, name_of(room), &m.u.ran);
	} else if (m.type == CHECK_MSG_HOOK_DONE && room == &d->rooms[CHECK_ROOM_SCRIPT]) {
		daemon_hook_done(d, &m.u.hook_done);
	}
	check_msg_done(&m);
	return 0;
}

/* ---- start and stop ---- */

/* That of the network is always there: most configurations need it, and its start would take the first probe's time. */
static bool is_needed(const struct daemon_room *room)
{
	const struct daemon *d = room->d;
	if (room == &d->rooms[CHECK_ROOM_NET] || daemon_hook_wanted(d))
		return true;
	for (uint32_t i = 0; d->model && i < d->model->n_targets; i++)
		if (is_of(room, &d->model->targets[i]))
			return true;
	return false;
}

static void room_start(struct daemon_room *room);

static void on_gone(struct worker *w, void *arg)
{
	struct daemon_room *room = arg;
	ctl_runs_lost(room->d->runs, name_of(room), "the process that probes ended meanwhile; try again");
	if (room == &room->d->rooms[CHECK_ROOM_SCRIPT])
		daemon_hook_lost(room->d);
	if (!worker_stopped(w))
		return;
	worker_done(w);
	if (!room->d->stopping && is_needed(room)) /* needed again while it was ending */
		room_start(room);
}

static void on_news(const struct worker *w, const struct worker_news *news, void *arg)
{
	const struct daemon_room *room = arg;
	daemon_event_worker(room->d, w, news);
}

static const struct worker_calls calls = { on_ready, on_line, on_drained, on_gone, on_news };

static void room_start(struct daemon_room *room)
{
	const struct worker_row *row = &daemon_probe_rows[room - room->d->rooms];
	room->next_id = 0;
	room->pong = (struct check_msg_pong){ 0 };
	worker_start(&room->worker, row, room->d->loop, daemon_level(room->d, LB_LOG_CHECK), &calls, room);
}

static void room_stop(struct daemon_room *room)
{
	worker_end(&room->worker);
}

/* Starts it when it is needed and stops it when it is not. */
static void room_look(struct daemon_room *room)
{
	bool needed = is_needed(room);
	if (needed && !worker_exists(&room->worker))
		room_start(room);
	else if (!needed && worker_exists(&room->worker) && !room->worker.stopping)
		room_stop(room);
}

void daemon_probe_start(struct daemon *d)
{
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++) {
		d->rooms[i].d = d;
		room_look(&d->rooms[i]);
	}
}

void daemon_probe_stop(struct daemon *d)
{
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++)
		if (worker_exists(&d->rooms[i].worker) && !d->rooms[i].worker.stopping)
			room_stop(&d->rooms[i]);
}

bool daemon_probe_stopped(const struct daemon *d)
{
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++)
		if (worker_exists(&d->rooms[i].worker))
			return false;
	return true;
}

void daemon_probe_done(struct daemon *d)
{
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++) {
		worker_done(&d->rooms[i].worker);
	}
}

void daemon_probe_log_level(struct daemon *d, enum lb_log_level level)
{
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++)
		if (worker_exists(&d->rooms[i].worker))
			worker_log_level(&d->rooms[i].worker, level);
}

size_t daemon_probe_info(const struct daemon *d, struct ctl_worker_info *out, size_t n)
{
	size_t have = 0;
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++) {
		const struct daemon_room *room = &d->rooms[i];
		if (!worker_exists(&room->worker) && i != CHECK_ROOM_NET)
			continue; /* that of the network should be there: it is shown as down */
		if (have < n) {
			struct ctl_worker_info *one = &out[have];
			daemon_worker_info(&room->worker, &daemon_probe_rows[i], one);
			one->rss_kib = room->pong.rss_kib;
			one->probes = room->pong.probes;
			one->late_p50_us = room->pong.late_p50_us;
			one->late_p99_us = room->pong.late_p99_us;
			one->lag = &room->lag;
		}
		have++;
	}
	return have;
}

/* Those that the new model does not have. Both lists are sorted by id. */
static void send_dels(struct daemon *d, const struct model *old)
{
	struct lb_text line = LB_TEXT_INIT;
	for (uint32_t i = 0, j = 0; i < old->n_targets; i++) {
		uint32_t id = old->targets[i].id;
		struct daemon_room *room = &d->rooms[room_of(&old->targets[i])];
		while (j < d->model->n_targets && d->model->targets[j].id < id)
			j++;
		bool stays = j < d->model->n_targets && d->model->targets[j].id == id;
		if (!stays && worker_exists(&room->worker) && old->targets[i].sent)
			send_del(room, id, &line);
	}
	lb_text_done(&line);
}

void daemon_probe_model(struct daemon *d, const struct model *old)
{
	daemon_hook_model(d);
	if (!d->rooms[CHECK_ROOM_NET].d)
		return; /* the first model: the rooms are started when it is there */
	if (old)
		send_dels(d, old);
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++) {
		struct daemon_room *room = &d->rooms[i];
		room_look(room);
		room->next_id = 0; /* any target may be wanted now that was not, and the other way round */
		if (worker_exists(&room->worker))
			send_more(room);
	}
}
