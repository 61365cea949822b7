/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connection tracking of two real kernels, from the one into the other. */
#include "ct_net.h"

#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

/* The limit is one of the whole machine: here it holds for those who are told. */
static const struct ct_io *full_one;
static unsigned creates; /* in vain */

void __real_ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n);
void __wrap_ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n);

void __wrap_ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n)
{
	if (c != full_one) {
		__real_ct_io_put(c, puts, n);
		return;
	}
	ct_io_update(c, puts, n);
	for (unsigned i = 0; i < n; i++)
		creates += puts[i].full;
}

START_TEST(from_one_kernel_to_another)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	struct talk t;
	begin();
	side_open(&a, ONE, 0);
	side_open(&b, TWO, 0);
	sync_ct_source_init(&out, a.table);
	out.source.seek(&out.source, 0);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false);
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 1, 2000);
	WAIT(turned(&a, flow_table_last(a.table) >= 1), 2000);
	ck_assert_uint_eq(carry(&out, &b), 1);
	heard_all(&a);
	ck_assert_uint_eq(b.injected, 1);
	ck_assert_uint_eq(flow_table_count(b.table, FLOW_LOCAL), 0); /* no echo */
	struct ct_io *watch = listen_at(ONE, &h, 0);
	(void)sync_ct_turn(&a);
	look_at(watch, &h);
	ck_assert_msg(h.there >= 1 && h.strict == 0, "windows are watched where it came from");
	ct_io_stop(watch);
	/* lost there: the next look finds it */
	sh(TWO, "conntrack -D -p tcp --dport 8080 >/dev/null 2>&1");
	sync_ct_again(&b);
	WAIT(turned(&b, b.injected >= 2 && sync_ct_settled(&b)), 5000);
	use("2");
	ck_assert(says(&t, "here I am", 5000));
	/* packets come by at the other one now: its look finds that, and what the first one says of an end is not
	 * believed */
	sleep(8);
	ck_assert(says(&t, "still here", 5000));
	b.look_at = (struct lb_time){ 0 };
	WAIT(turned(&b, flow_table_count(b.table, FLOW_LOCAL) == 1), 5000);
	sh(ONE, "conntrack -F >/dev/null 2>&1");
	WAIT(flow_table_last(a.table) > 1, 2000);
	struct ct_io *c = listen_at(TWO, &h, 0);
	(void)carry(&out, &b);
	look_at(c, &h);
	ck_assert(h.there >= 1 && h.flows[0].timeout_s > 1000);
	ck_assert(says(&t, "and here", 5000));
	/* but the first one has it no more, and hears of it again as soon as it is seen to live */
	uint64_t last = flow_table_last(b.table);
	sleep(6);
	ck_assert(says(&t, "still", 5000));
	next_look(&b);
	ck_assert_uint_gt(flow_table_last(b.table), last);
	const struct flow_entry *e = flow_table_find(b.table, &h.flows[0].key);
	ck_assert(e && lb_time_diff_us(lb_clock_now(), e->put_at) < 5000000 && !(e->flags & CT_DOUBT));
	talk_end(&t);
	ct_io_stop(c);
	sync_flow_source_done(&out);
	sync_ct_close(&a);
	sync_ct_close(&b);
}
END_TEST

/* One that copies nothing of what these tests make. */
static struct sync_skip elsewhere = { .what = SYNC_ALL, .protocol = IPPROTO_TCP, .addr = { AF_INET, { 10, 9, 9, 9 } } };
static const struct sync_conf conf_less = { .conntrack = SYNC_CONNTRACK_AUTO, .n_nats = 1, .nats = &elsewhere };

static void closes(struct ct_io *at, unsigned i, uint32_t timeout_s)
{
	struct flow f = made(i);
	f.state = 7; /* TIME_WAIT */
	f.timeout_s = timeout_s;
	ck_assert_int_eq(put(at, &f), 0);
}

/* That client's, as the last look has seen it; NULL = it is not there. */
static const struct flow *seen(const struct heard *h, const struct flow_key *k)
{
	for (unsigned i = 0; i < LEN(h->flows) && i < h->there; i++)
		if (flow_key_cmp(&h->flows[i].key, k) == 0)
			return &h->flows[i];
	return NULL;
}

/* Only the kernel lets go of it: when its time is over, and somebody looks. */
static void is_over(struct ct_io *there, struct heard *h, const struct flow_key *k)
{
	int64_t until = lb_clock_now().us + 15000000;
	for (look_at(there, h); seen(h, k); look_at(there, h)) {
		ck_assert(lb_clock_now().us < until);
		usleep(100000);
	}
}

/* The other node's stay as its last word has left them, and do not come back; what this kernel changed is not known as
 * the other node's any more. */
START_TEST(a_reload_that_copies_less)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	ck_assert_int_eq(sync_ct_conf(&b, &conf_less), 0);
	next_look(&b);
	closes(somebody, 0, 100); /* the other node reloads later, and tells of what closes there */
	WAIT(flow_table_last(a.table) >= 4, 2000);
	ck_assert_uint_eq(carry(&out, &b), 1);
	closes(there, 1, 100); /* this one closes here, and one goes */
	struct flow f = made(2);
	ck_assert_int_eq(ct_io_drop(there, &f), 0);
	next_look(&b);
	next_look(&b);
	look_at(there, &h);
	ck_assert(h.there == 2 && h.flows[0].state == 7 && h.flows[1].state == 7);
	ck_assert_uint_eq(flow_table_count(b.table, FLOW_PEER), 1);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

enum again { NEVER, BEFORE, MEANWHILE, BEHIND };

/* made(1) ends in the kernel of the other node while that copies less, or does not listen at all. */
static const struct {
	const char *what;
	bool off;           /* or else it copies less */
	uint32_t closing_s; /* in TIME_WAIT */
	bool late;          /* it is still there when all is as it was before */
	bool reused;        /* its translated port is another connection's by then */
	enum again again;   /* an operator asks for all in the kernel again */
} endings[] = {
	{ "less is copied", false, 1, false, false, NEVER },
	{ "less is copied, its port is used again", false, 1, false, true, NEVER },
	{ "off", true, 1, false, false, NEVER },
	{ "off, its port is used again", true, 1, false, true, NEVER },
	{ "less is copied, it closes", false, 8, true, false, NEVER },
	{ "off, it closes", true, 8, true, false, NEVER },
	{ "all again, then off", true, 1, false, true, BEFORE },
	{ "off, then all again", true, 1, false, true, MEANWHILE },
	{ "off and on, then all again", true, 1, false, true, BEHIND },
};

START_TEST(what_ended_unheard_stays_away)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	const struct flow ended = made(1);
	const char *what = endings[_i].what;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	if (endings[_i].again == BEFORE)
		sync_ct_again(&b);
	ck_assert_int_eq(sync_ct_conf(&b, endings[_i].off ? NULL : &conf_less), 0);
	if (!endings[_i].off)
		next_look(&b);
	closes(there, 1, endings[_i].closing_s);
	if (!endings[_i].off) /* it hears of that now */
		next_look(&b);
	if (!endings[_i].late)
		is_over(there, &h, &ended.key);
	struct flow later = ended; /* opens when that has gone */
	later.key.client_port = 40000;
	if (endings[_i].reused)
		ck_assert_int_eq(put(there, &later), 0);
	if (endings[_i].again == MEANWHILE)
		sync_ct_again(&b);
	ck_assert_int_eq(sync_ct_conf(&b, &conf_all), 0);
	out.source.seek(&out.source, 0); /* a new link, and its first words are there before a look is over */
	(void)carry(&out, &b);
	if (endings[_i].again == BEHIND)
		sync_ct_again(&b);
	next_look(&b);
	WAIT(turned(&b, sync_ct_settled(&b)), 5000);
	if (endings[_i].late) {
		look_at(there, &h);
		const struct flow *f = seen(&h, &ended.key);
		ck_assert_msg(f && f->state == 7 && f->timeout_s <= endings[_i].closing_s,
			"%s: it does not close any more", what);
		is_over(there, &h, &ended.key);
	}
	next_look(&b);
	out.source.seek(&out.source, 0); /* the other node has it yet, and is asked for all */
	(void)carry(&out, &b);
	next_look(&b);
	look_at(there, &h);
	ck_assert_msg(!seen(&h, &ended.key), "%s: it is back", what);
	ck_assert_msg(!seen(&h, &later.key) == !endings[_i].reused, "%s: the new one is not there", what);
	for (unsigned i = 0; i < 3; i += 2) { /* and these two live */
		const struct flow f = made(i);
		const struct flow_entry *e = flow_table_find(b.table, &f.key);
		ck_assert_msg(seen(&h, &f.key) && e && e->origin == FLOW_PEER, "%s: %u", what, i);
	}
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

/* An operator asks for everything in the kernel again, after a reload that copies less. */
START_TEST(what_is_not_copied_is_not_put_again)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	const struct flow closing = made(1);
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	ck_assert_int_eq(sync_ct_conf(&b, &conf_less), 0);
	next_look(&b);
	closes(there, 1, 100);
	sync_ct_again(&b);
	next_look(&b);
	WAIT(turned(&b, sync_ct_settled(&b)), 5000);
	look_at(there, &h);
	const struct flow *f = seen(&h, &closing.key);
	ck_assert(h.there == 3 && f && f->state == 7 && f->timeout_s <= 100);
	ck_assert_uint_eq(b.injected, 3);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

/* Data are on their way whenever it is looked at, and the kernel gives it five minutes then: less than what is known.
 */
START_TEST(a_busy_one_in_doubt_is_told_anew)
{
	struct heard h;
	struct sync_ct b;
	struct talk t;
	const struct sync_in in = { 0 };
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	begin();
	struct ct_io *c = listen_at(ONE, &h, 0);
	side_open(&b, ONE, 0);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false);
	WAIT(flow_table_count(b.table, FLOW_LOCAL) == 1, 2000);
	next_look(&b);
	heard_all(&b);
	look_at(c, &h);
	ck_assert_uint_eq(h.there, 1);
	struct flow gone = h.flows[0]; /* the other node has had it end */
	gone.flags |= CT_GONE;
	gone.timeout_s = 300;
	sync_ct_write(&w, &gone, &(struct sync_from){ 0 });
	ck_assert_int_eq(sync_ct_peer(&b, bytes, (size_t)(w.p - bytes), &in, lb_clock_now()), 1);
	const struct flow_entry *e = flow_table_find(b.table, &gone.key);
	ck_assert(e && e->flags & CT_DOUBT);
	const uint64_t number = e->number;
	next_look(&b); /* as long as it is idle there is nothing to tell */
	e = flow_table_find(b.table, &gone.key);
	ck_assert(e && e->number == number);
	/* a stream would be acknowledged wholly now and then, and seen so: connection tracking hears of no answer here
	 */
	sh(ONE, "nft add chain inet t raw '{ type filter hook prerouting priority raw; }' && "
		"nft add rule inet t raw iifname s drop");
	ck_assert_int_eq(send(t.client, "data", 4, MSG_NOSIGNAL), 4);
	look_at(c, &h);
	ck_assert(h.there == 1 && h.flows[0].timeout_s <= 300);
	next_look(&b);
	e = flow_table_find(b.table, &gone.key);
	ck_assert(e && e->number > number && e->origin == FLOW_LOCAL && !(e->flags & (CT_DOUBT | CT_GONE)));
	talk_end(&t);
	sync_ct_close(&b);
	ct_io_stop(c);
}
END_TEST

/* Who comes back has kept what it heard before. */
START_TEST(what_ended_while_the_other_was_away)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	heard_all(&a);
	make_many(somebody, 3, 3); /* of these it hears nothing */
	for (unsigned i = 0; i < 6; i++)
		closes(somebody, i, 1);
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 6, 2000);
	sleep(3);
	look_at(somebody, &h);
	ck_assert_uint_eq(h.there, 0);
	WAIT(turned(&a, flow_table_count(a.table, FLOW_LOCAL) == 3), 5000);
	ck_assert_uint_eq(carry(&out, &b), 3);
	look_at(there, &h);
	ck_assert_uint_eq(h.there, 3);
	for (unsigned i = 0; i < h.there; i++)
		ck_assert_uint_le(h.flows[i].timeout_s, 30);
	heard_all(&a);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

/* The standby begins anew: its kernel has what the master told, and what of that has ended since. */
START_TEST(what_a_standby_finds_is_not_new_to_the_master)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out, back;
	struct sync_in knew = { 0 };
	begin();
	struct ct_io *one = listen_at(ONE, &h, 0), *two = listen_at(TWO, &h, 0);
	conf_all.forwards = true;
	side_open(&a, ONE, 0);
	knew.knew_at = lb_clock_now();
	make_many(two, 0, 3); /* the master has told them, they have ended there, and of one it knows that */
	struct flow f = made(2);
	f.flags |= CT_GONE;
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_LOCAL, lb_clock_now(), NULL), 0);
	side_open(&b, TWO, 0);
	f = made(9); /* and one that came before that */
	ck_assert_int_eq(flow_table_put(b.table, &f, FLOW_PEER, lb_clock_now(), NULL), 0);
	sync_ct_source_init(&out, a.table);
	sync_ct_source_init(&back, b.table);
	out.source.seek(&out.source, 0);
	back.source.seek(&back.source, 0);
	ck_assert_uint_eq(carry_in(&back, &a, &knew), 4);
	look_at(one, &h);
	ck_assert_uint_eq(h.there, 2);
	for (unsigned i = 0; i < h.there; i++)
		ck_assert(h.flows[i].timeout_s <= 300 && h.flows[i].key.client_port != f.key.client_port);
	ck_assert_uint_eq(carry(&out, &b), 1);
	look_at(two, &h);
	unsigned ending = 0;
	for (unsigned i = 0; i < h.there; i++)
		ending += h.flows[i].timeout_s <= 300;
	ck_assert_uint_eq(ending, 1);
	sync_flow_source_done(&out);
	sync_flow_source_done(&back);
	sync_ct_close(&a);
	sync_ct_close(&b);
	ct_io_stop(one);
	ct_io_stop(two);
}
END_TEST

/* The link is there before the first look has seen all: an end counts for what it has not come to yet. */
START_TEST(an_end_during_the_first_look)
{
	struct heard h;
	struct sync_ct b;
	const struct sync_in in = { 0 };
	begin();
	struct ct_io *two = listen_at(TWO, &h, 0);
	make_many(two, 0, 3);
	side_begin(&b, TWO, 0);
	ck_assert(b.looking && !b.looked);
	for (unsigned i = 1; i < 5; i += 3) { /* and one that is not there */
		uint8_t bytes[SYNC_RECORD_MAX];
		struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
		struct flow f = made(i);
		f.flags |= CT_GONE;
		f.timeout_s = 300;
		sync_ct_write(&w, &f, &(struct sync_from){ 0 });
		ck_assert_int_eq(sync_ct_peer(&b, bytes, (size_t)(w.p - bytes), &in, lb_clock_now()), 0);
	}
	WAIT(turned(&b, sync_ct_settled(&b)), 5000);
	ck_assert(flow_table_count(b.table, FLOW_LOCAL) == 2 && flow_table_count(b.table, FLOW_PEER) == 2);
	look_at(two, &h);
	ck_assert_uint_eq(h.there, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert((h.flows[i].timeout_s <= 300) == (h.flows[i].ct.to_port == made(1).ct.to_port));
	sync_ct_close(&b);
	ct_io_stop(two);
}
END_TEST

/* The master's process is new, and its kernel has one that began while the standby could not hear of it. */
START_TEST(what_a_standby_has_missed_is_not_short)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *one = listen_at(ONE, &h, 0), *two = listen_at(TWO, &h, 0);
	conf_all.forwards = _i;
	side_open(&b, TWO, 0);
	/* it becomes master after the last time that it had everything, or is none */
	const struct sync_in knew = { .knew_at = lb_time_add_ms(b.forwards_since, -1) };
	ck_assert((b.forwards_since.us != 0) == _i);
	conf_all.forwards = true;
	make_many(one, 0, 1);
	side_open(&a, ONE, 0);
	sync_ct_source_init(&out, a.table);
	out.source.seek(&out.source, 0);
	ck_assert_uint_eq(carry_in(&out, &b, &knew), 1);
	look_at(two, &h);
	ck_assert(h.there == 1 && h.flows[0].timeout_s > 900);
	sync_flow_source_done(&out);
	sync_ct_close(&a);
	sync_ct_close(&b);
	ct_io_stop(one);
	ct_io_stop(two);
}
END_TEST

/* What changes and what ends does not wait behind what finds no room. */
START_TEST(a_kernel_without_room)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	ck_assert(sync_ct_settled(&b));
	full_one = b.io;
	creates = 0;
	make_many(somebody, 100, 100);
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 103, 2000);
	ck_assert_uint_eq(carry(&out, &b), 100);
	ck_assert(!sync_ct_settled(&b) && sync_ct_kernel_full(&b, lb_clock_now()) && b.full == 100);
	ck_assert_uint_le(creates, CT_IO_BATCH); /* the others do not even try */
	for (unsigned i = 0; i < 3; i++)
		closes(somebody, i, 20);
	WAIT(flow_table_last(a.table) >= 106, 2000);
	ck_assert_uint_eq(carry(&out, &b), 3);
	look_at(there, &h);
	ck_assert(h.there == 3 && h.flows[0].state == 7 && h.flows[1].state == 7 && h.flows[2].state == 7);
	full_one = NULL; /* there is room again: a look soon finds what is missing */
	WAIT(turned(&b, sync_ct_settled(&b)), 10000);
	look_at(there, &h);
	ck_assert_uint_eq(h.there, 103);
	full_one = b.io;
	/* while a look goes on: the next one is for these */
	b.look_at = (struct lb_time){ 0 };
	WAIT(turned(&b, b.looking), 5000);
	for (unsigned i = 200; i < 210; i++) {
		struct flow f = made(i);
		ck_assert_int_eq(flow_table_put(b.table, &f, FLOW_PEER, lb_clock_now(), NULL), 0);
	}
	WAIT(turned(&b, !b.looking && !b.sweep.table), 5000);
	ck_assert(!sync_ct_settled(&b));
	full_one = NULL;
	WAIT(turned(&b, sync_ct_settled(&b)), 10000);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

/* What was left out has not ended when the next look does not see it: after off and on, and while less is copied. */
START_TEST(no_room_is_no_end)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	full_one = b.io;
	make_many(somebody, 100, 10);
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 13, 2000);
	ck_assert_uint_eq(carry(&out, &b), 10);
	ck_assert_uint_eq(b.full, 10);
	ck_assert_int_eq(sync_ct_conf(&b, _i ? &conf_less : NULL), 0);
	if (_i)
		next_look(&b);
	full_one = NULL;
	ck_assert_int_eq(sync_ct_conf(&b, &conf_all), 0);
	next_look(&b);
	WAIT(turned(&b, sync_ct_settled(&b)), 5000);
	ck_assert_uint_eq(flow_table_count(b.table, FLOW_LOCAL), 0); /* nobody is told that they have gone */
	out.source.seek(&out.source, 0);
	ck_assert_uint_eq(carry(&out, &b), 13);
	WAIT(turned(&b, sync_ct_settled(&b)), 5000);
	look_at(there, &h);
	ck_assert_uint_eq(h.there, 13);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

int main(void)
{
	if (!may()) {
		printf("skipped: no right to a network namespace with nft\n");
		return 77;
	}
	Suite *s = suite_create("ct_sync");
	TCase *c = tcase_create("kernel");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, from_one_kernel_to_another);
	tcase_add_test(c, a_reload_that_copies_less);
	tcase_add_loop_test(c, what_ended_unheard_stays_away, 0, LEN(endings));
	tcase_add_test(c, what_is_not_copied_is_not_put_again);
	tcase_add_test(c, a_busy_one_in_doubt_is_told_anew);
	tcase_add_test(c, a_kernel_without_room);
	tcase_add_loop_test(c, no_room_is_no_end, 0, 2);
	tcase_add_test(c, what_ended_while_the_other_was_away);
	tcase_add_test(c, what_a_standby_finds_is_not_new_to_the_master);
	tcase_add_test(c, an_end_during_the_first_look);
	tcase_add_loop_test(c, what_a_standby_has_missed_is_not_short, 0, 2);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
