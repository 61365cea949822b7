/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ipvs_sync_msg.h"

#include "common/buf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_N        8u
#define FIXED_N       24u /* of a record, before its addresses */
#define RECORD_MIN    (FIXED_N + 3 * 4)
#define VERSION       1u
#define TYPE_V6       0x01u
#define SIZE_MASK     0x0fffu
#define OPT_HEAD_N    2u
#define OPT_SEQ       1u
#define OPT_PE_DATA   2u
#define OPT_PE_NAME   3u
#define OPT_SKIPPABLE 0x40u
#define SEQ_N         24u

/* The count is a byte, the size of a record 12 bits. */
_Static_assert((IPVS_SYNC_PAYLOAD_MAX - HEAD_N) / RECORD_MIN <= UINT8_MAX, "more records than can be counted");
_Static_assert(FIXED_N + 3 * 16 + OPT_HEAD_N + SEQ_N + OPT_HEAD_N + FLOW_PE_DATA_MAX + OPT_HEAD_N + FLOW_PE_NAME_MAX <=
		       IPVS_SYNC_PAYLOAD_MAX - HEAD_N,
	"an empty datagram takes any record");

/* ---- reading ---- */

enum verdict {
	GIVEN,
	REFUSED, /* the kernel goes on with the next record */
	BROKEN   /* the kernel drops the rest of the datagram */
};

static void read_seq(struct lb_reader *r, struct flow_seq *s)
{
	s->init_seq = lb_read_u32(r);
	s->delta = lb_read_u32(r);
	s->previous_delta = lb_read_u32(r);
}

static enum verdict read_option(struct flow *f, uint8_t type, const uint8_t *at, uint8_t n, unsigned *seen)
{
	struct lb_reader r = { at, at + n, false };
	unsigned kind = type & ~OPT_SKIPPABLE, bit = kind < 8 ? 1u << kind : 0;
	bool twice = *seen & bit;
	*seen |= bit;
	switch (kind) {
	case OPT_SEQ:
		f->has_seq = true;
		read_seq(&r, &f->seq_in);
		read_seq(&r, &f->seq_out);
		return twice || n != SEQ_N ? BROKEN : GIVEN;
	case OPT_PE_DATA:
		f->pe_data_n = n;
		memcpy(f->pe_data, at, n);
		return twice ? BROKEN : GIVEN;
	case OPT_PE_NAME:
		if (twice || n > FLOW_PE_NAME_MAX)
			return BROKEN;
		f->pe_name_n = n;
		memcpy(f->pe_name, at, n);
		return GIVEN;
	default: return type & OPT_SKIPPABLE ? GIVEN : REFUSED;
	}
}

/* What stands behind an option that makes the record refused is not looked at, as in the kernel. */
static enum verdict read_options(struct lb_reader *r, struct flow *f)
{
	unsigned seen = 0;
	enum verdict v = GIVEN;
	while (v == GIVEN && r->p < r->end) {
		uint8_t type = lb_read_u8(r), n = lb_read_u8(r);
		const uint8_t *at = lb_take(r, n);
		if (!at || n == 0)
			return BROKEN;
		v = read_option(f, type, at, n, &seen);
	}
	return v;
}

static void read_address(struct lb_reader *r, bool v6, struct lb_ip *ip)
{
	size_t n = v6 ? 16 : 4;
	const uint8_t *at = lb_take(r, n);
	ip->family = v6 ? AF_INET6 : AF_INET;
	if (at)
		memcpy(ip->b, at, n);
}

static enum verdict read_record(struct lb_reader *r, struct flow *f)
{
	uint8_t type = lb_read_u8(r);
	bool v6 = type & TYPE_V6; /* whatever else is in it; without it nothing may be */
	*f = (struct flow){ .key.protocol = lb_read_u8(r) };
	(void)lb_read_u16(r); /* the size, by which r was made */
	f->flags = lb_read_u32(r) & FLOW_FLAGS;
	f->key.template = f->flags & FLOW_TEMPLATE;
	f->state = lb_read_u16(r);
	f->key.client_port = lb_read_u16(r);
	f->key.virtual_port = lb_read_u16(r);
	f->dest_port = lb_read_u16(r);
	f->fwmark = lb_read_u32(r);
	f->timeout_s = lb_read_u32(r);
	read_address(r, v6, &f->key.client);
	read_address(r, v6, &f->key.virtual);
	read_address(r, v6, &f->dest);
	if (r->bad || (type && !v6))
		return BROKEN;
	enum verdict v = read_options(r, f);
	if (v != GIVEN)
		return v;
	if (f->pe_data_n == 0) { /* a name alone means nothing to the kernel */
		memset(f->pe_name, 0, sizeof(f->pe_name));
		f->pe_name_n = 0;
	}
	return flow_is_valid(f) ? GIVEN : REFUSED;
}

/* The bytes of the next record. False: there are not as many. */
static bool next_record(struct lb_reader *r, const uint8_t *begin, struct lb_reader *record)
{
	(void)lb_take(
		r, (size_t)(begin - r->p) % 4); /* what fills up the record before; behind the last there is none */
	if (r->bad || r->end - r->p < RECORD_MIN)
		return false;
	unsigned size = (unsigned)(r->p[2] << 8 | r->p[3]);
	const uint8_t *at = lb_take(r, size & SIZE_MASK);
	*record = (struct lb_reader){ at, r->p, false };
	return at && size <= SIZE_MASK; /* above it: the version of the record */
}

int ipvs_sync_read(const uint8_t *p, size_t n, int sync_id, ipvs_sync_fn *fn, void *arg, unsigned *skipped)
{
	struct lb_reader r = { p, p + n, false }, record;
	uint8_t zero = lb_read_u8(&r), id = lb_read_u8(&r);
	uint16_t size = lb_read_u16(&r);
	uint8_t count = lb_read_u8(&r), version = lb_read_u8(&r);
	uint16_t spare = lb_read_u16(&r);
	int given = 0;
	*skipped = 0;
	if (r.bad || size != n)
		return -EBADMSG;
	if (sync_id >= 0 && id != sync_id)
		return 0;
	if (zero || version != VERSION || spare)
		return -EPROTONOSUPPORT; /* the kernel takes it as version 0 */
	for (unsigned i = 0; i < count; i++) {
		struct flow f;
		if (!next_record(&r, p, &record))
			return -EBADMSG;
		switch (read_record(&record, &f)) {
		case GIVEN:
			fn(&f, arg);
			given++;
			break;
		case REFUSED: ++*skipped; break;
		case BROKEN: return -EBADMSG;
		}
	}
	return given; /* bytes behind the last record: the kernel does not look at them either */
}

/* ---- writing ---- */

void ipvs_sync_begin(struct ipvs_sync_writer *w, uint8_t sync_id)
{
	w->n = HEAD_N;
	w->count = 0;
	w->sync_id = sync_id;
}

static void write_seq(struct lb_writer *w, const struct flow_seq *s)
{
	lb_write_u32(w, s->init_seq);
	lb_write_u32(w, s->delta);
	lb_write_u32(w, s->previous_delta);
}

static void write_option(struct lb_writer *w, uint8_t type, const void *bytes, uint8_t n)
{
	lb_write_u8(w, type);
	lb_write_u8(w, n);
	lb_write(w, bytes, n);
}

static void write_options(struct lb_writer *w, const struct flow *f)
{
	if (f->has_seq) {
		lb_write_u8(w, OPT_SEQ);
		lb_write_u8(w, SEQ_N);
		write_seq(w, &f->seq_in);
		write_seq(w, &f->seq_out);
	}
	if (f->pe_data_n) {
		write_option(w, OPT_PE_DATA, f->pe_data, f->pe_data_n);
		write_option(w, OPT_PE_NAME, f->pe_name, f->pe_name_n);
	}
}

static size_t record_size(const struct flow *f)
{
	size_t n = FIXED_N + 3 * (lb_ip_is_v6(&f->dest) ? 16u : 4u);
	if (f->has_seq)
		n += OPT_HEAD_N + SEQ_N;
	if (f->pe_data_n)
		n += OPT_HEAD_N + f->pe_data_n + OPT_HEAD_N + f->pe_name_n;
	return n;
}

int ipvs_sync_add(struct ipvs_sync_writer *w, const struct flow *f)
{
	if (!flow_is_valid(f))
		return -EINVAL;
	bool v6 = lb_ip_is_v6(&f->dest);
	size_t pad = (0 - w->n) % 4, size = record_size(f), width = v6 ? 16 : 4;
	if (w->n + pad + size > sizeof(w->bytes))
		return -ENOSPC;
	struct lb_writer out = { w->bytes + w->n, w->bytes + sizeof(w->bytes), false };
	lb_write_zero(&out, pad);
	lb_write_u8(&out, v6 ? TYPE_V6 : 0);
	lb_write_u8(&out, f->key.protocol);
	lb_write_u16(&out, (uint16_t)size);
	lb_write_u32(&out, f->flags);
	lb_write_u16(&out, f->state);
	lb_write_u16(&out, f->key.client_port);
	lb_write_u16(&out, f->key.virtual_port);
	lb_write_u16(&out, f->dest_port);
	lb_write_u32(&out, f->fwmark);
	lb_write_u32(&out, f->timeout_s);
	lb_write(&out, f->key.client.b, width);
	lb_write(&out, f->key.virtual.b, width);
	lb_write(&out, f->dest.b, width);
	write_options(&out, f);
	assert(!out.bad && out.p == w->bytes + w->n + pad + size);
	w->n += pad + size;
	w->count++;
	return 0;
}

void ipvs_sync_end(struct ipvs_sync_writer *w)
{
	struct lb_writer out = { w->bytes, w->bytes + HEAD_N, false };
	if (w->count == 0) {
		w->n = 0;
		return;
	}
	lb_write_u8(&out, 0);
	lb_write_u8(&out, w->sync_id);
	lb_write_u16(&out, (uint16_t)w->n);
	lb_write_u8(&out, (uint8_t)w->count);
	lb_write_u8(&out, VERSION);
	lb_write_u16(&out, 0);
}
