/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_word.h"
#include "tests/unit/lbd_vrrp/vrrp_words.h"

#include <check.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NONE   -1.0

/* Who spoke, at what ms and for how long (0: it is not master); then until when a word of later than `after` is good.
 */
static const struct {
	const char *what;
	struct {
		unsigned host, at, for_ms;
	} said[10];
	double after, until;
} rows[] = {
	{ "nobody has spoken", { { 0 } }, -1, NONE },
	{ "one word", { { 1, 100, 2000 } }, -1, 2100 },
	{ "renewed, also for a shorter time", { { 1, 100, 2000 }, { 1, 600, 1000 } }, -1, 1600 },
	{ "taken back", { { 1, 100, 2000 }, { 1, 600, 0 } }, -1, NONE },
	{ "one who never was master", { { 1, 100, 0 } }, -1, NONE },
	{ "a second one does not shorten it", { { 1, 100, 2000 }, { 3, 600, 1000 } }, -1, 2100 },
	{ "nor end it when it goes", { { 1, 100, 2000 }, { 3, 600, 2000 }, { 3, 615, 0 } }, -1, 2100 },
	{ "and stays when the first one goes", { { 1, 100, 2000 }, { 3, 600, 2000 }, { 1, 615, 0 } }, -1, 2600 },
	{ "only of those that are new", { { 1, 100, 3000 }, { 3, 600, 2000 } }, 100, 2600 },
	{ "of which there is none", { { 1, 100, 3000 }, { 3, 600, 2000 } }, 600, NONE },
	{ "as many as there are nodes",
		{ { 1, 1, 100 }, { 2, 2, 200 }, { 3, 3, 300 }, { 4, 4, 400 }, { 5, 5, 500 }, { 6, 6, 600 },
			{ 7, 7, 700 }, { 7, 8, 0 } },
		-1, 606 },
	{ "one more: the first to end makes room",
		{ { 1, 1, 900 }, { 2, 2, 800 }, { 3, 3, 700 }, { 4, 4, 600 }, { 5, 5, 500 }, { 6, 6, 400 },
			{ 7, 7, 300 }, { 8, 8, 1000 }, { 8, 9, 0 }, { 1, 10, 0 } },
		-1, 802 },
	{ "one more that is not master: nobody has to make room",
		{ { 2, 2, 900 }, { 3, 3, 900 }, { 4, 4, 900 }, { 5, 5, 900 }, { 6, 6, 900 }, { 7, 7, 900 },
			{ 1, 10, 50 }, { 8, 11, 0 } },
		9, 60 },
};

START_TEST(words)
{
	struct vrrp_words w = { 0 };
	for (size_t i = 0; i < LEN(rows[_i].said) && rows[_i].said[i].host; i++) {
		struct lb_ip from = words_ip(rows[_i].said[i].host);
		unsigned for_ms = rows[_i].said[i].for_ms;
		vrrp_words_note(&w, &from, for_ms != 0, for_ms, words_time(rows[_i].said[i].at));
	}
	struct lb_time until = vrrp_words_until(&w, words_time(rows[_i].after));
	int64_t want = rows[_i].until < 0 ? 0 : words_time(rows[_i].until).us;
	ck_assert_msg(until.us == want, "%s: %lld, not %lld", rows[_i].what, (long long)until.us, (long long)want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_word");
	TCase *tc = tcase_create("words");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, words, 0, LEN(rows));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
