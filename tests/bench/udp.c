/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows by the hundred thousand.
 *
 *   udp open FIRST N TO PORT SECONDS   one datagram to TO:PORT from each of the clients FIRST to FIRST + N - 1
 *   udp echo PORT                      answers every datagram until it is killed
 *   udp load TO PORT FLOWS SECONDS     ping-pong: of each of FLOWS flows some datagrams are under way all the time;
 * prints how many came back, the seconds, the median and the 99th percentile of their time in us, and how many did not
 * come back
 *
 * open is as fast as it goes, and ends after SECONDS; it prints how many, and the seconds that it took.
 * Client i has the address 10.64.0.0 + i / 60000 and the port 1024 + i % 60000; nobody has to have these addresses, as
 * whole IP packets are sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE     64
#define CLIENT_BASE 0x0a400000u
#define PORT_BASE   1024u
#define PORTS       60000u
#define TTL         64
#define BUFFER      (32 << 20)
#define FLOWS       256     /* of load, at most */
#define WINDOW      8       /* of a flow under way */
#define LOST_S      0.5     /* since the last word of a flow: what is under way will not come */
#define SAMPLE      1000000 /* of times, at most */

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char word[2];
} __attribute__((packed));

static void die(const char *what)
{
	fprintf(stderr, "udp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The kernel fills in the checksum and the length of IP; a UDP checksum of 0 is none. */
static struct packet packet_of(uint32_t i, struct in_addr to, uint16_t port)
{
	return (struct packet){ .ip = { .version = 4,
					.ihl = 5,
					.ttl = TTL,
					.protocol = IPPROTO_UDP,
					.saddr = htonl(CLIENT_BASE + i / PORTS),
					.daddr = to.s_addr },
		.udp = { .source = htons((uint16_t)(PORT_BASE + i % PORTS)),
			.dest = htons(port),
			.len = htons(sizeof(struct udphdr) + 2) },
		.word = "x\n" };
}

static unsigned send_all(int fd, struct mmsghdr *m, unsigned n)
{
	unsigned done = 0;
	while (done < n) {
		int sent = sendmmsg(fd, m + done, n - done, 0);
		if (sent < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
			die("sendmmsg");
		done += sent > 0 ? (unsigned)sent : 0;
	}
	return done;
}

static int open_flows(uint32_t first, uint32_t n, struct in_addr to, uint16_t port, double seconds)
{
	static struct packet p[AT_ONCE];
	struct mmsghdr m[AT_ONCE];
	struct iovec iov[AT_ONCE];
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = to };
	double begin = now();
	uint32_t done = 0;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		die("raw socket");
	memset(m, 0, sizeof(m));
	while (done < n && now() - begin < seconds) {
		unsigned k = 0;
		for (; k < AT_ONCE && done + k < n; k++) {
			p[k] = packet_of(first + done + k, to, port);
			iov[k] = (struct iovec){ &p[k], sizeof(p[k]) };
			m[k].msg_hdr = (struct msghdr){
				.msg_name = &at, .msg_namelen = sizeof(at), .msg_iov = &iov[k], .msg_iovlen = 1
			};
		}
		done += send_all(fd, m, k);
	}
	printf("%u %.3f\n", done, now() - begin);
	close(fd);
	return 0;
}

/* From the address that was asked, by whichever card leads there. */
static void turn_round(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
}

static int echo(uint16_t port)
{
	static char bytes[AT_ONCE][64];
	static _Alignas(struct cmsghdr) char control[AT_ONCE][64];
	struct mmsghdr m[AT_ONCE];
	struct iovec iov[AT_ONCE];
	struct sockaddr_in from[AT_ONCE], at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, size = BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
		bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("bind");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		memset(m, 0, sizeof(m));
		for (unsigned k = 0; k < AT_ONCE; k++) {
			iov[k] = (struct iovec){ bytes[k], sizeof(bytes[k]) };
			m[k].msg_hdr = (struct msghdr){ .msg_name = &from[k],
				.msg_namelen = sizeof(from[k]),
				.msg_iov = &iov[k],
				.msg_iovlen = 1,
				.msg_control = control[k],
				.msg_controllen = sizeof(control[k]) };
		}
		int n = recvmmsg(fd, m, AT_ONCE, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EINTR)
			die("recvmmsg");
		for (int k = 0; k < n; k++) {
			iov[k].iov_len = m[k].msg_len;
			turn_round(&m[k].msg_hdr);
		}
		if (n > 0)
			(void)send_all(fd, m, (unsigned)n);
	}
}

/* ---- load ---- */

/* One flow: its socket, and how many of its datagrams are under way. */
struct flow {
	int fd;
	unsigned out;
	double said; /* when the last one went */
};

struct load {
	struct flow flow[FLOWS];
	unsigned flows;
	double *took; /* of those that came back, at most SAMPLE */
	size_t back, lost;
};

/* As in a frame of 64 bytes: 14 of Ethernet and 4 of its checksum, 20 of IP, 8 of UDP. */
struct word {
	double at;
	char rest[10];
} __attribute__((packed));

static void say(struct flow *f, unsigned n)
{
	struct word w[WINDOW];
	struct mmsghdr m[WINDOW];
	struct iovec iov[WINDOW];
	memset(m, 0, sizeof(m));
	f->said = now();
	for (unsigned k = 0; k < n; k++) {
		w[k] = (struct word){ .at = f->said };
		iov[k] = (struct iovec){ &w[k], sizeof(w[k]) };
		m[k].msg_hdr = (struct msghdr){ .msg_iov = &iov[k], .msg_iovlen = 1 };
	}
	f->out += send_all(f->fd, m, n);
}

static void hear(struct load *l, struct flow *f)
{
	struct word w[WINDOW];
	struct mmsghdr m[WINDOW];
	struct iovec iov[WINDOW];
	memset(m, 0, sizeof(m));
	for (unsigned k = 0; k < WINDOW; k++) {
		iov[k] = (struct iovec){ &w[k], sizeof(w[k]) };
		m[k].msg_hdr = (struct msghdr){ .msg_iov = &iov[k], .msg_iovlen = 1 };
	}
	int n = recvmmsg(f->fd, m, WINDOW, MSG_DONTWAIT, NULL);
	double at = now();
	if (n <= 0)
		return;
	for (int k = 0; k < n; k++, l->back++)
		if (l->back < SAMPLE)
			l->took[l->back] = at - w[k].at;
	f->out -= f->out < (unsigned)n ? f->out : (unsigned)n;
	say(f, (unsigned)n);
}

/* Nothing came of a flow for a while: what was under way is lost. */
static void give_up(struct load *l)
{
	double at = now();
	for (struct flow *f = l->flow; f < l->flow + l->flows; f++) {
		if (at - f->said < LOST_S)
			continue;
		l->lost += f->out;
		f->out = 0;
		say(f, WINDOW);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void open_load(struct load *l, int poll, struct in_addr to, uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = to, .sin_port = htons(port) };
	for (unsigned i = 0; i < l->flows; i++) {
		struct flow *f = &l->flow[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = f };
		f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (f->fd < 0 || connect(f->fd, (const struct sockaddr *)&at, sizeof(at)) ||
			epoll_ctl(poll, EPOLL_CTL_ADD, f->fd, &e))
			die("flow");
		say(f, WINDOW);
	}
}

static int load(struct in_addr to, uint16_t port, unsigned flows, double seconds)
{
	static struct load l;
	struct epoll_event got[FLOWS];
	int poll = epoll_create1(EPOLL_CLOEXEC);
	l = (struct load){ .flows = flows, .took = calloc(SAMPLE, sizeof(*l.took)) };
	if (poll < 0 || !l.took)
		die("start");
	double begin = now(), looked = begin;
	open_load(&l, poll, to, port);
	while (now() - begin < seconds) {
		int n = epoll_wait(poll, got, FLOWS, 20);
		for (int i = 0; i < n; i++)
			hear(&l, got[i].data.ptr);
		if (now() - looked > LOST_S / 4) {
			looked = now();
			give_up(&l);
		}
	}
	double took = now() - begin;
	size_t n = l.back < SAMPLE ? l.back : SAMPLE;
	if (!n)
		return fprintf(stderr, "udp: nothing came back\n"), 1;
	qsort(l.took, n, sizeof(l.took[0]), by_value);
	return printf("%zu %.3f %.0f %.0f %zu\n", l.back, took, l.took[n / 2] * 1e6, l.took[n * 99 / 100] * 1e6,
		       l.lost) < 0;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct in_addr to;
	if (argc == 7 && strcmp(argv[1], "open") == 0 && inet_pton(AF_INET, argv[4], &to) == 1)
		return open_flows(
			number(argv[2]), number(argv[3]), to, (uint16_t)number(argv[5]), strtod(argv[6], NULL));
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo((uint16_t)number(argv[2]));
	if (argc == 6 && strcmp(argv[1], "load") == 0 && inet_pton(AF_INET, argv[2], &to) == 1 && number(argv[4]) > 0 &&
		number(argv[4]) <= FLOWS)
		return load(to, (uint16_t)number(argv[3]), number(argv[4]), strtod(argv[5], NULL));
	fprintf(stderr, "usage: udp open FIRST N TO PORT SECONDS | udp echo PORT | udp load TO PORT FLOWS SECONDS\n");
	return 2;
}
