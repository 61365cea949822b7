/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_link_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_gact.h>
#include <string.h>

#define KIND        "dummy"
#define SKIP_STATS  (1u << 3) /* RTEXT_FILTER_SKIP_STATS */
#define INGRESS     TC_H_MAKE(TC_H_INGRESS, 0)
#define PASS_PRIO   1u
#define DROP_PRIO   2u
#define ADDR_NONE   1u /* IN6_ADDR_GEN_MODE_NONE */
#define SCOPE_WORLD 0  /* the kernel's master looks for an address of this scope to send from */

static bool begin_link(struct lb_nl_batch *b, uint32_t seq, uint16_t type, uint16_t flags, int index, uint32_t set)
{
	const struct ifinfomsg i = { .ifi_index = index, .ifi_flags = set, .ifi_change = set };
	return lb_nl_begin(b, seq, type, flags | NLM_F_ACK, &i, sizeof(i));
}

int tap_link_msg_get(struct lb_nl_batch *b, uint32_t seq, const char *name)
{
	size_t from = b->len;
	return lb_nl_end(b, from,
		begin_link(b, seq, RTM_GETLINK, 0, 0, 0) && lb_nl_text(b, IFLA_IFNAME, name) &&
			lb_nl_u32(b, IFLA_EXT_MASK, SKIP_STATS));
}

int tap_link_msg_new(struct lb_nl_batch *b, uint32_t seq, const char *name, uint32_t mtu)
{
	size_t from = b->len, info;
	return lb_nl_end(b, from,
		begin_link(b, seq, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0) && lb_nl_text(b, IFLA_IFNAME, name) &&
			lb_nl_u32(b, IFLA_MTU, mtu) && lb_nl_nest(b, IFLA_LINKINFO, &info) &&
			lb_nl_text(b, IFLA_INFO_KIND, KIND) && lb_nl_nest_end(b, info));
}

int tap_link_msg_quiet(struct lb_nl_batch *b, uint32_t seq, int index)
{
	size_t from = b->len, spec, inet6;
	const uint8_t mode = ADDR_NONE;
	return lb_nl_end(b, from,
		begin_link(b, seq, RTM_SETLINK, 0, index, 0) && lb_nl_nest(b, IFLA_AF_SPEC, &spec) &&
			lb_nl_nest(b, AF_INET6, &inet6) &&
			lb_nl_attr(b, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode)) && lb_nl_nest_end(b, inet6) &&
			lb_nl_nest_end(b, spec));
}

int tap_link_msg_up(struct lb_nl_batch *b, uint32_t seq, int index, const char *alias)
{
	size_t from = b->len;
	return lb_nl_end(b, from,
		begin_link(b, seq, RTM_SETLINK, 0, index, IFF_UP | IFF_MULTICAST) &&
			lb_nl_attr(b, IFLA_IFALIAS, alias, strlen(alias)));
}

int tap_link_msg_addr(struct lb_nl_batch *b, uint32_t seq, int index, const struct lb_ip *ip4)
{
	size_t from = b->len;
	const struct ifaddrmsg a = {
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = SCOPE_WORLD, .ifa_index = (uint32_t)index
	};
	return lb_nl_end(b, from,
		lb_nl_begin(b, seq, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, &a, sizeof(a)) &&
			lb_nl_attr(b, IFA_LOCAL, ip4->b, 4) && lb_nl_attr(b, IFA_ADDRESS, ip4->b, 4));
}

int tap_link_msg_del(struct lb_nl_batch *b, uint32_t seq, int index)
{
	size_t from = b->len;
	return lb_nl_end(b, from, begin_link(b, seq, RTM_DELLINK, 0, index, 0));
}

int tap_link_read(const struct lb_nl_msg *m, struct tap_link *out)
{
	struct ifinfomsg i;
	struct lb_nl_attr attrs[IFLA_IFALIAS + 1] = { 0 }, info[IFLA_INFO_KIND + 1] = { 0 };
	if (m->type != RTM_NEWLINK || m->n < sizeof(i))
		return -EBADMSG;
	memcpy(&i, m->body, sizeof(i));
	if (!lb_nl_parse(m->body + sizeof(i), m->n - sizeof(i), attrs, IFLA_IFALIAS + 1))
		return -EBADMSG;
	const struct lb_nl_attr *nest = &attrs[IFLA_LINKINFO];
	if (nest->data && !lb_nl_parse(nest->data, nest->n, info, IFLA_INFO_KIND + 1))
		return -EBADMSG;
	struct tap_link l = {
		.index = i.ifi_index, .up = i.ifi_flags & IFF_UP, .mtu = lb_nl_get_u32(&attrs[IFLA_MTU], 0)
	};
	lb_nl_get_text(&attrs[IFLA_IFNAME], l.name, sizeof(l.name));
	lb_nl_get_text(&attrs[IFLA_IFALIAS], l.alias, sizeof(l.alias));
	lb_nl_get_text(&info[IFLA_INFO_KIND], l.kind, sizeof(l.kind));
	if (l.index <= 0 || !l.name[0])
		return -EBADMSG;
	*out = l;
	return 0;
}

/* ---- the guard ---- */

static bool begin_tc(struct lb_nl_batch *b, uint32_t seq, uint16_t type, const struct tcmsg *t, const char *kind)
{
	return lb_nl_begin(b, seq, type, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, t, sizeof(*t)) &&
	       lb_nl_text(b, TCA_KIND, kind);
}

int tap_link_msg_ingress(struct lb_nl_batch *b, uint32_t seq, int index)
{
	size_t from = b->len;
	const struct tcmsg t = { .tcm_ifindex = index, .tcm_handle = INGRESS, .tcm_parent = TC_H_INGRESS };
	return lb_nl_end(b, from, begin_tc(b, seq, RTM_NEWQDISC, &t, "ingress"));
}

static struct tcmsg filter(int index, uint32_t handle, uint32_t prio)
{
	return (struct tcmsg){ .tcm_ifindex = index,
		.tcm_handle = handle,
		.tcm_parent = INGRESS,
		.tcm_info = TC_H_MAKE(prio << 16, htons(ETH_P_ALL)) };
}

int tap_link_msg_drop(struct lb_nl_batch *b, uint32_t seq, int index)
{
	size_t from = b->len, options, acts, act, act_options;
	const struct tcmsg t = filter(index, 0, DROP_PRIO);
	const struct tc_gact drop = { .action = TC_ACT_SHOT };
	return lb_nl_end(b, from,
		begin_tc(b, seq, RTM_NEWTFILTER, &t, "matchall") && lb_nl_nest(b, TCA_OPTIONS, &options) &&
			lb_nl_nest(b, TCA_MATCHALL_ACT, &acts) && lb_nl_nest(b, 1, &act) &&
			lb_nl_text(b, TCA_ACT_KIND, "gact") && lb_nl_nest(b, TCA_ACT_OPTIONS, &act_options) &&
			lb_nl_attr(b, TCA_GACT_PARMS, &drop, sizeof(drop)) && lb_nl_nest_end(b, act_options) &&
			lb_nl_nest_end(b, act) && lb_nl_nest_end(b, acts) && lb_nl_nest_end(b, options));
}

int tap_link_msg_pass(struct lb_nl_batch *b, uint32_t seq, int index, uint32_t mark)
{
	size_t from = b->len, options;
	const struct tcmsg t = filter(index, mark, PASS_PRIO); /* the handle of such a filter is its mark */
	return lb_nl_end(b, from,
		begin_tc(b, seq, RTM_NEWTFILTER, &t, "fw") && lb_nl_nest(b, TCA_OPTIONS, &options) &&
			lb_nl_u32(b, TCA_FW_CLASSID, 1) && lb_nl_nest_end(b, options));
}
