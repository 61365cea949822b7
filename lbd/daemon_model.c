/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model that runs: built from a configuration and what the one before knew, swapped in, and the first of all at
 * start, which adopts what an earlier run left in the kernel. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_kernel.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_rooms.h"
#include "lbd/daemon_state.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_TOLD 4 /* overrides by name, in one answer; the count is exact */

struct model *daemon_model_build(struct daemon *d, struct config *c, uint32_t *next_id)
{
	const struct model_input in = {
		.config = c,
		.old = d->model,
		.overrides = d->overrides,
		.in_kernel = daemon_in_kernel,
		.arg = d,
		.next_id = next_id,
		.now = lb_clock_now(),
		.wall_ms = lb_clock_wall_ms(),
	};
	return model_new(&in);
}

static bool has_object(const struct config *c, const char *object)
{
	const char *vrrp = override_vrrp(object), *service = override_service(object), *slash = strchr(object, '/');
	char name[64];
	if (vrrp)
		return config_vrrp_find(c, vrrp) != NULL;
	if (service)
		return config_service_find(c, service) != NULL;
	if (!slash || (size_t)(slash - object) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(slash - object), object);
	const struct config_service *s = config_service_find(c, name);
	return s && config_backend_find(s, slash + 1);
}

static bool still_there(const char *object, void *arg)
{
	return has_object(arg, object);
}

struct lost {
	const struct config *c;
	uint32_t n, told;
	struct daemon_lost *out;
};

static void note_lost(const struct override *ov, void *arg)
{
	struct lost *l = arg;
	char label[OVERRIDE_LABEL_MAX], one[OVERRIDE_LABEL_MAX + 60];
	if (has_object(l->c, ov->object))
		return;
	const char *const words[] = { ov->state_item.set ? config_states[ov->state] : "",
		ov->weight_item.set ? "weight" : "", ov->force_item.set ? override_forces[ov->force] : "",
		ov->prio_item.set ? "priority" : "" };
	snprintf(one, sizeof(one), "%s%s (", l->n ? ", " : "", override_label(ov->object, label));
	size_t n = strlen(one), first = n, at = strlen(l->out->text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i][0])
			n += (size_t)snprintf(one + n, sizeof(one) - n, "%s%s", n > first ? ", " : "", words[i]);
	if (l->told == l->n++ && l->told < LOST_TOLD &&
		at + n + sizeof(" and 1234567890 more") < sizeof(l->out->text)) {
		snprintf(l->out->text + at, sizeof(l->out->text) - at, "%s)", one);
		l->told++;
	}
}

void daemon_overrides_lost(const struct daemon *d, const struct config *c, struct daemon_lost *out)
{
	struct lost l = { .c = c, .out = out };
	out->text[0] = '\0';
	overrides_each(d->overrides, note_lost, &l);
	size_t at = strlen(out->text);
	if (l.n > l.told)
		snprintf(out->text + at, sizeof(out->text) - at, " and %u more", l.n - l.told);
}

static void override_dropped(const struct override *ov, void *arg)
{
	(void)arg;
	char label[OVERRIDE_LABEL_MAX];
	lb_log(LB_LOG_NOTICE, "%s: override dropped (the configuration does not have it any more)",
		override_label(ov->object, label));
}

/* Listeners of the old model that the new one does not have: to be removed once everything else is in. */
static void collect_drops(struct daemon *d, const struct model *old, const struct model *m)
{
	for (uint32_t i = 0, j = 0; i < old->n_listeners; i++) {
		const struct ipvs_key *key = &old->listeners[i].key;
		while (j < m->n_listeners && ipvs_key_cmp(&m->listeners[j].key, key) < 0)
			j++;
		if (j < m->n_listeners && ipvs_key_cmp(&m->listeners[j].key, key) == 0)
			continue;
		daemon_kernel_drop(d, key);
	}
}

void daemon_overrides_prune(struct daemon *d)
{
	size_t before = overrides_count(d->overrides);
	overrides_prune(d->overrides, still_there, override_dropped, d->model->config);
	if (overrides_count(d->overrides) == before)
		return;
	daemon_words_prune(d);
	(void)daemon_overrides_save(d);
}

int daemon_model_swap(struct daemon *d, struct config *c)
{
	struct model *old = d->model, *m = daemon_model_build(d, c, &d->next_target_id);
	if (!m)
		return -ENOMEM;
	int err = daemon_vrrp_model(d, m->config);
	if (err) {
		model_free(m);
		return err;
	}
	d->model = m;
	daemon_host_needs(m->config, &d->needs); /* all services are gone through, users looked up: not at each look */
	d->turn++;
	if (!old || old->config->log_level != m->config->log_level)
		daemon_level_hold(d);
	if (old)
		collect_drops(d, old, m);
	if (old && !d->life.trial)
		daemon_overrides_prune(d);
	daemon_words_model(d);
	daemon_probe_model(d, old);
	model_free(old);
	daemon_nft_model(d);
	daemon_metrics_model(d);
	d->env.applied_wall_ms = lb_clock_wall_ms();
	d->trim_due = true;
	daemon_host_look(d);
	d->changed = true;
	d->converged = false;
	daemon_env_refresh(d);
	daemon_more(d);
	return 0;
}

/* ---- the first one ---- */

/* One whose keys cannot be read is no better than one that does not load. */
static struct config *load_now(struct daemon *d, const struct daemon_text *t, struct lb_text *report)
{
	struct lb_err e;
	struct config *c = config_load_again(t->sources.v, t->sources.n, d->node, report);
	if (!c || !daemon_vrrp_prepare(d, c, &e))
		return c;
	config_free(c);
	if (report) {
		lb_text_clear(report); /* warnings only: the first line is what people are told of it */
		lb_text_printf(report, "%s\n", e.text);
	} else {
		lb_log(LB_LOG_ERROR, "config: %s", e.text);
	}
	return NULL;
}

/* A file that does not load must not take the service down with the next restart: the newest confirmed generation runs
 * instead, and every view says so. One that was damaged on disk does not hide the one before it. */
static struct config *load_stored(struct daemon *d, const struct life_heads *heads, struct daemon_text *t)
{
	struct config *c = NULL;
	for (uint32_t n = life_older(heads, UINT32_MAX); n && !c; n = life_older(heads, n)) {
		struct lb_err e = { LB_CODE_INVALID, "it does not load" };
		daemon_text_done(t);
		c = daemon_text_from_generation(d, t, n, &e) == 0 ? load_now(d, t, NULL) : NULL;
		d->life.older |= !c;
		if (c)
			d->generation = n;
		else
			lb_log(LB_LOG_ERROR, "config: generation %u cannot be used: %s", n, e.text);
	}
	return c;
}

void daemon_left_over(struct daemon *d)
{
	struct owned_keys owned;
	d->left_over_due = d->kernel_error != 0; /* without the kernel's list nobody knows what is still there */
	if (d->left_over_due || daemon_owned_load(d, &owned))
		return;
	lb_vec_foreach (key, &owned.keys) {
		ipvs_own(d->ipvs, key);
		if (model_listener_service(d->model, key) != MODEL_NONE || !ipvs_is_ours(d->ipvs, key))
			continue;
		daemon_kernel_drop(d, key);
	}
	daemon_owned_restart(d);
	owned_done(&owned);
}

/* The file as it is, and what is wrong with it as report; NULL: it does not run. */
static struct config *load_file(struct daemon *d, struct daemon_text *t, struct lb_text *report)
{
	struct lb_err e = { LB_CODE_INVALID, "" };
	struct config *c = daemon_text_read(d->opt->config, t, &e) ? NULL : load_now(d, t, report);
	if (!c && !report->n)
		lb_text_printf(report, "%s\n", e.text);
	if (report->n)
		lb_log_report(report->s, report->n);
	if (t->unread.n)
		lb_log_report(t->unread.s, t->unread.n);
	return c;
}

int daemon_model_first(struct daemon *d)
{
	struct daemon_text t = { 0 }, stored = { 0 };
	struct lb_text report = LB_TEXT_INIT;
	struct life_heads heads = { 0 };
	struct life_choice choice;
	struct lb_err e;
	struct config *c = load_file(d, &t, &report);
	daemon_life_start(d, c ? &t : NULL, &heads, &choice);
	if (!c && report.s) {
		report.s[strcspn(report.s, "\n")] = '\0';
		d->last_reject = strdup(report.s);
	}
	if (!choice.file) {
		struct config *other = load_stored(d, &heads, &stored);
		d->fallback = other != NULL;
		if (other) {
			config_free(c);
			c = other;
		} else if (c && daemon_vrrp_prepare(d, c, &e)) { /* nothing else is there: the file after all */
			config_free(c);
			c = NULL;
		}
	}
	int err = c ? 0 : report.n ? -1 : -ENOMEM;
	if (!err) {
		daemon_file_remember(d, d->fallback ? &stored : &t, !d->fallback);
		err = daemon_model_swap(d, c);
	}
	if (!err && !d->fallback && choice.same)
		d->generation = choice.same;
	else if (!err && !d->fallback)
		daemon_generation_first(d, &t);
	if (!err) {
		d->unsure = choice.unsure || (d->fallback && heads.unread > d->generation);
		daemon_life_started(d, &choice);
		daemon_left_over(d);
	}
	lb_text_done(&report);
	daemon_text_done(&stored);
	daemon_text_done(&t);
	return err;
}
