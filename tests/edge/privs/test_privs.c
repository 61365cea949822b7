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
static uid_t started_as;
static gid_t first; /* of the groups that it became a member of */

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
	return started_as;
}

int getgroups(int size, gid_t list[])
{
	for (int i = 0; i < size && i < 3; i++)
		list[i] = 70 + (gid_t)i;
	return 3;
}

int sandbox_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, const struct sandbox_caps *caps)
{
	(void)uid, (void)gid, (void)caps;
	became = (int)n_groups;
	first = n_groups ? groups[0] : 0;
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
	uid_t uid;        /* who starts it */
} rows[] = {
	{ "all are there", -1, -1, 2, NULL, 0 },
	{ "no group", -1, 0, 0, NULL, 0 },
	{ "no group, told otherwise", -1, ENOENT, 0, NULL, 0 },
	{ "no memory for groups", -1, ENOMEM, -1, "group 'lbadmin' cannot be looked up: Cannot allocate memory", 0 },
	{ "no descriptor for groups", -1, EMFILE, -1, "group 'lbadmin' cannot be looked up: Too many open files", 0 },
	{ "not by root: what it was given stays", -1, -1, 5, NULL, 61 },
	{ "not by root, no group", -1, 0, 3, NULL, 61 },
	{ "not by root, no memory for groups", -1, ENOMEM, -1,
		"group 'lbadmin' cannot be looked up: Cannot allocate memory", 61 },
	{ "no user", 0, -1, -1,
		"user 'lbd' does not exist: useradd --system --home /var/lib/lbd --shell /usr/sbin/nologin lbd (or "
		"--user root)",
		0 },
	{ "no user, told otherwise", ESRCH, -1, -1,
		"user 'lbd' does not exist: useradd --system --home /var/lib/lbd --shell /usr/sbin/nologin lbd (or "
		"--user root)",
		0 },
	{ "no memory for users", ENOMEM, -1, -1, "user 'lbd' cannot be looked up: Cannot allocate memory", 0 },
};

START_TEST(who_it_becomes)
{
	const struct daemon_options opt = { .user = "lbd", .run_dir = "/tmp", .state_dir = "/tmp" };
	struct lb_err e = { 0 };
	user_err = rows[_i].user;
	group_err = rows[_i].group;
	started_as = rows[_i].uid;
	became = -1;
	ck_assert_int_eq(daemon_privs_drop(&opt, &e), -1);
	ck_assert_msg(became == rows[_i].groups, "%s: %d", rows[_i].what, became);
	ck_assert_msg(became < 3 || first == 70, "%s: %u", rows[_i].what, first);
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
