/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vip_msg.h"

#include "lbd/vrrp/way_msg.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

/* Of enums in headers that cannot stand beside those of the C library, or are newer: numbered by the kernel ABI. */
#define FLAG_LOWER_UP (1u << 16) /* IFF_LOWER_UP, linux/if.h */
#define ATTR_PROTO    11         /* IFA_PROTO, 5.18 */

/* ---- writing ---- */

static bool begin_addr(struct vip_batch *b, uint32_t seq, uint16_t type, uint16_t flags, int index, const struct vip *v)
{
	const struct ifaddrmsg a = { .ifa_family = v->ip.family,
		.ifa_prefixlen = v->prefix,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)index };
	size_t n = v->ip.family == AF_INET6 ? 16 : 4;
	return rtnl_begin(b, seq, type, flags | NLM_F_ACK, &a, sizeof(a)) && rtnl_attr(b, IFA_LOCAL, v->ip.b, n) &&
	       rtnl_attr(b, IFA_ADDRESS, v->ip.b, n);
}

int vip_msg_add(struct vip_batch *b, uint32_t seq, int index, const struct vip *v, uint32_t lease_s, uint32_t metric)
{
	bool v6 = v->ip.family == AF_INET6;
	uint32_t valid = lease_s && lease_s != VIP_HOSTS_OWN ? lease_s : UINT32_MAX;
	/* IPv4 knows no deprecated address: it would only be sorted behind others. An IPv6 address that is preferred
	 * would be chosen as a source for what this host sends by itself, and die with the lease. */
	const struct ifa_cacheinfo life = { .ifa_valid = valid, .ifa_prefered = v6 ? 0 : valid };
	const uint32_t flags = v6 ? IFA_F_NODAD : 0;
	const uint8_t proto = VIP_LABEL_PROTO;
	size_t from = b->len;
	/* Kernels before 5.18 skip an attribute above their own maximum here (their parser is the liberal one). */
	return rtnl_end(b, from,
		begin_addr(b, seq, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, v) &&
			rtnl_attr(b, IFA_CACHEINFO, &life, sizeof(life)) &&
			rtnl_attr(b, IFA_FLAGS, &flags, sizeof(flags)) &&
			(!metric || rtnl_u32(b, IFA_RT_PRIORITY, metric)) &&
			(lease_s == VIP_HOSTS_OWN || rtnl_attr(b, ATTR_PROTO, &proto, sizeof(proto))));
}

/* With its prefix: another address of the same digits on the card is somebody else's. */
int vip_msg_del(struct vip_batch *b, uint32_t seq, int index, const struct vip *v)
{
	size_t from = b->len;
	return rtnl_end(b, from, begin_addr(b, seq, RTM_DELADDR, 0, index, v));
}

int vip_msg_dump_links(struct vip_batch *b, uint32_t seq)
{
	const struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
	const uint32_t mask = RTEXT_FILTER_SKIP_STATS;
	size_t from = b->len;
	return rtnl_end(b, from,
		rtnl_begin(b, seq, RTM_GETLINK, NLM_F_DUMP, &i, sizeof(i)) &&
			rtnl_attr(b, IFLA_EXT_MASK, &mask, sizeof(mask)));
}

int vip_msg_dump_addrs(struct vip_batch *b, uint32_t seq)
{
	const struct ifaddrmsg a = { .ifa_family = AF_UNSPEC };
	size_t from = b->len;
	return rtnl_end(b, from, rtnl_begin(b, seq, RTM_GETADDR, NLM_F_DUMP, &a, sizeof(a)));
}

/* ---- reading ---- */

static uint32_t read_u32(const struct rtnl_attr *a, size_t at)
{
	uint32_t v = 0;
	if (a->n >= 4 * (at + 1))
		memcpy(&v, a->data + 4 * at, sizeof(v));
	return v;
}

static bool is_word(const struct rtnl_attr *a, const char *word)
{
	return a->data && a->n == strlen(word) + 1 && memcmp(a->data, word, a->n) == 0;
}

/* What kind of device it is, where it is on, and its own settings of IPv4 (an array without its element 0). */
static bool read_kind(const struct rtnl_attr *attrs, struct vip_heard *out)
{
	const struct rtnl_attr *info = &attrs[IFLA_LINKINFO], *spec = &attrs[IFLA_AF_SPEC];
	struct rtnl_attr infos[IFLA_INFO_SLAVE_KIND + 1] = { 0 }, specs[AF_INET + 1] = { 0 },
						      inet[IFLA_INET_CONF + 1] = { 0 };
	if ((info->data && !rtnl_parse(info->data, info->n, infos, IFLA_INFO_SLAVE_KIND + 1)) ||
		(spec->data && !rtnl_parse(spec->data, spec->n, specs, AF_INET + 1)) ||
		(specs[AF_INET].data && !rtnl_parse(specs[AF_INET].data, specs[AF_INET].n, inet, IFLA_INET_CONF + 1)))
		return false;
	const struct rtnl_attr *part_of = &infos[IFLA_INFO_SLAVE_KIND];
	out->macvlan = is_word(&infos[IFLA_INFO_KIND], "macvlan");
	out->deaf = attrs[IFLA_MASTER].data && part_of->data && !is_word(part_of, "vrf");
	out->link = (int)read_u32(&attrs[IFLA_LINK], 0);
	out->mtu = read_u32(&attrs[IFLA_MTU], 0);
	out->arp_ignore = read_u32(&inet[IFLA_INET_CONF], IPV4_DEVCONF_ARP_IGNORE - 1);
	out->arp_announce = read_u32(&inet[IFLA_INET_CONF], IPV4_DEVCONF_ARP_ANNOUNCE - 1);
	return true;
}

static bool read_link(const uint8_t *p, size_t n, bool gone, struct vip_heard *out)
{
	struct rtnl_attr attrs[IFLA_AF_SPEC + 1] = { 0 };
	const struct rtnl_attr *name = &attrs[IFLA_IFNAME], *mac = &attrs[IFLA_ADDRESS];
	struct ifinfomsg i;
	if (n < sizeof(i) || !rtnl_parse(p + NLMSG_ALIGN(sizeof(i)), n - sizeof(i), attrs, IFLA_AF_SPEC + 1))
		return false;
	memcpy(&i, p, sizeof(i));
	/* a bridge tells of its ports in the same group: "gone" means that one left the bridge */
	if (i.ifi_family != AF_UNSPEC || i.ifi_index <= 0)
		return true;
	out->index = i.ifi_index;
	if (gone) {
		out->type = VIP_HEARD_LINK_GONE;
		return true;
	}
	if (!name->data || !memchr(name->data, 0, name->n) || strlen((const char *)name->data) >= sizeof(out->name))
		return true;
	out->type = VIP_HEARD_LINK;
	memcpy(out->name, name->data, strlen((const char *)name->data));
	/* running is the kernel's word for an operational state of up or unknown (dummy cards have no other) */
	const uint32_t all = IFF_UP | IFF_RUNNING | FLAG_LOWER_UP;
	out->up = (i.ifi_flags & all) == all;
	out->on = i.ifi_flags & IFF_UP;
	out->mac_said = mac->data != NULL;
	out->has_mac = mac->data && mac->n == sizeof(out->mac) && i.ifi_type == ARPHRD_ETHER;
	if (out->has_mac)
		memcpy(out->mac, mac->data, sizeof(out->mac));
	return read_kind(attrs, out);
}

static bool read_addr(const uint8_t *p, size_t n, bool gone, struct vip_heard *out)
{
	struct rtnl_attr attrs[ATTR_PROTO + 1] = { 0 };
	struct ifaddrmsg a;
	if (n < sizeof(a) || !rtnl_parse(p + NLMSG_ALIGN(sizeof(a)), n - sizeof(a), attrs, ATTR_PROTO + 1))
		return false;
	memcpy(&a, p, sizeof(a));
	const struct rtnl_attr *ip = attrs[IFA_LOCAL].data ? &attrs[IFA_LOCAL] : &attrs[IFA_ADDRESS];
	size_t want = a.ifa_family == AF_INET ? 4 : a.ifa_family == AF_INET6 ? 16 : 0;
	if (!want || ip->n != want || a.ifa_prefixlen > 8 * want)
		return true;
	uint32_t flags = a.ifa_flags;
	if (attrs[IFA_FLAGS].n == sizeof(flags))
		memcpy(&flags, attrs[IFA_FLAGS].data, sizeof(flags));
	out->type = gone ? VIP_HEARD_ADDR_GONE : VIP_HEARD_ADDR;
	out->index = (int)a.ifa_index;
	out->addr.ip.family = a.ifa_family;
	memcpy(out->addr.ip.b, ip->data, want);
	out->addr.prefix = a.ifa_prefixlen;
	out->secondary = a.ifa_family == AF_INET && (flags & IFA_F_SECONDARY);
	out->unfit = a.ifa_family == AF_INET6 && (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
	out->scope = a.ifa_scope;
	out->proto = attrs[ATTR_PROTO].n == 1 ? attrs[ATTR_PROTO].data[0] : 0;
	return true;
}

/* struct nlmsgerr, or the number alone at the end of a dump (0 where an old kernel leaves it out) */
static bool read_err(const uint8_t *p, size_t n, bool done, struct vip_heard *out)
{
	int32_t err = 0;
	if (n >= sizeof(err))
		memcpy(&err, p, sizeof(err));
	else if (!done)
		return false;
	out->type = done ? VIP_HEARD_DONE : VIP_HEARD_STATUS;
	out->err = err <= 0 && err >= -4095 ? -err : EPROTO;
	return true;
}

int vip_msg_next(const uint8_t *buf, size_t len, size_t *at, struct vip_heard *out)
{
	struct nlmsghdr h;
	size_t left = len - *at;
	if (left == 0)
		return 0;
	if (left < NLMSG_HDRLEN)
		return -EBADMSG;
	memcpy(&h, buf + *at, sizeof(h));
	if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > left)
		return -EBADMSG;
	const uint8_t *p = buf + *at + NLMSG_HDRLEN;
	size_t n = h.nlmsg_len - NLMSG_HDRLEN;
	memset(out, 0, sizeof(*out)); /* addresses are compared as bytes */
	out->seq = h.nlmsg_seq;
	out->interrupted = h.nlmsg_flags & NLM_F_DUMP_INTR;
	bool ok = true;
	switch (h.nlmsg_type) {
	case RTM_NEWLINK: ok = read_link(p, n, false, out); break;
	case RTM_DELLINK: ok = read_link(p, n, true, out); break;
	case RTM_NEWADDR: ok = read_addr(p, n, false, out); break;
	case RTM_DELADDR: ok = read_addr(p, n, true, out); break;
	case RTM_NEWROUTE: out->type = way_msg_route(p, n, &out->way, &ok) ? VIP_HEARD_WAY : VIP_HEARD_OTHER; break;
	case RTM_NEWRULE: out->type = way_msg_rule(p, n, &out->way, &ok) ? VIP_HEARD_WAY : VIP_HEARD_OTHER; break;
	case NLMSG_ERROR: ok = read_err(p, n, false, out); break;
	case NLMSG_DONE: ok = read_err(p, n, true, out); break;
	default: break;
	}
	if (!ok)
		return -EBADMSG;
	*at += NLMSG_ALIGN(h.nlmsg_len) < left ? NLMSG_ALIGN(h.nlmsg_len) : left;
	return 1;
}
