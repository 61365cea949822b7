/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sync process says of itself, with a link and a kernel's side that a test has made up: nothing asks them. */
#include "lbd/sync/sync_within_io.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sync_room r;
static struct sync_conf conf;
static char there; /* where only is asked whether there is something */

static void on_troubled(void *arg)
{
	(void)arg;
	r.look = true;
}

/* All was copied, and the kernel has it. */
static void setup(void)
{
	memset(&r, 0, sizeof(r));
	conf = (struct sync_conf){ .n_paths = 1, .ipvs = true, .flows = true, .conntrack = SYNC_CONNTRACK_ALL };
	lb_frame_init(&r.base.channel, open("/dev/null", O_WRONLY | O_CLOEXEC), (size_t)LB_PROTO_LINE_MAX);
	r.conf = &conf;
	r.tls = (void *)&there;
	r.kernel.conf = r.ct.conf = &conf;
	r.kernel.tap = (void *)&there;
	r.kernel.table = flow_table_new(1, 100);
	r.ct.table = flow_table_new(1, 100);
	ck_assert(r.kernel.table && r.ct.table);
	r.ct.io = (void *)&there;
	r.ct.looked = true;
	r.kernel.troubled = r.ct.troubled = on_troubled;
	r.link.state = SYNC_LINK_OPEN;
	r.link.peer.features = SYNC_FEATURE_CONNTRACK;
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		r.link.in[s].progress.complete = r.link.out[s].progress.complete = true;
}

static void teardown(void)
{
	flow_cursor_close(&r.kernel.to_kernel);
	flow_cursor_close(&r.ct.to_kernel);
	flow_table_free(r.kernel.table);
	flow_table_free(r.ct.table);
	lb_text_done(&r.told);
	lb_text_done(&r.base.line);
	lb_frame_done(&r.base.channel);
}

static bool says(const char *what)
{
	lb_text_clear(&r.told);
	sync_room_tell_state(&r);
	return r.told.n && memmem(r.told.s, r.told.n, what, strlen(what));
}

#define IN_SYNC "\"is\":\"in-sync\""
#define BULK    "\"is\":\"bulk\""
#define PAUSED  "\"is\":\"paused\""
#define HELD    "\"held\":"

/* What goes into the kernel one by one is no bulk. */
START_TEST(in_sync_until_all_is_put_anew)
{
	ck_assert(says(IN_SYNC));
	r.kernel.settling = true;
	ck_assert(says(IN_SYNC));
	r.look = false;
	if (_i)
		sync_ct_again(&r.ct);
	else
		sync_kernel_again(&r.kernel);
	ck_assert(r.look && says(BULK) && says(BULK));
	r.kernel.settling = false;
	r.kernel.to_kernel.at = r.ct.to_kernel.at = NULL;
	r.ct.wanted = false;
	ck_assert(says(IN_SYNC));
	r.kernel.settling = true;
	ck_assert(says(IN_SYNC));
}
END_TEST

START_TEST(what_the_peer_begins_anew)
{
	r.kernel.settling = true;
	ck_assert(says(BULK)); /* in no kernel yet */
	r.kernel.settling = false;
	ck_assert(says(IN_SYNC));
	r.link.in[_i].progress.complete = false;
	ck_assert(says(BULK));
	r.kernel.settling = r.link.in[_i].progress.complete = true;
	ck_assert(says(BULK));
}
END_TEST

/* The core waits for a state of after its order. */
START_TEST(an_order_is_answered)
{
	sync_room_tell_state(&r);
	size_t once = lb_room_pending(&r.base);
	sync_room_tell_state(&r);
	ck_assert(once > 0 && lb_room_pending(&r.base) == once);
	r.order++;
	sync_room_tell_state(&r);
	ck_assert_uint_eq(lb_room_pending(&r.base), 2 * once);
	ck_assert(says("\"order\":1,"));
	r.tls = NULL; /* nothing to do it to */
	r.order++;
	ck_assert(says("\"is\":\"off\"") && says("\"order\":2,"));
}
END_TEST

/* At least one look is over, and none is due or going on because more may not be known. */
START_TEST(in_sync_while_none_is_looked_for)
{
	bool *const flags[] = { &r.ct.wanted, &r.ct.seeks };
	ck_assert(says(IN_SYNC));
	for (size_t i = 0; i < 2; i++) {
		*flags[i] = true;
		ck_assert(says(BULK));
		*flags[i] = false;
	}
	r.ct.looking = true;
	ck_assert(says(IN_SYNC));
	r.ct.looked = false;
	ck_assert(says(BULK));
}
END_TEST

static bool produce(struct sync_out *o)
{
	struct sync_tokens t = { 0 };
	uint8_t b[SYNC_BATCH_BYTES + SYNC_RECORD_MAX];
	struct lb_writer w = { b, b + sizeof(b), false };
	return sync_out_produce(o, &t, &w, r.base.now);
}

/* The peer has all that there is. */
static void carry(struct sync_out *o)
{
	while (produce(o)) {
		ck_assert(!says(IN_SYNC));
	}
	ck_assert(sync_out_ack(o, &(struct sync_ack){ 2, o->round, o->sent }, r.base.now));
}

static void know(uint16_t port)
{
	const struct flow f = { .has_ct = true,
		.key = { .protocol = 6,
			.client = { AF_INET, { 10, 0, 0, 1 } },
			.virtual = { AF_INET, { 10, 0, 0, 2 } },
			.client_port = port,
			.virtual_port = 80 },
		.dest = { AF_INET, { 10, 0, 0, 3 } },
		.dest_port = 80,
		.ct = { .to = { AF_INET, { 10, 0, 0, 1 } }, .to_port = port },
		.timeout_s = 900,
		.state = 1 };
	ck_assert_int_eq(flow_table_put(r.ct.table, &f, FLOW_LOCAL, r.base.now, NULL), 0);
}

/* What a look has found is no single change: the peer has to have it. */
START_TEST(in_sync_when_what_was_found_is_there)
{
	struct sync_out *o = &r.link.out[SYNC_STREAM_CONNTRACK];
	struct sync_flow_source source;
	sync_ct_source_init(&source, r.ct.table);
	*o = (struct sync_out){ .stream = SYNC_STREAM_CONNTRACK, .source = &source.source };
	sync_out_open(o, 0, r.base.now);
	know(1);
	carry(o);
	ck_assert(says(IN_SYNC));
	know(2);
	ck_assert(says(IN_SYNC));
	sync_room_found(&r);
	ck_assert(says(BULK));
	carry(o);
	ck_assert(says(IN_SYNC) && sync_out_has(o, flow_table_last(r.ct.table)));
	sync_flow_source_done(&source);
}
END_TEST

/* The peer had told something when this configuration did not copy it, and would not tell it again. */
START_TEST(what_was_passed_over_is_asked_for)
{
	struct sync_conf narrow = conf, wide = conf, other = conf;
	struct sync_skip nat = { .what = SYNC_ALL, .protocol = 6, .port = 443, .addr = { AF_INET, { 10, 0, 0, 2 } } };
	struct sync_in *in = &r.link.in[SYNC_STREAM_CONNTRACK];
	const struct sync_from from = { 0 };
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	struct flow f;
	r.ct.missed = sync_room_missed;
	r.ct.arg = &r;
	narrow.conntrack = SYNC_CONNTRACK_AUTO;
	narrow.n_nats = 1;
	narrow.nats = &nat;
	other.rate++;
	know(1);
	flow_entry_get(flow_table_find(r.ct.table, &(struct flow_key){ 6, false, 1, 80, { AF_INET, { 10, 0, 0, 1 } },
							   { AF_INET, { 10, 0, 0, 2 } }, 0 }),
		&f);
	f.state = CT_TCP_ESTABLISHED;
	sync_ct_write(&w, &f, &from);
	r.ct.conf = &narrow;
	ck_assert_int_eq(sync_ct_conf(&r.ct, &wide), 0);
	ck_assert(!in->ask_due); /* nothing was */
	r.ct.conf = &narrow;
	ck_assert_int_eq(sync_ct_peer(&r.ct, bytes, (size_t)(w.p - bytes), in, r.base.now), -EPERM);
	ck_assert_int_eq(sync_ct_conf(&r.ct, &narrow), 0);
	ck_assert(!in->ask_due);
	ck_assert_int_eq(sync_ct_conf(&r.ct, &wide), 0);
	ck_assert(in->ask_due && in->ask_why == SYNC_WHY_OPERATOR);
	in->ask_due = false;
	ck_assert_int_eq(sync_ct_conf(&r.ct, &other), 0);
	ck_assert(!in->ask_due);
}
END_TEST

static unsigned looks;

static void on_look(void *arg)
{
	(void)arg;
	looks++;
}

START_TEST(what_was_not_known_is_looked_for)
{
	struct sync_conf next = conf;
	r.kernel.look = on_look;
	looks = 0;
	next.rate++;
	sync_kernel_conf(&r.kernel, &next);
	ck_assert_uint_eq(looks, 0);
	conf.ways = next.ways + 1;
	sync_kernel_conf(&r.kernel, &conf);
	ck_assert_uint_eq(looks, 1);
}
END_TEST

/* Of either kind of flows, by whom. */
START_TEST(who_has_paused)
{
	const char *stopped[] = { "\"ipvs_stopped\":true,\"conntrack_stopped\":false",
		"\"ipvs_stopped\":false,\"conntrack_stopped\":true" };
	r.link.out[_i].paused = true;
	ck_assert(says(PAUSED) && says(HELD "false") && says(stopped[_i]));
	r.link.out[_i].held = true;
	ck_assert(says(PAUSED) && says(HELD "true"));
	r.link.out[_i].paused = false;
	ck_assert(says(PAUSED) && says(HELD "true") && says(stopped[_i]));
	r.link.out[_i].held = false;
	ck_assert(says(IN_SYNC) && says(HELD "false"));
}
END_TEST

/* What the core reads of it: how many messages; stats go to the last place. */
static unsigned core_reads(struct sync_msg_stats *stats)
{
	int ends[2];
	struct lb_frame core;
	struct sync_room_msg m;
	const char *line;
	size_t n;
	unsigned count = 0;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	close(r.base.channel.fd);
	r.base.channel.fd = ends[0];
	lb_frame_init(&core, ends[1], (size_t)LB_PROTO_LINE_MAX);
	ck_assert_int_eq(lb_frame_write(&r.base.channel), 0);
	ck_assert_int_gt(lb_frame_read(&core), 0);
	for (; lb_frame_line(&core, &line, &n) == 1; count++) {
		json_t *o = json_loadb(line, n, 0, NULL);
		ck_assert_int_eq(sync_room_msg_read_core(o, &m), 0);
		if (m.type == SYNC_MSG_STATS)
			*stats = m.u.stats;
		sync_room_msg_done(&m);
		json_decref(o);
	}
	lb_frame_done(&core);
	return count;
}

/* The peer says which numbers it sends. When they make no sense it is asked for another round, over this link. */
static const struct {
	const char *what;
	uint64_t from, at, mark, done, all;
} peers[] = {
	{ "a round", 100, 150, 200, 50, 100 },
	{ "a round that does not follow: nothing of it is taken", 100, 0, 200, 0, 100 },
	{ "more than a message holds", 0, 0, UINT64_MAX, 0, INT64_MAX },
};

START_TEST(stats_are_read_whatever_the_peer_says)
{
	struct sync_msg_stats stats = { 0 };
	struct sync_progress *p = &r.link.in[SYNC_STREAM_IPVS].progress;
	r.conf = NULL; /* no second kind */
	*p = (struct sync_progress){ .from = peers[_i].from, .at = peers[_i].at, .mark = peers[_i].mark };
	sync_room_pong(&r, 1);
	ck_assert_uint_eq(core_reads(&stats), 2);
	ck_assert_msg(stats.bulk_done == peers[_i].done && stats.bulk_all == peers[_i].all, "%s", peers[_i].what);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tell");
	TCase *tc = tcase_create("tell");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, in_sync_until_all_is_put_anew, 0, 2);
	tcase_add_loop_test(tc, what_the_peer_begins_anew, 0, SYNC_STREAM_COUNT);
	tcase_add_test(tc, an_order_is_answered);
	tcase_add_test(tc, in_sync_while_none_is_looked_for);
	tcase_add_test(tc, in_sync_when_what_was_found_is_there);
	tcase_add_test(tc, what_was_not_known_is_looked_for);
	tcase_add_test(tc, what_was_passed_over_is_asked_for);
	tcase_add_loop_test(tc, who_has_paused, 0, SYNC_STREAM_COUNT);
	tcase_add_loop_test(tc, stats_are_read_whatever_the_peer_says, 0, sizeof(peers) / sizeof(peers[0]));
	suite_add_tcase(s, tc);
	SRunner *run = srunner_create(s);
	srunner_run_all(run, CK_ENV);
	int failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
