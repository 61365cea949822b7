/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real kernel's connection tracking: what it tells, and what is put into it. */
#include "ct_net.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct flow *find(const struct heard *h, uint8_t protocol, uint16_t virtual_port)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->flows[i].key.protocol == protocol && h->flows[i].key.virtual_port == virtual_port)
			return &h->flows[i];
	return NULL;
}

/* As it comes to the other node. */
static struct flow carried(const struct flow *f)
{
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	struct sync_from from = { 0 };
	struct flow out;
	sync_ct_write(&w, f, &from);
	ck_assert(!w.bad && sync_ct_read(bytes, (size_t)(w.p - bytes), &out, &from) == 0);
	return out;
}

static const struct {
	const char *what, *from, *to;
	uint16_t port;
	const char *server;
	uint16_t server_port;
	bool udp;
	uint32_t nat;
} ways[] = {
	{ "TCP, source NAT", "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false, CT_SRC_NAT },
	{ "TCP, masquerade", "10.1.0.2", "10.2.0.2", 8081, "10.2.0.2", 8081, false, CT_SRC_NAT },
	{ "TCP, both translations", "10.1.0.2", "10.1.0.1", 81, "10.2.0.2", 8080, false, CT_SRC_NAT | CT_DST_NAT },
	{ "TCP over IPv6, source NAT", "fd01::2", "fd02::2", 8080, "fd02::2", 8080, false, CT_SRC_NAT },
	{ "UDP, source NAT", "10.1.0.2", "10.2.0.2", 8082, "10.2.0.2", 8082, true, CT_SRC_NAT },
};

/* The one that this is all about. */
START_TEST(a_connection_goes_on_elsewhere)
{
	struct heard one, two;
	struct talk t, left;
	begin();
	struct ct_io *at_one = listen_at(ONE, &one, 0), *at_two = listen_at(TWO, &two, 0);
	talk_begin(&t, ways[_i].from, ways[_i].to, ways[_i].port, ways[_i].server, ways[_i].server_port, ways[_i].udp);
	talk_begin(&left, "10.1.0.2", "10.2.0.2", 8090, "10.2.0.2", 8090, false);
	look_at(at_one, &one);
	const struct flow *f = find(&one, ways[_i].udp ? IPPROTO_UDP : IPPROTO_TCP, ways[_i].port);
	ck_assert_msg(f && (f->flags & (CT_SRC_NAT | CT_DST_NAT)) == ways[_i].nat, "%s", ways[_i].what);
	ck_assert_msg(f->ct.to_port == t.seen_port && f->dest_port == ways[_i].server_port, "%s", ways[_i].what);
	struct flow sent = carried(f), again;
	ck_assert_int_eq(put(at_two, &sent), 0);
	look_at(at_two, &two);
	f = find(&two, sent.key.protocol, ways[_i].port);
	ck_assert_msg(f && ct_flow_same(f, &sent), "%s: it is another one there", ways[_i].what);
	ck_assert_uint_le(f->timeout_s, sent.timeout_s);
	ck_assert_uint_ge(f->timeout_s + 3, sent.timeout_s);
	again = sent;
	ck_assert_int_eq(put(at_two, &again), 0); /* it may come twice */
	use("2");
	ck_assert_msg(says(&t, "as if nothing was", 5000), "%s", ways[_i].what);
	if (t.udp)
		ck_assert_msg(port_of(&t.from) == t.seen_port, "%s: another port", ways[_i].what);
	for (int i = 0; i < 20; i++)
		ck_assert_msg(says(&t, "and on and on", 5000), "%s", ways[_i].what);
	ck_assert_msg(!says(&left, "lost", 400), "a connection that was not carried went on: this test sees nothing");
	talk_end(&t);
	talk_end(&left);
	ct_io_stop(at_one);
	ct_io_stop(at_two);
}
END_TEST

START_TEST(what_is_told_and_what_is_not)
{
	struct heard h, other;
	struct talk t;
	begin();
	struct ct_io *c = listen_at(ONE, &h, 0), *somebody = listen_at(ONE, &other, 0);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false);
	WAIT(h.changed >= 3, 2000); /* SYN is a new one, the answer, established */
	const struct flow *f = &h.flows[h.n - 1];
	ck_assert_uint_eq(f->state, CT_TCP_ESTABLISHED);
	ck_assert_uint_eq(f->key.virtual_port, 8080);
	struct flow mine = carried(f);
	WAIT(other.changed == h.changed, 2000);
	/* an order of ours is no word of the kernel's; to anybody else it is */
	unsigned before = h.changed, before_other = other.changed;
	mine.fwmark = 77;
	ck_assert_int_eq(put(c, &mine), 0);
	mine.key.client_port ^= 1;
	mine.ct.to_port ^= 1;
	ck_assert_int_eq(put(c, &mine), 0);
	ck_assert_int_eq(ct_io_drop(c, &mine), 0);
	WAIT(other.changed >= before_other + 2 && other.gone == 1, 2000);
	ck_assert_uint_eq(h.changed, before);
	ck_assert_uint_eq(h.gone, 0);
	ck_assert_int_eq(ct_io_drop(c, &mine), 0); /* it has gone: as it should be */
	sh(ONE, "conntrack -D -p tcp --dport 8080 >/dev/null 2>&1");
	WAIT(h.gone == 1, 2000);
	/* this host with itself is not told at all */
	before = h.changed;
	sh(ONE, "nft add rule inet t pass counter && nft add chain inet t in '{ type filter hook input priority 0; }' "
		"&& "
		"nft add rule inet t in ct state new accept");
	sh(ONE, "printf x | timeout 1 nc -u -w1 127.0.0.1 9 2>/dev/null; true");
	sh(ONE, "ping -c1 -W1 10.1.0.2 >/dev/null"); /* nor what has no ports */
	talk_end(&t);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8083, "10.2.0.2", 8083, true);
	WAIT(h.changed > before, 2000);
	for (unsigned i = 0; i < h.n; i++)
		ck_assert(h.flows[i].key.client.b[0] != 127 && h.flows[i].key.virtual_port != 9);
	talk_end(&t);
	ct_io_stop(c);
	ct_io_stop(somebody);
}
END_TEST

START_TEST(an_entry_in_the_way)
{
	struct heard h;
	begin();
	struct ct_io *c = listen_at(TWO, &h, 0);
	struct flow a = made(1), b = made(2);
	ck_assert_int_eq(put(c, &a), 0);
	/* what is known of it is less than what the kernel knows: it stays so */
	struct flow less = a;
	less.flags &= ~CT_ASSURED;
	less.fwmark = 5;
	ck_assert_int_eq(put(c, &less), 0);
	look_at(c, &h);
	ck_assert(h.there == 1 && h.flows[0].fwmark == 5 && h.flows[0].flags == a.flags);
	/* the port of the translation is another connection's by now */
	b.ct.to_port = a.ct.to_port;
	ck_assert_int_eq(put(c, &b), 0);
	look_at(c, &h);
	ck_assert(h.there == 1 && ct_flow_same(&h.flows[0], &b));
	/* one that has gone is not made, only made short */
	struct flow gone = a;
	gone.flags |= CT_GONE;
	gone.timeout_s = 7;
	ck_assert_int_eq(put(c, &gone), 0);
	look_at(c, &h);
	ck_assert_uint_eq(h.there, 1);
	b.flags |= CT_GONE;
	b.timeout_s = 7;
	ck_assert_int_eq(put(c, &b), 0);
	look_at(c, &h);
	ck_assert(h.there == 1 && h.flows[0].timeout_s <= 7 && h.flows[0].state == CT_TCP_ESTABLISHED);
	/* as IPVS leaves it: the answer comes from elsewhere, and that is no translation of the kernel's */
	struct flow v = made(3);
	v.dest = (struct lb_ip){ AF_INET, { 10, 2, 0, 3 } };
	v.dest_port = 8080;
	ck_assert_int_eq(put(c, &v), 0);
	look_at(c, &h);
	const struct flow *f = h.flows[0].key.client_port == v.key.client_port ? &h.flows[0] : &h.flows[1];
	ck_assert(h.there == 2 && ct_flow_same(f, &v));
	uint32_t count = 0, max = 0;
	ck_assert(ct_io_count(c, &count, &max) == 0 && count == 2 && max > 2);
	ct_io_stop(c);
}
END_TEST

START_TEST(words_that_are_lost)
{
	struct heard h;
	struct sync_ct s;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0);
	make_many(somebody, 0, 3); /* there before us */
	side_open(&s, ONE, 2048);
	ck_assert_uint_eq(flow_table_count(s.table, FLOW_LOCAL), 3);
	ck_assert(found == 1 && !sync_ct_seeks(&s));
	int64_t began = lb_clock_now().us;
	make_many(somebody, 3, 4000);
	printf("FIGURES 4000 entries put in %lld us\n", (long long)(lb_clock_now().us - began));
	WAIT(s.lost > 0, 2000);
	ck_assert(sync_ct_seeks(&s));
	WAIT(turned(&s, flow_table_count(s.table, FLOW_LOCAL) == 4003), 15000);
	WAIT(turned(&s, !sync_ct_seeks(&s)), 15000);
	ck_assert_uint_gt(found, 1);
	/* and those that go while nobody listens */
	WAIT(turned(&s, !s.looking && !s.sweep.table), 15000);
	heard_all(&s);
	uint64_t lost = s.lost, looks = s.looks;
	for (unsigned i = 0; i < 2000; i++) {
		struct flow f = made(i);
		ck_assert_int_eq(ct_io_drop(somebody, &f), 0);
	}
	WAIT(s.lost > lost, 2000);
	WAIT(turned(&s, s.looks > looks && !s.sweep.table), 15000);
	for (unsigned i = 0; i < 4003; i++) {
		struct flow f = made(i);
		const struct flow_entry *e = flow_table_find(s.table, &f.key);
		ck_assert(e && !(e->flags & CT_GONE) == (i >= 2000));
	}
	sync_ct_close(&s);
	ct_io_stop(somebody);
}
END_TEST

/* That of every CT_AUDIT_S is none: in sync is who has no more to send than what changes. */
START_TEST(a_look_for_what_is_not_known)
{
	struct heard h;
	struct sync_ct s;
	struct sync_conf same = conf_all, other = { .conntrack = SYNC_CONNTRACK_AUTO, .n_nats = 1 };
	struct sync_skip nat = { .what = SYNC_ALL, .protocol = IPPROTO_TCP, .addr = { AF_INET, { 10, 2, 0, 2 } } };
	begin();
	other.nats = &nat;
	struct ct_io *somebody = listen_at(ONE, &h, 0);
	side_open(&s, ONE, 0);
	make_many(somebody, 0, 3);
	next_look(&s);
	ck_assert_uint_eq(flow_table_count(s.table, FLOW_LOCAL), 3);
	ck_assert_int_eq(sync_ct_conf(&s, &same), 0);
	ck_assert(found == 1 && !sync_ct_seeks(&s));
	sync_ct_again(&s);
	ck_assert(sync_ct_seeks(&s));
	next_look(&s);
	ck_assert(found == 2 && !sync_ct_seeks(&s));
	ck_assert_int_eq(sync_ct_conf(&s, &other), 0);
	ck_assert(sync_ct_seeks(&s));
	next_look(&s);
	ck_assert(found == 3 && !sync_ct_seeks(&s));
	ck_assert_int_eq(sync_ct_conf(&s, NULL), 0);
	ck_assert(!sync_ct_seeks(&s));
	sync_ct_close(&s);
	ct_io_stop(somebody);
}
END_TEST

int main(void)
{
	if (!may()) {
		printf("skipped: no right to a network namespace with nft\n");
		return 77;
	}
	Suite *s = suite_create("ct");
	TCase *c = tcase_create("kernel");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, a_connection_goes_on_elsewhere, 0, LEN(ways));
	tcase_add_test(c, what_is_told_and_what_is_not);
	tcase_add_test(c, an_entry_in_the_way);
	tcase_add_test(c, words_that_are_lost);
	tcase_add_test(c, a_look_for_what_is_not_known);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
