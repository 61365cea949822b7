/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_wait.h"

#include "common/commands.h"
#include "lbd/ctl/ctl_life.h"
#include "lbd/ctl/ctl_peer.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_state.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/ctl/ctl_vrrp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
	struct ctl_env *env;
	int (*cond)(struct waiting *w);
	char object[160]; /* without its kind: "web", "web/app1" */
};

static int daemon_ready(struct waiting *w)
{
	return ctl_ready(w->env);
}

static int service_up(struct waiting *w)
{
	uint32_t s = model_service_find(w->env->model, w->object);
	return s == MODEL_NONE ? -1
			       : w->env->converged &&
					 ctl_service_status(w->env, &w->env->model->services[s]) == MODEL_SERVICE_UP;
}

static int service_quorum(struct waiting *w)
{
	uint32_t s = model_service_find(w->env->model, w->object);
	if (s == MODEL_NONE)
		return -1;
	const struct model_service *svc = &w->env->model->services[s];
	return w->env->converged && svc->settled && !svc->quorum_lost && ctl_service_in_pool(w->env, svc) > 0;
}

static const struct model_backend *backend(struct waiting *w)
{
	uint32_t b = model_object_find(w->env->model, w->object, NULL);
	return b == MODEL_NONE ? NULL : &w->env->model->backends[b];
}

static int backend_up(struct waiting *w)
{
	const struct model_backend *b = backend(w);
	if (!b || model_admin_state(b) != CONFIG_STATE_ENABLED)
		return -1;
	return w->env->converged && ctl_backend_state(w->env, b) == MODEL_BACKEND_UP &&
	       !(b->reasons & MODEL_REASON_NOT_CHECKED);
}

static int backend_down(struct waiting *w)
{
	const struct model_backend *b = backend(w);
	return !b ? -1 : w->env->converged && !ctl_backend_in_pool(w->env, b);
}

/* Weight 0 and no flow left. Persistence templates are no flows. */
static int backend_drained(struct waiting *w)
{
	const struct model_backend *b = backend(w);
	if (!b || model_admin_state(b) == CONFIG_STATE_ENABLED)
		return -1; /* gone, or the drain was ended by somebody */
	if (!w->env->converged)
		return 0;
	if (!b->in_table)
		return 1;
	struct ctl_counts counts;
	if (ctl_counts_read(w->env, b->service, &counts))
		return 0;
	const struct ipvs_counts *c =
		&counts.v[b - w->env->model->backends - w->env->model->services[b->service].first_backend];
	int done = !counts.partial && c->active == 0 && c->inactive == 0;
	ctl_counts_done(&counts);
	return done;
}

static int vrrp_is(struct waiting *w, enum vrrp_state state)
{
	const struct model_vrrp *v = model_vrrp_find(w->env->vrrps, w->object);
	return !v ? -1 : v->spoke && v->state.state == state;
}

static int vrrp_master(struct waiting *w)
{
	return vrrp_is(w, VRRP_STATE_MASTER);
}

static int vrrp_backup(struct waiting *w)
{
	return vrrp_is(w, VRRP_STATE_BACKUP);
}

static int peer_up(struct waiting *w)
{
	return ctl_peer_up(w->env, w->object);
}

static int sync_done(struct waiting *w)
{
	return ctl_sync_in_sync(w->env);
}

static int config_confirmed(struct waiting *w)
{
	return ctl_life_confirmed(w->env);
}

static const struct {
	const char *kind, *condition;
	int (*cond)(struct waiting *w);
} rows[] = {
	{ "daemon", "ready", daemon_ready },
	{ "service", "up", service_up },
	{ "service", "quorum", service_quorum },
	{ "backend", "up", backend_up },
	{ "backend", "down", backend_down },
	{ "backend", "drained", backend_drained },
	{ "vrrp", "master", vrrp_master },
	{ "vrrp", "backup", vrrp_backup },
	{ "peer", "up", peer_up },
	{ "sync", "in-sync", sync_done },
	{ "config", "confirmed", config_confirmed },
};

static int ask(void *state)
{
	struct waiting *w = state;
	return w->cond(w);
}

static void done(void *state)
{
	struct waiting *w = state;
	w->env->n_waits--;
	free(w);
}

/* An object that is not there now is an answer at once, with the nearest name. */
static int exists(const struct ctl_env *env, const struct lb_wait *row, const char *object, struct lb_err *e)
{
	if (strcmp(row->kind, "backend") == 0)
		return model_object_find(env->model, object, e) == MODEL_NONE ? -1 : 0;
	if (strcmp(row->kind, "vrrp") == 0 && !model_vrrp_find(env->vrrps, object))
		return ctl_vrrp_unknown(env, object, e);
	if (strcmp(row->kind, "peer") == 0 && ctl_peer_up(env, object) < 0)
		return ctl_peer_unknown(env, object, e);
	if (strcmp(row->kind, "sync") == 0 && ctl_sync_in_sync(env) < 0)
		return ctl_sync_not(env, e);
	if (strcmp(row->kind, "service") == 0 && model_service_find(env->model, object) == MODEL_NONE) {
		char as_backend[170];
		snprintf(as_backend, sizeof(as_backend), "%s/", object);
		(void)model_object_find(env->model, as_backend, e);
		return -1;
	}
	return 0;
}

void ctl_wait(struct ctl_env *env, const char *object, const char *condition, int64_t timeout_ms, struct ctl_reply *r)
{
	const struct lb_wait *row = lb_wait_find(object, condition);
	const char *slash = strchr(object, '/');
	struct waiting *w = row ? calloc(1, sizeof(*w)) : NULL;
	struct lb_err e = { LB_CODE_USAGE, "that cannot be waited for" };
	if (row && !w)
		lb_err_set(&e, LB_CODE_FAILED, "out of memory");
	if (w) {
		w->env = env;
		snprintf(w->object, sizeof(w->object), "%s", slash ? slash + 1 : "");
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (strcmp(rows[i].kind, row->kind) == 0 && strcmp(rows[i].condition, condition) == 0)
				w->cond = rows[i].cond;
	}
	bool can = w && w->cond && exists(env, row, w->object, &e) == 0;
	if (can && env->n_waits >= CTL_WAITS_MAX) {
		lb_err_set(&e, LB_CODE_REFUSED, "%u wait already: end one of them", CTL_WAITS_MAX);
		can = false;
	}
	if (!can) {
		free(w);
		ctl_reply_error(r, &e);
		return;
	}
	env->n_waits++;
	env->ops->wait(env->arg, r, ask, done, w, timeout_ms);
}
