/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_hook.h"

#include <stdio.h>
#include <string.h>

bool model_hook_of(const struct model_vrrp *v, const struct vrrp_msg_state *m, struct model_hook_run *out)
{
	struct model_hook_run run = { .to = m->state, .prio = m->prio };
	if (!model_vrrp_changes(v, m, &run.from))
		return false;
	bool reason = m->state == VRRP_STATE_FAULT && m->reason[0];
	snprintf(run.name, sizeof(run.name), "%s", v->conf->name);
	snprintf(run.cause, sizeof(run.cause), "%s", reason ? m->reason : vrrp_causes[m->cause]);
	*out = run;
	return true;
}

static bool has_later(const struct model_hooks *q, uint32_t at)
{
	for (uint32_t i = at + 1; i < q->n; i++)
		if (strcmp(q->pending[i].name, q->pending[at].name) == 0)
			return true;
	return false;
}

/* The oldest of the same instance: of that one the newest word counts. Has it none, then the oldest of one that has a
 * newer word, too; an instance's only word goes last. */
static uint32_t give_way(const struct model_hooks *q, const char *name)
{
	for (uint32_t i = 0; i < q->n; i++)
		if (strcmp(q->pending[i].name, name) == 0)
			return i;
	for (uint32_t i = 0; i < q->n; i++)
		if (has_later(q, i))
			return i;
	return 0;
}

static void take_out(struct model_hooks *q, uint32_t at, struct model_hook_run *out)
{
	*out = q->pending[at];
	memmove(&q->pending[at], &q->pending[at + 1], (q->n - at - 1) * sizeof(q->pending[0]));
	q->n--;
}

bool model_hooks_add(struct model_hooks *q, const struct model_hook_run *run, struct model_hook_run *dropped)
{
	bool full = q->n == MODEL_HOOK_PENDING;
	if (full) {
		take_out(q, give_way(q, run->name), dropped);
		q->dropped++;
	}
	q->pending[q->n++] = *run;
	return full;
}

const struct model_hook_run *model_hooks_next(struct model_hooks *q)
{
	if (q->runs || q->n == 0)
		return NULL;
	take_out(q, 0, &q->running);
	q->running.id = ++q->last_id;
	q->runs = true;
	q->forgotten = false;
	return &q->running;
}

bool model_hooks_done(struct model_hooks *q, uint32_t id, const char *why)
{
	char name[MODEL_HOOK_LINE / 2];
	if (!q->runs || q->running.id != id)
		return false;
	q->runs = false;
	if (q->forgotten)
		return false;
	q->ended++;
	q->failed += why[0] != '\0';
	model_hook_name(&q->running, name, sizeof(name));
	q->failure[0] = '\0';
	if (why[0])
		snprintf(q->failure, sizeof(q->failure), "%s (%.100s)", name, why);
	return true;
}

void model_hooks_forget(struct model_hooks *q)
{
	q->n = 0;
	q->forgotten = true;
	q->failure[0] = '\0';
}

void model_hook_name(const struct model_hook_run *run, char *out, size_t size)
{
	snprintf(out, size, "vrrp/%s %s -> %s", run->name, vrrp_state_names[run->from], vrrp_state_names[run->to]);
}

/* The channel carries printable ASCII; the name of a node may be anything that a host is called. */
static void put_arg(struct check_msg_hook_run *out, const char *text)
{
	char *arg = out->args[out->n_args++];
	snprintf(arg, CHECK_HOOK_ARG, "%s", text);
	for (; *arg; arg++)
		if (*arg < 0x20 || *arg >= 0x7f)
			*arg = '?';
}

_Static_assert(VRRP_NAME_MAX <= CHECK_HOOK_ARG && VRRP_REASON_MAX <= CHECK_HOOK_ARG, "they fit");

void model_hook_msg(const struct model_hook_run *run, const struct config_hook *hook, const char *node,
	struct check_msg_hook_run *out)
{
	char prio[8];
	*out = (struct check_msg_hook_run){ .id = run->id, .timeout_ms = hook->timeout_ms };
	snprintf(out->path, sizeof(out->path), "%s", hook->path);
	snprintf(prio, sizeof(prio), "%u", run->prio);
	put_arg(out, "vrrp");
	put_arg(out, run->name);
	put_arg(out, vrrp_state_names[run->from]);
	put_arg(out, vrrp_state_names[run->to]);
	put_arg(out, run->cause);
	put_arg(out, prio);
	put_arg(out, node);
}
