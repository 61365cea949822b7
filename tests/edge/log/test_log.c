/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line is told, whether there is memory for it or not: that there is none has to be said, too. And a line that nobody
 * reads holds up nobody. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "tests/edge/journal.h"
#include "tests/unit/memory.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char got[8192];

/* What lb_log writes to standard error, with so many allocations that succeed; -1 = all. */
static const char *logged(long allocations, const char *word)
{
	int fds[2], err = dup(STDERR_FILENO);
	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	left = allocations;
	lb_log(LB_LOG_ERROR, "no %s: out of memory", word);
	left = -1;
	dup2(err, STDERR_FILENO);
	close(fds[1]);
	ssize_t n = read(fds[0], got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(err);
	return got;
}

START_TEST(a_line_needs_no_memory)
{
	for (long n = -1; n < 4; n++)
		ck_assert_str_eq(logged(n, "flow"), "lbd: error: no flow: out of memory\n");
}
END_TEST

/* Its beginning, at least. */
START_TEST(a_long_line_is_cut)
{
	char word[1024];
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	ck_assert_uint_eq(strlen(logged(-1, word)), sizeof(word) - 1 + strlen("lbd: error: no : out of memory\n"));
	if (!REPLACED)
		return;
	ck_assert_uint_eq(strlen(logged(0, word)), 512);
	ck_assert_msg(got[511] == '\n' && got[510] == 'x', "%s", got);
}
END_TEST

START_TEST(nothing_controls_the_terminal)
{
	for (long n = -1; n < 4; n++) {
		const char *s = logged(n, "\033[2J\nlbd: info: all is well\302\2332J");
		ck_assert_msg(
			strchr(s, '\n') == s + strlen(s) - 1 && !strchr(s, '\033') && !strchr(s, '\233'), "%s", s);
	}
}
END_TEST

/* As a worker: the process that started it has given the default back. */
START_TEST(a_reader_that_is_gone_ends_nobody)
{
	int fds[2], err = dup(STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	lb_log_init("lbd", LB_LOG_INFO);
	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	lb_log(LB_LOG_ERROR, "nobody reads this");
	lb_log_report("nor this\n", 9);
	dup2(err, STDERR_FILENO);
	close(fds[1]);
	close(err);
}
END_TEST

/* The test's own deadline is what tells. */
START_TEST(a_reader_that_stands_still_holds_up_nobody)
{
	char word[3000], first[5];
	int fds[2], err = dup(STDERR_FILENO);
	bool terminal = _i == 2;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	ck_assert_int_eq(terminal ? openpty(&fds[0], &fds[1], NULL, NULL, NULL) : pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	if (_i)
		lb_log_init("lbd", LB_LOG_INFO);
	for (int i = 0; i < 1000; i++) {
		lb_log(LB_LOG_ERROR, "%s", word);
		lb_log(LB_LOG_ERROR, "%s%s", word, word); /* more than a pipe takes at once */
		lb_log_report(word, sizeof(word) - 1);
	}
	ck_assert(!(fcntl(fds[1], F_GETFL) & O_NONBLOCK)); /* it is not ours alone */
	dup2(err, STDERR_FILENO);
	close(err);
	ck_assert_int_eq(read(fds[0], first, sizeof(first)), (ssize_t)sizeof(first));
	ck_assert(memcmp(first, "lbd: ", sizeof(first)) == 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* What others have written there stays, and so does what they write next. */
START_TEST(a_file_is_not_opened_anew)
{
	FILE *f = tmpfile();
	int err = dup(STDERR_FILENO);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(dprintf(fileno(f), "said before\n"), 12);
	dup2(fileno(f), STDERR_FILENO);
	lb_log_init("lbd", LB_LOG_INFO);
	lb_log(LB_LOG_ERROR, "said");
	dup2(err, STDERR_FILENO);
	close(err);
	ck_assert_int_eq(dprintf(fileno(f), "said after\n"), 11);
	ssize_t n = pread(fileno(f), got, sizeof(got) - 1, 0);
	got[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(got, "said before\nlbd: error: said\nsaid after\n");
	fclose(f);
}
END_TEST

/* As a restart of journald's sockets makes it. */
START_TEST(a_journal_that_is_made_anew_gets_the_next_line)
{
	journal_named();
	journal_open();
	lb_log_init("lbd", LB_LOG_INFO);
	lb_log(LB_LOG_ERROR, "before");
	ck_assert(journal_has("MESSAGE=before\n"));
	journal_close();
	journal_open();
	lb_log(LB_LOG_ERROR, "after");
	ck_assert(journal_has("MESSAGE=after\n"));
	journal_close();
}
END_TEST

/* Lines go to standard error until then, and looking for it is not what they cost. */
START_TEST(a_journal_that_is_not_there_is_found_later)
{
	journal_named();
	if (_i) {
		journal_open();
		lb_log_init("lbd", LB_LOG_INFO);
		journal_close();
	} else {
		lb_log_init("lbd", LB_LOG_INFO);
	}
	struct lb_time from = lb_clock_now();
	ck_assert_str_eq(logged(-1, "journal"), "lbd: error: no journal: out of memory\n");
	for (int i = 0; i < 100; i++)
		(void)logged(-1, "journal");
	ck_assert_int_le(n_journal_connects, 3 + lb_time_diff_us(lb_clock_now(), from) / 1000000);
	journal_open();
	for (int i = 0; i < 10000 && !journal_has("no journal"); i++) {
		(void)logged(-1, "journal");
		poll(NULL, 0, 1);
	}
	ck_assert_str_eq(logged(-1, "journal"), "");
	journal_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *c = tcase_create("log");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 20); /* the journal is looked for once a second */
	lb_log_init("lbd", LB_LOG_INFO);
	tcase_add_test(c, a_line_needs_no_memory);
	tcase_add_test(c, a_long_line_is_cut);
	tcase_add_test(c, nothing_controls_the_terminal);
	tcase_add_test(c, a_reader_that_is_gone_ends_nobody);
	tcase_add_loop_test(
		c, a_reader_that_stands_still_holds_up_nobody, 0, 3); /* as it is; ours: a pipe, a terminal */
	tcase_add_test(c, a_journal_that_is_made_anew_gets_the_next_line);
	tcase_add_loop_test(c, a_journal_that_is_not_there_is_found_later, 0, 2); /* from the start; meanwhile */
	tcase_add_test(c, a_file_is_not_opened_anew);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
