/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control sockets as a client sees them. */
#include "tests/edge/ctl/clients.h"

#include <sys/mman.h>

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

/* What came at once is stored at once, and none is said to be done before. */
START_TEST(changes_that_come_at_once_are_stored_at_once)
{
	enum { MANY = 60 };
	start();
	struct peer *p = greeted("control.sock");
	struct lb_text all = LB_TEXT_INIT;
	for (int i = 1; i <= MANY; i++)
		lb_text_printf(
			&all, "{\"id\":%d,\"cmd\":\"backend.drain\",\"args\":{\"backend\":\"web/app%d\"}}\n", i, i);
	lb_text_printf(&all, "{\"id\":%d,\"cmd\":\"status\"}\n", MANY + 1);
	say(p, all.s);
	lb_text_done(&all);
	for (int i = 1; i <= MANY; i++) {
		ck_assert_int_eq(end_code(p, i, NULL), 0);
		ck_assert_uint_ge(stores, 1);
	}
	ck_assert_int_eq(end_code(p, MANY + 1, NULL), 0);
	ck_assert_uint_lt(stores, MANY / 2); /* a turn is cut short on a machine that is busy */
	say(p, "{\"id\":99,\"cmd\":\"backend.drain\",\"args\":{\"backend\":\"web/app1\"}}\n");
	ck_assert_int_eq(end_code(p, 99, NULL), 0);
	peer_free(p);
}
END_TEST

/* The loop turns between two steps, for all others. */
START_TEST(an_answer_that_takes_long_holds_nobody_up)
{
	start();
	struct peer *p = greeted("observe.sock");
	say(p, "{\"id\":1,\"cmd\":\"kernel.diff\"}\n{\"id\":2,\"cmd\":\"kernel.diff\"}\n{\"id\":3,\"cmd\":\"status\"}"
	       "\n");
	size_t before = 0;
	while (produced < 20) {
		ev_run(loop, EVRUN_NOWAIT);
		ck_assert_uint_le(produced, before + 2); /* one of an answer that goes on, the first of the next */
		before = produced;
	}
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	ck_assert_int_eq(end_code(p, 3, NULL), 0);
	ck_assert_uint_eq(free_calls, 2);
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
	struct peer *c = peer_new("observe.sock");
	ck_assert_int_eq(end_code(c, 0, NULL), LB_CODE_REFUSED);
	ck_assert_ptr_null(next_line(c));
	peer_free(a);
	peer_free(b);
	peer_free(c);
	UNTIL(-1, gone_calls == 2);
}
END_TEST

START_TEST(busy_clients_do_not_lock_out_who_may_change)
{
	config.max_clients = 2;
	config.more_admins = 1;
	start();
	const char *line = "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n";
	struct peer *busy[3];
	for (unsigned i = 0; i < 3; i++) {
		busy[i] = greeted(i < 2 ? "observe.sock" : "control.sock");
		if (i == 2) {
			say(busy[i], "{\"id\":1,\"cmd\":\"status\"}\n");
			ck_assert_int_eq(end_code(busy[i], 1, NULL), 0);
		}
		say(busy[i], line);
		UNTIL(busy[i]->fd, dispatched == i + 1 + (i == 2));
	}
	struct peer *late = peer_new("control.sock"); /* there is an end of it */
	ck_assert_int_eq(end_code(late, 0, NULL), LB_CODE_REFUSED);
	for (unsigned i = 0; i < 3; i++)
		peer_free(busy[i]);
	peer_free(late);
	UNTIL(-1, gone_calls == 3);
}
END_TEST

static int memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_eq((int)write(fd, text, strlen(text)), (int)strlen(text));
	return fd;
}

START_TEST(files_travel_with_their_request)
{
	start();
	struct peer *p = greeted("control.sock");
	int first = memory_file("one"), second = memory_file("two"), pipes[2];
	const char *apply = "{\"id\":1,\"cmd\":\"config.apply\",\"args\":{\"file\":\"a.yaml\"}}\n";
	say(p, apply);
	ck_assert_int_eq(end_code(p, 1, NULL), LB_CODE_USAGE); /* no file came */
	say_with_fd(p, apply, first, 0);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_str_eq(got_file, "one");
	/* one that belongs to no file argument is not kept for the next request */
	say_with_fd(p, "{\"id\":2,\"cmd\":\"status\"}\n", first, 0);
	ck_assert_int_eq(end_code(p, 2, NULL), 0);
	say_with_fd(p, apply, second, 0);
	ck_assert_int_eq(end_code(p, 1, NULL), 0);
	ck_assert_str_eq(got_file, "two");
	/* something that could block the reader is refused */
	ck_assert_int_eq(pipe(pipes), 0);
	say_with_fd(p, apply, pipes[0], 0);
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

int main(void)
{
	const TTest *const tests[] = { greets_and_answers, files_have_mode_and_go_away, observe_may_only_look,
		pipelined_requests_are_answered_in_order, changes_that_come_at_once_are_stored_at_once,
		an_answer_that_takes_long_holds_nobody_up, garbage_is_answered_and_survived, half_a_line_is_no_request,
		a_line_too_long_ends_the_client, half_closed_client_gets_its_answers,
		half_closed_client_that_leaves_is_noticed, oldest_idle_client_makes_room,
		busy_clients_keep_their_places, busy_clients_do_not_lock_out_who_may_change,
		files_travel_with_their_request, stream_reaches_a_reader,
		stream_waits_for_a_slow_reader_and_drops_a_dead_one, client_leaving_during_a_stream_frees_it_once,
		client_leaving_while_held_is_told_once, server_that_ends_tells_who_waits,
		forgotten_answer_ends_with_failed, another_generation_is_refused };
	return run("ctl", tests, sizeof(tests) / sizeof(tests[0]));
}
