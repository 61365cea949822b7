/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of the wire, written from include/uapi/linux/ip_vs.h and not from ipvs_msg.c: a reader of requests as
 * strict as a person, and a writer of answers in the order in which the kernel writes them. */
#pragma once

#include "lbd/ipvs/ipvs_msg.h"
#include "tests/unit/lbd_ipvs/fixture.h"

#include <arpa/inet.h>

/* ---- reading requests ---- */

#define WIRE_TYPES 20

struct wire_attrs { /* of one nest, by type */
	const uint8_t *at[WIRE_TYPES];
	size_t n[WIRE_TYPES];
};

struct wire_request {
	uint32_t len, seq;
	uint16_t type, flags;
	uint8_t cmd, version;
	bool has_svc, has_dest;
	struct wire_attrs svc, dest;
};

static inline uint16_t wire_u16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return v;
}

static inline uint32_t wire_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}

/* Nothing is forgiven here: no attribute twice, none unknown, no byte left over, padding of zeros. */
static inline void wire_nest(const uint8_t *p, size_t n, struct wire_attrs *out)
{
	*out = (struct wire_attrs){ 0 };
	for (size_t at = 0; at < n;) {
		ck_assert_msg(n - at >= 4, "%zu bytes are left over", n - at);
		size_t len = wire_u16(p + at), type = wire_u16(p + at + 2), padded = (len + 3) & ~(size_t)3;
		ck_assert_msg(len >= 4 && padded <= n - at, "attribute %zu of length %zu in %zu", type, len, n - at);
		ck_assert_msg(type < WIRE_TYPES && !out->at[type], "attribute %zu: unknown or twice", type);
		out->at[type] = p + at + 4;
		out->n[type] = len - 4;
		for (size_t i = len; i < padded; i++)
			ck_assert_msg(p[at + i] == 0, "padding of attribute %zu", type);
		at += padded;
	}
}

/* The message at *at, which moves on. */
static inline struct wire_request wire_read(const uint8_t *p, size_t n, size_t *at)
{
	ck_assert_uint_ge(n - *at, 20);
	p += *at;
	struct wire_request r = { .len = wire_u32(p),
		.type = wire_u16(p + 4),
		.flags = wire_u16(p + 6),
		.seq = wire_u32(p + 8),
		.cmd = p[16],
		.version = p[17] };
	ck_assert_msg(r.len >= 20 && r.len % 4 == 0 && r.len <= n - *at, "length %u in %zu", r.len, n - *at);
	ck_assert_uint_eq(wire_u32(p + 12), 0); /* port id: the kernel fills it in */
	ck_assert_uint_eq(wire_u16(p + 18), 0);
	for (size_t i = 20; i < r.len;) {
		size_t len = wire_u16(p + i), type = wire_u16(p + i + 2) & 0x3fff;
		ck_assert_msg((type == 1 && !r.has_svc) || (type == 2 && !r.has_dest), "nest %zu", type);
		ck_assert_msg(len >= 4 && len % 4 == 0 && i + len <= r.len, "nest of %zu", len);
		wire_nest(p + i + 4, len - 4, type == 1 ? &r.svc : &r.dest);
		*(type == 1 ? &r.has_svc : &r.has_dest) = true;
		i += len;
	}
	*at += r.len;
	return r;
}

/* How a value is shown: numbers in host order, bytes as hex, so that the byte order of each attribute is in the text.
 */
enum wire_form { WIRE_U8, WIRE_U16, WIRE_U32, WIRE_FLAGS, WIRE_HEX, WIRE_STR, WIRE_MASK };
struct wire_name {
	uint8_t type;
	enum wire_form form;
	const char *name;
};
static const struct wire_name wire_svc_names[] = {
	{ 1, WIRE_U16, "af" },
	{ 2, WIRE_U16, "proto" },
	{ 3, WIRE_HEX, "addr" },
	{ 4, WIRE_HEX, "port" },
	{ 5, WIRE_U32, "mark" },
	{ 6, WIRE_STR, "sched" },
	{ 7, WIRE_FLAGS, "flags" },
	{ 8, WIRE_U32, "timeout" },
	{ 9, WIRE_MASK, "mask" },
	{ 11, WIRE_STR, "pe" },
	{ 0, WIRE_U8, NULL },
};
static const struct wire_name wire_dest_names[] = {
	{ 1, WIRE_HEX, "addr" },
	{ 2, WIRE_HEX, "port" },
	{ 3, WIRE_U32, "fwd" },
	{ 4, WIRE_U32, "weight" },
	{ 5, WIRE_U32, "upper" },
	{ 6, WIRE_U32, "lower" },
	{ 11, WIRE_U16, "af" },
	{ 13, WIRE_U8, "tun" },
	{ 14, WIRE_HEX, "tunport" },
	{ 15, WIRE_U16, "tunflags" },
	{ 0, WIRE_U8, NULL },
};

static inline void wire_value(const struct wire_attrs *a, const struct wire_name *w, char *out)
{
	const uint8_t *p = a->at[w->type];
	size_t n = a->n[w->type];
	enum wire_form form = w->form;
	if (form == WIRE_MASK)
		form = wire_u16(a->at[1]) == AF_INET ? WIRE_HEX : WIRE_U32;
	static const size_t sizes[] = { [WIRE_U8] = 1, [WIRE_U16] = 2, [WIRE_U32] = 4, [WIRE_FLAGS] = 8 };
	if (form < WIRE_HEX)
		ck_assert_msg(n == sizes[form], "%s has %zu bytes", w->name, n);
	out += sprintf(out, " %s=", w->name);
	switch (form) {
	case WIRE_U8: sprintf(out, "%u", p[0]); break;
	case WIRE_U16: sprintf(out, "%u", wire_u16(p)); break;
	case WIRE_U32: sprintf(out, "%u", wire_u32(p)); break;
	case WIRE_FLAGS: sprintf(out, "%x/%x", wire_u32(p), wire_u32(p + 4)); break;
	case WIRE_STR:
		ck_assert_msg(
			n > 0 && strnlen((const char *)p, n) == n - 1, "%s does not end with its only NUL", w->name);
		sprintf(out, "%s", (const char *)p);
		break;
	case WIRE_HEX:
	case WIRE_MASK:
		for (size_t i = 0; i < n; i++)
			out += sprintf(out, "%02x", p[i]);
		break;
	}
}

static inline void wire_nest_text(const struct wire_attrs *a, const struct wire_name *names, char *out)
{
	size_t known = 0, there = 0;
	for (size_t t = 0; t < WIRE_TYPES; t++)
		there += a->at[t] != NULL;
	for (; names->name; names++)
		if (a->at[names->type]) {
			wire_value(a, names, out + strlen(out));
			known++;
		}
	ck_assert_msg(known == there, "%zu attributes that no request has", there - known);
}

/* "cmd=1 flags=1 | af=2 proto=6 ... | addr=..." */
static inline const char *wire_text(const struct wire_request *r, char out[1024])
{
	sprintf(out, "cmd=%u flags=%x", r->cmd, r->flags);
	if (r->has_svc) {
		strcat(out, " |");
		wire_nest_text(&r->svc, wire_svc_names, out);
	}
	if (r->has_dest) {
		strcat(out, " |");
		wire_nest_text(&r->dest, wire_dest_names, out);
	}
	return out;
}

/* ---- what the kernel would keep of a request ---- */

static inline void wire_keep_service(const struct wire_attrs *a, struct ipvs_service *s, uint32_t *mask)
{
	*s = (struct ipvs_service){ 0 };
	s->key.addr.family = (uint8_t)wire_u16(a->at[1]);
	if (a->at[5]) {
		s->key.fwmark = wire_u32(a->at[5]);
	} else {
		s->key.protocol = (uint8_t)wire_u16(a->at[2]);
		memcpy(s->key.addr.b, a->at[3], s->key.addr.family == AF_INET ? 4 : 16);
		s->key.port = (uint16_t)(a->at[4][0] << 8 | a->at[4][1]);
	}
	if (!a->at[6])
		return;
	strcpy(s->scheduler, (const char *)a->at[6]);
	s->flags = wire_u32(a->at[7]) & wire_u32(a->at[7] + 4);
	s->timeout = wire_u32(a->at[8]);
	*mask = wire_u32(a->at[9]);
	if (a->at[11])
		strcpy(s->engine, (const char *)a->at[11]);
}

static inline void wire_keep_dest(const struct wire_attrs *a, struct ipvs_dest *d)
{
	*d = (struct ipvs_dest){ 0 };
	d->addr.family = (uint8_t)wire_u16(a->at[11]);
	memcpy(d->addr.b, a->at[1], d->addr.family == AF_INET ? 4 : 16);
	d->port = (uint16_t)(a->at[2][0] << 8 | a->at[2][1]);
	if (!a->at[3])
		return;
	d->method = (uint8_t)wire_u32(a->at[3]);
	d->weight = wire_u32(a->at[4]);
	d->upper = wire_u32(a->at[5]);
	d->lower = wire_u32(a->at[6]);
	if (a->at[13]) {
		d->tunnel.type = a->at[13][0];
		d->tunnel.port = (uint16_t)(a->at[14][0] << 8 | a->at[14][1]);
		d->tunnel.csum = (uint8_t)wire_u16(a->at[15]);
	}
}

/* ---- writing answers ---- */

struct wire {
	uint8_t b[4096];
	size_t n;
	size_t msg, nest, inner; /* where the open ones begin */
};

static inline void wire_put(struct wire *w, uint16_t type, const void *data, size_t n)
{
	uint16_t len = (uint16_t)(4 + n);
	memcpy(w->b + w->n, &len, 2);
	memcpy(w->b + w->n + 2, &type, 2);
	if (n)
		memcpy(w->b + w->n + 4, data, n);
	memset(w->b + w->n + len, 0, 3);
	w->n += (len + 3u) & ~3u;
}

static inline void wire_put_u16(struct wire *w, uint16_t type, uint16_t v)
{
	wire_put(w, type, &v, 2);
}

static inline void wire_put_u32(struct wire *w, uint16_t type, uint32_t v)
{
	wire_put(w, type, &v, 4);
}

static inline size_t wire_open(struct wire *w, uint16_t type)
{
	size_t at = w->n;
	wire_put(w, type, NULL, 0);
	return at;
}

static inline void wire_close(struct wire *w, size_t at)
{
	uint16_t len = (uint16_t)(w->n - at);
	memcpy(w->b + at, &len, 2);
}

static inline size_t wire_begin(struct wire *w, uint16_t type, uint32_t seq)
{
	size_t at = w->n;
	memset(w->b + at, 0, 16);
	memcpy(w->b + at + 4, &type, 2);
	memcpy(w->b + at + 8, &seq, 4);
	w->n += 16;
	return at;
}

static inline size_t wire_begin_genl(struct wire *w, uint32_t seq, uint8_t cmd)
{
	size_t at = wire_begin(w, 0x1c, seq);
	memcpy(w->b + w->n, (uint8_t[]){ cmd, 1, 0, 0 }, 4);
	w->n += 4;
	return at;
}

static inline void wire_end(struct wire *w, size_t at)
{
	uint32_t len = (uint32_t)(w->n - at);
	memcpy(w->b + at, &len, 4);
}

static inline void wire_status(struct wire *w, uint16_t type, uint32_t seq, int32_t err)
{
	size_t at = wire_begin(w, type, seq);
	memcpy(w->b + w->n, &err, 4);
	w->n += 4;
	wire_end(w, at);
}

/* Counters 1, 2, 3 ... from `base`: 32 bits wide where the old form is, and 64. */
static inline void wire_stats(struct wire *w, uint16_t type, uint64_t base, bool wide)
{
	size_t at = wire_open(w, type);
	for (uint16_t i = 1; i <= 10; i++) {
		uint64_t v = base + i;
		if (wide || i == 4 || i == 5)
			wire_put(w, i, &v, 8);
		else
			wire_put_u32(w, i, (uint32_t)v);
	}
	wire_close(w, at);
}

#define WIRE_RUBBISH 0xa5

/* An IPv4 address stands in the first four bytes of a union; what follows was never written. */
static inline void wire_addr(struct wire *w, uint16_t type, const struct lb_ip *ip)
{
	uint8_t b[16];
	memset(b, WIRE_RUBBISH, sizeof(b));
	memcpy(b, ip->b, ip->family == AF_INET ? 4 : 16);
	wire_put(w, type, b, sizeof(b));
}

/* ip_vs_genl_fill_service */
static inline void wire_service(struct wire *w, uint32_t seq, const struct ipvs_service *s, uint32_t mask)
{
	size_t msg = wire_begin_genl(w, seq, 1), nest = wire_open(w, 1 | 0x8000);
	wire_put_u16(w, 1, s->key.addr.family);
	if (s->key.fwmark) {
		wire_put_u32(w, 5, s->key.fwmark);
	} else {
		wire_put_u16(w, 2, s->key.protocol);
		wire_addr(w, 3, &s->key.addr);
		wire_put_u16(w, 4, htons(s->key.port));
	}
	wire_put(w, 6, s->scheduler, strlen(s->scheduler) + 1);
	if (s->engine[0])
		wire_put(w, 11, s->engine, strlen(s->engine) + 1);
	uint32_t flags[2] = { s->flags | IPVS_FLAG_HASHED, ~0u };
	wire_put(w, 7, flags, sizeof(flags));
	wire_put_u32(w, 8, s->timeout);
	wire_put_u32(w, 9, mask);
	wire_stats(w, 10, 100, false);
	wire_stats(w, 12, 0x100000000u, true);
	wire_close(w, nest);
	wire_end(w, msg);
}

/* ip_vs_genl_fill_dest */
static inline void wire_dest(struct wire *w, uint32_t seq, const struct ipvs_dest *d)
{
	size_t msg = wire_begin_genl(w, seq, 5), nest = wire_open(w, 2 | 0x8000);
	uint32_t flags = d->method | 0x100; /* IP_VS_CONN_F_INACTIVE and others share the word */
	wire_addr(w, 1, &d->addr);
	wire_put_u16(w, 2, htons(d->port));
	wire_put_u32(w, 3, flags);
	wire_put_u32(w, 4, d->weight);
	wire_put(w, 13, &d->tunnel.type, 1);
	wire_put_u16(w, 14, htons(d->tunnel.port));
	wire_put_u16(w, 15, d->tunnel.csum);
	wire_put_u32(w, 5, d->upper);
	wire_put_u32(w, 6, d->lower);
	wire_put_u32(w, 7, 11);
	wire_put_u32(w, 8, 12);
	wire_put_u32(w, 9, 13);
	wire_put_u16(w, 11, d->addr.family);
	wire_stats(w, 10, 100, false);
	wire_stats(w, 12, 0x200000000u, true);
	wire_close(w, nest);
	wire_end(w, msg);
}
