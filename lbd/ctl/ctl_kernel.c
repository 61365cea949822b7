/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_kernel.h"

#include "lbd/ctl/ctl_rows.h"
#include "lbd/ipvs/ipvs_sched.h"
#include "lbd/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One service of the kernel as a dump shows it. */
struct dumped {
	struct ipvs_service svc;
	struct ipvs_stats stats;
};

struct walk {
	struct ctl_env *env;
	uint64_t turn;
	struct ctl_reply *r;
	LB_VEC(struct dumped) services;
	size_t at;
	uint32_t service; /* only this one of the model, MODEL_NONE = all */
	bool backends, rate, no_memory;
	uint32_t differences;
};

static void walk_free(void *state)
{
	struct walk *w = state;
	lb_vec_done(&w->services);
	free(w);
}

static void take_service(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg)
{
	struct walk *w = arg;
	struct dumped *d = lb_vec_push(&w->services);
	if (d)
		*d = (struct dumped){ *svc, *stats };
	else
		w->no_memory = true;
}

static const char *words_of(int err)
{
	return err == -ENOPROTOOPT ? "it has no IPVS (modprobe ip_vs)" : strerror(-err);
}

void ctl_kernel_unreadable(struct ctl_reply *r, int err)
{
	char text[120];
	snprintf(text, sizeof(text), "the kernel cannot be read: %s", words_of(err));
	ctl_reply_end(r, LB_CODE_FAILED, text, NULL);
}

/* What next() returns after the kernel was read: half a list must not end as if it were whole. A service that has gone
 * since it was listed has nothing to tell. */
static int goes_on(struct ctl_reply *r, int err)
{
	if (err == -ESRCH)
		return 1;
	if (err)
		ctl_kernel_unreadable(r, err);
	return err == 0;
}

/* A walk over all services of the kernel, or NULL after ending the answer. */
static struct walk *walk_new(struct ctl_env *env, struct ctl_reply *r)
{
	struct walk *w = calloc(1, sizeof(*w));
	const struct ipvs_kernel *k = ipvs_kernel(env->ipvs);
	int err = -ENOMEM;
	if (w) {
		*w = (struct walk){ .env = env, .turn = env->turn, .r = r, .service = MODEL_NONE };
		err = k->services(k->arg, take_service, w);
		if (!err && w->no_memory)
			err = -ENOMEM;
	}
	if (!err)
		return w;
	if (w)
		walk_free(w);
	ctl_kernel_unreadable(r, err);
	return NULL;
}

/* ---- counters ---- */

struct counter_row {
	const char *key;
	size_t at; /* offset of the field in struct ipvs_stats */
};

static const struct counter_row totals[] = {
	{ "connections", offsetof(struct ipvs_stats, conns) },
	{ "incoming_packets", offsetof(struct ipvs_stats, in_packets) },
	{ "outgoing_packets", offsetof(struct ipvs_stats, out_packets) },
	{ "incoming_bytes", offsetof(struct ipvs_stats, in_bytes) },
	{ "outgoing_bytes", offsetof(struct ipvs_stats, out_bytes) },
};
static const struct counter_row rates[] = {
	{ "connections_per_second", offsetof(struct ipvs_stats, cps) },
	{ "incoming_packets_per_second", offsetof(struct ipvs_stats, in_pps) },
	{ "outgoing_packets_per_second", offsetof(struct ipvs_stats, out_pps) },
	{ "incoming_bytes_per_second", offsetof(struct ipvs_stats, in_bps) },
	{ "outgoing_bytes_per_second", offsetof(struct ipvs_stats, out_bps) },
};

static void put_counters(json_t *row, const struct counter_row *which, const struct ipvs_stats *s)
{
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		uint64_t v;
		memcpy(&v, (const char *)s + which[i].at, sizeof(v));
		ctl_put(row, which[i].key, json_integer((json_int_t)v));
	}
}

/* ---- the kernel's own rows ---- */

static json_t *flag_names(const struct ipvs_service *s)
{
	static const char *const plain[] = { "flag-1", "flag-2", "flag-3" };
	const struct ipvs_sched_row *row = ipvs_sched_find(s->scheduler, strlen(s->scheduler));
	json_t *list = json_array();
	for (unsigned i = 0; i < 3; i++) {
		uint32_t bit = IPVS_FLAG_SCHED1 << i;
		const char *name = plain[i];
		for (size_t k = 0; row && k < 2; k++)
			if (row->flags[k].name && row->flags[k].bit == bit)
				name = row->flags[k].name;
		if (s->flags & bit)
			json_array_append_new(list, json_string(name));
	}
	return list;
}

static json_t *kernel_service(const struct dumped *d)
{
	const struct ipvs_service *s = &d->svc;
	char ip[LB_IP_STRLEN];
	json_t *row = json_pack("{s:s, s:s}", "type", "service", "af", lb_ip_is_v6(&s->key.addr) ? "inet6" : "inet");
	if (s->key.fwmark) {
		ctl_put(row, "fwmark", json_integer(s->key.fwmark));
	} else {
		ctl_put(row, "protocol", json_string(ipvs_protocol_name(s->key.protocol)));
		ctl_put(row, "address", json_string(lb_ip_str(&s->key.addr, ip)));
		ctl_put(row, "port", json_integer(s->key.port));
	}
	ctl_put(row, "scheduler", json_string(s->scheduler));
	ctl_put(row, "flags", flag_names(s));
	if (s->flags & IPVS_FLAG_PERSISTENT)
		ctl_put(row, "persistent", json_integer(s->timeout));
	ctl_put(row, "prefix", json_integer(s->prefix));
	if (s->engine[0])
		ctl_put(row, "engine", json_string(s->engine));
	ctl_put(row, "one_packet", json_boolean(s->flags & IPVS_FLAG_ONEPACKET));
	put_counters(row, totals, &d->stats);
	put_counters(row, rates, &d->stats);
	return row;
}

static void kernel_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	struct walk *w = arg;
	char ip[LB_IP_STRLEN];
	json_t *row = json_pack("{s:s, s:s, s:i, s:s}", "type", "dest", "address", lb_ip_str(&d->addr, ip), "port",
		(int)d->port, "method", ipvs_method_name(d->method));
	ctl_put(row, "weight", json_integer(d->weight));
	ctl_put(row, "upper", json_integer(d->upper));
	ctl_put(row, "lower", json_integer(d->lower));
	ctl_put(row, "active", json_integer(c->active));
	ctl_put(row, "inactive", json_integer(c->inactive));
	if (d->method == IPVS_METHOD_TUN) {
		ctl_put(row, "tunnel_type", json_string(ipvs_tunnel_name(d->tunnel.type)));
		ctl_put(row, "tunnel_port", json_integer(d->tunnel.port));
		ctl_put(row, "tunnel_csum", json_string(ipvs_csum_name(d->tunnel.csum)));
	}
	put_counters(row, totals, st);
	put_counters(row, rates, st);
	ctl_reply_row(w->r, row);
}

static int rows_next(struct ctl_reply *r, void *state)
{
	struct walk *w = state;
	const struct ipvs_kernel *k = ipvs_kernel(w->env->ipvs);
	if (w->at == w->services.n) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	const struct dumped *d = &w->services.v[w->at++];
	ctl_reply_row(r, kernel_service(d));
	return goes_on(r, k->dests(k->arg, &d->svc.key, kernel_dest, w));
}

void ctl_kernel_rows(struct ctl_env *env, struct ctl_reply *r)
{
	struct walk *w = walk_new(env, r);
	char version[24];
	if (!w)
		return;
	snprintf(version, sizeof(version), "%u.%u.%u", env->ipvs_version >> 16 & 255, env->ipvs_version >> 8 & 255,
		env->ipvs_version & 255);
	ctl_reply_row(
		r, json_pack("{s:s, s:s, s:i}", "type", "head", "version", version, "size", (int)env->table_size));
	ctl_reply_stream(r, rows_next, walk_free, w);
}

/* ---- statistics of ours ---- */

struct stats_of {
	struct walk *w;
	uint32_t service;
	const struct ipvs_key *key;
};

static void stats_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	struct stats_of *k = arg;
	const struct model *m = k->w->env->model;
	uint32_t b = model_backend_at(m, k->service, k->key, &d->addr, d->port);
	char listen[IPVS_KEY_STRLEN];
	if (b == MODEL_NONE)
		return;
	json_t *row = json_pack("{s:s, s:s, s:s}", "service", m->services[k->service].cfg->name, "backend",
		m->backends[b].cfg->name, "listen", ipvs_key_str(k->key, listen));
	put_counters(row, k->w->rate ? rates : totals, st);
	if (!k->w->rate) {
		ctl_put(row, "active", json_integer(c->active));
		ctl_put(row, "inactive", json_integer(c->inactive));
	}
	ctl_reply_row(k->w->r, row);
}

static int stats_next(struct ctl_reply *r, void *state)
{
	struct walk *w = state;
	const struct ipvs_kernel *k = ipvs_kernel(w->env->ipvs);
	char listen[IPVS_KEY_STRLEN];
	if (w->at == w->services.n || w->turn != w->env->turn) {
		ctl_reply_end(r, w->turn == w->env->turn ? LB_CODE_OK : LB_CODE_REFUSED,
			w->turn == w->env->turn ? NULL
						: "the configuration changed while the list was written: run it again",
			NULL);
		return 0;
	}
	const struct dumped *d = &w->services.v[w->at++];
	uint32_t s = model_listener_service(w->env->model, &d->svc.key);
	if (s == MODEL_NONE || (w->service != MODEL_NONE && w->service != s))
		return 1;
	if (w->backends) {
		struct stats_of of = { w, s, &d->svc.key };
		return goes_on(r, k->dests(k->arg, &d->svc.key, stats_dest, &of));
	}
	json_t *row = json_pack("{s:s, s:s}", "service", w->env->model->services[s].cfg->name, "listen",
		ipvs_key_str(&d->svc.key, listen));
	put_counters(row, w->rate ? rates : totals, &d->stats);
	ctl_reply_row(r, row);
	return 1;
}

void ctl_kernel_stats(struct ctl_env *env, uint32_t service, bool backends, bool rate, struct ctl_reply *r)
{
	struct walk *w = walk_new(env, r);
	if (!w)
		return;
	w->service = service;
	w->backends = backends;
	w->rate = rate;
	ctl_reply_stream(r, stats_next, walk_free, w);
}

void ctl_kernel_zero(struct ctl_env *env, uint32_t service, struct ctl_reply *r)
{
	const struct ipvs_kernel *k = ipvs_kernel(env->ipvs);
	const struct config_service *s = env->model->services[service].cfg;
	char text[200], listen[IPVS_KEY_STRLEN];
	for (uint32_t i = 0; i < s->n_listens; i++) {
		int err = k->zero(k->arg, &s->listens[i]);
		if (!err || err == -ESRCH) /* what the kernel does not have has counted nothing */
			continue;
		snprintf(text, sizeof(text), "service %s: the kernel has not set the counters of %s to 0: %s", s->name,
			ipvs_key_str(&s->listens[i], listen), words_of(err));
		ctl_reply_end(r, LB_CODE_FAILED, text, NULL);
		return;
	}
	snprintf(text, sizeof(text), "service %s is counted from 0 anew", s->name);
	ctl_reply_end(r, LB_CODE_OK, text, NULL);
}

/* ---- desired against actual ---- */

struct fresh {
	struct ipvs_row row;
	bool no_memory;
};

static void fresh_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	struct fresh *f = arg;
	(void)c;
	(void)st;
	struct ipvs_dest *place = lb_vec_push(&f->row.dests);
	if (place)
		*place = *d;
	else
		f->no_memory = true;
}

static void diff_row(struct walk *w, const struct ipvs_op *op)
{
	static const char *const words[] = { "add", "change", "remove", "add", "change", "remove" };
	char text[IPVS_OP_STRLEN], object[160], key[IPVS_KEY_STRLEN], ep[LB_ENDPOINT_STRLEN];
	bool dest = op->type >= IPVS_OP_DEST_ADD;
	snprintf(object, sizeof(object), "%s%s%s", ipvs_key_str(&op->svc.key, key), dest ? " -> " : "",
		dest ? lb_endpoint_str(&op->dest.addr, op->dest.port, ep) : "");
	ctl_reply_row(w->r,
		json_pack("{s:s, s:s, s:s}", "op", words[op->type], "object", object, "note", ipvs_op_str(op, text)));
	w->differences++;
}

static int diff_listener(struct walk *w, uint32_t service, uint32_t listener)
{
	const struct ipvs_kernel *k = ipvs_kernel(w->env->ipvs);
	struct ipvs_row want = { 0 };
	struct fresh have = { 0 };
	struct ipvs_ops ops = { 0 };
	int err = plan_listener(w->env->model, service, listener, &want);
	int there = err ? err : k->service(k->arg, &want.svc.key, &have.row.svc);
	if (!err && there && there != -ESRCH)
		err = there;
	if (!err && there == 0)
		err = k->dests(k->arg, &want.svc.key, fresh_dest, &have);
	if (!err && !have.no_memory) {
		ipvs_row_sort(&have.row);
		err = ipvs_diff(&want, there == 0 ? &have.row : NULL, &ops);
	}
	lb_vec_foreach (op, &ops.ops)
		diff_row(w, op);
	lb_vec_done(&ops.ops);
	ipvs_row_done(&want);
	ipvs_row_done(&have.row);
	return have.no_memory ? -ENOMEM : err;
}

static void foreign_row(const struct ipvs_row *row, bool ours, void *arg)
{
	struct walk *w = arg;
	char key[IPVS_KEY_STRLEN];
	if (ours && model_listener_service(w->env->model, &row->svc.key) == MODEL_NONE)
		diff_row(w, &(const struct ipvs_op){ .type = IPVS_OP_SERVICE_DEL, .svc = row->svc }); /* left behind */
	else if (!ours)
		ctl_reply_row(w->r, json_pack("{s:s, s:s, s:s}", "op", "keep", "object",
					    ipvs_key_str(&row->svc.key, key), "note", "not ours, left alone"));
}

static int diff_next(struct ctl_reply *r, void *state)
{
	struct walk *w = state;
	const struct model *m = w->env->model;
	if (w->turn != w->env->turn) {
		ctl_reply_end(r, LB_CODE_REFUSED, "the configuration changed meanwhile: run it again", NULL);
		return 0;
	}
	if (w->at == m->n_services) {
		ipvs_each(w->env->ipvs, foreign_row, w);
		ctl_reply_end(r, w->differences ? LB_CODE_NO : LB_CODE_OK, NULL, NULL);
		return 0;
	}
	uint32_t s = (uint32_t)w->at++;
	for (uint32_t i = 0; i < m->services[s].cfg->n_listens; i++) {
		int err = diff_listener(w, s, i);
		if (err) {
			ctl_kernel_unreadable(r, err);
			return 0;
		}
	}
	return 1;
}

void ctl_kernel_diff(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	(void)rq;
	struct walk *w = calloc(1, sizeof(*w));
	if (!w) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	*w = (struct walk){ .env = env, .turn = env->turn, .r = r };
	ctl_reply_stream(r, diff_next, walk_free, w);
}
