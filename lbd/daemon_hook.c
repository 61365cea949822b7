/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that are told of changes: they run in the room of scripts, one at a time. While it is away what happens
 * waits. When lbd stops nobody is told any more: what an instance does then is the stop's doing. */
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"

#include <errno.h>

static const struct config_hook *hook_of(const struct daemon *d)
{
	return d->model ? &d->model->config->state_hook : NULL;
}

bool daemon_hook_wanted(const struct daemon *d)
{
	const struct config_hook *h = hook_of(d);
	return h && h->path[0] && d->model->config->n_vrrp;
}

static void ended(struct daemon *d, uint32_t id, const char *why, uint32_t took_us)
{
	char name[MODEL_HOOK_LINE / 2];
	model_hook_name(&d->hooks.running, name, sizeof(name));
	if (!model_hooks_done(&d->hooks, id, why))
		return; /* it was forgotten: the configuration has no hook any more */
	if (why[0])
		daemon_event(d, &(struct event){ .id = LB_EVENT_HOOK_FAILED, .reason = why },
			"hook/state: %s failed (%s, took=%.1fms)", name, why, took_us / 1e3);
	else
		daemon_event(d, &(struct event){ .id = LB_EVENT_HOOK_RAN }, "hook/state: %s told (took=%.1fms)", name,
			took_us / 1e3);
}

void daemon_hook_more(struct daemon *d)
{
	struct daemon_room *room = &d->rooms[CHECK_ROOM_SCRIPT];
	const struct model_hook_run *run;
	struct lb_text line = LB_TEXT_INIT;
	while (!d->stopping && daemon_hook_wanted(d) && room->worker.state == WORKER_STATE_READY &&
		(run = model_hooks_next(&d->hooks))) {
		struct check_msg m = { .type = CHECK_MSG_HOOK_RUN };
		model_hook_msg(run, hook_of(d), d->node, &m.u.hook_run);
		lb_text_clear(&line);
		check_msg_write(&m, &line);
		if (worker_send(&room->worker, &line) == 0)
			break;
		ended(d, run->id, "out of memory", 0);
	}
	lb_text_done(&line);
}

void daemon_hook_state(struct daemon *d, const struct model_vrrp *v, const struct vrrp_msg_state *m)
{
	struct model_hook_run run, dropped;
	char name[MODEL_HOOK_LINE / 2];
	if (d->stopping || !daemon_hook_wanted(d) || !model_hook_of(v, m, &run))
		return;
	if (model_hooks_add(&d->hooks, &run, &dropped)) {
		model_hook_name(&dropped, name, sizeof(name));
		daemon_event(d, &(struct event){ .id = LB_EVENT_HOOK_DROPPED },
			"hook/state: %s not told (%u wait, dropped=%llu)", name, MODEL_HOOK_PENDING,
			(unsigned long long)d->hooks.dropped);
	}
	daemon_hook_more(d);
}

void daemon_hook_done(struct daemon *d, const struct check_msg_hook_done *m)
{
	bool well = m->result.code == CHECK_CODE_PROCOK;
	ended(d, m->id, well ? "" : m->result.text[0] ? m->result.text : "no reason", m->result.latency_us);
	daemon_hook_more(d);
}

void daemon_hook_lost(struct daemon *d)
{
	if (!d->stopping && d->hooks.runs)
		ended(d, d->hooks.running.id, "the process that runs it ended meanwhile", 0);
}

void daemon_hook_model(struct daemon *d)
{
	if (!daemon_hook_wanted(d))
		model_hooks_forget(&d->hooks);
}
