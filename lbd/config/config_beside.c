/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that stay on a node which is master of nothing. */
#include "lbd/config/config.h"

#include "common/sort.h"

#include <stdlib.h>

static int by_address(const void *a, const void *b)
{
	return lb_ip_cmp(a, b);
}

static size_t add(struct lb_ip *v, size_t n, const struct config_vip *from, uint32_t n_from)
{
	for (uint32_t i = 0; i < n_from; i++)
		v[n++] = from[i].ip;
	return n;
}

static bool is_among(const struct lb_ip *held, size_t n, const struct config_service *s)
{
	for (uint32_t i = 0; i < s->n_listens; i++)
		if (s->listens[i].fwmark || !bsearch(&s->listens[i].addr, held, n, sizeof(*held), by_address))
			return false;
	return true;
}

bool config_serves_beside(const struct config *c)
{
	size_t n = 0;
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		n += c->vrrp[i].n_addresses + c->vrrp[i].n_excluded;
	struct lb_ip *held = n ? malloc(n * sizeof(*held)) : NULL;
	if (!held)
		return true;
	n = 0;
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		n = add(held, n, c->vrrp[i].addresses, c->vrrp[i].n_addresses);
		n = add(held, n, c->vrrp[i].excluded, c->vrrp[i].n_excluded);
	}
	lb_sort(held, n, sizeof(*held), by_address);
	bool beside = false;
	for (uint32_t i = 0; i < c->n_services && !beside; i++)
		beside = !is_among(held, n, &c->services[i]);
	free(held);
	return beside;
}
