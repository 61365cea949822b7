/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/frame_io.h"

#include "common/unix_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE 65536u

void lb_frame_init(struct lb_frame *f, int fd, size_t line_max)
{
	*f = (struct lb_frame){ .fd = fd, .line_max = line_max, .send_fd = -1 };
	if (fd >= 0)
		lb_unix_guard(fd);
}

int lb_frame_leave(struct lb_frame *f)
{
	int child = f->fd >= 0 ? lb_unix_leave(f->fd) : -1;
	f->fd = -1;
	lb_frame_done(f);
	return child;
}

void lb_frame_done(struct lb_frame *f)
{
	for (unsigned i = 0; i < f->n_fds; i++)
		close(f->fds[i]);
	if (f->send_fd >= 0)
		close(f->send_fd);
	if (f->fd >= 0)
		close(f->fd);
	free(f->in);
	free(f->out);
	*f = (struct lb_frame){ .fd = -1, .send_fd = -1 };
}

/* Descriptors beyond what we keep are closed at once: a peer must not be able to fill our table. */
static void collect_fds(struct lb_frame *f, struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (f->n_fds < LB_FRAME_FDS_MAX)
				f->fds[f->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static ssize_t read_with_fds(struct lb_frame *f, size_t room)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 16)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { f->in + f->in_n, room };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n;
	do
		n = recvmsg(f->fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	collect_fds(f, &mh);
	return n;
}

static int grow(char **buf, size_t *cap, size_t want)
{
	if (want <= *cap)
		return 0;
	size_t size = *cap ? *cap : 4096;
	while (size < want)
		size *= 2;
	char *bigger = realloc(*buf, size);
	if (!bigger)
		return -ENOMEM;
	*buf = bigger;
	*cap = size;
	return 0;
}

long lb_frame_read(struct lb_frame *f)
{
	if (f->in_off) { /* lines handed out are done with: keep only the unfinished tail */
		memmove(f->in, f->in + f->in_off, f->in_n - f->in_off);
		f->in_n -= f->in_off;
		f->in_seen -= f->in_off;
		f->in_off = 0;
	}
	if (f->in_n == 0 && f->in_cap > READ_SIZE * 4) { /* one long line must not cost its memory for ever */
		free(f->in);
		f->in = NULL;
		f->in_cap = 0;
	}
	/* a small first read keeps the many idle connections small */
	size_t room = f->in_cap > f->in_n ? f->in_cap - f->in_n : 0;
	if (room < 2048) {
		if (grow(&f->in, &f->in_cap, f->in_n + (f->in_cap ? READ_SIZE : 4096)))
			return -ENOMEM;
		room = f->in_cap - f->in_n;
	}
	ssize_t n = f->takes_fds ? read_with_fds(f, room) : lb_unix_read(f->fd, f->in + f->in_n, room);
	if (n < 0)
		return n;
	if (n == 0)
		f->eof = true;
	f->in_n += (size_t)n;
	return n;
}

int lb_frame_line(struct lb_frame *f, const char **line, size_t *n)
{
	/* in_seen: bytes already searched, so that a long line arriving in pieces is not searched again and again */
	char *nl = f->in_n > f->in_seen ? memchr(f->in + f->in_seen, '\n', f->in_n - f->in_seen) : NULL;
	if (!nl) {
		f->in_seen = f->in_n;
		return f->in_n - f->in_off > f->line_max ? -EMSGSIZE : 0;
	}
	*line = f->in + f->in_off;
	*n = (size_t)(nl - *line);
	f->in_off = f->in_seen = (size_t)(nl + 1 - f->in);
	return *n > f->line_max ? -EMSGSIZE : 1;
}

int lb_frame_queue(struct lb_frame *f, const char *s, size_t n)
{
	if (f->out_off == f->out_n)
		f->out_off = f->out_n = 0;
	if (f->out_off > READ_SIZE && f->out_off > f->out_n / 2) {
		memmove(f->out, f->out + f->out_off, f->out_n - f->out_off);
		f->out_n -= f->out_off;
		f->out_off = 0;
	}
	if (grow(&f->out, &f->out_cap, f->out_n + n))
		return -ENOMEM;
	memcpy(f->out + f->out_n, s, n);
	f->out_n += n;
	return 0;
}

static ssize_t send_some(struct lb_frame *f)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { f->out + f->out_off, f->out_n - f->out_off };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (f->send_fd >= 0) {
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &f->send_fd, sizeof(int));
	}
	return sendmsg(f->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int lb_frame_write(struct lb_frame *f)
{
	while (f->out_off < f->out_n) {
		ssize_t n = send_some(f);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -errno;
		if (f->send_fd >= 0) {
			close(f->send_fd);
			f->send_fd = -1;
		}
		f->out_off += (size_t)n;
	}
	if (f->out_cap > READ_SIZE * 4) {
		free(f->out);
		f->out = NULL;
		f->out_cap = 0;
	}
	f->out_off = f->out_n = 0;
	return 0;
}

size_t lb_frame_pending(const struct lb_frame *f)
{
	return f->out_n - f->out_off;
}

int lb_frame_take_fd(struct lb_frame *f)
{
	if (f->n_fds == 0)
		return -1;
	int fd = f->fds[0];
	f->n_fds--;
	memmove(f->fds, f->fds + 1, f->n_fds * sizeof(int));
	return fd;
}
