/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/plan.h"

#include <errno.h>
#include <string.h>

static void plan_svc(const struct config_service *cfg, const struct ipvs_key *key, struct ipvs_service *out)
{
	*out = (struct ipvs_service){ .key = *key, .flags = cfg->flags };
	strncpy(out->scheduler, cfg->scheduler, sizeof(out->scheduler) - 1);
	strncpy(out->engine, cfg->engine, sizeof(out->engine) - 1);
	out->prefix = lb_ip_is_v6(&key->addr) ? cfg->mask6 : cfg->mask4;
	if (cfg->flags & IPVS_FLAG_PERSISTENT)
		out->timeout = cfg->persist_s;
	/* one packet is one flow only for datagrams: on a listener of another protocol the kernel would drop replies */
	if (!key->fwmark && key->protocol != 17)
		out->flags &= ~IPVS_FLAG_ONEPACKET;
}

/* The sorry server, with weight 1. A backend of this address and port, which another port of the configuration may
 * hide, is one and the same destination for the kernel. */
static int plan_sorry(const struct config_service *cfg, const struct ipvs_key *key, struct ipvs_row *row)
{
	const struct ipvs_dest sorry = { .addr = cfg->sorry,
		.method = cfg->method,
		.tunnel = cfg->tunnel,
		.port = cfg->sorry_port ? cfg->sorry_port : key->port,
		.weight = 1 };
	lb_vec_foreach (d, &row->dests)
		if (lb_ip_cmp(&d->addr, &sorry.addr) == 0 && d->port == sorry.port) {
			d->weight = 1;
			return 0;
		}
	struct ipvs_dest *d = lb_vec_push(&row->dests);
	if (!d)
		return -ENOMEM;
	*d = sorry;
	return 0;
}

int plan_listener(const struct model *m, uint32_t service, uint32_t listener, struct ipvs_row *row)
{
	const struct model_service *s = &m->services[service];
	const struct ipvs_key *key = &s->cfg->listens[listener];
	plan_svc(s->cfg, key, &row->svc);
	lb_vec_clear(&row->dests);
	lb_vec_clear(&row->out);
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		const struct model_backend *b = &m->backends[s->first_backend + i];
		struct ipvs_dest *d = b->in_table ? lb_vec_push(&row->dests) : lb_vec_push(&row->out);
		if (!d)
			return -ENOMEM;
		*d = (struct ipvs_dest){
			.addr = b->cfg->addr,
			.method = b->cfg->method,
			.port = model_backend_port(b, key),
			.weight = b->weight,
			.upper = b->cfg->upper,
			.lower = b->cfg->lower,
		};
		if (d->method == IPVS_METHOD_TUN)
			d->tunnel = b->cfg->tunnel;
	}
	if (s->sorry && plan_sorry(s->cfg, key, row))
		return -ENOMEM;
	ipvs_row_sort(row);
	return 0;
}
