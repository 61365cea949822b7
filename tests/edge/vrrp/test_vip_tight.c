/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When memory, descriptors and buffers are not there, and when the helper is not. */
#include "tests/edge/vrrp/host.h"

#include <sys/resource.h>

/* ---- when it gets tight ---- */

static void begin_tight(void)
{
	vip_net_free(net);
	receive_buffer = 1;
	begin_net();
	receive_buffer = 0;
	v0 = vip_card_get(net, "v0");
	MUST(heard.cards && v0->up);
}

START_TEST(messages_are_lost)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	begin_tight();
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	QUIET(200);
	ck_assert_uint_eq(held(), 2);
	heard.overruns = 0;
	heard.came = heard.left = 0;
	/* more than fits, then what matters */
	sh("for i in 1 2 3 4 5 6 7 8 9 10; do ip addr add 10.5.0.$i/32 dev v1; done;"
	   "ip addr del 10.77.0.1/32 dev v0; ip addr add 10.77.0.9/32 dev v0; ip addr del 10.0.0.1/24 dev v0;"
	   "ip addr add 10.0.3.3/24 dev v0; ip link set v0 address 02:00:00:00:00:99");
	MUST(heard.overruns == 1);
	ck_assert_uint_eq(heard.left, 1);
	ck_assert_uint_eq(heard.came, 1);
	ck_assert_uint_eq(heard.card.source4.b[2], 3);
	ck_assert_uint_eq(heard.card.mac[5], 0x99);
	QUIET(100);
	ck_assert_uint_eq(heard.overruns, 1);
	sh("ip link del v0");
	MUST(heard.card.index == 0);
}
END_TEST

/* With room for one answer there is one request at a time; none is lost. */
START_TEST(a_narrow_window)
{
	static struct vip v[200];
	for (unsigned i = 0; i < 200; i++)
		v[i] = vip(i % 2 ? AF_INET : AF_INET6, i + 1);
	begin_tight();
	unsigned before = sends;
	ck_assert_int_eq(vips_add(net, v0, v, 200, 0), 0);
	ck_assert_uint_eq(held(), 1);
	MUST(held() == 200);
	ck_assert_uint_ge(sends - before, 200);
	ck_assert_int_eq(vips_del(net, v0, v, 200), 0);
	MUST(held() == 0);
	QUIET(100);
	assert_silent();
}
END_TEST

static const struct {
	const char *what;
	int err;
	unsigned times, refused;
} blocked[] = {
	{ "the socket is full", EAGAIN, 3, 0 },
	{ "no buffer", ENOBUFS, 3, 0 },
	{ "no memory", ENOMEM, 1, 0 },
	{ "interrupted", EINTR, 2, 0 },
	{ "forbidden", EACCES, 1, 2 },
};

START_TEST(sending_does_not_go)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	send_errno = blocked[_i].err;
	send_failures = blocked[_i].times;
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	if (blocked[_i].refused) {
		MUST(heard.add_refused == 2 && heard.err == blocked[_i].err);
		ck_assert_uint_eq(held(), 0);
		ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	}
	MUST(held() == 2);
	QUIET(100);
	ck_assert_uint_eq(heard.add_refused, blocked[_i].refused);
	ck_assert_uint_eq(heard.came + heard.left, 0);
	/* a dump that cannot be asked for is asked for again */
	send_failures = blocked[_i].times;
	struct vip_card *v1 = vip_card_get(net, "v1");
	MUST(v1->up);
	vip_card_put(net, v1);
}
END_TEST

START_TEST(no_descriptors)
{
	struct rlimit was, few;
	int err = 0;
	getrlimit(RLIMIT_NOFILE, &was);
	int lowest = dup(0);
	close(lowest);
	for (unsigned i = 0; i < 2; i++) { /* none; one of two */
		few = was;
		few.rlim_cur = (rlim_t)lowest + i;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		ck_assert_ptr_null(vip_net_new(loop, &calls, &heard, -1, &err));
		ck_assert_int_eq(err, -EMFILE);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	}
	ck_assert_int_eq(dup(0), lowest); /* nothing was left open */
	close(lowest);
}
END_TEST

START_TEST(no_memory_to_ask)
{
	static struct vip v[100];
	int err = 0, failed = 0;
	for (unsigned i = 0; i < 100; i++)
		v[i] = vip(AF_INET, i + 1);
	memory = 0; /* for check, too: it must not be asked meanwhile */
	struct vip_net *no_net = vip_net_new(loop, &calls, &heard, -1, &err);
	struct vip_card *v1 = vip_card_get(net, "v1"), *again = vip_card_get(net, "v0");
	memory = -1;
	ck_assert_ptr_null(no_net);
	ck_assert_int_eq(err, -ENOMEM);
	ck_assert_ptr_null(v1);
	ck_assert_ptr_eq(again, v0);
	vip_card_put(net, v0);
	for (memory = 1;; failed++) { /* at every allocation in turn */
		int at = memory;
		int rc = vips_add(net, v0, v, 100, 0);
		if (rc == 0)
			break;
		memory = -1;
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_int_eq(vips_add(net, v0, v, 0, 0), 0); /* would send what was left in the queue */
		ck_assert_uint_eq(held(), 0);
		QUIET(5);
		memory = at + 1;
	}
	memory = -1;
	ck_assert_int_ge(failed, 100);
	ck_assert_uint_eq(held(), 100);
	QUIET(100);
	assert_silent();
}
END_TEST

/* Memory is out while the kernel tells: nothing is told wrongly, and everything once there is some again. */
START_TEST(no_memory_to_hear)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	QUIET(100);
	sh("ip addr del 10.77.0.1/32 dev v0 && ip addr add 10.77.0.7/32 dev v0 && ip addr del 10.0.0.1/24 dev v0 &&"
	   "ip addr add 10.0.3.3/24 dev v0");
	memory = 0;
	QUIET(100);
	memory = -1;
	ck_assert_uint_eq(heard.left + heard.came, 0);
	MUST(heard.left == 1 && heard.came == 1 && heard.card.source4.b[2] == 3);
	QUIET(100);
	ck_assert_uint_eq(heard.left + heard.came, 2);
}
END_TEST

START_TEST(ended_from_inside_a_call)
{
	struct vip_card *v1 = vip_card_get(net, "v1");
	heard.free_it = true;
	(void)v1;
	MUST(net == NULL);
}
END_TEST

START_TEST(nobody_watches_any_more)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	send_errno = EAGAIN;
	send_failures = 1;
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	vip_card_put(net, v0);
	unsigned n = heard.cards;
	MUST(held() == 2);
	sh("ip link set v0 down");
	QUIET(100);
	ck_assert_uint_eq(heard.cards, n);
	assert_silent();
	v0 = vip_card_get(net, "v0");
	MUST(heard.cards == n + 1 && heard.came == 1 && !v0->up);
}
END_TEST

/* ---- through the helper ---- */

/* What was asked for before the end is done: this process may be gone by then. */
START_TEST(the_helper_settles)
{
	static struct vip v[300];
	int status = -1;
	for (unsigned i = 0; i < 300; i++)
		v[i] = vip(AF_INET, i + 1);
	ck_assert_int_eq(vips_add(net, v0, v, 300, 3), 0);
	MUST(held() == 300 && vip_net_waiting_ms(net) == 0);
	ck_assert_int_eq(vips_del(net, v0, v, 300), 0);
	vip_net_settle(net, 5000);
	ck_assert_uint_eq(held(), 0);
	ck_assert_int_eq(waitpid(helper, &status, 0), helper);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_helper_is_killed)
{
	kill(helper, SIGKILL);
	MUST(heard.broken > 0);
	ck_assert_int_eq(waitpid(helper, NULL, 0), helper);
	struct vip v = vip(AF_INET, 1);
	(void)vips_add(net, v0, &v, 1, 0); /* goes nowhere, and hurts nobody */
	QUIET(50);
	ck_assert_uint_eq(heard.broken, 1);
	ck_assert_uint_eq(held(), 0);
}
END_TEST

/* Somebody holds the kernel's lock: nothing of ours waits, and how long is known. */
START_TEST(the_helper_waits_for_us)
{
	struct vip v = vip(AF_INET, 1);
	kill(helper, SIGSTOP);
	struct lb_time start = lb_clock_now();
	ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), 0);
	QUIET(300);
	ck_assert_int_ge(vip_net_waiting_ms(net), 250);
	ck_assert_int_lt(lb_time_diff_us(lb_clock_now(), start), 5000000);
	ck_assert_uint_eq(held(), 0);
	kill(helper, SIGCONT);
	MUST(held() == 1);
	MUST(vip_net_waiting_ms(net) == 0);
	assert_silent();
}
END_TEST

/* A dump, too, is something that may never be answered. */
START_TEST(a_dump_that_is_not_answered)
{
	kill(helper, SIGSTOP);
	unsigned n = heard.cards;
	ck_assert_ptr_eq(vip_card_get(net, "v0"), v0);
	struct vip_card *other = vip_card_get(net, "v1");
	QUIET(300);
	ck_assert_int_ge(vip_net_waiting_ms(net), 250);
	ck_assert(!vip_net_busy(net));
	kill(helper, SIGCONT);
	MUST(heard.cards > n + 1 && other->index);
	MUST(vip_net_waiting_ms(net) == 0);
	vip_card_put(net, v0);
	vip_card_put(net, other);
}
END_TEST

static void add_plain(TCase *tc)
{
	tcase_add_test(tc, messages_are_lost);
	tcase_add_test(tc, a_narrow_window);
	tcase_add_loop_test(tc, sending_does_not_go, 0, LEN(blocked));
	tcase_add_test(tc, no_descriptors);
	tcase_add_test(tc, no_memory_to_ask);
	tcase_add_test(tc, no_memory_to_hear);
	tcase_add_test(tc, ended_from_inside_a_call);
	tcase_add_test(tc, nobody_watches_any_more);
}

static void add_helped(TCase *tc)
{
	tcase_add_test(tc, ended_from_inside_a_call);
	tcase_add_test(tc, the_helper_settles);
	tcase_add_test(tc, the_helper_is_killed);
	tcase_add_test(tc, the_helper_waits_for_us);
	tcase_add_test(tc, a_dump_that_is_not_answered);
}

int main(void)
{
	return host_run(suite_create("vip_tight"), add_plain, add_helped, NULL);
}
