/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_cut.h"

#include <netinet/in.h>
#include <stdlib.h>

/* The sorry server, which is not needed now, or a backend that has left the file. The kernel drops what a client says
 * to it, and no row will come back. Nobody drains a sorry server, so what the drain says is not about it. */
static bool is_cut_for_good(const struct config_service *cfg, const struct ipvs_op *op)
{
	uint16_t port = cfg->sorry_port ? cfg->sorry_port : op->svc.key.port;
	bool sorry = cfg->sorry.family && lb_ip_cmp(&op->dest.addr, &cfg->sorry) == 0 && op->dest.port == port;
	return sorry || cfg->drain_then == CONFIG_THEN_CUT;
}

static bool is_cut(const struct model *m, const struct ipvs_op *op)
{
	uint32_t s = model_listener_service(m, &op->svc.key);
	if (s == MODEL_NONE)
		return false;
	uint32_t b = model_backend_at(m, s, &op->svc.key, &op->dest.addr, op->dest.port);
	const struct config_service *cfg = m->services[s].cfg;
	if (b == MODEL_NONE)
		return is_cut_for_good(cfg, op);
	switch ((enum model_backend_state)m->backends[b].state) {
	case MODEL_BACKEND_MAINT: return true;
	case MODEL_BACKEND_DRAIN: return cfg->drain_then == CONFIG_THEN_CUT;
	case MODEL_BACKEND_DOWN: return cfg->on_fail == CONFIG_FAIL_CUT;
	case MODEL_BACKEND_UP:
	case MODEL_BACKEND_UNCHECKED: break;
	}
	return false;
}

bool model_cut(const struct model *m, const struct ipvs_op *op, struct conn_match *out)
{
	const struct ipvs_key *key = &op->svc.key;
	bool dest = op->type == IPVS_OP_DEST_DEL;
	if (!dest && op->type != IPVS_OP_SERVICE_DEL)
		return false;
	bool cut = dest && is_cut(m, op);
	if (!cut && key->protocol != IPPROTO_UDP && !(dest && key->fwmark))
		return false;
	model_cut_row(op, out);
	if (!cut && key->fwmark)
		out->protocol = IPPROTO_UDP;
	return true;
}

/* Out of the table: by a decision on it, and not because there was none yet. */
static bool is_out(const struct model_backend *b)
{
	switch ((enum model_backend_state)b->state) {
	case MODEL_BACKEND_MAINT:
	case MODEL_BACKEND_DRAIN:
	case MODEL_BACKEND_DOWN: return b->settled && !b->in_table;
	case MODEL_BACKEND_UP:
	case MODEL_BACKEND_UNCHECKED: break;
	}
	return false;
}

void model_cut_again(const struct model *m, model_cut_fn *fn, void *arg)
{
	for (uint32_t s = 0; s < m->n_services; s++) {
		const struct config_service *cfg = m->services[s].cfg;
		for (uint32_t i = 0; i < cfg->n_backends; i++) {
			const struct model_backend *b = &m->backends[m->services[s].first_backend + i];
			for (uint32_t l = 0; is_out(b) && l < cfg->n_listens; l++) {
				const struct ipvs_key *key = &cfg->listens[l];
				const struct ipvs_op op = { .type = IPVS_OP_DEST_DEL,
					.svc.key = *key,
					.dest = { .addr = b->cfg->addr, .port = model_backend_port(b, key) } };
				struct conn_match match;
				if (model_cut(m, &op, &match))
					fn(&match, arg);
			}
		}
	}
}

bool model_cut_is_late(const struct model_change *ch)
{
	return ch->backend != MODEL_NONE && ch->old_state == MODEL_BACKEND_UNCHECKED &&
	       ch->new_state == MODEL_BACKEND_DOWN;
}

static bool any_mark(const struct conn_match *v, uint32_t n)
{
	while (n && !v[n - 1].fwmark)
		n--;
	return n;
}

/* By their order those with one address are together. */
static bool is_dest(const struct conn_match *v, uint32_t n, const struct lb_ip *ip)
{
	uint32_t lo = 0, hi = n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = lb_ip_cmp(&v[mid].dest, ip);
		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static bool shares_dest(const struct config_service *s, const struct conn_match *v, uint32_t n)
{
	bool shares = s->sorry.family && is_dest(v, n, &s->sorry);
	for (uint32_t i = 0; !shares && i < s->n_backends; i++)
		shares = is_dest(v, n, &s->backends[i].addr);
	return shares;
}

uint32_t model_cut_unmarked(const struct model *m, struct conn_match *v, uint32_t n, uint32_t max)
{
	uint32_t all = n, services = any_mark(v, n) ? m->n_services : 0;
	bool fits = m->n_listeners <= max - n;
	for (uint32_t s = 0; s < services; s++) {
		const struct config_service *cfg = m->services[s].cfg;
		if (!fits && !shares_dest(cfg, v, n))
			continue;
		for (uint32_t l = 0; l < cfg->n_listens && all < max; l++) {
			const struct ipvs_key *key = &cfg->listens[l];
			if (!key->fwmark)
				v[all++] = (struct conn_match){ .unmarked = true,
					.protocol = key->protocol,
					.virtual = key->addr,
					.virtual_port = key->port };
		}
	}
	return all > n ? conn_match_sort(v, all) : all;
}

void model_cut_row(const struct ipvs_op *op, struct conn_match *out)
{
	const struct ipvs_key *key = &op->svc.key;
	*out = (struct conn_match){
		.protocol = key->protocol, .fwmark = key->fwmark, .virtual = key->addr, .virtual_port = key->port
	};
	if (op->type == IPVS_OP_SERVICE_DEL)
		return;
	out->dest = op->dest.addr;
	out->dest_port = op->dest.port;
}

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int listener_cmp(const struct conn_match *a, const struct conn_match *b)
{
	int c = lb_ip_cmp(&a->virtual, &b->virtual);
	c = c ? c : order(a->virtual_port, b->virtual_port);
	c = c ? c : order(a->fwmark, b->fwmark);
	return c || a->fwmark ? c : order(a->protocol, b->protocol);
}

int model_cut_cmp(const struct conn_match *a, const struct conn_match *b)
{
	int c = listener_cmp(a, b);
	c = c ? c : lb_ip_cmp(&a->dest, &b->dest);
	return c ? c : order(a->dest_port, b->dest_port);
}

static int by_row(const void *x, const void *y)
{
	return model_cut_cmp(x, y);
}

static int by_listener(const void *x, const void *y)
{
	return listener_cmp(x, y);
}

bool model_cut_is_back(const struct conn_match *cut, const struct conn_match *rows, size_t n)
{
	return n && bsearch(cut, rows, n, sizeof(*rows), cut->dest.family ? by_row : by_listener);
}
