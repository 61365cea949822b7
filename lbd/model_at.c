/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the kernel calls a destination to the backend that it is. A listing asks this once per row, so it may not
 * cost a walk over the service: whoever has ten thousand backends would wait for a hundred million comparisons. */
#include "lbd/model.h"

#include <stdlib.h>

static int place_cmp(const struct config_backend *b, const struct lb_ip *addr, uint16_t port)
{
	int c = lb_ip_cmp(&b->addr, addr);
	return c ? c : (b->port > port) - (b->port < port);
}

static int order(const void *a, const void *b, void *arg)
{
	const struct model_backend *of = arg;
	const struct config_backend *other = of[*(const uint32_t *)b].cfg;
	return place_cmp(of[*(const uint32_t *)a].cfg, &other->addr, other->port);
}

void model_at_build(struct model *m, const struct model_service *s)
{
	uint32_t *at = m->by_place + s->first_backend, n = s->cfg->n_backends;
	const struct model_backend *of = m->backends + s->first_backend;
	bool sorted = true; /* as people write them */
	for (uint32_t i = 0; i < n; i++) {
		at[i] = i;
		sorted = sorted && (i == 0 || place_cmp(of[i - 1].cfg, &of[i].cfg->addr, of[i].cfg->port) <= 0);
	}
	if (!sorted)
		qsort_r(at, n, sizeof(*at), order, m->backends + s->first_backend);
}

static uint32_t find(const struct model *m, const struct model_service *s, const struct lb_ip *addr, uint16_t port)
{
	const uint32_t *at = m->by_place + s->first_backend;
	uint32_t lo = 0, hi = s->cfg->n_backends;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = place_cmp(&s->cfg->backends[at[mid]], addr, port);
		if (c == 0)
			return s->first_backend + at[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return MODEL_NONE;
}

uint32_t model_backend_at(const struct model *m, uint32_t service, const struct ipvs_key *listener,
	const struct lb_ip *addr, uint16_t port)
{
	const struct model_service *s = &m->services[service];
	uint32_t b = find(m, s, addr, port);
	if (b == MODEL_NONE && port && (listener->port == 0 || listener->port == port))
		b = find(m, s, addr, 0); /* it takes the port of the listener */
	return b;
}
