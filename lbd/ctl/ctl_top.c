/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_top.h"

#include "lbd/ctl/ctl_kernel.h"
#include "lbd/ctl/ctl_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PART 32768u /* bytes of lines per row: far below the longest line of the protocol */

struct top {
	struct ctl_env *env;
	uint64_t turn;
	bool backends;
	uint32_t at, end; /* services that are meant */
	struct lb_text lines;
	size_t told; /* bytes of lines */
	/* while destinations are read */
	uint32_t service;
	const struct ipvs_key *key;
	char listen[IPVS_KEY_STRLEN];
};

static void top_free(void *state)
{
	struct top *t = state;
	lb_text_done(&t->lines);
	free(t);
}

static void put_stats(struct lb_text *out, const struct ipvs_stats *s)
{
	lb_text_printf(out, "\t%llu\t%llu\t%llu\t%llu\t%llu", (unsigned long long)s->conns,
		(unsigned long long)s->in_packets, (unsigned long long)s->out_packets, (unsigned long long)s->in_bytes,
		(unsigned long long)s->out_bytes);
}

/* Whole lines, as many as fit into one row of the answer. */
static void say_part(struct top *t, struct ctl_reply *r)
{
	size_t n = t->lines.n - t->told;
	if (n > PART) {
		const char *nl = memrchr(t->lines.s + t->told, '\n', PART);
		n = nl ? (size_t)(nl + 1 - (t->lines.s + t->told)) : PART;
	}
	json_t *row = json_object();
	ctl_put(row, "text", json_stringn(t->lines.s + t->told, n));
	ctl_reply_row(r, row);
	t->told += n;
	if (t->told < t->lines.n)
		return;
	t->told = 0;
	lb_text_clear(&t->lines);
}

static void take_service(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg)
{
	struct top *t = arg;
	uint32_t s = model_listener_service(t->env->model, &svc->key);
	if (s == MODEL_NONE || s < t->at || s >= t->end)
		return;
	lb_text_printf(&t->lines, "%s\t%s", t->env->model->services[s].cfg->name, ipvs_key_str(&svc->key, t->listen));
	put_stats(&t->lines, stats);
	lb_text_puts(&t->lines, "\n");
}

static void take_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	struct top *t = arg;
	const struct model *m = t->env->model;
	uint32_t b = model_backend_at(m, t->service, t->key, &d->addr, d->port);
	if (b == MODEL_NONE)
		return;
	lb_text_printf(&t->lines, "%s/%s\t%s", m->services[t->service].cfg->name, m->backends[b].cfg->name, t->listen);
	put_stats(&t->lines, st);
	lb_text_printf(&t->lines, "\t%u\t%u\n", c->active, c->inactive);
}

static int lines_next(struct ctl_reply *r, void *state)
{
	struct top *t = state;
	if (t->lines.bad || t->lines.n == 0) {
		ctl_reply_end(
			r, t->lines.bad ? LB_CODE_FAILED : LB_CODE_OK, t->lines.bad ? "out of memory" : NULL, NULL);
		return 0;
	}
	say_part(t, r);
	return 1;
}

/* The lines of a service. 1, or 0 after ending the answer. */
static int read_backends(struct top *t, struct ctl_reply *r)
{
	const struct ipvs_kernel *k = ipvs_kernel(t->env->ipvs);
	t->service = t->at++;
	const struct config_service *s = t->env->model->services[t->service].cfg;
	for (uint32_t i = 0; i < s->n_listens; i++) {
		t->key = &s->listens[i];
		ipvs_key_str(t->key, t->listen);
		int err = k->dests(k->arg, t->key, take_dest, t);
		if (err && err != -ESRCH) { /* one that the kernel does not have yet is not busy */
			ctl_kernel_unreadable(r, err);
			return 0;
		}
	}
	return 1;
}

static int backends_next(struct ctl_reply *r, void *state)
{
	struct top *t = state;
	bool all_read = t->at == t->end;
	if (t->turn != t->env->turn) {
		ctl_reply_end(r, LB_CODE_REFUSED, "the configuration changed meanwhile", NULL);
		return 0;
	}
	if (t->lines.bad || (all_read && t->lines.n == 0))
		return lines_next(r, t); /* the end */
	/* those of small services share a row; those of a big one are told before others are read */
	if (all_read || t->told || t->lines.n >= PART / 2) {
		say_part(t, r);
		return 1;
	}
	return read_backends(t, r);
}

void ctl_top(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	const char *kind = ctl_arg_str(rq, "kind"), *only = ctl_arg_str(rq, "service");
	const struct ipvs_kernel *k = ipvs_kernel(env->ipvs);
	struct top *t = calloc(1, sizeof(*t));
	uint32_t s = only ? model_service_find(env->model, only) : 0;
	if (s == MODEL_NONE || !t) {
		ctl_reply_end(r, t ? LB_CODE_NOT_FOUND : LB_CODE_FAILED,
			t ? "there is no such service" : "out of memory", NULL);
		free(t);
		return;
	}
	*t = (struct top){ .env = env,
		.turn = env->turn,
		.backends = kind && strcmp(kind, "backend") == 0,
		.at = s,
		.end = only ? s + 1 : env->model->n_services };
	if (t->backends && t->at < t->end) {
		ctl_reply_stream(r, backends_next, top_free, t);
		return;
	}
	int err = k->services(k->arg, take_service, t);
	if (err) {
		top_free(t);
		ctl_kernel_unreadable(r, err);
		return;
	}
	ctl_reply_stream(r, lines_next, top_free, t);
}
