/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_conn_io.h"

#include "lbd/check/check_result.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

/* Returns as check_conn_open. */
static int towards(struct check_probe *p, int fd)
{
	union check_peer to;
	socklen_t len = check_probe_peer(p->spec, &to);
	if (connect(fd, &to.any, len) == 0 || errno == EINPROGRESS)
		return 1;
	struct check_result r = { 0 };
	/* The kernel says "refused" here for a local address: that is the backend's answer, not our fault. */
	check_result_connect(&r, errno, CHECK_FROM_US);
	check_probe_early(p, &r);
	return 0;
}

int check_conn_open(struct check_probe *p, bool quiet, int *fd)
{
	int s = check_probe_socket(p->spec, SOCK_STREAM, IPPROTO_TCP);
	*fd = s < 0 ? -1 : s;
	if (s < 0)
		return s;
	/* Best effort: without them the probe is only less polite. */
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	int off = 0;
	if (quiet)
		setsockopt(s, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	return towards(p, s);
}

int check_conn_udp(struct check_probe *p, int *fd)
{
	int s = check_probe_socket(p->spec, SOCK_DGRAM, IPPROTO_UDP);
	*fd = s < 0 ? -1 : s;
	if (s < 0)
		return s;
	/* Without it only "port unreachable" comes back to a connected socket, not the errors that may pass. */
	int on = 1;
	if (lb_ip_is_v6(&p->spec->addr))
		setsockopt(s, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(s, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	return towards(p, s);
}

/* A connection to an ephemeral port of this host may meet itself: "open" without anybody listening. */
static bool met_itself(const struct check_spec *s, int fd)
{
	union check_peer own = { 0 };
	socklen_t len = sizeof(own);
	if (getsockname(fd, &own.any, &len))
		return false;
	if (own.any.sa_family == AF_INET)
		return ntohs(own.in.sin_port) == s->port && memcmp(&own.in.sin_addr, s->addr.b, 4) == 0;
	return ntohs(own.in6.sin6_port) == s->port && memcmp(&own.in6.sin6_addr, s->addr.b, 16) == 0;
}

bool check_conn_watched(struct check_probe *p, int events)
{
	if (!(events & EV_ERROR))
		return true;
	check_probe_finish_code(p, CHECK_CODE_SOCKERR, "cannot wait for an answer");
	return false;
}

bool check_conn_ready(struct check_probe *p, int fd, int events)
{
	int err = 0;
	socklen_t len = sizeof(err);
	if (!check_conn_watched(p, events))
		return false;
	/* an error makes a socket readable, too: one that is only writable has none to ask for */
	if ((events & EV_READ) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		struct check_result r = { 0 };
		check_result_connect(&r, err, CHECK_FROM_NET);
		check_probe_finish(p, &r);
		return false;
	}
	if (met_itself(p->spec, fd)) {
		check_probe_finish_code(p, CHECK_CODE_L4CON, "connection refused");
		return false;
	}
	check_probe_step(p, "connected");
	return true;
}

void check_conn_watch(struct check_probe *p, ev_io *io, int fd, int events)
{
	if (ev_is_active(io) && (io->events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(p->loop, io);
	ev_io_set(io, fd, events);
	ev_io_start(p->loop, io);
}

int check_conn_send(int fd, const char *bytes, size_t n, size_t *sent)
{
	while (*sent < n) {
		ssize_t done = send(fd, bytes + *sent, n - *sent, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno == EAGAIN ? 0 : -errno;
		*sent += (size_t)done;
	}
	return 1;
}
