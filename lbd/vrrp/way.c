/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/way.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define METRIC6 1024 /* IP6_RT_PRIO_USER: what the kernel makes of no metric */

struct way way_of_route(const struct route *r)
{
	struct way w;
	memset(&w, 0, sizeof(w));
	w.kind = WAY_ROUTE;
	w.u.route = *r;
	return w;
}

struct way way_of_rule(const struct rule *r)
{
	struct way w;
	memset(&w, 0, sizeof(w));
	w.kind = WAY_RULE;
	w.u.rule = *r;
	return w;
}

uint32_t way_metric(const struct route *r)
{
	return r->metric || !lb_ip_is_v6(&r->to) ? r->metric : METRIC6;
}

bool way_same(const struct way *a, const struct way *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == WAY_RULE)
		return memcmp(&a->u.rule, &b->u.rule, sizeof(a->u.rule)) == 0;
	const struct route *x = &a->u.route, *y = &b->u.route;
	return lb_ip_cmp(&x->to, &y->to) == 0 && x->prefix == y->prefix && x->table == y->table &&
	       way_metric(x) == way_metric(y);
}

struct out {
	char *s;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(o->s + o->n, WAY_STRLEN - o->n, fmt, ap);
	va_end(ap);
	o->n += n > 0 ? (size_t)n : 0;
	if (o->n >= WAY_STRLEN) /* what is written here fits; if not, it is cut */
		o->n = WAY_STRLEN - 1;
}

static void put_net(struct out *o, const char *word, const struct lb_ip *ip, unsigned prefix)
{
	char text[LB_IP_STRLEN];
	put(o, " %s%s/%u", word, lb_ip_str(ip, text), prefix);
}

const char *way_str(const struct way *w, char out[WAY_STRLEN])
{
	struct out o = { out, 0 };
	char text[LB_IP_STRLEN];
	const struct route *t = &w->u.route;
	const struct rule *r = &w->u.rule;
	out[0] = '\0';
	if (w->kind == WAY_RULE) {
		put(&o, "rule");
		if (r->from_prefix)
			put_net(&o, "from ", &r->from, r->from_prefix);
		else
			put(&o, " from all");
		if (r->to_prefix)
			put_net(&o, "to ", &r->to, r->to_prefix);
		if (r->fwmark)
			put(&o, " fwmark %u", r->fwmark);
		put(&o, " table %u priority %u", r->table, r->priority);
		return out;
	}
	put(&o, "route");
	if (t->prefix)
		put_net(&o, "", &t->to, t->prefix);
	else
		put(&o, " default");
	if (t->via.family)
		put(&o, " via %s", lb_ip_str(&t->via, text));
	if (t->dev[0])
		put(&o, " dev %s", t->dev);
	if (t->source.family)
		put(&o, " source %s", lb_ip_str(&t->source, text));
	if (t->table != WAY_TABLE_MAIN)
		put(&o, " table %u", t->table);
	if (t->metric)
		put(&o, " metric %u", t->metric);
	return out;
}
