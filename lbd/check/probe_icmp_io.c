/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ICMP probe: one echo request over a ping socket, which needs no privilege where net.ipv4.ping_group_range says
 * so. Errors of the network come over the socket's error queue, with the packet that they are about. */
#include "lbd/check/check_conn_io.h"
#include "lbd/check/check_icmp.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct icmp {
	struct check_probe probe;
	ev_io io;
	int fd;
	struct check_icmp echo;
};

static void icmp_cancel(struct check_probe *p)
{
	struct icmp *i = (struct icmp *)p;
	check_probe_end(p);
	ev_io_stop(p->loop, &i->io);
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

static struct lb_ip address_of(const struct sockaddr *a)
{
	struct lb_ip ip = { 0 };
	union check_peer u;
	memcpy(&u, a, sizeof(a->sa_family));
	if (u.any.sa_family == AF_INET) {
		memcpy(&u.in, a, sizeof(u.in));
		ip.family = AF_INET;
		memcpy(ip.b, &u.in.sin_addr, 4);
	} else if (u.any.sa_family == AF_INET6) {
		memcpy(&u.in6, a, sizeof(u.in6));
		ip.family = AF_INET6;
		memcpy(ip.b, &u.in6.sin6_addr, 16);
	}
	return ip;
}

/* Not const: SO_EE_OFFENDER is a cast that takes that away. */
static struct sock_extended_err *extended(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			return (struct sock_extended_err *)CMSG_DATA(c);
	return NULL;
}

/* One entry of the error queue. False: it is empty. lost: it says that our request is. */
static bool read_error(struct icmp *i, struct check_result *out, bool *lost)
{
	uint8_t quoted[CHECK_ICMP_LEN];
	_Alignas(struct cmsghdr) char control[512];
	struct iovec v = { quoted, sizeof(quoted) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(i->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (n < 0)
		return false;
	struct sock_extended_err *e = extended(&m);
	if (!e || !check_icmp_is_request(&i->echo, quoted, (size_t)n))
		return true;
	struct lb_ip from = { 0 };
	if (e->ee_origin == SO_EE_ORIGIN_ICMP || e->ee_origin == SO_EE_ORIGIN_ICMP6)
		from = address_of(SO_EE_OFFENDER(e));
	*lost = check_icmp_error(
		out, e->ee_origin == SO_EE_ORIGIN_ICMP6, e->ee_type, e->ee_code, &from, (int)e->ee_errno);
	return true;
}

/* True: our request is lost, and the probe is finished. */
static bool read_errors(struct icmp *i)
{
	struct check_result r = { 0 };
	bool lost = false;
	while (!lost && read_error(i, &r, &lost))
		;
	if (lost)
		check_probe_finish(&i->probe, &r);
	return lost;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct icmp *i = (struct icmp *)((char *)io - offsetof(struct icmp, io));
	if (!check_conn_watched(&i->probe, events))
		return;
	uint8_t bytes[CHECK_ICMP_LEN + 1]; /* one more: a longer reply is none to us */
	union check_peer from = { 0 };
	socklen_t len = sizeof(from);
	if (read_errors(i))
		return;
	ssize_t n = recvfrom(i->fd, bytes, sizeof(bytes), 0, &from.any, &len);
	/* An error here belongs to an entry of the queue, which was read above or will be in the next turn. */
	if (n < 0)
		return;
	struct lb_ip ip = address_of(&from.any);
	if (lb_ip_cmp(&ip, &i->probe.spec->addr) == 0 && check_icmp_is_reply(&i->echo, bytes, (size_t)n))
		check_probe_finish_code(&i->probe, CHECK_CODE_L3OK, "echo reply");
	else
		check_probe_step(&i->probe, "a packet that is not the reply");
}

static void icmp_expired(struct check_probe *p)
{
	check_probe_finish_code(p, CHECK_CODE_L3TOUT, "no echo reply");
}

static int ask(struct icmp *i)
{
	uint8_t packet[CHECK_ICMP_LEN];
	union check_peer to;
	socklen_t len = check_probe_peer(i->probe.spec, &to);
	int on = 1;
	if (i->echo.v6) {
		to.in6.sin6_port = 0;
		setsockopt(i->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	} else {
		to.in.sin_port = 0;
		setsockopt(i->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	}
	check_icmp_request(&i->echo, packet);
	return sendto(i->fd, packet, sizeof(packet), MSG_NOSIGNAL, &to.any, len) < 0 ? -errno : 0;
}

static int icmp_start(struct check_probe *p, struct lb_time now)
{
	struct icmp *i = (struct icmp *)p;
	struct check_result r = { 0 };
	struct {
		uint16_t seq;
		uint8_t payload[CHECK_ICMP_PAYLOAD];
	} dice;
	i->fd = -1;
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != (ssize_t)sizeof(dice))
		return -EAGAIN;
	i->echo = (struct check_icmp){ .v6 = lb_ip_is_v6(&p->spec->addr), .seq = dice.seq };
	memcpy(i->echo.payload, dice.payload, sizeof(dice.payload));
	ev_init(&i->io, on_io);
	int fd = check_probe_socket(p->spec, SOCK_DGRAM, i->echo.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (fd < 0 && fd != -EACCES)
		return fd;
	i->fd = fd < 0 ? -1 : fd;
	check_probe_begin(p, now);
	int rc = fd < 0 ? 0 : ask(i);
	if (fd < 0) {
		check_result_set(&r, CHECK_CODE_SOCKERR, "ping sockets are not allowed: net.ipv4.ping_group_range");
		check_probe_early(p, &r);
	} else if (rc) {
		/* no route: the socket says it at once, and there is no packet that the queue could tell about */
		if (rc == -EACCES)
			check_result_connect(&r, EACCES, CHECK_FROM_US);
		else
			check_icmp_errno(&r, -rc);
		check_probe_early(p, &r);
	} else {
		check_probe_step(p, "echo request, sequence %u", i->echo.seq);
		check_conn_watch(p, &i->io, i->fd, EV_READ);
	}
	return 0;
}

const struct check_ops check_icmp_ops = { sizeof(struct icmp), icmp_start, icmp_cancel, icmp_expired };
