/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two nodes in one process, over real TCP: how the link comes, what it carries, how it goes and comes back. */
#include "node.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct node a, b;

static bool both_up(void)
{
	return tls_link_up(a.link) && tls_link_up(b.link);
}

static void pair_start(void)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	node_start(&a);
	node_start(&b);
	WAIT(both_up(), 5000);
}

static void pair_stop(void)
{
	node_stop(&a);
	node_stop(&b);
}

static void exchange(void)
{
	unsigned at_a = a.frames, at_b = b.frames;
	ck_assert_int_eq(tls_link_send(a.link, (const uint8_t *)"to beta", 7), 0);
	ck_assert_int_eq(tls_link_send(b.link, (const uint8_t *)"to alpha", 8), 0);
	WAIT(a.frames == at_a + 1 && b.frames == at_b + 1, 5000);
	ck_assert(a.last_n == 8 && memcmp(a.last, "to alpha", 8) == 0);
	ck_assert(b.last_n == 7 && memcmp(b.last, "to beta", 7) == 0);
}

START_TEST(they_meet_in_either_order)
{
	begin();
	for (int beta_first = 0; beta_first < 2; beta_first++) {
		alpha_init(&a);
		beta_init(&b);
		node_start(beta_first ? &b : &a);
		PASS(400);
		ck_assert_uint_eq(a.ups + b.ups, 0);
		ck_assert_uint_eq(a.downs, !beta_first); /* told once, though it was tried more often */
		ck_assert_uint_eq(a.because[TLS_REASON_REFUSED], !beta_first);
		node_start(beta_first ? &a : &b);
		WAIT(both_up(), 5000);
		struct lb_ip at = tls_link_theirs(a.link);
		ck_assert_int_eq(lb_ip_cmp(&at, &a.conf.paths[0].theirs), 0);
		exchange();
		ck_assert_uint_eq(tls_link_stats(b.link)->accepted, 1);
		node_stop(&a);
		WAIT(b.downs == 1, 5000);
		ck_assert_uint_eq(b.because[TLS_REASON_CLOSED], 1);
		ck_assert_uint_eq(tls_link_room(b.link), 0);
		node_stop(&b);
	}
}
END_TEST

START_TEST(what_can_be_sent_is_said)
{
	static uint8_t big[TLS_FRAME_MAX + 1];
	begin();
	alpha_init(&a);
	beta_init(&b);
	node_start(&a);
	ck_assert_int_eq(tls_link_send(a.link, big, 1), -ENOTCONN);
	ck_assert_uint_eq(tls_link_room(a.link), 0);
	node_start(&b);
	WAIT(both_up(), 5000);
	ck_assert_int_eq(tls_link_send(a.link, big, 0), -EMSGSIZE);
	ck_assert_int_eq(tls_link_send(a.link, big, TLS_FRAME_MAX + 1), -EMSGSIZE);
	unsigned n = 0;
	while (tls_link_room(a.link)) { /* no turn of the loop in between: nothing leaves */
		size_t room = tls_link_room(a.link);
		if (room < TLS_FRAME_MAX)
			ck_assert_int_eq(tls_link_send(a.link, big, room + 1), -ENOBUFS);
		big[0] = (uint8_t)++n;
		ck_assert_int_eq(tls_link_send(a.link, big, room), 0);
	}
	ck_assert_uint_eq(n, 4);
	ck_assert_int_eq(tls_link_send(a.link, big, 1), -ENOBUFS);
	WAIT(b.frames == 4, 5000);
	ck_assert_uint_eq(b.bytes, TLS_ROOM - 4 * 4);
	ck_assert_uint_eq(b.last[0], 4);
	WAIT(a.writes > 0, 5000);
	ck_assert_uint_eq(tls_link_stats(a.link)->bytes_out, b.bytes);
	ck_assert_uint_eq(tls_link_stats(b.link)->bytes_in, b.bytes);
	pair_stop();
}
END_TEST

/* ---- much ---- */

#define MUCH (100u * 1024u * 1024u)

/* Frames of all lengths; the pattern goes on from frame to frame, so that a byte too many or too few is seen. */
static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 7 + (at >> 16));
}

static void more(struct node *n)
{
	static uint8_t bytes[TLS_FRAME_MAX];
	while (n->sent < MUCH) {
		size_t len = n->sent * 31 % TLS_FRAME_MAX + 1, left = MUCH - n->sent;
		len = len < left ? len : left;
		if (tls_link_room(n->link) < len)
			return;
		for (size_t i = 0; i < len; i++)
			bytes[i] = pattern(n->sent + i);
		ck_assert_int_eq(tls_link_send(n->link, bytes, len), 0);
		n->sent += len;
	}
}

static void look(struct node *n)
{
	uint64_t from = n->bytes - n->last_n;
	for (size_t i = 0; i < n->last_n; i++)
		if (n->last[i] != pattern(from + i))
			ck_abort_msg("byte %zu of what came is another", (size_t)from + i);
}

START_TEST(much_in_both_directions)
{
	pair_start();
	a.on_write = b.on_write = more;
	a.on_frame = b.on_frame = look;
	int64_t from = lb_clock_now().us;
	more(&a);
	more(&b);
	WAIT(a.bytes == MUCH && b.bytes == MUCH, 60000);
	double s = (double)(lb_clock_now().us - from) / 1e6;
	printf("100 MiB each way in %.2f s: %.0f MiB/s each, one processor for both nodes\n", s, 100 / s);
	ck_assert_uint_eq(a.downs + b.downs, 0);
	pair_stop();
}
END_TEST

/* ---- keys ---- */

static const struct {
	const char *what;
	uint8_t alpha[2], beta[2];
	bool up;
} changes[] = {
	{ "alpha has the new key in front, beta has not heard of it", { 2, 1 }, { 1, 0 }, true },
	{ "both have both", { 2, 1 }, { 2, 1 }, true },
	{ "in another order", { 2, 1 }, { 1, 2 }, true },
	{ "beta has the new one alone", { 2, 1 }, { 2, 0 }, true },
	{ "alpha has the old one alone", { 1, 0 }, { 2, 1 }, true },
	{ "no key is the same", { 1, 0 }, { 2, 0 }, false },
	{ "none of four", { 1, 2 }, { 3, 4 }, false },
};

START_TEST(a_key_is_changed)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	for (size_t i = 0; i < 2; i++) {
		conf_key(&a.conf, i, changes[_i].alpha[i]);
		conf_key(&b.conf, i, changes[_i].beta[i]);
	}
	node_start(&b);
	node_start(&a);
	if (changes[_i].up) {
		WAIT(both_up(), 5000);
		ck_assert_msg(a.downs + b.downs == 0, "%s: %s %s", changes[_i].what, a.text, b.text);
	} else {
		WAIT(a.downs && b.downs, 5000);
		PASS(300);
		ck_assert_msg(a.downs == 1 && b.downs == 1 && a.because[TLS_REASON_KEY] && b.because[TLS_REASON_KEY],
			"%s: %s %s", changes[_i].what, a.text, b.text);
		ck_assert_str_eq(a.text, BETA ": it has another key");
		ck_assert_uint_eq(a.ups + b.ups, 0);
	}
	pair_stop();
}
END_TEST

/* ---- names ---- */

static const struct {
	const char *what, *self, *peer;
	uint8_t cluster;
} strangers[] = {
	{ "another cluster", "alpha", "beta", 8 },
	{ "another node", "aleph", "beta", 7 },
	{ "it looks for another node", "alpha", "gamma", 7 },
};

START_TEST(a_stranger_with_the_right_key)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	a.conf = conf_of(strangers[_i].self, strangers[_i].peer, ALPHA, BETA);
	a.conf.cluster = strangers[_i].cluster;
	node_start(&b);
	node_start(&a);
	WAIT(a.downs && b.downs, 5000);
	PASS(200);
	ck_assert_msg(a.ups + b.ups + a.frames + b.frames == 0, "%s", strangers[_i].what);
	ck_assert_msg(a.downs == 1 && a.because[TLS_REASON_KEY] == 1, "%s: %s", strangers[_i].what, a.text);
	ck_assert_msg(b.downs == 1 && b.because[TLS_REASON_KEY] == 1, "%s: %s", strangers[_i].what, b.text);
	ck_assert_str_eq(b.text, ALPHA ": it asks for another cluster or another node");
	pair_stop();
}
END_TEST

/* ---- ways ---- */

START_TEST(it_goes_round_the_addresses)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	a.conf.n_paths = 0;
	conf_path(&a.conf, "127.0.1.1", "127.0.1.2"); /* nobody there */
	conf_path(&a.conf, "10.77.0.1", "10.77.0.2"); /* an address that we do not have */
	conf_path(&a.conf, ALPHA, BETA);
	node_start(&b);
	node_start(&a);
	WAIT(both_up(), 5000);
	struct lb_ip at = tls_link_theirs(a.link);
	ck_assert_int_eq(lb_ip_cmp(&at, &a.conf.paths[2].theirs), 0);
	ck_assert(a.because[TLS_REASON_REFUSED] == 1 && a.because[TLS_REASON_UNREACHABLE] == 1);
	pair_stop();
}
END_TEST

/* Both families; and addresses that come when the link has been asked for already. */
START_TEST(an_address_that_comes_later)
{
	static const char *const addresses[2][2] = { { "10.77.1.1", "10.77.1.2" }, { "fd00:77::1", "fd00:77::2" } };
	const char *const *at = addresses[_i];
	char text[128];
	begin();
	a = (struct node){ .conf = conf_of("alpha", "beta", at[0], at[1]) };
	b = (struct node){ .conf = conf_of("beta", "alpha", at[1], at[0]) };
	node_start(&a);
	node_start(&b);
	WAIT(a.because[TLS_REASON_UNREACHABLE] == 1, 5000);
	ck_assert_ptr_nonnull(strstr(a.text, at[0])); /* it is our own that is not there */
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "addr add %s/%s dev lo %s", at[i], _i ? "128" : "32", _i ? "nodad" : "");
		world_ip(text);
	}
	WAIT(both_up(), 10000);
	exchange();
	pair_stop();
}
END_TEST

START_TEST(a_listener_that_is_not_free_is_tried_again)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	struct node other;
	beta_init(&other);
	node_start(&other); /* it has the address and the port */
	node_start(&b);
	node_stop(&other);
	node_start(&a);
	WAIT(both_up(), 10000);
	pair_stop();
}
END_TEST

/* ---- ends ---- */

START_TEST(goodbye_arrives_and_it_comes_back)
{
	pair_start();
	PASS(1100); /* a link that lived */
	ck_assert_int_eq(tls_link_send(b.link, (const uint8_t *)"bye", 3), 0);
	tls_link_drop(b.link, false);
	ck_assert(!tls_link_up(b.link));
	int64_t from = lb_clock_now().us;
	WAIT(a.downs == 1, 5000);
	ck_assert(a.frames == 1 && memcmp(a.last, "bye", 3) == 0);
	ck_assert_uint_eq(a.because[TLS_REASON_CLOSED], 1);
	WAIT(both_up(), 5000);
	int64_t took_us = lb_clock_now().us - from;
	ck_assert_msg(took_us < 2000000, "%ld us", (long)took_us); /* the shortest back-off, and slack */
	ck_assert_uint_eq(b.downs, 0);
	tls_link_drop(a.link, false);
	WAIT(b.downs == 1 && both_up(), 5000);
	exchange();
	pair_stop();
}
END_TEST

static void drop(struct node *n)
{
	tls_link_drop(n->link, false);
}

START_TEST(a_link_that_never_lives_is_dialled_less_and_less)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	b.on_up = drop;
	node_start(&b);
	node_start(&a);
	WAIT(b.ups == 5, 30000);
	int64_t from = lb_clock_now().us;
	WAIT(b.ups == 6, 30000);
	ck_assert_int_ge(
		lb_clock_now().us - from, 1500000); /* 100 ms five times doubled, and not yet what it would be */
	pair_stop();
}
END_TEST

/* A way that carries the beginning of a link each time, and then nothing. */
static bool on_path(const struct node *n, size_t path)
{
	struct lb_ip at = tls_link_theirs(n->link);
	return tls_link_up(n->link) && lb_ip_cmp(&at, &n->conf.paths[path].theirs) == 0;
}

static void drop_on_the_first(struct node *n)
{
	if (on_path(n, 0))
		tls_link_drop(n->link, false);
}

START_TEST(a_path_that_only_begins_is_not_taken_again)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	conf_path(&a.conf, "127.0.1.1", "127.0.1.2");
	conf_path(&b.conf, "127.0.1.2", "127.0.1.1");
	if (_i < 2) /* whoever ends it */
		(_i ? &b : &a)->on_up = drop_on_the_first;
	node_start(&b);
	node_start(&a);
	if (_i == 2) { /* it was good for a while */
		WAIT(both_up(), 5000);
		ck_assert(on_path(&a, 0));
		PASS(5500);
		tls_link_drop(a.link, true);
	}
	WAIT(on_path(&a, 1) && on_path(&b, 1), 15000);
	exchange();
	pair_stop();
}
END_TEST

/* Nothing goes through, and nobody says so. */
START_TEST(silence_is_noticed)
{
	pair_start();
	exchange();
	PASS(1100);
	int64_t from = lb_clock_now().us;
	world_lo(false);
	if (_i) /* with something to send, and without */
		ck_assert_int_eq(tls_link_send(a.link, (const uint8_t *)"x", 1), 0);
	WAIT(a.downs && b.downs, 15000);
	int64_t took_us = lb_clock_now().us - from;
	printf("silence was noticed after %.1f s\n", (double)took_us / 1e6);
	ck_assert_int_ge(took_us, 1000000);
	ck_assert_msg(a.because[TLS_REASON_TIMEOUT] + a.because[TLS_REASON_UNREACHABLE] > 0, "%s", a.text);
	ck_assert_msg(b.because[TLS_REASON_TIMEOUT] + b.because[TLS_REASON_UNREACHABLE] > 0, "%s", b.text);
	world_lo(true);
	WAIT(both_up(), 15000);
	exchange();
	pair_stop();
}
END_TEST

/* ---- the owner frees it in one of its calls ---- */

static void free_it(struct node *n)
{
	node_stop(n);
}

START_TEST(it_may_be_freed_in_each_call)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	struct node *const who = _i % 2 ? &a : &b;
	switch (_i / 2) {
	case 0: who->on_up = free_it; break;
	case 1: who->on_frame = free_it; break;
	case 2: who->on_write = free_it; break;
	default: who->on_down = free_it; break;
	}
	node_start(&a);
	node_start(&b);
	if (_i / 2 == 0) {
		WAIT(!who->link, 5000);
	} else {
		WAIT(who->link == NULL || both_up(), 5000); /* down: refused, where alpha was too early */
		struct node *const other = _i % 2 ? &b : &a;
		for (int i = 0; i < 3 && other->link && tls_link_up(other->link); i++)
			(void)tls_link_send(other->link, (const uint8_t *)"abc", 3); /* three frames in one record */
		if (who->link && tls_link_up(who->link))
			(void)tls_link_send(who->link, (const uint8_t *)"abc", 3);
		if (_i / 2 == 3)
			node_stop(other);
		WAIT(!who->link, 5000);
		ck_assert_uint_le(who->frames, _i / 2 == 1 ? 1 : 3);
	}
	unsigned before = who->ups + who->downs + who->frames + who->writes;
	PASS(300);
	ck_assert_uint_eq(before, who->ups + who->downs + who->frames + who->writes);
	if (a.link)
		node_stop(&a);
	if (b.link)
		node_stop(&b);
}
END_TEST

/* ---- many times ---- */

static size_t memory(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

START_TEST(a_thousand_times)
{
	size_t fds = 0, bytes = 0;
	begin();
	beta_init(&b);
	node_start(&b);
	for (unsigned i = 1; i <= 1000; i++) {
		alpha_init(&a);
		node_start(&a);
		WAIT(a.ups == 1 && b.ups == i, 5000);
		node_stop(&a);
		WAIT(b.downs == i, 5000);
		if (i == 100) {
			fds = count_fds();
			bytes = memory();
		}
	}
	printf("from 100 to 1000 links: %+ld descriptors, %+ld bytes\n", (long)(count_fds() - fds),
		(long)memory() - (long)bytes);
	ck_assert_uint_eq(count_fds(), fds);
	ck_assert_int_le((long)memory() - (long)bytes, 16384);
	node_stop(&b);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("tls");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, they_meet_in_either_order);
	tcase_add_test(tc, what_can_be_sent_is_said);
	tcase_add_test(tc, much_in_both_directions);
	tcase_add_loop_test(tc, a_key_is_changed, 0, sizeof(changes) / sizeof(changes[0]));
	tcase_add_loop_test(tc, a_stranger_with_the_right_key, 0, sizeof(strangers) / sizeof(strangers[0]));
	tcase_add_test(tc, it_goes_round_the_addresses);
	tcase_add_loop_test(tc, an_address_that_comes_later, 0, 2);
	tcase_add_test(tc, a_listener_that_is_not_free_is_tried_again);
	tcase_add_test(tc, goodbye_arrives_and_it_comes_back);
	tcase_add_test(tc, a_link_that_never_lives_is_dialled_less_and_less);
	tcase_add_loop_test(tc, a_path_that_only_begins_is_not_taken_again, 0, 3);
	tcase_add_loop_test(tc, silence_is_noticed, 0, 2);
	tcase_add_loop_test(tc, it_may_be_freed_in_each_call, 0, 8);
	tcase_add_test(tc, a_thousand_times);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	if (!world_make()) {
		printf("skipped: no right to make a network namespace\n");
		return 77;
	}
	SRunner *r = srunner_create(make_suite());
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
