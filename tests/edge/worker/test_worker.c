/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a worker lives with its core: it misbehaves, dies, is started again and is stopped. */
#include "common/buf.h"
#include "common/rss_io.h"
#include "lbd/check/check_io.h"
#include "tests/edge/unwatched.h"
#include "tests/edge/worker/workers.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- workers that misbehave ---- */

/* As the one of flow state: it ends with its channel, when it has cleaned up. */
static int tidy_main(int fd, void (*alive)(void))
{
	(void)fd;
	signal(SIGTERM, SIG_IGN);
	say_ready_and("");
	return deaf(alive);
}

static int babble_main(int fd, void (*alive)(void))
{
	(void)fd;
	say_ready_and("{\"msg\":\"hm\"} and more\n");
	return deaf(alive);
}

/* Passes a TCP socket that lingers for an hour with bytes that nobody reads: who closes it last waits for that. */
static void pass_lingering(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger hour = { .l_onoff = 1, .l_linger = 3600 };
	socklen_t len = sizeof(at);
	static char bytes[65536];
	int small = 2048, door = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	if (setsockopt(door, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) ||
		bind(door, (struct sockaddr *)&at, sizeof(at)) || listen(door, 1) ||
		getsockname(door, (struct sockaddr *)&at, &len) || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		_exit(4);
	int far = accept(door, NULL, NULL);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour));
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { bytes, 1 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(3, &mh, MSG_NOSIGNAL) < 0 || far < 0)
		_exit(5);
	close(fd);
}

#define PASSED 2 /* bytes: one with the descriptor, one when the core has the last of it */

static int passes_main(int fd, void (*alive)(void))
{
	char buf[4096] = "";
	say_ready_and("");
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		alive();
		poll(&p, 1, 500);
		ssize_t n = read(fd, buf, sizeof(buf) - 1);
		buf[n > 0 ? n : 0] = '\0';
	} while (!strstr(buf, "ping"));
	pass_lingering();
	say("\n");
	return deaf(alive);
}

static int quit_main(int fd, void (*alive)(void))
{
	(void)fd, (void)alive;
	return 7;
}

/* Stops the re-arming of its kill timer. */
static int frozen_main(int fd, void (*alive)(void))
{
	(void)fd;
	alive();
	say_ready_and("");
	raise(SIGSTOP);
	return 0;
}

/* As on a machine that is busy: nothing of it runs until it is ready. */
static int slow_main(int fd, void (*alive)(void))
{
	(void)fd;
	poll(NULL, 0, 6500);
	say_ready_and("");
	return deaf(alive);
}

/* One whose kernel does not watch its channel: it would hear nothing of the core, and never end. */
static int unwatched_main(int fd, void (*alive)(void))
{
	unwatched = fd;
	return check_worker_main(fd, alive);
}

#define ROW(text, function)                                                                                            \
	{                                                                                                              \
		.name = text, .title = "lbd: " text, .main = function                                                  \
	}
static const struct worker_row mute = ROW("mute", mute_main);
static const struct worker_row tidy = ROW("tidy", tidy_main);
static const struct worker_row babble = ROW("babble", babble_main);
static const struct worker_row passes = ROW("passes", passes_main);
static const struct worker_row quit = ROW("quit", quit_main);
static const struct worker_row frozen = ROW("frozen", frozen_main);
static const struct worker_row slow = ROW("slow", slow_main);
static const struct worker_row unwatched_row = { .name = "unwatched",
	.title = "lbd: unwatched",
	.user = "nobody",
	.main = unwatched_main,
	.prepare = check_worker_prepare };
static const struct worker_row *const rows[] = { &probe, &mute, &tidy, &babble, &passes, &quit, &frozen, &slow,
	&unwatched_row };

/* ---- the core ---- */

/* Ten dead workers cost a growing distance, not a storm: at once, 100, 200, 400 ms ... */
START_TEST(respawn_backs_off)
{
	start(&quit);
	WAIT(n_gone == 5, 10000);
	int64_t took = gone_at[4] - gone_at[0]; /* 0 + 100 + 200 + 400 and five starts */
	ck_assert_msg(took >= 690, "%ld ms", (long)took);
	ck_assert_uint_eq(n_ready, 0);
	finish();
}
END_TEST

START_TEST(a_line_that_is_no_message_restarts_it)
{
	start(&babble);
	WAIT(n_gone == 2 && n_ready >= 2, 10000);
	finish();
}
END_TEST

START_TEST(a_descriptor_restarts_it)
{
	int there = 0;
	start(&passes);
	WAIT(w.pings == 1 && worker_pending(&w) == 0, 10000);
	for (int i = 0; i < 10000 && there < PASSED; i++) {
		poll(NULL, 0, 1);
		ck_assert_int_eq(ioctl(w.channel.fd, FIONREAD, &there), 0);
	}
	ck_assert_int_eq(there, PASSED);
	WAIT(n_gone == 1 && n_ready == 2, 10000);
	finish();
}
END_TEST

/* What could not be told is missing in its picture for good: the next process asks for everything. */
START_TEST(a_line_that_found_no_memory_restarts_it)
{
	struct lb_text half = { .bad = true };
	start(&mute);
	WAIT(n_ready == 1, 5000);
	ck_assert_int_eq(worker_send(&w, &half), -ENOMEM);
	ck_assert_int_eq(worker_send(&w, &half), -ENOTCONN);
	WAIT(n_gone == 1 && n_ready == 2, 10000);
	finish();
}
END_TEST

START_TEST(silence_is_death)
{
	start(&mute);
	WAIT(n_ready == 1, 5000);
	int64_t from = lb_clock_now().us;
	WAIT(n_gone == 1, 10000);
	ck_assert_int_ge(lb_clock_now().us - from, 4000000);
	finish();
}
END_TEST

/* A core of another user cannot kill it, and its loop goes on turning: it must end by itself. */
START_TEST(a_worker_that_is_deaf_ends)
{
	start(&unwatched_row);
	WAIT(n_gone == 1, 20000);
	ck_assert_msg(WIFEXITED(w.child.rstatus) && WEXITSTATUS(w.child.rstatus) == 1, "%x", w.child.rstatus);
	finish();
}
END_TEST

/* It is started again as soon as that is known, not when the pings run out. */
START_TEST(a_core_that_does_not_hear_a_worker_starts_another)
{
	start(&mute);
	unwatched = w.channel.fd;
	WAIT(n_gone == 1, 20000);
	unwatched = UNWATCHED_NONE;
	ck_assert_uint_gt(n_unwatched, 0);
	ck_assert_uint_lt(unanswered, 5);
	WAIT(n_ready > 0, 20000);
	finish();
}
END_TEST

/* A full machine at the start is no reason to go without it for good. */
START_TEST(one_that_cannot_be_started_is_tried_again)
{
	struct rlimit full, before;
	getrlimit(RLIMIT_NOFILE, &before);
	full = before;
	full.rlim_cur = 3;
	first_limit = &full;
	start(&probe);
	first_limit = NULL;
	ck_assert_int_eq(w.pid, 0);
	ck_assert_int_eq(w.refused, -EMFILE);
	ck_assert(!worker_stopped(&w));
	const struct lb_time since = worker_down_since(&w);
	ck_assert_int_ne(since.us, 0);
	WAIT(w.backoff_ms == 400, 5000); /* and again, in vain */
	ck_assert_int_eq(worker_down_since(&w).us, since.us);
	setrlimit(RLIMIT_NOFILE, &before);
	WAIT(n_ready == 1, 20000);
	ck_assert_int_eq(w.refused, 0);
	ck_assert_uint_eq(w.starts, 1);
	ck_assert_int_eq(worker_down_since(&w).us, 0);
	kill(w.pid, SIGKILL);
	WAIT(n_gone == 1, 5000);
	ck_assert_int_ge(worker_down_since(&w).us, since.us);
	finish();
}
END_TEST

/* Nobody signals it here: the 3 s timer of the worker itself does, before the pings run out. */
START_TEST(a_stopped_worker_kills_itself)
{
	start(&frozen);
	WAIT(n_ready == 1, 5000);
	int64_t from = lb_clock_now().us;
	WAIT(n_gone == 1, 10000);
	int64_t took = lb_clock_now().us - from;
	ck_assert_msg(took > 2000000 && took < 4500000, "%ld us", (long)took);
	finish();
}
END_TEST

START_TEST(one_that_does_not_end_is_killed)
{
	static const struct {
		const struct worker_row *row;
		bool killed;
	} ends[] = { { &tidy, false }, { &frozen, true } };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		start(ends[i].row);
		WAIT(n_ready == 1, 5000);
		worker_stop(&w);
		WAIT(worker_stopped(&w), 5000);
		ck_assert_msg(w.killed == ends[i].killed, "%s", ends[i].row->name);
		finish();
	}
}
END_TEST

/* They are for the core, and who sends them to all processes means it alone: also before the worker is ready. */
START_TEST(signals_of_the_core_end_no_worker)
{
	static const int all[] = { SIGHUP, SIGINT, SIGUSR1, SIGUSR2 };
	start(&tidy);
	pid_t pid = w.pid;
	for (int i = 0; i < 400; i++)
		ck_assert_int_eq(kill(pid, all[i % 4]), 0);
	WAIT(n_ready == 1, 5000);
	for (int i = 0; i < 400; i++)
		ck_assert_int_eq(kill(pid, all[i % 4]), 0);
	ck_assert_int_eq(kill(pid, SIGTERM), 0); /* which this one ignores by itself */
	worker_stop(&w);
	WAIT(worker_stopped(&w), 5000);
	ck_assert(n_gone == 1 && !w.killed && w.starts == 1);
	finish();
}
END_TEST

/* The first one is killed after 5 s, the second one has 10. */
START_TEST(a_slow_start_has_longer_the_next_time)
{
	start(&slow);
	WAIT(n_gone == 1, 8000);
	ck_assert_uint_eq(n_ready, 0);
	WAIT(n_ready == 1, 12000);
	ck_assert_uint_eq(n_gone, 1);
	ck_assert_uint_eq(w.starts, 2);
	finish();
}
END_TEST

START_TEST(stop_and_done_at_any_time)
{
	start(&probe);
	finish(); /* before it is ready */
	start(&quit);
	WAIT(n_gone == 3, 10000);
	finish(); /* while it waits for its back-off */
	start(&mute);
	WAIT(n_ready == 1, 5000);
	worker_done(&w); /* without stop */
	ev_timer_stop(loop, &ticker);
}
END_TEST

/* Not what the core had when it made it, nor what anybody once had. */
START_TEST(memory_is_what_it_has_now)
{
	const size_t much = 256u << 20;
	uint32_t before = lb_rss_kib();
	uint8_t *p = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(p != MAP_FAILED);
	memset(p, 1, much);
	uint32_t then = lb_rss_kib();
	ck_assert_msg(before > 0 && then > before + (200u << 10), "%u KiB, then %u", before, then);
	start(&probe);
	munmap(p, much);
	WAIT(n_pongs > 0, 10000);
	ck_assert_msg(rss_kib > 0 && rss_kib < 200u << 10, "%u KiB", rss_kib);
	ck_assert_msg(lb_rss_kib() < then - (200u << 10), "%u KiB, and %u before", lb_rss_kib(), then);
	finish();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, respawn_backs_off);
	tcase_add_test(tc, a_line_that_is_no_message_restarts_it);
	tcase_add_test(tc, a_line_that_found_no_memory_restarts_it);
	tcase_add_test(tc, silence_is_death);
	tcase_add_test(tc, a_descriptor_restarts_it);
	tcase_add_test(tc, a_worker_that_is_deaf_ends);
	tcase_add_test(tc, a_core_that_does_not_hear_a_worker_starts_another);
	tcase_add_test(tc, one_that_cannot_be_started_is_tried_again);
	tcase_add_test(tc, a_stopped_worker_kills_itself);
	tcase_add_test(tc, one_that_does_not_end_is_killed);
	tcase_add_test(tc, signals_of_the_core_end_no_worker);
	tcase_add_test(tc, a_slow_start_has_longer_the_next_time);
	tcase_add_test(tc, stop_and_done_at_any_time);
	tcase_add_test(tc, memory_is_what_it_has_now);
}

int main(int argc, char **argv)
{
	return workers_main("worker", rows, sizeof(rows) / sizeof(rows[0]), add_tests, argc, argv);
}
