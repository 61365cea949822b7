/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control sockets as a client sees them. One thread: the loop of the server is turned by hand between two looks at
 * the client's socket, and whatever is waited for has a deadline. */
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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define STREAM_ROWS 60000

static struct ev_loop *loop;
static struct ctl_server *server;
static struct ctl_server_config config;
static char dir[64];
static unsigned dispatched, gone_calls, free_calls, warnings;
static struct ctl_reply *held;
static char got_file[64];
static size_t produced; /* rows of the stream so far */

/* ---- a daemon ---- */

static void on_gone(void *state)
{
	(void)state;
	gone_calls++;
	held = NULL;
}

static void on_free(void *state)
{
	(void)state;
	free_calls++;
}

static int next_rows(struct ctl_reply *r, void *state)
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

static void dispatch(struct ctl_request *rq, struct ctl_reply *r, void *arg)
{
	(void)arg;
	dispatched++;
	switch ((int)lb_command_id(rq->cmd)) {
	case LB_COMMAND_SERVICE_LIST:
		produced = 0;
		ctl_reply_stream(r, next_rows, on_free, &produced);
		break;
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

static void on_warn(const char *text, void *arg)
{
	(void)text;
	(void)arg;
	warnings++;
}

static void start(void)
{
	struct lb_err e = { 0 };
	server = ctl_server_new(loop, &config, &e);
	ck_assert_msg(server != NULL, "%s", e.text);
}

static void setup(void)
{
	strcpy(dir, "/tmp/lbd-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	loop = ev_loop_new(EVFLAG_AUTO);
	dispatched = gone_calls = free_calls = warnings = 0;
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
	};
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void teardown(void)
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

static void turn_loop(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ev_run(loop, EVRUN_NOWAIT);
	poll(&p, 1, 1);
}

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, name);
	return sun;
}

static int try_connect(const char *name)
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

static void fill(struct peer *p)
{
	ssize_t n = recv(p->fd, p->buf + p->n, sizeof(p->buf) - 1 - p->n, MSG_DONTWAIT);
	if (n > 0)
		p->n += (size_t)n;
	else if (n == 0 || errno == ECONNRESET)
		p->eof = true;
}

/* The next line as JSON (new reference); NULL at the end of the stream. */
static json_t *next_line(struct peer *p)
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

static struct peer *peer_new(const char *name)
{
	struct peer *p = calloc(1, sizeof(*p));
	p->fd = try_connect(name);
	ck_assert_int_ge(p->fd, 0);
	return p;
}

static struct peer *greeted(const char *name)
{
	struct peer *p = peer_new(name);
	json_t *msg = next_line(p);
	ck_assert_str_eq(lb_proto_str(msg, "lbd"), "0.1.0");
	json_decref(msg);
	return p;
}

static void peer_free(struct peer *p)
{
	close(p->fd);
	free(p);
}

static void say(struct peer *p, const char *s)
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

/* The code of the next end of that id, rows before it are counted. */
static int end_code(struct peer *p, long long id, size_t *rows)
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

/* ---- tests ---- */

START_TEST(greets_and_answers)
{
	start();
	struct peer *p = peer_new("control.sock");
	json_t *msg = next_line(p);
	ck_assert_str_eq(lb_proto_str(msg, "level"), "admin");
	ck_assert_str_eq(lb_proto_str(msg, "node"), "lb-a");
	ck_assert_int_eq(lb_proto_int(msg, "protocol", 0), LB_PROTO_VERSION);
	json_decref(msg);
	say(p, "{\"id\":1,\"cmd\":\"status\"}\n");
	size_t rows = 0;
	ck_assert_int_eq(end_code(p, 1, &rows), 0);
	ck_assert_uint_eq(rows, 1);
	peer_free(p);
}
END_TEST

START_TEST(files_have_mode_and_go_away)
{
	struct stat st;
	start();
	struct sockaddr_un control = address("control.sock"), observe = address("observe.sock");
	ck_assert_int_eq(lstat(control.sun_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0660);
	ck_assert_int_eq(lstat(observe.sun_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(warnings, 2); /* the group does not exist, once per socket */
	ctl_server_free(server);
	server = NULL;
	ck_assert_int_ne(lstat(control.sun_path, &st), 0);
	ck_assert_int_ne(lstat(observe.sun_path, &st), 0);
}
END_TEST

START_TEST(observe_may_only_look)
{
	start();
	struct peer *p = greeted("observe.sock");
	say(p, "{\"id\":1,\"cmd\":\"backend.drain\",\"args\":{\"backend\":\"web/app1\"}}\n");
	ck_assert_int_eq(end_code(p, 1, NULL), LB_CODE_DENIED);
	say(p, "{\"id\":2,\"cmd\":\"backend.list\"}\n");
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	ck_assert_uint_eq(dispatched, 1);
	peer_free(p);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n"
	       "{\"id\":2,\"cmd\":\"status\"}\n{\"id\":3,\"cmd\":\"nonsense\"}\n{\"id\":4,\"cmd\":\"status\"}\n");
	UNTIL(p->fd, held != NULL);
	for (int i = 0; i < 5; i++)
		turn_loop(p->fd);
	ck_assert_uint_eq(dispatched, 1); /* the second waits for the first */
	ctl_reply_end(held, LB_CODE_OK, "ready", NULL);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	ck_assert_int_eq(end_code(p, 3, NULL), LB_CODE_USAGE);
	ck_assert_int_eq(end_code(p, 4, NULL), 0);
	ck_assert_uint_eq(gone_calls, 0);
	peer_free(p);
}
END_TEST

START_TEST(garbage_is_answered_and_survived)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "\x01\xff garbage\n\n[1]\n{\"id\":7,\"cmd\":\"status\",\"x\":1}\n{\"id\":8,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_USAGE);
	ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_USAGE);
	ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_USAGE);
	ck_assert_int_eq(end_code(p, 7, NULL), LB_CODE_USAGE);
	ck_assert_int_eq(end_code(p, 8, NULL), 0);
	peer_free(p);
}
END_TEST

START_TEST(half_a_line_is_no_request)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"status\"}");
	for (int i = 0; i < 5; i++)
		turn_loop(p->fd);
	ck_assert_uint_eq(dispatched, 0);
	peer_free(p);
	UNTIL(-1, ctl_server_clients(server) == 0);
	ck_assert_uint_eq(dispatched, 0);
}
END_TEST

START_TEST(a_line_too_long_ends_the_client)
{
	start();
	struct peer *p = greeted("control.sock");
	char *line = malloc(LB_PROTO_LINE_MAX + 2);
	memset(line, 'x', LB_PROTO_LINE_MAX + 1);
	line[LB_PROTO_LINE_MAX + 1] = '\0';
	say(p, line);
	free(line);
	ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_USAGE);
	ck_assert_ptr_null(next_line(p));
	UNTIL(-1, ctl_server_clients(server) == 0);
	peer_free(p);
}
END_TEST

START_TEST(half_closed_client_gets_its_answers)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n{\"id\":2,"
	       "\"cmd\":\"status\"}\n");
	shutdown(p->fd, SHUT_WR);
	UNTIL(p->fd, held != NULL);
	for (int i = 0; i < 5; i++)
		turn_loop(p->fd);
	ck_assert_uint_eq(gone_calls, 0);
	ctl_reply_end(held, LB_CODE_OK, NULL, NULL);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	ck_assert_ptr_null(next_line(p));
	peer_free(p);
}
END_TEST

START_TEST(half_closed_client_that_leaves_is_noticed)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n");
	shutdown(p->fd, SHUT_WR);
	UNTIL(p->fd, held != NULL);
	for (int i = 0; i < 5; i++)
		turn_loop(p->fd);
	peer_free(p);
	UNTIL(-1, gone_calls == 1);
	ck_assert_uint_eq(ctl_server_clients(server), 0);
}
END_TEST

START_TEST(oldest_idle_client_makes_room)
{
	config.max_clients = 3;
	start();
	struct peer *a = greeted("control.sock"), *b = greeted("control.sock"), *c = greeted("control.sock");
	say(a, "{\"id\":1,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(a, 1, NULL), 0);
	struct peer *d = greeted("control.sock");
	ck_assert_uint_eq(ctl_server_clients(server), 3);
	ck_assert_ptr_null(next_line(b)); /* a has spoken since, b never */
	say(a, "{\"id\":2,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(a, 2, NULL), 0);
	peer_free(a);
	peer_free(b);
	peer_free(c);
	peer_free(d);
}
END_TEST

START_TEST(busy_clients_keep_their_places)
{
	config.max_clients = 2;
	start();
	const char *line = "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n";
	struct peer *a = greeted("control.sock"), *b = greeted("control.sock");
	say(a, line);
	say(b, line);
	UNTIL(a->fd, dispatched == 2);
	struct peer *c = peer_new("control.sock");
	ck_assert_int_eq(end_code(c, 0, NULL), LB_CODE_REFUSED);
	ck_assert_ptr_null(next_line(c));
	peer_free(a);
	peer_free(b);
	peer_free(c);
	UNTIL(-1, gone_calls == 2);
}
END_TEST

static int memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_eq((int)write(fd, text, strlen(text)), (int)strlen(text));
	return fd;
}

static void say_with_fd(struct peer *p, const char *s, int fd)
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
	ck_assert_int_eq((int)sendmsg(p->fd, &mh, MSG_NOSIGNAL), (int)strlen(s));
}

START_TEST(files_travel_with_their_request)
{
	start();
	struct peer *p = greeted("control.sock");
	int first = memory_file("one"), second = memory_file("two"), pipes[2];
	const char *apply = "{\"id\":1,\"cmd\":\"config.apply\",\"args\":{\"file\":\"a.yaml\"}}\n";
	say(p, apply);
	ck_assert_int_eq(end_code(p, 1, NULL), LB_CODE_USAGE); /* no file came */
	say_with_fd(p, apply, first);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_str_eq(got_file, "one");
	/* one that belongs to no file argument is not kept for the next request */
	say_with_fd(p, "{\"id\":2,\"cmd\":\"status\"}\n", first);
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	say_with_fd(p, apply, second);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_str_eq(got_file, "two");
	/* something that could block the reader is refused */
	ck_assert_int_eq(pipe(pipes), 0);
	say_with_fd(p, apply, pipes[0]);
	ck_assert_int_eq(end_code(p, 1, NULL), LB_CODE_USAGE);
	ck_assert_str_eq(got_file, "two");
	close(first);
	close(second);
	close(pipes[0]);
	close(pipes[1]);
	peer_free(p);
}
END_TEST

START_TEST(stream_reaches_a_reader)
{
	start();
	struct peer *p = greeted("control.sock");
	size_t rows = 0;
	say(p, "{\"id\":1,\"cmd\":\"service.list\"}\n");
	ck_assert_int_eq(end_code(p, 1, &rows), 0);
	ck_assert_uint_eq(rows, STREAM_ROWS);
	ck_assert_uint_eq(free_calls, 1);
	peer_free(p);
}
END_TEST

START_TEST(stream_waits_for_a_slow_reader_and_drops_a_dead_one)
{
	config.deadline_ms = 300;
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"service.list\"}\n");
	UNTIL(-1, produced > 0);
	for (int i = 0; i < 20; i++)
		ev_run(loop, EVRUN_NOWAIT);
	size_t then = produced;
	for (int i = 0; i < 20; i++)
		ev_run(loop, EVRUN_NOWAIT);
	ck_assert_uint_eq(produced, then); /* nothing is produced that nobody reads */
	ck_assert_uint_lt(produced, STREAM_ROWS / 4);
	UNTIL(-1, ctl_server_clients(server) == 0);
	ck_assert_uint_eq(free_calls, 1);
	peer_free(p);
}
END_TEST

START_TEST(client_leaving_during_a_stream_frees_it_once)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"service.list\"}\n");
	UNTIL(-1, produced > 0);
	peer_free(p);
	UNTIL(-1, ctl_server_clients(server) == 0);
	ck_assert_uint_eq(free_calls, 1);
}
END_TEST

START_TEST(client_leaving_while_held_is_told_once)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n");
	UNTIL(p->fd, held != NULL);
	peer_free(p);
	UNTIL(-1, gone_calls == 1);
	ck_assert_uint_eq(ctl_server_clients(server), 0);
	ctl_server_free(server);
	server = NULL;
	ck_assert_uint_eq(gone_calls, 1);
}
END_TEST

START_TEST(server_that_ends_tells_who_waits)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n");
	UNTIL(p->fd, held != NULL);
	ctl_server_free(server);
	server = NULL;
	ck_assert_uint_eq(gone_calls, 1);
	peer_free(p);
}
END_TEST

START_TEST(forgotten_answer_ends_with_failed)
{
	start();
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"kernel.repair\"}\n");
	ck_assert_int_eq(end_code(p, 1, NULL), LB_CODE_FAILED);
	peer_free(p);
}
END_TEST

START_TEST(another_generation_is_refused)
{
	start();
	ctl_server_set_generation(server, 17);
	struct peer *p = greeted("control.sock");
	say(p, "{\"id\":1,\"cmd\":\"status\",\"if_generation\":16}\n{\"id\":2,\"cmd\":\"status\",\"if_generation\":17}"
	       "\n");
	ck_assert_int_eq(end_code(p, 1, NULL), LB_CODE_REFUSED);
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	ck_assert_uint_eq(dispatched, 1);
	peer_free(p);
}
END_TEST

/* In a child with another uid: the code of what stands in the first line, 100 for a greeting. */
static int first_code_as(uid_t uid, const char *name)
{
	char buf[1024];
	int fd;
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return 101;
	fd = try_connect(name);
	if (fd < 0)
		return -fd == EACCES ? 102 : 103;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, PATIENCE_MS) != 1)
		return 104;
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	return strstr(buf, "\"lbd\"") ? 100 : strstr(buf, "\"code\":5") ? LB_CODE_DENIED : 105;
}

static int as_other_user(const char *name)
{
	int status = 0;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(first_code_as(65534, name));
	UNTIL(-1, waitpid(pid, &status, WNOHANG) == pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(mode_and_caller_are_both_asked)
{
	if (geteuid() != 0)
		return; /* nobody else to be */
	start();
	struct sockaddr_un control = address("control.sock");
	ck_assert_int_eq(as_other_user("control.sock"), 102); /* the mode of the file */
	ck_assert_int_eq(chmod(control.sun_path, 0666), 0);
	ck_assert_int_eq(as_other_user("control.sock"), LB_CODE_DENIED); /* a mistaken chmod grants nothing */
	ck_assert_uint_eq(ctl_server_clients(server), 0);
}
END_TEST

START_TEST(member_of_the_group_gets_in)
{
	if (geteuid() != 0)
		return;
	config.admin_group = "nogroup"; /* gid 65534 on Debian */
	start();
	ck_assert_int_eq(as_other_user("control.sock"), 100);
	ck_assert_int_eq(as_other_user("observe.sock"), 102);
	struct sockaddr_un observe = address("observe.sock");
	ck_assert_int_eq(chmod(observe.sun_path, 0666), 0);
	ck_assert_int_eq(as_other_user("observe.sock"), 100); /* who may change may look */
}
END_TEST

START_TEST(one_user_does_not_take_every_place)
{
	if (geteuid() != 0)
		return;
	config.admin_group = "nogroup";
	config.max_per_uid = 2;
	start();
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fds[3];
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		for (int i = 0; i < 3; i++) {
			char buf[512];
			struct pollfd p = { .events = POLLIN };
			p.fd = fds[i] = try_connect("control.sock");
			if (fds[i] < 0 || poll(&p, 1, PATIENCE_MS) != 1 || recv(fds[i], buf, sizeof(buf), 0) <= 0)
				_exit(2);
		}
		/* the first one had to go */
		struct pollfd p = { .fd = fds[0], .events = POLLIN };
		_exit(poll(&p, 1, PATIENCE_MS) == 1 && recv(fds[0], &p, 1, 0) == 0 ? 0 : 3);
	}
	int status = 0;
	UNTIL(-1, waitpid(pid, &status, WNOHANG) == pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
	struct sockaddr_un sun = address("control.sock");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	start();
	peer_free(greeted("control.sock"));
}
END_TEST

static void ck_refuses(enum lb_code code)
{
	struct lb_err e = { 0 };
	ck_assert_ptr_null(ctl_server_new(loop, &config, &e));
	ck_assert_msg(e.code == code, "%d: %s", (int)e.code, e.text);
}

START_TEST(what_is_in_the_way_is_not_removed)
{
	char path[128], target[128];
	struct sockaddr_un sun = address("control.sock");
	struct stat st;
	start();
	ck_refuses(LB_CODE_REFUSED); /* somebody answers */
	ctl_server_free(server);
	server = NULL;
	snprintf(target, sizeof(target), "%s/precious", dir);
	int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	ck_assert_int_eq(symlink(target, sun.sun_path), 0);
	ck_refuses(LB_CODE_FAILED); /* a symbolic link */
	ck_assert_int_eq(unlink(sun.sun_path), 0);
	ck_assert_int_eq(rename(target, sun.sun_path), 0);
	ck_refuses(LB_CODE_FAILED); /* a file */
	ck_assert_int_eq(lstat(sun.sun_path, &st), 0);
	ck_assert_int_eq(unlink(sun.sun_path), 0);
	ck_assert_int_eq(chmod(dir, 0777), 0);
	ck_refuses(LB_CODE_FAILED); /* others may write to the folder */
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", dir);
	ck_assert_int_eq(symlink(dir, path), 0);
	config.dir = path;
	ck_refuses(LB_CODE_FAILED); /* the folder is a symbolic link */
}
END_TEST

START_TEST(folder_is_made)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/run", dir);
	config.dir = path;
	start();
	ctl_server_free(server);
	server = NULL;
}
END_TEST

START_TEST(no_descriptor_left_does_not_spin)
{
	struct rlimit before, tight;
	start();
	struct peer *a = greeted("control.sock");
	int waiting = try_connect("control.sock");
	ck_assert_int_ge(waiting, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	int next = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	close(next);
	tight.rlim_cur = (rlim_t)next;
	unsigned warned = warnings;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (int i = 0; i < 50; i++)
		ev_run(loop, EVRUN_NOWAIT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_uint_eq(warnings, warned + 1); /* one try, then a pause */
	ck_assert_uint_eq(ctl_server_clients(server), 1);
	say(a, "{\"id\":1,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(a, 1, NULL), 0);
	struct peer *b = greeted("control.sock");
	ck_assert_uint_eq(ctl_server_clients(server), 2);
	close(waiting);
	peer_free(a);
	peer_free(b);
}
END_TEST

#define ADD(name) tcase_add_test(tc, name)

int main(void)
{
	Suite *s = suite_create("ctl");
	TCase *tc = tcase_create("sockets");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	ADD(greets_and_answers);
	ADD(files_have_mode_and_go_away);
	ADD(observe_may_only_look);
	ADD(pipelined_requests_are_answered_in_order);
	ADD(garbage_is_answered_and_survived);
	ADD(half_a_line_is_no_request);
	ADD(a_line_too_long_ends_the_client);
	ADD(half_closed_client_gets_its_answers);
	ADD(half_closed_client_that_leaves_is_noticed);
	ADD(oldest_idle_client_makes_room);
	ADD(busy_clients_keep_their_places);
	ADD(files_travel_with_their_request);
	ADD(stream_reaches_a_reader);
	ADD(stream_waits_for_a_slow_reader_and_drops_a_dead_one);
	ADD(client_leaving_during_a_stream_frees_it_once);
	ADD(client_leaving_while_held_is_told_once);
	ADD(server_that_ends_tells_who_waits);
	ADD(forgotten_answer_ends_with_failed);
	ADD(another_generation_is_refused);
	ADD(mode_and_caller_are_both_asked);
	ADD(member_of_the_group_gets_in);
	ADD(one_user_does_not_take_every_place);
	ADD(stale_socket_is_replaced);
	ADD(what_is_in_the_way_is_not_removed);
	ADD(folder_is_made);
	ADD(no_descriptor_left_does_not_spin);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
