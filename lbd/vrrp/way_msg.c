/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/way_msg.h"

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* ---- writing ---- */

static size_t ip_len(const struct lb_ip *ip)
{
	return ip->family == AF_INET6 ? 16 : 4;
}

static bool put_ip(struct vip_batch *b, uint16_t type, const struct lb_ip *ip)
{
	return rtnl_attr(b, type, ip->b, ip_len(ip));
}

/* Table numbers have 32 bits; the header has room for 8, and its 0 says: see the attribute. */
static bool begin_route(struct vip_batch *b, uint32_t seq, uint16_t type, uint16_t flags, const struct route *r)
{
	bool add = type == RTM_NEWROUTE, v4 = r->to.family == AF_INET;
	const struct rtmsg m = {
		.rtm_family = r->to.family,
		.rtm_dst_len = r->prefix,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = WAY_PROTO,
		.rtm_scope = !add                   ? RT_SCOPE_NOWHERE
			     : v4 && !r->via.family ? RT_SCOPE_LINK
						    : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	return rtnl_begin(b, seq, type, flags | NLM_F_ACK, &m, sizeof(m)) &&
	       (!r->prefix || put_ip(b, RTA_DST, &r->to)) && rtnl_u32(b, RTA_TABLE, r->table) &&
	       rtnl_u32(b, RTA_PRIORITY, way_metric(r));
}

static bool put_rule(struct vip_batch *b, uint32_t seq, uint16_t type, uint16_t flags, const struct rule *r)
{
	const struct fib_rule_hdr m = {
		.family = r->from.family, .dst_len = r->to_prefix, .src_len = r->from_prefix, .action = FR_ACT_TO_TBL
	};
	const uint8_t proto = WAY_PROTO;
	return rtnl_begin(b, seq, type, flags | NLM_F_ACK, &m, sizeof(m)) &&
	       (!r->from_prefix || put_ip(b, FRA_SRC, &r->from)) && (!r->to_prefix || put_ip(b, FRA_DST, &r->to)) &&
	       rtnl_u32(b, FRA_TABLE, r->table) && rtnl_u32(b, FRA_PRIORITY, r->priority) &&
	       (!r->fwmark || rtnl_u32(b, FRA_FWMARK, r->fwmark)) && rtnl_attr(b, FRA_PROTOCOL, &proto, sizeof(proto));
}

int way_msg_add(struct vip_batch *b, uint32_t seq, int index, const struct way *w)
{
	const uint16_t flags = NLM_F_CREATE | NLM_F_EXCL;
	const struct route *r = &w->u.route;
	size_t from = b->len;
	if (w->kind == WAY_RULE)
		return rtnl_end(b, from, put_rule(b, seq, RTM_NEWRULE, flags, &w->u.rule));
	return rtnl_end(b, from,
		begin_route(b, seq, RTM_NEWROUTE, flags, r) && rtnl_u32(b, RTA_OIF, (uint32_t)index) &&
			(!r->via.family || put_ip(b, RTA_GATEWAY, &r->via)) &&
			(!r->source.family || put_ip(b, RTA_PREFSRC, &r->source)));
}

int way_msg_del(struct vip_batch *b, uint32_t seq, const struct way *w)
{
	size_t from = b->len;
	return rtnl_end(b, from,
		w->kind == WAY_RULE ? put_rule(b, seq, RTM_DELRULE, 0, &w->u.rule)
				    : begin_route(b, seq, RTM_DELROUTE, 0, &w->u.route));
}

int way_msg_dump_routes(struct vip_batch *b, uint32_t seq, uint8_t family)
{
	const struct rtmsg m = { .rtm_family = family, .rtm_protocol = WAY_PROTO };
	size_t from = b->len;
	return rtnl_end(b, from, rtnl_begin(b, seq, RTM_GETROUTE, NLM_F_DUMP, &m, sizeof(m)));
}

int way_msg_dump_rules(struct vip_batch *b, uint32_t seq)
{
	const struct fib_rule_hdr m = { .family = AF_UNSPEC };
	size_t from = b->len;
	return rtnl_end(b, from, rtnl_begin(b, seq, RTM_GETRULE, NLM_F_DUMP, &m, sizeof(m)));
}

/* ---- reading ---- */

static uint32_t get_u32(const struct rtnl_attr *a)
{
	uint32_t v = 0;
	if (a->n == sizeof(v))
		memcpy(&v, a->data, sizeof(v));
	return v;
}

/* False: it has another length than an address of this family. Absent: none, or where it has a family all zero. */
static bool get_ip(const struct rtnl_attr *a, uint8_t family, struct lb_ip *out)
{
	if (!a->data)
		return true;
	out->family = family;
	if (a->n != ip_len(out))
		return false;
	memcpy(out->b, a->data, a->n);
	return true;
}

static bool known(uint8_t family, unsigned bits)
{
	return family == AF_INET ? bits <= 32 : family == AF_INET6 && bits <= 128;
}

bool way_msg_route(const uint8_t *p, size_t n, struct way *out, bool *ok)
{
	struct rtnl_attr a[RTA_TABLE + 1] = { 0 };
	struct rtmsg m;
	struct route r = { 0 };
	*ok = n >= sizeof(m) && rtnl_parse(p + NLMSG_ALIGN(sizeof(m)), n - sizeof(m), a, RTA_TABLE + 1);
	if (!*ok)
		return false;
	memcpy(&m, p, sizeof(m));
	if (m.rtm_protocol != WAY_PROTO || (m.rtm_flags & RTM_F_CLONED) || !known(m.rtm_family, m.rtm_dst_len))
		return false;
	r.to.family = m.rtm_family;
	r.prefix = m.rtm_dst_len;
	r.table = a[RTA_TABLE].data ? get_u32(&a[RTA_TABLE]) : m.rtm_table;
	r.metric = get_u32(&a[RTA_PRIORITY]);
	if (!get_ip(&a[RTA_DST], m.rtm_family, &r.to) || !get_ip(&a[RTA_GATEWAY], m.rtm_family, &r.via) ||
		!get_ip(&a[RTA_PREFSRC], m.rtm_family, &r.source))
		return false;
	*out = way_of_route(&r);
	return true;
}

bool way_msg_rule(const uint8_t *p, size_t n, struct way *out, bool *ok)
{
	struct rtnl_attr a[FRA_PROTOCOL + 1] = { 0 };
	struct fib_rule_hdr m;
	struct rule r = { 0 };
	*ok = n >= sizeof(m) && rtnl_parse(p + NLMSG_ALIGN(sizeof(m)), n - sizeof(m), a, FRA_PROTOCOL + 1);
	if (!*ok)
		return false;
	memcpy(&m, p, sizeof(m));
	const struct rtnl_attr *proto = &a[FRA_PROTOCOL];
	if (proto->n != 1 || proto->data[0] != WAY_PROTO || !known(m.family, m.src_len) || !known(m.family, m.dst_len))
		return false;
	r.from.family = r.to.family = m.family;
	r.from_prefix = m.src_len;
	r.to_prefix = m.dst_len;
	r.table = a[FRA_TABLE].data ? get_u32(&a[FRA_TABLE]) : m.table;
	r.priority = get_u32(&a[FRA_PRIORITY]);
	r.fwmark = get_u32(&a[FRA_FWMARK]);
	if (!get_ip(&a[FRA_SRC], m.family, &r.from) || !get_ip(&a[FRA_DST], m.family, &r.to))
		return false;
	*out = way_of_rule(&r);
	return true;
}
