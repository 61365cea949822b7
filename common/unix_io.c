/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/unix_io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DRAIN_SIZE 16384

void lb_unix_guard(int fd)
{
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
}

static ssize_t receive(int fd, struct msghdr *mh, int flags)
{
	ssize_t n;
	do
		n = recvmsg(fd, mh, flags | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return n;
}

ssize_t lb_unix_read(int fd, void *buf, size_t n)
{
	struct iovec iov = { buf, n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t seen = receive(fd, &mh, MSG_PEEK);
	if (seen <= 0)
		return seen;
	if (mh.msg_flags & MSG_CTRUNC) /* there was no room for a descriptor; the queue still has it */
		return -EBADMSG;
	iov.iov_len = (size_t)seen;
	return receive(fd, &mh, 0);
}

static void close_from_to(int first, int last)
{
	if (first <= last) /* ENOSYS before Linux 5.9: then they wait behind fd at the exit */
		syscall(SYS_close_range, first, last, 0);
}

/* Ends when the parent has closed its own: then fd is the last, and is closed by an exit, where sockets do not linger.
 * Everything else goes before. */
static _Noreturn void close_last(int fd, const int parent[2])
{
	int low = fd < parent[0] ? fd : parent[0], high = fd < parent[0] ? parent[0] : fd;
	char byte;
	close(parent[1]);
	close_from_to(0, low - 1);
	close_from_to(low + 1, high - 1);
	close_from_to(high + 1, INT_MAX);
	while (read(parent[0], &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* -1: there is no child. */
static pid_t start_child(int fd, const int parent[2])
{
	/* no signal may reach a handler of ours in the child, which would write to our loop */
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		close_last(fd, parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

int lb_unix_leave(int fd)
{
	char buf[DRAIN_SIZE];
	int parent[2];
	ssize_t n;
	shutdown(fd, SHUT_RDWR); /* nothing is added any more to what is looked through */
	lb_unix_guard(fd);
	do
		n = lb_unix_read(fd, buf, sizeof(buf));
	while (n > 0);
	if (n != -EBADMSG) {
		close(fd);
		return -1;
	}
	/* a descriptor or a process that is missing costs this one: it stays open, as closing it could be the end of us
	 */
	if (pipe2(parent, O_CLOEXEC))
		return -1;
	pid_t pid = start_child(fd, parent);
	if (pid > 0)
		close(fd);
	close(parent[0]);
	close(parent[1]);
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}
