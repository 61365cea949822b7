/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of a channel, with the messages of every worker and one of a topic: numbers that take memory. */
#include "common/channel_msg.h"

#include "common/buf.h"
#include "common/proto.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

enum type { HELLO, NUMBER, LOG, PING, READY, BACK };
#define COUNT (BACK + 1)

union body {
	struct lb_msg_hello hello;
	int *number; /* owned where it was read */
	enum lb_log_level log;
	uint32_t ping;
	struct lb_msg_ready ready;
};

static void number_write(const void *u, struct lb_members *o)
{
	lb_put_int(o, "number", **(int *const *)u);
}

/* 13 is as if memory were out. */
static int number_read(struct lb_fields *f, void *u)
{
	int *n = *(int **)u = malloc(sizeof(*n));
	ck_assert_ptr_nonnull(n);
	*n = (int)lb_field_int(f, "number", -100, 100);
	return *n == 13 ? -ENOMEM : 0;
}

static void back_write(const void *u, struct lb_members *o)
{
	(void)u;
	lb_put(o, "nothing", NULL);
}

static int back_read(struct lb_fields *f, void *u)
{
	(void)f, (void)u;
	return 0;
}

/* The same name once in each direction are two messages. */
static const struct lb_msg_row rows[] = {
	[HELLO] = { "hello", true, lb_msg_hello_write, lb_msg_hello_read },
	[NUMBER] = { "toy.number", true, number_write, number_read },
	[LOG] = { "log", true, lb_msg_log_write, lb_msg_log_read },
	[PING] = { "ping", true, lb_msg_ping_write, lb_msg_ping_read },
	[READY] = { "ready", false, lb_msg_ready_write, lb_msg_ready_read },
	[BACK] = { "toy.number", false, back_write, back_read },
};
_Static_assert(LEN(rows) == COUNT, "one row per message");

static json_t *parse(const char *text, const char *what)
{
	json_t *o = lb_proto_parse(text, strlen(text), NULL);
	ck_assert_msg(o != NULL, "%s: no JSON: %s", what, text);
	return o;
}

static void done(int type, union body *u)
{
	if (type == NUMBER)
		free(u->number);
}

static int read_line(const json_t *line, bool to_worker, union body *u)
{
	int type = lb_msg_find(rows, COUNT, to_worker, line);
	*u = (union body){ 0 };
	return type < 0 ? type : lb_msg_read(&rows[type], line, u);
}

/* A message is one line, "msg" first, then its members in their order; and that line is read. */
START_TEST(on_the_wire)
{
	int n = -7;
	const struct {
		enum type type;
		union body u;
		const char *line;
	} all[] = {
		{ HELLO, { .hello = { 1, LB_LOG_INFO } }, "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}\n" },
		{ NUMBER, { .number = &n }, "{\"msg\":\"toy.number\",\"number\":-7}\n" },
		{ LOG, { .log = LB_LOG_DEBUG }, "{\"msg\":\"log\",\"level\":\"debug\"}\n" },
		{ PING, { .ping = UINT32_MAX }, "{\"msg\":\"ping\",\"n\":4294967295}\n" },
		{ READY, { .ready = { 1, INT32_MAX } }, "{\"msg\":\"ready\",\"version\":1,\"pid\":2147483647}\n" },
	};
	for (size_t i = 0; i < LEN(all); i++) {
		struct lb_text line = LB_TEXT_INIT;
		union body got = { 0 };
		lb_msg_write(&rows[all[i].type], &all[i].u, &line);
		ck_assert(!line.bad);
		ck_assert_str_eq(line.s, all[i].line);
		json_t *o = parse(all[i].line, rows[all[i].type].name);
		ck_assert_int_eq(lb_msg_find(rows, COUNT, rows[all[i].type].to_worker, o), all[i].type);
		ck_assert_int_eq(lb_msg_read(&rows[all[i].type], o, &got), 0);
		switch (all[i].type) {
		case HELLO: ck_assert(got.hello.version == 1 && got.hello.level == LB_LOG_INFO); break;
		case NUMBER: ck_assert_int_eq(*got.number, n); break;
		case LOG: ck_assert_int_eq(got.log, LB_LOG_DEBUG); break;
		case PING: ck_assert_uint_eq(got.ping, UINT32_MAX); break;
		case READY: ck_assert(got.ready.version == 1 && got.ready.pid == INT32_MAX); break;
		case BACK: break;
		}
		done(all[i].type, &got);
		json_decref(o);
		lb_text_done(&line);
	}
}
END_TEST

static const struct {
	const char *what, *line;
	bool to_worker;
	int rc;
} lines[] = {
	{ "a message", "{\"msg\":\"toy.number\",\"number\":5}", true, 0 },
	{ "an unknown member is left alone", "{\"msg\":\"toy.number\",\"number\":5,\"later\":{}}", true, 0 },
	{ "its member is missing", "{\"msg\":\"toy.number\"}", true, -EBADMSG },
	{ "its member is out of range", "{\"msg\":\"toy.number\",\"number\":101}", true, -EBADMSG },
	{ "its member is of another type", "{\"msg\":\"toy.number\",\"number\":\"5\"}", true, -EBADMSG },
	{ "memory is out", "{\"msg\":\"toy.number\",\"number\":13}", true, -ENOMEM },
	{ "its namesake of the other direction", "{\"msg\":\"toy.number\"}", false, 0 },
	{ "no such message", "{\"msg\":\"toy.other\"}", true, -EBADMSG },
	{ "a part of a name", "{\"msg\":\"toy.numbe\"}", true, -EBADMSG },
	{ "more than a name", "{\"msg\":\"toy.number \",\"number\":5}", true, -EBADMSG },
	{ "a very long name", "{\"msg\":\"toy.number.toy.number.toy.number.toy.number\"}", true, -EBADMSG },
	{ "no name", "{}", true, -EBADMSG },
	{ "an empty name", "{\"msg\":\"\"}", true, -EBADMSG },
	{ "a name that is a number", "{\"msg\":5}", true, -EBADMSG },
	{ "a worker does not say hello", "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}", false, -EBADMSG },
	{ "the core is not ready", "{\"msg\":\"ready\",\"version\":1,\"pid\":1}", true, -EBADMSG },
	{ "hello of version 0", "{\"msg\":\"hello\",\"version\":0,\"level\":\"info\"}", true, -EBADMSG },
	{ "hello without a version", "{\"msg\":\"hello\",\"level\":\"info\"}", true, -EBADMSG },
	{ "hello without a level", "{\"msg\":\"hello\",\"version\":1}", true, -EBADMSG },
	{ "hello with more", "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\",\"seed\":1}", true, 0 },
	{ "no such level", "{\"msg\":\"log\",\"level\":\"loud\"}", true, -EBADMSG },
	{ "ping below zero", "{\"msg\":\"ping\",\"n\":-1}", true, -EBADMSG },
	{ "ping 0", "{\"msg\":\"ping\",\"n\":0}", true, 0 },
	{ "ping beyond its type", "{\"msg\":\"ping\",\"n\":4294967296}", true, -EBADMSG },
	{ "a real ping", "{\"msg\":\"ping\",\"n\":1.0}", true, -EBADMSG },
	{ "ready without a process", "{\"msg\":\"ready\",\"version\":1,\"pid\":0}", false, -EBADMSG },
	{ "ready of version 0", "{\"msg\":\"ready\",\"version\":0,\"pid\":1}", false, -EBADMSG },
	{ "a process beyond its type", "{\"msg\":\"ready\",\"version\":1,\"pid\":2147483648}", false, -EBADMSG },
};

START_TEST(what_is_a_message)
{
	union body u;
	json_t *o = parse(lines[_i].line, lines[_i].what);
	int rc = read_line(o, lines[_i].to_worker, &u);
	ck_assert_msg(rc == lines[_i].rc, "%s: %d", lines[_i].what, rc);
	done(lb_msg_find(rows, COUNT, lines[_i].to_worker, o), &u);
	json_decref(o);
}
END_TEST

START_TEST(anything_but_an_object)
{
	json_t *const values[] = { NULL, json_null(), json_array(), json_string("hello"), json_integer(1) };
	for (size_t i = 0; i < LEN(values); i++) {
		ck_assert_int_eq(lb_msg_find(rows, COUNT, true, values[i]), -EBADMSG);
		ck_assert_int_eq(lb_msg_find(rows, COUNT, false, values[i]), -EBADMSG);
		json_decref(values[i]);
	}
}
END_TEST

/* Half a message is none: the text is bad, and nothing of it is there. */
START_TEST(what_cannot_be_written)
{
	struct lb_text line = LB_TEXT_INIT;
	lb_msg_write(&rows[BACK], NULL, &line);
	ck_assert(line.bad && line.n == 0);
	lb_text_done(&line);
	line = LB_TEXT_INIT;
	struct lb_members o = { json_object(), false };
	lb_put_str(&o, "text", "\xc3");
	lb_msg_line(&o, &line);
	ck_assert(line.bad && line.n == 0 && !o.to);
	lb_text_done(&line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("channel_msg");
	TCase *tc = tcase_create("channel_msg");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, on_the_wire);
	tcase_add_loop_test(tc, what_is_a_message, 0, LEN(lines));
	tcase_add_test(tc, anything_but_an_object);
	tcase_add_test(tc, what_cannot_be_written);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
