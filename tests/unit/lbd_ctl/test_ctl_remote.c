/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lbctl --peer`: a client of one node is served by the other, through a link of pieces that a test carries over. */
#include "common/commands.h"
#include "lbd/ctl/ctl_fit.h"
#include "lbd/ctl/ctl_remote.h"
#include "lbd/ctl/ctl_reply.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PIECES   4096

struct piece {
	uint32_t id;
	unsigned flags;
	size_t n;
	char *text;
};

struct node {
	struct ctl_talk *talk;
	struct ctl_remote *remote;
	struct node *other;
	struct piece way[PIECES]; /* what the other one has not got yet */
	size_t from, to;
	/* what a client of the other node asks for here */
	char asked[200], file[64];
	size_t file_n;
	unsigned rows, row_size, files_open;
	enum lb_code code;
	bool hold; /* the answer waits */
	bool slow; /* one step takes all the time that there is */
	struct ctl_reply *held;
	unsigned gone;
	int file_err;
};

static struct node a, b;
static struct ctl_env env; /* of a */
static struct model_sync sync_of_a;

/* A client of a, that may stop reading. */
static struct {
	struct ctl_reply reply;
	char last[300];
	size_t lines, bytes;
	json_t *end;
	bool full;
} client;

static int on_send(void *arg, uint32_t id, unsigned flags, const char *text, size_t n)
{
	struct node *x = arg;
	ck_assert_uint_lt(x->to, PIECES);
	x->way[x->to] = (struct piece){ id, flags, n, malloc(n + 1) };
	memcpy(x->way[x->to++].text, text, n);
	return 0;
}

static int on_asked(void *arg, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	struct node *x = arg;
	return ctl_remote_asked(x->remote, c, header, "lb-a", 7, e);
}

/* ---- what is done there ---- */

static int more_rows(struct ctl_reply *r, void *state)
{
	struct node *x = state;
	char filler[4096];
	if (x->rows == 0) {
		ctl_reply_end(r, x->code, x->code ? "it did not work" : NULL, json_pack("{s:i}", "left", 3));
		return 0;
	}
	memset(filler, 'x', sizeof(filler));
	ctl_reply_row(r, json_pack("{s:i, s:s#}", "n", (int)x->rows--, "fill", filler, (int)x->row_size));
	return 1;
}

static void on_gone(void *state)
{
	struct node *x = state;
	x->gone++;
	x->held = NULL;
}

static void dispatch(struct ctl_request *rq, struct ctl_reply *r, void *arg)
{
	struct node *x = arg;
	char name[LB_COMMAND_NAMELEN];
	snprintf(x->asked, sizeof(x->asked), "%s by %s, level %d, fd %s", lb_command_name(rq->cmd, ' ', name),
		rq->peer->user, rq->peer->level, rq->fd >= 0 ? "yes" : "no");
	if (x->hold) {
		x->held = r;
		ctl_reply_hold(r, on_gone, x);
		return;
	}
	ctl_reply_stream(r, more_rows, NULL, x);
}

static int file_read(void *arg, int fd, size_t max, struct lb_text *out)
{
	struct node *x = arg;
	(void)max;
	if (x->file_err)
		return x->file_err;
	for (int i = 0; i < fd; i++) /* the number of the descriptor is how long the file is */
		lb_text_put(out, i % 3 == 2 ? "\xc3\xa4" : "ab", 2);
	return 0;
}

static int file_make(void *arg, const char *s, size_t n)
{
	struct node *x = arg;
	if (x->file_err)
		return x->file_err;
	snprintf(x->file, sizeof(x->file), "%.*s", n < 6 ? (int)n : 6, s);
	x->file_n = n;
	x->files_open++;
	return 9;
}

static void file_close(void *arg, int fd)
{
	struct node *x = arg;
	ck_assert_int_eq(fd, 9);
	x->files_open--;
}

static bool later(void *arg)
{
	const struct node *x = arg;
	return x->slow;
}

/* ---- the client ---- */

static void client_line(void *arg, const char *s, size_t n)
{
	(void)arg;
	client.lines++;
	client.bytes += n;
	snprintf(client.last, sizeof(client.last), "%.*s", (int)n, s);
	json_t *line = json_loadb(s, n, 0, NULL);
	ck_assert_ptr_nonnull(line);
	if (json_object_get(line, "end"))
		client.end = json_incref(json_object_get(line, "end"));
	json_decref(line);
}

static bool client_full(void *arg)
{
	(void)arg;
	return client.full;
}

static void client_ended(void *arg)
{
	(void)arg;
}

static const struct ctl_sink client_sink = { .line = client_line, .full = client_full, .ended = client_ended };

/* ---- the two ---- */

static void start(struct node *x, struct node *other)
{
	const struct ctl_talk_ops talk = { .send = on_send, .asked = on_asked, .arg = x };
	const struct ctl_remote_ops ops = { .dispatch = dispatch,
		.file_read = file_read,
		.file_make = file_make,
		.file_close = file_close,
		.later = later,
		.arg = x };
	*x = (struct node){ .other = other, .row_size = 10 };
	x->talk = ctl_talk_new(&talk);
	x->remote = ctl_remote_new(x->talk, &ops);
	ctl_talk_link(x->talk, true, "");
}

static void setup(void)
{
	memset(&client, 0, sizeof(client));
	ctl_reply_init(&client.reply, &client_sink, NULL);
	start(&a, &b);
	start(&b, &a);
	sync_of_a = (struct model_sync){ .conf = { .n_paths = 1 } };
	snprintf(sync_of_a.conf.peer, sizeof(sync_of_a.conf.peer), "lb-b");
	env = (struct ctl_env){ .sync = &sync_of_a, .talk = a.talk, .remote = a.remote };
}

static void teardown(void)
{
	ctl_reply_done(&client.reply);
	json_decref(client.end);
	struct node *both[] = { &a, &b };
	for (int i = 0; i < 2; i++) {
		ctl_talk_free(both[i]->talk);
		ctl_remote_free(both[i]->remote);
		for (; both[i]->from < both[i]->to; both[i]->from++)
			free(both[i]->way[both[i]->from].text);
	}
}

/* Until nothing is on its way. */
static void carry(void)
{
	bool moved = true;
	for (int turn = 0; moved && turn < 10000; turn++) {
		struct node *both[] = { &a, &b };
		moved = false;
		for (int i = 0; i < 2; i++) {
			struct node *x = both[i];
			ctl_talk_flush(x->talk);
			while (x->from < x->to) {
				struct piece p = x->way[x->from++];
				ctl_talk_in(x->other->talk, p.id, p.flags, p.text, p.n);
				free(p.text);
				moved = true;
			}
			x->from = x->to = 0;
		}
	}
	ck_assert_msg(!moved, "it never comes to rest");
}

static void say_for(
	struct ctl_reply *reply, const char *name, json_t *args, enum ctl_level level, int fd, long long if_generation)
{
	struct ctl_peer who = { .level = level, .user = "alice" };
	struct ctl_request rq = { .cmd = lb_command_wire(name),
		.args = args,
		.peer = &who,
		.fd = fd,
		.to_peer = true,
		.if_generation = if_generation };
	ck_assert_ptr_nonnull(rq.cmd);
	ctl_reply_begin(reply, 1, 0);
	ctl_remote_ask(&env, &rq, reply);
	json_decref(args);
}

static void say(const char *name, json_t *args, enum ctl_level level, int fd, long long if_generation)
{
	say_for(&client.reply, name, args, level, fd, if_generation);
}

static void ask(const char *name, json_t *args)
{
	say(name, args, CTL_LEVEL_ADMIN, -1, 0);
	carry();
}

static void ended(int code, const char *message)
{
	ck_assert_msg(client.end != NULL, "the answer has no end");
	const char *got = lb_proto_str(client.end, "message");
	ck_assert_msg(lb_proto_int(client.end, "code", -1) == code && strcmp(got ? got : "", message) == 0, "%lld: %s",
		lb_proto_int(client.end, "code", -1), got ? got : "");
}

static char fit_said[512];

static void fit_over(void *arg, const struct lb_err *why)
{
	(void)arg;
	snprintf(fit_said, sizeof(fit_said), "%s", why ? why->text : "it may");
}

START_TEST(rows_and_the_end_are_those_of_the_other_node)
{
	b.rows = 3;
	ask("service.list", json_object());
	ck_assert_str_eq(b.asked, "service list by alice@lb-a, level 1, fd no");
	ck_assert_uint_eq(client.lines, 4);
	ended(0, "");
	ck_assert_str_eq(lb_proto_str(client.end, "node"), "lb-b");
	ck_assert_int_eq(lb_proto_int(client.end, "left", -1), 3); /* what it said besides */
}
END_TEST

/* However much it may send. */
START_TEST(an_answer_that_takes_time_is_given_a_step_a_turn)
{
	b.slow = true;
	b.rows = 10;
	ask("service.list", json_object());
	ck_assert_uint_eq(b.rows, 9); /* with the request */
	for (unsigned left = 9; left; left--) {
		ck_assert_uint_eq(b.rows, left);
		ctl_remote_turn(b.remote);
		carry();
	}
	ctl_remote_turn(b.remote);
	carry();
	ck_assert_uint_eq(client.lines, 11);
	ended(0, "");
}
END_TEST

/* The rest of what the link takes at once is for what the nodes say to each other. */
START_TEST(who_asks_there_leaves_room)
{
	struct ctl_reply many[CTL_REMOTE_GUESTS];
	b.hold = true;
	for (unsigned i = 0; i < CTL_REMOTE_GUESTS; i++) {
		ctl_reply_init(&many[i], &client_sink, NULL);
		say_for(&many[i], "service.list", json_object(), CTL_LEVEL_OBSERVE, -1, 0);
	}
	carry();
	ck_assert_ptr_null(client.end);
	ask("service.list", json_object());
	ended(LB_CODE_REFUSED, "lb-b: 5 requests of this node are being answered there; try again in a moment");
	for (unsigned i = 0; i < CTL_REMOTE_GUESTS; i++)
		ctl_reply_done(&many[i]);
	carry();
	ck_assert_uint_eq(b.gone, CTL_REMOTE_GUESTS);
}
END_TEST

/* Before a planned hand-over a core asks the other one, whoever is busy there. */
START_TEST(a_core_that_asks_needs_no_room)
{
	struct ctl_reply many[CTL_REMOTE_GUESTS];
	b.hold = true;
	for (unsigned i = 0; i < CTL_REMOTE_GUESTS; i++) {
		ctl_reply_init(&many[i], &client_sink, NULL);
		say_for(&many[i], "service.list", json_object(), CTL_LEVEL_OBSERVE, -1, 0);
	}
	carry();
	const struct model model = { 0 };
	struct ctl_fit x = { .env = &env, .peer = "lb-b", .away = true, .over = fit_over };
	env.model = &model;
	b.hold = false;
	ck_assert(ctl_fit_ask(&x));
	carry();
	ck_assert_str_eq(b.asked, "status by failover@lb-a, level 0, fd no");
	ck_assert_str_eq(fit_said, "lb-b does not say how its services are: it has no answer; --force does not ask");
	for (unsigned i = 0; i < CTL_REMOTE_GUESTS; i++)
		ctl_reply_done(&many[i]);
	carry();
}
END_TEST

START_TEST(who_waits_there_leaves_room_for_who_asks)
{
	struct ctl_reply many[CTL_REMOTE_STAYS];
	b.hold = true;
	for (unsigned i = 0; i < CTL_REMOTE_STAYS; i++) {
		ctl_reply_init(&many[i], &client_sink, NULL);
		say_for(&many[i], i % 2 ? "wait" : "watch",
			i % 2 ? json_pack("{s:s, s:s}", "object", "daemon", "condition", "ready") : json_object(),
			CTL_LEVEL_OBSERVE, -1, 0);
	}
	carry();
	ask("watch", json_object());
	ended(LB_CODE_REFUSED, "3 wait or watch by --peer already: end one of them");
	json_decref(client.end);
	client.end = NULL;
	b.hold = false;
	ask("service.list", json_object());
	ended(0, "");
	json_decref(client.end);
	client.end = NULL;
	ctl_reply_done(&many[1]);
	carry();
	b.hold = true;
	ask("watch", json_object());
	ck_assert_ptr_null(client.end);
	for (unsigned i = 0; i < CTL_REMOTE_STAYS; i++)
		ctl_reply_done(&many[i]);
	carry();
}
END_TEST

START_TEST(its_errors_are_ours)
{
	b.code = LB_CODE_REFUSED;
	ask("config.rollback", json_object());
	ended(LB_CODE_REFUSED, "it did not work");
}
END_TEST

START_TEST(who_may_only_look_may_only_look_there)
{
	say("daemon.reload", json_object(), CTL_LEVEL_OBSERVE, -1, 0);
	carry();
	ended(LB_CODE_DENIED, "this needs the right to change");
	ck_assert_str_eq(b.asked, "");
}
END_TEST

START_TEST(a_generation_is_compared_there)
{
	say("config.confirm", json_object(), CTL_LEVEL_ADMIN, -1, 6);
	carry();
	ended(LB_CODE_REFUSED, "generation 7 runs, not 6");
}
END_TEST

START_TEST(also_when_another_one_came_before_the_end_of_the_file)
{
	say("config.apply", json_pack("{s:s}", "file", "new.yaml"), CTL_LEVEL_ADMIN, 100000, 7);
	ctl_talk_flush(a.talk);
	while (a.from < a.to) { /* a window of it */
		struct piece p = a.way[a.from++];
		ctl_talk_in(b.talk, p.id, p.flags, p.text, p.n);
		free(p.text);
	}
	a.from = a.to = 0;
	ctl_remote_set_generation(b.remote, 8);
	carry();
	ended(LB_CODE_REFUSED, "generation 8 runs, not 7");
	ck_assert_str_eq(b.asked, "");
	ck_assert_uint_eq(b.files_open, 0);
}
END_TEST

START_TEST(a_file_goes_along)
{
	json_t *args = json_pack("{s:s}", "file", "new.yaml");
	say("config.apply", args, CTL_LEVEL_ADMIN, 100000, 0); /* 200,000 bytes: more than a window */
	carry();
	ended(0, "");
	ck_assert_str_eq(b.asked, "config apply by alice@lb-a, level 1, fd yes");
	ck_assert_uint_eq(b.file_n, 200000);
	ck_assert_str_eq(b.file, "abab\xc3\xa4");
	ck_assert_uint_eq(b.files_open, 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_asks_nothing)
{
	a.file_err = -EFBIG;
	say("config.apply", json_pack("{s:s}", "file", "new.yaml"), CTL_LEVEL_ADMIN, 1, 0);
	ended(LB_CODE_INVALID, "the file cannot be read: larger than 16 MiB");
	carry();
	ck_assert_str_eq(b.asked, "");
}
END_TEST

START_TEST(a_file_that_cannot_be_kept_there_is_an_error)
{
	b.file_err = -EMFILE;
	say("config.apply", json_pack("{s:s}", "file", "new.yaml"), CTL_LEVEL_ADMIN, 1, 0);
	carry();
	ended(LB_CODE_FAILED, "a file cannot be kept: Too many open files");
}
END_TEST

/* Two thousand rows of 4 KB, of which the client takes none: they wait there, not here. */
START_TEST(a_client_that_does_not_read_holds_the_rows_there)
{
	b.rows = 2000;
	b.row_size = 4000;
	client.full = true;
	ask("service.list", json_object());
	ck_assert_uint_gt(b.rows, 1900);
	ck_assert_uint_le(client.bytes, 8 * CTL_TALK_WINDOW);
	ck_assert_ptr_null(client.end);
	client.full = false;
	for (int i = 0; i < 5000 && !client.end; i++) {
		ctl_reply_pump(&client.reply);
		carry();
	}
	ended(0, "");
	ck_assert_uint_eq(client.lines, 2001);
}
END_TEST

START_TEST(a_client_that_leaves_is_missed_there)
{
	b.hold = true;
	ask("service.list", json_object());
	ck_assert_ptr_nonnull(b.held);
	ctl_reply_abort(&client.reply);
	carry();
	ck_assert_uint_eq(b.gone, 1);
}
END_TEST

START_TEST(a_link_that_breaks_ends_the_answer)
{
	b.hold = true;
	ask("config.confirm", json_object());
	ctl_talk_link(a.talk, false, "the link is down");
	ctl_talk_link(b.talk, false, "the link is down");
	ck_assert_int_eq(lb_proto_int(client.end, "code", -1), LB_CODE_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(lb_proto_str(client.end, "message"), "lb-b: "));
	ck_assert_uint_eq(b.gone, 1);
}
END_TEST

/* While its rows were not being read: who reads on gets what came, and then is told. */
START_TEST(a_link_that_breaks_under_a_slow_client_is_told_at_the_end)
{
	b.rows = 2000;
	b.row_size = 4000;
	client.full = true;
	ask("service.list", json_object());
	ctl_talk_link(a.talk, false, "the link is down");
	client.full = false;
	for (int i = 0; i < 100 && !client.end; i++)
		ctl_reply_pump(&client.reply);
	ck_assert_int_eq(lb_proto_int(client.end, "code", -1), LB_CODE_UNREACHABLE);
}
END_TEST

START_TEST(without_a_link_it_is_said_why)
{
	ctl_talk_link(a.talk, false, "");
	ask("service.list", json_object());
	ended(LB_CODE_UNREACHABLE, "the process that has the link to lb-b has not spoken yet; try again in a moment");
}
END_TEST

/* ---- what another core may say ---- */

static void on_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	(void)c;
	struct lb_err *out = arg;
	*out = e ? *e : (struct lb_err){ LB_CODE_OK, "" };
}

static json_t *heard; /* the last line of the other side */

static bool on_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	(void)c, (void)arg;
	json_decref(heard);
	heard = json_deep_copy(msg);
	return true;
}

static const struct {
	const char *what, *header, *request;
	const char *end; /* in what it says at last */
} strange[] = {
	{ "nobody", "{\"talk\": \"command\", \"level\": \"admin\"}", NULL, NULL },
	{ "with a right that there is not", "{\"talk\": \"command\", \"level\": \"root\", \"user\": \"eve\"}", NULL,
		NULL },
	{ "a name that writes lines", "{\"talk\": \"command\", \"level\": \"admin\", \"user\": \"e\\nve\"}", NULL,
		NULL },
	{ "nothing at all", "{\"talk\": \"command\", \"level\": \"admin\", \"user\": \"eve\"}", NULL,
		"nothing was asked" },
	{ "a command that there is not", "{\"talk\": \"command\", \"level\": \"admin\", \"user\": \"eve\"}",
		"{\"id\": 1, \"cmd\": \"no.such\"}", "\"code\":2" },
	{ "in a circle", "{\"talk\": \"command\", \"level\": \"admin\", \"user\": \"eve\"}",
		"{\"id\": 1, \"cmd\": \"status\", \"peer\": true}", "--peer of --peer is this node" },
};

START_TEST(what_is_strange_gets_an_error)
{
	static const struct ctl_conv_calls calls = { .line = on_line, .over = on_over };
	struct lb_err over = { LB_CODE_OK, "still open" }, e;
	struct ctl_conv *c = ctl_talk_ask(a.talk, json_loads(strange[_i].header, 0, NULL), &calls, &over, &e);
	ck_assert_ptr_nonnull(c);
	if (strange[_i].request)
		ctl_conv_put(c, json_loads(strange[_i].request, 0, NULL));
	ctl_conv_end(c);
	carry();
	char *last = heard ? json_dumps(heard, JSON_COMPACT) : NULL;
	if (strange[_i].end)
		ck_assert_msg(last && strstr(last, strange[_i].end), "%s: %s", strange[_i].what, last ? last : "-");
	else
		ck_assert_msg(over.code == LB_CODE_USAGE, "%s: %d %s", strange[_i].what, over.code, over.text);
	ck_assert_str_eq(b.asked, "");
	free(last);
	json_decref(heard);
	heard = NULL;
}
END_TEST

START_TEST(text_that_is_none_does_not_go)
{
	static const struct ctl_conv_calls calls = { .line = on_line, .over = on_over };
	struct lb_err over, e;
	struct ctl_conv *c = ctl_talk_ask(a.talk, json_pack("{s:s}", "talk", "x"), &calls, &over, &e);
	ck_assert(!ctl_remote_put_text(c, "a\0b", 3));
	ck_assert(!ctl_remote_put_text(c, "a\xff", 2));
	ck_assert(ctl_remote_put_text(c, "", 0));
	ctl_conv_close(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_remote");
	TCase *c = tcase_create("ctl_remote");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, rows_and_the_end_are_those_of_the_other_node);
	tcase_add_test(c, an_answer_that_takes_time_is_given_a_step_a_turn);
	tcase_add_test(c, who_asks_there_leaves_room);
	tcase_add_test(c, a_core_that_asks_needs_no_room);
	tcase_add_test(c, who_waits_there_leaves_room_for_who_asks);
	tcase_add_test(c, its_errors_are_ours);
	tcase_add_test(c, who_may_only_look_may_only_look_there);
	tcase_add_test(c, a_generation_is_compared_there);
	tcase_add_test(c, also_when_another_one_came_before_the_end_of_the_file);
	tcase_add_test(c, a_file_goes_along);
	tcase_add_test(c, a_file_that_cannot_be_read_asks_nothing);
	tcase_add_test(c, a_file_that_cannot_be_kept_there_is_an_error);
	tcase_add_test(c, a_client_that_does_not_read_holds_the_rows_there);
	tcase_add_test(c, a_client_that_leaves_is_missed_there);
	tcase_add_test(c, a_link_that_breaks_ends_the_answer);
	tcase_add_test(c, a_link_that_breaks_under_a_slow_client_is_told_at_the_end);
	tcase_add_test(c, without_a_link_it_is_said_why);
	tcase_add_loop_test(c, what_is_strange_gets_an_error, 0, COUNT(strange));
	tcase_add_test(c, text_that_is_none_does_not_go);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
