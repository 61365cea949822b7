/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel makes each part of a dump in a buffer as large as the largest read so far, 32 KiB at most, and clears it
 * first: twice for each listener, for a few hundred bytes. This and what the kernel adds to it are 8 KiB, 20
 * destinations and more. It never gets less than it needs, a longer dump comes in more parts. */
#define RECV_SIZE   7872u
#define SEND_SIZE   65536u /* far above 128 ops; a datagram may take the send buffer less 32 bytes */
#define REPLY_MS    2000   /* one request can get no answer at all: nothing here waits for ever */
#define BUFFER_SIZE (4 << 20)

struct ipvs_io {
	struct nl_sock *sock; /* NULL = not connected */
	int fd;
	uint16_t family;
	uint32_t seq;
	uint8_t send[SEND_SIZE], recv[RECV_SIZE];
};

struct ipvs_io *ipvs_io_new(void)
{
	return calloc(1, sizeof(struct ipvs_io));
}

static void disconnect(struct ipvs_io *io)
{
	if (io->sock)
		nl_socket_free(io->sock);
	io->sock = NULL;
}

void ipvs_io_free(struct ipvs_io *io)
{
	if (!io)
		return;
	disconnect(io);
	free(io);
}

/* libnl has a number of its own for some errors and one for all the others, and in its search for a family whatever
 * fails is "not found"; so what a system call said counts first. That there is no such family is said by none: it is
 * what a message of the kernel says. */
static int library_errno(int nle)
{
	if (errno)
		return -errno;
	return nle == -NLE_OBJ_NOTFOUND ? -ENOPROTOOPT : nle == -NLE_NOMEM ? -ENOMEM : -EIO;
}

static int ensure(struct ipvs_io *io)
{
	if (io->sock)
		return 0;
	io->sock = nl_socket_alloc();
	if (!io->sock)
		return -ENOMEM;
	nl_socket_set_msg_buf_size(io->sock, RECV_SIZE); /* its own reads count, too */
	errno = 0;
	int family = genl_connect(io->sock);
	if (family == 0)
		family = genl_ctrl_resolve(io->sock, "IPVS"); /* makes the kernel load ip_vs where it may */
	if (family < 0) {
		int err = library_errno(family);
		disconnect(io);
		return err;
	}
	io->family = (uint16_t)family;
	io->fd = nl_socket_get_fd(io->sock);
	/* An overrun costs a whole dump: take the large buffer by right, or as much as the host allows. */
	int size = BUFFER_SIZE, on = 1;
	if (setsockopt(io->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(io->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(io->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(io->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	/* errors need not carry the request back */
	(void)setsockopt(io->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	io->seq = 1;
	return 0;
}

/* A reading round trip must not take answers of an earlier one that was given up: sequence numbers tell them apart. */
static void batch_begin(struct ipvs_io *io, struct ipvs_batch *b)
{
	*b = (struct ipvs_batch){ .buf = io->send, .cap = sizeof(io->send), .family = io->family };
}

static int send_batch(struct ipvs_io *io, const struct ipvs_batch *b)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;
	do
		n = sendto(io->fd, b->buf, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		int err = errno;
		disconnect(io);
		return -err;
	}
	return 0;
}

/* One datagram from the kernel. > 0 its length; -errno. */
static ssize_t receive(struct ipvs_io *io)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { io->recv, sizeof(io->recv) };
		struct msghdr mh = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(io->fd, &mh, MSG_DONTWAIT);
		if (n > 0 && from.nl_pid == 0 && !(mh.msg_flags & MSG_TRUNC))
			return n;
		if (n > 0 && from.nl_pid != 0)
			continue; /* not the kernel: any local process may write to us */
		if (n >= 0)
			return -EBADMSG;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		struct pollfd p = { .fd = io->fd, .events = POLLIN };
		int ready = poll(&p, 1, REPLY_MS);
		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

/* Answers to one request (or batch) until its end: STATUS or DONE of sequence number `last`. */
typedef void answer_fn(const struct ipvs_answer *a, void *arg);

static int answers(struct ipvs_io *io, uint32_t first, uint32_t last, uint8_t family, answer_fn *fn, void *arg)
{
	for (;;) {
		ssize_t n = receive(io);
		if (n < 0) {
			disconnect(io); /* what is still on its way must not meet the next request */
			return (int)n;
		}
		size_t at = 0;
		struct ipvs_answer a;
		int r;
		while ((r = ipvs_msg_next(io->recv, (size_t)n, &at, family, &a)) > 0) {
			if (a.seq - first > last - first)
				continue;
			bool ended = a.seq == last && (a.kind == IPVS_ANSWER_STATUS || a.kind == IPVS_ANSWER_DONE);
			fn(&a, arg);
			if (ended)
				return 0;
		}
		if (r < 0) {
			disconnect(io);
			return r;
		}
	}
}

/* ---- writing ---- */

struct write_result {
	uint32_t first;
	int *errs;
};

static void take_status(const struct ipvs_answer *a, void *arg)
{
	struct write_result *w = arg;
	if (a->kind == IPVS_ANSWER_STATUS)
		w->errs[a->seq - w->first] = a->err;
}

/* How a family is answered that is not there any more; but also a scheduler that is not, or a destination. */
static bool all_no_entry(const int *errs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (errs[i] != ENOENT)
			return false;
	return true;
}

static int io_write(void *arg, const struct ipvs_op *ops, size_t n, int *errs)
{
	struct ipvs_io *io = arg;
	int err = ensure(io);
	if (err)
		return err;
	struct ipvs_batch b;
	batch_begin(io, &b);
	uint32_t first = io->seq;
	for (size_t i = 0; i < n; i++)
		if (ipvs_msg_op(&b, io->seq++, &ops[i]))
			return -EMSGSIZE;
	ipvs_msg_ack_last(&b);
	err = send_batch(io, &b);
	if (err)
		return err;
	struct write_result w = { first, errs };
	err = answers(io, first, io->seq - 1, 0, take_status, &w);
	if (err || !all_no_entry(errs, n))
		return err;
	uint32_t version, table_size;
	return ipvs_io_info(io, &version, &table_size) == -ENOPROTOOPT ? -ENOPROTOOPT : 0;
}

/* ---- reading ---- */

struct dump {
	ipvs_service_fn *service;
	ipvs_dest_fn *dest;
	void *arg;
	struct ipvs_service one;
	uint32_t version, table_size;
	int err;
	bool got;
};

static void take_answer(const struct ipvs_answer *a, void *arg)
{
	struct dump *d = arg;
	switch (a->kind) {
	case IPVS_ANSWER_SERVICE:
		d->got = true;
		d->one = a->svc;
		if (d->service)
			d->service(&a->svc, &a->stats, d->arg);
		break;
	case IPVS_ANSWER_DEST:
		if (d->dest)
			d->dest(&a->dest, &a->counts, &a->stats, d->arg);
		break;
	case IPVS_ANSWER_INFO:
		d->got = true;
		d->version = a->version;
		d->table_size = a->table_size;
		break;
	case IPVS_ANSWER_STATUS:
	case IPVS_ANSWER_DONE: d->err = a->err; break;
	}
}

static int request(struct ipvs_io *io, const struct ipvs_batch *b, uint8_t family, struct dump *d)
{
	uint32_t seq = io->seq++;
	int err = send_batch(io, b);
	if (!err)
		err = answers(io, seq, seq, family, take_answer, d);
	if (err || d->err != ENOENT)
		return err ? err : -d->err;
	/* No request for what is there is answered so by IPVS: its module was unloaded, and has another id when it
	 * comes back. */
	disconnect(io);
	return -ENOPROTOOPT;
}

static int io_services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	struct ipvs_io *io = arg;
	int err = ensure(io);
	if (err)
		return err;
	struct ipvs_batch b;
	batch_begin(io, &b);
	struct dump d = { .service = fn, .arg = fn_arg };
	err = ipvs_msg_dump_services(&b, io->seq);
	return err ? err : request(io, &b, 0, &d);
}

static int io_dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	struct ipvs_io *io = arg;
	int err = ensure(io);
	if (err)
		return err;
	struct ipvs_batch b;
	batch_begin(io, &b);
	struct dump d = { .dest = fn, .arg = fn_arg };
	err = ipvs_msg_dump_dests(&b, io->seq, key);
	return err ? err : request(io, &b, key->addr.family, &d);
}

/* A single object is answered by the object and then the ACK that we ask for, so that both outcomes end alike. */
static int get(struct ipvs_io *io, struct ipvs_batch *b, struct dump *d)
{
	ipvs_msg_ack_last(b);
	int err = request(io, b, 0, d);
	return err ? err : d->got ? 0 : -EBADMSG;
}

static int io_service(void *arg, const struct ipvs_key *key, struct ipvs_service *out)
{
	struct ipvs_io *io = arg;
	int err = ensure(io);
	if (err)
		return err;
	struct ipvs_batch b;
	batch_begin(io, &b);
	struct dump d = { 0 };
	err = ipvs_msg_get_service(&b, io->seq, key);
	err = err ? err : get(io, &b, &d);
	if (!err)
		*out = d.one;
	return err;
}

static int io_zero(void *arg, const struct ipvs_key *key)
{
	struct ipvs_io *io = arg;
	int err = ensure(io);
	if (err)
		return err;
	struct ipvs_batch b;
	batch_begin(io, &b);
	struct dump d = { 0 };
	err = ipvs_msg_zero(&b, io->seq, key);
	if (err)
		return err;
	ipvs_msg_ack_last(&b);
	return request(io, &b, 0, &d);
}

int ipvs_io_info(struct ipvs_io *io, uint32_t *version, uint32_t *table_size)
{
	int err = ensure(io);
	if (err)
		return err;
	struct ipvs_batch b;
	batch_begin(io, &b);
	struct dump d = { 0 };
	err = ipvs_msg_get_info(&b, io->seq);
	err = err ? err : get(io, &b, &d);
	if (!err) {
		*version = d.version;
		*table_size = d.table_size;
	}
	return err;
}

struct ipvs_kernel ipvs_io_kernel(struct ipvs_io *io)
{
	return (struct ipvs_kernel){ io, io_write, io_services, io_dests, io_service, io_zero };
}
