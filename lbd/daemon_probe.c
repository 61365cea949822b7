/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe worker seen from the core: targets go out in slices, verdicts come in and make services dirty. While it
 * is away verdicts and weights stay as they are: its silence means nothing about a backend. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/check/check_io.h"
#include "lbd/daemon.h"

#include <errno.h>

#define TARGETS_PER_SLICE 500

static const struct worker_row probe_row = {
	.name = "probe",
	.title = "lbd: probe",
	.user = "lbd-probe",
	.caps = 0,
	.filter = SANDBOX_FILTER_PROBE,
	.main = check_worker_main,
};

/* The table of rooms: vrrp and sync get their rows here. */
const struct worker_row *const daemon_workers[] = { &probe_row };
const size_t daemon_workers_n = sizeof(daemon_workers) / sizeof(daemon_workers[0]);

static void send_set(struct daemon *d, const struct model_target *t, struct lb_text *line)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	m.u.target_set.id = t->id;
	model_target_spec(t, &m.u.target_set.spec);
	m.u.target_set.state = (struct check_state){ .n = t->n,
		.judged = t->judged,
		.up = t->up,
		.last = { .code = (enum check_code)t->code, .latency_us = t->latency_us } };
	if (t->text)
		snprintf(m.u.target_set.state.last.text, CHECK_TEXT_MAX, "%s", t->text);
	lb_text_clear(line);
	check_msg_write(&m, line);
	(void)worker_send(&d->probe, line);
}

/* The first target that has not been sent yet, by bisection: ids ascend. */
static uint32_t first_unsent(const struct daemon *d)
{
	uint32_t lo = 0, hi = d->model->n_targets;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (d->model->targets[mid].id < d->probe_next_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void send_more(struct daemon *d)
{
	struct lb_text line = LB_TEXT_INIT;
	uint32_t at = d->model ? first_unsent(d) : 0;
	for (uint32_t n = 0; d->model && at < d->model->n_targets && n < TARGETS_PER_SLICE; n++, at++) {
		if (worker_pending(&d->probe) > WORKER_HIGH)
			break;
		if (model_target_wanted(d->model, &d->model->targets[at]))
			send_set(d, &d->model->targets[at], &line);
		d->probe_next_id = d->model->targets[at].id + 1;
	}
	lb_text_done(&line);
}

static void send_del(struct daemon *d, uint32_t id, struct lb_text *line)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_DEL, .u.target_del = id };
	lb_text_clear(line);
	check_msg_write(&m, line);
	(void)worker_send(&d->probe, line);
}

/* In maintenance nothing is probed; afterwards the first verdict decides, as for a new backend. */
void daemon_probe_maint(struct daemon *d, uint32_t backend)
{
	const struct model *m = d->model;
	struct lb_text line = LB_TEXT_INIT;
	uint32_t n = m->services[m->backends[backend].service].cfg->n_checks;
	for (uint32_t i = 0; i < n; i++) {
		const struct model_target *t = model_backend_target(m, backend, i);
		if (t->id >= d->probe_next_id)
			continue; /* not sent yet: it will be looked at then */
		if (!model_target_wanted(m, t)) {
			send_del(d, t->id, &line);
			model_target_reset(d->model, t->id);
		} else if (!t->judged) {
			send_set(d, t, &line);
		}
	}
	lb_text_done(&line);
}

int daemon_probe_run(struct daemon *d, uint32_t token, uint32_t target_id)
{
	struct check_msg m = { .type = CHECK_MSG_RUN, .u.run = { token, target_id } };
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(&m, &line);
	int err = d->probe_there ? worker_send(&d->probe, &line) : -ENOTCONN;
	lb_text_done(&line);
	return err;
}

static void on_ready(struct worker *w, void *arg)
{
	struct daemon *d = arg;
	(void)w;
	d->probe_next_id = 0;
	send_more(d);
}

static void on_drained(struct worker *w, void *arg)
{
	(void)w;
	send_more(arg);
}

static int on_line(struct worker *w, const json_t *msg, void *arg)
{
	struct daemon *d = arg;
	struct check_msg m;
	(void)w;
	int err = check_msg_read_core(msg, &m);
	if (err)
		return err == -ENOMEM ? 0 : -EBADMSG;
	if (m.type == CHECK_MSG_STATE) {
		history_add(d->history, d->model, m.u.state.id, &m.u.state.state, lb_clock_wall_ms());
		/* an id we do not know was removed while its verdict was on its way */
		if (model_health(d->model, m.u.state.id, &m.u.state.state, lb_clock_now(), lb_clock_wall_ms()))
			d->changed = true;
	} else if (m.type == CHECK_MSG_PONG) {
		d->probe_pong = m.u.pong;
	} else if (m.type == CHECK_MSG_RAN) {
		ctl_run_result(d->runs, &m.u.ran);
	}
	check_msg_done(&m);
	return 0;
}

static void on_gone(struct worker *w, void *arg)
{
	struct daemon *d = arg;
	(void)w;
	ctl_runs_lost(d->runs, "the process that probes ended meanwhile; try again");
}

static const struct worker_calls calls = { on_ready, on_line, on_drained, on_gone };

int daemon_probe_start(struct daemon *d)
{
	int err = worker_start(&d->probe, &probe_row, d->loop, lb_log_get_level(), &calls, d);
	d->probe_there = err == 0;
	return err;
}

void daemon_probe_model(struct daemon *d, const struct model *old)
{
	if (!d->probe_there)
		return;
	struct lb_text line = LB_TEXT_INIT;
	/* both are sorted by id; what is in the new one only has a higher id than anything sent so far */
	for (uint32_t i = 0, j = 0; old && i < old->n_targets; i++) {
		uint32_t id = old->targets[i].id;
		while (j < d->model->n_targets && d->model->targets[j].id < id)
			j++;
		if ((j < d->model->n_targets && d->model->targets[j].id == id) || id >= d->probe_next_id)
			continue;
		send_del(d, id, &line);
	}
	lb_text_done(&line);
	send_more(d);
}
