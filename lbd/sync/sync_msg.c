/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_msg.h"

#include "lbd/sync/ct_flow.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define FORM_V6    0x01u
#define FORM_SEQ   0x02u
#define FORM_PE    0x04u
#define FORM_YOURS 0x08u

const char *const sync_why_words[] = {
	[SYNC_WHY_NONE] = "",
	[SYNC_WHY_CLOSED] = "closed",
	[SYNC_WHY_SHUTDOWN] = "shutdown",
	[SYNC_WHY_KEY] = "key_mismatch",
	[SYNC_WHY_VERSION] = "version",
	[SYNC_WHY_NODE] = "node",
	[SYNC_WHY_SELF] = "self",
	[SYNC_WHY_PROTOCOL] = "protocol",
	[SYNC_WHY_SILENT] = "silent",
	[SYNC_WHY_STORM] = "resync_storm",
	[SYNC_WHY_GAP] = "gap",
	[SYNC_WHY_OPERATOR] = "operator",
	[SYNC_WHY_OTHER] = "other",
};
_Static_assert(sizeof(sync_why_words) / sizeof(sync_why_words[0]) == SYNC_WHY_COUNT, "one word per reason");

const char *const sync_why_texts[] = {
	[SYNC_WHY_NONE] = "",
	[SYNC_WHY_CLOSED] = "the connection was closed",
	[SYNC_WHY_SHUTDOWN] = "the other node ends, or does not copy flows any more",
	[SYNC_WHY_KEY] = "the other side has another key or cluster.id: compare the key files and the configurations",
	[SYNC_WHY_VERSION] = "the two nodes have no version of the protocol in common: upgrade the older one",
	[SYNC_WHY_NODE] = "another node answers: compare the names and addresses of the nodes in both configurations",
	[SYNC_WHY_SELF] = "this node reached itself: an address of the other node is one of its own",
	[SYNC_WHY_PROTOCOL] =
		"the other node said what the protocol does not allow: see its log, and compare the versions",
	[SYNC_WHY_SILENT] = "nothing came from the other node for 3 s",
	[SYNC_WHY_STORM] = "everything had to be sent again too often: the next time is put off by up to a minute",
	[SYNC_WHY_GAP] = "what came did not follow what was there",
	[SYNC_WHY_OPERATOR] = "an operator asked for it",
	[SYNC_WHY_OTHER] = "the other node named a reason that this version does not know",
};
_Static_assert(sizeof(sync_why_texts) / sizeof(sync_why_texts[0]) == SYNC_WHY_COUNT, "one text per reason");

static enum sync_why read_why(struct lb_reader *r)
{
	uint8_t why = lb_read_u8(r);
	return why > SYNC_WHY_NONE && why < SYNC_WHY_COUNT ? (enum sync_why)why : SYNC_WHY_OTHER;
}

/* ---- hello ---- */

static bool name_is_legal(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] > 0x7e)
			return false;
	return n > 0 && n < SYNC_NODE_MAX;
}

static bool read_hello(struct lb_reader *r, struct sync_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->version_min = lb_read_u16(r);
	h->version_max = lb_read_u16(r);
	h->epoch = lb_read_u64(r);
	size_t name_n = lb_read_u8(r);
	const uint8_t *name = lb_take(r, name_n);
	if (!name || !name_is_legal(name, name_n))
		return false;
	memcpy(h->node, name, name_n);
	h->config = lb_read_u64(r);
	h->generation = lb_read_u32(r);
	h->features = lb_read_u32(r);
	h->seen_epoch = lb_read_u64(r);
	size_t n = lb_read_u8(r);
	for (size_t i = 0; i < n; i++) {
		uint64_t number = lb_read_u64(r);
		if (i < SYNC_STREAM_COUNT)
			h->seen[i] = number;
	}
	return h->epoch && h->version_min && h->version_min <= h->version_max;
}

static void write_hello(struct lb_writer *w, const struct sync_hello *h)
{
	size_t name_n = strnlen(h->node, SYNC_NODE_MAX - 1);
	lb_write_u16(w, h->version_min);
	lb_write_u16(w, h->version_max);
	lb_write_u64(w, h->epoch);
	lb_write_u8(w, (uint8_t)name_n);
	lb_write(w, h->node, name_n);
	lb_write_u64(w, h->config);
	lb_write_u32(w, h->generation);
	lb_write_u32(w, h->features);
	lb_write_u64(w, h->seen_epoch);
	lb_write_u8(w, SYNC_STREAM_COUNT);
	for (size_t i = 0; i < SYNC_STREAM_COUNT; i++)
		lb_write_u64(w, h->seen[i]);
}

/* ---- flows: the frame ---- */

static bool read_flows(struct lb_reader *r, struct sync_flows *f)
{
	f->stream = lb_read_u8(r);
	f->round = lb_read_u32(r);
	f->after = lb_read_u64(r);
	f->last = lb_read_u64(r);
	f->left = lb_read_u16(r);
	f->r = *r;
	for (unsigned i = 0; i < f->left; i++)
		(void)lb_take(r, lb_read_u16(r));
	/* each record has a number of its own */
	return f->stream && f->last >= f->after && f->last - f->after >= f->left;
}

bool sync_flows_bytes(struct sync_flows *f, const uint8_t **p, size_t *n)
{
	if (f->left == 0)
		return false;
	f->left--;
	*n = lb_read_u16(&f->r);
	*p = lb_take(&f->r, *n);
	assert(*p); /* sync_msg_read went there */
	return true;
}

int sync_flows_next(struct sync_flows *f, struct flow *out, struct sync_from *from)
{
	const uint8_t *p;
	size_t n;
	if (!sync_flows_bytes(f, &p, &n))
		return 0;
	return sync_flow_read(p, n, out, from) ? -EINVAL : 1;
}

bool sync_batch_begin(struct sync_batch *b, const struct lb_writer *room)
{
	size_t n = room->bad ? 0 : (size_t)(room->end - room->p);
	if (n > SYNC_BATCH_BYTES)
		n = SYNC_BATCH_BYTES;
	*b = (struct sync_batch){ .w = { room->p, room->p + n, false } };
	b->head = lb_room(&b->w, SYNC_FLOWS_HEAD);
	return b->head != NULL;
}

bool sync_batch_fits(const struct sync_batch *b)
{
	return b->count < SYNC_BATCH_MAX && (size_t)(b->w.end - b->w.p) >= 2 + SYNC_RECORD_MAX;
}

void sync_batch_record(struct sync_batch *b)
{
	b->record = lb_room(&b->w, 2);
	assert(b->record); /* sync_batch_fits */
}

void sync_batch_record_end(struct sync_batch *b)
{
	size_t n = (size_t)(b->w.p - b->record) - 2;
	struct lb_writer w = { b->record, b->record + 2, false };
	assert(!b->w.bad && n <= SYNC_RECORD_MAX);
	lb_write_u16(&w, (uint16_t)n);
	b->count++;
}

void sync_batch_end(struct sync_batch *b, const struct sync_flows *f)
{
	struct lb_writer w = { b->head, b->head + SYNC_FLOWS_HEAD, false };
	lb_write_u8(&w, SYNC_FRAME_FLOWS);
	lb_write_u8(&w, f->stream);
	lb_write_u32(&w, f->round);
	lb_write_u64(&w, f->after);
	lb_write_u64(&w, f->last);
	lb_write_u16(&w, b->count);
	assert(!w.bad && w.p == w.end);
}

/* ---- flows: a record ---- */

static void read_ip(struct lb_reader *r, bool v6, struct lb_ip *ip)
{
	size_t n = v6 ? 16 : 4;
	const uint8_t *at = lb_take(r, n);
	if (!at)
		return;
	ip->family = v6 ? AF_INET6 : AF_INET;
	memcpy(ip->b, at, n);
}

static void write_ip(struct lb_writer *w, const struct lb_ip *ip)
{
	lb_write(w, ip->b, lb_ip_is_v6(ip) ? 16 : 4);
}

static void read_seq(struct lb_reader *r, struct flow_seq *s)
{
	s->init_seq = lb_read_u32(r);
	s->delta = lb_read_u32(r);
	s->previous_delta = lb_read_u32(r);
}

static void write_seq(struct lb_writer *w, const struct flow_seq *s)
{
	lb_write_u32(w, s->init_seq);
	lb_write_u32(w, s->delta);
	lb_write_u32(w, s->previous_delta);
}

static bool read_pe(struct lb_reader *r, struct flow *f)
{
	f->pe_name_n = lb_read_u8(r);
	const uint8_t *name = lb_take(r, f->pe_name_n);
	f->pe_data_n = lb_read_u8(r);
	const uint8_t *data = lb_take(r, f->pe_data_n);
	if (!name || !data || f->pe_name_n == 0 || f->pe_name_n > FLOW_PE_NAME_MAX)
		return false;
	memcpy(f->pe_name, name, f->pe_name_n);
	memcpy(f->pe_data, data, f->pe_data_n);
	return true;
}

int sync_flow_read(const uint8_t *p, size_t n, struct flow *out, struct sync_from *from)
{
	struct lb_reader r = { p, p + n, false };
	struct flow f = { 0 };
	uint8_t form = lb_read_u8(&r);
	f.key.protocol = lb_read_u8(&r);
	f.key.client_port = lb_read_u16(&r);
	f.key.virtual_port = lb_read_u16(&r);
	f.dest_port = lb_read_u16(&r);
	f.state = lb_read_u16(&r);
	f.flags = lb_read_u32(&r);
	f.key.template = f.flags & FLOW_TEMPLATE;
	f.fwmark = lb_read_u32(&r);
	f.timeout_s = lb_read_u32(&r);
	uint32_t age_ms = lb_read_u32(&r);
	read_ip(&r, form & FORM_V6, &f.key.client);
	read_ip(&r, form & FORM_V6, &f.key.virtual);
	read_ip(&r, form & FORM_V6, &f.dest);
	if (form & FORM_SEQ) {
		f.has_seq = true;
		read_seq(&r, &f.seq_in);
		read_seq(&r, &f.seq_out);
	}
	if (form & FORM_PE && !read_pe(&r, &f))
		return -EINVAL;
	if (r.bad || !flow_is_valid(&f))
		return -EINVAL;
	*out = f;
	*from = (struct sync_from){ age_ms, form & FORM_YOURS };
	return 0;
}

void sync_flow_write(struct lb_writer *w, const struct flow *f, const struct sync_from *from)
{
	unsigned form = (lb_ip_is_v6(&f->key.client) ? FORM_V6 : 0) | (f->has_seq ? FORM_SEQ : 0) |
			(f->pe_name_n ? FORM_PE : 0) | (from->yours ? FORM_YOURS : 0);
	lb_write_u8(w, (uint8_t)form);
	lb_write_u8(w, f->key.protocol);
	lb_write_u16(w, f->key.client_port);
	lb_write_u16(w, f->key.virtual_port);
	lb_write_u16(w, f->dest_port);
	lb_write_u16(w, f->state);
	lb_write_u32(w, f->flags);
	lb_write_u32(w, f->fwmark);
	lb_write_u32(w, f->timeout_s);
	lb_write_u32(w, from->age_ms);
	write_ip(w, &f->key.client);
	write_ip(w, &f->key.virtual);
	write_ip(w, &f->dest);
	if (f->has_seq) {
		write_seq(w, &f->seq_in);
		write_seq(w, &f->seq_out);
	}
	if (f->pe_name_n) {
		lb_write_u8(w, f->pe_name_n);
		lb_write(w, f->pe_name, f->pe_name_n);
		lb_write_u8(w, f->pe_data_n);
		lb_write(w, f->pe_data, f->pe_data_n);
	}
}

/* ---- connection tracking: a record ---- */

int sync_ct_read(const uint8_t *p, size_t n, struct flow *out, struct sync_from *from)
{
	struct lb_reader r = { p, p + n, false };
	struct flow f = { .has_ct = true };
	uint8_t form = lb_read_u8(&r);
	f.key.protocol = lb_read_u8(&r);
	f.key.zone = lb_read_u16(&r);
	f.key.client_port = lb_read_u16(&r);
	f.key.virtual_port = lb_read_u16(&r);
	f.dest_port = lb_read_u16(&r);
	f.ct.to_port = lb_read_u16(&r);
	f.state = lb_read_u16(&r);
	f.flags = lb_read_u32(&r);
	f.fwmark = lb_read_u32(&r);
	f.timeout_s = lb_read_u32(&r);
	uint32_t age_ms = lb_read_u32(&r);
	read_ip(&r, form & FORM_V6, &f.key.client);
	read_ip(&r, form & FORM_V6, &f.key.virtual);
	read_ip(&r, form & FORM_V6, &f.dest);
	read_ip(&r, form & FORM_V6, &f.ct.to);
	for (int i = 0; i < 2 && f.key.protocol == IPPROTO_TCP; i++) {
		f.ct.tcp_flags[i] = lb_read_u8(&r);
		f.ct.tcp_scale[i] = lb_read_u8(&r);
	}
	for (int i = 0; i < 2 && f.key.protocol == IPPROTO_SCTP; i++)
		f.ct.sctp_tag[i] = lb_read_u32(&r);
	if (r.bad || !ct_flow_is_valid(&f))
		return -EINVAL;
	*out = f;
	*from = (struct sync_from){ age_ms, form & FORM_YOURS };
	return 0;
}

void sync_ct_write(struct lb_writer *w, const struct flow *f, const struct sync_from *from)
{
	lb_write_u8(w, (uint8_t)((lb_ip_is_v6(&f->key.client) ? FORM_V6 : 0) | (from->yours ? FORM_YOURS : 0)));
	lb_write_u8(w, f->key.protocol);
	lb_write_u16(w, f->key.zone);
	lb_write_u16(w, f->key.client_port);
	lb_write_u16(w, f->key.virtual_port);
	lb_write_u16(w, f->dest_port);
	lb_write_u16(w, f->ct.to_port);
	lb_write_u16(w, f->state);
	lb_write_u32(w, f->flags);
	lb_write_u32(w, f->fwmark);
	lb_write_u32(w, f->timeout_s);
	lb_write_u32(w, from->age_ms);
	write_ip(w, &f->key.client);
	write_ip(w, &f->key.virtual);
	write_ip(w, &f->dest);
	write_ip(w, &f->ct.to);
	for (int i = 0; i < 2 && f->key.protocol == IPPROTO_TCP; i++) {
		lb_write_u8(w, f->ct.tcp_flags[i]);
		lb_write_u8(w, f->ct.tcp_scale[i]);
	}
	for (int i = 0; i < 2 && f->key.protocol == IPPROTO_SCTP; i++)
		lb_write_u32(w, f->ct.sctp_tag[i]);
}

/* ---- frames ---- */

static bool read_mark(struct lb_reader *r, struct sync_mark *m)
{
	m->stream = lb_read_u8(r);
	m->flags = lb_read_u8(r) & (SYNC_MARK_BEGIN | SYNC_MARK_FINAL);
	m->round = lb_read_u32(r);
	m->after = lb_read_u64(r);
	m->number = lb_read_u64(r);
	return m->stream && m->round && m->number >= m->after;
}

/* The payload of a type that is known. False: not legal. */
static bool read_payload(struct lb_reader *r, struct sync_msg *m)
{
	switch (m->type) {
	case SYNC_FRAME_HELLO: return read_hello(r, &m->u.hello);
	case SYNC_FRAME_FLOWS: return read_flows(r, &m->u.flows);
	case SYNC_FRAME_ACK:
		m->u.ack.stream = lb_read_u8(r);
		m->u.ack.round = lb_read_u32(r);
		m->u.ack.number = lb_read_u64(r);
		return m->u.ack.stream;
	case SYNC_FRAME_RESYNC:
		m->u.resync.stream = lb_read_u8(r);
		m->u.resync.why = read_why(r);
		m->u.resync.round = lb_read_u32(r);
		return m->u.resync.stream;
	case SYNC_FRAME_MARK: return read_mark(r, &m->u.mark);
	case SYNC_FRAME_PING:
	case SYNC_FRAME_PONG: m->u.stamp = lb_read_u64(r); return true;
	case SYNC_FRAME_BYE: m->u.bye = read_why(r); return true;
	case SYNC_FRAME_HOLD:
		m->u.hold.stream = lb_read_u8(r);
		m->u.hold.on = lb_read_u8(r);
		return m->u.hold.stream;
	}
	return false;
}

int sync_msg_read(const uint8_t *p, size_t n, struct sync_msg *out)
{
	struct lb_reader r = { p, p + n, false };
	uint8_t type = lb_read_u8(&r);
	if (r.bad || n > SYNC_FRAME_MAX)
		return -EBADMSG;
	if (type < SYNC_FRAME_HELLO || type > SYNC_FRAME_HOLD)
		return -EPROTONOSUPPORT;
	out->type = (enum sync_frame)type;
	return read_payload(&r, out) && !r.bad ? 0 : -EBADMSG;
}

void sync_msg_write(struct lb_writer *w, const struct sync_msg *m)
{
	lb_write_u8(w, (uint8_t)m->type);
	switch (m->type) {
	case SYNC_FRAME_HELLO: write_hello(w, &m->u.hello); return;
	case SYNC_FRAME_FLOWS: assert(false); return; /* sync_batch_begin */
	case SYNC_FRAME_ACK:
		lb_write_u8(w, m->u.ack.stream);
		lb_write_u32(w, m->u.ack.round);
		lb_write_u64(w, m->u.ack.number);
		return;
	case SYNC_FRAME_RESYNC:
		lb_write_u8(w, m->u.resync.stream);
		lb_write_u8(w, (uint8_t)m->u.resync.why);
		lb_write_u32(w, m->u.resync.round);
		return;
	case SYNC_FRAME_MARK:
		lb_write_u8(w, m->u.mark.stream);
		lb_write_u8(w, m->u.mark.flags);
		lb_write_u32(w, m->u.mark.round);
		lb_write_u64(w, m->u.mark.after);
		lb_write_u64(w, m->u.mark.number);
		return;
	case SYNC_FRAME_PING:
	case SYNC_FRAME_PONG: lb_write_u64(w, m->u.stamp); return;
	case SYNC_FRAME_BYE: lb_write_u8(w, (uint8_t)m->u.bye); return;
	case SYNC_FRAME_HOLD:
		lb_write_u8(w, m->u.hold.stream);
		lb_write_u8(w, m->u.hold.on);
		return;
	}
}
