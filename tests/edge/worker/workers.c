/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A core that counts what it hears of its worker, and the workers that more than one program has. */
#include "tests/edge/worker/workers.h"

#include "common/buf.h"
#include "common/log_io.h"
#include "lbd/check/check_io.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- workers ---- */

void say(const char *line)
{
	if (write(3, line, strlen(line)) < 0)
		_exit(3);
}

int say_ready_and(const char *more)
{
	say("{\"msg\":\"ready\",\"version\":1,\"pid\":1}\n");
	say(more);
	return 0;
}

int deaf(void (*alive)(void))
{
	for (;;) {
		char buf[4096];
		struct pollfd p = { .fd = 3, .events = POLLIN };
		alive();
		poll(&p, 1, 500);
		if (read(3, buf, sizeof(buf)) == 0)
			return 0;
	}
}

int mute_main(int fd, void (*alive)(void))
{
	(void)fd;
	say_ready_and("");
	return deaf(alive);
}

static bool no_names; /* users cannot be looked up: there is no memory */

struct passwd *getpwnam(const char *name)
{
	static struct passwd nobody = { .pw_uid = 65534, .pw_gid = 65534 };
	(void)name;
	errno = no_names ? ENOMEM : errno;
	return no_names ? NULL : &nobody;
}

const struct worker_row probe = { .name = "probe",
	.title = "lbd: probe",
	.user = "nobody",
	.filter = SANDBOX_FILTER_PROBE,
	.main = check_worker_main,
	.prepare = check_worker_prepare };

/* ---- the core ---- */

struct ev_loop *loop;
ev_timer ticker;
struct worker w;
unsigned n_ready, n_gone, n_states, n_pongs, n_drained;
struct check_msg_state last;
uint32_t rss_kib;
unsigned unanswered;
int64_t gone_at[16];
const struct rlimit *first_limit;

static void on_ready(struct worker *of, void *arg)
{
	ck_assert(of == &w && arg == &n_ready);
	n_ready++;
}

static int on_line(struct worker *of, const json_t *msg, void *arg)
{
	(void)of, (void)arg;
	struct check_msg m;
	int rc = check_msg_read_core(msg, &m);
	if (rc)
		return rc;
	if (m.type == CHECK_MSG_PONG) {
		n_pongs++;
		rss_kib = m.u.pong.rss_kib;
	}
	if (m.type == CHECK_MSG_STATE) {
		n_states++;
		last = m.u.state;
	}
	return 0;
}

static void on_drained(struct worker *of, void *arg)
{
	(void)of, (void)arg;
	n_drained++;
}

static void on_gone(struct worker *of, void *arg)
{
	(void)arg;
	unanswered = of->unanswered;
	if (n_gone < 16)
		gone_at[n_gone] = lb_clock_now().us / 1000;
	n_gone++;
}

static const struct worker_calls calls = { on_ready, on_line, on_drained, on_gone, NULL };

static void tick(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l, (void)t, (void)events;
}

void start(const struct worker_row *row)
{
	n_ready = n_gone = n_states = n_pongs = n_drained = 0;
	loop = ev_default_loop(EVFLAG_AUTO);
	ev_timer_init(&ticker, tick, 0.02, 0.02);
	ev_timer_start(loop, &ticker);
	ck_assert_int_eq(worker_init(), 0);
	if (first_limit)
		setrlimit(RLIMIT_NOFILE, first_limit);
	worker_start(&w, row, loop, LB_LOG_INFO, &calls, &n_ready);
}

void finish(void)
{
	if (!worker_stopped(&w)) {
		bool alive = w.pid != 0;
		unsigned before = n_gone;
		worker_stop(&w);
		WAIT(worker_stopped(&w), 5000);
		ck_assert_uint_eq(n_gone, before + alive);
	}
	worker_done(&w);
	worker_done(&w);
	ev_timer_stop(loop, &ticker);
}

int workers_main(
	const char *name, const struct worker_row *const *rows, size_t n, void (*add)(TCase *tc), int argc, char **argv)
{
	no_names = worker_child_wanted(argc, argv) && strstr(argv[1], "unknown-user");
	if (worker_child_wanted(argc, argv))
		return worker_child_main(rows, n, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	lb_log_init("core", LB_LOG_INFO);
	Suite *s = suite_create(name);
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	add(tc);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
