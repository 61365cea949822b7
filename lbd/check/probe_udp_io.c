/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UDP probe: one datagram, and then what comes back.
 * With expect it passes when one of the replies is the wanted one. Without, silence is all that most services can say
 * to a datagram they do not understand, so it passes when until the deadline nobody says that the port is closed or the
 * host is gone, or as soon as anything is answered.
 */
#include "lbd/check/check_conn_io.h"
#include "lbd/check/check_reply.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#define REPLIES_MAX 64u /* each may cost a search; a backend that floods is not asked for more */

struct udp {
	struct check_probe probe;
	ev_io io;
	int fd;
	unsigned replies;
	bool wanted;
	struct check_reply reply; /* the last one */
};

static void udp_cancel(struct check_probe *p)
{
	struct udp *u = (struct udp *)p;
	check_probe_end(p);
	ev_io_stop(p->loop, &u->io);
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	check_reply_done(&u->reply);
}

static void finish_error(struct udp *u, int err)
{
	struct check_result r = { 0 };
	check_result_connect(&r, err, CHECK_FROM_NET);
	check_probe_finish(&u->probe, &r);
}

static void finish_reply(struct udp *u, const char *why)
{
	struct check_result r = { 0 };
	check_result_reply(&r, why, u->reply.head, u->reply.head_n, u->reply.seen > u->reply.head_n);
	check_probe_finish(&u->probe, &r);
}

static void take(struct udp *u, const char *bytes, size_t n)
{
	check_probe_step(&u->probe, "a reply of %zu bytes", n);
	if (!u->wanted) {
		check_probe_finish_code(&u->probe, CHECK_CODE_L4OK, "it answers");
		return;
	}
	check_reply_again(&u->reply);
	check_reply_feed(&u->reply, bytes, n, false); /* searched below, whatever its size */
	switch (check_reply_search(&u->reply)) {
	case CHECK_REPLY_SEEN: check_probe_finish_code(&u->probe, CHECK_CODE_L7OK, "expected bytes seen"); return;
	case CHECK_REPLY_COSTLY: finish_reply(u, "pattern takes too long"); return;
	case CHECK_REPLY_NOMEM: check_probe_finish_code(&u->probe, CHECK_CODE_SOCKERR, "out of memory"); return;
	case CHECK_REPLY_OPEN:
	case CHECK_REPLY_FULL: break;
	}
	if (++u->replies == REPLIES_MAX)
		finish_reply(u, "no reply of 64 matches");
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct udp *u = (struct udp *)((char *)io - offsetof(struct udp, io));
	if (!check_conn_watched(&u->probe, events))
		return;
	char bytes[CHECK_REPLY_MAX];
	ssize_t n = recv(u->fd, bytes, sizeof(bytes), 0);
	if (n >= 0)
		take(u, bytes, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		finish_error(u, errno);
}

static void udp_expired(struct check_probe *p)
{
	struct udp *u = (struct udp *)p;
	if (!u->wanted)
		check_probe_finish_code(p, CHECK_CODE_L4OK, "no error came");
	else if (u->replies)
		finish_reply(u, "no reply matches");
	else
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "no reply came");
}

/* Returns as check_conn_udp. */
static int ask(struct udp *u)
{
	size_t n = 0;
	const char *bytes = check_param_next(&u->probe.spec->params, CHECK_PARAM_SEND, NULL, &n);
	int rc = check_conn_udp(&u->probe, &u->fd);
	if (rc <= 0)
		return rc;
	if (send(u->fd, bytes, n, MSG_NOSIGNAL) >= 0) {
		check_probe_step(&u->probe, "sent %zu bytes", n);
		return 1;
	}
	struct check_result r = { 0 };
	check_result_connect(&r, errno, CHECK_FROM_US);
	check_probe_early(&u->probe, &r);
	return 0;
}

static int udp_start(struct check_probe *p, struct lb_time now)
{
	struct udp *u = (struct udp *)p;
	u->fd = -1;
	u->wanted = check_reply_wanted(&p->spec->params);
	int rc = u->wanted ? check_reply_init(&u->reply, &p->spec->params) : 0;
	if (rc)
		return rc;
	ev_init(&u->io, on_io);
	check_probe_begin(p, now);
	rc = ask(u);
	if (rc < 0) {
		check_reply_done(&u->reply);
		check_probe_end(p);
		return rc;
	}
	if (rc == 0)
		return 0;
	check_conn_watch(p, &u->io, u->fd, EV_READ);
	return 0;
}

const struct check_ops check_udp_ops = { sizeof(struct udp), udp_start, udp_cancel, udp_expired };
