/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/conn_io.h"

#include "common/proto.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

volatile int conn_interrupted;

static int remaining_ms(struct lb_time deadline)
{
	if (deadline.us == LB_TIME_NEVER.us)
		return -1;
	int64_t left = lb_time_diff_us(deadline, lb_clock_now());
	return left <= 0 ? 0 : left > 3600000000LL ? 3600000 : (int)((left + 999) / 1000);
}

/* 1 ready; -1 with *e. A signal between the test and poll() would be slept through, so the sleep is cut into seconds.
 */
static int wait_for(int fd, short events, int reader, struct lb_time deadline, struct lb_err *e)
{
	for (;;) {
		/* of a reader nothing is asked for: it tells of its end unasked */
		struct pollfd p[] = { { .fd = fd, .events = events }, { .fd = reader } };
		int left = remaining_ms(deadline);
		if (conn_interrupted)
			return lb_err_set(e, LB_CODE_INTERRUPTED, "interrupted");
		int n = poll(p, 2, left < 0 || left > 1000 ? 1000 : left);
		if (n > 0 && p[1].revents)
			return lb_err_set(e, LB_CODE_OK, "nobody reads");
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return lb_err_set(e, LB_CODE_FAILED, "poll: %s", strerror(errno));
		if (n == 0 && left >= 0 && left <= 1000)
			return lb_err_set(e, LB_CODE_TIMEOUT, "no answer in time");
	}
}

int conn_pause(int64_t ms, struct lb_time deadline, struct lb_err *e)
{
	struct lb_time until = lb_time_add_ms(lb_clock_now(), ms);
	struct lb_err why = { 0 };
	bool cut = lb_time_cmp(deadline, until) < 0;
	wait_for(-1, 0, -1, cut ? deadline : until, &why);
	if (why.code == LB_CODE_TIMEOUT && !cut)
		return 0;
	return lb_err_set(e, why.code, "%s", why.text);
}

/* 0 or -errno; *fd is the socket. */
static int try_connect(const char *path, int *fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return -errno;
	int err = connect(s, (struct sockaddr *)&sun, sizeof(sun)) ? -errno : 0;
	if (err) {
		close(s);
		return err;
	}
	*fd = s;
	return 0;
}

static int explain(const char *path, int err, struct lb_err *e)
{
	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		return lb_err_set(e, LB_CODE_UNREACHABLE,
			"no daemon answers on %s: lbd is not running? systemctl status lbd", path);
	case EACCES:
	case EPERM:
		return lb_err_set(e, LB_CODE_DENIED,
			"you may not use %s: it is for members of the group lbadmin, or lbobserve to look only "
			"(as root: usermod -aG lbobserve USER, then log in again)",
			path);
	case EAGAIN: return lb_err_set(e, LB_CODE_UNREACHABLE, "the daemon on %s is too busy to answer", path);
	default: return lb_err_set(e, LB_CODE_UNREACHABLE, "%s: %s", path, strerror(-err));
	}
}

/* The first line is a greeting, or an end that says why there is none. */
static int greet(struct conn *c, struct lb_err *e)
{
	json_t *msg = conn_read(c, e);
	if (!msg)
		return -1;
	const json_t *end = json_object_get(msg, "end");
	if (end) {
		const char *text = lb_proto_str(end, "message");
		lb_err_set(e, (enum lb_code)lb_proto_int(end, "code", LB_CODE_DENIED), "%s", text ? text : "refused");
		json_decref(msg);
		return -1;
	}
	long long protocol = lb_proto_int(msg, "protocol", 0);
	if (!lb_proto_str(msg, "lbd") || protocol != LB_PROTO_VERSION) {
		lb_err_set(e, LB_CODE_UNREACHABLE, "%s speaks protocol %lld, this lbctl speaks %d", c->path, protocol,
			LB_PROTO_VERSION);
		json_decref(msg);
		return -1;
	}
	c->greeting = msg;
	c->node = lb_proto_str(msg, "node");
	return 0;
}

/* Who may only look has another socket, in the same directory. NULL: `path` is not the one to change with. */
static const char *observe_beside(const char *path, char beside[sizeof(((struct sockaddr_un *)NULL)->sun_path)])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (strcmp(name, strrchr(CONN_CONTROL, '/') + 1) != 0)
		return NULL;
	snprintf(beside, sizeof(((struct sockaddr_un *)NULL)->sun_path), "%.*s%s", (int)(name - path), path,
		strrchr(CONN_OBSERVE, '/') + 1);
	return beside;
}

int conn_open(struct conn *c, const char *path, struct lb_time deadline, struct lb_err *e)
{
	char beside[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = "";
	const char *paths[] = { path ? path : CONN_CONTROL, path ? observe_beside(path, beside) : CONN_OBSERVE };
	int fd = -1, err = 0;
	*c = (struct conn){ .deadline = deadline, .reader = -1 };
	lb_frame_init(&c->frame, -1, LB_PROTO_LINE_MAX);
	for (unsigned i = 0; i < 2 && paths[i] && fd < 0; i++) {
		c->path = paths[i];
		int failed = try_connect(paths[i], &fd);
		/* "you may not" is the better answer than "it is not there" */
		if (failed && err != -EACCES)
			err = failed;
	}
	if (fd < 0)
		return explain(paths[0], err, e);
	lb_frame_init(&c->frame, fd, LB_PROTO_LINE_MAX);
	return greet(c, e);
}

void conn_close(struct conn *c)
{
	lb_frame_done(&c->frame);
	json_decref(c->greeting);
	c->greeting = NULL;
	c->node = NULL;
}

int conn_send(struct conn *c, const char *line, size_t n, int fd, struct lb_err *e)
{
	c->frame.send_fd = fd;
	c->sent = false;
	if (conn_interrupted)
		return lb_err_set(e, LB_CODE_INTERRUPTED, "interrupted");
	if (remaining_ms(c->deadline) == 0)
		return lb_err_set(e, LB_CODE_TIMEOUT, "the time is over");
	c->sent = true;
	if (lb_frame_queue(&c->frame, line, n))
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	for (;;) {
		int left = lb_frame_write(&c->frame);
		if (left == 0)
			return 0;
		if (left < 0) /* why it hung up may stand in what it sent before */
			return left == -EPIPE || left == -ECONNRESET
				       ? 0
				       : lb_err_set(e, LB_CODE_UNREACHABLE, "%s", strerror(-left));
		if (wait_for(c->frame.fd, POLLOUT, c->reader, c->deadline, e) < 0)
			return -1;
	}
}

/* 1 something arrived, 0 nothing yet (try again), -1 with *e. */
static int fill(struct conn *c, struct lb_err *e)
{
	long n = lb_frame_read(&c->frame);
	if (n > 0)
		return 1;
	if (n == 0 || n == -ECONNRESET)
		return lb_err_set(e, LB_CODE_UNREACHABLE, "the daemon hung up before it answered");
	if (n != -EAGAIN)
		return lb_err_set(e, LB_CODE_UNREACHABLE, "%s", strerror((int)-n));
	return wait_for(c->frame.fd, POLLIN, c->reader, c->deadline, e) < 0 ? -1 : 0;
}

json_t *conn_read(struct conn *c, struct lb_err *e)
{
	for (;;) {
		const char *line;
		size_t n;
		int got = lb_frame_line(&c->frame, &line, &n);
		if (got > 0)
			return lb_proto_parse(line, n, e);
		if (got < 0) {
			lb_err_set(e, LB_CODE_FAILED, "the daemon sent a line that is too long");
			return NULL;
		}
		if (fill(c, e) < 0)
			return NULL;
	}
}

int conn_wait_gone(struct conn *c, struct lb_err *e)
{
	for (;;) {
		const char *line;
		size_t n;
		while (lb_frame_line(&c->frame, &line, &n) > 0)
			;
		long got = lb_frame_read(&c->frame);
		if (got == 0 || (got < 0 && got != -EAGAIN))
			return 0;
		if (got == -EAGAIN && wait_for(c->frame.fd, POLLIN, c->reader, c->deadline, e) < 0)
			return -1;
	}
}
