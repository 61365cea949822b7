/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_conn.h"

#include "common/commands.h"
#include "common/vec.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/model_cut.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { LIST, COUNT, KILL };

#define LISTS_MAX 3u /* at a time, of all clients: so many the process reads */

struct sum { /* of a backend and state; MODEL_NONE = none of ours */
	uint32_t service, backend;
	bool template;
	uint8_t protocol;
	uint16_t state;
	uint64_t flows;
};

struct run {
	struct ctl_conns *all;
	struct run *next;
	struct ctl_reply *reply;
	struct ctl_env *env;
	enum kind kind;
	struct conn_ask ask;
	bool asked;  /* the process knows of it */
	bool stalls; /* rows have come, and more are not asked for yet */
	uint64_t turn;
	LB_VEC(struct sum) sums;
};

struct ctl_conns {
	struct run *first;
	uint32_t last_id;
};

struct ctl_conns *ctl_conns_new(void)
{
	return calloc(1, sizeof(struct ctl_conns));
}

void ctl_conns_free(struct ctl_conns *c)
{
	free(c);
}

bool ctl_conns_busy(const struct ctl_conns *c)
{
	return c->first != NULL;
}

/* Takes it off the list and frees it. */
static void forget(struct run *run)
{
	struct run **at = &run->all->first;
	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	free(run->ask.filter.v);
	lb_vec_done(&run->sums);
	free(run);
}

static void gone(void *state)
{
	struct run *run = state;
	const struct sync_room_msg m = { .type = SYNC_MSG_CONN_STOP, .u.conn_id = run->ask.id };
	if (run->asked && run->kind != KILL) /* what is being ended is ended */
		(void)run->env->ops->conn_ask(run->env->arg, &m);
	forget(run);
}

static void end(struct run *run, enum lb_code code, const char *text)
{
	struct ctl_reply *r = run->reply;
	forget(run);
	ctl_reply_end(r, code, text, NULL);
}

static struct run *run_of(const struct ctl_conns *c, uint32_t id)
{
	struct run *run = c->first;
	while (run && run->ask.id != id)
		run = run->next;
	return run;
}

/* ---- which ones ---- */

static int add_match(struct conn_filter *f, const struct ipvs_key *key, const struct lb_ip *dest, uint16_t port)
{
	f->v[f->n] = (struct conn_match){ .protocol = key->protocol, .fwmark = key->fwmark, .virtual_port = key->port };
	f->v[f->n].virtual = key->addr;
	if (dest) {
		f->v[f->n].dest = *dest;
		f->v[f->n].dest_port = port;
	}
	f->n++;
	return 0;
}

/* Of a mark nothing is known but where its connections go: all its backends then, and the sorry server. */
static uint32_t matches_of(const struct config_service *s, const struct ipvs_key *key, bool all)
{
	return all && key->fwmark ? s->n_backends + 1 : 1;
}

static void match_mark(struct conn_filter *f, const struct model *m, uint32_t service, const struct ipvs_key *key)
{
	const struct model_service *s = &m->services[service];
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		const struct model_backend *b = &m->backends[s->first_backend + i];
		(void)add_match(f, key, &b->cfg->addr, model_backend_port(b, key));
	}
	if (s->cfg->sorry.family)
		(void)add_match(f, key, &s->cfg->sorry, s->cfg->sorry_port);
}

/* And what goes to the same backends, but to another service. */
static int tell_unmarked(struct conn_filter *f, const struct model *m, struct lb_err *e)
{
	uint32_t max = m->n_listeners < CONN_MATCH_MAX - f->n ? f->n + m->n_listeners : CONN_MATCH_MAX;
	struct conn_match *v = realloc(f->v, (max ? max : 1) * sizeof(*v));
	if (!v)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	f->v = v;
	f->n = model_cut_unmarked(m, v, f->n, max);
	return 0;
}

/* backend MODEL_NONE: all of the service. */
static int match_service(
	const struct model *m, uint32_t service, uint32_t backend, struct conn_filter *f, struct lb_err *e)
{
	const struct config_service *s = m->services[service].cfg;
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n_listens; i++)
		n += matches_of(s, &s->listens[i], backend == MODEL_NONE);
	f->some = true;
	f->v = calloc(n ? n : 1, sizeof(*f->v));
	if (!f->v)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	for (uint32_t i = 0; i < s->n_listens; i++) {
		const struct ipvs_key *key = &s->listens[i];
		const struct model_backend *b = backend == MODEL_NONE ? NULL : &m->backends[backend];
		if (!b && key->fwmark)
			match_mark(f, m, service, key);
		else
			(void)add_match(f, key, b ? &b->cfg->addr : NULL, b ? model_backend_port(b, key) : 0);
	}
	f->n = conn_match_sort(f->v, f->n);
	if (f->n > CONN_MATCH_MAX)
		return lb_err_set(e, LB_CODE_REFUSED,
			"service %s has too many listeners for that: ask by --backend or --client", s->name);
	return tell_unmarked(f, m, e);
}

/* Both --service and --backend: only what both say. */
static int filter_of(const struct ctl_env *env, const json_t *args, struct conn_filter *f, struct lb_err *e)
{
	const char *service = lb_proto_str(args, "service"), *backend = lb_proto_str(args, "backend"),
		   *client = lb_proto_str(args, "client");
	uint32_t s = MODEL_NONE, b = MODEL_NONE;
	struct lb_client c;
	char object[160];
	if (client && lb_client_parse(client, &c) == 0) {
		f->client = c.ip;
		f->prefix = c.prefix;
		f->client_port = c.port;
	}
	if (service) {
		s = model_service_find(env->model, service);
		snprintf(object, sizeof(object), "%s/", service);
		if (s == MODEL_NONE) {
			(void)model_object_find(env->model, object, e); /* for its words */
			return -1;
		}
	}
	if (backend) {
		b = model_object_find(env->model, backend, e);
		if (b == MODEL_NONE)
			return -1;
		if (s != MODEL_NONE && s != env->model->backends[b].service)
			return lb_err_set(e, LB_CODE_USAGE, "backend %s is none of service %s", backend, service);
		s = env->model->backends[b].service;
	}
	return s == MODEL_NONE ? 0 : match_service(env->model, s, b, f, e);
}

/* ---- to whom it belongs ---- */

static bool of_key(const struct model *m, const struct ipvs_key *key, const struct conn_row *r, uint32_t *service,
	uint32_t *backend)
{
	*service = model_listener_service(m, key);
	*backend = *service == MODEL_NONE ? MODEL_NONE : model_backend_at(m, *service, key, &r->dest, r->dest_port);
	return *service != MODEL_NONE;
}

static uint32_t mark_of(const struct conn_row *r)
{
	const uint8_t *b = r->virtual.b;
	if (r->origin == CONN_TEMPLATE && !r->protocol)
		return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return r->fwmark;
}

/* By its mark, where that is known; by its address; and where there is no such listener, by the backend of one with a
 * mark. */
static void owner_of(const struct model *m, const struct conn_row *r, uint32_t *service, uint32_t *backend)
{
	struct ipvs_key key = { .addr.family = r->virtual.family, .fwmark = mark_of(r) };
	if (key.fwmark && of_key(m, &key, r, service, backend))
		return;
	key = (struct ipvs_key){ .addr = r->virtual, .protocol = r->protocol, .port = r->virtual_port };
	if (of_key(m, &key, r, service, backend))
		return;
	key.port = 0;
	if (of_key(m, &key, r, service, backend))
		return;
	for (uint32_t i = 0; i < m->n_listeners; i++) {
		const struct ipvs_key *mark = &m->listeners[i].key;
		if (!mark->fwmark || mark->addr.family != r->virtual.family)
			continue;
		*service = m->listeners[i].service;
		*backend = model_backend_at(m, *service, mark, &r->dest, r->dest_port);
		if (*backend != MODEL_NONE)
			return;
	}
	*service = *backend = MODEL_NONE;
}

static json_t *small(const char *word)
{
	char out[32];
	size_t n = 0;
	for (; word[n] && n < sizeof(out) - 1; n++)
		out[n] = (char)tolower((unsigned char)word[n]);
	return json_stringn(out, n);
}

static void put_endpoint(json_t *row, const char *key, const struct lb_ip *ip, uint16_t port)
{
	char text[LB_ENDPOINT_STRLEN];
	ctl_put(row, key, json_string(lb_endpoint_str(ip, port, text)));
}

static void put_owner(json_t *row, const struct model *m, uint32_t service, uint32_t backend)
{
	if (service != MODEL_NONE)
		ctl_put(row, "service", json_string(m->services[service].cfg->name));
	if (backend != MODEL_NONE)
		ctl_put(row, "backend", json_string(m->backends[backend].cfg->name));
}

static json_t *list_row(const struct model *m, const struct conn_row *r)
{
	char protocol[CONN_PROTOCOL_STRLEN];
	uint32_t service, backend;
	json_t *row = json_object();
	if (!row)
		return NULL;
	owner_of(m, r, &service, &backend);
	ctl_put(row, "protocol", small(conn_protocol_name(r->protocol, protocol)));
	ctl_put(row, "state", small(conn_state_name(r->protocol, r->origin == CONN_TEMPLATE, r->state)));
	ctl_put(row, "expires", json_integer(r->expires_s));
	put_endpoint(row, "client", &r->client, r->client_port);
	put_endpoint(row, "virtual", &r->virtual, r->virtual_port);
	put_endpoint(row, "address", &r->dest, r->dest_port);
	put_owner(row, m, service, backend);
	ctl_put(row, "origin", json_string(conn_origins[r->origin]));
	return row;
}

/* ---- counting ---- */

static int sum_cmp(const void *x, const void *y)
{
	const struct sum *a = x, *b = y;
	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->backend != b->backend)
		return a->backend < b->backend ? -1 : 1;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->template != b->template)
		return a->template ? 1 : -1;
	return (a->state > b->state) - (a->state < b->state);
}

/* In order, so that it is found by halving. Templates are one, whatever their state. 0 or -ENOMEM. */
static int add_sum(struct run *run, const struct model *m, const struct conn_row *r)
{
	struct sum s = { .template = r->origin == CONN_TEMPLATE, .protocol = r->protocol, .flows = 1 };
	size_t lo = 0, hi = run->sums.n;
	owner_of(m, r, &s.service, &s.backend);
	s.state = s.template ? 0 : r->state;
	s.protocol = s.template ? 0 : r->protocol;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = sum_cmp(&run->sums.v[mid], &s);
		if (c == 0) {
			run->sums.v[mid].flows++;
			return 0;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lb_vec_push(&run->sums))
		return -ENOMEM;
	memmove(run->sums.v + lo + 1, run->sums.v + lo, (run->sums.n - 1 - lo) * sizeof(s));
	run->sums.v[lo] = s;
	return 0;
}

static json_t *sum_row(const struct model *m, const struct sum *s)
{
	json_t *row = json_object();
	if (!row)
		return NULL;
	put_owner(row, m, s->service, s->backend);
	ctl_put(row, "state",
		s->template ? json_string("template") : small(conn_state_name(s->protocol, false, s->state)));
	ctl_put(row, "flows", json_integer((json_int_t)s->flows));
	return row;
}

/* ---- answers ---- */

static void more(struct run *run)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_CONN_MORE, .u.conn_id = run->ask.id };
	if (run->reply->sink->full(run->reply->arg))
		return;
	run->stalls = false;
	(void)run->env->ops->conn_ask(run->env->arg, &m); /* where that fails, the process has gone, and that is told */
}

void ctl_conns_turn(struct ctl_env *env)
{
	for (struct run *run = env->conns->first; run; run = run->next)
		if (run->stalls)
			more(run);
}

void ctl_conns_rows(struct ctl_env *env, const struct conn_rows *rows)
{
	struct run *run = run_of(env->conns, rows->id);
	if (!run)
		return;
	if (run->kind == COUNT && run->turn != env->turn) {
		struct ctl_reply *r = run->reply;
		gone(run);
		ctl_reply_end(r, LB_CODE_REFUSED, "the configuration changed while it was counted: run it again", NULL);
		return;
	}
	int err = 0;
	for (uint32_t i = 0; i < rows->n && !err; i++) {
		if (run->kind == COUNT)
			err = add_sum(run, env->model, &rows->v[i]);
		else
			ctl_reply_row(run->reply, list_row(env->model, &rows->v[i]));
		if (run->reply->state == CTL_REPLY_ENDED) { /* memory was out: it has been told */
			gone(run);
			return;
		}
	}
	if (err) {
		struct ctl_reply *r = run->reply;
		gone(run);
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	run->stalls = true;
	more(run);
}

static void flows_text(uint64_t n, const char *rest, char *out, size_t size)
{
	snprintf(out, size, "%llu flow%s%s", (unsigned long long)n, n == 1 ? "" : "s", rest);
}

static void kill_end(struct run *run, const struct conn_end *e)
{
	char text[CONN_TEXT_MAX + 160];
	enum lb_code code = LB_CODE_OK;
	if (e->err && e->text[0]) {
		snprintf(text, sizeof(text), "nothing was ended: %s", e->text);
		code = LB_CODE_FAILED;
	} else if (e->unsure) {
		flows_text(e->ended,
			" ended, but not surely all: connections come and go faster than the kernel lists them. Run it "
			"again",
			text, sizeof(text));
		code = LB_CODE_FAILED;
	} else if (!e->seen) {
		snprintf(text, sizeof(text), "no flow matches; nothing was ended");
	} else if (e->left) {
		snprintf(text, sizeof(text),
			"%llu of %llu flows ended; the others go on: their clients renew them all the time (UDP). Take "
			"the backend out first: lbctl backend maint",
			(unsigned long long)e->ended, (unsigned long long)e->seen);
		code = LB_CODE_FAILED;
	} else {
		flows_text(e->ended, " ended", text, sizeof(text));
	}
	end(run, code, text);
}

static void count_end(struct run *run)
{
	const struct model *m = run->env->model;
	char text[40];
	uint64_t all = 0;
	if (run->turn != run->env->turn) {
		end(run, LB_CODE_REFUSED, "the configuration changed while it was counted: run it again");
		return;
	}
	lb_vec_foreach (s, &run->sums) {
		ctl_reply_row(run->reply, sum_row(m, s));
		all += s->flows;
	}
	flows_text(all, "", text, sizeof(text));
	end(run, LB_CODE_OK, text);
}

void ctl_conns_end(struct ctl_env *env, const struct conn_end *e)
{
	struct run *run = run_of(env->conns, e->id);
	char text[160];
	if (!run)
		return;
	if (e->err && !e->text[0]) {
		if (e->err == EBUSY)
			snprintf(text, sizeof(text), "too many look at connections at once, try again");
		else
			snprintf(text, sizeof(text), "the kernel's connections cannot be read: %s",
				strerror((int)e->err));
		end(run, e->err == EBUSY ? LB_CODE_REFUSED : LB_CODE_FAILED, text);
		return;
	}
	switch (run->kind) {
	case LIST: end(run, LB_CODE_OK, NULL); return;
	case COUNT: count_end(run); return;
	case KILL: kill_end(run, e); return;
	}
}

void ctl_conns_lost(struct ctl_conns *c, const char *why)
{
	for (struct run *run = c->first, *next; run; run = next) {
		next = run->next;
		if (run->asked)
			end(run, LB_CODE_FAILED, why);
	}
}

/* ---- questions ---- */

static int ask(struct run *run)
{
	struct sync_room_msg m = { .type = run->kind == KILL ? SYNC_MSG_CONN_KILL : SYNC_MSG_CONN_LIST };
	m.u.conn_ask = run->ask;
	int err = run->env->ops->conn_ask(run->env->arg, &m);
	run->asked = err == 0;
	return err == -EAGAIN ? 0 : err; /* it is being started */
}

void ctl_conns_ready(struct ctl_env *env)
{
	for (struct run *run = env->conns->first, *next; run; run = next) {
		next = run->next;
		if (!run->asked && ask(run))
			end(run, LB_CODE_FAILED, "the process that reads connections is not there; try again");
	}
}

static unsigned reading(const struct ctl_conns *c)
{
	unsigned n = 0;
	for (const struct run *run = c->first; run; run = run->next)
		n += run->kind != KILL;
	return n;
}

/* Who asked first and does not read gives way. */
static bool has_place(struct ctl_conns *c)
{
	struct run *oldest = NULL;
	if (reading(c) < LISTS_MAX)
		return true;
	for (struct run *run = c->first; run; run = run->next)
		if (run->kind != KILL && run->stalls)
			oldest = run;
	if (!oldest)
		return false;
	struct ctl_reply *r = oldest->reply;
	gone(oldest);
	ctl_reply_end(r, LB_CODE_REFUSED, "it was not read, and somebody else wanted to look", NULL);
	return true;
}

static void start(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r, enum kind kind)
{
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	struct run *run = calloc(1, sizeof(*run));
	if (env->kernel_missing) {
		lb_err_set(&e, LB_CODE_FAILED, "this kernel has no IPVS (modprobe ip_vs)");
	} else if (kind != KILL && !has_place(env->conns)) {
		lb_err_set(&e, LB_CODE_REFUSED, "too many look at connections at once, try again");
	} else if (run && filter_of(env, rq->args, &run->ask.filter, &e) == 0) {
		*run = (struct run){ .all = env->conns,
			.next = env->conns->first,
			.reply = r,
			.env = env,
			.kind = kind,
			.ask = run->ask,
			.turn = env->turn };
		run->ask.id = env->conns->last_id = env->conns->last_id % CTL_CONN_ID_MAX + 1;
		env->conns->first = run;
		if (ask(run) == 0) {
			ctl_reply_hold(r, gone, run);
			return;
		}
		end(run, LB_CODE_FAILED, "the process that reads connections cannot be started; try again");
		return;
	}
	if (run)
		free(run->ask.filter.v);
	free(run);
	ctl_reply_error(r, &e);
}

void ctl_conn_list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	start(env, rq, r, LIST);
}

void ctl_conn_count(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	start(env, rq, r, COUNT);
}

void ctl_conn_kill(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	start(env, rq, r, KILL);
}
