/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_peer.h"

#include "common/text.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_sync.h"

#include <stdio.h>
#include <string.h>

/* "10.0.0.2 up 0.3 ms" */
static json_t *paths(const struct model_peer *p)
{
	json_t *list = p->is.n_paths ? json_array() : NULL;
	for (uint32_t i = 0; i < p->is.n_paths; i++) {
		char ip[LB_IP_STRLEN], text[LB_IP_STRLEN + 40];
		bool up = p->is.paths[i].up, timed = up && p->is.paths[i].rtt_us;
		int n = snprintf(
			text, sizeof(text), "%s %s", lb_ip_str(&p->is.paths[i].theirs, ip), up ? "up" : "down");
		if (timed)
			snprintf(text + n, sizeof(text) - (size_t)n, " %.3g ms", p->is.paths[i].rtt_us / 1e3);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* "wan4 backup": each instance of ours, as it is there. */
static json_t *instances(const struct ctl_env *env, const struct model_peer *p)
{
	json_t *list = p->state == MODEL_PEER_UP && env->vrrps->n ? json_array() : NULL;
	for (uint32_t i = 0; list && i < env->vrrps->n; i++) {
		const struct model_vrrp *v = &env->vrrps->v[i];
		const struct model_theirs *t = model_peer_theirs(p, v->conf->id);
		char text[VRRP_NAME_MAX + 16];
		snprintf(text, sizeof(text), "%s %s", v->cfg->name, t ? vrrp_state_names[t->state] : "unknown");
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *refused(const struct model_peer *p)
{
	json_t *counts = json_object();
	for (unsigned i = PEER_OK + 1; i < PEER_REFUSAL_COUNT; i++)
		if (p->is.refused[i])
			ctl_put(counts, peer_refusals[i], json_integer((json_int_t)p->is.refused[i]));
	if (json_object_size(counts))
		return counts;
	json_decref(counts);
	return NULL;
}

static const char *configuration(const struct model_peer *p)
{
	return p->state != MODEL_PEER_UP ? NULL : p->is.same_config ? "same" : "differs";
}

static json_t *alarms_of(const struct model_peer *p)
{
	bool down = p->state == MODEL_PEER_DOWN;
	json_t *list = down || p->differs ? json_array() : NULL;
	if (down)
		json_array_append_new(list, json_string("peer_down"));
	if (p->differs)
		json_array_append_new(list, json_string("config_differs"));
	return list;
}

static json_t *peer_row(const struct ctl_env *env, const struct model_peer *p)
{
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "peer", json_string(p->name));
	ctl_put(row, "state", json_string(model_peer_states[p->state]));
	ctl_put(row, "since", ctl_time(p->since_wall_ms));
	ctl_put(row, "paths", paths(p));
	if (p->is.version[0])
		ctl_put(row, "version", json_string(p->is.version));
	if (configuration(p))
		ctl_put(row, "configuration", json_string(configuration(p)));
	if (p->state == MODEL_PEER_UP)
		ctl_put(row, "clock", json_real((double)p->is.offset_us / 1e6));
	ctl_put(row, "instances", instances(env, p));
	ctl_put(row, "alarms", alarms_of(p));
	if (p->heard) {
		ctl_put(row, "restarts", json_integer(p->is.restarts));
		ctl_put(row, "received", json_integer((json_int_t)p->is.refused[PEER_OK]));
		ctl_put(row, "refused", refused(p));
	}
	return row;
}

void ctl_peer_status(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	const struct config *c = env->model->config;
	const char *text = NULL;
	(void)rq;
	for (uint32_t i = 0; i < env->peers->n; i++)
		ctl_reply_row(r, peer_row(env, &env->peers->v[i]));
	if (env->peers->n)
		text = NULL;
	else if (c->cluster.n_nodes < 2)
		text = "no other node is configured: see cluster in lbd.yaml";
	else if (c->cluster.self < 0)
		text = "no second path: this node is not under cluster.nodes, tell its name with lbd --node";
	else if (!c->cluster.key_file[0])
		text = "no second path: cluster.key_file is missing";
	else
		text = "no second path: there is no VRRP instance";
	ctl_reply_end(r, LB_CODE_OK, text, NULL);
}

void ctl_peer_diff(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct lb_err e;
	if (ctl_sync_no_talk(env, &e))
		ctl_reply_error(r, &e);
	else
		env->ops->peer_diff(env->arg, rq->peer, r);
}

int ctl_peer_unknown(const struct ctl_env *env, const char *name, struct lb_err *e)
{
	const char *names[VRRP_NODES_MAX];
	for (uint32_t i = 0; i < env->peers->n; i++)
		names[i] = env->peers->v[i].name;
	if (!env->peers->n)
		return lb_err_set(
			e, LB_CODE_NOT_FOUND, "there is no second path to another node; see lbctl peer status");
	const char *near = lb_text_suggest(name, strlen(name), names, env->peers->n);
	return lb_err_set(e, LB_CODE_NOT_FOUND, "no other node '%.64s'%s%s%s", name, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
}

int ctl_peer_up(const struct ctl_env *env, const char *name)
{
	const struct model_peers *ps = env->peers;
	const struct model_peer *p = model_peer_find(ps, name);
	if (name[0])
		return !p ? -1 : p->state == MODEL_PEER_UP;
	for (uint32_t i = 0; i < ps->n; i++)
		if (ps->v[i].state != MODEL_PEER_UP)
			return 0;
	return ps->n ? 1 : -1;
}

/* ---- status ---- */

void ctl_peer_alarms(const struct ctl_env *env, json_t *list)
{
	for (uint32_t i = 0; env->peers && i < env->peers->n; i++) {
		json_t *all = alarms_of(&env->peers->v[i]);
		for (size_t k = 0; k < json_array_size(all); k++) {
			char text[VRRP_NAME_MAX + 40];
			snprintf(text, sizeof(text), "%s: peer/%s", json_string_value(json_array_get(all, k)),
				env->peers->v[i].name);
			json_array_append_new(list, json_string(text));
		}
		json_decref(all);
	}
}

json_t *ctl_peer_roles(const struct ctl_env *env)
{
	json_t *list = env->peers && env->peers->n ? json_array() : NULL;
	for (uint32_t i = 0; list && i < env->peers->n; i++) {
		const struct model_peer *p = &env->peers->v[i];
		json_t *row = json_pack("{s:s, s:s}", "peer", p->name, "state", model_peer_states[p->state]);
		if (p->state == MODEL_PEER_UP) {
			ctl_put(row, "paths", json_integer(p->is.n_paths));
			ctl_put(row, "paths_up", json_integer(model_peer_paths_up(p)));
			ctl_put(row, "configuration", json_string(configuration(p)));
		} else {
			ctl_put(row, "since", ctl_time(p->since_wall_ms));
		}
		json_array_append_new(list, row);
	}
	return list;
}
