/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ct_io.h"

#include "common/err.h"
#include "common/nlmsg.h"
#include "lbd/sync/ct_nl_io.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES  (8 << 20) /* some ten thousand changes */
#define TOLD_PER_TURN  2000
#define LOOKS_PER_TURN 8 /* datagrams of up to 32 KiB, some 80 entries each */

struct ct_io {
	struct ev_loop *loop;
	struct ct_io_conf conf;
	int told, look, order; /* sockets */
	uint32_t ours;         /* the port of `order`: what comes of it bears that */
	uint32_t seq;
	bool looking;
	uint32_t look_seq;
	ev_io on_told, on_look;
	uint8_t answer[4096] __attribute__((aligned(8))); /* orders are given while `in` is read */
	uint8_t in[1 << 16] __attribute__((aligned(8))), out[CT_IO_BATCH * CT_NL_MAX] __attribute__((aligned(8)));
};

/* ---- sockets ---- */

static int open_socket(uint32_t groups, int receive, uint32_t *port)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t n = sizeof(a);
	int on = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof(receive)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	/* errors need not carry the request back */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	int err = groups ? ct_nl_filter(fd) : 0; /* before it is told anything */
	if (!err && (bind(fd, (struct sockaddr *)&a, sizeof(a)) || getsockname(fd, (struct sockaddr *)&a, &n)))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	*port = a.nl_pid;
	return fd;
}

static int send_bytes(int fd, const void *p, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;
	do
		sent = sendto(fd, p, n, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* One datagram of the kernel: its length; -EAGAIN there is none; -errno. */
static ssize_t receive(int fd, uint8_t *out, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { out, size };
		struct msghdr mh = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid != 0)
			continue; /* any local process may write to us */
		return mh.msg_flags & MSG_TRUNC ? -EBADMSG : n;
	}
}

static const struct nlmsghdr *header_of(const struct lb_nl_msg *m)
{
	return (const struct nlmsghdr *)(const void *)(m->body - NLMSG_HDRLEN);
}

/* ---- what it tells ---- */

static void take_told(struct ct_io *c, const struct lb_nl_msg *m)
{
	const struct nlmsghdr *h = header_of(m);
	struct flow f;
	bool gone, strict;
	if (!ct_nl_is_entry(h, &gone) || h->nlmsg_pid == c->ours || ct_nl_read(h, &f, &strict))
		return;
	c->conf.flow(&f, gone ? CT_SAID_GONE : CT_SAID_CHANGED, strict && !gone, c->conf.arg);
}

static void on_told(struct ev_loop *loop, ev_io *ev, int events)
{
	struct ct_io *c = ev->data;
	if (events & EV_ERROR) {
		c->conf.broken("the kernel does not watch the socket", c->conf.arg);
		return;
	}
	for (int n = 0; n < TOLD_PER_TURN; n++) {
		struct lb_nl_msg m;
		size_t at = 0;
		ssize_t len = receive(c->told, c->in, sizeof(c->in));
		if (len == -EAGAIN)
			return;
		if (len == -ENOBUFS || len == -EBADMSG) {
			c->conf.lost(c->conf.arg);
			continue;
		}
		if (len < 0) {
			ev_io_stop(loop, ev);
			c->conf.broken(strerror((int)-len), c->conf.arg);
			return;
		}
		while (lb_nl_next(c->in, (size_t)len, &at, &m) > 0)
			take_told(c, &m);
	}
}

/* ---- all that there is ---- */

static void look_ends(struct ct_io *c, int err)
{
	c->looking = false;
	ev_io_stop(c->loop, &c->on_look);
	c->conf.looked(err, c->conf.arg);
}

/* 1: that was the end, *err says how; 0: more is to come. */
static int take_look(struct ct_io *c, size_t len, int *err)
{
	struct lb_nl_msg m;
	size_t at = 0;
	int r;
	while ((r = lb_nl_next(c->in, len, &at, &m)) > 0) {
		struct flow f;
		bool gone, strict;
		if (m.seq != c->look_seq)
			continue;
		if (m.type == NLMSG_ERROR || m.type == NLMSG_DONE) {
			if (lb_nl_status(&m, err))
				*err = -EBADMSG;
			return 1;
		}
		if (ct_nl_is_entry(header_of(&m), &gone) && !gone && ct_nl_read(header_of(&m), &f, &strict) == 0)
			c->conf.flow(&f, CT_SAID_THERE, strict, c->conf.arg);
	}
	*err = r;
	return r < 0;
}

static void on_look(struct ev_loop *loop, ev_io *ev, int events)
{
	(void)loop;
	struct ct_io *c = ev->data;
	if (events & EV_ERROR) {
		look_ends(c, -ENOMEM);
		return;
	}
	for (int n = 0; n < LOOKS_PER_TURN; n++) {
		int err = 0;
		ssize_t len = receive(c->look, c->in, sizeof(c->in));
		if (len == -EAGAIN)
			return;
		if (len < 0 || take_look(c, (size_t)len, &err)) {
			look_ends(c, len < 0 ? (int)len : err);
			return;
		}
	}
}

int ct_io_look(struct ct_io *c)
{
	uint8_t request[NLMSG_ALIGN(CT_NL_MAX)] __attribute__((aligned(8)));
	if (c->looking)
		return -EBUSY;
	c->look_seq = ++c->seq;
	int err = send_bytes(c->look, request, ct_nl_write_dump(c->look_seq, request));
	if (err)
		return err;
	c->looking = true;
	ev_io_start(c->loop, &c->on_look);
	return 0;
}

/* ---- orders ---- */

/* The answers to n orders from `first` on, one each. What has none was not carried out. */
static void take_answers(struct ct_io *c, uint32_t first, unsigned n, int *errs)
{
	for (unsigned left = n; left;) {
		struct lb_nl_msg m;
		size_t at = 0;
		ssize_t len = receive(c->order, c->answer, sizeof(c->answer));
		if (len < 0)
			return;
		while (lb_nl_next(c->answer, (size_t)len, &at, &m) > 0) {
			int err;
			if (m.type != NLMSG_ERROR || m.seq - first >= n || lb_nl_status(&m, &err))
				continue;
			errs[m.seq - first] = err;
			left -= left > 0;
		}
	}
}

/* One order each; those that are done or failed are left out. Returns how many there were. */
static unsigned send_orders(
	struct ct_io *c, const struct ct_put *puts, unsigned n, const enum ct_order *orders, int *errs)
{
	uint32_t first = c->seq + 1;
	unsigned sent = 0, whose[CT_IO_BATCH];
	int got[CT_IO_BATCH];
	size_t len = 0;
	for (unsigned i = 0; i < n; i++) {
		if (orders[i] == CT_ORDER_DONE || orders[i] == CT_ORDER_FAILED)
			continue;
		size_t one = ct_nl_write(orders[i], &puts[i].flow, c->seq + 1, c->out + len);
		errs[i] = one ? -EIO : -ENOBUFS;
		if (!one)
			continue;
		c->seq++;
		len += NLMSG_ALIGN(one);
		whose[sent++] = i;
	}
	for (unsigned k = 0; k < sent; k++)
		got[k] = -EIO;
	int err = sent ? send_bytes(c->order, c->out, len) : 0;
	if (!err)
		take_answers(c, first, sent, got);
	for (unsigned k = 0; k < sent; k++)
		errs[whose[k]] = err ? err : got[k];
	return sent;
}

/* As often as the longest way has steps; each goes on from where it is. */
static void carry_out(struct ct_io *c, struct ct_put *puts, unsigned n, enum ct_order *orders)
{
	int errs[CT_IO_BATCH] = { 0 };
	while (send_orders(c, puts, n, orders, errs) > 0)
		for (unsigned i = 0; i < n; i++) {
			if (orders[i] != CT_ORDER_DONE && orders[i] != CT_ORDER_FAILED)
				puts[i].full = ct_order_is_full(orders[i], errs[i]);
			orders[i] = ct_order_next(orders[i], errs[i]);
		}
	for (unsigned i = 0; i < n; i++)
		puts[i].err = orders[i] == CT_ORDER_DONE ? 0 : errs[i];
}

static void put(struct ct_io *c, struct ct_put *puts, unsigned n, bool room)
{
	enum ct_order orders[CT_IO_BATCH];
	assert(n <= CT_IO_BATCH);
	for (unsigned i = 0; i < n; i++) {
		orders[i] = ct_order_first(&puts[i].flow, room);
		puts[i].full = false;
	}
	carry_out(c, puts, n, orders);
}

void ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n)
{
	put(c, puts, n, true);
}

void ct_io_update(struct ct_io *c, struct ct_put *puts, unsigned n)
{
	put(c, puts, n, false);
}

void ct_io_relax(struct ct_io *c, struct ct_put *puts, unsigned n)
{
	enum ct_order orders[CT_IO_BATCH];
	assert(n <= CT_IO_BATCH);
	for (unsigned i = 0; i < n; i++)
		orders[i] = CT_ORDER_RELAX;
	carry_out(c, puts, n, orders);
}

int ct_io_drop(struct ct_io *c, const struct flow *f)
{
	struct ct_put put = { .flow = *f };
	enum ct_order order = CT_ORDER_DROP;
	carry_out(c, &put, 1, &order);
	return put.err;
}

int ct_io_count(struct ct_io *c, uint32_t *count, uint32_t *max)
{
	uint32_t seq = ++c->seq;
	int err = send_bytes(c->order, c->out, ct_nl_write_stats(seq, c->out));
	while (!err) {
		struct lb_nl_msg m;
		size_t at = 0;
		ssize_t len = receive(c->order, c->answer, sizeof(c->answer));
		if (len < 0)
			return (int)len;
		while (lb_nl_next(c->answer, (size_t)len, &at, &m) > 0) {
			if (m.seq != seq)
				continue;
			if (m.type == NLMSG_ERROR)
				return lb_nl_status(&m, &err) || !err ? -EBADMSG : err;
			return ct_nl_read_stats(header_of(&m), count, max);
		}
	}
	return err;
}

/* ---- start and stop ---- */

static void close_all(struct ct_io *c)
{
	const int fds[] = { c->told, c->look, c->order };
	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int open_all(struct ct_io *c)
{
	uint32_t any;
	c->told = open_socket(NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_UPDATE | NF_NETLINK_CONNTRACK_DESTROY,
		c->conf.receive_bytes ? c->conf.receive_bytes : RECEIVE_BYTES, &any);
	if (c->told < 0)
		return c->told;
	c->look = open_socket(0, 1 << 20, &any);
	if (c->look < 0)
		return c->look;
	c->order = open_socket(0, 1 << 20, &c->ours);
	return c->order < 0 ? c->order : 0;
}

struct ct_io *ct_io_start(struct ev_loop *loop, const struct ct_io_conf *conf, struct lb_err *e)
{
	struct ct_io *c = calloc(1, sizeof(*c));
	if (!c) {
		(void)lb_err_set(e, LB_CODE_FAILED, "out of memory");
		return NULL;
	}
	c->loop = loop;
	c->conf = *conf;
	c->told = c->look = c->order = -1;
	int err = open_all(c);
	if (err) {
		(void)lb_err_set(e, LB_CODE_FAILED, "connection tracking of the kernel cannot be asked: %s%s",
			strerror(-err), err == -EPROTONOSUPPORT ? " (module nf_conntrack_netlink)" : "");
		close_all(c);
		free(c);
		return NULL;
	}
	c->on_told.data = c->on_look.data = c;
	ev_io_init(&c->on_told, on_told, c->told, EV_READ);
	ev_io_init(&c->on_look, on_look, c->look, EV_READ);
	ev_io_start(loop, &c->on_told);
	return c;
}

void ct_io_stop(struct ct_io *c)
{
	if (!c)
		return;
	ev_io_stop(c->loop, &c->on_told);
	ev_io_stop(c->loop, &c->on_look);
	close_all(c);
	free(c);
}
