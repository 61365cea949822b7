/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmark of failover measures with: one address, two nodes that may hold it, and a client that asks for it.
 *
 *   watch ADDRESS NODE NODE CLIENT [MS]   the three are names of network namespaces; MS between two questions, or 5
 *
 * Tells at once, one line each, with CLOCK_MONOTONIC in us:
 *   ready
 *   addr NODE +|- US      the kernel of that node has the address now, or has it no longer. A lease that is renewed is
 *                         no change.
 * A byte on stdin starts the client: an ICMP echo every MS, which the kernel of whoever is reached answers. At the
 * end of stdin: reply SENT US         for each answer: when it was asked and when it came end
 *
 * Runs before everything else of the host (SCHED_FIFO), or the times would be those of this program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define VRRP     112        /* RFC 9568 5.1.1.4 */
#define GROUP    0xe0000012 /* 224.0.0.18 */
#define NODES    2
#define ARGS     (2 + NODES + 1)
#define EVERY_MS 5
#define PROBES   65536 /* 327 s at 5 ms; the number of a probe has 16 bits */

struct probe {
	int64_t sent, came; /* us; 0: not yet */
};

struct watch {
	struct in_addr address;
	const char *node[NODES];
	int netlink[NODES];
	bool has[NODES];
	int ping, timer, adverts;
	long every_ms;
	unsigned sent;
	struct probe probe[PROBES];
};

static void die(const char *what, int err)
{
	fprintf(stderr, "watch: %s: %s\n", what, strerror(err));
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A socket stays in the namespace that it was made in. */
static int socket_in(const char *space, int family, int type, int protocol)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", space);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path, errno);
	close(ns);
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		die("socket", errno);
	return fd;
}

/* ---- who holds it ---- */

static int listen_in(const char *space)
{
	const struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	int fd = socket_in(space, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)))
		die("netlink", errno);
	return fd;
}

static bool is_it(const struct watch *w, struct nlmsghdr *h)
{
	int left = (int)IFA_PAYLOAD(h);
	for (struct rtattr *a = IFA_RTA(NLMSG_DATA(h)); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFA_LOCAL && RTA_PAYLOAD(a) == sizeof(w->address))
			return memcmp(RTA_DATA(a), &w->address, sizeof(w->address)) == 0;
	return false;
}

static void take_address(struct watch *w, unsigned i, struct nlmsghdr *h, int64_t now)
{
	bool has = h->nlmsg_type == RTM_NEWADDR;
	if ((!has && h->nlmsg_type != RTM_DELADDR) || !is_it(w, h) || has == w->has[i])
		return;
	w->has[i] = has;
	printf("addr %s %c %lld\n", w->node[i], has ? '+' : '-', (long long)now);
}

static void read_netlink(struct watch *w, unsigned i)
{
	_Alignas(struct nlmsghdr) char in[16384];
	ssize_t n;
	while ((n = recv(w->netlink[i], in, sizeof(in), 0)) > 0) {
		int64_t now = now_us();
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)in; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			take_address(w, i, h, now);
	}
	if (n < 0 && errno != EAGAIN)
		die("netlink", errno); /* something was lost: what we would tell is no longer so */
}

/* ---- the client ---- */

/* The order of bytes does not matter to it (RFC 1071 2). */
static uint16_t sum(const uint16_t *word, size_t n)
{
	uint32_t s = 0;
	for (size_t i = 0; i < n; i++)
		s += word[i];
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t) ~(s + (s >> 16));
}

static void send_probe(struct watch *w)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = w->address };
	const uint16_t id = htons((uint16_t)getpid()), number = htons((uint16_t)w->sent);
	uint16_t m[4] = { htons(ICMP_ECHO << 8), 0, id, number }; /* type and code, checksum */
	uint64_t due;
	/* some late ones are one: a burst would measure nothing */
	if (read(w->timer, &due, sizeof(due)) != sizeof(due) || w->sent == PROBES)
		return;
	m[1] = sum(m, sizeof(m) / sizeof(m[0]));
	w->probe[w->sent++].sent = now_us();
	/* no route, no neighbour: it is not answered */
	(void)sendto(w->ping, m, sizeof(m), 0, (const struct sockaddr *)&to, sizeof(to));
}

static void read_replies(struct watch *w)
{
	uint8_t in[512];
	ssize_t n;
	while ((n = recv(w->ping, in, sizeof(in), 0)) != -1 || errno != EAGAIN) {
		struct icmphdr m;
		size_t head = n > 0 ? (size_t)(in[0] & 15) * 4 : 0;
		if (n < 0 || (size_t)n < head + sizeof(m))
			continue;
		memcpy(&m, in + head, sizeof(m));
		unsigned i = ntohs(m.un.echo.sequence);
		if (m.type == ICMP_ECHOREPLY && m.un.echo.id == htons((uint16_t)getpid()) && i < w->sent &&
			w->probe[i].came == 0)
			w->probe[i].came = now_us();
	}
}

static int join_in(const char *space)
{
	struct ip_mreqn m = { .imr_multiaddr.s_addr = htonl(GROUP) };
	int fd = socket_in(space, AF_INET, SOCK_RAW, VRRP);
	m.imr_ifindex = (int)if_nametoindex("eth0");
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)))
		die("224.0.0.18", errno);
	return fd;
}

static void read_adverts(const struct watch *w)
{
	uint8_t in[512];
	while (recv(w->adverts, in, sizeof(in), 0) > 0)
		if (w->sent)
			printf("advert %lld\n", (long long)now_us());
}

/* 0: the end of stdin */
static bool read_orders(struct watch *w)
{
	const struct timespec ms = { w->every_ms / 1000, w->every_ms % 1000 * 1000000 };
	const struct itimerspec every = { ms, ms };
	char byte;
	ssize_t n = read(STDIN_FILENO, &byte, 1);
	if (n < 0)
		die("stdin", errno);
	if (n && timerfd_settime(w->timer, 0, &every, NULL))
		die("timerfd", errno);
	return n != 0;
}

static void run(struct watch *w)
{
	enum { ORDERS = NODES, TIMER, PING, ADVERTS, ALL };
	struct pollfd fds[ALL] = {
		[0] = { .fd = w->netlink[0] },
		[1] = { .fd = w->netlink[1] },
		[ORDERS] = { .fd = STDIN_FILENO },
		[TIMER] = { .fd = w->timer },
		[PING] = { .fd = w->ping },
		[ADVERTS] = { .fd = w->adverts },
	};
	for (unsigned i = 0; i < ALL; i++)
		fds[i].events = POLLIN;
	for (;;) {
		if (poll(fds, ALL, -1) < 0 && errno != EINTR)
			die("poll", errno);
		for (unsigned i = 0; i < NODES; i++)
			if (fds[i].revents)
				read_netlink(w, i);
		if (fds[PING].revents)
			read_replies(w);
		if (fds[ADVERTS].revents)
			read_adverts(w);
		if (fds[TIMER].revents)
			send_probe(w);
		if (fds[ORDERS].revents && !read_orders(w))
			return;
	}
}

int main(int argc, char **argv)
{
	static struct watch w;
	const struct sched_param first = { .sched_priority = 10 };
	w.every_ms = argc == ARGS + 1 ? strtol(argv[ARGS], NULL, 10) : EVERY_MS;
	if ((argc != ARGS && argc != ARGS + 1) || w.every_ms <= 0 || inet_pton(AF_INET, argv[1], &w.address) != 1) {
		fprintf(stderr, "usage: watch ADDRESS NODE NODE CLIENT [MS]\n");
		return 2;
	}
	for (unsigned i = 0; i < NODES; i++) {
		w.node[i] = argv[2 + i];
		w.netlink[i] = listen_in(w.node[i]);
	}
	w.ping = socket_in(argv[2 + NODES], AF_INET, SOCK_RAW, IPPROTO_ICMP);
	w.adverts = join_in(argv[2 + NODES]);
	w.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w.timer < 0)
		die("timerfd", errno);
	if (sched_setscheduler(0, SCHED_FIFO, &first) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("real-time priority", errno);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	run(&w);
	setvbuf(stdout, NULL, _IOFBF, 0);
	for (unsigned i = 0; i < w.sent; i++)
		printf("probe %lld %lld\n", (long long)w.probe[i].sent, (long long)w.probe[i].came);
	printf("end\n");
	return fflush(stdout) ? 1 : 0;
}
