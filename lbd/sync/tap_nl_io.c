/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_nl_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES (1 << 20)

int tap_nl_open(struct tap_nl *n, int protocol)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int size = RECEIVE_BYTES, on = 1;
	*n = (struct tap_nl){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol) };
	if (n->fd < 0)
		return -errno;
	if (bind(n->fd, (struct sockaddr *)&a, sizeof(a))) {
		int err = errno;
		tap_nl_close(n);
		return -err;
	}
	if (setsockopt(n->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(n->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* errors need not carry the request back */
	(void)setsockopt(n->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void tap_nl_close(struct tap_nl *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

uint32_t tap_nl_next(struct tap_nl *n)
{
	n->b = (struct lb_nl_batch){ .buf = n->out, .cap = sizeof(n->out) };
	return ++n->seq;
}

static int send_request(struct tap_nl *n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;
	do
		sent = sendto(n->fd, n->b.buf, n->b.len, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* One datagram of the kernel: its length; -ENOMSG there is none; -errno. */
static ssize_t receive(struct tap_nl *n)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { n->in, sizeof(n->in) };
		struct msghdr mh = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t len = recvmsg(n->fd, &mh, MSG_DONTWAIT);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? -ENOMSG : -errno;
		if (from.nl_pid != 0)
			continue; /* any local process may write to us */
		return mh.msg_flags & MSG_TRUNC ? -EBADMSG : len;
	}
}

/* The messages of one datagram: 1 the answer is complete, *err is its end; 0 more is to come; -EBADMSG. */
static int take(struct tap_nl *n, size_t len, tap_nl_fn *fn, void *arg, int *err)
{
	struct lb_nl_msg m;
	size_t at = 0;
	int r;
	while ((r = lb_nl_next(n->in, len, &at, &m)) > 0) {
		if (m.seq != n->seq)
			continue; /* of a request whose answers were given up */
		if (m.type == NLMSG_ERROR || m.type == NLMSG_DONE)
			return lb_nl_status(&m, err) ? -EBADMSG : 1;
		if (m.type >= NLMSG_MIN_TYPE && fn)
			fn(&m, arg);
	}
	return r;
}

int tap_nl_ask(struct tap_nl *n, int wrote, tap_nl_fn *fn, void *arg)
{
	int err = wrote ? wrote : send_request(n);
	if (err)
		return err;
	for (;;) {
		ssize_t len = receive(n);
		if (len < 0)
			return (int)len;
		int r = take(n, (size_t)len, fn, arg, &err);
		if (r)
			return r < 0 ? r : err;
	}
}
