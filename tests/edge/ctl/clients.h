/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon and its clients in one thread: the loop of the server is turned by hand between two looks at the client's
 * socket, and whatever is waited for has a deadline. */
#pragma once

#include "common/clock_io.h"
#include "common/commands.h"
#include "common/proto.h"
#include "lbd/ctl/ctl_io.h"

#include <check.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define STREAM_ROWS 60000

static struct ev_loop *loop;
static struct ctl_server *server;
static struct ctl_server_config config;
static char dir[64];
static unsigned dispatched, gone_calls, free_calls, warnings, failures;
static struct ctl_reply *held;
static char got_file[64];
static size_t produced; /* rows of the stream so far */
static unsigned stores;

/* ---- a daemon ---- */

static inline void on_gone(void *state)
{
	(void)state;
	gone_calls++;
	held = NULL;
}

static inline void on_free(void *state)
{
	(void)state;
	free_calls++;
}

static inline int next_rows(struct ctl_reply *r, void *state)
{
	size_t *n = state;
	for (int i = 0; i < 100; i++) {
		if (*n == STREAM_ROWS) {
			ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
			return 0;
		}
		ctl_reply_row(r, json_pack("{s:s, s:I}", "service", "web", "active", (json_int_t)*n));
		(*n)++;
	}
	return 1;
}

/* Each step takes longer than a slice, and writes nothing: a look at a kernel that is as it should be. */
static inline int next_look(struct ctl_reply *r, void *state)
{
	size_t *n = state;
	usleep(6000);
	if (++*n % 10)
		return 1;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
	return 0;
}

static inline const char *store(void *arg)
{
	(void)arg;
	stores++;
	return NULL;
}

static inline void dispatch(struct ctl_request *rq, struct ctl_reply *r, void *arg)
{
	(void)arg;
	dispatched++;
	switch ((int)lb_command_id(rq->cmd)) {
	case LB_COMMAND_SERVICE_LIST:
		produced = 0;
		ctl_reply_stream(r, next_rows, on_free, &produced);
		break;
	case LB_COMMAND_BACKEND_DRAIN: ctl_reply_end_stored(r, "it drains", store, NULL); break;
	case LB_COMMAND_KERNEL_DIFF: ctl_reply_stream(r, next_look, on_free, &produced); break;
	case LB_COMMAND_WAIT:
		held = r;
		ctl_reply_hold(r, on_gone, NULL);
		break;
	case LB_COMMAND_CONFIG_APPLY: {
		ssize_t n = rq->fd >= 0 ? pread(rq->fd, got_file, sizeof(got_file) - 1, 0) : 0;
		got_file[n > 0 ? n : 0] = '\0';
		ctl_reply_end(r, LB_CODE_OK, "applied", NULL);
		break;
	}
	case LB_COMMAND_KERNEL_REPAIR: break; /* forgets to answer */
	default:
		ctl_reply_row(r, json_pack("{s:s, s:s}", "user", rq->peer->user, "cmd", rq->cmd->noun));
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
	}
}

static inline void on_warn(const char *text, void *arg)
{
	(void)text;
	(void)arg;
	warnings++;
}

static inline void on_fail(const char *text, void *arg)
{
	(void)text;
	(void)arg;
	failures++;
}

static inline void start(void)
{
	struct lb_err e = { 0 };
	server = ctl_server_new(loop, &config, &e);
	ck_assert_msg(server != NULL, "%s", e.text);
}

static inline void setup(void)
{
	strcpy(dir, "/tmp/lbd-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	loop = ev_loop_new(EVFLAG_AUTO);
	produced = 0;
	dispatched = gone_calls = free_calls = warnings = failures = stores = 0;
	held = NULL;
	got_file[0] = '\0';
	config = (struct ctl_server_config){
		.dir = dir,
		.admin_group = "lbd-no-such-group",
		.observe_group = "lbd-no-such-group",
		.version = "0.1.0",
		.node = "lb-a",
		.dispatch = dispatch,
		.warn = on_warn,
		.fail = on_fail,
	};
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void teardown(void)
{
	ctl_server_free(server);
	server = NULL;
	ev_loop_destroy(loop);
	ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- a client ---- */

struct peer {
	int fd;
	char buf[1 << 16];
	size_t n;
	bool eof;
};

static inline void turn_loop(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ev_run(loop, EVRUN_NOWAIT);
	poll(&p, 1, 1);
}

static inline struct sockaddr_un address(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, name);
	return sun;
}

static inline int try_connect(const char *name)
{
	struct sockaddr_un sun = address(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

static inline void fill(struct peer *p)
{
	ssize_t n = recv(p->fd, p->buf + p->n, sizeof(p->buf) - 1 - p->n, MSG_DONTWAIT);
	if (n > 0)
		p->n += (size_t)n;
	else if (n == 0 || errno == ECONNRESET)
		p->eof = true;
}

/* The next line as JSON (new reference); NULL at the end of the stream. */
static inline json_t *next_line(struct peer *p)
{
	struct lb_time deadline = lb_time_add_ms(lb_clock_now(), PATIENCE_MS);
	struct lb_err e;
	for (;;) {
		char *nl = memchr(p->buf, '\n', p->n);
		if (nl) {
			json_t *msg = lb_proto_parse(p->buf, (size_t)(nl - p->buf), &e);
			p->n -= (size_t)(nl + 1 - p->buf);
			memmove(p->buf, nl + 1, p->n);
			ck_assert_ptr_nonnull(msg);
			return msg;
		}
		if (p->eof)
			return NULL;
		ck_assert_msg(lb_time_cmp(lb_clock_now(), deadline) < 0, "no line in time");
		turn_loop(p->fd);
		fill(p);
	}
}

static inline struct peer *peer_new(const char *name)
{
	struct peer *p = calloc(1, sizeof(*p));
	p->fd = try_connect(name);
	ck_assert_int_ge(p->fd, 0);
	return p;
}

static inline struct peer *greeted(const char *name)
{
	struct peer *p = peer_new(name);
	json_t *msg = next_line(p);
	ck_assert_str_eq(lb_proto_str(msg, "lbd"), "0.1.0");
	json_decref(msg);
	return p;
}

static inline void peer_free(struct peer *p)
{
	close(p->fd);
	free(p);
}

static inline void say(struct peer *p, const char *s)
{
	size_t n = strlen(s), at = 0;
	while (at < n) {
		ssize_t sent = send(p->fd, s + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EPIPE)
			return;
		if (sent > 0)
			at += (size_t)sent;
		else
			turn_loop(p->fd);
	}
}

static inline void say_with_fd(struct peer *p, const char *s, int fd, int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)(uintptr_t)s, strlen(s) };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	ck_assert_int_eq((int)sendmsg(p->fd, &mh, MSG_NOSIGNAL | flags), (int)strlen(s));
}

/* The code of the next end of that id, rows before it are counted. */
static inline int end_code(struct peer *p, long long id, size_t *rows)
{
	for (;;) {
		json_t *msg = next_line(p);
		if (!msg)
			return -1;
		json_t *end = json_object_get(msg, "end");
		ck_assert_int_eq(lb_proto_int(msg, "id", 0), id);
		int code = (int)lb_proto_int(end, "code", -1);
		if (!end && rows)
			(*rows)++;
		json_decref(msg);
		if (end)
			return code;
	}
}

#define UNTIL(fd, what)                                                                                                \
	do {                                                                                                           \
		struct lb_time until = lb_time_add_ms(lb_clock_now(), PATIENCE_MS);                                    \
		while (!(what)) {                                                                                      \
			ck_assert_msg(lb_time_cmp(lb_clock_now(), until) < 0, "never: " #what);                        \
			turn_loop(fd);                                                                                 \
		}                                                                                                      \
	} while (0)

static inline int run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create("sockets");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(s, tc);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
