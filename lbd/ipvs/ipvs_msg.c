/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

/* Attributes that the headers of Debian 12 do not have are numbered by the kernel ABI. */
#define IPVS_GENL_CMD_VERSION 1

/* ---- writing ---- */

/* The place for n more bytes (zeroed, 4-byte aligned length), or NULL. */
static void *room(struct ipvs_batch *b, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	if (padded > b->cap - b->len)
		return NULL;
	void *p = b->buf + b->len;
	memset(p, 0, padded);
	b->len += padded;
	return p;
}

static bool attr(struct ipvs_batch *b, uint16_t type, const void *data, size_t n)
{
	struct nlattr *a = room(b, NLA_HDRLEN + n);
	if (!a)
		return false;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	a->nla_type = type;
	memcpy((uint8_t *)a + NLA_HDRLEN, data, n);
	return true;
}

static bool attr_u16(struct ipvs_batch *b, uint16_t type, uint16_t v)
{
	return attr(b, type, &v, sizeof(v));
}

static bool attr_u32(struct ipvs_batch *b, uint16_t type, uint32_t v)
{
	return attr(b, type, &v, sizeof(v));
}

static bool attr_u8(struct ipvs_batch *b, uint16_t type, uint8_t v)
{
	return attr(b, type, &v, sizeof(v));
}

static bool begin(struct ipvs_batch *b, uint32_t seq, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *h = room(b, NLMSG_HDRLEN + GENL_HDRLEN);
	if (!h)
		return false;
	h->nlmsg_type = b->family;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = seq;
	struct genlmsghdr *g = (struct genlmsghdr *)(void *)((uint8_t *)h + NLMSG_HDRLEN);
	g->cmd = cmd;
	g->version = IPVS_GENL_CMD_VERSION;
	return true;
}

static int end(struct ipvs_batch *b, size_t start, bool ok)
{
	if (!ok) {
		b->len = start;
		return -EMSGSIZE;
	}
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)(b->buf + start);
	h->nlmsg_len = (uint32_t)(b->len - start);
	b->last = start; /* only now: what did not fit is not the last message */
	return 0;
}

/* A nest is opened by reserving its header and closed by writing its length. */
static struct nlattr *nest(struct ipvs_batch *b, uint16_t type)
{
	struct nlattr *a = room(b, NLA_HDRLEN);
	if (a)
		a->nla_type = (uint16_t)(type | NLA_F_NESTED);
	return a;
}

static bool nest_end(struct ipvs_batch *b, struct nlattr *a)
{
	a->nla_len = (uint16_t)(b->buf + b->len - (uint8_t *)a);
	return true;
}

static bool put_key(struct ipvs_batch *b, const struct ipvs_key *k)
{
	if (!attr_u16(b, IPVS_SVC_ATTR_AF, k->addr.family))
		return false;
	if (k->fwmark) /* never together with an address: a mark of 0 would read as TCP, address 0, port 0 */
		return attr_u32(b, IPVS_SVC_ATTR_FWMARK, k->fwmark);
	return attr_u16(b, IPVS_SVC_ATTR_PROTOCOL, k->protocol) && attr(b, IPVS_SVC_ATTR_ADDR, k->addr.b, 16) &&
	       attr_u16(b, IPVS_SVC_ATTR_PORT, htons(k->port));
}

/* IPv4 wants a mask in network order, IPv6 a prefix length in host order, in the same attribute. */
static uint32_t netmask(const struct ipvs_service *s)
{
	if (lb_ip_is_v6(&s->key.addr))
		return s->prefix ? s->prefix : 128;
	uint8_t bits = s->prefix ? s->prefix : 32;
	return htonl(bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits));
}

static bool put_service(struct ipvs_batch *b, const struct ipvs_service *s, bool full)
{
	struct nlattr *n = nest(b, IPVS_CMD_ATTR_SERVICE);
	if (!n || !put_key(b, &s->key))
		return false;
	if (full) {
		struct ip_vs_flags flags = { s->flags & ~IPVS_FLAG_HASHED, ~0u };
		if (!attr(b, IPVS_SVC_ATTR_SCHED_NAME, s->scheduler, strlen(s->scheduler) + 1) ||
			!attr(b, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags)) ||
			!attr_u32(b, IPVS_SVC_ATTR_TIMEOUT, s->timeout) ||
			!attr_u32(b, IPVS_SVC_ATTR_NETMASK, netmask(s)))
			return false;
		/* absent removes the engine, which is what an empty name means */
		if (s->engine[0] && !attr(b, IPVS_SVC_ATTR_PE_NAME, s->engine, strlen(s->engine) + 1))
			return false;
	}
	return nest_end(b, n);
}

static bool put_tunnel(struct ipvs_batch *b, const struct ipvs_tunnel *t)
{
	return attr_u8(b, IPVS_DEST_ATTR_TUN_TYPE, t->type) && attr_u16(b, IPVS_DEST_ATTR_TUN_PORT, htons(t->port)) &&
	       attr_u16(b, IPVS_DEST_ATTR_TUN_FLAGS, t->csum);
}

static bool put_dest(struct ipvs_batch *b, const struct ipvs_dest *d, bool full)
{
	struct nlattr *n = nest(b, IPVS_CMD_ATTR_DEST);
	if (!n || !attr_u16(b, IPVS_DEST_ATTR_ADDR_FAMILY, d->addr.family) ||
		!attr(b, IPVS_DEST_ATTR_ADDR, d->addr.b, 16) || !attr_u16(b, IPVS_DEST_ATTR_PORT, htons(d->port)))
		return false;
	if (full) {
		if (!attr_u32(b, IPVS_DEST_ATTR_FWD_METHOD, d->method) ||
			!attr_u32(b, IPVS_DEST_ATTR_WEIGHT, d->weight) ||
			!attr_u32(b, IPVS_DEST_ATTR_U_THRESH, d->upper) ||
			!attr_u32(b, IPVS_DEST_ATTR_L_THRESH, d->lower))
			return false;
		if (d->method == IPVS_METHOD_TUN && !put_tunnel(b, &d->tunnel))
			return false;
	}
	return nest_end(b, n);
}

static const struct {
	uint8_t cmd;
	bool dest, full; /* has a destination; carries all attributes and not the identity alone */
} op_rows[] = {
	[IPVS_OP_SERVICE_ADD] = { IPVS_CMD_NEW_SERVICE, false, true },
	[IPVS_OP_SERVICE_SET] = { IPVS_CMD_SET_SERVICE, false, true },
	[IPVS_OP_SERVICE_DEL] = { IPVS_CMD_DEL_SERVICE, false, false },
	[IPVS_OP_DEST_ADD] = { IPVS_CMD_NEW_DEST, true, true },
	[IPVS_OP_DEST_SET] = { IPVS_CMD_SET_DEST, true, true },
	[IPVS_OP_DEST_DEL] = { IPVS_CMD_DEL_DEST, true, false },
};

int ipvs_msg_op(struct ipvs_batch *b, uint32_t seq, const struct ipvs_op *op)
{
	size_t start = b->len;
	bool dest = op_rows[op->type].dest, full = op_rows[op->type].full;
	bool ok = begin(b, seq, op_rows[op->type].cmd, 0) && put_service(b, &op->svc, full && !dest) &&
		  (!dest || put_dest(b, &op->dest, full));
	return end(b, start, ok);
}

int ipvs_msg_dump_services(struct ipvs_batch *b, uint32_t seq)
{
	size_t start = b->len;
	return end(b, start, begin(b, seq, IPVS_CMD_GET_SERVICE, NLM_F_DUMP));
}

int ipvs_msg_dump_dests(struct ipvs_batch *b, uint32_t seq, const struct ipvs_key *key)
{
	size_t start = b->len;
	struct ipvs_service s = { .key = *key };
	return end(b, start, begin(b, seq, IPVS_CMD_GET_DEST, NLM_F_DUMP) && put_service(b, &s, false));
}

int ipvs_msg_get_service(struct ipvs_batch *b, uint32_t seq, const struct ipvs_key *key)
{
	size_t start = b->len;
	struct ipvs_service s = { .key = *key };
	return end(b, start, begin(b, seq, IPVS_CMD_GET_SERVICE, 0) && put_service(b, &s, false));
}

int ipvs_msg_zero(struct ipvs_batch *b, uint32_t seq, const struct ipvs_key *key)
{
	size_t start = b->len;
	struct ipvs_service s = { .key = *key };
	return end(b, start, begin(b, seq, IPVS_CMD_ZERO, 0) && put_service(b, &s, false));
}

int ipvs_msg_get_info(struct ipvs_batch *b, uint32_t seq)
{
	size_t start = b->len;
	return end(b, start, begin(b, seq, IPVS_CMD_GET_INFO, 0));
}

void ipvs_msg_ack_last(struct ipvs_batch *b)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)(b->buf + b->last);
	h->nlmsg_flags |= NLM_F_ACK;
}

/* ---- reading ---- */

/* The attributes of one nest: the last of a type wins, as in the kernel's own parser. */
struct attrs {
	const uint8_t *data[32];
	uint16_t len[32];
};

static int parse(const uint8_t *p, size_t n, struct attrs *out)
{
	memset(out, 0, sizeof(*out));
	while (n >= NLA_HDRLEN) {
		struct nlattr a;
		memcpy(&a, p, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > n)
			return -EBADMSG;
		unsigned type = a.nla_type & NLA_TYPE_MASK;
		if (type < 32) {
			out->data[type] = p + NLA_HDRLEN;
			out->len[type] = (uint16_t)(a.nla_len - NLA_HDRLEN);
		}
		size_t step = NLA_ALIGN(a.nla_len);
		if (step > n)
			break; /* the last attribute need not be padded */
		p += step;
		n -= step;
	}
	return 0;
}

/* Copies an attribute of exactly n bytes; a missing one leaves zero and clears *all; a short one is an error. */
static bool get(const struct attrs *a, unsigned type, void *out, size_t n, bool *all)
{
	if (!a->data[type]) {
		*all = false;
		return true;
	}
	if (a->len[type] < n)
		return false;
	memcpy(out, a->data[type], n);
	return true;
}

static bool get_name(const struct attrs *a, unsigned type, char out[IPVS_NAME_MAX])
{
	if (!a->data[type])
		return true;
	size_t n = strnlen((const char *)a->data[type], a->len[type]);
	if (n >= IPVS_NAME_MAX)
		return false;
	memcpy(out, a->data[type], n);
	out[n] = '\0';
	return true;
}

static bool get_ip(const struct attrs *a, unsigned type, uint16_t af, struct lb_ip *out)
{
	if (af != AF_INET && af != AF_INET6)
		return false;
	size_t n = af == AF_INET ? 4 : 16;
	out->family = (uint8_t)af;
	if (!a->data[type] || a->len[type] < n)
		return false;
	memcpy(out->b, a->data[type], n); /* the kernel's union has rubbish behind an IPv4 address on some versions */
	return true;
}

/* 64-bit counters are not aligned in a message; the rows pair attribute and field. */
static int read_stats(const struct attrs *outer, unsigned type, struct ipvs_stats *s)
{
	struct attrs a;
	bool all = true;
	if (!outer->data[type])
		return 0;
	if (parse(outer->data[type], outer->len[type], &a))
		return -EBADMSG;
	bool ok = get(&a, IPVS_STATS_ATTR_CONNS, &s->conns, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_INPKTS, &s->in_packets, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_OUTPKTS, &s->out_packets, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_INBYTES, &s->in_bytes, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_OUTBYTES, &s->out_bytes, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_CPS, &s->cps, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_INPPS, &s->in_pps, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_OUTPPS, &s->out_pps, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_INBPS, &s->in_bps, 8, &all) &&
		  get(&a, IPVS_STATS_ATTR_OUTBPS, &s->out_bps, 8, &all);
	return ok ? 0 : -EBADMSG;
}

static int read_netmask(uint32_t raw, bool v6, uint8_t *prefix)
{
	if (v6) {
		if (raw > 128)
			return -EBADMSG;
		*prefix = (uint8_t)raw;
		return 0;
	}
	uint32_t mask = ntohl(raw);
	uint8_t bits = 0;
	while (bits < 32 && (mask & (1u << (31 - bits))))
		bits++;
	/* a mask with holes is possible (ipvsadm takes any): 0 differs from every prefix we want */
	bool holes = bits < 32 && mask << bits;
	*prefix = holes ? 0 : bits;
	return 0;
}

static int read_key(const struct attrs *a, struct ipvs_key *k)
{
	uint16_t af = 0, protocol = 0, port = 0;
	bool all = true, has_mark = true;
	if (!get(a, IPVS_SVC_ATTR_AF, &af, 2, &all) || !all)
		return -EBADMSG;
	if (!get(a, IPVS_SVC_ATTR_FWMARK, &k->fwmark, 4, &has_mark))
		return -EBADMSG;
	if (has_mark && k->fwmark) {
		if (af != AF_INET && af != AF_INET6)
			return -EBADMSG;
		k->addr.family = (uint8_t)af;
		return 0;
	}
	if (!get(a, IPVS_SVC_ATTR_PROTOCOL, &protocol, 2, &all) || !get(a, IPVS_SVC_ATTR_PORT, &port, 2, &all) ||
		!all || protocol > 255 || !get_ip(a, IPVS_SVC_ATTR_ADDR, af, &k->addr))
		return -EBADMSG;
	k->protocol = (uint8_t)protocol;
	k->port = ntohs(port);
	return 0;
}

static int read_service(const struct attrs *top, struct ipvs_answer *out)
{
	struct attrs a;
	struct ip_vs_flags flags = { 0 };
	uint32_t mask = 0;
	bool all = true;
	if (!top->data[IPVS_CMD_ATTR_SERVICE] ||
		parse(top->data[IPVS_CMD_ATTR_SERVICE], top->len[IPVS_CMD_ATTR_SERVICE], &a) ||
		read_key(&a, &out->svc.key))
		return -EBADMSG;
	if (!get_name(&a, IPVS_SVC_ATTR_SCHED_NAME, out->svc.scheduler) ||
		!get_name(&a, IPVS_SVC_ATTR_PE_NAME, out->svc.engine) ||
		!get(&a, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags), &all) ||
		!get(&a, IPVS_SVC_ATTR_TIMEOUT, &out->svc.timeout, 4, &all) ||
		!get(&a, IPVS_SVC_ATTR_NETMASK, &mask, 4, &all) || !all)
		return -EBADMSG;
	out->svc.flags = flags.flags & ~IPVS_FLAG_HASHED;
	if (read_netmask(mask, lb_ip_is_v6(&out->svc.key.addr), &out->svc.prefix))
		return -EBADMSG;
	return read_stats(&a, IPVS_SVC_ATTR_STATS64, &out->stats);
}

static int read_tunnel(const struct attrs *a, struct ipvs_tunnel *t)
{
	uint16_t port = 0, csum = 0;
	bool all = true;
	if (!get(a, IPVS_DEST_ATTR_TUN_TYPE, &t->type, 1, &all) || !get(a, IPVS_DEST_ATTR_TUN_PORT, &port, 2, &all) ||
		!get(a, IPVS_DEST_ATTR_TUN_FLAGS, &csum, 2, &all))
		return -EBADMSG;
	t->port = ntohs(port);
	t->csum = (uint8_t)csum;
	return 0;
}

static int read_dest(const struct attrs *top, uint8_t service_family, struct ipvs_answer *out)
{
	struct attrs a;
	struct ipvs_dest *d = &out->dest;
	uint16_t af = service_family, port = 0;
	uint32_t method = 0;
	bool all = true, optional = true;
	if (!top->data[IPVS_CMD_ATTR_DEST] || parse(top->data[IPVS_CMD_ATTR_DEST], top->len[IPVS_CMD_ATTR_DEST], &a))
		return -EBADMSG;
	if (!get(&a, IPVS_DEST_ATTR_ADDR_FAMILY, &af, 2, &optional) || !get_ip(&a, IPVS_DEST_ATTR_ADDR, af, &d->addr))
		return -EBADMSG;
	if (!get(&a, IPVS_DEST_ATTR_PORT, &port, 2, &all) || !get(&a, IPVS_DEST_ATTR_FWD_METHOD, &method, 4, &all) ||
		!get(&a, IPVS_DEST_ATTR_WEIGHT, &d->weight, 4, &all) ||
		!get(&a, IPVS_DEST_ATTR_U_THRESH, &d->upper, 4, &all) ||
		!get(&a, IPVS_DEST_ATTR_L_THRESH, &d->lower, 4, &all) || !all)
		return -EBADMSG;
	if (!get(&a, IPVS_DEST_ATTR_ACTIVE_CONNS, &out->counts.active, 4, &optional) ||
		!get(&a, IPVS_DEST_ATTR_INACT_CONNS, &out->counts.inactive, 4, &optional) ||
		!get(&a, IPVS_DEST_ATTR_PERSIST_CONNS, &out->counts.persistent, 4, &optional))
		return -EBADMSG;
	d->port = ntohs(port);
	d->method = (uint8_t)(method & IP_VS_CONN_F_FWD_MASK);
	if (d->method == IPVS_METHOD_TUN && read_tunnel(&a, &d->tunnel))
		return -EBADMSG;
	return read_stats(&a, IPVS_DEST_ATTR_STATS64, &out->stats);
}

static int read_info(const struct attrs *top, struct ipvs_answer *out)
{
	bool all = true;
	if (!get(top, IPVS_INFO_ATTR_VERSION, &out->version, 4, &all) ||
		!get(top, IPVS_INFO_ATTR_CONN_TAB_SIZE, &out->table_size, 4, &all) || !all)
		return -EBADMSG;
	return 0;
}

/* NLMSG_ERROR and NLMSG_DONE both start with an int: 0 or a negative errno. */
static int read_status(const uint8_t *body, size_t n, bool done, struct ipvs_answer *out)
{
	int32_t err = 0;
	if (n >= sizeof(err))
		memcpy(&err, body, sizeof(err));
	else if (!done)
		return -EBADMSG;
	if (err > 0 || err < -4095)
		return -EBADMSG;
	out->kind = done ? IPVS_ANSWER_DONE : IPVS_ANSWER_STATUS;
	out->err = -err;
	return 0;
}

/* 1 read, 0 of no interest, -EBADMSG. */
static int read_generic(const uint8_t *body, size_t n, uint8_t service_family, struct ipvs_answer *out)
{
	struct attrs top;
	if (n < GENL_HDRLEN || parse(body + GENL_HDRLEN, n - GENL_HDRLEN, &top))
		return -EBADMSG;
	int r;
	switch ((int)body[0]) { /* genlmsghdr.cmd */
	case IPVS_CMD_NEW_SERVICE:
		out->kind = IPVS_ANSWER_SERVICE;
		r = read_service(&top, out);
		break;
	case IPVS_CMD_NEW_DEST:
		out->kind = IPVS_ANSWER_DEST;
		r = read_dest(&top, service_family, out);
		break;
	case IPVS_CMD_SET_INFO:
		out->kind = IPVS_ANSWER_INFO;
		r = read_info(&top, out);
		break;
	default: return 0;
	}
	return r ? r : 1;
}

int ipvs_msg_next(const uint8_t *buf, size_t len, size_t *at, uint8_t service_family, struct ipvs_answer *out)
{
	while (*at < len) {
		struct nlmsghdr h;
		if (len - *at < NLMSG_HDRLEN)
			return -EBADMSG;
		memcpy(&h, buf + *at, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len - *at)
			return -EBADMSG;
		const uint8_t *body = buf + *at + NLMSG_HDRLEN;
		size_t n = h.nlmsg_len - NLMSG_HDRLEN;
		size_t step = NLMSG_ALIGN(h.nlmsg_len);
		*at = step > len - *at ? len : *at + step;
		struct ipvs_answer a = { .seq = h.nlmsg_seq };
		int r = 0;
		if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_type == NLMSG_DONE)
			r = read_status(body, n, h.nlmsg_type == NLMSG_DONE, &a) ? -EBADMSG : 1;
		else if (h.nlmsg_type >= NLMSG_MIN_TYPE)
			r = read_generic(body, n, service_family, &a);
		if (r < 0)
			return r;
		if (r > 0) {
			*out = a;
			return 1;
		}
	}
	return 0;
}
