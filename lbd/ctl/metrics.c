/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/metrics.h"

#include "lbd/ctl/ctl_alarm.h"
#include "lbd/ctl/ctl_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PIECE         32768u
#define THINGS_MAX    2048u /* in a piece: most may have nothing to write */
#define READ_DESTS    64u   /* of the kernel in a piece, about */
#define READ_SERVICES 16u

const char *const metric_types[] = { "counter", "gauge", "histogram" };

/* ---- text ---- */

struct metric_line metric_sample(const struct metrics *m, struct lb_text *out, const char *suffix)
{
	struct metric_line l = { out, false };
	lb_text_puts(out, m->now->name);
	lb_text_puts(out, suffix);
	return l;
}

void metric_label(struct metric_line *l, const char *name, const char *value)
{
	lb_text_puts(l->out, l->open ? "," : "{");
	lb_text_puts(l->out, name);
	lb_text_puts(l->out, "=\"");
	for (size_t n; *value; value += n) {
		n = strcspn(value, "\\\"\n");
		lb_text_put(l->out, value, n);
		if (!value[n])
			break;
		lb_text_puts(l->out, value[n] == '\n' ? "\\n" : value[n] == '"' ? "\\\"" : "\\\\");
		n++;
	}
	lb_text_puts(l->out, "\"");
	l->open = true;
}

void metric_count(struct metric_line *l, uint64_t n)
{
	lb_text_printf(l->out, "%s%" PRIu64 "\n", l->open ? "} " : " ", n);
}

void metric_number(struct metric_line *l, double v)
{
	lb_text_printf(l->out, "%s%.15g\n", l->open ? "} " : " ", v);
}

/* ---- which ---- */

static bool wanted(const struct metric *row, const char *prefix)
{
	return strncmp(row->name, prefix, strlen(prefix)) == 0;
}

bool metrics_known(const char *prefix)
{
	for (size_t i = 0; i < metrics_n; i++)
		if (wanted(&metrics_table[i], prefix))
			return true;
	return false;
}

static bool of_kernel(const struct metric *row)
{
	return row->over == METRIC_OVER_LISTENERS || row->over == METRIC_OVER_DESTS;
}

static int room_for_kernel(struct metrics *m)
{
	const struct model *model = m->env->model;
	uint32_t n = 0;
	m->listeners = calloc(model->n_listeners + 1, sizeof(*m->listeners));
	for (uint32_t i = 0; m->listeners && i < model->n_listeners; i++) {
		m->listeners[i].first_dest = n;
		n += model->services[model->listeners[i].service].cfg->n_backends;
	}
	m->dests = calloc(n + 1, sizeof(*m->dests));
	m->n_dests = n;
	return m->listeners && m->dests ? 0 : -ENOMEM;
}

struct metrics *metrics_begin(struct ctl_env *env, const char *prefix)
{
	struct metrics *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->env = env;
	m->turn = env->turn;
	m->now = &metrics_table[0];
	strncpy(m->prefix, prefix ? prefix : "", sizeof(m->prefix) - 1);
	for (size_t i = 0; i < metrics_n && !env->kernel_missing; i++)
		m->kernel |= of_kernel(&metrics_table[i]) && wanted(&metrics_table[i], m->prefix);
	m->alarms = ctl_alarms(env);
	m->workers[0] =
		(struct ctl_worker_info){ .name = "core", .up = true, .rss_kib = env->rss_kib, .lag = env->lag };
	size_t n = env->ops->workers(env->arg, m->workers + 1, CTL_WORKERS_MAX);
	m->n_workers = 1 + (uint32_t)(n < CTL_WORKERS_MAX ? n : CTL_WORKERS_MAX);
	if (!m->alarms || (m->kernel && room_for_kernel(m))) {
		metrics_end(m);
		return NULL;
	}
	return m;
}

void metrics_end(struct metrics *m)
{
	if (!m)
		return;
	json_decref(m->alarms);
	free(m->listeners);
	free(m->dests);
	free(m);
}

/* ---- the kernel ---- */

static void take_service(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg)
{
	struct metrics *m = arg;
	const struct model *model = m->env->model;
	uint32_t from = 0, to = model->n_listeners;
	while (from < to) { /* sorted by key */
		uint32_t mid = from + (to - from) / 2;
		int cmp = ipvs_key_cmp(&svc->key, &model->listeners[mid].key);
		if (cmp == 0) {
			m->listeners[mid].there = true;
			m->listeners[mid].stats = *stats;
			return;
		}
		if (cmp < 0)
			to = mid;
		else
			from = mid + 1;
	}
}

struct reading {
	struct metrics *m;
	uint32_t listener;
};

static void take_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	const struct reading *r = arg;
	const struct model *model = r->m->env->model;
	const struct model_listener *l = &model->listeners[r->listener];
	uint32_t b = model_backend_at(model, l->service, &l->key, &d->addr, d->port);
	if (b != MODEL_NONE)
		r->m->dests[r->m->listeners[r->listener].first_dest + b - model->services[l->service].first_backend] =
			(struct metrics_dest){ *st, *c, true };
}

/* A few listeners; true while some are left. What cannot be read has no samples. */
static bool read_kernel(struct metrics *m)
{
	const struct ipvs_kernel *k = ipvs_kernel(m->env->ipvs);
	const struct model *model = m->env->model;
	uint32_t dests = 0;
	if (!m->services_read) {
		m->services_read = true;
		return k->services(k->arg, take_service, m) == 0;
	}
	for (unsigned n = 0; n < READ_SERVICES && dests < READ_DESTS && m->n_read < model->n_listeners; n++) {
		struct reading r = { m, m->n_read++ };
		if (m->listeners[r.listener].there)
			(void)k->dests(k->arg, &model->listeners[r.listener].key, take_dest, &r);
		dests += model->services[model->listeners[r.listener].service].cfg->n_backends;
	}
	return m->n_read < model->n_listeners;
}

/* ---- one after the other ---- */

static uint32_t how_many(const struct metrics *m, enum metric_over over)
{
	const struct ctl_env *env = m->env;
	switch (over) {
	case METRIC_OVER_ONE: return 1;
	case METRIC_OVER_ALARMS: return (uint32_t)lb_alarms_n;
	case METRIC_OVER_WORKERS: return m->n_workers;
	case METRIC_OVER_VRRPS: return env->vrrps ? env->vrrps->n : 0;
	case METRIC_OVER_PEERS: return env->peers ? env->peers->n : 0;
	case METRIC_OVER_KINDS: return env->sync && model_sync_flows(env->sync) ? SYNC_KIND_COUNT : 0;
	case METRIC_OVER_SERVICES: return env->model->n_services;
	case METRIC_OVER_LISTENERS: return m->listeners ? env->model->n_listeners : 0;
	case METRIC_OVER_BACKENDS: return env->model->n_backends;
	case METRIC_OVER_DESTS: return m->listeners ? m->n_dests : 0;
	}
	return 0;
}

/* The # lines go in front of the first sample: a metric that has none is not there at all. */
static void head(struct metrics *m, struct lb_text *out)
{
	lb_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->now->name, m->now->help, m->now->name,
		metric_types[m->now->type]);
	m->headed = true;
}

static void write_one(struct metrics *m, struct lb_text *out)
{
	const struct model *model = m->env->model;
	size_t before = out->n;
	while (m->now->over == METRIC_OVER_DESTS && m->listener + 1 < model->n_listeners &&
		m->listeners[m->listener + 1].first_dest <= m->i)
		m->listener++;
	if (!m->headed)
		head(m, out);
	size_t headed = out->n;
	m->now->fn(m, m->i, out);
	if (out->n == headed && before != headed) {
		m->headed = false;
		out->n = before;
		if (out->s)
			out->s[before] = '\0';
	}
}

/* At something that is wanted; false: there is nothing more. */
static bool settle(struct metrics *m)
{
	while (m->at < metrics_n && (!wanted(m->now, m->prefix) || m->i >= how_many(m, m->now->over))) {
		m->i = m->listener = 0;
		m->headed = false;
		if (++m->at < metrics_n)
			m->now = &metrics_table[m->at];
	}
	return m->at < metrics_n;
}

int metrics_next(struct metrics *m, struct lb_text *out)
{
	if (m->turn != m->env->turn)
		return -ESTALE;
	if (m->kernel) {
		m->kernel = read_kernel(m);
		return 1;
	}
	if (!m->started && !settle(m))
		return 0;
	m->started = true;
	size_t limit = out->n + PIECE;
	for (unsigned n = 0; n < THINGS_MAX && out->n < limit; n++) {
		write_one(m, out);
		if (out->bad)
			return -ENOMEM;
		m->i++;
		if (!settle(m))
			return 0;
	}
	return 1;
}
