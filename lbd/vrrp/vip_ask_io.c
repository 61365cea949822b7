/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vip_ask_io.h"

#include "common/log_io.h"
#include "lbd/vrrp/vip_sock_io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_SIZE 131072 /* above a batch */
#define ANSWER_SIZE  65536  /* above what the kernel puts into one part of a dump */
#define PACK_MAX     65536  /* answers are put together up to here */
#define RETRY_MS     20

static uint8_t request[REQUEST_SIZE], answers[PACK_MAX + ANSWER_SIZE];

/* One datagram of all answers that are there. 0; -EPIPE: nobody wants them any more; -errno: they are lost. */
static int pass_answers(int fd, int kernel)
{
	size_t n = 0;
	while (n < PACK_MAX) {
		ssize_t got = vip_sock_recv(kernel, answers + n, ANSWER_SIZE);
		if (got <= 0)
			break; /* none; or lost: the vrrp process misses their numbers and reads everything again */
		n += (size_t)got;
		while (n % 4) /* messages begin at a multiple of 4 (NLMSG_ALIGNTO) */
			answers[n++] = 0;
	}
	ssize_t sent = 0;
	do
		sent = n ? send(fd, answers, n, MSG_NOSIGNAL) : 0;
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/* 0, or -errno where the kernel takes nothing at all. */
static int ask(int kernel, const uint8_t *bytes, size_t len)
{
	int err;
	while ((err = vip_sock_send(kernel, true, bytes, len)) == -ENOBUFS || err == -ENOMEM || err == -EAGAIN)
		(void)poll(NULL, 0, RETRY_MS);
	return err;
}

void vip_ask_main(int fd)
{
	size_t size;
	int kernel = vip_sock_netlink(0, &size);
	bool wanted = true;
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { kernel, POLLIN, 0 } };
	if (kernel < 0) {
		lb_log(LB_LOG_ERROR, "vip: cannot open rtnetlink: %s", strerror(-kernel));
		return;
	}
	vip_sock_room(fd);
	signal(SIGTERM, SIG_IGN); /* its end is that of its socket: addresses are to be removed before */
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		int err = p[1].revents && wanted ? pass_answers(fd, kernel) : 0;
		if (err && err != -EPIPE) { /* whoever waits for them learns it by our end */
			lb_log(LB_LOG_ERROR, "vip: cannot pass answers on: %s", strerror(-err));
			return;
		}
		if (p[1].revents && !wanted)
			(void)vip_sock_recv(kernel, answers, ANSWER_SIZE);
		wanted = wanted && !err;
		if (!p[0].revents)
			continue;
		ssize_t n = recv(fd, request, sizeof(request), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		err = ask(kernel, request, (size_t)n);
		if (err) {
			lb_log(LB_LOG_ERROR, "vip: the kernel takes no requests: %s", strerror(-err));
			return;
		}
	}
}
