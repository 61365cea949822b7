/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the vrrp process does about a host that does not do what it is asked, and what it says when it goes. */
#include "tests/edge/vrrp/room.h"

/* ---- the second path ---- */

/* What the beats that have come say of it last; -1: nothing. */
static int last_word(int fd, const struct peer_key *key, const char *name, int before)
{
	struct peer_beat b;
	while (next_beat(fd, key, &b))
		for (size_t i = 0; i < b.n; i++)
			if (b.v[i].id == peer_name_id(name))
				before = (int)b.v[i].state;
	return before;
}

/* Adverts of priority 0 may not arrive there: then this is all that the other node hears of it. */
START_TEST(an_instance_that_goes_says_so)
{
	struct peer_key key;
	struct vrrp_conf c = conf(0, 51);
	int fd = begin_peer(&key), word = -1;
	set(&c);
	MUST((word = last_word(fd, &key, "i0", word)) == VRRP_STATE_MASTER);
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DEL, .u.del = 0 });
	MUST((word = last_word(fd, &key, "i0", word)) == VRRP_STATE_INIT);
	end(true);
	close(fd);
}
END_TEST

/* Who is killed or restarted says nothing: whoever follows goes on. */
START_TEST(a_node_that_leaves_says_so)
{
	struct peer_key key;
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	int fd = begin_peer(&key);
	bool leaves = _i;
	set(&c[0]);
	set(&c[1]);
	MUST(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER));
	struct peer_beat b;
	while (next_beat(fd, &key, &b)) /* how they came */
		;
	end(leaves);
	size_t gone = 0, beats = 0;
	while (next_beat(fd, &key, &b)) {
		size_t before = gone;
		for (size_t i = 0; i < b.n; i++)
			gone += b.v[i].state == VRRP_STATE_INIT;
		beats += gone > before;
	}
	ck_assert_uint_eq(gone, leaves ? 2 : 0);
	ck_assert_uint_eq(beats, leaves); /* both in one */
	close(fd);
}
END_TEST

/* What version 2 may have and version 3 may not. */
START_TEST(the_longest_interval_is_said)
{
	struct peer_key key;
	struct peer_beat b = { 0 };
	struct vrrp_conf c = conf(0, 51);
	int fd = begin_peer(&key);
	c.version = c.rules.version = 2;
	c.rules.interval_cs = VRRP_INTERVAL_CS_MAX;
	set(&c);
	MUST(b.n || (next_beat(fd, &key, &b) && b.n));
	ck_assert(b.v[0].id == peer_name_id("i0") && b.v[0].interval_cs == VRRP_INTERVAL_CS_MAX);
	end(true);
	close(fd);
}
END_TEST

/* ---- sockets for adverts ---- */

/* Two of one card: each of them gets well. */
START_TEST(a_socket_that_was_refused_is_tried_again)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	refuse->sockets = ENFILE;
	set(&c[0]);
	set(&c[1]);
	MUST(is(0, VRRP_STATE_FAULT) && is(1, VRRP_STATE_FAULT));
	ck_assert_str_eq(heard.of[0].state.reason, "link_down");
	unsigned n = heard.pongs;
	MUST(heard.pongs >= n + 5);
	refuse->sockets = 0;
	MUST(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER));
	ck_assert_uint_eq(logged("no socket for adverts on v0: Too many open files in system"), 1);
	end(true);
}
END_TEST

/* It would not be heard by a filter from before it; and those that are there are not disturbed. */
START_TEST(an_instance_without_a_filter_hears)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]);
	MUST(is(0, VRRP_STATE_MASTER));
	refuse->filters = ENOMEM;
	set(&c[1]);
	MUST((advert(&c[1], 200), heard.of[1].stats.received >= 3));
	ck_assert(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_BACKUP));
	ck_assert_uint_eq(heard.of[0].stats.transitions, 1);
	ck_assert_uint_eq(logged("no filter for adverts on v0: Cannot allocate memory"), 1);
	unsigned filtered = refuse->filtered;
	refuse->filters = 0;
	MUST((advert(&c[1], 200), refuse->filtered > filtered));
	uint64_t received = heard.of[1].stats.received;
	MUST((advert(&c[1], 200), heard.of[1].stats.received > received + 3));
	filtered = refuse->filtered;
	unsigned n = heard.pongs;
	MUST(heard.pongs >= n + 5);
	ck_assert_uint_eq(refuse->filtered, filtered); /* that was it */
	end(true);
}
END_TEST

/* ---- a card that hears nothing ---- */

/* What arrives there is the bridge's: a master would not hear a better one, nor its backup the master. */
START_TEST(a_card_in_a_bridge)
{
	struct vrrp_conf c = conf(0, 51);
	bool before = _i;
	sh("ip link add b0 type bridge && ip link set b0 up");
	if (before)
		sh("ip link set v0 master b0");
	set(&c);
	if (!before) {
		MUST(is(0, VRRP_STATE_MASTER));
		sh("ip link set v0 master b0");
	}
	MUST(is(0, VRRP_STATE_FAULT));
	ck_assert_str_eq(heard.of[0].state.reason, "link_enslaved");
	sh("ip link set v0 nomaster");
	MUST(is(0, VRRP_STATE_MASTER));
	end(true);
}
END_TEST

/* ---- adverts that do not leave ---- */

static const struct {
	const char *what;
	int family;
	const char *peers[2], *source;
	bool virtual_mac, some; /* some: of its peers hear it */
	int err;                /* as if the kernel said so */
	const char *text;
	const char *mend; /* err 0 */
} unsent[] = {
	{ "a firewall", AF_INET, { NULL }, NULL, false, false, EPERM, "to 224.0.0.18: Operation not permitted", NULL },
	{ "a frame", AF_INET, { NULL }, NULL, true, false, ENETDOWN, "to 224.0.0.18: Network is down", NULL },
	{ "no route to the peer", AF_INET6, { "fd99::1" }, "fd00::1", false, false, 0,
		"to fd99::1: Network is unreachable", "ip route add fd99::/64 dev v0" },
	{ "no route to one of two", AF_INET6, { "fd99::1", "fd00::2" }, "fd00::1", false, true, 0,
		"to fd99::1: Network is unreachable", "ip route add fd99::/64 dev v0" },
	{ "a source that is not there", AF_INET6, { NULL }, "fd00::9", false, false, 0, "to ff02::12: Invalid argument",
		"ip addr add fd00::9/64 dev v0 nodad" },
};

START_TEST(adverts_that_do_not_leave)
{
	struct vrrp_conf c = conf(0, 51);
	c.family = (uint8_t)unsent[_i].family;
	c.virtual_mac = unsent[_i].virtual_mac;
	sh("ip addr add fd00::1/64 dev v0 nodad");
	if (c.family == AF_INET6)
		c.addrs[0] = (struct vip){ .ip = ip("fe80::77"), .prefix = 64 };
	while (c.n_peers < 2 && unsent[_i].peers[c.n_peers]) {
		c.peers[c.n_peers] = ip(unsent[_i].peers[c.n_peers]);
		c.n_peers++;
	}
	if (unsent[_i].source)
		c.source = ip(unsent[_i].source);
	refuse->sends = unsent[_i].err;
	set(&c);
	MUST(heard.of[0].alarms == 1u << VRRP_ALARM_UNSENT);
	unsigned n = heard.pongs;
	MUST(heard.pongs > n);
	ck_assert_str_eq(heard.of[0].alarm_text, unsent[_i].text);
	ck_assert_msg(is(0, VRRP_STATE_MASTER), "%s", unsent[_i].what);
	ck_assert_msg(!heard.of[0].stats.sent == !unsent[_i].some, "%s", unsent[_i].what);
	refuse->sends = 0;
	if (unsent[_i].mend)
		sh(unsent[_i].mend);
	MUST(heard.of[0].alarms == 0);
	MUST(heard.of[0].stats.sent);
	ck_assert_uint_eq(heard.of[0].raised, 1);
	end(true);
}
END_TEST

/* One that is lost on a host that is busy is no news. */
START_TEST(a_single_advert_that_does_not_leave)
{
	struct vrrp_conf c = conf(0, 51);
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER));
	for (unsigned i = 0; i < 3; i++) {
		unsigned n = refuse->unsent;
		refuse->once = true;
		refuse->sends = EAGAIN;
		MUST(refuse->unsent > n);
		uint64_t sent = heard.of[0].stats.sent;
		MUST(heard.of[0].stats.sent > sent);
	}
	ck_assert_uint_eq(heard.of[0].raised, 0);
	end(true);
}
END_TEST

/* ---- addresses that the kernel refuses ---- */

static void no_ipv6(const char *dev, bool on)
{
	char command[128];
	snprintf(command, sizeof(command), "echo %d >/proc/sys/net/ipv6/conf/%s/disable_ipv6", on, dev);
	sh(command);
}

static const struct {
	const char *what;
	uint32_t lease_s;
	uint8_t prio;
} leases[] = { { "renewed", 1, 150 }, { "for good", 0, 150 }, { "its own", 1, VRRP_PRIO_OWNER } };

/* The others are served, and it says so once. */
START_TEST(an_address_that_is_refused)
{
	struct vrrp_conf c = conf(0, 51);
	c.lease_s = leases[_i].lease_s;
	c.prio = leases[_i].prio;
	c.n_excluded = 2;
	c.excluded[0] = (struct vip){ .ip = ip("fd07::100"), .prefix = 64 };
	c.excluded[1] = (struct vip){ .ip = ip("fd07::101"), .prefix = 64 };
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there("v0", "10.77.0.51") && there("v0", "fd07::101"));
	bool owner =
		c.prio == VRRP_PRIO_OWNER; /* what it has is looked after by nobody: it begins with what it lacks */
	if (owner) {
		say(&(struct vrrp_msg){ .type = VRRP_MSG_DEL, .u.del = 0 });
		no_ipv6("v0", true);
		set(&c);
	} else {
		no_ipv6("v0", true);
	}
	MUST(heard.of[0].alarms == 1u << VRRP_ALARM_REFUSED);
	ck_assert_str_eq(heard.of[0].alarm_text, "fd07::100 and 1 more: Permission denied");
	MUST(logged("removed from v0 by somebody else; not restored: the kernel refuses") == !owner);
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 3500); /* some more refusals */
	MUST(lb_time_cmp(lb_clock_now(), end_at) > 0);
	ck_assert_msg(is(0, VRRP_STATE_MASTER) && there("v0", "10.77.0.51"), "%s", leases[_i].what);
	ck_assert_uint_eq(heard.of[0].raised, 1);
	ck_assert_uint_eq(logged("would not add") + logged("restored") - logged("not restored"), 0);
	no_ipv6("v0", false);
	MUST(heard.of[0].alarms == 0);
	ck_assert(there("v0", "fd07::100") && there("v0", "fd07::101") && heard.of[0].raised == 1);
	sh("ip addr del 10.77.0.51/32 dev v0");
	MUST(owner || logged("vip/10.77.0.51: removed from v0 by somebody else; restored") == 1);
	end(true);
}
END_TEST

#define DEVICE "lbd6-51-v0"

/* Master, and then on a device that has no IPv6 any more. */
static struct vrrp_conf refused_all(void)
{
	struct vrrp_conf c = conf(0, 51);
	c.family = AF_INET6;
	c.addrs[0] = (struct vip){ .ip = ip("fe80::77"), .prefix = 64 };
	c.source = ip("fe80::1");
	sh("ip addr add fe80::1/64 dev v0 nodad");
	c.virtual_mac = true;
	c.lease_s = 1;
	c.rules.interval_cs = 100; /* there is time to hear who takes over */
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there(DEVICE, "fe80::77"));
	no_ipv6(DEVICE, true);
	MUST(heard.of[0].alarms == 1u << VRRP_ALARM_REFUSED);
	ck_assert_str_eq(heard.of[0].alarm_text, "fe80::77: Permission denied");
	MUST(heard.of[0].state.cause == VRRP_CAUSE_RESIGNED);
	ck_assert_uint_eq(logged("vrrp/i0: the kernel refuses all of its addresses; left to others"), 1);
	return c;
}

/* What another one of its group has is served, and there may be nobody else. */
START_TEST(a_group_is_refused_those_of_one)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	for (size_t k = 0; k < 2; k++) {
		c[k].lease_s = 1;
		snprintf(c[k].group, sizeof(c[k].group), "g");
	}
	c[1].family = AF_INET6;
	c[1].addrs[0] = (struct vip){ .ip = ip("fe80::77"), .prefix = 64 };
	c[1].source = ip("fe80::1");
	c[1].virtual_mac = true;
	sh("ip addr add fe80::1/64 dev v0 nodad");
	set(&c[0]);
	set(&c[1]);
	MUST(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER) && there("lbd6-52-v0", "fe80::77"));
	no_ipv6("lbd6-52-v0", true);
	MUST(heard.of[1].alarms == 1u << VRRP_ALARM_REFUSED);
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 2500); /* longer than one alone keeps it */
	MUST(lb_time_cmp(lb_clock_now(), end_at) > 0);
	ck_assert(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER) && there("v0", "10.77.0.51"));
	ck_assert_uint_eq(heard.of[0].stats.transitions, 1);
	ck_assert_uint_eq(logged("left to others"), 0);
	end(true);
}
END_TEST

/* It comes back, and does not go away and come back for ever. */
START_TEST(all_addresses_are_refused)
{
	(void)refused_all();
	MUST(is(0, VRRP_STATE_MASTER) && heard.of[0].stats.transitions == 2);
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 2500); /* longer than it waited before */
	MUST(lb_time_cmp(lb_clock_now(), end_at) > 0);
	ck_assert(is(0, VRRP_STATE_MASTER) && heard.of[0].stats.transitions == 2 && heard.of[0].raised == 1);
	no_ipv6(DEVICE, false);
	MUST(heard.of[0].alarms == 0 && there(DEVICE, "fe80::77"));
	end(true);
}
END_TEST

/* It does not fight for what it cannot have. That it cannot is still said. */
START_TEST(who_was_refused_all_leaves_them_to_others)
{
	struct vrrp_conf c = refused_all();
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 5000);
	MUST((advert(&c, 100), lb_time_cmp(lb_clock_now(), end_at) > 0));
	ck_assert(is(0, VRRP_STATE_BACKUP) && heard.of[0].alarms == 1u << VRRP_ALARM_REFUSED);
	ck_assert_uint_eq(heard.of[0].raised, 1);
	no_ipv6(DEVICE, false);
	MUST(is(0, VRRP_STATE_MASTER) && there(DEVICE, "fe80::77") && heard.of[0].alarms == 0);
	end(true);
}
END_TEST

/* Nor does one that follows it, after a reload or in another process; and that the kernel refuses is still said. */
START_TEST(who_follows_one_that_was_refused_all_knows)
{
	struct vrrp_conf c = refused_all();
	c.vrid = 52; /* it is made anew */
	for (int times = 0; times < 2; times++) {
		unsigned raised = heard.of[0].raised;
		heard.of[0].state = (struct vrrp_msg_state){ .state = VRRP_STATE_INIT };
		set(&c);
		MUST((advert(&c, 100), heard.of[0].raised > raised && heard.of[0].state.refused[0]));
		ck_assert(is(0, VRRP_STATE_BACKUP) && heard.of[0].alarms == 1u << VRRP_ALARM_REFUSED);
		ck_assert_str_eq(heard.of[0].alarm_text, "fe80::77: Permission denied");
		ck_assert_str_eq(heard.of[0].state.refused, "fe80::77: Permission denied");
		say(&(struct vrrp_msg){ .type = VRRP_MSG_DEL, .u.del = 0 });
		MUST(is(0, VRRP_STATE_INIT) && heard.of[0].alarms == 0);
		c.resigned = true; /* as to another process */
		snprintf(c.refused, sizeof(c.refused), "fe80::77: Permission denied");
	}
	end(true);
}
END_TEST

/* ---- who has resigned ---- */

static void resign(uint32_t id)
{
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DO, .u.run = { .id = id, .what = VRRP_DO_RESIGN } });
}

/* What is heard of it is of the new one: the old one was a backup as well. */
static void set_anew(const struct vrrp_conf *c)
{
	heard.of[c->id].state = (struct vrrp_msg_state){ .state = VRRP_STATE_INIT };
	set(c);
}

/* Somebody less is heard for longer than it would wait to preempt. */
static void follows(const struct vrrp_conf *c)
{
	struct lb_time end_at = lb_time_add_ms(lb_clock_now(), 1000);
	MUST((advert(c, 100), is(c->id, VRRP_STATE_BACKUP)));
	while (lb_time_cmp(lb_clock_now(), end_at) < 0) {
		advert(c, 100);
		listen_a_moment();
		ck_assert(is(c->id, VRRP_STATE_BACKUP) && heard.of[c->id].state.resigned);
	}
}

/* A reload may make it anew, and so does a process that died: the core knows. */
START_TEST(who_has_resigned_does_not_take_it_back)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	c[0].rules.interval_cs = c[1].rules.interval_cs = 100; /* adverts are sent in time */
	set(&c[0]);
	MUST((advert(&c[0], 200), is(0, VRRP_STATE_BACKUP)));
	ck_assert(!heard.of[0].state.resigned);
	resign(0); /* also of who is not master */
	MUST((advert(&c[0], 200), heard.of[0].state.resigned));
	follows(&c[0]);
	c[0].vrid = 53;
	snprintf(c[0].group, sizeof(c[0].group), "g");
	set_anew(&c[0]);
	follows(&c[0]);
	snprintf(c[1].group, sizeof(c[1].group), "g"); /* who comes to it neither */
	set(&c[1]);
	MUST((advert(&c[0], 100), advert(&c[1], 100), heard.of[1].state.resigned));
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DEL, .u.del = 1 });
	say(&(struct vrrp_msg){ .type = VRRP_MSG_DEL, .u.del = 0 });
	MUST(is(0, VRRP_STATE_INIT));
	c[0].resigned = true; /* as to another process */
	set(&c[0]);
	follows(&c[0]);
	MUST(is(0, VRRP_STATE_MASTER)); /* the other one fails */
	ck_assert(!heard.of[0].state.resigned);
	end(true);
}
END_TEST

/* ---- addresses that others set ---- */

/* Somebody who sets it whenever it has gone must not fill the log. */
START_TEST(an_address_that_is_set_again_and_again)
{
	struct vrrp_conf c = conf(0, 51);
	c.rules.interval_cs = 100; /* adverts are sent in time */
	set(&c);
	MUST((advert(&c, 200), is(0, VRRP_STATE_BACKUP)));
	for (int times = 0; times < 3; times++) {
		sh("ip addr add 10.77.0.51/32 dev v0");
		MUST((advert(&c, 200), !there("v0", "10.77.0.51")));
	}
	ck_assert_uint_eq(logged("vip/10.77.0.51: found on v0, which is not to have it now (vrrp/i0); removed"), 1);
	end(true);
}
END_TEST

/* Both nodes would have it. Before a reload names it, it is nobody's business. */
START_TEST(an_address_that_a_reload_makes_virtual)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]);
	MUST(is(0, VRRP_STATE_MASTER));
	sh("ip addr add 10.77.0.52/32 dev v0 && ip addr add 10.77.0.99/32 dev v0");
	c[1].rules.interval_cs = 100; /* there is time before it is master */
	set(&c[1]);
	MUST(is(1, VRRP_STATE_BACKUP) && !there("v0", "10.77.0.52"));
	ck_assert(there("v0", "10.77.0.99"));
	c[1].n_excluded = 1;
	c[1].excluded[0] = (struct vip){ .ip = ip("10.77.0.99"), .prefix = 32 };
	set(&c[1]);
	MUST(!there("v0", "10.77.0.99"));
	ck_assert(is(1, VRRP_STATE_BACKUP) && there("v0", "10.77.0.51"));
	ck_assert_uint_eq(logged("found on v0, which is not to have it now (vrrp/i1); removed"), 1); /* a minute */
	end(true);
}
END_TEST

START_TEST(an_address_whose_owner_owns_it_no_longer)
{
	struct vrrp_conf c = conf(0, 51), other = conf(1, 52);
	c.prio = VRRP_PRIO_OWNER;
	c.rules.interval_cs = 100;
	set(&c);
	set(&other); /* it keeps the card known */
	MUST(is(0, VRRP_STATE_MASTER) && there("v0", "10.77.0.51") && is(1, VRRP_STATE_MASTER));
	c.prio = 150;
	set(&c);
	MUST(is(0, VRRP_STATE_BACKUP) && !there("v0", "10.77.0.51"));
	MUST(is(0, VRRP_STATE_MASTER) && there("v0", "10.77.0.51"));
	end(true);
}
END_TEST

/* Nothing else would end it. */
START_TEST(an_address_without_a_lease_on_a_card_that_is_renamed)
{
	struct vrrp_conf c = conf(0, 51);
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER) && there("v0", "10.77.0.51"));
	/* kernels before 6.2 want it down */
	sh("ip link set v0 name v9 2>/dev/null || { ip link set v0 down && ip link set v0 name v9; }");
	MUST(is(0, VRRP_STATE_FAULT) && !there("v9", "10.77.0.51"));
	ck_assert_str_eq(heard.of[0].state.reason, "no_interface");
	end(true);
}
END_TEST

/* It listens whether to go on as master: what a reload takes from it meanwhile has nobody else who ends it. */
START_TEST(an_address_without_a_lease_that_goes_before_it_is_decided)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	struct vip more = { .ip = ip("10.77.0.99"), .prefix = 32 };
	set(&c[0]); /* the card is known */
	MUST(is(0, VRRP_STATE_MASTER));
	leave_behind(&c[1].addrs[0]);
	leave_behind(&more);
	c[1].rules.interval_cs = 300; /* there is time to reload */
	c[1].n_excluded = 1;
	c[1].excluded[0] = more;
	unsigned n = heard.pongs;
	MUST(heard.pongs >= n + 3); /* they have been seen */
	set(&c[1]);
	n = heard.pongs;
	MUST(is(1, VRRP_STATE_BACKUP) && heard.pongs >= n + 3);
	ck_assert(there("v0", "10.77.0.52") && there("v0", "10.77.0.99"));
	c[1].n_excluded = 0;
	set(&c[1]);
	MUST(!there("v0", "10.77.0.99"));
	ck_assert(is(1, VRRP_STATE_BACKUP) && there("v0", "10.77.0.52"));
	MUST(is(1, VRRP_STATE_MASTER) && heard.of[1].state.cause == VRRP_CAUSE_RESUMED);
	end(true);
}
END_TEST

/* ---- sleep ---- */

START_TEST(a_machine_that_slept_listens_first)
{
	struct vrrp_conf c[] = { conf(0, 51), conf(1, 52) };
	set(&c[0]);
	set(&c[1]);
	MUST(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER));
	refuse->slept_us = 80000; /* not long enough to be missed */
	MUST(logged("this machine slept for 0.1 s") == 1);
	refuse->slept_us += 20000000;
	MUST(heard.of[0].state.cause == VRRP_CAUSE_RESUMED && heard.of[1].state.cause == VRRP_CAUSE_RESUMED);
	ck_assert(is(0, VRRP_STATE_MASTER) && is(1, VRRP_STATE_MASTER));
	uint64_t n = heard.of[0].stats.sent;
	MUST(heard.of[0].stats.sent > n);
	ck_assert_uint_eq(heard.of[0].stats.transitions, 2);
	ck_assert_uint_eq(logged("this machine slept for"), 2);
	end(true);
}
END_TEST

START_TEST(who_slept_says_nothing_to_a_new_master)
{
	struct vrrp_conf c = conf(0, 51);
	set(&c);
	MUST(is(0, VRRP_STATE_MASTER));
	c.prio = 100;
	set(&c);
	MUST(heard.of[0].state.prio == 100);
	refuse->slept_us = 20000000;
	MUST((advert(&c, 90), is(0, VRRP_STATE_BACKUP)));
	end(true);
}
END_TEST

int main(void)
{
	if (!can_run()) {
		printf("skipped: it needs root, a network namespace of its own and a veth pair\n");
		return 77;
	}
	Suite *s = suite_create("vrrp_room");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, an_instance_that_goes_says_so);
	tcase_add_loop_test(tc, a_node_that_leaves_says_so, 0, 2);
	tcase_add_test(tc, the_longest_interval_is_said);
	tcase_add_test(tc, a_socket_that_was_refused_is_tried_again);
	tcase_add_test(tc, an_instance_without_a_filter_hears);
	tcase_add_loop_test(tc, a_card_in_a_bridge, 0, 2);
	tcase_add_loop_test(tc, adverts_that_do_not_leave, 0, sizeof(unsent) / sizeof(unsent[0]));
	tcase_add_test(tc, a_single_advert_that_does_not_leave);
	tcase_add_loop_test(tc, an_address_that_is_refused, 0, sizeof(leases) / sizeof(leases[0]));
	tcase_add_test(tc, a_group_is_refused_those_of_one);
	tcase_add_test(tc, all_addresses_are_refused);
	tcase_add_test(tc, who_was_refused_all_leaves_them_to_others);
	tcase_add_test(tc, who_follows_one_that_was_refused_all_knows);
	tcase_add_test(tc, who_has_resigned_does_not_take_it_back);
	tcase_add_test(tc, an_address_that_is_set_again_and_again);
	tcase_add_test(tc, an_address_that_a_reload_makes_virtual);
	tcase_add_test(tc, an_address_whose_owner_owns_it_no_longer);
	tcase_add_test(tc, an_address_without_a_lease_on_a_card_that_is_renamed);
	tcase_add_test(tc, an_address_without_a_lease_that_goes_before_it_is_decided);
	tcase_add_test(tc, a_machine_that_slept_listens_first);
	tcase_add_test(tc, who_slept_says_nothing_to_a_new_master);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
