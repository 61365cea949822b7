/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that are to be ended, against a kernel that is a few rows of text. */
#include "lbd/sync/conn_kill.h"
#include "lbd/sync/conn_over.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>
#include <time.h>

#define SERVER "203.0.113.10:80", "10.1.0.11:8080"
#define WHOLE  true
#define BROKEN false
#define SEED   UINT64_C(0x5eed)

static struct conn_kill k;
static struct conn_end end;
static struct lb_time now;
static char records[256]; /* clients of this pass that got one, in order */

static struct flow tcp(unsigned port)
{
	char client[32];
	snprintf(client, sizeof(client), "192.0.2.1:%u", port);
	struct flow f = flow_of(IPPROTO_TCP, client, SERVER);
	f.state = 1;
	f.timeout_s = 899;
	return f;
}

/* Rows, one for each letter:
 *   1..9  a connection from that port     o  the end of 1; O: its client has spoken to that
 *   a     UDP                             f  the same, in its last second
 *   x     of a client that is not meant */
static struct flow row(char c)
{
	struct flow over, f = c == 'o' || c == 'O' ? tcp(1) : tcp((unsigned)(c - '0'));
	if (c >= '1' && c <= '9')
		return f;
	if (c == 'x') {
		f.key.client.b[0] = 198;
		return f;
	}
	if (c == 'a' || c == 'f') {
		f.key.protocol = IPPROTO_UDP;
		f.key.client_port = 53;
		f.state = 0;
		f.timeout_s = c == 'a' ? 300 : 1;
		return f;
	}
	conn_over(&f, &over);
	over.timeout_s = c == 'O' ? 10 : 1;
	return over;
}

/* One pass; most rows come twice. True: it was the last. */
static bool pass(const char *rows, bool whole)
{
	struct conn_pass p = { .seed = SEED };
	size_t n = 0;
	ck_assert_msg(lb_time_cmp(k.due, now) <= 0, "it is not due yet");
	conn_kill_pass(&k);
	for (int twice = 0; twice < 2; twice++) {
		for (const char *c = rows; *c; c++) {
			struct flow f = row(*c);
			if (conn_kill_row(&k, &f, CONN_MARK_UNKNOWN, conn_pass_row(&p, &f)))
				records[n++] = *c;
		}
	}
	records[n] = '\0';
	return conn_kill_passed(&k, whole, now, &end);
}

static void starts(bool cut)
{
	struct conn_ask ask = { .id = 7, .cut = cut };
	ask.filter.client = (struct lb_ip){ AF_INET, { 192, 0, 2, 0 } };
	ask.filter.prefix = 24;
	now = (struct lb_time){ 1000000 };
	end = (struct conn_end){ 0 };
	conn_kill_init(&k, &ask, SEED, now);
}

/* What the kernel shows, pass by pass; a "!" in front: the pass was not whole. And what is to come of it: the records
 * of each pass, when the next one is due, how it ends. */
static const struct {
	const char *what;
	bool cut;
	const char *pass[16];
	const char *records[16];
	int after_ms[16];
	const char *end; /* seen ended left, "?" = not sure */
} kills[] = {
	{ "nothing matches", false, { "x" }, { "" }, { 0 }, "0 0 0" },
	{ "an idle one and a busy one", false, { "12x", "12x", "ox" }, { "", "12", "" }, { 0, 200 }, "2 2 0" },
	{ "a client that is back is not meant", false, { "1", "13", "o3" }, { "", "1", "" }, { 0, 200 }, "1 1 0" },
	{ "it is not meant from the same port either: a pass did not see it", false, { "12", "12", "2", "12", "1" },
		{ "", "12", "2", "2", "" }, { 0, 200, 400, 600 }, "2 2 0" },
	{ "a look that was not whole: what the next one finds is meant, and nothing was ended before", false,
		{ "!1", "!2", "12", "12", "o" }, { "", "", "", "12", "" }, { 10, 20, 0, 200 }, "2 2 0" },
	{ "a pass that was not whole does not say that something is gone", false, { "12", "12", "!", "2", "" },
		{ "", "12", "", "2", "" }, { 0, 200, 10, 400 }, "2 2 0" },
	{ "hidden behind its end: no record reaches it until that has gone", false, { "12", "12", "o1", "1", "o" },
		{ "", "12", "", "1", "" }, { 0, 200, 1300, 600 }, "2 2 0" },
	{ "hidden, and its client has had the reset", false, { "1", "1", "O1" }, { "", "1", "" }, { 0, 200 }, "1 1 0" },
	{ "UDP has a second left", false, { "a", "a", "" }, { "", "a", "" }, { 0, 1300 }, "1 1 0" },
	{ "UDP whose client goes on", false, { "a", "a", "a", "a", "a" }, { "", "a", "a", "a", "a" },
		{ 0, 1300, 1300, 1300 }, "1 0 1" },
	{ "UDP in its last second gets no record, which might make it anew; but it may be renewed", false,
		{ "f", "f", "a", "f", "" }, { "", "", "a", "", "" }, { 0, 1300, 1300, 1300 }, "1 1 0" },
	{ "one that ended by itself", false, { "12", "1", "o" }, { "", "1", "" }, { 0, 200 }, "2 2 0" },
	{ "a cut ends at once", true, { "12x", "o" }, { "12", "" }, { 200 }, "2 2 0" },
	{ "a cut that finds nothing", true, { "x" }, { "" }, { 0 }, "0 0 0" },
	{ "a cut ends what is back, too", true, { "12", "2", "12", "o" }, { "12", "2", "12", "" }, { 200, 400, 600 },
		"2 2 0" },
	{ "a cut finds what it has missed, and looks once more", true, { "!1", "2", "o" }, { "1", "2", "" },
		{ 10, 200 }, "2 2 0" },
	{ "a cut that finds nothing looks until it was whole", true, { "!", "!", "" }, { "", "", "" }, { 10, 20 },
		"0 0 0" },
};

START_TEST(passes)
{
	char got[64];
	starts(kills[_i].cut);
	for (size_t i = 0; kills[_i].pass[i]; i++) {
		const char *rows = kills[_i].pass[i];
		bool broken = *rows == '!', last = !kills[_i].pass[i + 1];
		ck_assert_msg(pass(rows + broken, !broken) == last, "%s: pass %zu: %s", kills[_i].what, i,
			last ? "goes on" : "is the last");
		ck_assert_msg(strcmp(records, kills[_i].records[i]) == 0, "%s: pass %zu: records '%s'", kills[_i].what,
			i, records);
		if (last)
			break;
		ck_assert_msg(k.due.us - now.us == kills[_i].after_ms[i] * 1000, "%s: pass %zu: after %d ms",
			kills[_i].what, i, (int)((k.due.us - now.us) / 1000));
		now = k.due;
	}
	snprintf(got, sizeof(got), "%d %d %d%s", (int)end.seen, (int)end.ended, (int)end.left, end.unsure ? " ?" : "");
	ck_assert_msg(strcmp(got, kills[_i].end) == 0, "%s: ends '%s'", kills[_i].what, got);
	ck_assert(end.id == 7 && end.err == 0);
	conn_kill_done(&k);
}
END_TEST

/* What this node's own checks, clocks and file end is its own affair. */
START_TEST(who_is_told)
{
	starts(_i == 1);
	ck_assert(conn_kill_tells(&k) == (_i == 0));
	conn_kill_done(&k);
}
END_TEST

/* The list never comes whole: it is not tried for ever, what was found is ended, and that it is not sure is told. */
START_TEST(never_whole)
{
	unsigned n = 0;
	starts(_i == 1);
	while (!pass("12", BROKEN)) {
		ck_assert(++n < 64);
		ck_assert_uint_le(k.tries, CONN_KILL_TRIES_MAX);
		now = k.due;
	}
	ck_assert(end.seen == 2 && end.left == 2 && end.unsure);
	ck_assert_int_lt(now.us, 1000000 + 10000000);
	conn_kill_done(&k);

	starts(_i == 1);
	for (n = 0; !pass(n < 8 ? "12" : "", BROKEN); n++)
		now = k.due;
	ck_assert(end.seen == 2 && end.ended == 2 && end.left == 0 && end.unsure);
	conn_kill_done(&k);
}
END_TEST

/* A pass over a large list takes minutes: then one that was not whole has to do. */
START_TEST(slow_passes)
{
	starts(false);
	conn_kill_pass(&k);
	now = lb_time_add_ms(now, 60000);
	ck_assert(!pass("1", BROKEN) && k.due.us == now.us);
	ck_assert(!pass("1", WHOLE) && strcmp(records, "1") == 0);
	now = k.due;
	ck_assert(pass("o", WHOLE) && end.ended == 1 && end.unsure);
	conn_kill_done(&k);

	/* its time is since the last whole one, however long that took */
	starts(false);
	ck_assert(!pass("1", WHOLE));
	now = lb_time_add_ms(now, 60000);
	ck_assert(!pass("1", WHOLE));
	now = k.due;
	ck_assert(!pass("", BROKEN) && k.due.us == now.us + CONN_KILL_TRY_MS * 1000);
	conn_kill_done(&k);
}
END_TEST

START_TEST(errors)
{
	starts(false);
	pass("12", WHOLE);
	pass("12", WHOLE);
	now = k.due;
	conn_kill_pass(&k);
	conn_kill_fail(&k, -ENOTCONN);
	conn_kill_fail(&k, -EIO);
	ck_assert(conn_kill_passed(&k, false, now, &end));
	ck_assert(end.err == ENOTCONN && end.seen == 2 && end.ended == 0 && end.left == 2);
	conn_kill_done(&k);
}
END_TEST

/* Only what was told the kernel is waited for. */
START_TEST(told)
{
	starts(false);
	ck_assert(!conn_kill_told(&k));
	pass("1", BROKEN);
	ck_assert(!conn_kill_told(&k));
	now = k.due;
	pass("1", WHOLE);
	ck_assert(!conn_kill_told(&k));
	pass("1", WHOLE);
	ck_assert(conn_kill_told(&k));
	conn_kill_done(&k);
}
END_TEST

START_TEST(many)
{
	const unsigned n = 50000;
	struct conn_pass p = { .seed = SEED };
	struct flow f = tcp(1);
	starts(false);
	for (unsigned i = 0; i < 3; i++) {
		unsigned got = 0;
		conn_kill_pass(&k);
		for (unsigned j = 0; j < n; j++) {
			f.key.client_port = (uint16_t)(j + 1);
			if (i == 2 && j % 5)
				continue;
			got += conn_kill_row(&k, &f, CONN_MARK_UNKNOWN, conn_pass_row(&p, &f));
		}
		ck_assert_uint_eq(got, i == 0 ? 0 : i == 1 ? n : n / 5);
		ck_assert(!conn_kill_passed(&k, WHOLE, now, &end));
		now = k.due;
	}
	ck_assert(pass("", WHOLE) && end.seen == n && end.ended == n);
	conn_kill_done(&k);
}
END_TEST

/* The next one whose place without a seed is among the first 2048 of 131072; or just the next one. */
static struct flow next_client(uint32_t *i, bool chosen)
{
	struct flow f = tcp(1);
	do {
		f.key.client_port = (uint16_t)(1024 + *i % 60000);
		f.key.client.b[3] = (uint8_t)(*i / 60000);
		++*i;
	} while (chosen && (flow_key_hash(&f.key, 0) & 131071) >= 2048);
	return f;
}

/* The processor's time of one pass, in seconds. */
static double time_of_pass(struct flow *v, unsigned n, bool chosen)
{
	uint32_t at = 0;
	for (unsigned i = 0; i < n; i++)
		v[i] = next_client(&at, chosen);
	starts(false);
	conn_kill_pass(&k);
	clock_t from = clock();
	for (unsigned i = 0; i < n; i++)
		ck_assert(!conn_kill_row(&k, &v[i], CONN_MARK_UNKNOWN, CONN_THERE));
	double took = (double)(clock() - from) / CLOCKS_PER_SEC;
	ck_assert_uint_eq(k.n, n);
	conn_kill_done(&k);
	return took;
}

/* A client chooses its ports: that costs no more than any other. All of them at one place would be a thousand times as
 * much. */
START_TEST(chosen_ports)
{
	const unsigned n = 60000;
	struct flow *v = calloc(n, sizeof(*v));
	ck_assert(v);
	double any = time_of_pass(v, n, false), chosen = time_of_pass(v, n, true);
	ck_assert_msg(chosen < 10 * any + 0.1, "%.3f s, and others take %.3f s", chosen, any);
	free(v);
}
END_TEST

/* The same of the ended ones of a pass. */
START_TEST(seeds)
{
	struct conn_pass p = { .seed = SEED };
	struct flow f = row('o');
	ck_assert(conn_pass_row(&p, &f) == CONN_OVER);
	ck_assert(p.over[0].hash == flow_key_hash(&f.key, SEED) && p.over[0].hash != flow_key_hash(&f.key, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn_kill");
	TCase *tc = tcase_create("conn_kill");
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, passes, 0, LEN(kills));
	tcase_add_loop_test(tc, never_whole, 0, 2);
	tcase_add_loop_test(tc, who_is_told, 0, 2);
	tcase_add_test(tc, slow_passes);
	tcase_add_test(tc, errors);
	tcase_add_test(tc, told);
	tcase_add_test(tc, many);
	tcase_add_test(tc, chosen_ports);
	tcase_add_test(tc, seeds);
	return suite_run(s);
}
