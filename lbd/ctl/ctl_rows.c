/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_rows.h"

#include "lbd/check/check_fsm.h"
#include "lbd/ctl/ctl_alarm.h"
#include "lbd/ctl/ctl_life.h"
#include "lbd/ctl/ctl_peer.h"
#include "lbd/ctl/ctl_state.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/ctl/ctl_vrrp.h"
#include "lbd/ipvs/ipvs_sched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEMS_MAX  10u
#define FINDINGS_MAX  16u
#define MEMBERS_BYTES (LB_PROTO_LINE_MAX / 2) /* of the row of a service, which is one line */
#define MEMBER_BYTES  2048u                   /* few backends have as much to say, beside their listeners */

void ctl_put(json_t *row, const char *key, json_t *value)
{
	if (value)
		(void)json_object_set_new(row, key, value);
}

json_t *ctl_time(int64_t wall_ms)
{
	char text[LB_WALL_STRLEN];
	return wall_ms ? json_string(lb_wall_str(wall_ms, text)) : NULL;
}

json_t *ctl_seconds(int64_t ms)
{
	return ms % 1000 ? json_real((double)ms / 1000) : json_integer(ms / 1000);
}

/* ---- overrides ---- */

json_t *ctl_override_item(const struct override_item *it, json_t *value)
{
	json_t *o = json_object();
	ctl_put(o, "value", value);
	ctl_put(o, "user", json_string(it->by));
	ctl_put(o, "time", ctl_time(it->set_wall_ms));
	ctl_put(o, "expires", ctl_time(it->expires_wall_ms));
	if (it->reason[0])
		ctl_put(o, "reason", json_string(it->reason));
	return o;
}

static json_t *overrides_of(const struct override *ov)
{
	if (!ov || (!ov->state_item.set && !ov->weight_item.set && !ov->force_item.set))
		return NULL;
	json_t *all = json_object();
	if (ov->state_item.set)
		ctl_put(all, "admin", ctl_override_item(&ov->state_item, json_string(config_states[ov->state])));
	if (ov->weight_item.set) {
		char w[16];
		snprintf(w, sizeof(w), "%u%s", ov->weight, ov->weight_kind == OVERRIDE_WEIGHT_PERCENT ? "%" : "");
		ctl_put(all, "weight", ctl_override_item(&ov->weight_item, json_string(w)));
	}
	if (ov->force_item.set)
		ctl_put(all, "force", ctl_override_item(&ov->force_item, json_string(override_forces[ov->force])));
	return all;
}

/* ---- counts ---- */

struct counting {
	struct ctl_env *env;
	uint32_t service;
	const struct ipvs_key *key;
	struct ctl_counts *out;
};

static void count_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	struct counting *k = arg;
	const struct model *m = k->env->model;
	uint32_t b = model_backend_at(m, k->service, k->key, &d->addr, d->port);
	(void)st;
	if (b != MODEL_NONE) {
		struct ipvs_counts *v = &k->out->v[b - m->services[k->service].first_backend];
		v->active += c->active;
		v->inactive += c->inactive;
		v->persistent += c->persistent;
	}
	k->out->active += c->active;
	k->out->inactive += c->inactive;
}

int ctl_counts_read(struct ctl_env *env, uint32_t service, struct ctl_counts *out)
{
	const struct config_service *s = env->model->services[service].cfg;
	const struct ipvs_kernel *kernel = ipvs_kernel(env->ipvs);
	*out = (struct ctl_counts){ .v = calloc(s->n_backends ? s->n_backends : 1, sizeof(*out->v)) };
	if (!out->v)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_listens && !env->kernel_missing; i++) {
		struct counting k = { env, service, &s->listens[i], out };
		int err = kernel->dests(kernel->arg, &s->listens[i], count_dest, &k);
		out->partial |= err && err != -ESRCH;
	}
	return 0;
}

void ctl_counts_done(struct ctl_counts *c)
{
	free(c->v);
	c->v = NULL;
}

/* ---- services ---- */

static json_t *listeners(const struct config_service *s)
{
	json_t *list = json_array();
	char text[IPVS_KEY_STRLEN];
	for (uint32_t i = 0; i < s->n_listens; i++)
		json_array_append_new(list, json_string(ipvs_key_str(&s->listens[i], text)));
	return list;
}

static json_t *flags_of(const struct config_service *s)
{
	const struct ipvs_sched_row *row = ipvs_sched_find(s->scheduler, strlen(s->scheduler));
	json_t *list = json_array();
	for (size_t i = 0; row && i < 2; i++)
		if (row->flags[i].name && (s->flags & row->flags[i].bit))
			json_array_append_new(list, json_string(row->flags[i].name));
	if (s->flags & IPVS_FLAG_ONEPACKET)
		json_array_append_new(list, json_string("one-packet"));
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *checks_of(const struct config_service *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->n_checks; i++)
		json_array_append_new(list, json_string(s->checks[i]->name));
	return list;
}

/* As many as the line has room for, whatever they say; who wants all of them lists the backends of the service. */
static void put_members(
	struct ctl_env *env, json_t *row, const struct model_service *s, const struct ctl_counts *counts)
{
	const struct config_service *cfg = s->cfg;
	json_t *list = json_array();
	size_t room = MEMBERS_BYTES / (MEMBER_BYTES + cfg->n_listens * (size_t)IPVS_KEY_STRLEN);
	uint32_t n = cfg->n_backends < room ? cfg->n_backends : (uint32_t)room;
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, ctl_row_backend(env, s->first_backend + i, &counts->v[i]));
	if (n < cfg->n_backends)
		ctl_put(row, "members_more", json_integer(cfg->n_backends - n));
	ctl_put(row, "members", list);
}

static void put_persistence(json_t *row, const struct config_service *s)
{
	if (!(s->flags & IPVS_FLAG_PERSISTENT))
		return;
	ctl_put(row, "persistence", json_integer(s->persist_s));
	ctl_put(row, "mask", json_integer(s->n_listens && lb_ip_is_v6(&s->listens[0].addr) ? s->mask6 : s->mask4));
	if (s->engine[0])
		ctl_put(row, "engine", json_string(s->engine));
}

/* What holds when backends fail. */
static void put_pool_rules(json_t *row, const struct model_service *s)
{
	static const char *const fails[] = { "drain", "remove", "cut" }, *const losses[] = { "sorry", "rest", "open",
		"withdraw" };
	const struct config_service *cfg = s->cfg;
	char text[LB_ENDPOINT_STRLEN];
	snprintf(text, sizeof(text), "%u%s", cfg->quorum.value, cfg->quorum.percent ? "%" : "");
	ctl_put(row, "quorum", json_string(text));
	ctl_put(row, "quorum_reached", json_boolean(!s->quorum_lost));
	ctl_put(row, "on_loss", json_string(losses[cfg->on_loss]));
	if (cfg->sorry.family) {
		ctl_put(row, "sorry", json_string(lb_endpoint_str(&cfg->sorry, cfg->sorry_port, text)));
		ctl_put(row, "sorry_active", json_boolean(s->sorry));
	}
	ctl_put(row, "on_fail", json_string(fails[cfg->on_fail]));
}

static void put_source(json_t *row, const struct config_service *cfg)
{
	char text[LB_IP_STRLEN];
	if (cfg->source_nat.family)
		ctl_put(row, "source_nat", json_string(lb_ip_str(&cfg->source_nat, text)));
}

/* Why it is as it is, beside what its backends say; the word of an operator is marked at the status. */
static void put_service_reasons(struct ctl_env *env, json_t *row, const struct model_service *s)
{
	json_t *list = json_array();
	if (s->ov && s->ov->state_item.set) {
		json_array_append_new(list, json_string("service_maint"));
		ctl_put(row, "overrides",
			json_pack("{s:o}", "status", ctl_override_item(&s->ov->state_item, json_string("maint"))));
	}
	if (ctl_refused_something(env, s->cfg))
		json_array_append_new(list, json_string("kernel_refused"));
	if (json_array_size(list))
		ctl_put(row, "reasons", list);
	else
		json_decref(list);
}

json_t *ctl_row_service(struct ctl_env *env, uint32_t service, bool with_members)
{
	const struct model_service *s = &env->model->services[service];
	const struct config_service *cfg = s->cfg;
	struct ctl_counts counts;
	json_t *row = json_object();
	if (!row || ctl_counts_read(env, service, &counts)) {
		json_decref(row);
		return NULL;
	}
	ctl_put(row, "service", json_string(cfg->name));
	ctl_put(row, "status", json_string(model_service_status_name(ctl_service_status(env, s))));
	ctl_put(row, "listen", listeners(cfg));
	ctl_put(row, "scheduler", json_string(cfg->scheduler));
	ctl_put(row, "mode", json_string(ipvs_method_name(cfg->method)));
	ctl_put(row, "backends", json_integer(cfg->n_backends));
	ctl_put(row, "in_pool", json_integer(ctl_service_in_pool(env, s)));
	ctl_put(row, "active", json_integer((json_int_t)counts.active));
	ctl_put(row, "inactive", json_integer((json_int_t)counts.inactive));
	ctl_put(row, "flags", flags_of(cfg));
	put_persistence(row, cfg);
	ctl_put(row, "checks", checks_of(cfg));
	put_service_reasons(env, row, s);
	ctl_put(row, "since", ctl_time(s->since_wall_ms));
	put_source(row, cfg);
	put_pool_rules(row, s);
	ctl_put(row, "drain_timeout", ctl_seconds(cfg->drain_ms));
	ctl_put(row, "sync", json_string(sync_whats[cfg->sync]));
	ctl_put(row, "drain_then", json_string(cfg->drain_then == CONFIG_THEN_CUT ? "cut" : "keep"));
	ctl_put(row, "file", json_string(cfg->file ? cfg->file : ""));
	ctl_put(row, "line", json_integer(cfg->line));
	if (with_members)
		put_members(env, row, s, &counts);
	ctl_counts_done(&counts);
	return row;
}

/* ---- backends ---- */

static json_t *counter_of(const struct model_target *t)
{
	char text[CHECK_COUNTER_STRLEN];
	const struct check_spec *s = &t->check->spec;
	return t->judged ? json_string(check_counter_str(t->n, s->rise, s->fall, t->up, ' ', text)) : NULL;
}

static void put_check(const struct ctl_env *env, json_t *row, const struct model_target *t)
{
	if (!t) {
		ctl_put(row, "check", json_string(check_codes[CHECK_CODE_UNK].name));
		return;
	}
	ctl_put(row, "check", json_string(check_codes[t->code].name));
	ctl_put(row, "check_name", json_string(t->check->name));
	ctl_put(row, "counter", counter_of(t));
	if (t->text)
		ctl_put(row, "check_text", json_string(t->text));
	if (t->judged)
		ctl_put(row, "latency", json_real(t->latency_us / 1e6));
	if (t->error_since.us) {
		int64_t ms = lb_time_diff_us(env->ops->now(env->arg), t->error_since) / 1000;
		ctl_put(row, "check_error_since", ctl_time(env->ops->wall_ms(env->arg) - ms));
	}
}

static void put_reasons(json_t *row, uint32_t reasons)
{
	json_t *list = json_array();
	for (size_t i = 0; i < model_reasons_n; i++)
		if (reasons & model_reasons[i].bit)
			json_array_append_new(list, json_string(model_reasons[i].name));
	if (reasons)
		ctl_put(row, "reason", json_string(model_reason_first(reasons)));
	ctl_put(row, "reasons", list);
}

static json_t *tunnel_of(const struct config_backend *b)
{
	char text[48];
	if (b->method != IPVS_METHOD_TUN)
		return NULL;
	int n = snprintf(text, sizeof(text), "%s", ipvs_tunnel_name(b->tunnel.type));
	if (b->tunnel.port)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ":%u", b->tunnel.port);
	if (b->tunnel.csum)
		snprintf(text + n, sizeof(text) - (size_t)n, ":%s", ipvs_csum_name(b->tunnel.csum));
	return json_string(text);
}

static void put_drain(struct ctl_env *env, json_t *row, const struct model_backend *b, const struct config_service *s)
{
	if (b->state != MODEL_BACKEND_DRAIN || s->drain_then != CONFIG_THEN_CUT || !s->drain_ms)
		return;
	int64_t left = s->drain_ms - lb_time_diff_us(env->ops->now(env->arg), b->drain_since) / 1000;
	ctl_put(row, "drain_left", ctl_seconds(left > 0 ? left : 0));
}

static void put_limits(json_t *row, const struct config_backend *b)
{
	if (b->upper)
		ctl_put(row, "max_connections", json_integer(b->upper));
	if (b->lower)
		ctl_put(row, "resume_below", json_integer(b->lower));
}

json_t *ctl_row_backend(struct ctl_env *env, uint32_t backend, const struct ipvs_counts *counts)
{
	const struct model *m = env->model;
	const struct model_backend *b = &m->backends[backend];
	const struct config_service *s = m->services[b->service].cfg;
	bool refused = ctl_refusal(env, s, b) != NULL;
	uint32_t reasons = b->reasons | (refused ? MODEL_REASON_KERNEL_REFUSED : 0u);
	char ep[LB_ENDPOINT_STRLEN];
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "service", json_string(s->name));
	ctl_put(row, "backend", json_string(b->cfg->name));
	ctl_put(row, "address", json_string(lb_endpoint_str(&b->cfg->addr, b->cfg->port, ep)));
	ctl_put(row, "state", json_string(model_backend_state_name(ctl_backend_state(env, b))));
	ctl_put(row, "admin", json_string(config_states[model_admin_state(b)]));
	if (b->ov && b->ov->force_item.set)
		ctl_put(row, "force", json_string(override_forces[b->ov->force]));
	ctl_put(row, "weight", json_integer(b->weight));
	ctl_put(row, "weight_configured", json_integer(b->cfg->weight));
	if (counts) {
		ctl_put(row, "active", json_integer(counts->active));
		ctl_put(row, "inactive", json_integer(counts->inactive));
	}
	put_check(env, row, model_deciding_target(m, backend, env->ops->now(env->arg)));
	ctl_put(row, "since", ctl_time(b->since_wall_ms));
	put_reasons(row, reasons);
	ctl_put(row, "mode", json_string(ipvs_method_name(b->cfg->method)));
	put_limits(row, b->cfg);
	ctl_put(row, "overrides", overrides_of(b->ov));
	put_drain(env, row, b, s);
	ctl_put(row, "tunnel", tunnel_of(b->cfg));
	ctl_put(row, "listen", listeners(s));
	ctl_put(row, "line", json_integer(b->cfg->line));
	return row;
}

/* ---- the daemon ---- */

bool ctl_ready(const struct ctl_env *env)
{
	if (!env->converged || env->kernel_missing)
		return false;
	struct lb_time now = env->ops->now(env->arg);
	for (uint32_t i = 0; i < env->model->n_targets; i++) {
		const struct model_target *t = model_target_awaited(env->model, &env->model->targets[i]);
		if (t && !model_target_stuck(t, now))
			return false;
	}
	return true;
}

static json_t *workers_of(struct ctl_env *env)
{
	struct ctl_worker_info w[CTL_WORKERS_MAX];
	size_t n = env->ops->workers(env->arg, w, CTL_WORKERS_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < n && i < CTL_WORKERS_MAX; i++) {
		json_t *row = json_pack("{s:s, s:i, s:i, s:b}", "name", w[i].name, "pid", (int)w[i].pid, "restarts",
			(int)w[i].restarts, "up", w[i].up);
		ctl_put(row, "rss", json_integer((json_int_t)w[i].rss_kib * 1024));
		if (w[i].instances)
			ctl_put(row, "instances", json_integer(w[i].instances));
		if (w[i].turns) {
			ctl_put(row, "lag", json_real(w[i].lag_us / 1e6));
		} else {
			ctl_put(row, "probes", json_integer(w[i].probes));
			ctl_put(row, "late_p50", json_real(w[i].late_p50_us / 1e6));
			ctl_put(row, "late_p99", json_real(w[i].late_p99_us / 1e6));
		}
		json_array_append_new(list, row);
	}
	return list;
}

/* Words of an enum with how many of each, in the order of the enum. */
static json_t *counts_of(const uint32_t *n, size_t words, const char *(*name)(unsigned))
{
	json_t *o = json_object();
	for (unsigned i = 0; i < words; i++)
		ctl_put(o, name(i), json_integer(n[i]));
	return o;
}

static const char *service_word(unsigned i)
{
	return model_service_status_name((enum model_service_status)i);
}

static const char *backend_word(unsigned i)
{
	return model_backend_state_name((enum model_backend_state)i);
}

static void put_problems(struct ctl_env *env, json_t *row)
{
	const struct model *m = env->model;
	json_t *list = json_array();
	uint32_t more = 0;
	for (uint32_t i = 0; i < m->n_backends; i++) {
		const struct model_backend *b = &m->backends[i];
		if (b->state == MODEL_BACKEND_UP && !ctl_refusal(env, m->services[b->service].cfg, b))
			continue;
		if (json_array_size(list) < PROBLEMS_MAX)
			json_array_append_new(list, ctl_row_backend(env, i, NULL));
		else
			more++;
	}
	ctl_put(row, "problems", list);
	ctl_put(row, "problems_more", json_integer(more));
}

static json_t *finding_row(const char *object, const char *text, const char *fix)
{
	json_t *row = json_pack("{s:s, s:s}", "object", object, "text", text);
	if (fix[0])
		ctl_put(row, "fix", json_string(fix));
	return row;
}

static void put_refusals(struct ctl_env *env, json_t *list)
{
	const struct model *m = env->model;
	for (uint32_t s = 0;
		s < m->n_services && ipvs_refused_listeners(env->ipvs) && json_array_size(list) < FINDINGS_MAX; s++)
		for (uint32_t i = 0; i < m->services[s].cfg->n_listens; i++) {
			size_t n;
			const struct ipvs_refusal *r = ipvs_refusals(env->ipvs, &m->services[s].cfg->listens[i], &n);
			if (!n)
				continue;
			char object[80], why[200], op[IPVS_OP_STRLEN], text[480];
			ipvs_op_explain(&r->op, r->err, why, sizeof(why));
			snprintf(object, sizeof(object), "service/%s", m->services[s].cfg->name);
			snprintf(text, sizeof(text), "%s (%s)", why, ipvs_op_str(&r->op, op));
			json_array_append_new(list, finding_row(object, text, ""));
		}
}

static json_t *findings_of(struct ctl_env *env)
{
	struct ctl_finding f[FINDINGS_MAX];
	size_t n = env->ops->findings(env->arg, f, FINDINGS_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < n && i < FINDINGS_MAX; i++)
		json_array_append_new(list, finding_row(f[i].object, f[i].text, f[i].fix));
	ctl_sync_findings(env, list);
	put_refusals(env, list);
	return list;
}

json_t *ctl_row_status(struct ctl_env *env)
{
	struct model_totals t = ctl_totals(env);
	json_t *row = json_object(), *file = json_object();
	json_t *findings = findings_of(env); /* the host is looked at: there is an alarm of that, too */
	ctl_put(row, "node", json_string(env->node));
	ctl_put(row, "version", json_string(env->version));
	ctl_put(row, "generation", json_integer(env->generation));
	ctl_put(row, "uptime", json_real((double)lb_time_diff_us(env->ops->now(env->arg), env->started) / 1e6));
	ctl_put(row, "pid", json_integer(env->pid));
	ctl_put(row, "ready", json_boolean(ctl_ready(env)));
	ctl_put(row, "services", counts_of(t.services, MODEL_SERVICE_STATUS_COUNT, service_word));
	ctl_put(row, "backends", counts_of(t.backends, 5, backend_word));
	ctl_put(row, "vrrp", ctl_vrrp_roles(env));
	ctl_put(row, "peers", ctl_peer_roles(env));
	ctl_put(row, "sync", ctl_sync_role(env));
	ctl_put(row, "overrides", json_integer((json_int_t)overrides_count(env->overrides)));
	ctl_put(row, "foreign_services", json_integer((json_int_t)ipvs_foreign_count(env->ipvs)));
	ctl_put(file, "path", json_string(env->config_path));
	ctl_put(file, "differs", json_boolean(env->file_differs));
	if (env->last_reject)
		ctl_put(file, "error", json_string(env->last_reject));
	ctl_put(row, "file", file);
	ctl_put(row, "config", ctl_life_state(env));
	ctl_put(row, "alarms", ctl_alarms(env));
	ctl_put(row, "findings", findings);
	put_problems(env, row);
	ctl_put(row, "workers", workers_of(env));
	return row;
}

struct kernel_totals {
	json_int_t ours, dests, foreign; /* dests: of ours */
};

static void count_listener(const struct ipvs_row *row, bool ours, void *arg)
{
	struct kernel_totals *t = arg;
	t->ours += ours;
	t->dests += ours ? (json_int_t)row->dests.n : 0;
	t->foreign += !ours;
}

json_t *ctl_row_daemon(struct ctl_env *env)
{
	const struct ipvs_counters *c = ipvs_counters(env->ipvs);
	struct kernel_totals t = { 0 };
	char version[24];
	ipvs_each(env->ipvs, count_listener, &t);
	snprintf(version, sizeof(version), "%u.%u.%u", env->ipvs_version >> 16 & 255, env->ipvs_version >> 8 & 255,
		env->ipvs_version & 255);
	json_t *row = json_object();
	ctl_put(row, "node", json_string(env->node));
	ctl_put(row, "version", json_string(env->version));
	ctl_put(row, "pid", json_integer(env->pid));
	ctl_put(row, "uptime", json_real((double)lb_time_diff_us(env->ops->now(env->arg), env->started) / 1e6));
	ctl_put(row, "generation", json_integer(env->generation));
	ctl_put(row, "ready", json_boolean(ctl_ready(env)));
	ctl_put(row, "started", ctl_time(env->started_wall_ms));
	ctl_put(row, "file", json_string(env->config_path));
	if (env->state_dir)
		ctl_put(row, "state_dir", json_string(env->state_dir));
	ctl_put(row, "loaded", ctl_time(env->applied_wall_ms));
	ctl_put(row, "services", json_integer(env->model->n_services));
	ctl_put(row, "backends", json_integer(env->model->n_backends));
	ctl_put(row, "targets", json_integer(env->model->n_targets));
	if (env->kernel && env->kernel[0])
		ctl_put(row, "kernel", json_string(env->kernel));
	ctl_put(row, "ipvs_version", json_string(version));
	ctl_put(row, "conn_tab_size", json_integer(env->table_size));
	ctl_put(row, "kernel_services", json_integer(t.ours));
	ctl_put(row, "kernel_dests", json_integer(t.dests));
	ctl_put(row, "foreign_services", json_integer(t.foreign));
	ctl_put(row, "kernel_writes", json_integer((json_int_t)c->writes));
	ctl_put(row, "kernel_refusals", json_integer((json_int_t)c->refused));
	ctl_put(row, "repairs", json_integer((json_int_t)c->repairs));
	ctl_put(row, "audits", json_integer((json_int_t)c->audits));
	ctl_put(row, "rss", json_integer((json_int_t)env->rss_kib * 1024));
	ctl_put(row, "clients", json_integer(env->clients));
	ctl_put(row, "workers", workers_of(env));
	return row;
}
