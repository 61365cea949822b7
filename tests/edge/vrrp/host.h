/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cards and addresses of the real kernel, in a network namespace of its own for each test (apart.h). Once for a
 * program: the linker wraps what stands between the code and the C library.
 */
#pragma once

#include "common/clock_io.h"
#include "lbd/vrrp/vip_ask_io.h"
#include "lbd/vrrp/vip_io.h"
#include "tests/edge/vrrp/apart.h"

#include <check.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static inline bool no_memory(void)
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

static inline void on_card(struct vip_card *c, void *arg)
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

static inline void on_address(struct vip_card *c, const struct vip *v, bool added, void *arg)
{
	(void)arg;
	heard.came += added;
	heard.left += !added;
	heard.ip = v->ip;
	if (heard.add && vips_add(net, c, heard.add, 1, 0))
		abort();
	heard.add = NULL;
}

static inline void on_refused(struct vip_card *c, const struct lb_ip *ip, bool add, int err, void *arg)
{
	(void)c, (void)arg;
	heard.add_refused += add;
	heard.del_refused += !add;
	heard.err = err;
	heard.ip = *ip;
}

static inline void on_overrun(void *arg)
{
	(void)arg;
	heard.overruns++;
}

static pid_t helper;
static int narrow_pair; /* what a host gives a socket to send; 0 = plenty */

static inline void on_broken(void *arg)
{
	(void)arg;
	heard.broken++;
}

static inline void on_way(uint32_t owner, const struct way *w, bool add, int err, void *arg)
{
	(void)arg;
	heard.ways++;
	heard.owner = owner;
	heard.way = *w;
	heard.way_add = add;
	heard.way_err = err;
}

static inline void on_way_left(const struct way *w, void *arg)
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
static inline bool mine(const struct lb_ip *ip, void *arg)
{
	(void)arg;
	return ip->family == AF_INET6 ? ip->b[0] == 0xfd && ip->b[1] == 0x77 : ip->b[0] == 10 && ip->b[1] == 77;
}

static inline int start_helper(void)
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

static inline void begin_net(void)
{
	int err = 0;
	memset(&heard, 0, sizeof(heard));
	net = vip_net_new(loop, &calls, &heard, with_helper ? start_helper() : -1, &err);
	ck_assert_msg(net, "%s", strerror(-err));
	vip_net_mine(net, mine);
}

static inline void on_guard(struct ev_loop *l, ev_timer *t, int events)
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
static inline void assert_silent(void)
{
	ck_assert_msg(heard.came + heard.left + heard.add_refused + heard.del_refused == 0,
		"came %u left %u refused %u %u (%d)", heard.came, heard.left, heard.add_refused, heard.del_refused,
		heard.err);
}

static inline void setup(void)
{
	set_apart();
	loop = ev_loop_new(EVFLAG_AUTO);
	begin_net();
	v0 = vip_card_get(net, "v0");
	ck_assert_ptr_nonnull(v0);
	MUST(heard.cards && v0->up);
}

static inline void setup_helped(void)
{
	with_helper = true;
	setup();
}

/* sysctl net.core.wmem_default may be small. */
static inline void setup_narrow(void)
{
	narrow_pair = 8192;
	setup_helped();
}

static inline void teardown(void)
{
	if (net)
		vip_card_put(net, v0);
	vip_net_free(net);
	ev_loop_destroy(loop);
}

static inline struct vip vip(int family, unsigned i)
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
static inline unsigned held(void)
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

typedef void add_fn(TCase *tc);

static inline void host_case(Suite *s, const char *name, void (*begin)(void), add_fn *add)
{
	TCase *tc = tcase_create(name);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, begin, teardown);
	suite_add_tcase(s, tc);
	add(tc);
}

/* The status of the program. helped: with a helper that asks the kernel. */
static inline int host_run(Suite *s, add_fn *plain, add_fn *helped, add_fn *narrow)
{
	if (!can_run()) {
		printf("skipped: it needs root, a network namespace of its own and a veth pair\n");
		return 77;
	}
	host_case(s, "all", setup, plain);
	host_case(s, "helped", setup_helped, helped);
	if (narrow)
		host_case(s, "narrow", setup_narrow, narrow);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
