/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vip_sock_io.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE (4 << 20)
#define ROOM_SIZE   (256 << 10) /* the kernel doubles it: a few of the longest datagrams */
#define ETHER_HEAD  14

int vip_sock_netlink(uint32_t groups, size_t *rcvbuf)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		int err = errno;
		close(fd);
		return -err;
	}
	/* An overrun costs a whole dump: the large buffer by right, or as much as the host allows. */
	int size = BUFFER_SIZE, on = 1, got = 0;
	socklen_t len = sizeof(got);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* errors need not carry the request back */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* a dump of routes is then of ours alone, of however many there are */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len);
	*rcvbuf = got > 0 ? (size_t)got : 0;
	return fd;
}

void vip_sock_room(int fd)
{
	int size = ROOM_SIZE;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int vip_sock_send(int fd, bool to_kernel, const void *bytes, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	/* sendmsg takes it as not const, and does not write */
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr mh = { .msg_name = to_kernel ? &kernel : NULL,
		.msg_namelen = to_kernel ? sizeof(kernel) : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1 };
	ssize_t n;
	do
		n = sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t vip_sock_recv(int fd, void *bytes, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { bytes, size };
		struct msghdr mh = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (from.nl_pid != 0)
			continue; /* any local process may write to us */
		if (n == 0)
			return -EPIPE;
		return mh.msg_flags & MSG_TRUNC ? -EBADMSG : n;
	}
}

int vip_sock_frame(int *fd, int index, const uint8_t *frame, size_t len)
{
	if (index <= 0)
		return -ENODEV;
	if (len < ETHER_HEAD)
		return -EINVAL;
	if (*fd < 0) {
		/* protocol 0: it receives nothing */
		int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (s < 0)
			return -errno;
		*fd = s;
	}
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = index, .sll_halen = 6 };
	memcpy(&to.sll_protocol, frame + 12, sizeof(to.sll_protocol));
	memcpy(to.sll_addr, frame, 6);
	ssize_t n;
	do
		n = sendto(*fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to));
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == ENOBUFS ? -EAGAIN : -errno; /* the card's queue is full */
}
