/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_sock_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define TAP_BUFFER  (16 << 20) /* some 7,000 datagrams with 40 connections each */
#define SEND_BUFFER (1 << 20)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int fail(int fd)
{
	int err = errno;
	close(fd);
	return -err;
}

/* Offsets are those of IP, as the socket is one without link headers. */
static int set_filter(int fd, const struct lb_ip *from)
{
	uint32_t address = 0;
	for (size_t i = 0; i < 4; i++)
		address = address << 8 | from->b[i];
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 9),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), /* IPv4 without options */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6), /* not a fragment */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, TAP_BYTES_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = COUNT(code), .filter = code };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int tap_sock_listen(int index, const struct lb_ip *from)
{
	/* bound to a protocol only with the filter in place; and only a socket for all protocols sees what leaves */
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index };
	int size = TAP_BUFFER;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (set_filter(fd, from) || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return fail(fd);
	return fd;
}

int tap_sock_read(int fd, struct tap_packets *p)
{
	struct mmsghdr m[TAP_AT_ONCE];
	struct iovec iov[TAP_AT_ONCE];
	memset(m, 0, sizeof(m));
	for (size_t i = 0; i < TAP_AT_ONCE; i++) {
		iov[i] = (struct iovec){ p->bytes[i], TAP_BYTES_MAX };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	p->n = 0;
	int n;
	do
		n = recvmmsg(fd, m, TAP_AT_ONCE, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	p->n = (size_t)n;
	for (size_t i = 0; i < p->n; i++)
		p->len[i] = m[i].msg_len;
	return 0;
}

uint32_t tap_sock_lost(int fd)
{
	struct tpacket_stats s = { 0 };
	socklen_t len = sizeof(s);
	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) ? 0 : s.tp_drops;
}

int tap_sock_sender(int index, uint32_t mark)
{
	struct ip_mreqn by = { .imr_ifindex = index };
	int size = SEND_BUFFER, ttl = 0, on = 1; /* 0: it never leaves the host, whatever the device may become */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by)) ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)))
		return fail(fd);
	return fd;
}

int tap_sock_send(int fd, const struct lb_ip *group, uint16_t port, const void *bytes, size_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	ssize_t sent;
	memcpy(&to.sin_addr, group->b, 4);
	do
		sent = sendto(fd, bytes, n, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == ENOBUFS ? -EAGAIN : -errno;
}
