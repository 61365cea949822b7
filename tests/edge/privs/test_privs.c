/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user or a group that cannot be looked up is not one that does not exist: nobody is told to make it, and nobody is
 * kept out for it. */
#include "lbd/daemon.h"
#include "lbd/sandbox.h"

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static int user_err, group_err; /* -1 = there is one; else what errno is where there is none */
static int became;              /* with how many groups; -1 = not at all */

struct passwd *getpwnam(const char *name)
{
	static struct passwd pw = { .pw_uid = 61, .pw_gid = 61 };
	(void)name;
	errno = user_err < 0 ? errno : user_err;
	return user_err < 0 ? &pw : NULL;
}

struct group *getgrnam(const char *name)
{
	static struct group g = { .gr_gid = 62 };
	(void)name;
	errno = group_err < 0 ? errno : group_err;
	return group_err < 0 ? &g : NULL;
}

uid_t geteuid(void)
{
	return 0;
}

int sandbox_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, const struct sandbox_caps *caps)
{
	(void)uid, (void)gid, (void)groups, (void)caps;
	became = (int)n_groups;
	return -EPERM; /* and no further */
}

struct sandbox_caps sandbox_caps_get(void)
{
	return (struct sandbox_caps){ 0 };
}

static const struct {
	const char *what;
	int user, group;
	int groups;       /* it becomes that user with so many */
	const char *said; /* else */
} rows[] = {
	{ "all are there", -1, -1, 2, NULL },
	{ "no group", -1, 0, 0, NULL },
	{ "no group, told otherwise", -1, ENOENT, 0, NULL },
	{ "no memory for groups", -1, ENOMEM, -1, "group 'lbadmin' cannot be looked up: Cannot allocate memory" },
	{ "no descriptor for groups", -1, EMFILE, -1, "group 'lbadmin' cannot be looked up: Too many open files" },
	{ "no user", 0, -1, -1,
		"user 'lbd' does not exist: useradd --system --home /var/lib/lbd --shell /usr/sbin/nologin lbd (or "
		"--user root)" },
	{ "no user, told otherwise", ESRCH, -1, -1,
		"user 'lbd' does not exist: useradd --system --home /var/lib/lbd --shell /usr/sbin/nologin lbd (or "
		"--user root)" },
	{ "no memory for users", ENOMEM, -1, -1, "user 'lbd' cannot be looked up: Cannot allocate memory" },
};

START_TEST(who_it_becomes)
{
	const struct daemon_options opt = { .user = "lbd", .run_dir = "/tmp", .state_dir = "/tmp" };
	struct lb_err e = { 0 };
	user_err = rows[_i].user;
	group_err = rows[_i].group;
	became = -1;
	ck_assert_int_eq(daemon_privs_drop(&opt, &e), -1);
	ck_assert_msg(became == rows[_i].groups, "%s: %d", rows[_i].what, became);
	ck_assert_msg(!rows[_i].said || strcmp(e.text, rows[_i].said) == 0, "%s: %s", rows[_i].what, e.text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("privs");
	TCase *t = tcase_create("privs");
	tcase_add_loop_test(t, who_it_becomes, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
