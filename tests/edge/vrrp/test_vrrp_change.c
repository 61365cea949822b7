/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the vrrp process makes of a host, and of a configuration, that change under it. */
#include "tests/edge/vrrp/room.h"

#include <net/ethernet.h>

/* ---- the card ---- */

/* With fe80::9 of its own. */
static struct vrrp_conf conf6(uint32_t id, uint8_t vrid)
{
	struct vrrp_conf c = conf(id, vrid);
	c.family = AF_INET6;
	c.addrs[0] = (struct vip){ .ip = ip("fe80::77"), .prefix = 64 };
	sh("ip addr add fe80::9/64 dev v0 nodad");
	return c;
}

/* IPv6 ends on a card with so small an MTU, and the kernel says no word of the groups that went with it: who were not
 * heard any more would be a second master. */
START_TEST(ipv6_that_ends_and_begins_anew)
{
	struct vrrp_conf c = conf6(0, 61);
	bool at_once = _i;
	set(&c);
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	if (at_once) {
		sh("ip link set v0 mtu 1200 && ip link set v0 mtu 1500 && ip addr add fe80::9/64 dev v0 nodad");
	} else {
		sh("ip link set v0 mtu 1200");
		MUST(is(0, VRRP_STATE_FAULT));
		sh("ip link set v0 mtu 1500 && ip addr add fe80::9/64 dev v0 nodad");
	}
	unsigned pongs = heard.pongs;
	MUST(!is(0, VRRP_STATE_FAULT) && heard.pongs > pongs + 5); /* what came before is counted */
	uint64_t n = heard.of[0].stats.received;
	MUST((advert(&c, 200), heard.of[0].stats.received > n + 3));
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	end(true);
}
END_TEST

/* The priority of the last advert that has left v0; -1: none has. */
static int last_prio(int fd, int before)
{
	uint8_t frame[256];
	ssize_t n;
	while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		if (n > VRRP_ETHER + VRRP_IP4_HEADER + 2 && frame[VRRP_ETHER + 9] == VRRP_PROTOCOL)
			before = frame[VRRP_ETHER + VRRP_IP4_HEADER + 2];
	return before;
}

/* Whoever is next need not wait for the down interval: an advert says so, and over the second path a word that can be
 * told from those of others. */
START_TEST(a_master_that_loses_its_own_address)
{
	struct vrrp_conf c = conf(0, 51);
	struct peer_key key;
	struct peer_beat b = { 0 };
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP) };
	int beats = begin_peer(&key), wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), prio = -1;
	sa.sll_ifindex = (int)if_nametoindex("v1");
	ck_assert_int_eq(bind(wire, (struct sockaddr *)&sa, sizeof(sa)), 0);
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && (prio = last_prio(wire, prio)) == 150);
	sh("ip addr del 10.0.0.1/24 dev v0");
	MUST(is(0, VRRP_STATE_FAULT) && (prio = last_prio(wire, prio)) == VRRP_PRIO_LEAVE);
	ck_assert_str_eq(heard.of[0].state.reason, "no_address");
	ck_assert_int_eq(heard.of[0].state.source.family, 0);
	MUST((next_beat(beats, &key, &b), b.n && b.v[0].state == VRRP_STATE_FAULT));
	struct lb_ip was = ip("10.0.0.1");
	ck_assert_int_eq(lb_ip_cmp(&b.v[0].source, &was), 0);
	sh("ip addr add 10.0.0.1/24 dev v0");
	MUST(is(0, VRRP_STATE_MASTER) && (prio = last_prio(wire, prio)) == 150);
	ck_assert_int_eq(heard.of[0].state.source.family, AF_INET);
	ck_assert_uint_eq(heard.of[0].raised, 0);
	end(true);
	close(beats);
	close(wire);
}
END_TEST

/* It has no other: that it has asked for it does not make it less the host's own. */
START_TEST(an_owner_without_another_address)
{
	struct vrrp_conf c = _i ? conf6(0, 61) : conf(0, 51);
	c.prio = VRRP_PRIO_OWNER;
	c.addrs[0] = _i ? (struct vip){ .ip = ip("fe80::9"), .prefix = 64 } : (struct vip){ ip("10.0.0.1"), 24 };
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER));
	sh("ip addr add 2001:db8::1/64 dev v0 nodad && ip addr add 10.9.9.9/32 dev v0");
	unsigned pongs = heard.pongs;
	MUST(heard.pongs > pongs + 5);
	ck_assert(is(0, VRRP_STATE_MASTER));
	ck_assert_int_eq(lb_ip_cmp(&heard.of[0].state.source, &c.addrs[0].ip), 0);
	sh(_i ? "ip addr del fe80::9/64 dev v0" : "ip addr flush dev v0");
	MUST(is(0, VRRP_STATE_FAULT));
	sh(_i ? "ip addr add fe80::9/64 dev v0 nodad" : "ip addr add 10.0.0.1/24 dev v0");
	MUST(is(0, VRRP_STATE_MASTER));
	end(true);
	ck_assert(there("v0", _i ? "fe80::9" : "10.0.0.1"));
}
END_TEST

/* ---- the device of the virtual MAC ---- */

static bool has_mtu(const char *dev, unsigned mtu)
{
	char command[96];
	snprintf(command, sizeof(command), "ip -o link show dev %s | grep -q ' mtu %u '", dev, mtu);
	return system(command) == 0;
}

/* An IPv6 address out of its MAC. */
static bool made_one_itself(const char *dev)
{
	return there(dev, strncmp(dev, "lbd6", 4) == 0 ? "fe80::200:5eff:fe00:23d" : "fe80::200:5eff:fe00:133");
}

/* The kernel lowers its MTU with that of the card, and never raises it: it would be too small for IPv6 for good. */
START_TEST(a_card_whose_mtu_is_small_for_a_moment)
{
	struct vrrp_conf c = _i ? conf6(0, 61) : conf(0, 51);
	const char *dev = _i ? "lbd6-61-v0" : "lbd4-51-v0", *addr = _i ? "fe80::77" : "10.77.0.51";
	c.virtual_mac = true;
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there(dev, addr));
	sh("ip link set v0 mtu 1200 && sleep 0.3 && ip link set v0 mtu 1500");
	if (_i)
		sh("ip addr add fe80::9/64 dev v0 nodad");
	MUST(has_mtu(dev, 1500) && is(0, VRRP_STATE_MASTER) && there(dev, addr));
	sh("ip link set v0 mtu 1400 && ip link set v0 mtu 1600");
	MUST(has_mtu(dev, 1600));
	ck_assert(is(0, VRRP_STATE_MASTER) && there(dev, addr));
	ck_assert(!made_one_itself(dev));
	ck_assert_uint_eq(logged("cannot be"), 0);
	end(true);
}
END_TEST

/* A setting of IPv4 of a device; -1: there is none. */
static long setting4(const char *dev, const char *name)
{
	char path[96], text[16];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", dev, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	long value = fgets(text, sizeof(text), f) ? strtol(text, NULL, 10) : -1;
	(void)fclose(f);
	return value;
}

/* The kernel refuses a request whole that is in part about an IPv6 that is not there, as on a card with so small an
 * MTU; without the rest of it the device would answer for addresses of others. Made here, or left by a process that was
 * killed. */
START_TEST(a_card_without_ipv6)
{
	struct vrrp_conf c = conf(0, 51);
	const char *dev = "lbd4-51-v0", *addr = "10.77.0.51";
	c.virtual_mac = true;
	sh("echo 1 > /proc/sys/net/ipv4/conf/default/rp_filter && ip link set v0 mtu 1200");
	if (_i)
		sh("ip link add lbd4-51-v0 link v0 address 00:00:5e:00:01:33 type macvlan mode bridge");
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there(dev, addr));
	ck_assert_int_eq(setting4(dev, "arp_ignore"), 1);
	ck_assert_int_eq(setting4(dev, "arp_announce"), 2);
	ck_assert_int_eq(setting4(dev, "rp_filter"), 0);
	ck_assert_uint_eq(logged("cannot be"), 0);
	sh("ip link set v0 mtu 1500"); /* IPv6 begins */
	MUST(has_mtu(dev, 1500) && is(0, VRRP_STATE_MASTER) && there(dev, addr));
	ck_assert(!made_one_itself(dev));
	ck_assert_uint_eq(logged("cannot be"), 0);
	end(true);
}
END_TEST

/* To an instance of IPv6 that is said, and done when it begins. */
START_TEST(a_card_without_ipv6_that_needs_it)
{
	struct vrrp_conf c = conf6(0, 61);
	c.virtual_mac = true;
	sh("ip link set v0 mtu 1200");
	set(&c);
	MUST(is(0, VRRP_STATE_FAULT) && logged("lbd6-61-v0 cannot be set for IPv6: ") == 1);
	ck_assert_uint_eq(logged("cannot be"), 1);
	sh("ip link set v0 mtu 1500 && ip addr add fe80::9/64 dev v0 nodad");
	MUST(is(0, VRRP_STATE_MASTER) && there("lbd6-61-v0", "fe80::77"));
	ck_assert(!made_one_itself("lbd6-61-v0"));
	ck_assert_uint_eq(logged("cannot be"), 1);
	end(true);
}
END_TEST

/* As a process that was killed leaves it. */
START_TEST(a_device_with_a_small_mtu_that_is_adopted)
{
	struct vrrp_conf c = _i ? conf6(0, 61) : conf(0, 51);
	const char *dev = _i ? "lbd6-61-v0" : "lbd4-51-v0", *addr = _i ? "fe80::77" : "10.77.0.51";
	c.virtual_mac = true;
	sh(_i ? "ip link add lbd6-61-v0 link v0 address 00:00:5e:00:02:3d mtu 1200 type macvlan mode bridge"
	      : "ip link add lbd4-51-v0 link v0 address 00:00:5e:00:01:33 mtu 1200 type macvlan mode bridge");
	sh(_i ? "ip link set lbd6-61-v0 up" : "ip link set lbd4-51-v0 up");
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there(dev, addr));
	ck_assert(has_mtu(dev, 1500));
	ck_assert(!made_one_itself(dev));
	ck_assert_uint_eq(logged("cannot be"), 0);
	end(true);
}
END_TEST

/* Who sets another one, again and again, does not keep us busy. */
START_TEST(somebody_else_sets_its_mtu)
{
	struct vrrp_conf c = conf(0, 51);
	c.virtual_mac = true;
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there("lbd4-51-v0", "10.77.0.51"));
	for (unsigned k = 0; k < 20; k++) {
		sh("ip link set lbd4-51-v0 mtu 1400");
		listen_a_moment(); /* or its core would be silent */
	}
	MUST(has_mtu("lbd4-51-v0", 1500));
	ck_assert(is(0, VRRP_STATE_MASTER));
	end(true);
}
END_TEST

/* ---- addresses that others set ---- */

/* A removal with our prefix would not touch it, and both nodes would go on to answer for the address. */
START_TEST(an_address_with_another_prefix)
{
	struct vrrp_conf c = conf(0, 51);
	bool while_master = _i;
	c.rules.interval_cs = 100; /* adverts are sent in time */
	set(&c);
	if (while_master)
		MUST(is(0, VRRP_STATE_MASTER) && there("v0", "10.77.0.51/32"));
	else
		MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	sh("ip addr add 10.77.0.51/24 dev v0");
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP) && !there("v0", "10.77.0.51")));
	ck_assert_uint_eq(logged("vip/10.77.0.51: found on v0, which is not to have it now (vrrp/i0); removed"), 1);
	ck_assert_uint_eq(logged("the kernel would not"), 0);
	end(true);
}
END_TEST

/* ---- reloads ---- */

/* It is for the start: later it would keep the addresses from everybody, or hold a whole group, for that long. */
START_TEST(a_startup_delay)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	c[0].rules.startup_delay_ms = 1500;
	set(&c[0]);
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 1000);
	MUST(lb_time_cmp(lb_clock_now(), end_at) > 0);
	ck_assert(is(0, VRRP_STATE_INIT));
	MUST(is(0, VRRP_STATE_MASTER));
	c[0].rules.startup_delay_ms = c[1].rules.startup_delay_ms = 60000;
	c[0].vrid = 53; /* it is made anew */
	snprintf(c[0].group, sizeof(c[0].group), "g");
	heard.of[0].state.state = VRRP_STATE_INIT;
	set(&c[0]);
	MUST(is(0, VRRP_STATE_MASTER));
	MUST((advert(&c[0], 200), is(0, VRRP_STATE_BACKUP)));
	snprintf(c[1].group, sizeof(c[1].group), "g");
	set(&c[1]);
	c[1].rules.preempt = false;
	set(&c[1]); /* also when it changes */
	MUST(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER));
	end(true);
}
END_TEST

/* What is made anew before it has begun waits. */
START_TEST(a_startup_delay_that_is_not_over)
{
	struct vrrp_conf c = conf(0, 51);
	c.rules.startup_delay_ms = 2000;
	set(&c);
	unsigned n = heard.pongs;
	MUST(heard.pongs > n + 5);
	c.vrid = 52;
	set(&c);
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 1500);
	MUST(lb_time_cmp(lb_clock_now(), end_at) > 0);
	ck_assert(is(0, VRRP_STATE_INIT));
	MUST(is(0, VRRP_STATE_MASTER));
	end(true);
}
END_TEST

/* But not one that came with a reload, and whose card is not known yet when the next reload makes it anew. */
START_TEST(a_startup_delay_that_was_over)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]);
	MUST(is(0, VRRP_STATE_MASTER));
	sh("ip addr add 10.0.1.1/24 dev v1");
	snprintf(c[1].interface, sizeof(c[1].interface), "v1");
	c[1].rules.startup_delay_ms = 60000;
	kill(room.pid, SIGSTOP); /* both are there when it reads */
	set(&c[1]);
	c[1].vrid = 53;
	set(&c[1]);
	kill(room.pid, SIGCONT);
	MUST(is(1, VRRP_STATE_MASTER));
	end(true);
}
END_TEST

/* Without a lease nothing else would end what it left on the card. */
START_TEST(a_virtual_mac_that_is_new_when_it_goes_on)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]); /* the card is known */
	MUST(is(0, VRRP_STATE_MASTER));
	leave_behind(&c[1].addrs[0]);
	unsigned n = heard.pongs;
	MUST(heard.pongs >= n + 3); /* it has been seen */
	c[1].virtual_mac = true;
	set(&c[1]);
	MUST(is(1, VRRP_STATE_MASTER) && there("lbd4-52-v0", "10.77.0.52") && !there("v0", "10.77.0.52"));
	ck_assert_int_eq(heard.of[1].state.cause, VRRP_CAUSE_RESUMED);
	ck_assert(there("v0", "10.77.0.51"));
	end(true);
}
END_TEST

/* Somebody has set it with another prefix as well, while it was not decided: a removal with ours does not touch that.
 */
START_TEST(a_virtual_mac_that_is_new_and_another_prefix)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]); /* the card is known */
	MUST(is(0, VRRP_STATE_MASTER));
	leave_behind(&c[1].addrs[0]);
	if (_i == 0)
		sh("ip addr add 10.77.0.52/24 dev v0");
	unsigned n = heard.pongs;
	MUST(heard.pongs >= n + 3); /* it has been seen */
	c[1].virtual_mac = true;
	c[1].rules.interval_cs = 100;
	set(&c[1]);
	if (_i == 1) {
		n = heard.pongs;
		MUST(heard.pongs >= n + 3);
		sh("ip addr add 10.77.0.52/24 dev v0");
	}
	MUST(is(1, VRRP_STATE_MASTER) && there("lbd4-52-v0", "10.77.0.52"));
	ck_assert_int_eq(heard.of[1].state.cause, VRRP_CAUSE_RESUMED);
	MUST(!there("v0", "10.77.0.52"));
	end(true);
}
END_TEST

/* One leaves it while that is not decided: what was left on the card of it is nobody's from then on, or that of another
 * one to which a reload has moved it. */
START_TEST(a_virtual_mac_that_is_new_and_an_address_that_goes)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]); /* the card is known */
	MUST(is(0, VRRP_STATE_MASTER));
	c[1].addrs[c[1].n_addrs++] = (struct vip){ .ip = ip("10.77.0.62"), .prefix = 32 };
	leave_behind(&c[1].addrs[0]);
	leave_behind(&c[1].addrs[1]);
	unsigned n = heard.pongs;
	MUST(heard.pongs >= n + 3); /* they have been seen */
	c[1].virtual_mac = true;
	c[1].rules.interval_cs = 100;
	set(&c[1]);
	n = heard.pongs;
	MUST(heard.pongs >= n + 3);
	ck_assert(there("v0", "10.77.0.62"));
	c[1].n_addrs = 1;
	if (_i == 1) {
		c[0].addrs[c[0].n_addrs++] = c[1].addrs[1];
		set(&c[0]);
	}
	set(&c[1]);
	MUST(_i == 1 || !there("v0", "10.77.0.62"));
	MUST(is(1, VRRP_STATE_MASTER) && there("lbd4-52-v0", "10.77.0.52") && !there("v0", "10.77.0.52"));
	ck_assert_int_eq(heard.of[1].state.cause, VRRP_CAUSE_RESUMED);
	ck_assert(there("v0", "10.77.0.62") == (_i == 1));
	end(true);
}
END_TEST

/* ---- how long it took ---- */

/* The silence is that of a master: its own time as one is none. */
START_TEST(a_takeover_after_a_time_as_master)
{
	struct vrrp_conf c = conf(0, 51);
	c.announce.count = 1;
	set(&c);
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	MUST(heard.of[0].takeovers == 1);
	ck_assert_uint_gt(heard.of[0].taken.silent_us, 300000);
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 2000);
	MUST(lb_time_cmp(lb_clock_now(), end_at) > 0);
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DO, .u.run = { .id = 0, .what = VRRP_DO_RESIGN } });
	MUST(heard.of[0].takeovers == 2);
	ck_assert_uint_eq(heard.of[0].taken.silent_us, 0); /* nobody was heard */
	/* nor does that of one that it did not follow count */
	MUST((advert(&c, 100), heard.of[0].alarms == 1u << VRRP_ALARM_TWO_MASTERS));
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DO, .u.run = { .id = 0, .what = VRRP_DO_RESIGN } });
	MUST(heard.of[0].takeovers == 3);
	ck_assert_uint_eq(heard.of[0].taken.silent_us, 0);
	/* but that of one to which it yields */
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	MUST(heard.of[0].takeovers == 4);
	ck_assert_uint_gt(heard.of[0].taken.silent_us, 300000);
	end(true);
}
END_TEST

/* ---- other masters ---- */

/* Not the one that it followed before, which was well. */
START_TEST(another_master_is_named)
{
	struct vrrp_conf c = conf(0, 51);
	set(&c);
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	MUST(is(0, VRRP_STATE_MASTER));
	MUST((advert(&c, 100), heard.of[0].alarms == 1u << VRRP_ALARM_TWO_MASTERS));
	ck_assert_str_eq(heard.of[0].alarm_text, "10.0.0.2 with priority 100");
	end(true);
}
END_TEST

int main(void)
{
	if (!can_run()) {
		printf("skipped: it needs root, a network namespace of its own and a veth pair\n");
		return 77;
	}
	Suite *s = suite_create("vrrp_change");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_loop_test(tc, ipv6_that_ends_and_begins_anew, 0, 2);
	tcase_add_test(tc, a_master_that_loses_its_own_address);
	tcase_add_loop_test(tc, an_owner_without_another_address, 0, 2);
	tcase_add_loop_test(tc, a_card_whose_mtu_is_small_for_a_moment, 0, 2);
	tcase_add_loop_test(tc, a_card_without_ipv6, 0, 2);
	tcase_add_test(tc, a_card_without_ipv6_that_needs_it);
	tcase_add_loop_test(tc, a_device_with_a_small_mtu_that_is_adopted, 0, 2);
	tcase_add_test(tc, somebody_else_sets_its_mtu);
	tcase_add_loop_test(tc, an_address_with_another_prefix, 0, 2);
	tcase_add_test(tc, a_startup_delay);
	tcase_add_test(tc, a_startup_delay_that_is_not_over);
	tcase_add_test(tc, a_startup_delay_that_was_over);
	tcase_add_test(tc, a_virtual_mac_that_is_new_when_it_goes_on);
	tcase_add_loop_test(tc, a_virtual_mac_that_is_new_and_another_prefix, 0, 2);
	tcase_add_loop_test(tc, a_virtual_mac_that_is_new_and_an_address_that_goes, 0, 2);
	tcase_add_test(tc, a_takeover_after_a_time_as_master);
	tcase_add_test(tc, another_master_is_named);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
