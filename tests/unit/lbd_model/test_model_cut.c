/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose flows end when a row has left the kernel. */
#include "lbd/model_cut.h"
#include "tests/unit/lbd_model/fixture.h"

#include <sys/socket.h>

#define CONFIG                                                                                                         \
	"services:\n"                                                                                                  \
	"  cut: { listen: 203.0.113.1:80, check: tcp, on_fail: cut, drain: { timeout: 1m, then: cut },"                \
	" backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"                                                                  \
	"  kept: { listen: 203.0.113.2:80, check: tcp, drain: keep, sorry: 10.1.0.8, backends: { a: 10.1.0.3 } }\n"    \
	"  dns: { listen: 203.0.113.3:53, protocol: udp, check: none, backends: { a: 10.1.0.1 } }\n"                   \
	"  mark: { fwmark: 7, family: ipv4, check: none, backends: { a: 10.1.0.1 } }\n"

enum how { UP, DOWN, DRAIN, MAINT };

static const struct {
	const char *what;
	const char *object; /* this one is so */
	enum how how;
	const char *listen, *dest; /* and this row has left; dest NULL: the whole listener */
	uint8_t protocol;          /* 0 = fwmark:7 */
	const char *cut;           /* NULL: nothing ends */
} rows[] = {
	{ "on_fail: cut", "cut/a", DOWN, "203.0.113.1:80", "10.1.0.1:80", 6, "tcp 203.0.113.1:80 10.1.0.1:80" },
	{ "of another backend", "cut/a", DOWN, "203.0.113.1:80", "10.1.0.2:80", 6, NULL },
	{ "of another port", "kept/a", MAINT, "203.0.113.2:80", "10.1.0.3:81", 6, NULL },
	{ "on_fail is drain", "kept/a", DOWN, "203.0.113.2:80", "10.1.0.3:80", 6, NULL },
	{ "the end of a drain", "cut/a", DRAIN, "203.0.113.1:80", "10.1.0.1:80", 6, "tcp 203.0.113.1:80 10.1.0.1:80" },
	{ "a drain that keeps", "kept/a", DRAIN, "203.0.113.2:80", "10.1.0.3:80", 6, NULL },
	{ "maintenance", "kept/a", MAINT, "203.0.113.2:80", "10.1.0.3:80", 6, "tcp 203.0.113.2:80 10.1.0.3:80" },
	{ "somebody else took the row away", "kept/a", UP, "203.0.113.2:80", "10.1.0.3:80", 6, NULL },
	{ "it has left the file", "cut/a", UP, "203.0.113.1:80", "10.1.0.9:80", 6, "tcp 203.0.113.1:80 10.1.0.9:80" },
	{ "it has, and a drain keeps", "kept/a", UP, "203.0.113.2:80", "10.1.0.9:80", 6, NULL },
	{ "the sorry server, though a drain keeps", "kept/a", UP, "203.0.113.2:80", "10.1.0.8:80", 6,
		"tcp 203.0.113.2:80 10.1.0.8:80" },
	{ "its address with another port is not it", "kept/a", UP, "203.0.113.2:80", "10.1.0.8:81", 6, NULL },
	{ "a listener that has left the file", "kept/a", UP, "203.0.113.9:80", "10.1.0.1:80", 6, NULL },
	{ "the whole listener", "cut/a", DOWN, "203.0.113.1:80", NULL, 6, NULL },
	{ "UDP, whatever the reason", "dns/a", UP, "203.0.113.3:53", "10.1.0.1:53", 17,
		"udp 203.0.113.3:53 10.1.0.1:53" },
	{ "UDP that has left the file", "dns/a", UP, "203.0.113.9:53", "10.1.0.1:53", 17,
		"udp 203.0.113.9:53 10.1.0.1:53" },
	{ "UDP, the whole listener", "dns/a", UP, "203.0.113.3:53", NULL, 17, "udp 203.0.113.3:53 -" },
	{ "a mark: what of it is UDP", "mark/a", UP, NULL, "10.1.0.1", 0, "udp fwmark:7/ipv4 10.1.0.1" },
	{ "a mark that is cut: all of it", "mark/a", MAINT, NULL, "10.1.0.1", 0, "any fwmark:7/ipv4 10.1.0.1" },
	{ "a mark, the whole listener", "mark/a", UP, NULL, NULL, 0, NULL },
};

static void endpoint_of(const char *text, struct lb_ip *ip, uint16_t *port)
{
	if (strchr(text, ':'))
		ck_assert_msg(lb_endpoint_parse(text, strlen(text), false, ip, port) == 0, "%s", text);
	else
		ck_assert_msg(lb_ip_parse(text, strlen(text), ip) == 0, "%s", text);
}

static struct ipvs_op op_of(const char *listen, const char *dest, uint8_t protocol)
{
	struct ipvs_op op = { .type = dest ? IPVS_OP_DEST_DEL : IPVS_OP_SERVICE_DEL };
	op.svc.key.protocol = protocol;
	if (listen)
		endpoint_of(listen, &op.svc.key.addr, &op.svc.key.port);
	else
		op.svc.key = (struct ipvs_key){ .addr.family = AF_INET, .fwmark = 7 };
	if (dest)
		endpoint_of(dest, &op.dest.addr, &op.dest.port);
	return op;
}

START_TEST(what_is_cut)
{
	struct world w = { 0 };
	struct conn_match match;
	char text[CONN_MATCH_STRLEN] = "nothing";
	struct ipvs_op op = op_of(rows[_i].listen, rows[_i].dest, rows[_i].protocol);
	world_start(&w, CONFIG);
	for (const char *const *o = (const char *const[]){ "cut/a", "cut/b", "kept/a", NULL }; *o; o++)
		world_health(&w, *o, 0, rows[_i].how != DOWN || strcmp(*o, rows[_i].object) != 0);
	if (rows[_i].how == DRAIN || rows[_i].how == MAINT)
		world_state(&w, rows[_i].object, rows[_i].how == DRAIN ? CONFIG_STATE_DRAIN : CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	if (model_cut(w.m, &op, &match))
		conn_match_str(&match, text);
	ck_assert_msg(strcmp(text, rows[_i].cut ? rows[_i].cut : "nothing") == 0, "%s: %s", rows[_i].what, text);
	/* the row that comes back is the one that was cut */
	op.type = IPVS_OP_DEST_ADD;
	if (rows[_i].cut && rows[_i].dest) {
		struct conn_match row;
		model_cut_row(&op, &row);
		ck_assert_int_eq(model_cut_cmp(&match, &row), 0);
		ck_assert(model_cut_is_back(&match, &row, 1));
	}
	ck_assert(!model_cut(w.m, &op, &match));
	world_end(&w);
}
END_TEST

static void add_line(const struct conn_match *match, void *arg)
{
	char *text = arg, line[CONN_MATCH_STRLEN];
	conn_match_str(match, line);
	size_t at = strlen(text);
	snprintf(text + at, 512 - at, "%s\n", line);
}

/* ---- listeners that may have the same backends ---- */

#define CUT    "tcp 203.0.113.1:80 unmarked\n"
#define KEPT   "tcp 203.0.113.2:80 unmarked\n"
#define DNS    "udp 203.0.113.3:53 unmarked\n"
#define ADDR   "tcp 203.0.113.1:80 10.1.0.1:80\n"
#define MARK_1 "any fwmark:7/ipv4 10.1.0.1\n"
#define MARK_8 "any fwmark:7/ipv4 10.1.0.8\n"
#define MARK_9 "any fwmark:7/ipv4 10.1.0.9\n"

static const struct {
	const char *what, *cut; /* a line each */
	uint32_t max;
	const char *told;
} unmarked[] = {
	{ "a mark", MARK_1, 9, MARK_1 CUT KEPT DNS },
	{ "one that nobody else has, now", MARK_9, 5, MARK_9 CUT KEPT DNS },
	{ "there is no mark", ADDR, 9, ADDR },
	{ "one of them is of a mark", ADDR MARK_1, 9, MARK_1 ADDR CUT KEPT DNS },
	{ "no room for all: who has that backend", MARK_1, 4, MARK_1 CUT DNS },
	{ "no room for all: it is the sorry server of another", MARK_8, 4, MARK_8 KEPT },
	{ "no room for all: nobody has it", MARK_9, 4, MARK_9 },
	{ "not even for those", MARK_1, 2, MARK_1 CUT },
	{ "no room at all", MARK_1, 1, MARK_1 },
	{ "nothing", "", 9, "" },
};

START_TEST(who_may_have_the_same_backends)
{
	struct world w = { 0 };
	struct conn_match v[9] = { 0 };
	char text[512] = "";
	uint32_t n = 0;
	world_start(&w, CONFIG);
	for (const char *s = unmarked[_i].cut, *end; *s; s = end + 1) {
		end = strchr(s, '\n');
		ck_assert(conn_match_parse(s, (size_t)(end - s), &v[n++]));
	}
	n = model_cut_unmarked(w.m, v, conn_match_sort(v, n), unmarked[_i].max);
	for (uint32_t i = 0; i < n; i++)
		add_line(&v[i], text);
	ck_assert_msg(strcmp(text, unmarked[_i].told) == 0, "%s:\n%s", unmarked[_i].what, text);
	world_end(&w);
}
END_TEST

/* ---- what is cut once more, after a start in which all are up ---- */

static const struct {
	const char *what;
	const char *object; /* this one is so; NULL: all are as they were */
	enum how how;
	int64_t ms; /* and it has been so for so long */
	const char *cut;
} out[] = {
	{ "nothing is out", NULL, UP, 0, "" },
	{ "on_fail: cut", "cut/a", DOWN, 0, "tcp 203.0.113.1:80 10.1.0.1:80\n" },
	{ "on_fail is drain: it is in the table", "kept/a", DOWN, 0, "" },
	{ "it drains", "cut/a", DRAIN, MINUTE / 2, "" },
	{ "its drain is over", "cut/a", DRAIN, MINUTE + 1, "tcp 203.0.113.1:80 10.1.0.1:80\n" },
	{ "maintenance, though a drain keeps", "kept/a", MAINT, 0, "tcp 203.0.113.2:80 10.1.0.3:80\n" },
	{ "UDP", "dns/a", MAINT, 0, "udp 203.0.113.3:53 10.1.0.1:53\n" },
	{ "a mark", "mark/a", MAINT, 0, "any fwmark:7/ipv4 10.1.0.1\n" },
};

START_TEST(what_is_cut_again)
{
	struct world w = { 0 };
	char text[512] = "";
	world_start(&w, CONFIG);
	model_cut_again(w.m, add_line, text);
	ck_assert_msg(!text[0], "before any verdict: %s", text);
	for (const char *const *o = (const char *const[]){ "cut/a", "cut/b", "kept/a", NULL }; *o; o++)
		world_health(&w, *o, 0, true);
	world_settle(&w);
	if (out[_i].how == DOWN)
		world_health(&w, out[_i].object, 0, false);
	else if (out[_i].how != UP)
		world_state(&w, out[_i].object, out[_i].how == DRAIN ? CONFIG_STATE_DRAIN : CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	world_wait(&w, out[_i].ms);
	world_tick(&w);
	model_cut_again(w.m, add_line, text);
	ck_assert_msg(strcmp(text, out[_i].cut) == 0, "%s: %s", out[_i].what, text);
	world_end(&w);
}
END_TEST

/* In their order. */
static const struct {
	const char *listen, *dest;
	uint8_t protocol;
} ordered[] = {
	{ NULL, "10.1.0.1", 0 },
	{ NULL, "10.1.0.2", 0 },
	{ "203.0.113.1:80", "10.1.0.1:80", 6 },
	{ "203.0.113.1:80", "10.1.0.1:81", 6 },
	{ "203.0.113.1:80", "10.1.0.2:80", 6 },
	{ "203.0.113.1:80", "10.1.0.1:80", 17 },
	{ "203.0.113.1:81", "10.1.0.1:80", 6 },
	{ "203.0.113.2:80", "10.1.0.1:80", 6 },
};

START_TEST(order_of_rows)
{
	for (size_t i = 0; i < COUNT(ordered); i++) {
		for (size_t j = 0; j < COUNT(ordered); j++) {
			struct ipvs_op op = op_of(ordered[i].listen, ordered[i].dest, ordered[i].protocol);
			struct conn_match a, b;
			model_cut_row(&op, &a);
			op = op_of(ordered[j].listen, ordered[j].dest, ordered[j].protocol);
			model_cut_row(&op, &b);
			int c = model_cut_cmp(&a, &b);
			ck_assert_msg((c > 0) - (c < 0) == (i > j) - (i < j), "%zu and %zu", i, j);
		}
	}
}
END_TEST

START_TEST(a_verdict_that_comes_late)
{
	for (unsigned was = 0; was <= MODEL_BACKEND_MAINT; was++)
		for (unsigned is = 0; is <= MODEL_BACKEND_MAINT; is++) {
			struct model_change ch = { .old_state = (uint8_t)was, .new_state = (uint8_t)is };
			ck_assert(
				model_cut_is_late(&ch) == (was == MODEL_BACKEND_UNCHECKED && is == MODEL_BACKEND_DOWN));
			ch.backend = MODEL_NONE; /* the service's */
			ck_assert(!model_cut_is_late(&ch));
		}
}
END_TEST

/* ---- what is back ---- */

static const struct {
	const char *what, *cut;
	bool is;
} back[] = {
	{ "its row", "udp 203.0.113.3:53 10.1.0.1:53", true },
	{ "another backend", "udp 203.0.113.3:53 10.1.0.3:53", false },
	{ "another port of it", "udp 203.0.113.3:53 10.1.0.1:54", false },
	{ "another protocol", "tcp 203.0.113.3:53 10.1.0.1:53", false },
	{ "the listener has one of its backends again", "udp 203.0.113.3:53 -", true },
	{ "the last listener has", "udp [2001:db8::1]:53 -", true },
	{ "the listener of another protocol", "tcp 203.0.113.3:53 -", false },
	{ "the listener of another port", "udp 203.0.113.3:54 -", false },
	{ "the listener of another address", "udp 203.0.113.4:53 -", false },
	{ "a mark, whatever is cut of it", "udp fwmark:7/ipv4 10.1.0.1", true },
	{ "another mark", "udp fwmark:8/ipv4 10.1.0.1", false },
};

START_TEST(what_is_back)
{
	const char *const texts[] = { "udp 203.0.113.3:53 10.1.0.1:53", "udp 203.0.113.3:53 10.1.0.2:53",
		"udp 203.0.113.5:53 10.1.0.3:53", "udp [2001:db8::1]:53 [2001:db8::2]:53",
		"any fwmark:7/ipv4 10.1.0.1" };
	struct conn_match v[COUNT(texts)], cut;
	for (size_t i = 0; i < COUNT(texts); i++)
		ck_assert(conn_match_parse(texts[i], strlen(texts[i]), &v[i]));
	for (size_t i = 1; i < COUNT(texts); i++) /* in their order */
		for (size_t k = i; k && model_cut_cmp(&v[k - 1], &v[k]) > 0; k--) {
			cut = v[k];
			v[k] = v[k - 1];
			v[k - 1] = cut;
		}
	ck_assert(conn_match_parse(back[_i].cut, strlen(back[_i].cut), &cut));
	ck_assert_msg(model_cut_is_back(&cut, v, COUNT(v)) == back[_i].is, "%s", back[_i].what);
	ck_assert(!model_cut_is_back(&cut, v, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model_cut");
	TCase *tc = tcase_create("model_cut");
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_is_cut, 0, COUNT(rows));
	tcase_add_loop_test(tc, who_may_have_the_same_backends, 0, COUNT(unmarked));
	tcase_add_loop_test(tc, what_is_cut_again, 0, COUNT(out));
	tcase_add_test(tc, a_verdict_that_comes_late);
	tcase_add_test(tc, order_of_rows);
	tcase_add_loop_test(tc, what_is_back, 0, COUNT(back));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
