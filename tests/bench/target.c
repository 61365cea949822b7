/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The far end of the benchmarks of checks and of the data path.
 *
 *   target http PORT                 answer every request with 200, one per connection
 *   target keep PORT                 the same, and the connection stays, unless the request has "Connection: close";
 * several of these may share the port target gaps SECONDS PORT MS      listen to the SYNs that arrive for PORT; print
 * how many there were, and the median and the 99th percentile of (time since the last one of that address - MS), in ms,
 * nothing below 0
 *
 * gaps takes the kernel's time of a packet: how fast this program or the server is does not matter, and it sees
 * connections that are reset before a server could accept them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRS  65536   /* told apart by the low half of the address */
#define SAMPLE 1000000 /* of gaps, at most */
#define EVENTS 256

static void die(const char *what, int err)
{
	fprintf(stderr, "target: %s: %s\n", what, strerror(err));
	exit(1);
}

/* ---- http ---- */

static int listener(uint16_t port)
{
	const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l < 0)
		die("socket", errno);
	(void)setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(l, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(l, (const struct sockaddr *)&a, sizeof(a)) || listen(l, 4096))
		die("listen", errno);
	return l;
}

/* A request is short and comes in one piece. */
static void answer(int fd, bool keep)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n",
			  last[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n",
			  leave[] = "Connection: close";
	char in[4096];
	ssize_t n = recv(fd, in, sizeof(in), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (keep && n > 0 && !memmem(in, (size_t)n, leave, sizeof(leave) - 1) &&
		send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL) > 0)
		return;
	if (n > 0)
		(void)!send(fd, last, sizeof(last) - 1, MSG_NOSIGNAL);
	close(fd);
}

static void accept_all(int poll, int l)
{
	int c;
	while ((c = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event e = { .events = EPOLLIN, .data.fd = c };
		if (epoll_ctl(poll, EPOLL_CTL_ADD, c, &e))
			close(c);
	}
}

static void http(uint16_t port, bool keep)
{
	int l = listener(port), poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = l }, got[EVENTS];
	if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, l, &e))
		die("epoll", errno);
	for (;;) {
		int n = epoll_wait(poll, got, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait", errno);
		for (int i = 0; i < n; i++) {
			if (got[i].data.fd == l)
				accept_all(poll, l);
			else
				answer(got[i].data.fd, keep);
		}
	}
}

/* ---- gaps ---- */

/* Bytes count from the IP header: TCP, to that port, SYN without ACK. */
static int tap(uint16_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 7),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 64),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	const struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	const struct timeval patience = { .tv_usec = 200000 };
	int on = 1, room = 32 << 20, fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		die("packet socket", errno);
	return fd;
}

static double seconds(const struct timespec *t)
{
	return (double)t->tv_sec + (double)t->tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return seconds(&t);
}

/* The time of the next packet and the low half of its destination; 0 = none came for a while. */
static double next_packet(int fd, uint16_t *addr)
{
	uint8_t ip[64];
	_Alignas(struct cmsghdr) char control[128];
	struct sockaddr_ll from;
	struct iovec v = { ip, sizeof(ip) };
	struct msghdr m = { &from, sizeof(from), &v, 1, control, sizeof(control), 0 };
	ssize_t n = recvmsg(fd, &m, 0);
	if (n < 20 || from.sll_pkttype == PACKET_OUTGOING)
		return 0;
	*addr = (uint16_t)(ip[18] << 8 | ip[19]);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			return seconds(&t);
		}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static int gaps(uint32_t for_s, uint16_t port, uint32_t period_ms)
{
	static double last[ADDRS];
	static float late[SAMPLE];
	int fd = tap(port);
	size_t n = 0, packets = 0;
	for (double end = now() + for_s; now() < end && n < SAMPLE;) {
		uint16_t addr = 0;
		double at = next_packet(fd, &addr);
		if (at == 0)
			continue;
		packets++;
		if (last[addr] > 0) {
			double ms = (at - last[addr]) * 1e3 - period_ms;
			late[n++] = ms > 0 ? (float)ms : 0;
		}
		last[addr] = at;
	}
	struct tpacket_stats lost = { 0 };
	socklen_t len = sizeof(lost);
	(void)getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &len);
	if (lost.tp_drops)
		fprintf(stderr, "target: %u packets were not seen\n", lost.tp_drops);
	if (n == 0)
		return fprintf(stderr, "target: no address was asked twice\n"), 1;
	qsort(late, n, sizeof(late[0]), by_value);
	return printf("%zu %.2f %.2f\n", packets, (double)late[n / 2], (double)late[n * 99 / 100]) < 0;
}

static uint32_t number(const char *s)
{
	char *e;
	unsigned long v = strtoul(s, &e, 10);
	if (*e || e == s || v == 0 || v > 65535)
		die(s, EINVAL);
	return (uint32_t)v;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "http") == 0)
		http((uint16_t)number(argv[2]), false);
	if (argc == 3 && strcmp(argv[1], "keep") == 0)
		http((uint16_t)number(argv[2]), true);
	if (argc == 5 && strcmp(argv[1], "gaps") == 0)
		return gaps(number(argv[2]), (uint16_t)number(argv[3]), number(argv[4]));
	fputs("usage: target http|keep PORT | gaps SECONDS PORT MS\n", stderr);
	return 2;
}
