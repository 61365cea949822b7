/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration -> by which ways connections are forwarded, and whether a configuration gains one. */
#include "lbd/model_sync.h"

#include <string.h>

_Static_assert(
	IPVS_METHOD_NAT == 0 && IPVS_METHOD_TUN == 2 && IPVS_METHOD_DR == 3, "numbers of the kernel, as in flows");

/* What a persistence engine puts into its templates is not in the kernel's file. */
static bool has_ways(const struct config_service *s)
{
	return s->sync != CONFIG_SYNC_OFF && !s->engine[0];
}

/* The sorry server goes the way that the service names. */
static uint8_t method_of_all(const struct config_service *s)
{
	uint8_t all = s->method;
	for (uint32_t i = 0; i < s->n_backends; i++) {
		if (i && s->backends[i].method != all)
			return CONN_WAY_MIXED;
		all = s->backends[i].method;
	}
	return s->sorry.family && all != s->method ? CONN_WAY_MIXED : all;
}

static struct conn_way way_of(const struct config_service *s, const struct ipvs_key *key, uint32_t row)
{
	struct conn_way w = { .match = { .fwmark = key->fwmark, .virtual_port = key->port, .virtual = key->addr },
		.persist_s = s->persist_s };
	if (!key->fwmark)
		w.match.protocol = key->protocol;
	if (!row) {
		w.method = method_of_all(s);
		return w;
	}
	const struct config_backend *b = &s->backends[row - 1];
	w.method = b->method;
	w.match.dest = b->addr;
	w.match.dest_port = b->port ? b->port : key->port;
	return w;
}

size_t model_sync_ways(const struct config *c, struct model_sync_at *at, struct conn_way *out, size_t max)
{
	size_t n = 0;
	while (at->service < c->n_services && n < max) {
		const struct config_service *s = &c->services[at->service];
		if (!has_ways(s) || at->listen == s->n_listens) {
			*at = (struct model_sync_at){ at->service + 1, 0, 0 };
			continue;
		}
		const struct ipvs_key *key = &s->listens[at->listen];
		out[n] = way_of(s, key, at->row);
		bool rows = at->row || out[n].method == CONN_WAY_MIXED;
		/* a backend of the other family: the kernel's synchronisation has no words for that */
		n += !at->row || s->backends[at->row - 1].addr.family == key->addr.family;
		at->row = rows && at->row < s->n_backends ? at->row + 1 : 0;
		at->listen += at->row == 0;
	}
	return n;
}

/* Both are sorted. */
static bool gains_listens(const struct config_service *old, const struct config_service *s)
{
	uint32_t k = 0;
	for (uint32_t i = 0; i < s->n_listens; i++) {
		while (k < old->n_listens && ipvs_key_cmp(&old->listens[k], &s->listens[i]) < 0)
			k++;
		if (k == old->n_listens || ipvs_key_cmp(&old->listens[k], &s->listens[i]) != 0)
			return true;
	}
	return false;
}

/* At *at, where the next one mostly is, or elsewhere; *at is behind it then. */
static bool has_row(const struct config_service *s, const struct config_backend *b, uint32_t *at)
{
	for (uint32_t n = 0; n < s->n_backends; n++) {
		const uint32_t i = (*at + n) % s->n_backends;
		const struct config_backend *have = &s->backends[i];
		if (lb_ip_cmp(&have->addr, &b->addr) == 0 && have->port == b->port && have->method == b->method) {
			*at = i + 1;
			return true;
		}
	}
	return false;
}

/* Where all go the same way it is known of a new one, too; else each has a way of its own. */
static bool gains_methods(const struct config_service *old, const struct config_service *s)
{
	const uint8_t method = method_of_all(s);
	if (method != method_of_all(old))
		return true;
	uint32_t at = 0;
	for (uint32_t i = 0; method == CONN_WAY_MIXED && i < s->n_backends; i++)
		if (!has_row(old, &s->backends[i], &at))
			return true;
	return false;
}

bool model_sync_gains(const struct config *old, const struct config *c)
{
	uint32_t k = 0, n_old = old ? old->n_services : 0;
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		while (k < n_old && strcmp(old->services[k].name, s->name) < 0)
			k++;
		const bool known = k < n_old && strcmp(old->services[k].name, s->name) == 0;
		const struct config_service *was = known ? &old->services[k] : NULL;
		if (has_ways(s) && (!was || !has_ways(was) || gains_methods(was, s) || gains_listens(was, s)))
			return true;
	}
	return false;
}
