/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/nlmsg.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

/* The place for n more bytes, zeroed and padded, or NULL. */
static void *room(struct lb_nl_batch *b, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	if (padded > b->cap - b->len)
		return NULL;
	void *p = b->buf + b->len;
	memset(p, 0, padded);
	b->len += padded;
	return p;
}

bool lb_nl_attr(struct lb_nl_batch *b, uint16_t type, const void *data, size_t n)
{
	const struct rtattr head = { .rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = type };
	uint8_t *at = room(b, RTA_LENGTH(n));
	if (!at)
		return false;
	memcpy(at, &head, sizeof(head));
	if (n)
		memcpy(at + RTA_LENGTH(0), data, n);
	return true;
}

bool lb_nl_u32(struct lb_nl_batch *b, uint16_t type, uint32_t value)
{
	return lb_nl_attr(b, type, &value, sizeof(value));
}

bool lb_nl_begin(struct lb_nl_batch *b, uint32_t seq, uint16_t type, uint16_t flags, const void *head, size_t head_len)
{
	const struct nlmsghdr h = {
		.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = seq
	};
	uint8_t *at = room(b, NLMSG_HDRLEN + head_len);
	if (!at)
		return false;
	memcpy(at, &h, sizeof(h));
	memcpy(at + NLMSG_HDRLEN, head, head_len);
	return true;
}

bool lb_nl_text(struct lb_nl_batch *b, uint16_t type, const char *s)
{
	return lb_nl_attr(b, type, s, strlen(s) + 1);
}

bool lb_nl_nest(struct lb_nl_batch *b, uint16_t type, size_t *at)
{
	*at = b->len;
	return lb_nl_attr(b, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
}

bool lb_nl_nest_end(struct lb_nl_batch *b, size_t at)
{
	if (b->len - at > UINT16_MAX)
		return false;
	uint16_t len = (uint16_t)(b->len - at);
	memcpy(b->buf + at + offsetof(struct rtattr, rta_len), &len, sizeof(len));
	return true;
}

int lb_nl_end(struct lb_nl_batch *b, size_t from, bool ok)
{
	if (!ok) {
		b->len = from;
		return -EMSGSIZE;
	}
	uint32_t len = (uint32_t)(b->len - from);
	memcpy(b->buf + from + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
	return 0;
}

bool lb_nl_parse(const uint8_t *p, size_t len, struct lb_nl_attr *by_type, size_t n_types)
{
	while (len >= RTA_LENGTH(0)) {
		struct rtattr a;
		memcpy(&a, p, sizeof(a));
		if (a.rta_len < RTA_LENGTH(0) || a.rta_len > len)
			return false;
		size_t type = a.rta_type & NLA_TYPE_MASK, step = RTA_ALIGN(a.rta_len);
		if (type < n_types)
			by_type[type] = (struct lb_nl_attr){ p + RTA_LENGTH(0), a.rta_len - RTA_LENGTH(0) };
		if (step >= len)
			break;
		p += step;
		len -= step;
	}
	return true;
}

uint32_t lb_nl_get_u32(const struct lb_nl_attr *a, uint32_t otherwise)
{
	uint32_t v = otherwise;
	if (a->data && a->n >= sizeof(v))
		memcpy(&v, a->data, sizeof(v));
	return v;
}

uint16_t lb_nl_get_u16(const struct lb_nl_attr *a, uint16_t otherwise)
{
	uint16_t v = otherwise;
	if (a->data && a->n >= sizeof(v))
		memcpy(&v, a->data, sizeof(v));
	return v;
}

void lb_nl_get_text(const struct lb_nl_attr *a, char *out, size_t size)
{
	size_t n = a->data ? strnlen((const char *)a->data, a->n) : 0;
	if (n >= size)
		n = 0;
	if (n)
		memcpy(out, a->data, n);
	out[n] = '\0';
}

int lb_nl_next(const uint8_t *buf, size_t len, size_t *at, struct lb_nl_msg *out)
{
	struct nlmsghdr h;
	if (*at >= len)
		return 0;
	if (len - *at < NLMSG_HDRLEN)
		return -EBADMSG;
	memcpy(&h, buf + *at, sizeof(h));
	if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len - *at)
		return -EBADMSG;
	*out = (struct lb_nl_msg){ .type = h.nlmsg_type,
		.flags = h.nlmsg_flags,
		.seq = h.nlmsg_seq,
		.body = buf + *at + NLMSG_HDRLEN,
		.n = h.nlmsg_len - NLMSG_HDRLEN };
	size_t step = NLMSG_ALIGN(h.nlmsg_len);
	*at = step > len - *at ? len : *at + step;
	return 1;
}

int lb_nl_status(const struct lb_nl_msg *m, int *err)
{
	int32_t v = 0;
	if (m->n >= sizeof(v))
		memcpy(&v, m->body, sizeof(v));
	else if (m->type != NLMSG_DONE)
		return -EBADMSG;
	if (v > 0 || v < -4095)
		return -EBADMSG;
	*err = v;
	return 0;
}
