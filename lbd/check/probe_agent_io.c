/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent probe: connect, (optional) send a line, read one line, and believe what it says. */
#include "lbd/check/check_conn_io.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_weight.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 256

struct agent {
	struct check_probe probe;
	ev_io io;
	int fd;
	const char *send; /* of the spec */
	size_t send_len, sent, n;
	bool connected;
	char line[LINE_MAX_BYTES];
};

static void agent_cancel(struct check_probe *p)
{
	struct agent *a = (struct agent *)p;
	check_probe_end(p);
	ev_io_stop(p->loop, &a->io);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static void finish_talk(struct agent *a, int err)
{
	struct check_result r = { 0 };
	check_result_talk(&r, err);
	check_probe_finish(&a->probe, &r);
}

static void finish_line(struct agent *a)
{
	struct check_result r = { 0 };
	check_agent_judge(a->line, a->n, &r);
	check_probe_finish(&a->probe, &r);
}

static void read_some(struct agent *a)
{
	ssize_t n = recv(a->fd, a->line + a->n, sizeof(a->line) - a->n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !(errno == ECONNRESET && a->n)) {
		finish_talk(a, errno);
		return;
	}
	if (n > 0) {
		a->n += (size_t)n;
		if (!memchr(a->line, '\n', a->n) && a->n < sizeof(a->line))
			return;
	}
	if (n > 0 && !memchr(a->line, '\n', a->n)) { /* half a line may say the opposite of the whole */
		struct check_result r = { 0 };
		check_result_reply(&r, "no line in 256 bytes", a->line, 40, true);
		check_probe_finish(&a->probe, &r);
		return;
	}
	finish_line(a);
}

static void send_some(struct agent *a)
{
	int rc = check_conn_send(a->fd, a->send, a->send_len, &a->sent);
	if (rc < 0)
		finish_talk(a, -rc);
	if (rc == 0)
		check_conn_watch(&a->probe, &a->io, a->fd, EV_WRITE);
	if (rc <= 0)
		return;
	if (a->send_len)
		check_probe_step(&a->probe, "sent %zu bytes", a->send_len);
	check_conn_watch(&a->probe, &a->io, a->fd, EV_READ);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct agent *a = (struct agent *)((char *)io - offsetof(struct agent, io));
	if (a->connected ? !check_conn_watched(&a->probe, events) : !check_conn_ready(&a->probe, a->fd, events))
		return;
	if (!a->connected || a->sent < a->send_len) {
		a->connected = true;
		send_some(a);
	} else {
		read_some(a);
	}
}

static void agent_expired(struct check_probe *p)
{
	const struct agent *a = (struct agent *)p;
	if (!a->connected)
		check_probe_finish_code(p, CHECK_CODE_L4TOUT, "no answer to connect");
	else if (a->sent < a->send_len)
		check_probe_finish_code(p, CHECK_CODE_L7TOUT, "connected, but it does not read");
	else
		check_probe_finish_code(
			p, CHECK_CODE_L7TOUT, a->n ? "connected, the line did not end" : "connected, no byte came");
}

static int agent_start(struct check_probe *p, struct lb_time now)
{
	struct agent *a = (struct agent *)p;
	a->send = check_param_next(&p->spec->params, CHECK_PARAM_SEND, NULL, &a->send_len);
	ev_init(&a->io, on_io);
	check_probe_begin(p, now);
	int rc = check_conn_open(p, a->send_len != 0, &a->fd);
	if (rc > 0)
		check_conn_watch(p, &a->io, a->fd, EV_READ | EV_WRITE);
	else if (rc < 0)
		check_probe_end(p);
	return rc < 0 ? rc : 0;
}

const struct check_ops check_agent_ops = { sizeof(struct agent), agent_start, agent_cancel, agent_expired };
