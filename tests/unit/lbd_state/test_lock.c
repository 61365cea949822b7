/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/lock.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what, *text;
	long pid; /* of fd:00, inode 131 */
} rows[] = {
	{ "nothing is locked", "", 0 },
	{ "the one", "1: POSIX  ADVISORY  WRITE 700 fd:00:131 0 EOF\n2: FLOCK  ADVISORY  WRITE 812 fd:00:131 0 EOF\n",
		812 },
	{ "the last line without its end", "1: FLOCK  ADVISORY  WRITE 812 fd:00:131 0 EOF", 812 },
	{ "a lock of another kind", "1: POSIX  ADVISORY  WRITE 700 fd:00:131 0 EOF\n", 0 },
	{ "another device", "1: FLOCK  ADVISORY  WRITE 812 fd:01:131 0 EOF\n", 0 },
	{ "another inode", "1: FLOCK  ADVISORY  WRITE 812 fd:00:1310 0 EOF\n", 0 },
	{ "who waits does not have it",
		"1: FLOCK  ADVISORY  WRITE 812 fd:00:131 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 900 fd:00:131 0 EOF\n",
		812 },
	{ "who only waits", "1: -> FLOCK  ADVISORY  WRITE 900 fd:00:131 0 EOF\n", 0 },
	{ "a process of another namespace", "1: FLOCK  ADVISORY  WRITE 0 fd:00:131 0 EOF\n", 0 },
	{ "no lines of locks", "\n\nhello\n1: FLOCK\n", 0 },
};

START_TEST(holder_is_found)
{
	long got = lock_holder(rows[_i].text, strlen(rows[_i].text), 0xfd, 0, 131);
	ck_assert_msg(got == rows[_i].pid, "%s: got %ld, want %ld", rows[_i].what, got, rows[_i].pid);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lock");
	TCase *t = tcase_create("lock");
	tcase_add_loop_test(t, holder_is_found, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
