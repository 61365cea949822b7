/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_check.h"

#include "common/text.h"
#include "lbd/check/check_fsm.h"
#include "lbd/config/config_value.h"
#include "lbd/ctl/ctl_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USED_BY_MAX  8u   /* names in a row: a target may have thousands of users */
#define TARGETS_MAX  500u /* in the row of a check, which is one line */
#define LAST_DEFAULT 50u

/* ---- targets ---- */

static const char *target_state(const struct model_target *t)
{
	if (!model_target_wanted(t))
		return "maint";
	return !t->judged ? "unchecked" : t->up ? "up" : "down";
}

/* The VRRP instances that track it, beside backends. */
static void name_trackers(const struct model *m, const struct model_target *t, json_t *names)
{
	for (uint32_t i = 0; i < m->config->n_vrrp; i++) {
		const struct config_vrrp *v = &m->config->vrrp[i];
		for (uint32_t k = 0; k < v->n_tracks && json_array_size(names) < USED_BY_MAX; k++) {
			char name[80];
			if (!v->tracks[k].check || model_tracked_target(m, v->tracks[k].check) != t)
				continue;
			snprintf(name, sizeof(name), "vrrp/%s", v->name);
			json_array_append_new(names, json_string(name));
		}
	}
}

static void put_users(json_t *row, const struct model *m, const struct model_target *t)
{
	json_t *names = json_array();
	json_int_t n = 0;
	for (uint32_t l = t->first_link; l != MODEL_NONE; l = m->links[l].next) {
		const struct model_backend *b = &m->backends[m->links[l].backend];
		char name[160];
		if (n++ >= USED_BY_MAX)
			continue;
		snprintf(name, sizeof(name), "%s/%s", m->services[b->service].cfg->name, b->cfg->name);
		json_array_append_new(names, json_string(name));
	}
	ctl_put(row, "backends", json_integer(n));
	if (t->tracked)
		name_trackers(m, t, names);
	ctl_put(row, "used_by", names);
}

static json_t *endpoint(const struct lb_ip *addr, uint16_t port)
{
	char text[LB_ENDPOINT_STRLEN];
	return json_string(lb_endpoint_str(addr, port, text));
}

static json_t *target_row(const struct model *m, const struct model_target *t)
{
	const struct check_spec *s = &t->check->spec;
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "check", json_string(t->check->name));
	ctl_put(row, "type", json_string(check_types[s->type].name));
	ctl_put(row, "target", endpoint(&t->addr, t->port));
	ctl_put(row, "state", json_string(target_state(t)));
	ctl_put(row, "since", ctl_time(t->since_wall_ms));
	ctl_put(row, "code", json_string(check_codes[t->code].name));
	if (t->judged) {
		char counter[CHECK_COUNTER_STRLEN];
		ctl_put(row, "counter", json_string(check_counter_str(t->n, s->rise, s->fall, t->up, ' ', counter)));
		ctl_put(row, "latency", json_real(t->latency_us / 1e6));
	}
	if (t->text)
		ctl_put(row, "text", json_string(t->text));
	put_users(row, m, t);
	return row;
}

/* ---- the list ---- */

struct list {
	struct ctl_env *env;
	uint64_t turn;
	bool names;
	uint32_t at;
};

static json_t *name_row(const struct config_check *c)
{
	json_t *row = json_object();
	ctl_put(row, "check", json_string(c->name));
	ctl_put(row, "type", json_string(check_types[c->spec.type].name));
	return row;
}

static int list_next(struct ctl_reply *r, void *state)
{
	struct list *l = state;
	if (l->turn != l->env->turn) {
		ctl_reply_end(
			r, LB_CODE_REFUSED, "the configuration changed while the list was written: run it again", NULL);
		return 0;
	}
	const struct model *m = l->env->model;
	uint32_t n = l->names ? m->config->n_checks : m->n_targets;
	for (uint32_t i = 0; i < CTL_STEP_ROWS && l->at < n; i++, l->at++)
		ctl_reply_row(r, l->names ? name_row(&m->config->checks[l->at]) : target_row(m, &m->targets[l->at]));
	if (l->at < n)
		return 1;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
	return 0;
}

void ctl_check_list(struct ctl_env *env, bool names, struct ctl_reply *r)
{
	struct list *l = calloc(1, sizeof(*l));
	if (!l) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	*l = (struct list){ env, env->turn, names, 0 };
	ctl_reply_stream(r, list_next, free, l);
}

/* ---- one check ---- */

/* The keys of lbd.yaml that are kept as params, and how: repeated ones are lists. */
static const struct {
	const char *key;
	bool list;
} params[] = {
	[CHECK_PARAM_NONE] = { NULL, false },
	[CHECK_PARAM_INTERFACE] = { "interface", false },
	[CHECK_PARAM_SEND] = { "send", false },
	[CHECK_PARAM_EXPECT] = { "expect", false },
	[CHECK_PARAM_EXPECT_REGEX] = { "expect_regex", false },
	[CHECK_PARAM_METHOD] = { "method", false },
	[CHECK_PARAM_PATH] = { "path", false },
	[CHECK_PARAM_HOST] = { "host", false },
	[CHECK_PARAM_HEADER] = { "headers", true },
	[CHECK_PARAM_DATA] = { "data", false },
	[CHECK_PARAM_STATUS] = { "status", true },
	[CHECK_PARAM_BODY] = { "body", false },
	[CHECK_PARAM_BODY_REGEX] = { "body_regex", false },
	[CHECK_PARAM_MAX_BODY] = { "max_body", false },
	[CHECK_PARAM_HTTP_VERSION] = { "http_version", false },
	[CHECK_PARAM_TLS_MODE] = { "tls.mode", false },
	[CHECK_PARAM_TLS_VERIFY] = { "tls.verify", false },
	[CHECK_PARAM_TLS_CA] = { "tls.ca_file", false },
	[CHECK_PARAM_TLS_CERT] = { "tls.cert_file", false },
	[CHECK_PARAM_TLS_KEY] = { "tls.key_file", false },
	[CHECK_PARAM_TLS_MIN] = { "tls.min_version", false },
	[CHECK_PARAM_QUERY] = { "query", false },
	[CHECK_PARAM_ANSWER] = { "answer", true },
	[CHECK_PARAM_RCODE] = { "rcode", false },
	[CHECK_PARAM_TRANSPORT] = { "transport", false },
	[CHECK_PARAM_ARG] = { "args", true },
	[CHECK_PARAM_WEIGHT_FROM] = { "weight.from", false },
	[CHECK_PARAM_WEIGHT_NAME] = { "weight.name", false },
	[CHECK_PARAM_WEIGHT_MIN] = { "weight.min", false },
	[CHECK_PARAM_WEIGHT_MAX] = { "weight.max", false },
	[CHECK_PARAM_WEIGHT_SMOOTH] = { "weight.smooth", false },
};
_Static_assert(sizeof(params) / sizeof(params[0]) == CHECK_PARAM_COUNT, "one row per param");

/* Any bytes as text: control characters and what is no UTF-8 are shown. */
static json_t *escaped(const char *bytes, size_t n)
{
	struct lb_text text = LB_TEXT_INIT;
	lb_text_escape(&text, bytes, n, 0);
	json_t *v = text.bad ? NULL : json_string(text.n ? text.s : "");
	lb_text_done(&text);
	return v;
}

/* The key of lbd.yaml that a param comes from, for what is hidden of it. */
static const struct schema_row *row_of(enum check_param key)
{
	const struct schema_row *rows = schema_kinds[SCHEMA_CHECK].rows;
	for (unsigned i = 0; i < schema_kinds[SCHEMA_CHECK].n; i++)
		if (rows[i].param == key)
			return &rows[i];
	return NULL;
}

/* A value, or what of it who may only look sees. */
static json_t *setting(enum check_param key, const char *v, size_t n, bool all)
{
	const struct schema_row *row = all ? NULL : row_of(key);
	size_t seen = row ? config_value_seen(row, v, n) : n;
	struct lb_text text = LB_TEXT_INIT;
	lb_text_put(&text, v, seen);
	lb_text_puts(&text, seen < n ? CONFIG_HIDDEN : "");
	json_t *said = text.bad ? NULL : escaped(text.s ? text.s : "", text.n);
	lb_text_done(&text);
	return said;
}

static json_t *settings_of(const struct check_params *p, bool whole)
{
	json_t *all = json_object();
	for (int i = 1; i < CHECK_PARAM_COUNT; i++) {
		enum check_param key = (enum check_param)i;
		json_t *list = params[i].list ? json_array() : NULL;
		size_t n;
		for (const char *v = check_param_next(p, key, NULL, &n); v; v = check_param_next(p, key, v, &n)) {
			if (list)
				json_array_append_new(list, setting(key, v, n, whole));
			else
				ctl_put(all, params[i].key, setting(key, v, n, whole));
		}
		if (json_array_size(list))
			ctl_put(all, params[i].key, json_incref(list));
		json_decref(list);
	}
	if (json_object_size(all))
		return all;
	json_decref(all);
	return NULL;
}

/* Whether a VRRP instance tracks this very check, not one of equal settings. */
static bool tracks(const struct model *m, const struct config_check *c)
{
	for (uint32_t i = 0; i < m->config->n_vrrp; i++)
		for (uint32_t k = 0; k < m->config->vrrp[i].n_tracks; k++)
			if (m->config->vrrp[i].tracks[k].check == c)
				return true;
	return false;
}

/* A target of equal settings may carry the name of another check, so the way goes over who uses this one. Each target
 * once: seen has a place for each. */
static void each_target(const struct model *m, const struct config_check *c, uint8_t *seen, json_t *row)
{
	json_t *list = json_array();
	json_int_t n = 0, up = 0;
	for (uint32_t s = 0; s < m->n_services; s++) {
		const struct config_service *cfg = m->services[s].cfg;
		for (uint32_t i = 0; i < cfg->n_checks; i++)
			for (uint32_t b = 0; cfg->checks[i] == c && b < cfg->n_backends; b++) {
				const struct model_target *t =
					model_backend_target(m, m->services[s].first_backend + b, i);
				if (seen[t - m->targets]++)
					continue;
				n++;
				up += t->judged && t->up;
				if (json_array_size(list) < TARGETS_MAX)
					json_array_append_new(list, target_row(m, t));
			}
	}
	const struct model_target *own = model_tracked_target(m, c);
	if (own && !seen[own - m->targets] && tracks(m, c)) {
		n++;
		up += own->judged && own->up;
		if (json_array_size(list) < TARGETS_MAX)
			json_array_append_new(list, target_row(m, own));
	}
	ctl_put(row, "targets_all", json_integer(n));
	ctl_put(row, "targets_up", json_integer(up));
	if (n > (json_int_t)TARGETS_MAX)
		ctl_put(row, "targets_more", json_integer(n - (json_int_t)TARGETS_MAX));
	ctl_put(row, "targets", list);
}

static json_t *check_row(const struct model *m, const struct config_check *c, bool whole)
{
	const struct check_spec *s = &c->spec;
	char ip[LB_IP_STRLEN];
	uint8_t *seen = calloc(m->n_targets + 1, 1);
	json_t *row = seen ? json_object() : NULL;
	if (!row) {
		free(seen);
		return NULL;
	}
	ctl_put(row, "check", json_string(c->name));
	ctl_put(row, "type", json_string(check_types[s->type].name));
	ctl_put(row, "verdict", json_string(check_types[s->type].help));
	if (s->addr.family)
		ctl_put(row, "address", json_string(lb_ip_str(&s->addr, ip)));
	if (s->port)
		ctl_put(row, "port", json_integer(s->port));
	if (s->source.family)
		ctl_put(row, "source", json_string(lb_ip_str(&s->source, ip)));
	ctl_put(row, "interval", ctl_seconds(s->interval_ms));
	ctl_put(row, "interval_down", ctl_seconds(s->interval_down_ms));
	ctl_put(row, "timeout", ctl_seconds(s->timeout_ms));
	ctl_put(row, "rise", json_integer(s->rise));
	ctl_put(row, "fall", json_integer(s->fall));
	ctl_put(row, "settings", settings_of(&s->params, whole));
	if (c->line) /* a bare type name stands nowhere */
		ctl_put(row, "line", json_integer(c->line));
	each_target(m, c, seen, row);
	free(seen);
	return row;
}

static const struct config_check *check_of(const struct config *c, const char *name, struct ctl_reply *r)
{
	const char *near = NULL;
	char text[320];
	for (uint32_t i = 0; i < c->n_checks; i++)
		if (strcmp(c->checks[i].name, name) == 0)
			return &c->checks[i];
	for (uint32_t i = 0; i < c->n_checks && !near; i++)
		near = lb_text_suggest(name, strlen(name), &c->checks[i].name, 1);
	snprintf(text, sizeof(text), "no check '%.64s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
	ctl_reply_end(r, LB_CODE_NOT_FOUND, text, NULL);
	return NULL;
}

void ctl_check_show(struct ctl_env *env, const char *name, bool whole, struct ctl_reply *r)
{
	const struct config_check *c = check_of(env->model->config, name, r);
	if (!c)
		return;
	ctl_reply_row(r, check_row(env->model, c, whole));
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

/* ---- history ---- */

static void history_row(const struct history_record *h, void *arg)
{
	json_t *row = json_object(), *names = json_array();
	const char *name = h->names;
	for (uint8_t i = 0; i < h->n_names; i++, name += strlen(name) + 1)
		json_array_append_new(names, json_string(name));
	ctl_put(row, "time", ctl_time(h->wall_ms));
	ctl_put(row, "check", json_string(h->check));
	ctl_put(row, "target", endpoint(&h->addr, h->port));
	ctl_put(row, "backends", names);
	ctl_put(row, "old", json_string(history_state_name((enum history_state)h->old_state)));
	ctl_put(row, "new", json_string(history_state_name((enum history_state)h->new_state)));
	ctl_put(row, "reason", json_string(h->new_state == HISTORY_UP ? "check_passed" : "check_failed"));
	ctl_put(row, "code", json_string(check_codes[h->result.code].name));
	ctl_put(row, "latency", json_real(h->result.latency_us / 1e6));
	if (h->result.text[0])
		ctl_put(row, "text", json_string(h->result.text));
	ctl_reply_row(arg, row);
}

/* A name that is in no configuration any more may still be in the history, so it is no error while something is. */
struct any {
	bool found;
};

static void note_any(const struct history_record *h, void *arg)
{
	struct any *a = arg;
	(void)h;
	a->found = true;
}

void ctl_check_history(struct ctl_env *env, const char *check, const char *backend, uint32_t last, struct ctl_reply *r)
{
	struct history_filter f = { check, backend, env->model, 1 };
	struct any any = { false };
	struct lb_err e;
	history_each(env->history, &f, note_any, &any);
	if (!any.found && check && !check_of(env->model->config, check, r))
		return;
	if (!any.found && backend && model_object_find(env->model, backend, &e) == MODEL_NONE) {
		ctl_reply_error(r, &e);
		return;
	}
	f.last = last ? last : LAST_DEFAULT;
	history_each(env->history, &f, history_row, r);
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}
