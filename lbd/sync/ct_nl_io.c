/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ct_nl_io.h"

#include "common/nlmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#define TYPE(message) ((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | (message)))

_Static_assert(CT_SEEN_REPLY == IPS_SEEN_REPLY && CT_ASSURED == IPS_ASSURED && CT_SRC_NAT == IPS_SRC_NAT &&
		       CT_DST_NAT == IPS_DST_NAT,
	"the kernel's numbers");
_Static_assert(
	CT_TCP_ESTABLISHED == TCP_CONNTRACK_ESTABLISHED && CT_TCP_LAST == TCP_CONNTRACK_SYN_SENT2, "the kernel's");
_Static_assert(
	CT_TCP_LIBERAL == IP_CT_TCP_FLAG_BE_LIBERAL &&
		CT_TCP_FLAGS == (IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_CLOSE_INIT),
	"the kernel's");

/* The four ends of an entry: each an address, of one of two families, and a port. */
struct end {
	enum nf_conntrack_attr four, six, port;
};
static const struct end orig_src = { ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_PORT_SRC },
			orig_dst = { ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_DST },
			repl_src = { ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, ATTR_REPL_PORT_SRC },
			repl_dst = { ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_DST },
			src_nat = { ATTR_SNAT_IPV4, ATTR_SNAT_IPV6, ATTR_SNAT_PORT },
			dst_nat = { ATTR_DNAT_IPV4, ATTR_DNAT_IPV6, ATTR_DNAT_PORT };

/* ---- from the kernel ---- */

static bool get_end(const struct nf_conntrack *ct, const struct end *end, struct lb_ip *ip, uint16_t *port)
{
	uint8_t family = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO);
	const void *at = NULL;
	if (family == AF_INET || family == AF_INET6)
		at = nfct_get_attr(ct, family == AF_INET6 ? end->six : end->four);
	if (!at || nfct_attr_is_set(ct, end->port) <= 0)
		return false;
	ip->family = family;
	memcpy(ip->b, at, family == AF_INET6 ? 16 : 4);
	*port = ntohs(nfct_get_attr_u16(ct, end->port));
	return true;
}

static void get_details(const struct nf_conntrack *ct, struct flow *f)
{
	if (f->key.protocol == IPPROTO_TCP) {
		f->state = nfct_get_attr_u8(ct, ATTR_TCP_STATE);
		f->ct.tcp_flags[0] = nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_ORIG) & CT_TCP_FLAGS;
		f->ct.tcp_flags[1] = nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_REPL) & CT_TCP_FLAGS;
		f->ct.tcp_scale[0] = nfct_get_attr_u8(ct, ATTR_TCP_WSCALE_ORIG);
		f->ct.tcp_scale[1] = nfct_get_attr_u8(ct, ATTR_TCP_WSCALE_REPL);
	} else if (f->key.protocol == IPPROTO_SCTP) {
		f->state = nfct_get_attr_u8(ct, ATTR_SCTP_STATE);
		f->ct.sctp_tag[0] = nfct_get_attr_u32(ct, ATTR_SCTP_VTAG_ORIG);
		f->ct.sctp_tag[1] = nfct_get_attr_u32(ct, ATTR_SCTP_VTAG_REPL);
	}
}

static bool get_flow(const struct nf_conntrack *ct, struct flow *f)
{
	f->has_ct = true;
	f->key.protocol = nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO);
	if (nfct_attr_is_set(ct, ATTR_ORIG_ZONE) > 0 || nfct_attr_is_set(ct, ATTR_REPL_ZONE) > 0)
		return false;
	f->key.zone = nfct_get_attr_u16(ct, ATTR_ZONE);
	if (!get_end(ct, &orig_src, &f->key.client, &f->key.client_port) ||
		!get_end(ct, &orig_dst, &f->key.virtual, &f->key.virtual_port) ||
		!get_end(ct, &repl_src, &f->dest, &f->dest_port) || !get_end(ct, &repl_dst, &f->ct.to, &f->ct.to_port))
		return false;
	f->flags = nfct_get_attr_u32(ct, ATTR_STATUS) & CT_FLAGS & ~CT_GONE;
	f->fwmark = nfct_get_attr_u32(ct, ATTR_MARK);
	f->timeout_s = nfct_get_attr_u32(ct, ATTR_TIMEOUT);
	if (!f->timeout_s) /* less than one, or it goes */
		f->timeout_s = 1;
	get_details(ct, f);
	return true;
}

static bool is_strict(const struct nf_conntrack *ct)
{
	uint8_t both = nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_ORIG) & nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_REPL);
	return nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO) == IPPROTO_TCP && !(both & CT_TCP_LIBERAL);
}

int ct_nl_read(const struct nlmsghdr *m, struct flow *out, bool *strict)
{
	struct flow f = { 0 };
	struct nf_conntrack *ct = nfct_new();
	bool ok = ct && nfct_nlmsg_parse(m, ct) == 0 && get_flow(ct, &f);
	bool narrow = ok && is_strict(ct);
	if (ct)
		nfct_destroy(ct);
	/* the one that goes has no details */
	bool gone = NFNL_MSG_TYPE(m->nlmsg_type) == IPCTNL_MSG_CT_DELETE;
	if (!ok || !(gone ? flow_is_whole(&f) : ct_flow_is_valid(&f)))
		return -EINVAL;
	*out = f;
	*strict = narrow;
	return 0;
}

bool ct_nl_is_entry(const struct nlmsghdr *m, bool *gone)
{
	uint8_t type = NFNL_MSG_TYPE(m->nlmsg_type);
	*gone = type == IPCTNL_MSG_CT_DELETE;
	return NFNL_SUBSYS_ID(m->nlmsg_type) == NFNL_SUBSYS_CTNETLINK && (type == IPCTNL_MSG_CT_NEW || *gone);
}

/* ---- to the kernel ---- */

static size_t begin(uint16_t message, uint16_t flags, uint8_t family, uint32_t seq, void *out)
{
	struct nlmsghdr *m = out;
	struct nfgenmsg *g = NLMSG_DATA(m);
	memset(out, 0, NLMSG_LENGTH(sizeof(*g)));
	m->nlmsg_len = NLMSG_LENGTH(sizeof(*g));
	m->nlmsg_type = TYPE(message);
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->nlmsg_seq = seq;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return m->nlmsg_len;
}

static void put_end(struct nf_conntrack *ct, const struct end *end, const struct lb_ip *ip, uint16_t port)
{
	nfct_set_attr(ct, lb_ip_is_v6(ip) ? end->six : end->four, ip->b);
	nfct_set_attr_u16(ct, end->port, htons(port));
}

static void put_orig(struct nf_conntrack *ct, const struct flow *f, const struct lb_ip *src, uint16_t src_port,
	const struct lb_ip *dst, uint16_t dst_port)
{
	nfct_set_attr_u8(ct, ATTR_ORIG_L3PROTO, f->key.client.family);
	nfct_set_attr_u8(ct, ATTR_ORIG_L4PROTO, f->key.protocol);
	put_end(ct, &orig_src, src, src_port);
	put_end(ct, &orig_dst, dst, dst_port);
}

static void put_repl(struct nf_conntrack *ct, const struct flow *f, const struct lb_ip *src, uint16_t src_port,
	const struct lb_ip *dst, uint16_t dst_port)
{
	nfct_set_attr_u8(ct, ATTR_REPL_L3PROTO, f->key.client.family);
	nfct_set_attr_u8(ct, ATTR_REPL_L4PROTO, f->key.protocol);
	put_end(ct, &repl_src, src, src_port);
	put_end(ct, &repl_dst, dst, dst_port);
}

/* The answer as it was before the kernel translated it, and the translation: so it does that again, and keeps in mind
 * that it did, without which it would translate no packet. What IPVS did to the tuple is no translation of the kernel's
 * and stands in there as it is. */
static void put_nat(struct nf_conntrack *ct, const struct flow *f)
{
	bool source = f->flags & CT_SRC_NAT, dest = f->flags & CT_DST_NAT;
	put_repl(ct, f, dest ? &f->key.virtual : &f->dest, dest ? f->key.virtual_port : f->dest_port,
		source ? &f->key.client : &f->ct.to, source ? f->key.client_port : f->ct.to_port);
	if (source)
		put_end(ct, &src_nat, &f->ct.to, f->ct.to_port);
	if (dest)
		put_end(ct, &dst_nat, &f->dest, f->dest_port);
}

/* Both directions are liberal: where the windows stand only the other node has seen. */
static void put_details(struct nf_conntrack *ct, const struct flow *f)
{
	const uint8_t mask = CT_TCP_FLAGS | CT_TCP_LIBERAL;
	if (f->key.protocol == IPPROTO_TCP) {
		nfct_set_attr_u8(ct, ATTR_TCP_STATE, (uint8_t)f->state);
		nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_ORIG, f->ct.tcp_flags[0] | CT_TCP_LIBERAL);
		nfct_set_attr_u8(ct, ATTR_TCP_MASK_ORIG, mask);
		nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_REPL, f->ct.tcp_flags[1] | CT_TCP_LIBERAL);
		nfct_set_attr_u8(ct, ATTR_TCP_MASK_REPL, mask);
		nfct_set_attr_u8(ct, ATTR_TCP_WSCALE_ORIG, f->ct.tcp_scale[0]);
		nfct_set_attr_u8(ct, ATTR_TCP_WSCALE_REPL, f->ct.tcp_scale[1]);
	} else if (f->key.protocol == IPPROTO_SCTP) {
		nfct_set_attr_u8(ct, ATTR_SCTP_STATE, (uint8_t)f->state);
		nfct_set_attr_u32(ct, ATTR_SCTP_VTAG_ORIG, f->ct.sctp_tag[0]);
		nfct_set_attr_u32(ct, ATTR_SCTP_VTAG_REPL, f->ct.sctp_tag[1]);
	}
}

static void put_liberal(struct nf_conntrack *ct)
{
	nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_ORIG, CT_TCP_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_MASK_ORIG, CT_TCP_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_REPL, CT_TCP_LIBERAL);
	nfct_set_attr_u8(ct, ATTR_TCP_MASK_REPL, CT_TCP_LIBERAL);
}

static void put_state(struct nf_conntrack *ct, const struct flow *f, bool status)
{
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, f->timeout_s);
	nfct_set_attr_u32(ct, ATTR_MARK, f->fwmark);
	if (status)
		nfct_set_attr_u32(ct, ATTR_STATUS, (f->flags & (CT_SEEN_REPLY | CT_ASSURED)) | IPS_CONFIRMED);
	put_details(ct, f);
}

static const struct {
	uint16_t message, flags;
} requests[] = {
	[CT_ORDER_DROP] = { IPCTNL_MSG_CT_DELETE, 0 },
	[CT_ORDER_CREATE] = { IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL },
	[CT_ORDER_CHANGE] = { IPCTNL_MSG_CT_NEW, 0 },
	[CT_ORDER_UPDATE] = { IPCTNL_MSG_CT_NEW, 0 },
	[CT_ORDER_REST] = { IPCTNL_MSG_CT_NEW, 0 },
	[CT_ORDER_CLEAR] = { IPCTNL_MSG_CT_DELETE, 0 },
	[CT_ORDER_AGAIN] = { IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL },
	[CT_ORDER_SHORTEN] = { IPCTNL_MSG_CT_NEW, 0 },
	[CT_ORDER_RELAX] = { IPCTNL_MSG_CT_NEW, 0 },
};

static void put_order(struct nf_conntrack *ct, enum ct_order order, const struct flow *f)
{
	if (f->key.zone)
		nfct_set_attr_u16(ct, ATTR_ZONE, f->key.zone);
	if (order == CT_ORDER_CLEAR) { /* the kernel looks for it in both directions */
		put_orig(ct, f, &f->dest, f->dest_port, &f->ct.to, f->ct.to_port);
		return;
	}
	put_orig(ct, f, &f->key.client, f->key.client_port, &f->key.virtual, f->key.virtual_port);
	switch (order) {
	case CT_ORDER_CREATE:
	case CT_ORDER_AGAIN:
		put_nat(ct, f);
		put_state(ct, f, true);
		return;
	case CT_ORDER_CHANGE:
	case CT_ORDER_UPDATE: put_state(ct, f, true); return;
	case CT_ORDER_REST: put_state(ct, f, false); return;
	case CT_ORDER_SHORTEN: nfct_set_attr_u32(ct, ATTR_TIMEOUT, f->timeout_s); return;
	case CT_ORDER_RELAX: put_liberal(ct); return;
	case CT_ORDER_DROP:
	case CT_ORDER_CLEAR:
	case CT_ORDER_DONE:
	case CT_ORDER_FAILED: return;
	}
}

size_t ct_nl_write(enum ct_order order, const struct flow *f, uint32_t seq, void *out)
{
	struct nlmsghdr *m = out;
	struct nf_conntrack *ct = nfct_new();
	if (!ct)
		return 0;
	(void)begin(
		requests[order].message, (uint16_t)(requests[order].flags | NLM_F_ACK), f->key.client.family, seq, out);
	put_order(ct, order, f);
	int err = nfct_nlmsg_build(m, ct);
	nfct_destroy(ct);
	return err < 0 ? 0 : m->nlmsg_len;
}

size_t ct_nl_write_dump(uint32_t seq, void *out)
{
	return begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC, seq, out);
}

size_t ct_nl_write_stats(uint32_t seq, void *out)
{
	return begin(IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC, seq, out);
}

int ct_nl_read_stats(const struct nlmsghdr *m, uint32_t *count, uint32_t *max)
{
	struct lb_nl_attr by_type[CTA_STATS_GLOBAL_MAX_ENTRIES + 1];
	size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	if (m->nlmsg_len < head || !lb_nl_parse((const uint8_t *)m + head, m->nlmsg_len - head, by_type,
					   sizeof(by_type) / sizeof(by_type[0])))
		return -EBADMSG;
	const struct lb_nl_attr *now = &by_type[CTA_STATS_GLOBAL_ENTRIES],
				*most = &by_type[CTA_STATS_GLOBAL_MAX_ENTRIES];
	if (now->n != 4 || most->n != 4)
		return -EBADMSG;
	*count = ntohl(lb_nl_get_u32(now, 0));
	*max = ntohl(lb_nl_get_u32(most, 0));
	return 0;
}

/* ---- filter ---- */

int ct_nl_filter(int fd)
{
	const struct nfct_filter_ipv4 loop4 = { .addr = 0x7f000000, .mask = 0xff000000 };
	const struct nfct_filter_ipv6 loop6 = { .addr = { 0, 0, 0, 1 }, .mask = { ~0u, ~0u, ~0u, ~0u } };
	struct nfct_filter *filter = nfct_filter_create();
	if (!filter)
		return -ENOMEM;
	nfct_filter_add_attr_u32(filter, NFCT_FILTER_L4PROTO, IPPROTO_TCP);
	nfct_filter_add_attr_u32(filter, NFCT_FILTER_L4PROTO, IPPROTO_UDP);
	nfct_filter_add_attr_u32(filter, NFCT_FILTER_L4PROTO, IPPROTO_SCTP);
	(void)nfct_filter_set_logic(filter, NFCT_FILTER_SRC_IPV4, NFCT_FILTER_LOGIC_NEGATIVE);
	nfct_filter_add_attr(filter, NFCT_FILTER_SRC_IPV4, &loop4);
	(void)nfct_filter_set_logic(filter, NFCT_FILTER_SRC_IPV6, NFCT_FILTER_LOGIC_NEGATIVE);
	nfct_filter_add_attr(filter, NFCT_FILTER_SRC_IPV6, &loop6);
	int err = nfct_filter_attach(fd, filter) ? -errno : 0;
	nfct_filter_destroy(filter);
	return err;
}
