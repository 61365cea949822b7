/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_vrrp.h"

#include "common/text.h"
#include "lbd/ctl/ctl_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_PER_TURN 16u

/* ---- rows ---- */

static json_t *ip_text(const struct lb_ip *ip)
{
	char text[LB_IP_STRLEN];
	return ip->family ? json_string(lb_ip_str(ip, text)) : NULL;
}

static json_t *vips(const struct config_vip *v, uint32_t n)
{
	json_t *list = n ? json_array() : NULL;
	for (uint32_t i = 0; i < n; i++) {
		char ip[LB_IP_STRLEN], text[LB_IP_STRLEN + 8];
		snprintf(text, sizeof(text), "%s/%u", lb_ip_str(&v[i].ip, ip), v[i].prefix);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *routes(const struct config_vrrp *c)
{
	json_t *list = c->n_routes ? json_array() : NULL;
	for (uint32_t i = 0; i < c->n_routes; i++) {
		struct way w = way_of_route(&c->routes[i]);
		char text[WAY_STRLEN];
		json_array_append_new(list, json_string(way_str(&w, text) + strlen("route ")));
	}
	return list;
}

static json_t *rules(const struct config_vrrp *c)
{
	json_t *list = c->n_rules ? json_array() : NULL;
	for (uint32_t i = 0; i < c->n_rules; i++) {
		struct way w = way_of_rule(&c->rules[i]);
		char text[WAY_STRLEN];
		json_array_append_new(list, json_string(way_str(&w, text) + strlen("rule ")));
	}
	return list;
}

static json_t *ips(const struct lb_ip *v, uint32_t n)
{
	json_t *list = n ? json_array() : NULL;
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, ip_text(&v[i]));
	return list;
}

static json_t *alarms(const struct model_vrrp *v)
{
	json_t *list = v->alarms ? json_array() : NULL;
	for (unsigned i = 0; i < VRRP_ALARM_COUNT; i++) {
		char text[VRRP_REASON_MAX + 40];
		if (!(v->alarms & 1u << i))
			continue;
		snprintf(text, sizeof(text), "%s%s%s%s", vrrp_alarms[i], v->alarm_text[i][0] ? " (" : "",
			v->alarm_text[i], v->alarm_text[i][0] ? ")" : "");
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* "check gateway: down, a fault", "interface lan0: up, +20" */
static json_t *tracks(const struct model_vrrp *v)
{
	static const char *const words[] = { "not known yet", "up", "down" };
	json_t *list = v->cfg->n_tracks ? json_array() : NULL;
	for (uint32_t i = 0; i < v->cfg->n_tracks; i++) {
		const struct config_track *t = &v->cfg->tracks[i];
		enum model_seen is = v->tracks[i].is;
		char name[96], effect[24] = "", text[160];
		if (t->weight == 0 && is == MODEL_SEEN_DOWN)
			snprintf(effect, sizeof(effect), ", a fault");
		else if (model_track_adds(t, &v->tracks[i]))
			snprintf(effect, sizeof(effect), ", %+d", t->weight);
		model_track_name(t, name, sizeof(name));
		snprintf(text, sizeof(text), "%s: %s%s", name, words[is], effect);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static void put_tracking(json_t *row, const struct model_vrrp *v)
{
	char add[16];
	snprintf(add, sizeof(add), "%+d", (int)v->track.add);
	ctl_put(row, "track", tracks(v));
	if (v->track.add)
		ctl_put(row, "track_adds", json_string(add));
	if (v->track.fault)
		ctl_put(row, "track_fault", json_string(v->track.reason));
}

static void put_stats(json_t *row, const struct model_vrrp *v)
{
	const struct vrrp_msg_stats *s = &v->stats;
	if (!v->has_stats)
		return;
	json_t *discarded = json_object();
	for (unsigned i = VRRP_DISCARD_NONE + 1; i < VRRP_DISCARD_COUNT_OF; i++)
		if (s->discarded[i])
			ctl_put(discarded, vrrp_discards[i].name, json_integer((json_int_t)s->discarded[i]));
	ctl_put(row, "sent", json_integer((json_int_t)s->sent));
	ctl_put(row, "received", json_integer((json_int_t)s->received));
	if (json_object_size(discarded))
		ctl_put(row, "discarded", json_incref(discarded));
	json_decref(discarded);
	ctl_put(row, "transitions", json_integer((json_int_t)s->transitions));
	ctl_put(row, "renewals", json_integer((json_int_t)s->renewals));
	if (s->conflicts)
		ctl_put(row, "conflicts", json_integer((json_int_t)s->conflicts));
	ctl_put(row, "late", json_real(s->late_us / 1e6));
	if (s->received && v->cfg->version == 3 && !lb_ip_is_v6(&v->cfg->addresses[0].ip))
		ctl_put(row, "checksum", json_string(s->sum9568 ? "rfc9568" : "rfc5798"));
}

static void put_settings(json_t *row, const struct config_vrrp *c)
{
	static const char *const auths[] = { NULL, "hmac", "password" };
	ctl_put(row, "excluded", vips(c->excluded, c->n_excluded));
	ctl_put(row, "routes", routes(c));
	ctl_put(row, "rules", rules(c));
	ctl_put(row, "version", json_integer(c->version));
	ctl_put(row, "advert_interval", ctl_seconds((int64_t)c->interval_cs * 10));
	ctl_put(row, "peers", ips(c->peers, c->n_peers));
	ctl_put(row, "preempt", json_boolean(c->preempt));
	if (auths[c->auth])
		ctl_put(row, "auth", json_string(auths[c->auth]));
	if (c->lease_s)
		ctl_put(row, "lease", json_integer(c->lease_s));
}

static json_t *overrides_of(const struct ctl_env *env, const char *name)
{
	char object[80];
	snprintf(object, sizeof(object), OVERRIDE_VRRP "%s", name);
	const struct override *ov = overrides_find(env->overrides, object);
	if (!ov || !ov->prio_item.set)
		return NULL;
	json_t *all = json_object();
	ctl_put(all, "priority", ctl_override_item(&ov->prio_item, json_integer(ov->prio)));
	return all;
}

static json_t *vrrp_row(const struct ctl_env *env, const struct model_vrrp *v)
{
	const struct config_vrrp *c = v->cfg;
	bool follows = v->spoke && v->state.state == VRRP_STATE_BACKUP && v->state.master.family;
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "vrrp", json_string(c->name));
	ctl_put(row, "state", json_string(model_vrrp_state_word(v)));
	ctl_put(row, "priority", json_integer(v->spoke ? v->state.prio : v->conf->prio));
	ctl_put(row, "vrid", json_integer(c->vrid));
	ctl_put(row, "interface", json_string(c->interface));
	if (c->group[0])
		ctl_put(row, "group", json_string(c->group));
	ctl_put(row, "addresses", vips(c->addresses, c->n_addresses));
	if (follows) {
		ctl_put(row, "master", ip_text(&v->state.master));
		ctl_put(row, "master_priority", json_integer(v->state.master_prio));
	}
	if (v->spoke) {
		ctl_put(row, "since", ctl_time(v->since_wall_ms));
		ctl_put(row, "cause", json_string(model_vrrp_cause_word(v)));
		ctl_put(row, "source", ip_text(&v->state.source));
	}
	ctl_put(row, "alarms", alarms(v));
	ctl_put(row, "configured", json_integer(c->priority));
	ctl_put(row, "overrides", overrides_of(env, c->name));
	put_settings(row, c);
	put_tracking(row, v);
	put_stats(row, v);
	ctl_put(row, "file", json_string(c->file));
	ctl_put(row, "line", json_integer(c->line));
	return row;
}

/* ---- commands ---- */

struct list {
	struct ctl_env *env;
	uint64_t turn;
	uint32_t at;
};

static int list_next(struct ctl_reply *r, void *state)
{
	struct list *l = state;
	if (l->turn != l->env->turn) {
		ctl_reply_end(
			r, LB_CODE_REFUSED, "the configuration changed while the list was written: run it again", NULL);
		return 0;
	}
	const struct model_vrrps *vs = l->env->vrrps;
	for (uint32_t i = 0; i < ROWS_PER_TURN && l->at < vs->n; i++, l->at++)
		ctl_reply_row(r, vrrp_row(l->env, &vs->v[l->at]));
	if (l->at < vs->n)
		return 1;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
	return 0;
}

void ctl_vrrp_list(struct ctl_env *env, struct ctl_reply *r)
{
	struct list *l = calloc(1, sizeof(*l));
	if (!l) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	*l = (struct list){ env, env->turn, 0 };
	ctl_reply_stream(r, list_next, free, l);
}

int ctl_vrrp_unknown(const struct ctl_env *env, const char *name, struct lb_err *e)
{
	const char *names[CONFIG_VRRP_MAX];
	uint32_t n = 0;
	for (; n < env->vrrps->n && n < CONFIG_VRRP_MAX; n++)
		names[n] = env->vrrps->v[n].cfg->name;
	const char *near = lb_text_suggest(name, strlen(name), names, n);
	return lb_err_set(e, LB_CODE_NOT_FOUND, "no VRRP instance '%.64s'%s%s%s", name, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
}

const struct model_vrrp *ctl_vrrp_of(struct ctl_env *env, const char *name, struct ctl_reply *r)
{
	struct lb_err e;
	const struct model_vrrp *v = model_vrrp_find(env->vrrps, name);
	if (!v) {
		(void)ctl_vrrp_unknown(env, name, &e);
		ctl_reply_error(r, &e);
	}
	return v;
}

void ctl_vrrp_show(struct ctl_env *env, const char *name, struct ctl_reply *r)
{
	const struct model_vrrp *v = ctl_vrrp_of(env, name, r);
	if (!v)
		return;
	ctl_reply_row(r, vrrp_row(env, v));
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

int ctl_vrrp_owned(const struct ctl_env *env, const struct model_vrrp *v, struct lb_err *e)
{
	const struct model_vrrp *owner = model_vrrp_owner(env->vrrps, v);
	if (!owner)
		return 0;
	return lb_err_set(e, LB_CODE_REFUSED, "vrrp %s%s%s has priority 255: it always has the addresses",
		owner->cfg->name, owner == v ? "" : ", of the same group as ", owner == v ? "" : v->cfg->name);
}

/* What only a master can do is refused by name; where we do not know, the process decides. */
static void master_does(
	struct ctl_env *env, const struct model_vrrp *v, enum vrrp_do what, const char *done, struct ctl_reply *r)
{
	char text[200];
	if (v->spoke && v->state.state != VRRP_STATE_MASTER) {
		snprintf(text, sizeof(text), "vrrp %s is %s here: only its master can do that", v->cfg->name,
			model_vrrp_state_word(v));
		ctl_reply_end(r, LB_CODE_REFUSED, text, NULL);
	} else if (env->ops->vrrp_do(env->arg, v->conf->id, what, 0)) {
		ctl_reply_end(r, LB_CODE_FAILED, "the process of VRRP is not there now; try again in a moment", NULL);
	} else {
		ctl_reply_end(r, LB_CODE_OK, done, NULL);
	}
}

void ctl_vrrp_resign(struct ctl_env *env, const char *name, struct ctl_reply *r)
{
	const struct model_vrrp *v = ctl_vrrp_of(env, name, r);
	struct lb_err e;
	char done[240];
	if (!v)
		return;
	if (ctl_vrrp_owned(env, v, &e)) { /* the other node would have them, too */
		ctl_reply_error(r, &e);
		return;
	}
	if (v->cfg->group[0])
		snprintf(
			done, sizeof(done), "vrrp %s gives up being master, with all of group %s", name, v->cfg->group);
	else
		snprintf(done, sizeof(done), "vrrp %s gives up being master", name);
	master_does(env, v, VRRP_DO_RESIGN, done, r);
}

void ctl_vrrp_announce(struct ctl_env *env, const char *name, struct ctl_reply *r)
{
	const struct model_vrrp *v = ctl_vrrp_of(env, name, r);
	char done[160];
	if (!v)
		return;
	uint32_t n = v->cfg->n_addresses + v->cfg->n_excluded;
	snprintf(done, sizeof(done), "vrrp %s announces its %u address%s on %s", name, n, n == 1 ? "" : "es",
		v->cfg->interface);
	master_does(env, v, VRRP_DO_ANNOUNCE, done, r);
}

/* ---- status ---- */

static json_t *hook_alarm(const struct ctl_env *env)
{
	char text[400], dropped[64] = "";
	if (env->hooks_dropped)
		snprintf(dropped, sizeof(dropped), "; of %llu changes it was not told at all",
			(unsigned long long)env->hooks_dropped);
	snprintf(text, sizeof(text), "hook_failed: state, for %s%s", env->hook_failed, dropped);
	return json_string(text);
}

void ctl_vrrp_alarms(const struct ctl_env *env, json_t *list)
{
	if (env->hook_failed)
		json_array_append_new(list, hook_alarm(env));
	for (uint32_t i = 0; env->vrrps && i < env->vrrps->n; i++) {
		const struct model_vrrp *v = &env->vrrps->v[i];
		for (unsigned k = 0; k < VRRP_ALARM_COUNT; k++) {
			char text[VRRP_REASON_MAX + VRRP_NAME_MAX + 40];
			if (!(v->alarms & 1u << k))
				continue;
			snprintf(text, sizeof(text), "%s: vrrp/%s%s%s%s", vrrp_alarms[k], v->cfg->name,
				v->alarm_text[k][0] ? " (" : "", v->alarm_text[k], v->alarm_text[k][0] ? ")" : "");
			json_array_append_new(list, json_string(text));
		}
	}
}

json_t *ctl_vrrp_roles(const struct ctl_env *env)
{
	json_t *list = env->vrrps && env->vrrps->n ? json_array() : NULL;
	for (uint32_t i = 0; list && i < env->vrrps->n; i++) {
		const struct model_vrrp *v = &env->vrrps->v[i];
		json_t *row = json_pack("{s:s, s:s}", "vrrp", v->cfg->name, "state", model_vrrp_state_word(v));
		if (v->spoke)
			ctl_put(row, "cause", json_string(model_vrrp_cause_word(v)));
		json_array_append_new(list, row);
	}
	return list;
}
