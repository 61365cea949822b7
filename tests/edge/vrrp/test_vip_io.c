/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cards, addresses, frames. */
#include "lbd/vrrp/vrrp_announce.h"
#include "tests/edge/vrrp/host.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>

/* ---- cards ---- */

START_TEST(a_card_and_its_fortunes)
{
	unsigned n = heard.cards;
	struct lb_ip ip;
	ck_assert(v0->index > 0 && v0->has_mac && v0->source6.family == 0);
	ck_assert_int_eq(lb_ip_parse("10.0.0.1", 8, &ip), 0);
	ck_assert_int_eq(lb_ip_cmp(&v0->source4, &ip), 0);

	sh("ip link set v1 down"); /* its carrier */
	MUST(!v0->up && heard.cards > n && !heard.card.up);
	sh("ip link set v1 up");
	MUST(heard.card.up);
	sh("ip link set v0 down");
	MUST(!heard.card.up);
	sh("ip link set v0 address 02:00:00:00:00:77 && ip link set v0 up");
	MUST(heard.card.up && memcmp(heard.card.mac, "\2\0\0\0\0\x77", 6) == 0);

	int index = v0->index;
	sh("ip link set v0 down && ip link set v0 name x0 && ip link set x0 up");
	MUST(heard.card.index == 0);
	struct vip_card *x0 = vip_card_get(net, "x0");
	MUST(x0->index == index && x0->up && lb_ip_cmp(&x0->source4, &ip) == 0);
	vip_card_put(net, x0);
	sh("ip link set x0 down && ip link set x0 name v0 && ip link set v0 up");
	MUST(strcmp(heard.card.name, "v0") == 0 && heard.card.index == index && heard.card.up &&
		lb_ip_cmp(&heard.card.source4, &ip) == 0);

	sh("ip link del v0");
	MUST(heard.card.index == 0 && !v0->has_mac && v0->source4.family == 0);
	sh("ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up &&"
	   "ip addr add 10.0.0.1/24 dev v0");
	MUST(heard.card.up && heard.card.index != index && lb_ip_cmp(&heard.card.source4, &ip) == 0);

	ck_assert_ptr_eq(vip_card_get(net, "v0"), v0);
	n = heard.cards;
	MUST(heard.cards == n + 1); /* once more for who asked again */
	vip_card_put(net, v0);
	QUIET(100);
	ck_assert_uint_eq(heard.cards, n + 1);
	ck_assert_uint_eq(heard.overruns, 0);
	assert_silent();
}
END_TEST

START_TEST(a_bridge_is_left_without_an_end)
{
	sh("ip link add br0 type bridge && ip link set v0 master br0");
	QUIET(100);
	sh("ip link set v0 nomaster");
	QUIET(100);
	ck_assert(v0->index > 0 && v0->up);
}
END_TEST

START_TEST(sources)
{
	struct lb_ip want;
	sh("ip addr add 10.0.0.2/24 dev v0 && ip addr add 10.77.0.9/32 dev v0 && ip addr add 10.0.9.1/24 dev v0");
	MUST(heard.came == 1);                /* virtual, and not from us */
	sh("ip addr del 10.0.0.1/24 dev v0"); /* takes 10.0.0.2 along, or promotes it */
	MUST(heard.card.source4.b[3] != 1 || heard.card.source4.b[2] == 9);
	sh("ip addr flush dev v0 && ip addr add 10.77.0.9/32 dev v0");
	MUST(heard.card.source4.family == 0);

	/* the peer has the address: the first one is never fit, the second one after its second of waiting */
	sh("ip addr add fe80::5/64 dev v1 nodad && ip addr add fe80::5/64 dev v0 && ip addr add fe80::6/64 dev v0");
	struct lb_time begun = lb_clock_now();
	MUST(heard.card.source6.family);
	ck_assert_int_eq(lb_ip_parse("fe80::6", 7, &want), 0);
	ck_assert_int_eq(lb_ip_cmp(&heard.card.source6, &want), 0);
	ck_assert(lb_time_diff_us(lb_clock_now(), begun) > 500000);
	sh("! ip -6 addr show dev v0 tentative | grep -q fe80::6/");
	sh("ip -6 addr show dev v0 dadfailed | grep -q fe80::5/");
	sh("ip addr del fe80::6/64 dev v0");
	MUST(heard.card.source6.family == 0);
}
END_TEST

START_TEST(ten_changes_a_second)
{
	unsigned n = heard.cards;
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 20; i++) {
			int rc = system(
				i % 5 == 4 ? "ip link del v0; ip link add v0 type veth peer name v1; ip link set v0 up;"
					     "ip link set v1 up; ip addr add 10.0.0.1/24 dev v0"
				: i % 2    ? "ip link set v1 up"
					   : "ip link set v1 down");
			if (rc)
				_exit(1);
			poll(NULL, 0, 50);
		}
		_exit(system("ip link set v1 up") ? 1 : 0);
	}
	int status = -1;
	ck_assert(WAIT(20000, waitpid(child, &status, WNOHANG) == child));
	ck_assert_int_eq(status, 0);
	MUST(heard.card.up && heard.card.index == (int)if_nametoindex("v0") && heard.card.source4.family);
	QUIET(100);
	ck_assert_mem_eq(&heard.card, v0, sizeof(*v0));
	ck_assert_msg(heard.cards - n >= 15 && heard.cards - n <= 120, "told %u times", heard.cards - n);
	ck_assert_uint_eq(heard.overruns, 0);
}
END_TEST

/* ---- addresses ---- */

static const struct {
	const char *what;
	unsigned n; /* of either family */
	unsigned sends;
} batches[] = {
	{ "one of each", 1, 1 },
	{ "two hundred of each", 200, 1 },
	{ "more than a batch", 300, 2 },
};

START_TEST(a_batch)
{
	static struct vip v[600];
	unsigned n = batches[_i].n;
	for (unsigned i = 0; i < n; i++) {
		v[i] = vip(AF_INET, i + 1);
		v[n + i] = vip(AF_INET6, i + 1);
	}
	for (int round = 0; round < 3; round++) { /* added, and renewed */
		unsigned before = sends;
		ck_assert_int_eq(vips_add(net, v0, v, 2 * n, 20), 0);
		ck_assert_msg(sends - before == batches[_i].sends, "%s: %u", batches[_i].what, sends - before);
		MUST_NOW(held() == 2 * n);
		QUIET(100);
	}
	assert_silent();
	sh("ip -6 addr show dev v0 | grep -A1 fd77::1/128 | grep -q 'preferred_lft 0sec'");
	sh("! ip -6 addr show dev v0 tentative | grep -q fd77");
	unsigned before = sends;
	ck_assert_int_eq(vips_del(net, v0, v, 2 * n), 0);
	ck_assert_uint_eq(sends - before, batches[_i].sends);
	MUST_NOW(held() == 0);
	ck_assert_int_eq(vips_del(net, v0, v, 2 * n), 0); /* they are not there: no error */
	QUIET(100);
	assert_silent();
	ck_assert_uint_eq(v0->source4.b[1], 0);
}
END_TEST

START_TEST(added_and_removed_in_one_breath)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
		if (i % 3 == 0)
			ev_run(loop, EVRUN_NOWAIT);
		ck_assert_int_eq(vips_del(net, v0, v, 2), 0);
		if (i % 7 == 0)
			ev_run(loop, EVRUN_NOWAIT);
	}
	QUIET(200);
	assert_silent();
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	QUIET(100);
	sh("ip addr flush dev v0 to 10.77.0.0/16 && ip addr del fd77::1/128 dev v0");
	MUST(heard.left == 2);
}
END_TEST

START_TEST(leases)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(vips_add(net, v0, v, 2, 1), 0);
		QUIET(300);
	}
	assert_silent();
	ck_assert_uint_eq(held(), 2);
	struct lb_time begun = lb_clock_now();
	MUST(heard.left == 2);
	int64_t took_ms = lb_time_diff_us(lb_clock_now(), begun) / 1000;
	ck_assert_msg(took_ms > 500 && took_ms < 1700, "%lld ms", (long long)took_ms);
	ck_assert_uint_eq(held(), 0);
	QUIET(100);
	ck_assert_uint_eq(heard.left, 2); /* once each */
	ck_assert_int_eq(vips_del(net, v0, v, 2), 0);
	QUIET(100);
	ck_assert_uint_eq(heard.left + heard.came + heard.del_refused, 2);
}
END_TEST

START_TEST(others_meddle)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	QUIET(100);
	sh("ip addr del 10.77.0.1/32 dev v0");
	MUST(heard.left == 1 && lb_ip_cmp(&heard.ip, &v[0].ip) == 0);
	sh("ip addr del fd77::1/128 dev v0");
	heard.add = &v[1]; /* added again from inside the call */
	MUST(heard.left == 2 && lb_ip_cmp(&heard.ip, &v[1].ip) == 0);
	QUIET(100);
	ck_assert_uint_eq(held(), 1);
	ck_assert_int_eq(vips_del(net, v0, v, 2), 0);
	QUIET(100);
	ck_assert_uint_eq(heard.left + heard.came, 2);
	sh("ip addr add 10.77.0.1/32 dev v0");
	MUST(heard.came == 1 && lb_ip_cmp(&heard.ip, &v[0].ip) == 0);
	sh("ip addr add fd77::1/64 dev v0 nodad"); /* with another prefix */
	MUST(heard.came == 2 && lb_ip_cmp(&heard.ip, &v[1].ip) == 0);
	ck_assert_int_eq(vips_del(net, v0, v, 2), 0);
	MUST(heard.del_refused == 1 && heard.err == EADDRNOTAVAIL && lb_ip_cmp(&heard.ip, &v[1].ip) == 0);
	ck_assert_uint_eq(held(), 1);
}
END_TEST

/* A card that goes down keeps its IPv4 addresses and loses those of IPv6. */
START_TEST(the_card_goes_down_with_addresses)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	QUIET(100);
	sh("ip link set v0 down");
	MUST(!heard.card.up && heard.left == 1 && heard.ip.family == AF_INET6);
	sh("ip link del v0");
	MUST(heard.card.index == 0 && heard.left == 2 && heard.ip.family == AF_INET);
}
END_TEST

START_TEST(a_primary_takes_its_secondaries_along)
{
	struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET, 2) };
	v[0].prefix = v[1].prefix = 24;
	sh("sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.v0.promote_secondaries=0");
	ck_assert_int_eq(vips_add(net, v0, v, 2, 0), 0);
	QUIET(100);
	ck_assert_int_eq(vips_del(net, v0, v, 1), 0);
	MUST(heard.left == 1);
	ck_assert_int_eq(lb_ip_cmp(&heard.ip, &v[1].ip), 0);
}
END_TEST

START_TEST(refused)
{
	struct vip v = vip(AF_INET, 1), bad = vip(AF_INET, 1), none = vip(AF_INET6, 1);
	struct vip_card stranger = *v0;
	bad.prefix = 33;
	ck_assert_int_eq(vips_add(net, v0, &bad, 1, 0), -EINVAL);
	bad.ip.family = 0;
	ck_assert_int_eq(vips_del(net, v0, &bad, 1), -EINVAL);
	ck_assert_int_eq(vips_add(net, &stranger, &v, 1, 0), -EINVAL);
	ck_assert_int_eq(vips_add(net, v0, &v, 0, 0), 0);
	none.ip.b[0] = 0xff; /* a group is no address */
	ck_assert_int_eq(vips_add(net, v0, &none, 1, 0), 0);
	MUST(heard.add_refused == 1 && heard.err);
	ck_assert_int_eq(lb_ip_cmp(&heard.ip, &none.ip), 0);

	unsigned so_far = 1;
	if (!with_helper) { /* that one has its rights already */
		ck_assert_int_eq(seteuid(65534), 0);
		ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), 0);
		ck_assert_int_eq(seteuid(0), 0);
		MUST(heard.add_refused == 2 && heard.err == EPERM);
		so_far = 2;
	}

	sh("ip link del v0"); /* and nobody has told us */
	ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), 0);
	ck_assert_int_eq(vips_del(net, v0, &v, 1), 0);
	MUST(heard.add_refused == so_far + 1 && heard.err == ENODEV && heard.card.index == 0);
	ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), -ENODEV);
	ck_assert_int_eq(vips_del(net, v0, &v, 1), 0);
	QUIET(100);
	ck_assert_uint_eq(heard.came + heard.left + heard.del_refused, 0);
}
END_TEST

/* What an earlier process left on the card is found by the first dump, told of and removed. */
START_TEST(left_over_addresses)
{
	struct vip v = vip(AF_INET, 1);
	ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), 0);
	QUIET(100);
	vip_net_free(net);
	sh("ip addr del 10.0.0.1/24 dev v0");
	begin_net();
	v0 = vip_card_get(net, "v0");
	MUST(heard.came == 1 && heard.cards == 1);
	vip_net_mine(net, NULL);
	QUIET(50);
	/* where nobody calls it virtual, its label does (kernels from 5.18 on) */
	ck_assert_uint_eq(v0->source4.family, 0);
	ck_assert_int_eq(vips_del(net, v0, &v, 1), 0);
	MUST_NOW(held() == 0);
}
END_TEST

/* ---- frames ---- */

START_TEST(frames_arrive)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("v1")
	};
	uint8_t out[VRRP_FRAME_MAX], in[256];
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	const struct vip v[2] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	for (unsigned i = 0; i < 40; i++) {
		size_t n = vrrp_announce_frame(&v[i % 2].ip, v0->mac, false, out);
		ck_assert_int_eq(vip_frame_send(net, v0, out, n), 0);
		bool got = false;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		while (!got && poll(&p, 1, 2000) == 1)
			got = recv(fd, in, sizeof(in), 0) == (ssize_t)n && memcmp(in, out, n) == 0;
		ck_assert_msg(got, "frame %u", i);
	}
	close(fd);
	ck_assert_int_eq(vip_frame_send(net, v0, out, 13), -EINVAL);
	sh("ip link set v0 down");
	ck_assert_int_eq(vip_frame_send(net, v0, out, 42), -ENETDOWN);
	sh("ip link del v0");
	ck_assert_int_lt(vip_frame_send(net, v0, out, 42), 0);
	MUST(v0->index == 0);
	ck_assert_int_eq(vip_frame_send(net, v0, out, 42), -ENODEV);
}
END_TEST

static void add_plain(TCase *tc)
{
	tcase_add_test(tc, a_card_and_its_fortunes);
	tcase_add_test(tc, a_bridge_is_left_without_an_end);
	tcase_add_test(tc, sources);
	tcase_add_test(tc, ten_changes_a_second);
	tcase_add_loop_test(tc, a_batch, 0, LEN(batches));
	tcase_add_test(tc, added_and_removed_in_one_breath);
	tcase_add_test(tc, leases);
	tcase_add_test(tc, others_meddle);
	tcase_add_test(tc, the_card_goes_down_with_addresses);
	tcase_add_test(tc, a_primary_takes_its_secondaries_along);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, left_over_addresses);
	tcase_add_test(tc, frames_arrive);
}

static void add_helped(TCase *tc)
{
	tcase_add_test(tc, a_card_and_its_fortunes);
	tcase_add_test(tc, ten_changes_a_second);
	tcase_add_loop_test(tc, a_batch, 0, LEN(batches));
	tcase_add_test(tc, added_and_removed_in_one_breath);
	tcase_add_test(tc, leases);
	tcase_add_test(tc, others_meddle);
	tcase_add_test(tc, the_card_goes_down_with_addresses);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, left_over_addresses);
}

static void add_narrow(TCase *tc)
{
	tcase_add_loop_test(tc, a_batch, 0, LEN(batches));
}

int main(void)
{
	return host_run(suite_create("vip_io"), add_plain, add_helped, add_narrow);
}
