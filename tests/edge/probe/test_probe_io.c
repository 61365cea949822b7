/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe worker in a child process, this program as its core, and real servers on 127.0.0.1. */
#include "common/buf.h"
#include "common/clock_io.h"
#include "common/frame_io.h"
#include "common/log_io.h"
#include "lbd/check/check_io.h"
#include "lbd/check/check_msg.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- servers ---- */

enum kind { SILENT, CLOSES, BANNER, ECHO, POURS, SAYS };

struct server {
	enum kind kind;
	int listener, conn;
	uint16_t port;
	unsigned served, piece;
	const char *says;
};

#define SERVERS_MAX 8
static struct server servers[SERVERS_MAX];
static unsigned n_servers;

static struct server *serve(enum kind kind, int backlog)
{
	struct server *s = &servers[n_servers++];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	*s = (struct server){ .kind = kind, .conn = -1 };
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(s->listener, backlog), 0);
	ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	return s;
}

static void hang_up(struct server *s)
{
	close(s->conn);
	s->conn = -1;
	s->piece = 0;
	s->served++;
}

/* One small step of one server; called in every turn of the test's loop. */
static void serve_step(struct server *s)
{
	static const char *const pieces[] = { "2", "20 ", "mail ES", "MT", "P ready\r\n" };
	char buf[8192];
	if (s->conn < 0) {
		s->conn = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (s->conn < 0)
			return;
	}
	ssize_t n = recv(s->conn, buf, sizeof(buf), 0);
	switch (s->kind) {
	case SILENT: break;
	case CLOSES: hang_up(s); return;
	case SAYS:
		send(s->conn, s->says, strlen(s->says), MSG_NOSIGNAL);
		shutdown(s->conn, SHUT_WR);
		hang_up(s);
		return;
	case ECHO:
		if (n > 0)
			send(s->conn, buf, (size_t)n, MSG_NOSIGNAL);
		break;
	case POURS:
		memset(buf, 'x', sizeof(buf));
		send(s->conn, buf, sizeof(buf), MSG_NOSIGNAL);
		break;
	case BANNER:
		if (s->piece < 5) {
			send(s->conn, pieces[s->piece], strlen(pieces[s->piece]), MSG_NOSIGNAL);
			s->piece++;
		}
		break;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		hang_up(s);
}

/* A port where nobody listens: one that was just given and given back. */
static uint16_t closed_port(void)
{
	struct server *s = serve(SILENT, 1);
	uint16_t port = s->port;
	close(s->listener);
	n_servers--;
	return port;
}

/* ---- the core's side ---- */

#define TARGETS_MAX 2000

static struct {
	pid_t pid;
	int err; /* what it logs */
	struct lb_frame channel;
	bool ready;
	struct check_msg_pong pong;
	struct check_msg_state last[TARGETS_MAX];
	unsigned states[TARGETS_MAX], flips[TARGETS_MAX];
	struct lb_time first_at[TARGETS_MAX];
	unsigned total, judged;
	struct check_msg_ran ran[64];
	unsigned n_ran;
} core;

static int64_t now_ms(void)
{
	return lb_clock_now().us / 1000;
}

static void tell(const struct check_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(m, &line);
	ck_assert(!line.bad);
	ck_assert_int_eq(lb_frame_queue(&core.channel, line.s, line.n), 0);
	lb_text_done(&line);
}

static void heard(const char *line, size_t n)
{
	json_t *o = lb_proto_parse(line, n, NULL);
	struct check_msg m;
	ck_assert_msg(o && check_msg_read_core(o, &m) == 0, "no message: %.*s", (int)n, line);
	json_decref(o);
	if (m.type == CHECK_MSG_READY)
		core.ready = true;
	if (m.type == CHECK_MSG_PONG)
		core.pong = m.u.pong;
	if (m.type == CHECK_MSG_RAN)
		core.ran[core.n_ran++ % 64] = m.u.ran;
	if (m.type != CHECK_MSG_STATE)
		return;
	const struct check_msg_state *s = &m.u.state;
	ck_assert_uint_lt(s->id, TARGETS_MAX);
	core.last[s->id] = *s;
	core.flips[s->id] += s->flip;
	core.total++;
	if (core.states[s->id]++ == 0) {
		core.first_at[s->id] = lb_clock_now();
		core.judged++;
	}
}

/* One turn: servers, both directions of the channel. */
static void turn(void)
{
	for (unsigned i = 0; i < n_servers; i++)
		serve_step(&servers[i]);
	lb_frame_write(&core.channel);
	struct pollfd p = { .fd = core.channel.fd, .events = POLLIN };
	poll(&p, 1, 2);
	if (lb_frame_read(&core.channel) <= 0)
		return;
	const char *line;
	size_t n;
	while (lb_frame_line(&core.channel, &line, &n) == 1)
		heard(line, n);
}

#define WAIT(condition, ms)                                                                                            \
	do {                                                                                                           \
		int64_t until_ = now_ms() + (ms);                                                                      \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(now_ms() < until_, "not within " #ms " ms: " #condition);                        \
			turn();                                                                                        \
		}                                                                                                      \
	} while (0)

static void setup(void)
{
	memset(&core, 0, sizeof(core));
	n_servers = 0;
	int pair[2], log[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	ck_assert_int_eq(pipe(log), 0);
	core.pid = fork();
	if (core.pid == 0) {
		close(pair[0]);
		close(log[0]);
		dup2(log[1], STDERR_FILENO);
		lb_log_init("probe", LB_LOG_INFO);
		exit(check_worker_main(pair[1], NULL));
	}
	close(pair[1]);
	close(log[1]);
	core.err = log[0];
	lb_frame_init(&core.channel, pair[0], LB_PROTO_LINE_MAX);
	struct check_msg m = { .type = CHECK_MSG_HELLO };
	m.u.hello = (struct check_msg_hello){ { LB_PROTO_VERSION, LB_LOG_INFO }, 42 };
	tell(&m);
	WAIT(core.ready, 5000);
}

/* Its exit status; it must end within the time. */
static int status_within(int64_t ms)
{
	int status = 0;
	int64_t until = now_ms() + ms;
	while (waitpid(core.pid, &status, WNOHANG) == 0) {
		ck_assert_msg(now_ms() < until, "it did not end");
		poll(NULL, 0, 2);
	}
	core.pid = 0;
	ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void teardown(void)
{
	lb_frame_done(&core.channel);
	if (core.pid)
		ck_assert_int_eq(status_within(5000), 0);
	close(core.err);
	for (unsigned i = 0; i < n_servers; i++) {
		close(servers[i].listener);
		if (servers[i].conn >= 0)
			close(servers[i].conn);
	}
}

static struct lb_text params; /* of the message that is being made */

static struct check_msg target(uint32_t id, uint16_t port, const char *send, const char *expect)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	m.u.target_set.id = id;
	struct check_spec *s = &m.u.target_set.spec;
	*s = (struct check_spec){
		.port = port, .interval_ms = 50, .interval_down_ms = 50, .timeout_ms = 300, .rise = 2, .fall = 3
	};
	params.n = 0;
	if (send)
		ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_SEND, send, strlen(send)), 0);
	if (expect)
		ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_EXPECT, expect, strlen(expect)), 0);
	s->params = (struct check_params){ (const uint8_t *)params.s, (uint32_t)params.n };
	lb_ip_parse("127.0.0.1", 9, &s->addr);
	return m;
}

static void add(uint32_t id, uint16_t port, const char *send, const char *expect)
{
	struct check_msg m = target(id, port, send, expect);
	tell(&m);
}

/* In a network of its own, in which a route ends. Where none can be made its test is skipped. */
static bool apart;
static void setup_apart(void)
{
	apart = unshare(CLONE_NEWNET) == 0 &&
		system("ip link set lo up && ip route add blackhole 198.51.100.3") == 0; /* NOLINT(cert-env33-c) */
	setup();
}

/* ---- tests ---- */

static void expect_result(uint32_t id, enum check_code code, const char *text)
{
	WAIT(core.states[id] > 0, 5000);
	const struct check_result *r = &core.last[id].state.last;
	ck_assert_msg(r->code == code && strcmp(r->text, text) == 0, "target %u: %s (%s)", id,
		check_codes[r->code].name, r->text);
	bool pass = check_codes[code].verdict == CHECK_VERDICT_PASS;
	ck_assert(core.last[id].flip && core.last[id].state.judged && core.last[id].state.up == pass);
}

START_TEST(every_kind_of_server)
{
	add(1, serve(SILENT, 16)->port, NULL, NULL);
	add(2, closed_port(), NULL, NULL);
	add(3, serve(SILENT, 16)->port, NULL, "220");
	add(4, serve(BANNER, 16)->port, NULL, "ESMTP");
	add(5, serve(CLOSES, 16)->port, NULL, "220");
	add(6, serve(ECHO, 16)->port, "PI\x01NG", "\x01NG");
	add(7, serve(BANNER, 16)->port, NULL, "SSH");
	add(8, serve(POURS, 16)->port, NULL, "y");
	expect_result(1, CHECK_CODE_L4OK, "connected");
	expect_result(2, CHECK_CODE_L4CON, "connection refused");
	expect_result(3, CHECK_CODE_L7TOUT, "connected, no byte came");
	expect_result(4, CHECK_CODE_L7OK, "expected bytes seen");
	expect_result(5, CHECK_CODE_L7RSP, "closed, no byte came");
	expect_result(6, CHECK_CODE_L7OK, "expected bytes seen");
	expect_result(7, CHECK_CODE_L7TOUT, "connected, expected bytes did not come");
	expect_result(8, CHECK_CODE_L7RSP, "not in 64 KiB: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...");
}
END_TEST

/* A full accept queue: Linux drops the SYN, and the probe hears nothing. */
START_TEST(no_answer_to_connect)
{
	struct server *s = serve(SILENT, 0);
	s->conn = 0; /* never accept */
	int fill[4];
	for (int i = 0; i < 4; i++) {
		struct sockaddr_in a = {
			.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
		};
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ck_assert(connect(fill[i], (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS);
	}
	add(1, s->port, NULL, NULL);
	n_servers = 0; /* not stepped */
	expect_result(1, CHECK_CODE_L4TOUT, "no answer to connect");
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(s->listener);
}
END_TEST

START_TEST(a_steady_state_is_silent_and_a_flip_is_told)
{
	struct server *s = serve(ECHO, 16);
	add(1, s->port, "x", "x");
	WAIT(s->served >= 6, 5000);
	ck_assert_uint_eq(core.states[1], 1);
	s->kind = CLOSES;
	WAIT(core.flips[1] == 2, 5000);
	ck_assert(!core.last[1].state.up && core.last[1].state.n == 0);
	ck_assert_uint_eq(core.states[1], 4); /* fall 1/3, 2/3, down */
	unsigned served = s->served;
	WAIT(s->served >= served + 4, 5000);
	ck_assert_uint_eq(core.states[1], 4);
	s->kind = ECHO;
	WAIT(core.flips[1] == 3, 5000);
	ck_assert(core.last[1].state.up);
	struct check_msg del = { .type = CHECK_MSG_TARGET_DEL, .u.target_del = 1 };
	tell(&del);
	struct check_msg ping = { .type = CHECK_MSG_PING, .u.ping = 9 };
	tell(&ping);
	WAIT(core.pong.n == 9, 5000);
	ck_assert_uint_eq(core.pong.targets, 0);
	ck_assert_uint_eq(core.pong.running, 0);
}
END_TEST

/* It gets nothing to do until it is known, so it does not wait for its interval. */
START_TEST(what_is_not_known_is_probed_at_once)
{
	uint16_t port = serve(SILENT, 64)->port;
	for (uint32_t id = 0; id < 20; id++) {
		struct check_msg m = target(id, port, NULL, NULL);
		m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 3600000;
		tell(&m);
	}
	WAIT(core.judged == 20, 20000);
	for (uint32_t id = 0; id < 20; id++)
		ck_assert(core.last[id].state.up);
	/* what was known before has its time */
	struct check_msg m = target(20, closed_port(), NULL, NULL);
	m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 3600000;
	m.u.target_set.state = (struct check_state){ .n = 4, .judged = true, .up = true, .last.code = CHECK_CODE_L4OK };
	tell(&m);
	struct check_msg ping = { .type = CHECK_MSG_PING, .u.ping = 9 };
	tell(&ping);
	WAIT(core.pong.targets == 21, 5000);
	ck_assert_uint_eq(core.states[20], 0);
}
END_TEST

/* Of what ends in faults of our own nothing is ever known; it is probed no more often than any other. */
START_TEST(what_stays_unknown_has_its_interval)
{
	enum { N = 40 };
	for (uint32_t id = 0; id < N; id++) {
		struct check_msg m = target(id, 9, NULL, NULL);
		m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 400;
		lb_ip_parse("192.0.2.1", 9, &m.u.target_set.spec.source); /* which this host does not have */
		tell(&m);
	}
	for (uint32_t id = 0; id < N; id++)
		WAIT(core.states[id] > 0, 5000);
	ck_assert_str_eq(check_codes[core.last[0].state.last.code].name, "SOCKERR");
	struct check_msg ping = { .type = CHECK_MSG_PING, .u.ping = 9 };
	int64_t from = now_ms();
	tell(&ping);
	WAIT(core.pong.targets == N, 5000);
	uint32_t had = core.pong.probes;
	WAIT(now_ms() - from > 4000, 20000);
	core.pong.targets = 0;
	tell(&ping);
	WAIT(core.pong.targets == N, 5000);
	double each = (double)(now_ms() - from) * N / (core.pong.probes - had);
	ck_assert_msg(each > 300, "one every %.0f ms", each);
}
END_TEST

START_TEST(resuming_does_not_flip)
{
	struct server *s = serve(ECHO, 16);
	struct check_msg m = target(1, s->port, "x", "x");
	m.u.target_set.state = (struct check_state){
		.n = 4, .judged = true, .up = true, .last = { CHECK_CODE_L7OK, .text = "expected bytes seen" }
	};
	tell(&m);
	WAIT(s->served >= 4, 5000);
	ck_assert_uint_eq(core.states[1], 0);
	tell(&m); /* the same again disturbs nothing */
	WAIT(s->served >= 8, 5000);
	ck_assert_uint_eq(core.states[1], 0);
}
END_TEST

START_TEST(resuming_keeps_the_weight_until_the_backend_speaks_again)
{
	struct check_msg m = target(1, closed_port(), NULL, NULL);
	m.u.target_set.spec.type = CHECK_TYPE_AGENT;
	m.u.target_set.state = (struct check_state){ .n = 4,
		.judged = true,
		.up = true,
		.last = { .code = CHECK_CODE_L7OKC, .weight = { CHECK_WEIGHT_PERCENT, 10 } } };
	tell(&m);
	WAIT(core.states[1] > 0, 5000);
	ck_assert_int_eq(core.last[1].state.last.code, CHECK_CODE_L4CON);
	ck_assert(core.last[1].state.last.weight.kind == CHECK_WEIGHT_PERCENT &&
		  core.last[1].state.last.weight.value == 10);
}
END_TEST

START_TEST(our_own_lack_of_descriptors_flips_nothing)
{
	struct server *s = serve(ECHO, 16);
	add(1, s->port, "x", "x");
	WAIT(core.states[1] == 1, 5000);
	struct rlimit old, none = { 3, 4096 };
	ck_assert_int_eq(prlimit(core.pid, RLIMIT_NOFILE, NULL, &old), 0);
	none.rlim_max = old.rlim_max;
	ck_assert_int_eq(prlimit(core.pid, RLIMIT_NOFILE, &none, NULL), 0);
	add(2, s->port, "x", "x");
	WAIT(core.last[1].state.last.code == CHECK_CODE_SOCKERR && core.states[2] == 1, 5000);
	ck_assert_str_eq(core.last[1].state.last.text, "too many open files");
	ck_assert(core.last[1].state.up && core.last[1].state.n == 4 && core.flips[1] == 1);
	ck_assert(!core.last[2].state.judged && core.flips[2] == 0);
	ck_assert_int_eq(prlimit(core.pid, RLIMIT_NOFILE, &old, NULL), 0);
	WAIT(core.last[1].state.last.code == CHECK_CODE_L7OK && core.flips[2] == 1, 5000);
	ck_assert_uint_eq(core.flips[1], 1);
}
END_TEST

/* The process stood still longer than the timeout: whatever it sees then is not the backend's fault. */
START_TEST(a_stopped_worker_blames_nobody)
{
	struct check_msg m = target(1, serve(SILENT, 16)->port, NULL, "x");
	m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 1000;
	m.u.target_set.spec.timeout_ms = 900;
	m.u.target_set.state = (struct check_state){
		.n = 4, .judged = true, .up = true, .last = { CHECK_CODE_L7OK, .text = "expected bytes seen" }
	};
	tell(&m);
	WAIT(servers[0].conn >= 0, 5000);
	kill(core.pid, SIGSTOP);
	int status;
	ck_assert_int_eq(waitpid(core.pid, &status, WUNTRACED), core.pid);
	int64_t until = now_ms() + 1200;
	WAIT(now_ms() >= until, 5000);
	kill(core.pid, SIGCONT);
	WAIT(core.states[1] == 1, 5000);
	ck_assert_int_eq(core.last[1].state.last.code, CHECK_CODE_SOCKERR);
	ck_assert_str_eq(core.last[1].state.last.text, "probe ran too late");
	ck_assert(core.last[1].state.up && core.last[1].state.n == 4 && !core.last[1].flip);
}
END_TEST

START_TEST(many_targets_are_spread_over_the_interval)
{
	uint16_t port = serve(SILENT, 4096)->port;
	int64_t start = lb_clock_now().us;
	for (uint32_t id = 0; id < TARGETS_MAX; id++) {
		struct check_msg m = target(id, port, NULL, NULL);
		m.u.target_set.spec.interval_ms = 2000;
		m.u.target_set.spec.timeout_ms = 1000;
		tell(&m);
	}
	WAIT(core.judged == TARGETS_MAX, 20000);
	unsigned bucket[10] = { 0 };
	for (uint32_t id = 0; id < TARGETS_MAX; id++) {
		ck_assert_int_eq(core.last[id].state.last.code, CHECK_CODE_L4OK);
		int64_t b = (core.first_at[id].us - start) / 200000;
		bucket[b > 9 ? 9 : b]++;
	}
	unsigned few = 0;
	for (int i = 0; i < 10;
		i++) { /* 200 each; a loaded machine shifts some, and 2000 targets take their time to come */
		few += bucket[i] <= 50;
		ck_assert_msg(bucket[i] < 500, "%u in tenth %d", bucket[i], i);
	}
	ck_assert_msg(few <= 2, "hardly any in %u tenths", few);
}
END_TEST

static void run_now(uint32_t token, uint32_t id)
{
	struct check_msg m = { .type = CHECK_MSG_RUN, .u.run = { token, id } };
	tell(&m);
}

/* The target is probed once and then not for a day; the run is beside it. */
START_TEST(a_watched_run_tells_its_steps_and_counts_nothing)
{
	struct server *s = serve(ECHO, 16);
	struct check_msg m = target(1, s->port, "x", "x");
	m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 86400000;
	m.u.target_set.state = (struct check_state){
		.n = 4, .judged = true, .up = true, .last = { CHECK_CODE_L7OK, .text = "expected bytes seen" }
	};
	tell(&m);
	run_now(7, 1);
	WAIT(core.n_ran == 1, 5000);
	const struct check_msg_ran *ran = &core.ran[0];
	ck_assert(ran->token == 7 && ran->id == 1 && ran->result.code == CHECK_CODE_L7OK);
	ck_assert_uint_ge(ran->trace.n, 3); /* connected, sent, the result */
	ck_assert_str_eq(ran->trace.steps[0].text, "connected");
	ck_assert_str_eq(ran->trace.steps[ran->trace.n - 1].text, "L7OK: expected bytes seen");
	for (unsigned i = 1; i < ran->trace.n; i++)
		ck_assert_uint_ge(ran->trace.steps[i].at_us, ran->trace.steps[i - 1].at_us);
	s->kind = CLOSES;
	for (uint32_t i = 0; i < 5; i++) { /* more failures than fall, and nobody counts */
		run_now(10 + i, 1);
		WAIT(core.n_ran == 2 + i, 5000);
		ck_assert_int_eq(core.ran[1 + i].result.code, CHECK_CODE_L7RSP);
	}
	ck_assert_uint_eq(core.states[1], 0);
	run_now(20, 99);
	WAIT(core.n_ran == 7, 5000);
	ck_assert(core.ran[6].token == 20 && core.ran[6].result.code == CHECK_CODE_SOCKERR && !core.ran[6].trace.n);
}
END_TEST

START_TEST(watched_runs_are_bounded_and_end_with_their_target)
{
	struct check_msg m = target(1, serve(SILENT, 64)->port, NULL, "x");
	m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 86400000;
	m.u.target_set.spec.timeout_ms = 60000;
	tell(&m);
	for (uint32_t token = 0; token < 20; token++)
		run_now(token, 1);
	WAIT(core.n_ran == 4, 5000);
	for (unsigned i = 0; i < 4; i++)
		ck_assert(core.ran[i].token == 16 + i && core.ran[i].result.code == CHECK_CODE_SOCKERR);
	struct check_msg del = { .type = CHECK_MSG_TARGET_DEL, .u.target_del = 1 };
	tell(&del);
	WAIT(core.n_ran == 20, 5000);
	for (unsigned i = 4; i < 20; i++)
		ck_assert_int_eq(core.ran[i].result.code, CHECK_CODE_SOCKERR);
	/* all places are free again; and one that still runs does not keep the worker from ending */
	tell(&m);
	for (uint32_t token = 0; token < 17; token++)
		run_now(100 + token, 1);
	WAIT(core.n_ran == 21, 5000);
	ck_assert_uint_eq(core.ran[20].token, 116);
}
END_TEST

/* connect() says EINVAL of both: one counts, and a link-local address without its interface does not. */
START_TEST(a_route_that_ends_here_is_no_fault_of_ours)
{
	if (!apart) {
		printf("skipped: no network namespace here\n");
		return;
	}
	struct check_msg m = target(1, 9, NULL, NULL);
	m.u.target_set.state = (struct check_state){ .n = 4, .judged = true, .up = true, .last.code = CHECK_CODE_L4OK };
	ck_assert_int_eq(lb_ip_parse("198.51.100.3", 12, &m.u.target_set.spec.addr), 0);
	tell(&m);
	m.u.target_set.id = 2;
	ck_assert_int_eq(lb_ip_parse("fe80::9", 7, &m.u.target_set.spec.addr), 0);
	tell(&m);
	WAIT(core.last[1].flip && core.states[2] > 0, 5000);
	ck_assert(core.last[1].state.last.code == CHECK_CODE_L4CON && !core.last[1].state.up);
	ck_assert_str_eq(core.last[1].state.last.text, "no route: blackhole");
	ck_assert(core.last[2].state.last.code == CHECK_CODE_SOCKERR && core.last[2].state.up);
	run_now(3, 1);
	WAIT(core.n_ran == 1, 5000);
	ck_assert_int_eq(core.ran[0].result.code, CHECK_CODE_L4CON);
	ck_assert_str_eq(core.ran[0].result.text, "no route: blackhole");
}
END_TEST

/* People read it, so it must not be what was wrong at first. */
START_TEST(another_fault_of_our_own_is_told)
{
	if (!apart) {
		printf("skipped: no network namespace here\n");
		return;
	}
	struct check_msg m = target(1, 9, "x", NULL);
	ck_assert_int_eq(lb_ip_parse("fe80::9", 7, &m.u.target_set.spec.addr), 0);
	tell(&m);
	WAIT(core.states[1] == 1, 5000);
	ck_assert_str_eq(core.last[1].state.last.text, "invalid argument");
	struct rlimit none = { 3, 4096 }, old;
	ck_assert_int_eq(prlimit(core.pid, RLIMIT_NOFILE, NULL, &old), 0);
	none.rlim_max = old.rlim_max;
	ck_assert_int_eq(prlimit(core.pid, RLIMIT_NOFILE, &none, NULL), 0);
	WAIT(core.states[1] == 2, 5000);
	ck_assert_int_eq(core.last[1].state.last.code, CHECK_CODE_SOCKERR);
	ck_assert_str_eq(core.last[1].state.last.text, "too many open files");
	ck_assert_int_eq(prlimit(core.pid, RLIMIT_NOFILE, &old, NULL), 0);
	WAIT(core.states[1] == 3, 5000);
	ck_assert_str_eq(core.last[1].state.last.text, "invalid argument");
}
END_TEST

/* So it is with what is wrong with a backend; one that says something else each time is no flood. */
START_TEST(another_text_of_a_failure_is_told)
{
	struct server *s = serve(SAYS, 16);
	s->says = "no database";
	add(1, s->port, NULL, "ready");
	WAIT(core.states[1] == 1, 5000);
	ck_assert_ptr_nonnull(strstr(core.last[1].state.last.text, "no database"));
	s->says = "no disk";
	WAIT(core.states[1] == 2, 5000);
	ck_assert_ptr_nonnull(strstr(core.last[1].state.last.text, "no disk"));
	ck_assert_uint_eq(core.flips[1], 1);
	int64_t from = now_ms();
	unsigned told = core.states[1];
	for (unsigned until = s->served + 60; s->served < until;) {
		s->says = s->served % 2 ? "this" : "that";
		turn();
	}
	told = core.states[1] - told;
	ck_assert_msg(told >= 1 && told <= 1 + (now_ms() - from) / 1000, "told %u times in %ld ms", told,
		(long)(now_ms() - from));
	s->says = "the last word";
	WAIT(strstr(core.last[1].state.last.text, "the last word"), 5000);
}
END_TEST

/* 2,000 targets every ms are more than a machine can probe: each has its turn, and pings are answered. */
START_TEST(more_than_can_be_probed_does_not_stop_the_loop)
{
	uint16_t port = serve(SILENT, 4096)->port;
	for (uint32_t id = 0; id < TARGETS_MAX; id++) {
		struct check_msg m = target(id, port, NULL, NULL);
		m.u.target_set.spec.interval_ms = m.u.target_set.spec.interval_down_ms = 1;
		m.u.target_set.spec.timeout_ms = 1000;
		tell(&m);
	}
	WAIT(core.judged == TARGETS_MAX, 20000);
	uint32_t probes = 0;
	for (uint32_t n = 1; n <= 3; n++) {
		struct check_msg ping = { .type = CHECK_MSG_PING, .u.ping = n };
		tell(&ping);
		WAIT(core.pong.n == n, 2000);
		ck_assert_uint_gt(core.pong.probes, probes);
		probes = core.pong.probes;
	}
	ck_assert_uint_ge(core.pong.late_p99_us, core.pong.late_p50_us);
	ck_assert_uint_gt(core.pong.late_p50_us, 0);
}
END_TEST

START_TEST(the_end_of_the_channel_is_the_end)
{
	for (uint32_t id = 0; id < 1000; id++)
		add(id, closed_port(), NULL, NULL);
	WAIT(core.judged > 100, 5000);
	lb_frame_done(&core.channel);
	ck_assert_int_eq(status_within(2000), 0);
}
END_TEST

static const char *const garbage[] = { "hello?\n", "{\"msg\":\"target.set\",\"id\":1}\n", "[]\n",
	"{\"msg\":\"hello\",\"version\":1,\"level\":\"info\",\"seed\":1}\n",
	"{\"msg\":\"ready\",\"version\":1,\"pid\":1}\n", "\x00\xff\n" };

START_TEST(garbage_ends_it_with_a_reason)
{
	size_t n = _i == 5 ? 3 : strlen(garbage[_i]);
	ck_assert_int_eq(lb_frame_queue(&core.channel, garbage[_i], n), 0);
	ck_assert_int_eq(lb_frame_write(&core.channel), 0);
	ck_assert_int_eq(status_within(5000), 1);
	char why[4096];
	ssize_t got = read(core.err, why, sizeof(why) - 1);
	ck_assert_int_gt(got, 0);
	why[got] = '\0';
	ck_assert_msg(strstr(why, "channel: ") != NULL, "it said: %s", why);
	/* and what it was: no line holds a secret */
	char line[128];
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(garbage[_i], "\n"), garbage[_i]);
	ck_assert_msg(strstr(why, line) != NULL, "it said: %s", why);
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *s = suite_create("probe_io");
	TCase *tc = tcase_create("all");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_kind_of_server);
	tcase_add_test(tc, no_answer_to_connect);
	tcase_add_test(tc, a_steady_state_is_silent_and_a_flip_is_told);
	tcase_add_test(tc, what_is_not_known_is_probed_at_once);
	tcase_add_test(tc, what_stays_unknown_has_its_interval);
	tcase_add_test(tc, resuming_does_not_flip);
	tcase_add_test(tc, resuming_keeps_the_weight_until_the_backend_speaks_again);
	tcase_add_test(tc, our_own_lack_of_descriptors_flips_nothing);
	tcase_add_test(tc, a_stopped_worker_blames_nobody);
	tcase_add_test(tc, many_targets_are_spread_over_the_interval);
	tcase_add_test(tc, a_watched_run_tells_its_steps_and_counts_nothing);
	tcase_add_test(tc, watched_runs_are_bounded_and_end_with_their_target);
	tcase_add_test(tc, another_text_of_a_failure_is_told);
	tcase_add_test(tc, more_than_can_be_probed_does_not_stop_the_loop);
	tcase_add_test(tc, the_end_of_the_channel_is_the_end);
	tcase_add_loop_test(tc, garbage_ends_it_with_a_reason, 0, (int)(sizeof(garbage) / sizeof(garbage[0])));
	suite_add_tcase(s, tc);
	TCase *routes = tcase_create("routes");
	tcase_add_checked_fixture(routes, setup_apart, teardown);
	tcase_set_timeout(routes, 60);
	tcase_add_test(routes, a_route_that_ends_here_is_no_fault_of_ours);
	tcase_add_test(routes, another_fault_of_our_own_is_told);
	suite_add_tcase(s, routes);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
