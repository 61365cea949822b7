/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/link_msg.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/* A nest that began at `from` ends here. */
static bool nest_end(struct vip_batch *b, size_t from, bool ok)
{
	struct rtattr head;
	if (!ok)
		return false;
	memcpy(&head, b->buf + from, sizeof(head));
	head.rta_len = (unsigned short)(b->len - from);
	memcpy(b->buf + from, &head, sizeof(head));
	return true;
}

static bool nest_begin(struct vip_batch *b, uint16_t type)
{
	return rtnl_attr(b, type | NLA_F_NESTED, "", 0);
}

static bool put_name(struct vip_batch *b, const struct link_ask *a)
{
	return rtnl_attr(b, IFLA_IFNAME, a->name, strlen(a->name) + 1);
}

static bool put_kind(struct vip_batch *b)
{
	static const char kind[] = "macvlan";
	size_t info = b->len, data;
	bool ok = nest_begin(b, IFLA_LINKINFO) && rtnl_attr(b, IFLA_INFO_KIND, kind, sizeof(kind));
	data = b->len;
	ok = ok && nest_begin(b, IFLA_INFO_DATA) && rtnl_u32(b, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	return nest_end(b, info, nest_end(b, data, ok));
}

struct setting {
	uint16_t type; /* IPV4_DEVCONF_* */
	uint32_t value;
};

static bool put_settings4(struct vip_batch *b, const struct setting *s, size_t n)
{
	size_t inet = b->len, conf;
	bool ok = nest_begin(b, AF_INET);
	conf = b->len;
	ok = ok && nest_begin(b, IFLA_INET_CONF);
	for (size_t i = 0; ok && i < n; i++)
		ok = rtnl_u32(b, s[i].type, s[i].value);
	return nest_end(b, inet, nest_end(b, conf, ok));
}

/* Nobody else's questions are answered, and a client is not refused because the way back to it is over the card. */
static bool put_macvlan(struct vip_batch *b, const struct link_ask *a)
{
	static const struct setting rows[] = {
		{ IPV4_DEVCONF_ARP_IGNORE, LINK_ARP_IGNORE },
		{ IPV4_DEVCONF_ARP_ANNOUNCE, LINK_ARP_ANNOUNCE },
		{ IPV4_DEVCONF_RP_FILTER, 0 },
	};
	size_t spec;
	bool ok = put_name(b, a) && rtnl_attr(b, IFLA_IFALIAS, a->alias, strlen(a->alias));
	spec = b->len;
	ok = ok && nest_begin(b, IFLA_AF_SPEC) && put_settings4(b, rows, sizeof(rows) / sizeof(rows[0]));
	return nest_end(b, spec, ok);
}

/* A request of its own: where there is no IPv6 the kernel would refuse the settings of IPv4 along with it. */
static bool put_macvlan6(struct vip_batch *b, const struct link_ask *a)
{
	const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	size_t spec, six;
	bool ok = put_name(b, a);
	spec = b->len;
	ok = ok && nest_begin(b, IFLA_AF_SPEC);
	six = b->len;
	ok = ok && nest_begin(b, AF_INET6) && rtnl_attr(b, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	return nest_end(b, spec, nest_end(b, six, ok));
}

static bool put_card(struct vip_batch *b, const struct link_ask *a)
{
	const struct setting rows[] = {
		{ IPV4_DEVCONF_ARP_IGNORE, a->arp_ignore },
		{ IPV4_DEVCONF_ARP_ANNOUNCE, a->arp_announce },
	};
	size_t spec = b->len;
	bool ok = nest_begin(b, IFLA_AF_SPEC) && put_settings4(b, rows, sizeof(rows) / sizeof(rows[0]));
	return nest_end(b, spec, ok);
}

static bool put(struct vip_batch *b, uint32_t seq, const struct link_ask *a)
{
	struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
	switch (a->what) {
	case LINK_MAKE:
		return rtnl_begin(b, seq, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i)) &&
		       put_name(b, a) && rtnl_attr(b, IFLA_ADDRESS, a->mac, sizeof(a->mac)) &&
		       rtnl_u32(b, IFLA_LINK, (uint32_t)a->index) && put_kind(b);
	case LINK_SET: return rtnl_begin(b, seq, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i)) && put_macvlan(b, a);
	case LINK_SET6: return rtnl_begin(b, seq, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i)) && put_macvlan6(b, a);
	case LINK_CARD:
		i.ifi_index = a->index;
		return rtnl_begin(b, seq, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i)) && put_card(b, a);
	case LINK_MTU:
		i.ifi_index = a->index;
		return rtnl_begin(b, seq, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i)) && rtnl_u32(b, IFLA_MTU, a->mtu);
	case LINK_UP:
	case LINK_DOWN:
		i.ifi_index = a->index;
		i.ifi_change = IFF_UP;
		i.ifi_flags = a->what == LINK_UP ? IFF_UP : 0;
		return rtnl_begin(b, seq, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i));
	case LINK_DELETE:
		i.ifi_index = a->index;
		return rtnl_begin(b, seq, RTM_DELLINK, NLM_F_ACK, &i, sizeof(i)) && (a->index || put_name(b, a));
	}
	return false;
}

int link_msg_write(struct vip_batch *b, uint32_t seq, const struct link_ask *a)
{
	size_t from = b->len;
	return rtnl_end(b, from, put(b, seq, a));
}
