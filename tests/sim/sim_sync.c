/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two nodes that copy flows to each other over a connection that keeps the order and nothing else: it is cut at any
 * byte, on one side first, is slow, or swallows what one side says; processes stop, die and come back with nothing or
 * with what their kernel knows; flows are born, move on and end meanwhile, and go from one node to the other; operators
 * interfere. After a quiet time both know the same: of each flow the last that its node has told.
 */
#include "lbd/sync/sync_link.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define KEYS      4000
#define GROUPS    8
#define WIRE      (512u * 1024u)
#define FRAME     (4 + SYNC_FRAME_MAX)
#define MOVE_MS   15000 /* a flow that went to the other node is heard of from there no sooner */
#define T0        INT64_C(1000000000)
#define LONG_S    36000u
#define SECOND_US INT64_C(1000000)

struct wire {
	uint8_t bytes[WIRE];
	size_t n, speed;      /* bytes per step */
	bool swallows, ended; /* nothing comes out; the sender has closed it */
};

struct node {
	struct flow_table *table;
	struct sync_link link;
	bool connected;
	int64_t stopped_until, deadline;
	uint8_t in[FRAME];
	size_t in_n;
	int64_t born;
	uint64_t operator_asks;
};

static struct {
	uint64_t seed, random, world, steps, worlds, frames, records, rounds, restarts, cuts, stayed,
		whys[SYNC_WHY_COUNT];
	int64_t now;
	struct node node[2];
	struct wire wire[2]; /* [i]: from node i */
	uint32_t rate, keys;
	uint32_t version[KEYS];
	uint8_t putter[KEYS];
	int64_t told[KEYS];
	bool sure[KEYS]; /* the last version is known to somebody that is alive */
	uint8_t owner[GROUPS];
	int64_t moved[GROUPS];
	bool chaos;
	unsigned put_pm, wild_pm; /* per step of 10 ms */
} sim;

static void fail(const char *what)
{
	fprintf(stderr, "sim_sync: seed %" PRIu64 " world %" PRIu64 " at %" PRId64 " ms: %s\n", sim.seed, sim.world,
		(sim.now - T0) / 1000, what);
	exit(EXIT_FAILURE);
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t rnd(uint64_t below)
{
	sim.random += 0x9e3779b97f4a7c15;
	return below ? mix(sim.random) % below : 0;
}

static bool chance(unsigned per_mille)
{
	return rnd(1000) < per_mille;
}

static struct lb_time now(void)
{
	return (struct lb_time){ sim.now };
}

/* ---- flows ---- */

static bool is_short(uint32_t key)
{
	return key % 10 == 9;
}

static struct flow flow_of(uint32_t key)
{
	struct flow f = { .key = { .protocol = IPPROTO_TCP,
				  .client_port = (uint16_t)key,
				  .virtual_port = 80,
				  .client = { AF_INET, { 10, 1, (uint8_t)(key >> 8), (uint8_t)key } },
				  .virtual = { AF_INET, { 10, 9, 0, 1 } } },
		.dest = { AF_INET, { 10, 2, 0, 1 } },
		.dest_port = 8080,
		.state = 1,
		.fwmark = sim.version[key],
		.timeout_s = is_short(key) ? 1 + (uint32_t)rnd(20) : LONG_S };
	if (key % 7 == 0) {
		f.key.client = (struct lb_ip){ AF_INET6, { 0xfd, 1, [14] = (uint8_t)(key >> 8), [15] = (uint8_t)key } };
		f.key.virtual = (struct lb_ip){ AF_INET6, { 0xfd, 9 } };
		f.dest = (struct lb_ip){ AF_INET6, { 0xfd, 2 } };
		f.pe_name_n = 3;
		memcpy(f.pe_name, "sip", 3);
		f.pe_data_n = (uint8_t)(1 + key % 200);
	}
	return f;
}

/* at: when the flow was touched. A process that comes back reads that, too, from its kernel (how much of the timeout is
 * left): else what it reads would look newer than what the other node has told since. */
static void tell(unsigned i, uint32_t key, int64_t at)
{
	struct flow f = flow_of(key);
	if (flow_table_put(sim.node[i].table, &f, FLOW_LOCAL, (struct lb_time){ at }, NULL))
		fail("a put failed");
}

static void put_some(void)
{
	for (uint64_t n = rnd(chance(20) ? 400 : 8); n > 0; n--) {
		uint32_t key = (uint32_t)rnd(sim.keys);
		unsigned group = key % GROUPS;
		if (sim.now - sim.moved[group] < MOVE_MS * 1000)
			continue;
		sim.version[key]++;
		sim.putter[key] = sim.owner[group];
		sim.sure[key] = true;
		tell(sim.owner[group], key, sim.now);
		sim.told[key] = sim.now;
	}
}

static int on_flow(const struct flow *f, const struct sync_from *from, void *arg)
{
	struct node *n = arg;
	const struct flow_entry *have = flow_table_find(n->table, &f->key);
	if (!sync_is_news(have, from, now()))
		return 1;
	if (f->timeout_s > LONG_S + 1 || f->timeout_s == 0)
		fail("a timeout grew");
	return flow_table_put(n->table, f, FLOW_PEER, now(), NULL);
}

/* ---- nodes ---- */

static void boot(unsigned i)
{
	struct node *n = &sim.node[i];
	struct sync_link_conf c = { .epoch = rnd(UINT64_MAX) + 1,
		.version_min = 1,
		.version_max = 1,
		.rate = sim.rate,
		.config = 7,
		.calls = { .flow = on_flow, .arg = n } };
	snprintf(c.self, sizeof(c.self), "lb%u", i);
	snprintf(c.peer, sizeof(c.peer), "lb%u", 1 - i);
	n->table = c.flows = flow_table_new(rnd(UINT64_MAX), KEYS * 2);
	if (!n->table)
		fail("no memory");
	sync_link_init(&n->link, &c, now());
	n->connected = false;
	n->stopped_until = 0;
	n->deadline = INT64_MAX;
	n->in_n = 0;
	n->born = sim.now;
	n->operator_asks = 0;
}

static void halt(unsigned i)
{
	sync_link_done(&sim.node[i].link);
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		sim.rounds += sim.node[i].link.out[s].progress.rounds;
	sim.records += sim.node[i].link.out[SYNC_STREAM_IPVS].records;
	flow_table_free(sim.node[i].table);
	sim.node[i].table = NULL;
}

static void close_side(unsigned i, enum sync_why why)
{
	struct node *n = &sim.node[i];
	if (!n->connected)
		return;
	sync_link_down(&n->link, why, now());
	n->connected = false;
	n->in_n = 0;
	n->deadline = INT64_MAX;
	sim.wire[i].ended = true;
}

static void check_sent(struct node *n)
{
	uint64_t most = sim.rate * (uint64_t)(sim.now - n->born) / 1000000 + sim.rate / 10 + 1;
	struct sync_link_status st;
	sync_link_status(&n->link, SYNC_STREAM_IPVS, now(), &st);
	if (sim.rate && st.sent > most)
		fail("more records than the limit allows");
	if (st.resyncs_in > n->operator_asks)
		fail("a gap, although nothing is lost in a connection");
	if (n->link.out[SYNC_STREAM_IPVS].n_unacked > SYNC_WINDOW)
		fail("more than a window");
}

static void pump(unsigned i)
{
	static uint8_t buf[FRAME];
	struct node *n = &sim.node[i];
	struct wire *w = &sim.wire[i];
	if (!n->connected || n->stopped_until > sim.now)
		return;
	size_t cap = w->speed * 200 < WIRE ? w->speed * 200 : WIRE;
	bool over = n->link.state == SYNC_LINK_OVER;
	while (w->n + 4 + 600 < cap) {
		size_t room = cap - w->n - 4;
		struct lb_writer out = { buf, buf + (room < SYNC_FRAME_MAX ? room : SYNC_FRAME_MAX), false };
		if (!sync_link_produce(&n->link, &out, now()))
			break;
		size_t len = (size_t)(out.p - buf);
		if (out.bad || len == 0 || len > SYNC_BATCH_BYTES)
			fail("not a frame");
		struct lb_writer head = { w->bytes + w->n, w->bytes + WIRE, false };
		lb_write_u32(&head, (uint32_t)len);
		lb_write(&head, buf, len);
		w->n += 4 + len;
		sim.frames++;
		check_sent(n);
	}
	n->deadline = sync_link_deadline(&n->link, now()).us;
	if (over) {
		sim.whys[n->link.why]++;
		close_side(i, SYNC_WHY_CLOSED);
	}
}

static void judge(unsigned i, enum sync_why why)
{
	if (why == SYNC_WHY_NONE)
		return;
	if (why != SYNC_WHY_SILENT && why != SYNC_WHY_SHUTDOWN)
		fail(sync_why_texts[why]);
	if (!sim.chaos)
		fail("a link ended in a quiet time");
	pump(i);
}

static void take_frames(unsigned i)
{
	struct node *n = &sim.node[i];
	size_t at = 0;
	while (n->connected && n->in_n - at >= 4) {
		struct lb_reader r = { n->in + at, n->in + n->in_n, false };
		size_t len = lb_read_u32(&r);
		const uint8_t *p = lb_take(&r, len);
		if (!p)
			break;
		uint8_t *copy = malloc(len);
		if (!copy)
			fail("no memory");
		memcpy(copy, p, len);
		judge(i, sync_link_frame(&n->link, copy, len, now()));
		free(copy);
		at += 4 + len;
	}
	if (!n->connected)
		return;
	n->in_n -= at;
	memmove(n->in, n->in + at, n->in_n);
}

static void deliver(unsigned from)
{
	struct wire *w = &sim.wire[from];
	struct node *n = &sim.node[1 - from];
	if (w->swallows || n->stopped_until > sim.now || !n->connected)
		return;
	size_t budget = w->speed;
	while (w->n && budget && n->connected) {
		size_t len = 1 + rnd(w->n < budget ? w->n : budget);
		len = len > w->n ? w->n : len;
		len = len > FRAME - n->in_n ? FRAME - n->in_n : len;
		memcpy(n->in + n->in_n, w->bytes, len);
		n->in_n += len;
		w->n -= len;
		budget -= len < budget ? len : budget;
		memmove(w->bytes, w->bytes + len, w->n);
		take_frames(1 - from);
	}
	if (w->n == 0 && w->ended && n->connected)
		close_side(1 - from, SYNC_WHY_CLOSED);
	pump(1 - from);
}

static void connect_both(void)
{
	for (unsigned i = 0; i < 2; i++) {
		close_side(i, SYNC_WHY_CLOSED);
		sim.wire[i].n = 0;
		sim.wire[i].ended = false;
		sim.wire[i].swallows = false;
		sim.wire[i].speed = sim.chaos ? (uint64_t[]){ 60, 700, 5000, 100000 }[rnd(4)] : 100000;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &sim.node[i];
		n->connected = true;
		sync_link_up(&n->link, now());
		n->deadline = sync_link_deadline(&n->link, now()).us;
		pump(i);
	}
}

static void restart(unsigned i)
{
	bool reread = chance(500);
	bool half_open = chance(300);
	if (!half_open)
		close_side(i, SYNC_WHY_CLOSED);
	halt(i);
	boot(i);
	if (half_open)
		sim.wire[i].swallows = true;
	sim.restarts++;
	for (uint32_t key = 0; key < sim.keys; key++) {
		if (sim.putter[key] != i || sim.version[key] == 0 || is_short(key))
			continue;
		if (reread)
			tell(i, key, sim.told[key]);
		else
			sim.sure[key] = false;
	}
}

static void chaos(void)
{
	unsigned i = (unsigned)rnd(2), group = (unsigned)rnd(GROUPS);
	struct node *n = &sim.node[i];
	if (chance(2)) {
		sim.cuts++;
		sim.wire[0].n = rnd(sim.wire[0].n + 1); /* what was on its way arrives in part */
		sim.wire[1].n = rnd(sim.wire[1].n + 1);
		close_side(i, SYNC_WHY_CLOSED);
		if (chance(700))
			close_side(1 - i, SYNC_WHY_CLOSED);
	}
	if (chance(1))
		sim.wire[i].swallows = true;
	if (chance(1))
		restart(i);
	if (chance(2))
		n->stopped_until = sim.now + (int64_t)rnd(5 * SECOND_US);
	if (chance(2)) {
		sim.owner[group] = 1 - sim.owner[group];
		sim.moved[group] = sim.now;
	}
	if (chance(2))
		sync_link_pause(&n->link, SYNC_STREAM_IPVS, chance(400));
	if (chance(1)) {
		sync_link_resync(&n->link, SYNC_STREAM_IPVS, now());
		n->operator_asks++;
	}
	if (chance(1))
		sync_link_set_config(&n->link, rnd(9), 1);
	if (chance(1))
		sync_link_end(&n->link, SYNC_WHY_SHUTDOWN, now());
}

static void step(void)
{
	sim.steps++;
	sim.now += (int64_t)rnd(20000);
	if (sim.chaos && chance(sim.wild_pm))
		chaos();
	if (sim.chaos && chance(sim.put_pm))
		put_some();
	if (!sim.node[0].connected || !sim.node[1].connected) {
		if (chance(sim.chaos ? 20 : 200))
			connect_both();
	}
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &sim.node[i];
		if (n->stopped_until > sim.now)
			continue;
		if (sim.steps % 64 == 0)
			while (flow_table_expire(n->table, now(), 100) == 100)
				;
		deliver(1 - i);
		if (n->connected && n->deadline <= sim.now)
			judge(i, sync_link_tick(&n->link, now()));
		pump(i);
	}
}

/* ---- what must be true ---- */

static void check_same(void)
{
	for (uint32_t key = 0; key < sim.keys; key++) {
		struct flow f = flow_of(key);
		const struct flow_entry *a = flow_table_find(sim.node[0].table, &f.key);
		const struct flow_entry *b = flow_table_find(sim.node[1].table, &f.key);
		if (is_short(key))
			continue;
		if (!a != !b)
			fail("one node knows a flow, the other does not");
		if (a && a->fwmark != b->fwmark)
			fail("the nodes know different things of a flow");
		if (sim.sure[key] && (!a || a->fwmark != sim.version[key]))
			fail("the last that was told of a flow is lost");
	}
	for (unsigned i = 0; i < 2; i++) {
		struct sync_link_status st;
		sync_link_status(&sim.node[i].link, SYNC_STREAM_IPVS, now(), &st);
		if (sim.node[i].link.state != SYNC_LINK_OPEN || !st.out.complete || !st.in.complete)
			fail("not complete after a quiet time");
		if (st.lag_ms || sim.node[i].link.out[SYNC_STREAM_IPVS].n_unacked || st.storm || st.held)
			fail("something is left after a quiet time");
		if (sim.node[i].link.peer.config != sim.node[1 - i].link.conf.config)
			fail("the configuration of the other node is not known");
		if (flow_table_bytes(sim.node[i].table) > KEYS * 1024)
			fail("a table grew");
	}
}

static void run_until(int64_t until)
{
	while (sim.now < until)
		step();
}

/* Whether the connection that is there may stay: neither side has reason to end it. */
static bool is_sound(void)
{
	bool sound = true;
	for (unsigned i = 0; i < 2; i++) {
		const struct node *n = &sim.node[i];
		sound &= n->connected && n->link.state == SYNC_LINK_OPEN && !sim.wire[i].swallows &&
			 !sim.wire[i].ended && sim.now - n->link.heard_at.us < SECOND_US &&
			 n->stopped_until <= sim.now && sim.now - n->link.seen_at.us < SECOND_US;
	}
	return sound;
}

static void quiet(void)
{
	bool stays = is_sound();
	for (unsigned i = 0; i < 2; i++) {
		sim.node[i].stopped_until = 0;
		sim.wire[i].speed = 100000;
		sync_link_pause(&sim.node[i].link, SYNC_STREAM_IPVS, false);
		if (!stays)
			close_side(i, SYNC_WHY_CLOSED);
	}
	sim.chaos = false;
	sim.stayed += stays;
	if (!stays)
		connect_both();
	int64_t bulk_us = sim.rate ? (int64_t)sim.keys * 2 * SECOND_US / sim.rate : 0;
	run_until(sim.now + 5 * SECOND_US + bulk_us);
	check_same();
	/* and it stays so, and nobody talks for nothing: a word a second and its answer */
	uint64_t frames = sim.frames;
	run_until(sim.now + 10 * SECOND_US);
	check_same();
	if (sim.frames - frames > 10 * 2 * 2 + 4)
		fail("they go on talking");
}

static void world(uint64_t number)
{
	sim.world = number;
	sim.random = mix(sim.seed * 1000003 + number);
	sim.now = T0;
	sim.keys = (uint32_t[]){ 20, 300, KEYS }[rnd(3)];
	sim.rate = (uint32_t[]){ 0, 200, 1000, 20000 }[rnd(4)];
	sim.wild_pm = (unsigned[]){ 1000, 200, 50 }[rnd(3)];
	sim.put_pm = (unsigned[]){ 50, 300, 1000 }[rnd(3)];
	memset(sim.version, 0, sizeof(sim.version));
	memset(sim.sure, 0, sizeof(sim.sure));
	memset(sim.putter, 0, sizeof(sim.putter));
	for (unsigned g = 0; g < GROUPS; g++) {
		sim.owner[g] = (uint8_t)rnd(2);
		sim.moved[g] = 0;
	}
	for (unsigned i = 0; i < 2; i++) {
		memset(&sim.node[i], 0, sizeof(sim.node[i]));
		boot(i);
	}
	sim.chaos = true;
	for (uint64_t phases = 1 + rnd(4); phases > 0; phases--) {
		sim.chaos = true;
		for (uint64_t n = 1000 + rnd(6000); n > 0; n--)
			step();
		quiet();
	}
	for (unsigned i = 0; i < 2; i++)
		halt(i);
	sim.worlds++;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);
	if (!*text || *end) {
		fprintf(stderr, "usage: sim_sync [--steps N] [--seed S] [--world W]\n");
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t steps = 150000, only = UINT64_MAX;
	sim.seed = 1;
	for (int i = 1; i < argc; i += 2) {
		uint64_t value = number(i + 1 < argc ? argv[i + 1] : "");
		if (strcmp(argv[i], "--steps") == 0)
			steps = value;
		else if (strcmp(argv[i], "--seed") == 0)
			sim.seed = value;
		else if (strcmp(argv[i], "--world") == 0)
			only = value;
		else
			(void)number("");
	}
	printf("sim_sync: seed %" PRIu64 "\n", sim.seed);
	if (only != UINT64_MAX)
		world(only);
	for (uint64_t w = 0; only == UINT64_MAX && sim.steps < steps; w++)
		world(w);
	printf("%" PRIu64 " steps in %" PRIu64 " worlds: %" PRIu64 " frames, %" PRIu64 " records, %" PRIu64
	       " rounds, %" PRIu64 " cuts, %" PRIu64 " quiet times without one, %" PRIu64 " restarts, %" PRIu64
	       " silences\n",
		sim.steps, sim.worlds, sim.frames, sim.records, sim.rounds, sim.cuts, sim.stayed, sim.restarts,
		sim.whys[SYNC_WHY_SILENT]);
	return 0;
}
