/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_alarm.h"

#include "common/events.h"
#include "lbd/ctl/ctl_life.h"
#include "lbd/ctl/ctl_peer.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/ctl/ctl_vrrp.h"
#include "lbd/model_error.h"

#include <stdio.h>
#include <string.h>

#define OF_DAEMON "alarm/" /* in front of the name: the object of one that is about nothing of its own */
#define KEY_MAX   240
#define DOWN_MS   10000

/* A process that ends by itself is back in a second, so one that is not needs somebody. */
static void put_workers(const struct ctl_env *env, json_t *list)
{
	struct ctl_worker_info w[CTL_WORKERS_MAX];
	size_t n = env->ops->workers(env->arg, w, CTL_WORKERS_MAX);
	struct lb_time now = env->ops->now(env->arg);
	char text[300];
	for (size_t i = 0; i < n && i < CTL_WORKERS_MAX; i++) {
		if (!w[i].down_since.us || lb_time_cmp(now, lb_time_add_ms(w[i].down_since, DOWN_MS)) < 0)
			continue;
		snprintf(text, sizeof(text), "worker_down: worker/%s %s%s%s%s", w[i].name,
			w[i].refused ? "cannot be started: " : "does not become ready",
			w[i].refused ? strerror(-w[i].refused) : "", w[i].without ? "; " : "",
			w[i].without ? w[i].without : "");
		json_array_append_new(list, json_string(text));
	}
}

/* One for all of them: what is wrong is mostly wrong for each. */
static void put_checks(const struct ctl_env *env, json_t *list)
{
	const struct model *m = env->model;
	struct model_errors e;
	char text[400], who[160] = "";
	if (!m || !model_errors_due(m, env->checks_from, env->ops->now(env->arg), &e))
		return;
	if (e.backend != MODEL_NONE)
		snprintf(who, sizeof(who), ", first %s/%s", m->services[m->backends[e.backend].service].cfg->name,
			m->backends[e.backend].cfg->name);
	snprintf(text, sizeof(text), "check_not_run: %u backend%s%s; check %s%s: %s, %s", e.backends,
		e.backends == 1 ? "" : "s", who, e.first->check->name, who[0] ? "" : ", which VRRP tracks",
		check_codes[e.first->code].name, e.first->text ? e.first->text : check_codes[e.first->code].help);
	json_array_append_new(list, json_string(text));
}

static void put_lost(const struct model *m, json_t *list)
{
	char text[200], more[40] = "";
	if (!m || m->n_lost == 0)
		return;
	const struct model_service *s = &m->services[m->first_lost];
	if (m->n_lost > 1)
		snprintf(more, sizeof(more), ", and %u more", m->n_lost - 1);
	snprintf(text, sizeof(text), "quorum_lost: service/%s is %s%s", s->cfg->name,
		model_service_status_name((enum model_service_status)s->status), more);
	json_array_append_new(list, json_string(text));
}

json_t *ctl_alarms(const struct ctl_env *env)
{
	json_t *list = json_array();
	if (env->kernel_missing)
		json_array_append_new(list, json_string("kernel_refused: this kernel has no IPVS (modprobe ip_vs)"));
	else if (ipvs_refused_listeners(env->ipvs))
		json_array_append_new(list, json_string("kernel_refused"));
	if (env->state_not_saved) {
		char text[900];
		const char *why = env->state_lost ? env->state_lost : "";
		snprintf(text, sizeof(text), "state_not_saved%s%s", why[0] ? ": " : "", why);
		json_t *alarm = json_string(text); /* a path need not be text */
		json_array_append_new(list, alarm ? alarm : json_string("state_not_saved"));
	}
	if (env->state_not_read) {
		char text[200];
		snprintf(text, sizeof(text), "state_not_read: %s", env->state_not_read);
		json_array_append_new(list, json_string(text));
	}
	if (env->host_note && env->host_note[0]) {
		char text[500];
		snprintf(text, sizeof(text), "host_not_ready: %s", env->host_note);
		json_array_append_new(list, json_string(text));
	}
	put_workers(env, list);
	put_checks(env, list);
	put_lost(env->model, list);
	ctl_life_alarms(env, list);
	ctl_vrrp_alarms(env, list);
	ctl_peer_alarms(env, list);
	ctl_sync_alarms(env, list);
	return list;
}

/* ---- what was told ---- */

static const char *about(const char *raised)
{
	const char *at = strchr(raised, ':');
	return at ? at + 2 : "";
}

/* A key is the name and the object, with a space between. Returns the object. */
static const char *split(const char *key, char name[CTL_ALARM_NAME])
{
	size_t n = strcspn(key, " ");
	snprintf(name, CTL_ALARM_NAME, "%.*s", (int)n, key);
	return key + n + 1;
}

/* How long the object is with which this begins, 0 = with none. Of most alarms there is one; each of these has its own.
 */
static size_t own_len(const char *what)
{
	static const char *const kinds[] = { "vrrp/", "peer/", "worker/" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(what, kinds[i], strlen(kinds[i])) == 0)
			return strcspn(what, " ");
	return 0;
}

/* Whether what was told is this one. */
static bool is_same(const char *key, const char *raised)
{
	char name[CTL_ALARM_NAME];
	const char *object = split(key, name), *what = about(raised);
	size_t n = strlen(object);
	if (!lb_alarm_is(raised, name))
		return false;
	return !own_len(object) || (own_len(what) == n && strncmp(what, object, n) == 0);
}

static bool was_told(json_t *told, const char *raised)
{
	const char *key;
	json_t *v;
	json_object_foreach (told, key, v)
		if (is_same(key, raised))
			return true;
	return false;
}

static bool is_raised(const json_t *raised, const char *key)
{
	size_t i;
	json_t *v;
	json_array_foreach (raised, i, v)
		if (is_same(key, json_string_value(v)))
			return true;
	return false;
}

int ctl_alarm_told(json_t *told, const char *name, const char *object, bool on)
{
	char key[KEY_MAX];
	snprintf(key, sizeof(key), "%s %s", name, object);
	if (on)
		return json_object_set_new(told, key, json_true());
	(void)json_object_del(told, key);
	return 0;
}

/* ---- what was not ---- */

static bool over_next(json_t *told, const json_t *raised, struct ctl_alarm_news *out)
{
	const char *key;
	json_t *v;
	json_object_foreach (told, key, v) {
		if (is_raised(raised, key))
			continue;
		const char *object = split(key, out->name);
		bool named = strncmp(object, OF_DAEMON, strlen(OF_DAEMON)) == 0;
		out->on = false;
		if (named)
			snprintf(out->line, sizeof(out->line), "%s: is over", object);
		else
			snprintf(out->line, sizeof(out->line), "%s: alarm %s is over", object, out->name);
		(void)json_object_del(told, key);
		return true;
	}
	return false;
}

/* Of an instance the text has the rest in brackets already. */
static void raised_line(const char *object, size_t own, const char *what, struct ctl_alarm_news *out)
{
	const char *rest = what + own + (what[own] == ' ');
	bool bare = *rest && *rest != '(';
	const char *begin = bare ? " (" : *rest ? " " : "", *end = bare ? ")" : "";
	if (own)
		snprintf(
			out->line, sizeof(out->line), "%s: alarm %s raised%s%s%s", object, out->name, begin, rest, end);
	else
		snprintf(out->line, sizeof(out->line), "%s: raised%s%s%s", object, begin, rest, end);
}

static bool raised_next(json_t *told, const json_t *raised, struct ctl_alarm_news *out)
{
	size_t i;
	json_t *v;
	json_array_foreach (raised, i, v) {
		const char *s = json_string_value(v), *what = about(s);
		char object[KEY_MAX];
		if (was_told(told, s))
			continue;
		out->on = true;
		snprintf(out->name, sizeof(out->name), "%.*s", (int)strcspn(s, ":"), s);
		size_t own = own_len(what);
		if (own)
			snprintf(object, sizeof(object), "%.*s", (int)own, what);
		else
			snprintf(object, sizeof(object), OF_DAEMON "%s", out->name);
		raised_line(object, own, what, out);
		if (ctl_alarm_told(told, out->name, object, true) == 0)
			return true;
	}
	return false;
}

bool ctl_alarm_next(json_t *told, const json_t *raised, struct ctl_alarm_news *out)
{
	return over_next(told, raised, out) || raised_next(told, raised, out);
}
