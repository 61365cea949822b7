/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The endpoint of Prometheus while somebody sets the clock back by two hours. */
#include "common/clock_io.h"
#include "lbd/ctl/metrics_io.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define BACK_S      7200

static struct ev_loop *loop;
static bool set_back;

/* Instead of those of the C library, for libev, too. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (r == 0 && id == CLOCK_REALTIME && set_back)
		ts->tv_sec -= BACK_S;
	return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;
	(void)zone;
	int r = clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return r;
}

static void say(enum lb_log_level level, const char *text)
{
	(void)level, (void)text;
}

static struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
}

/* Somebody has that address already. */
static int take_port(uint16_t *port)
{
	struct sockaddr_in at = local(0);
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* -1: nobody listens there. */
static int try_connect(uint16_t port)
{
	struct sockaddr_in to = local(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(fd);
	return -1;
}

static bool was_closed(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(neither_who_waits_nor_who_is_waited_for_hears_of_it)
{
	struct metrics_server_config config = { .say = say, .request_ms = 700 };
	struct lb_time from = lb_clock_now();
	int other = take_port(&config.port), fd = -1;
	config.ip.family = AF_INET;
	memcpy(config.ip.b, (const uint8_t[]){ 127, 0, 0, 1 }, 4);
	struct metrics_server *s = metrics_server_new(loop, &config);
	ck_assert_ptr_nonnull(s);
	ev_run(loop, EVRUN_ONCE);
	close(other);
	set_back = true;
	do {
		ck_assert_msg(lb_time_diff_us(lb_clock_now(), from) < PATIENCE_MS * 1000, "nobody listens");
		ev_run(loop, EVRUN_ONCE);
		fd = try_connect(config.port);
	} while (fd < 0);
	set_back = false;
	ev_run(loop, EVRUN_ONCE); /* it is admitted */
	set_back = true;
	from = lb_clock_now();
	while (!was_closed(fd)) {
		ck_assert_msg(lb_time_diff_us(lb_clock_now(), from) < PATIENCE_MS * 1000, "who says nothing stays");
		ev_run(loop, EVRUN_ONCE);
	}
	close(fd);
	metrics_server_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics_clock");
	TCase *t = tcase_create("metrics_clock");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, neither_who_waits_nor_who_is_waited_for_hears_of_it);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	loop = ev_default_loop(0);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
