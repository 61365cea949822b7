/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands about single connections ask, and what they answer. */
#include "common/commands.h"
#include "lbd/ctl/ctl_conn.h"
#include "lbd/ctl/ctl_reply.h"
#include "tests/unit/lbd_model/fixture.h"

#include <errno.h>

#define SERVICES                                                                                                       \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.10:80, 203.0.113.10:443], backends: { a: 10.1.0.1:8080, b: 10.1.0.2 } }\n"        \
	"  dns: { listen: 203.0.113.10:53, protocol: [udp, tcp], backends: { n: 10.1.0.3 } }\n"                        \
	"  marked: { fwmark: 10, family: ipv4, mode: dr, check: none, sorry: 10.1.0.9, backends: { a: 10.1.0.1, c: "   \
	"10.1.0.4 } }\n"

static struct {
	struct world w;
	struct ctl_env env;
	struct lb_text asked; /* a line per message */
	int rc;               /* of conn_ask */
	bool full;            /* the client does not read */
	uint64_t turn;
} k;

static int op_conn_ask(void *arg, const struct sync_room_msg *m)
{
	char text[CONN_MATCH_STRLEN], ip[LB_IP_STRLEN];
	(void)arg;
	if (k.rc)
		return k.rc;
	lb_text_puts(&k.asked, sync_room_msg_name(m->type));
	if (m->type == SYNC_MSG_CONN_MORE || m->type == SYNC_MSG_CONN_STOP) {
		lb_text_printf(&k.asked, " %u\n", m->u.conn_id);
		return 0;
	}
	const struct conn_filter *f = &m->u.conn_ask.filter;
	lb_text_printf(&k.asked, " %u", m->u.conn_ask.id);
	if (f->client.family)
		lb_text_printf(&k.asked, " client=%s/%u:%u", lb_ip_str(&f->client, ip), f->prefix, f->client_port);
	for (uint32_t i = 0; i < f->n; i++)
		lb_text_printf(&k.asked, "\n  %s", conn_match_str(&f->v[i], text));
	lb_text_puts(&k.asked, f->some ? "\n" : " all\n");
	return 0;
}

static void op_asked_for(void *arg, const char *what, const struct ctl_peer *who)
{
	(void)arg, (void)what, (void)who;
}

static const struct ctl_ops ops = { .asked = op_asked_for, .conn_ask = op_conn_ask };

static void setup(void)
{
	memset(&k, 0, sizeof(k));
	world_start(&k.w, SERVICES);
	k.env = (struct ctl_env){ .model = k.w.m, .conns = ctl_conns_new(), .ops = &ops, .turn = 1 };
	ck_assert_ptr_nonnull(k.env.conns);
}

static void teardown(void)
{
	ck_assert(!ctl_conns_busy(k.env.conns));
	ctl_conns_free(k.env.conns);
	lb_text_done(&k.asked);
	world_end(&k.w);
}

static void expect_asked(const char *text)
{
	ck_assert_str_eq(k.asked.n ? k.asked.s : "", text);
	lb_text_clear(&k.asked);
}

/* ---- a client that may not read ---- */

struct client {
	struct ctl_reply reply;
	struct lb_text text;
};

static void client_line(void *arg, const char *s, size_t n)
{
	struct client *c = arg;
	lb_text_put(&c->text, s, n);
}

static bool client_full(void *arg)
{
	(void)arg;
	return k.full;
}

static void client_ended(void *arg)
{
	(void)arg;
}

static const struct ctl_sink sink = { .line = client_line, .full = client_full, .ended = client_ended };

static void ask(struct client *c, const char *wire, const char *args)
{
	struct lb_err e;
	json_t *a = lb_proto_parse(args, strlen(args), NULL);
	struct ctl_request rq = { .cmd = lb_command_wire(wire), .args = a, .fd = -1 };
	ck_assert_ptr_nonnull(rq.cmd);
	ck_assert_msg(lb_command_check_args(rq.cmd, a, &e) == 0, "%s", e.text);
	memset(c, 0, sizeof(*c));
	ctl_reply_init(&c->reply, &sink, c);
	ctl_reply_begin(&c->reply, 1, 0);
	if (strcmp(wire, "conn.list") == 0)
		ctl_conn_list(&k.env, &rq, &c->reply);
	else if (strcmp(wire, "conn.count") == 0)
		ctl_conn_count(&k.env, &rq, &c->reply);
	else
		ctl_conn_kill(&k.env, &rq, &c->reply);
	json_decref(a);
}

static void expect(struct client *c, const char *text)
{
	ck_assert_str_eq(c->text.n ? c->text.s : "", text);
	lb_text_clear(&c->text);
}

static void leave(struct client *c)
{
	ctl_reply_done(&c->reply);
	lb_text_done(&c->text);
}

static void say_rows(uint32_t id, const char *const *texts)
{
	struct conn_row rows[8];
	struct conn_rows m = { .id = id, .v = rows };
	for (; texts[m.n]; m.n++)
		ck_assert_msg(conn_row_parse(texts[m.n], strlen(texts[m.n]), &rows[m.n]), "%s", texts[m.n]);
	ctl_conns_rows(&k.env, &m);
}

static void say_end(const struct conn_end e)
{
	ctl_conns_end(&k.env, &e);
}

/* ---- what is asked ---- */

/* What goes to the same backends may be of these. */
#define UNMARKED                                                                                                       \
	"  tcp 203.0.113.10:53 unmarked\n  udp 203.0.113.10:53 unmarked\n"                                             \
	"  tcp 203.0.113.10:80 unmarked\n  tcp 203.0.113.10:443 unmarked\n"

static const struct {
	const char *what, *args, *asked;
} questions[] = {
	{ "all", "{}", "conn.list 1 all\n" },
	{ "a client", "{\"client\":\"10.0.0.0/8\"}", "conn.list 1 client=10.0.0.0/8:0 all\n" },
	{ "a client's port", "{\"client\":\"10.0.0.7:40000\"}", "conn.list 1 client=10.0.0.7/32:40000 all\n" },
	{ "a service: its listeners", "{\"service\":\"web\"}",
		"conn.list 1\n  tcp 203.0.113.10:80 -\n  tcp 203.0.113.10:443 -\n" },
	{ "both protocols", "{\"service\":\"dns\"}",
		"conn.list 1\n  tcp 203.0.113.10:53 -\n  udp 203.0.113.10:53 -\n" },
	{ "a backend, with its port or the listener's", "{\"backend\":\"web/b\"}",
		"conn.list 1\n  tcp 203.0.113.10:80 10.1.0.2:80\n  tcp 203.0.113.10:443 10.1.0.2:443\n" },
	{ "a backend and its service", "{\"backend\":\"web/a\",\"service\":\"web\",\"client\":\"10.0.0.7\"}",
		"conn.list 1 client=10.0.0.7/32:0\n  tcp 203.0.113.10:80 10.1.0.1:8080\n"
		"  tcp 203.0.113.10:443 10.1.0.1:8080\n" },
	{ "a mark: where it goes", "{\"service\":\"marked\"}",
		"conn.list 1\n  any fwmark:10/ipv4 10.1.0.1\n  any fwmark:10/ipv4 10.1.0.4\n"
		"  any fwmark:10/ipv4 10.1.0.9\n" UNMARKED },
	{ "a backend of a mark", "{\"backend\":\"marked/c\"}",
		"conn.list 1\n  any fwmark:10/ipv4 10.1.0.4\n" UNMARKED },
};

START_TEST(what_is_asked)
{
	struct client c;
	for (size_t i = 0; i < COUNT(questions); i++) {
		k.env.conns ? ctl_conns_free(k.env.conns) : (void)0;
		k.env.conns = ctl_conns_new();
		ask(&c, "conn.list", questions[i].args);
		ck_assert_msg(strcmp(k.asked.s, questions[i].asked) == 0, "%s:\n%s", questions[i].what, k.asked.s);
		lb_text_clear(&k.asked);
		leave(&c);
		expect_asked("conn.stop 1\n");
	}
}
END_TEST

static const struct {
	const char *what, *args, *text;
} refusals[] = {
	{ "no such service", "{\"service\":\"wev\"}", "web" },
	{ "no such backend", "{\"backend\":\"web/x\"}", "no backend 'x'" },
	{ "a backend of another service", "{\"backend\":\"web/a\",\"service\":\"dns\"}", "none of service dns" },
};

START_TEST(what_is_refused)
{
	struct client c;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		ask(&c, "conn.kill", refusals[i].args);
		ck_assert_msg(strstr(c.text.s, refusals[i].text), "%s: %s", refusals[i].what, c.text.s);
		expect_asked("");
		leave(&c);
	}
	k.env.kernel_missing = true;
	ask(&c, "conn.list", "{}");
	expect(&c, "{\"id\":1,\"end\":{\"code\":8,\"message\":\"this kernel has no IPVS (modprobe ip_vs)\"}}\n");
	leave(&c);
}
END_TEST

/* ---- answers ---- */

START_TEST(rows_with_their_owners)
{
	static const struct {
		const char *row, *owner;
	} rows[] = {
		{ "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.1:8080 1 899 0 local",
			"\"service\":\"web\",\"backend\":\"a\"" },
		{ "6 10.0.0.2:40000 203.0.113.10:443 10.1.0.2:443 1 899 0 local",
			"\"service\":\"web\",\"backend\":\"b\"" },
		{ "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.7:8080 1 899 0 peer", "\"service\":\"web\",\"origin\"" },
		{ "17 10.0.0.2:40000 203.0.113.10:53 10.1.0.3:53 0 299 0 local",
			"\"service\":\"dns\",\"backend\":\"n\"" },
		{ "6 10.0.0.2:40000 203.0.113.10:99 10.1.0.4:99 1 899 0 local",
			"\"service\":\"marked\",\"backend\":\"c\"" },
		{ "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.1:80 1 899 10 local",
			"\"service\":\"marked\",\"backend\":\"a\"" },
		{ "0 10.0.0.0 0.0.0.10 10.1.0.4 1 299 0 template", "\"service\":\"marked\",\"backend\":\"c\"" },
		{ "6 10.0.0.2:40000 203.0.113.99:80 10.1.0.8:80 1 899 0 local", "10.1.0.8:80\",\"origin\"" },
	};
	struct client c;
	struct lb_err e;
	ask(&c, "conn.list", "{}");
	expect_asked("conn.list 1 all\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const one[] = { rows[i].row, NULL };
		say_rows(1, one);
		ck_assert_msg(strstr(c.text.s, rows[i].owner), "%s: %s", rows[i].row, c.text.s);
		json_t *line = lb_proto_parse(c.text.s, c.text.n - 1, NULL);
		ck_assert_msg(lb_row_check(LB_ROW_CONN, json_object_get(line, "row"), &e) == 0, "%s", e.text);
		json_decref(line);
		lb_text_clear(&c.text);
		expect_asked("conn.more 1\n");
	}
	say_rows(7, (const char *const[]){ rows[0].row, NULL }); /* of nobody */
	expect(&c, "");
	say_end((struct conn_end){ .id = 7 });
	expect(&c, "");
	say_end((struct conn_end){ .id = 1, .seen = 8 });
	expect(&c, "{\"id\":1,\"end\":{\"code\":0}}\n");
	leave(&c);
	expect_asked("");
}
END_TEST

START_TEST(one_row_whole)
{
	struct client c;
	ask(&c, "conn.list", "{}");
	say_rows(1, (const char *const[]){ "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.1:8080 1 899 0 local", NULL });
	expect(&c, "{\"id\":1,\"row\":{\"protocol\":\"tcp\",\"state\":\"established\",\"expires\":899,"
		   "\"client\":\"10.0.0.2:40000\",\"virtual\":\"203.0.113.10:80\",\"address\":\"10.1.0.1:8080\","
		   "\"service\":\"web\",\"backend\":\"a\",\"origin\":\"local\"}}\n");
	leave(&c);
}
END_TEST

/* Nothing more is asked for while the client does not read, and all of it when it does. */
START_TEST(a_client_that_reads_slowly)
{
	static const char *const rows[] = { "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.1:8080 1 899 0 local", NULL };
	struct client c;
	ask(&c, "conn.list", "{}");
	expect_asked("conn.list 1 all\n");
	k.full = true;
	say_rows(1, rows);
	ctl_conns_turn(&k.env);
	ctl_conns_turn(&k.env);
	expect_asked("");
	k.full = false;
	ctl_conns_turn(&k.env);
	expect_asked("conn.more 1\n");
	ctl_conns_turn(&k.env); /* once */
	expect_asked("");
	k.full = true;
	say_rows(1, rows);
	leave(&c); /* and one that goes */
	expect_asked("conn.stop 1\n");
	say_rows(1, rows);
	say_end((struct conn_end){ .id = 1 });
	ctl_conns_turn(&k.env);
	expect_asked("");
}
END_TEST

START_TEST(too_many_lists)
{
	struct client c[4], kill;
	for (unsigned i = 0; i < 3; i++)
		ask(&c[i], "conn.list", "{}");
	ask(&c[3], "conn.count", "{}");
	expect(&c[3],
		"{\"id\":1,\"end\":{\"code\":7,\"message\":\"too many look at connections at once, try again\"}}\n");
	ask(&kill, "conn.kill", "{\"service\":\"dns\"}"); /* is no list */
	expect(&kill, "");
	for (unsigned i = 0; i < 4; i++)
		leave(&c[i]);
	lb_text_clear(&k.asked);
	leave(&kill);
	expect_asked(""); /* what is being ended is ended */
}
END_TEST

/* Who does not read is in nobody's way for long. */
START_TEST(who_does_not_read_gives_way)
{
	static const char *const rows[] = { "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.1:8080 1 899 0 local", NULL };
	struct client c[4];
	for (unsigned i = 0; i < 3; i++)
		ask(&c[i], "conn.list", "{}");
	k.full = true;
	say_rows(2, rows);
	say_rows(1, rows);
	lb_text_clear(&k.asked);
	ask(&c[3], "conn.list", "{}");
	expect_asked("conn.stop 1\nconn.list 4 all\n");
	ck_assert_ptr_nonnull(strstr(c[0].text.s, "\"code\":7"));
	for (unsigned i = 0; i < 4; i++)
		leave(&c[i]);
}
END_TEST

START_TEST(counts)
{
	struct client c;
	ask(&c, "conn.count", "{}");
	say_rows(1, (const char *const[]){ "17 10.0.0.2:1 203.0.113.10:53 10.1.0.3:53 0 299 0 local",
			    "6 10.0.0.2:1 203.0.113.10:80 10.1.0.2:80 4 119 0 local",
			    "6 10.0.0.2:2 203.0.113.10:80 10.1.0.1:8080 1 899 0 local",
			    "6 10.0.0.2:3 203.0.113.10:443 10.1.0.1:8080 1 899 0 peer", NULL });
	expect(&c, "");
	say_rows(1, (const char *const[]){ "6 10.0.0.3:3 203.0.113.10:80 10.1.0.1:8080 1 12 0 local",
			    "6 10.0.0.0 203.0.113.10:80 10.1.0.1:8080 0 12 0 template",
			    "6 10.0.1.0 203.0.113.10:80 10.1.0.1:8080 1 12 0 template",
			    "6 10.0.0.3:3 203.0.113.99:80 10.1.0.8:8080 1 12 0 local", NULL });
	say_end((struct conn_end){ .id = 1, .seen = 8 });
	expect(&c, "{\"id\":1,\"row\":{\"service\":\"dns\",\"backend\":\"n\",\"state\":\"udp\",\"flows\":1}}\n"
		   "{\"id\":1,\"row\":{\"service\":\"web\",\"backend\":\"a\",\"state\":\"template\",\"flows\":2}}\n"
		   "{\"id\":1,\"row\":{\"service\":\"web\",\"backend\":\"a\",\"state\":\"established\",\"flows\":3}}\n"
		   "{\"id\":1,\"row\":{\"service\":\"web\",\"backend\":\"b\",\"state\":\"fin_wait\",\"flows\":1}}\n"
		   "{\"id\":1,\"row\":{\"state\":\"established\",\"flows\":1}}\n"
		   "{\"id\":1,\"end\":{\"code\":0,\"message\":\"8 flows\"}}\n");
	leave(&c);
	/* its places mean something else in another configuration */
	ask(&c, "conn.count", "{}");
	k.env.turn++;
	say_rows(2, (const char *const[]){ "6 10.0.0.2:1 203.0.113.10:80 10.1.0.2:80 4 119 0 local", NULL });
	ck_assert_ptr_nonnull(strstr(c.text.s, "\"code\":7"));
	leave(&c);
}
END_TEST

static const struct {
	struct conn_end end;
	const char *answer;
} ends[] = {
	{ { .id = 1, .seen = 3, .ended = 3 }, "\"code\":0,\"message\":\"3 flows ended\"" },
	{ { .id = 1, .seen = 1, .ended = 1 }, "\"code\":0,\"message\":\"1 flow ended\"" },
	{ { .id = 1 }, "\"code\":0,\"message\":\"no flow matches; nothing was ended\"" },
	{ { .id = 1, .seen = 3, .ended = 2, .left = 1 },
		"\"code\":8,\"message\":\"2 of 3 flows ended; the others go on" },
	{ { .id = 1, .seen = 3, .ended = 3, .unsure = true },
		"\"code\":8,\"message\":\"3 flows ended, but not surely all: connections come and go faster" },
	{ { .id = 1, .unsure = true }, "\"code\":8,\"message\":\"0 flows ended, but not surely all" },
	{ { .id = 1, .seen = 3, .left = 3, .err = ENOTCONN, .text = "no module" },
		"\"code\":8,\"message\":\"nothing was ended: no module\"" },
	{ { .id = 1, .err = ENOENT },
		"\"code\":8,\"message\":\"the kernel's connections cannot be read: No such file" },
	{ { .id = 1, .err = EBUSY }, "\"code\":7" },
};

START_TEST(how_it_ended)
{
	struct client c;
	for (size_t i = 0; i < COUNT(ends); i++) {
		ctl_conns_free(k.env.conns);
		k.env.conns = ctl_conns_new();
		ask(&c, "conn.kill", "{\"client\":\"10.0.0.7\"}");
		expect_asked("conn.kill 1 client=10.0.0.7/32:0 all\n");
		say_end(ends[i].end);
		ck_assert_msg(strstr(c.text.s, ends[i].answer), "%s", c.text.s);
		leave(&c);
	}
}
END_TEST

/* The process is started, it begins, it dies. */
START_TEST(a_process_that_comes_and_goes)
{
	struct client first, second;
	k.rc = -EAGAIN;
	ask(&first, "conn.list", "{}");
	ask(&second, "conn.list", "{}");
	ctl_conns_lost(k.env.conns, "gone"); /* who has not asked yet goes on waiting */
	expect(&first, "");
	k.rc = 0;
	ctl_conns_ready(&k.env);
	expect_asked("conn.list 2 all\nconn.list 1 all\n");
	ctl_conns_ready(&k.env); /* not twice */
	expect_asked("");
	ctl_conns_lost(k.env.conns, "it has gone");
	expect(&first, "{\"id\":1,\"end\":{\"code\":8,\"message\":\"it has gone\"}}\n");
	expect(&second, "{\"id\":1,\"end\":{\"code\":8,\"message\":\"it has gone\"}}\n");
	leave(&first);
	leave(&second);
	k.rc = -ECHILD;
	ask(&first, "conn.list", "{}");
	ck_assert_ptr_nonnull(strstr(first.text.s, "cannot be started"));
	leave(&first);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { what_is_asked, what_is_refused, rows_with_their_owners, one_row_whole,
		a_client_that_reads_slowly, too_many_lists, who_does_not_read_gives_way, counts, how_it_ended,
		a_process_that_comes_and_goes };
	Suite *s = suite_create("ctl_conn");
	TCase *tc = tcase_create("ctl_conn");
	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(s, tc);
	for (size_t i = 0; i < COUNT(tests); i++)
		tcase_add_test(tc, tests[i]);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
