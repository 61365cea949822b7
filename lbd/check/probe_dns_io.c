/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS probe: one question over UDP or TCP. What is a reply to something else is passed over; what is cut off over
 * UDP is asked for again over TCP, with the time that is left. The id is random, and so is the port (the kernel's), so
 * that nobody off the path can answer for a name server that is gone.
 */
#include "lbd/check/check_conn_io.h"
#include "lbd/check/check_dns.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define OTHERS_MAX 64u   /* replies to other questions that are looked at */
#define REPLY_MAX  65535 /* what a length of two bytes can say, and a datagram hold */

struct dns {
	struct check_probe probe;
	ev_io io;
	int fd;
	bool stream, connected;
	unsigned others;
	struct check_dns_question question;
	uint8_t out[2 + CHECK_DNS_QUERY_MAX]; /* with the length that goes before it over TCP */
	size_t out_n, sent;
	/* over TCP: the length, then the reply */
	uint8_t head[2];
	size_t got;
	uint8_t *body;
};

static void dns_cancel(struct check_probe *p)
{
	struct dns *d = (struct dns *)p;
	check_probe_end(p);
	ev_io_stop(p->loop, &d->io);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	free(d->body);
	d->body = NULL;
}

static void finish_connect(struct dns *d, int err, enum check_from from)
{
	struct check_result r = { 0 };
	check_result_connect(&r, err, from);
	check_probe_finish(&d->probe, &r);
}

static void finish_talk(struct dns *d, int err)
{
	struct check_result r = { 0 };
	check_result_talk(&r, err);
	check_probe_finish(&d->probe, &r);
}

/* In the middle of a probe, whose clock goes on. */
static void over_tcp(struct dns *d)
{
	check_probe_step(&d->probe, "cut off, once more over tcp");
	ev_io_stop(d->probe.loop, &d->io);
	close(d->fd);
	d->stream = true;
	int rc = check_conn_open(&d->probe, true, &d->fd);
	if (rc > 0)
		check_conn_watch(&d->probe, &d->io, d->fd, EV_READ | EV_WRITE);
	else if (rc < 0)
		finish_connect(d, -rc, CHECK_FROM_US);
}

/* True: go on reading. False: the probe is finished and may be gone, or reads elsewhere. */
static bool take(struct dns *d, const uint8_t *bytes, size_t n)
{
	struct check_result r = { 0 };
	check_probe_step(&d->probe, "a reply of %zu bytes", n);
	switch (check_dns_reply(&d->question, &d->probe.spec->params, bytes, n, d->stream, &r)) {
	case CHECK_DNS_JUDGED: check_probe_finish(&d->probe, &r); return false;
	case CHECK_DNS_CUT: over_tcp(d); return false;
	case CHECK_DNS_OTHER: break;
	}
	if (++d->others < OTHERS_MAX)
		return true;
	check_probe_finish_code(&d->probe, CHECK_CODE_L7RSP, "64 replies to other questions");
	return false;
}

static void read_datagram(struct dns *d)
{
	uint8_t bytes[REPLY_MAX];
	ssize_t n = recv(d->fd, bytes, sizeof(bytes), 0);
	if (n >= 0)
		take(d, bytes, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		finish_connect(d, errno, CHECK_FROM_NET);
}

static size_t length(const struct dns *d)
{
	return (size_t)d->head[0] << 8 | d->head[1];
}

/* One piece, of the length or of the reply. Returns as recv; -1 with EAGAIN: later. */
static ssize_t read_piece(struct dns *d)
{
	uint8_t *at = d->got < 2 ? d->head + d->got : d->body + d->got - 2;
	size_t left = d->got < 2 ? 2 - d->got : length(d) + 2 - d->got;
	ssize_t n = recv(d->fd, at, left, 0);
	if (n > 0)
		d->got += (size_t)n;
	return n;
}

/* The length is known, or all of the reply. */
static void got_some(struct dns *d)
{
	if (d->got == 2 && !d->body && !(d->body = malloc(length(d) + 1u))) {
		check_probe_finish_code(&d->probe, CHECK_CODE_SOCKERR, "out of memory");
		return;
	}
	if (d->got == length(d) + 2 && take(d, d->body, length(d))) {
		free(d->body);
		d->body = NULL;
		d->got = 0;
	}
}

static void read_stream(struct dns *d)
{
	ssize_t n = read_piece(d);
	if (n == 0)
		check_probe_finish_code(
			&d->probe, CHECK_CODE_L7RSP, d->got ? "closed within the reply" : "closed without a reply");
	else if (n > 0 && d->got >= 2)
		got_some(d);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		finish_talk(d, errno);
}

static void send_stream(struct dns *d)
{
	int rc = check_conn_send(d->fd, (const char *)d->out, d->out_n, &d->sent);
	if (rc < 0) {
		finish_talk(d, -rc);
	} else if (rc == 0) {
		check_conn_watch(&d->probe, &d->io, d->fd, EV_WRITE);
	} else {
		check_probe_step(&d->probe, "asked over tcp");
		check_conn_watch(&d->probe, &d->io, d->fd, EV_READ);
	}
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct dns *d = (struct dns *)((char *)io - offsetof(struct dns, io));
	if (!check_conn_watched(&d->probe, events))
		return;
	if (!d->stream) {
		read_datagram(d);
	} else if (!d->connected) {
		if (!check_conn_ready(&d->probe, d->fd, events))
			return; /* it may be gone */
		d->connected = true;
		send_stream(d);
	} else if (d->sent < d->out_n) {
		send_stream(d);
	} else {
		read_stream(d);
	}
}

static void dns_expired(struct check_probe *p)
{
	struct dns *d = (struct dns *)p;
	if (d->stream && !d->connected)
		check_probe_finish_code(p, CHECK_CODE_L4TOUT, "no answer to connect");
	else if (d->got)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "the reply did not end");
	else if (d->others)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "only replies to other questions");
	else
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "no reply");
}

/* Returns as check_conn_udp. */
static int ask(struct dns *d)
{
	int rc = check_conn_udp(&d->probe, &d->fd);
	if (rc <= 0)
		return rc;
	if (send(d->fd, d->out + 2, d->out_n - 2, MSG_NOSIGNAL) >= 0) {
		check_probe_step(&d->probe, "asked over udp");
		return 1;
	}
	struct check_result r = { 0 };
	check_result_connect(&r, errno, CHECK_FROM_US);
	check_probe_early(&d->probe, &r);
	return 0;
}

static int dns_start(struct check_probe *p, struct lb_time now)
{
	struct dns *d = (struct dns *)p;
	const char *query = check_param(&p->spec->params, CHECK_PARAM_QUERY);
	const char *transport = check_param(&p->spec->params, CHECK_PARAM_TRANSPORT);
	uint16_t id;
	size_t n = 0;
	d->fd = -1;
	d->stream = transport && strcmp(transport, "tcp") == 0;
	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != (ssize_t)sizeof(id))
		return -EAGAIN;
	int rc = query ? check_dns_query(query, id, &d->question, d->out + 2, &n) : -EINVAL;
	if (rc)
		return rc;
	d->out[0] = (uint8_t)(n >> 8);
	d->out[1] = (uint8_t)n;
	d->out_n = n + 2;
	ev_init(&d->io, on_io);
	check_probe_begin(p, now);
	rc = d->stream ? check_conn_open(p, true, &d->fd) : ask(d);
	if (rc > 0)
		check_conn_watch(p, &d->io, d->fd, d->stream ? EV_READ | EV_WRITE : EV_READ);
	else if (rc < 0)
		check_probe_end(p);
	return rc < 0 ? rc : 0;
}

const struct check_ops check_dns_ops = { sizeof(struct dns), dns_start, dns_cancel, dns_expired };
