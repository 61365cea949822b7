/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services whose backends do not see the client: what that asks of them, and of the address that they see. */
#include "lbd/config/config_build.h"

#include "common/sort.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *family_name(uint8_t family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* ---- the key of one service ---- */

static void rule_addresses(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	const struct config_facts *f = &b->now.facts;
	bool has[2] = { false }, other = false;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct schema_value *a = &v->list[i];
		const bool six = lb_ip_is_v6(&a->ip);
		/* one that stands in defaults has no place of its own here */
		const struct config_node *at = v->at && a->at ? a->at : b->now.entry->key;
		const bool unused = v->at && b->now.s->n_listens && !(six ? f->ipv6 : f->ipv4);
		if (!config_is_host(&a->ip) || config_is_link_local(&a->ip))
			config_say(b, at, path, NULL, "this is not an address that backends could answer to");
		else if (has[six])
			config_say(b, at, path, "of each family one", "a second %s address in source_nat",
				family_name(a->ip.family));
		else if (unused)
			config_say(b, at, path, NULL, "an %s address in source_nat, but no listener of that family",
				family_name(a->ip.family));
		has[six] = true;
		other |= unused;
	}
	for (unsigned six = 0; six < 2 && !other && !v->wrong; six++)
		if ((six ? f->ipv6 : f->ipv4) && !has[six])
			config_say(b, config_at_or(v, b->now.entry->key), path,
				"a list of two addresses has one of each family; or write `source_nat: off`",
				"source_nat has no %s address, but the service listens on one",
				family_name(six ? AF_INET6 : AF_INET));
}

void config_rules_source_nat(struct config_builder *b)
{
	const struct schema_value *all = b->now.keys->v, *v = &all[SERVICE_SOURCE_NAT];
	const struct config_service *s = b->now.s;
	const struct config_node *at = config_at_or(v, b->now.entry->key);
	struct config_path path = { &b->now.path, "source_nat", 10, 0 };
	const char *help = v->at ? NULL : "write `source_nat: off` for this service";
	if (!v->set)
		return;
	if (b->now.facts.marked) {
		config_say(b, at, &path, help ? help : "write `listen`",
			"source_nat is for services with listen: a mark does not say what belongs to the balancer");
		return;
	}
	if (s->method != IPVS_METHOD_NAT && !all[SERVICE_MODE].wrong) {
		config_say(b, at, &path, help ? help : "write `mode: nat`", "source_nat has no effect in mode %s",
			ipvs_method_name(s->method));
		return;
	}
	if (s->flags & IPVS_FLAG_ONEPACKET)
		config_say(b, at, &path, help, "source_nat with one_packet: no answer would find its client");
	rule_addresses(b, v, &path);
	struct config_translated *t = s->source_nat.family ? lb_vec_push(&b->translated) : NULL;
	b->report->oom |= s->source_nat.family && !t;
	if (t)
		*t = (struct config_translated){ at, s };
}

void config_rules_source_nat_backend(struct config_builder *b, const struct config_backend *bk,
	const struct config_node *at, const struct config_path *path)
{
	const struct schema_value *v = &b->now.keys->v[SERVICE_SOURCE_NAT];
	if (v->set && b->now.s->method == IPVS_METHOD_NAT && bk->method != IPVS_METHOD_NAT)
		config_say(b, at, path, "make two services, or write `source_nat: off`",
			"a %s backend in a service with source_nat", ipvs_method_name(bk->method));
}

/* ---- across services and instances ---- */

struct vip {
	const struct lb_ip *ip;
	const struct config_vrrp *of;
};

static int vip_cmp(const void *x, const void *y)
{
	const struct vip *a = x, *b = y;
	return lb_ip_cmp(a->ip, b->ip);
}

static size_t add_vips(struct vip *out, const struct config_vrrp *v, const struct config_vip *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = (struct vip){ &list[i].ip, v };
	return n;
}

/* Of all instances, sorted; NULL: no memory. */
static const struct vip *all_vips(struct config_builder *b, size_t *n)
{
	const struct config *c = b->c;
	size_t room = 0;
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		room += c->vrrp[i].n_addresses + c->vrrp[i].n_excluded;
	struct vip *v = lb_arena_alloc(b->tree, room * sizeof(*v));
	b->report->oom |= !v;
	*n = 0;
	for (uint32_t i = 0; v && i < c->n_vrrp; i++) {
		*n += add_vips(&v[*n], &c->vrrp[i], c->vrrp[i].addresses, c->vrrp[i].n_addresses);
		*n += add_vips(&v[*n], &c->vrrp[i], c->vrrp[i].excluded, c->vrrp[i].n_excluded);
	}
	lb_sort(v, *n, sizeof(*v), vip_cmp);
	return v;
}

static const struct config_vrrp *holder(const struct vip *all, size_t n, const struct lb_ip *ip)
{
	const struct vip key = { ip, NULL };
	const struct vip *v = n ? bsearch(&key, all, n, sizeof(*all), vip_cmp) : NULL;
	return v ? v->of : NULL;
}

/* Whether whoever has the one has the other. */
static bool moves_along(const struct config_vrrp *a, const struct config_vrrp *b)
{
	return a == b || (a->group[0] && strcmp(a->group, b->group) == 0);
}

static void warn_source(struct config_builder *b, const struct config_translated *t, const struct vip *all, size_t n)
{
	static const struct config_path up = { NULL, "services", 8, 0 };
	const struct config_service *s = t->service;
	struct config_path of = { &up, s->name, (uint32_t)strlen(s->name), 0 }, path = { &of, "source_nat", 10, 0 };
	const struct config_vrrp *source = holder(all, n, &s->source_nat);
	if (!source) {
		config_warn(b, t->at, &path, "source_nat is no virtual address: flows cannot go on at the other node",
			"put it under `addresses` of an instance on the interface towards the backends");
		return;
	}
	for (uint32_t i = 0; i < s->n_listens; i++) {
		const struct config_vrrp *front = holder(all, n, &s->listens[i].addr);
		if (!front || moves_along(front, source))
			continue;
		config_warn(b, t->at, &path, "source_nat does not move together with where clients connect",
			"one `group` for both instances");
		return;
	}
}

void config_rules_sources(struct config_builder *b)
{
	size_t n = 0;
	const struct vip *all = b->c->n_vrrp && b->translated.n ? all_vips(b, &n) : NULL;
	for (size_t i = 0; all && i < b->translated.n; i++)
		warn_source(b, &b->translated.v[i], all, n);
}

/* ---- who is translated ---- */

size_t config_snats(const struct config *c, struct config_snat *out, size_t max)
{
	size_t n = 0;
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		for (uint32_t k = 0; s->source_nat.family && k < s->n_listens; k++, n++)
			if (n < max)
				out[n] = (struct config_snat){ &s->listens[k], s->source_nat };
	}
	return n;
}
