/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cards and addresses of the real kernel, in a network namespace of its own for each test: a veth pair v0, v1. */
#include "common/clock_io.h"
#include "lbd/vrrp/vip_ask_io.h"
#include "lbd/vrrp/vip_io.h"
#include "lbd/vrrp/vrrp_announce.h"

#include <check.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what stands between the code and the C library (the linker's --wrap) ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
ssize_t __real_sendmsg(int fd, const struct msghdr *mh, int flags);
int __real_setsockopt(int fd, int level, int name, const void *v, socklen_t len);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *mh, int flags);
int __wrap_setsockopt(int fd, int level, int name, const void *v, socklen_t len);

static int memory = -1; /* allocations until there is none any more; -1 = there is always */
static unsigned sends;  /* calls of sendmsg */
static int send_errno;  /* of the next send_failures of them */
static unsigned send_failures;
static int receive_buffer; /* what is asked for instead; 0 = as it wants */

static bool no_memory(void)
{
	if (memory > 0)
		memory--;
	return memory == 0;
}

void *__wrap_malloc(size_t n)
{
	return no_memory() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return no_memory() ? NULL : __real_realloc(p, n);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *mh, int flags)
{
	sends++;
	if (send_failures) {
		send_failures--;
		errno = send_errno;
		return -1;
	}
	return __real_sendmsg(fd, mh, flags);
}

int __wrap_setsockopt(int fd, int level, int name, const void *v, socklen_t len)
{
	if (receive_buffer && level == SOL_SOCKET && (name == SO_RCVBUFFORCE || name == SO_RCVBUF))
		return __real_setsockopt(fd, level, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	return __real_setsockopt(fd, level, name, v, len);
}

/* ---- one host ---- */

static struct ev_loop *loop;
static struct vip_net *net;
static struct vip_card *v0;
static bool with_helper; /* who asks the kernel: that one, or this process */

static struct {
	unsigned cards, came, left, add_refused, del_refused, overruns, broken;
	int err;
	unsigned ways, ways_left;
	uint32_t owner;
	struct way way;
	bool way_add;
	int way_err;
	struct lb_ip ip;
	bool up_flag, free_it;
	struct vip_card card;  /* as it was when told */
	const struct vip *add; /* in the next call */
} heard;

static void on_card(struct vip_card *c, void *arg)
{
	if (arg != &heard)
		abort(); /* check wants memory, of which there may be none here */
	heard.cards++;
	heard.card = *c;
	if (heard.free_it) {
		vip_card_put(net, c);
		vip_net_free(net);
		net = NULL;
	}
}

static void on_address(struct vip_card *c, const struct lb_ip *ip, bool added, void *arg)
{
	(void)arg;
	heard.came += added;
	heard.left += !added;
	heard.ip = *ip;
	if (heard.add && vips_add(net, c, heard.add, 1, 0))
		abort();
	heard.add = NULL;
}

static void on_refused(struct vip_card *c, const struct lb_ip *ip, bool add, int err, void *arg)
{
	(void)c, (void)arg;
	heard.add_refused += add;
	heard.del_refused += !add;
	heard.err = err;
	heard.ip = *ip;
}

static void on_overrun(void *arg)
{
	(void)arg;
	heard.overruns++;
}

static pid_t helper;
static int narrow_pair; /* what a host gives a socket to send; 0 = plenty */

static void on_broken(void *arg)
{
	(void)arg;
	heard.broken++;
}

static void on_way(uint32_t owner, const struct way *w, bool add, int err, void *arg)
{
	(void)arg;
	heard.ways++;
	heard.owner = owner;
	heard.way = *w;
	heard.way_add = add;
	heard.way_err = err;
}

static void on_way_left(const struct way *w, void *arg)
{
	(void)arg;
	heard.ways_left++;
	heard.way = *w;
}

static const struct vip_calls calls = {
	.card = on_card,
	.address = on_address,
	.refused = on_refused,
	.way = on_way,
	.way_left = on_way_left,
	.overrun = on_overrun,
	.broken = on_broken,
};

/* Virtual are 10.77/16 and fd77/16. */
static bool mine(const struct lb_ip *ip, void *arg)
{
	(void)arg;
	return ip->family == AF_INET6 ? ip->b[0] == 0xfd && ip->b[1] == 0x77 : ip->b[0] == 10 && ip->b[1] == 77;
}

static void sh(const char *command)
{
	int rc = system(command);
	ck_assert_msg(rc == 0, "%s: %d", command, rc);
}

static int start_helper(void)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (int i = 0; i < 2 && narrow_pair; i++)
		__real_setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &narrow_pair, sizeof(narrow_pair));
	helper = fork();
	if (helper == 0) {
		close(pair[0]);
		vip_ask_main(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

static void begin_net(void)
{
	int err = 0;
	memset(&heard, 0, sizeof(heard));
	net = vip_net_new(loop, &calls, &heard, with_helper ? start_helper() : -1, &err);
	ck_assert_msg(net, "%s", strerror(-err));
	vip_net_mine(net, mine);
}

static void on_guard(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l, (void)t, (void)events;
}

/* Runs the loop until it is true, and no longer than ms. */
#define WAIT(ms, condition)                                                                                            \
	({                                                                                                             \
		ev_timer guard;                                                                                        \
		struct lb_time end = lb_time_add_ms(lb_clock_now(), ms);                                               \
		bool true_now;                                                                                         \
		ev_timer_init(&guard, on_guard, 0.005, 0.005);                                                         \
		ev_now_update(loop);                                                                                   \
		ev_timer_start(loop, &guard);                                                                          \
		while (!(true_now = (condition)) && lb_time_cmp(lb_clock_now(), end) < 0)                              \
			ev_run(loop, EVRUN_ONCE);                                                                      \
		ev_timer_stop(loop, &guard);                                                                           \
		true_now;                                                                                              \
	})
#define MUST(condition)                                                                                                \
	ck_assert_msg(WAIT(5000, condition), "%s: cards %u came %u left %u refused %u %u (%d)", #condition,            \
		heard.cards, heard.came, heard.left, heard.add_refused, heard.del_refused, heard.err)
/* Without a helper before the loop runs again. */
#define MUST_NOW(condition) ck_assert_msg(with_helper ? WAIT(5000, condition) : (condition), "%s", #condition)
#define QUIET(ms)           ((void)WAIT(ms, false))

/* Not a word of addresses. */
static void assert_silent(void)
{
	ck_assert_msg(heard.came + heard.left + heard.add_refused + heard.del_refused == 0,
		"came %u left %u refused %u %u (%d)", heard.came, heard.left, heard.add_refused, heard.del_refused,
		heard.err);
}

static void setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	sh("ip link set lo up && ip link add v0 type veth peer name v1 &&"
	   "ip link set v0 addrgenmode none && ip link set v1 addrgenmode none &&"
	   "ip link set v0 up && ip link set v1 up && ip addr add 10.0.0.1/24 dev v0");
	loop = ev_loop_new(EVFLAG_AUTO);
	begin_net();
	v0 = vip_card_get(net, "v0");
	ck_assert_ptr_nonnull(v0);
	MUST(heard.cards && v0->up);
}

static void setup_helped(void)
{
	with_helper = true;
	setup();
}

/* sysctl net.core.wmem_default may be small. */
static void setup_narrow(void)
{
	narrow_pair = 8192;
	setup_helped();
}

static void teardown(void)
{
	if (net)
		vip_card_put(net, v0);
	vip_net_free(net);
	ev_loop_destroy(loop);
}

static struct vip vip(int family, unsigned i)
{
	struct vip v = { .ip.family = (uint8_t)family, .prefix = family == AF_INET ? 32 : 128 };
	static const uint8_t p4[] = { 10, 77 }, p6[] = { 0xfd, 0x77 };
	memcpy(v.ip.b, family == AF_INET ? p4 : p6, 2);
	size_t last = family == AF_INET ? 3 : 15;
	v.ip.b[last] = (uint8_t)i;
	v.ip.b[last - 1] = (uint8_t)(i >> 8);
	return v;
}

/* Virtual addresses that the kernel has. */
static unsigned held(void)
{
	struct ifaddrs *list, *a;
	unsigned n = 0;
	ck_assert_int_eq(getifaddrs(&list), 0);
	for (a = list; a; a = a->ifa_next) {
		struct lb_ip ip = { 0 };
		if (!a->ifa_addr)
			continue;
		ip.family = (uint8_t)a->ifa_addr->sa_family;
		if (ip.family == AF_INET)
			memcpy(ip.b, &((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr, 4);
		else if (ip.family == AF_INET6)
			memcpy(ip.b, &((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr, 16);
		else
			continue;
		n += mine(&ip, NULL);
	}
	freeifaddrs(list);
	return n;
}

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

/* ---- */

static bool can_run(void)
{
	pid_t child = fork();
	int status = -1;
	if (child == 0)
		_exit(unshare(CLONE_NEWNET) || system("ip link add v0 type veth peer name v1 2>/dev/null") ? 1 : 0);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

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

/* ---- routes and rules ---- */

static struct lb_ip ip_of(const char *text)
{
	struct lb_ip ip = { 0 };
	if (text)
		ck_assert_int_eq(lb_ip_parse(text, strlen(text), &ip), 0);
	return ip;
}

/* IPv6 wants an address on the card before it takes a source; the gateways are neighbours. */
static const struct {
	const char *what;
	bool rule;
	const char *to, *via, *source; /* of a rule: from, to */
	uint8_t prefix, via_prefix;
	uint32_t table, metric, mark; /* of a rule: table, priority, fwmark */
	const char *shown;            /* by ip(8), after "proto 236" is cut out */
	const char *command;
} ways[] = {
	{ "a route with everything", false, "0.0.0.0", "10.0.0.9", "10.77.0.1", 0, 0, 100, 10, 0,
		"default via 10.0.0.9 dev v0 proto 236 src 10.77.0.1 metric 10", "ip route show table 100" },
	{ "a route to the card itself", false, "192.0.2.0", NULL, NULL, 24, 0, 254, 0, 0,
		"192.0.2.0/24 dev v0 proto 236 scope link", "ip route show 192.0.2.0/24" },
	{ "a table above 255", false, "192.0.2.0", "10.0.0.9", NULL, 24, 0, 4000000000, 0, 0,
		"192.0.2.0/24 via 10.0.0.9 dev v0 proto 236", "ip route show table 4000000000" },
	{ "an IPv6 route with everything", false, "2001:db8::", "fd00::9", "fd77::1", 32, 0, 100, 10, 0,
		"2001:db8::/32 via fd00::9 dev v0 proto 236 src fd77::1 metric 10", "ip -6 route show table 100" },
	{ "an IPv6 route without a metric", false, "::", "fe80::9", NULL, 0, 0, 100, 0, 0,
		"default via fe80::9 dev v0 proto 236 metric 1024", "ip -6 route show table 100" },
	{ "a rule with everything", true, "192.0.2.0", "198.51.100.0", NULL, 24, 25, 100, 1000, 7,
		"1000:\tfrom 192.0.2.0/24 to 198.51.100.0/25 fwmark 0x7 lookup 100 proto 236", "ip rule" },
	{ "a rule of a mark alone", true, "0.0.0.0", "0.0.0.0", NULL, 0, 0, 4000000000, 1000, 0xffffffff,
		"1000:\tfrom all fwmark 0xffffffff lookup 4000000000 proto 236", "ip rule" },
	{ "an IPv6 rule", true, "2001:db8::", "::", NULL, 32, 0, 100, 1000, 0,
		"1000:\tfrom 2001:db8::/32 lookup 100 proto 236", "ip -6 rule" },
};

static struct way way_row(size_t i)
{
	struct route t = { .table = ways[i].table, .metric = ways[i].metric, .prefix = ways[i].prefix };
	struct rule r = { .table = ways[i].table, .priority = ways[i].metric, .fwmark = ways[i].mark };
	r.from_prefix = ways[i].prefix;
	r.to_prefix = ways[i].via_prefix;
	t.to = r.from = ip_of(ways[i].to);
	t.via = r.to = ip_of(ways[i].via);
	t.source = ip_of(ways[i].source);
	return ways[i].rule ? way_of_rule(&r) : way_of_route(&t);
}

static void ask_way(const struct way *w, bool add)
{
	heard.ways = 0;
	heard.way_err = -2;
	ck_assert_int_eq(vip_way_ask(net, 5, w, v0->index, add), 0);
	vip_asked_send(net);
	MUST(heard.ways == 1);
	ck_assert(heard.owner == 5 && heard.way_add == add && way_same(&heard.way, w));
}

/* Whether ip(8) has a line of it. */
static bool shows(const char *command, const char *line)
{
	char got[512];
	bool found = false;
	FILE *f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(got, sizeof(got), f))
		found |= strstr(got, line) != NULL;
	ck_assert_int_ne(pclose(f), -1);
	return found;
}

static void with_addresses(void)
{
	struct vip both[] = { vip(AF_INET, 1), vip(AF_INET6, 1) };
	sh("ip addr add fd00::1/64 dev v0 nodad && ip link set v1 addrgenmode eui64 &&"
	   "ip addr add fe80::1/64 dev v0 nodad");
	ck_assert_int_eq(vips_add(net, v0, both, 2, 0), 0);
	MUST(held() == 2);
}

START_TEST(a_way_comes_and_goes)
{
	struct way w = way_row((size_t)_i);
	with_addresses();
	ask_way(&w, true);
	ck_assert_msg(heard.way_err == 0, "%s: %s", ways[_i].what, strerror(heard.way_err));
	ck_assert_msg(shows(ways[_i].command, ways[_i].shown), "%s: it is not there", ways[_i].what);
	ask_way(&w, true);
	ck_assert_msg(heard.way_err == EEXIST, "%s: once more: %d", ways[_i].what, heard.way_err);
	vip_ways_sweep(net);
	MUST(heard.ways_left == 1);
	ck_assert_msg(way_same(&heard.way, &w), "%s: read back it is another one", ways[_i].what);
	ask_way(&w, false);
	ck_assert_msg(heard.way_err == 0, "%s: removed: %d", ways[_i].what, heard.way_err);
	ck_assert_msg(!shows(ways[_i].command, "proto 236"), "%s: it is still there", ways[_i].what);
	ask_way(&w, false);
	ck_assert_msg(heard.way_err == ESRCH || heard.way_err == ENOENT, "%s: %d", ways[_i].what, heard.way_err);
}
END_TEST

/* A route from an address that is asked for in the same breath; and its end before that of the address. */
START_TEST(a_route_from_an_address)
{
	struct vip v = vip(AF_INET, 1);
	struct way w = way_row(0);
	ck_assert_int_eq(vips_add(net, v0, &v, 1, 0), 0);
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, 0);
	heard.ways = 0;
	ck_assert_int_eq(vip_way_ask(net, 5, &w, 0, false), 0);
	ck_assert_int_eq(vips_del(net, v0, &v, 1), 0);
	MUST(heard.ways == 1 && held() == 0);
	ck_assert_int_eq(heard.way_err, 0); /* not ESRCH: the kernel would have dropped it with the address */
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, EINVAL);
}
END_TEST

START_TEST(what_others_made_is_left_alone)
{
	struct way w = way_row(1), r = way_row(5);
	sh("ip route add 192.0.2.0/24 via 10.0.0.8 proto 200 &&"
	   "ip rule add from 192.0.2.0/24 to 198.51.100.0/25 fwmark 7 table 100 priority 1000 protocol 200");
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, EEXIST);
	ask_way(&w, false);
	ck_assert_int_eq(heard.way_err, ESRCH);
	/* some kernels have rules of two owners beside each other, some do not */
	ask_way(&r, true);
	ck_assert(heard.way_err == 0 || heard.way_err == EEXIST);
	int added = heard.way_err;
	ask_way(&r, false);
	ck_assert_int_eq(heard.way_err, added ? ENOENT : 0);
	ck_assert(shows("ip route", "192.0.2.0/24 via 10.0.0.8 dev v0 proto 200"));
	ck_assert(shows("ip rule", "fwmark 0x7 lookup 100 proto 200"));
	vip_ways_sweep(net);
	QUIET(100);
	ck_assert_uint_eq(heard.ways_left, 0);
}
END_TEST

/* What is left of ours is found among many of others; ours with another next hop is removed like one of ours. */
START_TEST(left_over_ways)
{
	struct way w = way_row(1);
	sh("for i in $(seq 0 999); do echo route add 10.$((100 + i / 250)).$((i % 250)).0/24 via 10.0.0.8; done |"
	   "ip -batch - && ip route add 192.0.2.0/24 via 10.0.0.7 proto 236 && ip route add 192.0.3.0/24 via 10.0.0.7 "
	   "table 7 proto 236 && ip rule add from 10.9.0.0/16 table 7 priority 9 protocol 236");
	vip_ways_sweep(net);
	MUST(heard.ways_left == 3);
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, EEXIST);
	ask_way(&w, false);
	ck_assert_int_eq(heard.way_err, 0);
	ask_way(&w, true);
	ck_assert_int_eq(heard.way_err, 0);
}
END_TEST

int main(void)
{
	if (geteuid() != 0 || !can_run()) {
		printf("skipped: it needs root, a network namespace of its own and a veth pair\n");
		return 77;
	}
	Suite *s = suite_create("vip_io");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
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
	tcase_add_loop_test(tc, a_way_comes_and_goes, 0, LEN(ways));
	tcase_add_test(tc, a_route_from_an_address);
	tcase_add_test(tc, what_others_made_is_left_alone);
	tcase_add_test(tc, left_over_ways);
	tcase_add_test(tc, frames_arrive);
	tcase_add_test(tc, messages_are_lost);
	tcase_add_test(tc, a_narrow_window);
	tcase_add_loop_test(tc, sending_does_not_go, 0, LEN(blocked));
	tcase_add_test(tc, no_descriptors);
	tcase_add_test(tc, no_memory_to_ask);
	tcase_add_test(tc, no_memory_to_hear);
	tcase_add_test(tc, ended_from_inside_a_call);
	tcase_add_test(tc, nobody_watches_any_more);
	suite_add_tcase(s, tc);
	TCase *th = tcase_create("helped");
	tcase_set_timeout(th, 60);
	tcase_add_checked_fixture(th, setup_helped, teardown);
	tcase_add_test(th, a_card_and_its_fortunes);
	tcase_add_test(th, ten_changes_a_second);
	tcase_add_loop_test(th, a_batch, 0, LEN(batches));
	tcase_add_test(th, added_and_removed_in_one_breath);
	tcase_add_test(th, leases);
	tcase_add_test(th, others_meddle);
	tcase_add_test(th, the_card_goes_down_with_addresses);
	tcase_add_test(th, refused);
	tcase_add_test(th, left_over_addresses);
	tcase_add_loop_test(th, a_way_comes_and_goes, 0, LEN(ways));
	tcase_add_test(th, a_route_from_an_address);
	tcase_add_test(th, what_others_made_is_left_alone);
	tcase_add_test(th, left_over_ways);
	tcase_add_test(th, ended_from_inside_a_call);
	tcase_add_test(th, the_helper_settles);
	tcase_add_test(th, the_helper_is_killed);
	tcase_add_test(th, the_helper_waits_for_us);
	tcase_add_test(th, a_dump_that_is_not_answered);
	suite_add_tcase(s, th);
	TCase *tn = tcase_create("narrow");
	tcase_set_timeout(tn, 60);
	tcase_add_checked_fixture(tn, setup_narrow, teardown);
	tcase_add_loop_test(tn, a_batch, 0, LEN(batches));
	suite_add_tcase(s, tn);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
