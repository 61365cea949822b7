/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_sync */
/* A peer that says anything at any time. The input is steps: what happens (1 byte), how many bytes of it follow (2),
 * and those. What a frame holds and is accepted is written again as the same bytes; what we say is always a frame. */
#include "lbd/sync/ct_book.h"
#include "lbd/sync/sync_link.h"
#include "lbd/sync/sync_talk.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND_US INT64_C(1000000)
#define FORMS     0x0fu /* bits of a record's form that have a meaning */
#define CT_FORMS  0x09u /* the same of connection tracking */
#define FLOWS     300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum what { UP, DOWN, FRAME, HELLO, TICK, PULL, PUT, PAUSE, RESYNC, END, TALK, WHATS };

static struct {
	struct sync_link link;
	struct sync_talks talks;
	struct flow_table *table, *entries;
	struct lb_time now;
	unsigned records;
} f;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int on_flow(const struct flow *flow, const struct sync_from *from, void *arg)
{
	(void)arg;
	f.records++;
	must(flow_is_valid(flow));
	if (!sync_is_news(flow_table_find(f.table, &flow->key), from, f.now))
		return 1;
	return flow_table_put(f.table, flow, FLOW_PEER, f.now, NULL);
}

static int on_conntrack(const uint8_t *p, size_t n, void *arg)
{
	struct flow flow, got;
	struct sync_from from;
	const struct flow_entry *have;
	(void)arg;
	if (sync_ct_read(p, n, &flow, &from))
		return -1;
	must(ct_flow_is_valid(&flow));
	have = flow_table_find(f.entries, &flow.key);
	if (ct_book_takes(have, &flow, sync_is_news(have, &from, f.now), n % 2, f.now) != CT_TAKEN)
		return 1;
	if (flow_table_put(f.entries, &flow, FLOW_PEER, f.now, &have))
		return -1;
	flow_entry_get(have, &got);
	must(ct_flow_same(&flow, &got) && flow_table_find(f.entries, &flow.key) == have);
	return 0;
}

static bool on_talk(const struct sync_talk *t, void *arg)
{
	(void)arg;
	json_t *s = json_stringn(t->text, t->n); /* it goes on as one */
	must(s != NULL && t->id && strlen(json_string_value(s)) == t->n);
	json_decref(s);
	return sync_talks_came(&f.talks, f.now);
}

static bool on_talk_out(struct lb_writer *w, void *arg)
{
	(void)arg;
	return sync_talks_next(&f.talks, w);
}

/* Our core says something. */
static void talk(const uint8_t *p, size_t n)
{
	const struct sync_talk t = {
		n > 0 ? p[0] + 1u : 1, n > 1 ? p[1] : 0, (uint16_t)(n > 2 ? (n - 2) % 300 : 0),
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	};
	if (sync_link_talks(&f.link) != (f.talks.link != 0))
		sync_talks_link(&f.talks, sync_link_talks(&f.link), f.now);
	int err = sync_talks_put(&f.talks, f.talks.link, &t);
	must(err == 0 && f.talks.bytes <= SYNC_TALK_QUEUE);
}

static void put(uint8_t n)
{
	for (unsigned i = 0; i < n; i++) {
		struct flow flow = { .key = { .protocol = 6,
					     .client_port = (uint16_t)(i % 40),
					     .virtual_port = 80,
					     .client = { AF_INET, { 10, 0, 0, 1 } },
					     .virtual = { AF_INET, { 10, 0, 0, 2 } } },
			.dest = { AF_INET, { 10, 0, 0, 3 } },
			.state = 1,
			.timeout_s = 1 + i };
		(void)flow_table_put(f.table, &flow, FLOW_LOCAL, f.now, NULL);
	}
}

static void check_entry(const uint8_t *p, size_t n)
{
	uint8_t out[SYNC_RECORD_MAX];
	struct flow flow;
	struct sync_from from;
	struct lb_writer w = { out, out + sizeof(out), false };
	if (sync_ct_read(p, n, &flow, &from))
		return;
	sync_ct_write(&w, &flow, &from);
	size_t len = (size_t)(w.p - out);
	must(!w.bad && len <= n && out[0] == (p[0] & CT_FORMS) && memcmp(out + 1, p + 1, len - 1) == 0);
}

static void check_records(struct sync_flows flows)
{
	const uint8_t *p;
	uint8_t out[SYNC_RECORD_MAX];
	for (size_t n; sync_flows_bytes(&flows, &p, &n);) {
		struct flow flow;
		struct sync_from from;
		struct lb_writer w = { out, out + sizeof(out), false };
		if (flows.stream == 2)
			check_entry(p, n);
		if (flows.stream == 2 || sync_flow_read(p, n, &flow, &from))
			continue;
		sync_flow_write(&w, &flow, &from);
		size_t len = (size_t)(w.p - out);
		must(!w.bad && len <= n && out[0] == (p[0] & FORMS) && memcmp(out + 1, p + 1, len - 1) == 0);
	}
}

/* What a frame means stays when it is written and read again. */
static void check_message(const uint8_t *p, size_t n)
{
	struct sync_msg m, again;
	static uint8_t out[SYNC_TALK_HEAD + SYNC_TALK_MAX], more[SYNC_TALK_HEAD + SYNC_TALK_MAX];
	struct lb_writer w = { out, out + sizeof(out), false }, w2 = { more, more + sizeof(more), false };
	if (sync_msg_read(p, n, &m))
		return;
	if (m.type == SYNC_FRAME_FLOWS) {
		if (m.u.flows.stream <= 2)
			check_records(m.u.flows);
		return;
	}
	sync_msg_write(&w, &m);
	must(!w.bad && sync_msg_read(out, (size_t)(w.p - out), &again) == 0 && again.type == m.type);
	sync_msg_write(&w2, &again);
	must(!w2.bad && w2.p - more == w.p - out && memcmp(out, more, (size_t)(w.p - out)) == 0);
}

static void frame(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* exactly as large */
	must(copy != NULL);
	memcpy(copy, p, n);
	check_message(copy, n);
	enum sync_link_state was = f.link.state;
	enum sync_why why = sync_link_frame(&f.link, copy, n, f.now);
	if (was == SYNC_LINK_HELLO || was == SYNC_LINK_OPEN)
		must((why != SYNC_WHY_NONE) == (f.link.state == SYNC_LINK_OVER));
	else
		must(f.link.state == was);
	free(copy);
}

/* So that what stands behind a good one is reached: our version, node and an epoch from the input. */
static void hello(const uint8_t *p, size_t n)
{
	uint8_t out[SYNC_SMALL_MAX];
	struct lb_writer w = { out, out + sizeof(out), false };
	struct sync_msg m = { SYNC_FRAME_HELLO,
		.u.hello = { .version_min = 1, .version_max = 1, .epoch = 2u + (n > 0 ? p[0] : 0u), .node = "lb2" } };
	m.u.hello.seen_epoch = n > 1 ? p[1] : 0;
	m.u.hello.seen[0] = n > 2 ? p[2] : 0;
	m.u.hello.features = n > 3 ? p[3] : 0;
	sync_msg_write(&w, &m);
	frame(out, (size_t)(w.p - out));
}

static void pull(uint8_t times, size_t room)
{
	for (unsigned i = 0; i < times; i++) {
		uint8_t *out = malloc(room ? room : 1);
		struct lb_writer w = { out, out + room, false };
		struct sync_msg m;
		must(out != NULL);
		bool said = sync_link_produce(&f.link, &w, f.now);
		size_t n = (size_t)(w.p - out);
		must(!w.bad && said == (n > 0));
		if (said)
			must(n <= SYNC_BATCH_BYTES && sync_msg_read(out, n, &m) == 0);
		free(out);
		if (!said)
			break;
	}
	must(f.link.out[SYNC_STREAM_IPVS].n_unacked <= SYNC_WINDOW);
}

static void step(enum what what, const uint8_t *p, size_t n)
{
	uint8_t first = n ? p[0] : 0;
	switch (what) {
	case UP: sync_link_up(&f.link, f.now); return;
	case DOWN: sync_link_down(&f.link, SYNC_WHY_CLOSED, f.now); return;
	case FRAME: frame(p, n); return;
	case HELLO: hello(p, n); return;
	case TICK:
		f.now.us += first * (SECOND_US / 50);
		(void)sync_link_tick(&f.link, f.now);
		return;
	case PULL: pull(first, n > 1 ? p[1] * 150u : SYNC_FRAME_MAX); return;
	case PUT: put(first); return;
	case PAUSE: sync_link_pause(&f.link, first & 2 ? SYNC_STREAM_CONNTRACK : SYNC_STREAM_IPVS, first & 1); return;
	case RESYNC: sync_link_resync(&f.link, first & 2 ? SYNC_STREAM_CONNTRACK : SYNC_STREAM_IPVS, f.now); return;
	case TALK: talk(p, n); return;
	case END: sync_link_end(&f.link, SYNC_WHY_SHUTDOWN, f.now); return;
	case WHATS: return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lb_reader r = { data, data + size, false };
	struct sync_link_status st;
	memset(&f, 0, sizeof(f));
	f.now.us = 1000 * SECOND_US;
	f.table = flow_table_new(7, FLOWS);
	f.entries = flow_table_new(7, FLOWS);
	must(f.table != NULL && f.entries != NULL);
	struct sync_flow_source entries;
	sync_ct_source_init(&entries, f.entries);
	struct sync_link_conf c = { .self = "lb1",
		.peer = "lb2",
		.epoch = 1,
		.version_min = 1,
		.version_max = 1,
		.rate = size % 3 ? 0 : 100,
		.flows = f.table,
		.conntrack = &entries.source,
		.calls = { .flow = on_flow, .conntrack = on_conntrack, .talk = on_talk, .talk_out = on_talk_out } };
	sync_link_init(&f.link, &c, f.now);
	for (;;) {
		enum what what = (enum what)(lb_read_u8(&r) % WHATS);
		size_t n = lb_read_u16(&r);
		if (r.bad)
			break;
		if (n > (size_t)(r.end - r.p))
			n = (size_t)(r.end - r.p);
		step(what, lb_take(&r, n), n);
		for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
			sync_link_status(&f.link, (enum sync_stream)s, f.now, &st);
		must(lb_time_cmp(sync_link_deadline(&f.link, f.now), f.now) > 0);
		(void)sync_link_alarm(&f.link);
	}
	sync_talks_done(&f.talks);
	sync_link_done(&f.link);
	sync_flow_source_done(&entries);
	flow_table_free(f.table);
	flow_table_free(f.entries);
	return 0;
}
