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

/* And one of its destinations. */
struct dumped_dest {
	struct ipvs_dest dest;
	struct ipvs_counts counts;
	struct ipvs_stats stats;
};

struct walk {
	struct ctl_env *env;
	uint64_t turn;
	struct ctl_reply *r;
	LB_VEC(struct dumped) services;
	size_t at;
	LB_VEC(struct dumped_dest) dests; /* of one of them, told in steps: there may be very many */
	size_t dest;                      /* the next */
	struct ipvs_ops ops;              /* of a listener, the same */
	size_t op;
	uint32_t listener; /* of a service, the next */
	uint32_t service;  /* only this one of the model, MODEL_NONE = all */
	uint32_t listed;   /* the one that dests are of */
	bool backends, rate, no_memory;
	uint32_t differences;
};

static void walk_free(void *state)
{
	struct walk *w = state;
	lb_vec_done(&w->services);
	lb_vec_done(&w->dests);
	lb_vec_done(&w->ops.ops);
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

static void take_dest(const struct ipvs_dest *d, const struct ipvs_counts *c, const struct ipvs_stats *st, void *arg)
{
	struct walk *w = arg;
	struct dumped_dest *place = lb_vec_push(&w->dests);
	if (place)
		*place = (struct dumped_dest){ *d, *c, *st };
	else
		w->no_memory = true;
}

/* The destinations of a service, for the next steps. What next() returns. */
static int take_dests(struct walk *w, const struct ipvs_key *key)
{
	const struct ipvs_kernel *k = ipvs_kernel(w->env->ipvs);
	w->dest = 0;
	lb_vec_clear(&w->dests);
	int err = k->dests(k->arg, key, take_dest, w);
	return goes_on(w->r, !err && w->no_memory ? -ENOMEM : err);
}

/* Some of them, by fn. False: there is none left. */
static bool tell_dests(struct walk *w, void (*fn)(struct walk *w, const struct dumped_dest *d))
{
	bool any = w->dest < w->dests.n;
	for (unsigned i = 0; i < CTL_STEP_ROWS && w->dest < w->dests.n; i++)
		fn(w, &w->dests.v[w->dest++]);
	return any;
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

static void kernel_dest(struct walk *w, const struct dumped_dest *dumped)
{
	const struct ipvs_dest *d = &dumped->dest;
	char ip[LB_IP_STRLEN];
	json_t *row = json_pack("{s:s, s:s, s:i, s:s}", "type", "dest", "address", lb_ip_str(&d->addr, ip), "port",
		(int)d->port, "method", ipvs_method_name(d->method));
	ctl_put(row, "weight", json_integer(d->weight));
	ctl_put(row, "upper", json_integer(d->upper));
	ctl_put(row, "lower", json_integer(d->lower));
	ctl_put(row, "active", json_integer(dumped->counts.active));
	ctl_put(row, "inactive", json_integer(dumped->counts.inactive));
	if (d->method == IPVS_METHOD_TUN) {
		ctl_put(row, "tunnel_type", json_string(ipvs_tunnel_name(d->tunnel.type)));
		ctl_put(row, "tunnel_port", json_integer(d->tunnel.port));
		ctl_put(row, "tunnel_csum", json_string(ipvs_csum_name(d->tunnel.csum)));
	}
	put_counters(row, totals, &dumped->stats);
	put_counters(row, rates, &dumped->stats);
	ctl_reply_row(w->r, row);
}

static int rows_next(struct ctl_reply *r, void *state)
{
	struct walk *w = state;
	if (tell_dests(w, kernel_dest))
		return 1;
	if (w->at == w->services.n) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	const struct dumped *d = &w->services.v[w->at++];
	ctl_reply_row(r, kernel_service(d));
	return take_dests(w, &d->svc.key);
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

/* Of the listener that was read last. */
static void stats_dest(struct walk *w, const struct dumped_dest *d)
{
	const struct model *m = w->env->model;
	const struct ipvs_key *key = &w->services.v[w->at - 1].svc.key;
	uint32_t b = model_backend_at(m, w->listed, key, &d->dest.addr, d->dest.port);
	char listen[IPVS_KEY_STRLEN];
	if (b == MODEL_NONE)
		return;
	json_t *row = json_pack("{s:s, s:s, s:s}", "service", m->services[w->listed].cfg->name, "backend",
		m->backends[b].cfg->name, "listen", ipvs_key_str(key, listen));
	put_counters(row, w->rate ? rates : totals, &d->stats);
	if (!w->rate) {
		ctl_put(row, "active", json_integer(d->counts.active));
		ctl_put(row, "inactive", json_integer(d->counts.inactive));
	}
	ctl_reply_row(w->r, row);
}

static int stats_next(struct ctl_reply *r, void *state)
{
	struct walk *w = state;
	char listen[IPVS_KEY_STRLEN];
	if (w->turn != w->env->turn) {
		ctl_reply_end(
			r, LB_CODE_REFUSED, "the configuration changed while the list was written: run it again", NULL);
		return 0;
	}
	if (tell_dests(w, stats_dest))
		return 1;
	if (w->at == w->services.n) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	const struct dumped *d = &w->services.v[w->at++];
	uint32_t s = model_listener_service(w->env->model, &d->svc.key);
	if (s == MODEL_NONE || (w->service != MODEL_NONE && w->service != s))
		return 1;
	if (w->backends) {
		w->listed = s;
		return take_dests(w, &d->svc.key);
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

/* What is to be done about it, in w->ops. */
static int diff_listener(struct walk *w, uint32_t service, uint32_t listener)
{
	const struct ipvs_kernel *k = ipvs_kernel(w->env->ipvs);
	struct ipvs_row want = { 0 };
	struct fresh have = { 0 };
	w->op = 0;
	lb_vec_clear(&w->ops.ops);
	int err = plan_listener(w->env->model, service, listener, &want);
	int there = err ? err : k->service(k->arg, &want.svc.key, &have.row.svc);
	if (!err && there && there != -ESRCH)
		err = there;
	if (!err && there == 0)
		err = k->dests(k->arg, &want.svc.key, fresh_dest, &have);
	if (!err && !have.no_memory) {
		ipvs_row_sort(&have.row);
		err = ipvs_diff(&want, there == 0 ? &have.row : NULL, &w->ops);
	}
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
	if (w->op < w->ops.ops.n) {
		for (unsigned i = 0; i < CTL_STEP_ROWS && w->op < w->ops.ops.n; i++)
			diff_row(w, &w->ops.ops.v[w->op++]);
		return 1;
	}
	if (w->at == m->n_services) {
		ipvs_each(w->env->ipvs, foreign_row, w);
		ctl_reply_end(r, w->differences ? LB_CODE_NO : LB_CODE_OK, NULL, NULL);
		return 0;
	}
	if (w->listener == m->services[w->at].cfg->n_listens) {
		w->listener = 0;
		w->at++;
		return 1;
	}
	int err = diff_listener(w, (uint32_t)w->at, w->listener++);
	if (err)
		ctl_kernel_unreadable(r, err);
	return err == 0;
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
