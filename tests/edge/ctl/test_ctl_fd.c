/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that come from who may only look. Who closes the last one of a TCP socket that lingers waits for an hour
 * here, so the test that is not answered is the one that fails. */
#include "tests/edge/ctl/clients.h"

#include <netinet/in.h>
#include <sys/mman.h>

#define STATUS "{\"id\":1,\"cmd\":\"status\"}\n"

static int far_end = -1; /* of the one that lingers: reads nothing */

/* A connection with unsent bytes. */
static int lingering(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger hour = { .l_onoff = 1, .l_linger = 3600 };
	socklen_t len = sizeof(at);
	int small = 2048, door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(setsockopt(door, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	ck_assert_int_eq(bind(door, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(door, 1), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&at, &len), 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	far_end = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(far_end, 0);
	close(door);
	static const char bytes[65536];
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)), 0);
	return fd;
}

static void pass_lingering(struct peer *p, const char *s, int flags)
{
	int fd = lingering();
	say_with_fd(p, s, fd, flags);
	close(fd); /* not the last */
}

static void others_are_served(void)
{
	struct peer *p = greeted("observe.sock");
	say(p, STATUS);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	peer_free(p);
	close(far_end);
}

START_TEST(with_a_request)
{
	start();
	struct peer *p = greeted("observe.sock");
	pass_lingering(p, STATUS, 0);
	ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_DENIED);
	ck_assert_ptr_null(next_line(p));
	ck_assert_uint_eq(dispatched, 0);
	others_are_served();
	peer_free(p);
}
END_TEST

START_TEST(behind_requests)
{
	start();
	struct peer *p = greeted("observe.sock");
	say(p, STATUS);
	pass_lingering(p, STATUS, 0);
	UNTIL(-1, ctl_server_clients(server) == 0);
	others_are_served();
	peer_free(p);
}
END_TEST

/* The kernel skips such a byte for who reads on, and closes what came with it. */
START_TEST(out_of_band)
{
	start();
	struct peer *p = greeted("observe.sock");
	pass_lingering(p, "x", MSG_OOB);
	say(p, STATUS);
	UNTIL(-1, ctl_server_clients(server) == 0);
	others_are_served();
	peer_free(p);
}
END_TEST

START_TEST(during_an_answer)
{
	start();
	struct peer *p = greeted("observe.sock");
	say(p, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n");
	UNTIL(p->fd, held != NULL);
	pass_lingering(p, STATUS, 0);
	UNTIL(-1, ctl_server_clients(server) == 0);
	ck_assert_uint_eq(gone_calls, 1);
	others_are_served();
	peer_free(p);
}
END_TEST

START_TEST(from_one_who_is_not_let_in)
{
	config.max_clients = 1;
	start();
	struct peer *first = greeted("observe.sock");
	say(first, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n");
	UNTIL(first->fd, held != NULL);
	struct peer *p = peer_new("observe.sock");
	pass_lingering(p, STATUS, 0);
	ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_REFUSED);
	ck_assert_ptr_null(next_line(p));
	peer_free(first);
	UNTIL(-1, ctl_server_clients(server) == 0);
	others_are_served();
	peer_free(p);
}
END_TEST

START_TEST(to_a_server_that_ends)
{
	start();
	struct peer *in = greeted("observe.sock"), *out = peer_new("observe.sock");
	pass_lingering(in, STATUS, 0);
	int first = far_end;
	pass_lingering(out, STATUS, 0);
	ctl_server_free(server);
	start();
	others_are_served();
	close(first);
	peer_free(in);
	peer_free(out);
}
END_TEST

START_TEST(it_is_closed_in_the_end)
{
	int pipes[2];
	char byte;
	start();
	struct peer *p = greeted("observe.sock");
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	say_with_fd(p, STATUS, pipes[1], 0);
	close(pipes[1]);
	UNTIL(-1, read(pipes[0], &byte, 1) == 0);
	close(pipes[0]);
	peer_free(p);
}
END_TEST

/* One that ends at once, a hundred times: they are not counted for longer than they live. */
START_TEST(children_that_ended_hold_nobody_up)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	start();
	for (int i = 0; i < 100; i++) {
		struct peer *p = greeted("observe.sock");
		say_with_fd(p, STATUS, fd, 0);
		ck_assert_int_eq(end_code(p, 0, NULL), LB_CODE_DENIED);
		peer_free(p);
	}
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { with_a_request, behind_requests, out_of_band, during_an_answer,
		from_one_who_is_not_let_in, to_a_server_that_ends, it_is_closed_in_the_end,
		children_that_ended_hold_nobody_up };
	return run("ctl_fd", tests, sizeof(tests) / sizeof(tests[0]));
}
