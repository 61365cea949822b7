/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows by the hundred thousand.
 *
 *   udp open FIRST N TO PORT SECONDS   one datagram to TO:PORT from each of the clients FIRST to FIRST + N - 1
 *   udp echo PORT                      answers every datagram until it is killed
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE     64
#define CLIENT_BASE 0x0a400000u
#define PORT_BASE   1024u
#define PORTS       60000u
#define TTL         64
#define BUFFER      (32 << 20)

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

static int echo(uint16_t port)
{
	static char bytes[AT_ONCE][64];
	struct mmsghdr m[AT_ONCE];
	struct iovec iov[AT_ONCE];
	struct sockaddr_in from[AT_ONCE], at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int size = BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
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
				.msg_iovlen = 1 };
		}
		int n = recvmmsg(fd, m, AT_ONCE, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EINTR)
			die("recvmmsg");
		for (int k = 0; k < n; k++)
			iov[k].iov_len = m[k].msg_len;
		if (n > 0)
			(void)send_all(fd, m, (unsigned)n);
	}
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
	fprintf(stderr, "usage: udp open FIRST N TO PORT SECONDS | udp echo PORT\n");
	return 2;
}
