/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generations in a folder of the test, on a disk that does not always say that it has them. */
#include "lbd/daemon.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_state.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lbd-state-XXXXXX";

void daemon_event(struct daemon *d, const struct event *ev, const char *fmt, ...)
{
	(void)d, (void)ev, (void)fmt;
}

void daemon_saved(struct daemon *d, enum daemon_file file, int err)
{
	(void)d, (void)file, (void)err;
}

void daemon_unread(struct daemon *d, enum daemon_file file, const char *name, int err)
{
	(void)d, (void)file, (void)name, (void)err;
}

void daemon_text_done(struct daemon_text *t)
{
	lb_vec_done(&t->sources);
}

/* ---- the disk ---- */

static int fails; /* how many folders are not known to be on it */

int __wrap_fsync(int fd);
int __real_fsync(int fd);

int __wrap_fsync(int fd)
{
	struct stat st;
	if (fails && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		fails--;
		errno = EIO;
		return -1;
	}
	return __real_fsync(fd);
}

static const struct daemon_options options = { .state_dir = folder };
static struct daemon d;

static void begin(void)
{
	struct lb_err e;
	struct config_source one = { .name = "lbd.yaml", .text = "services: {}\n", .len = 13 };
	struct daemon_text t = { 0 };
	ck_assert_ptr_nonnull(mkdtemp(strcpy(folder, "/tmp/lbd-state-XXXXXX")));
	d = (struct daemon){ .opt = &options, .state_dir = open(folder, O_RDONLY | O_DIRECTORY) };
	ck_assert_int_eq(mkdirat(d.state_dir, "generations", 0700), 0);
	*lb_vec_push(&t.sources) = one;
	ck_assert_int_eq(daemon_generation_store(&d, &t, NULL, "", false, &e), 0);
	ck_assert_int_eq(daemon_generation_store(&d, &t, NULL, "", true, &e), 0);
	daemon_text_done(&t);
}

static void end(void)
{
	fails = 0;
	(void)unlinkat(d.state_dir, "generations/1", 0);
	(void)unlinkat(d.state_dir, "generations/2", 0);
	(void)unlinkat(d.state_dir, "generations", AT_REMOVEDIR);
	close(d.state_dir);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing half written is left */
}

static const struct generation *second(void)
{
	static struct generation all[4];
	ck_assert_uint_eq(daemon_generations(&d, all, 4), 2);
	ck_assert_uint_eq(all[1].number, 2);
	return &all[1];
}

START_TEST(what_could_not_be_marked_is_not_marked)
{
	struct lb_err e = { 0 };
	for (fails = 1; fails < 4; fails++) { /* the one who tells, and then what was before */
		int left = fails;
		ck_assert_int_eq(daemon_generation_mark(&d, 2, GENERATION_CONFIRMED, "", &e), -1);
		ck_assert_msg(strstr(e.text, "Input/output error"), "%s", e.text);
		ck_assert_msg(second()->state == GENERATION_PENDING, "%d fail: it is %s", left,
			generation_states[second()->state]);
		fails = left;
	}
	fails = 0;
	ck_assert_int_eq(daemon_generation_mark(&d, 2, GENERATION_ROLLED_BACK, "by alice", &e), 0);
	fails = 1;
	ck_assert_int_eq(daemon_generation_mark(&d, 2, GENERATION_CONFIRMED, "", &e), -1);
	ck_assert_int_eq(second()->state, GENERATION_ROLLED_BACK);
	ck_assert_str_eq(second()->why, "by alice");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state");
	TCase *t = tcase_create("generations");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, what_could_not_be_marked_is_not_marked);
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
