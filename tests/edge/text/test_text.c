/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file and conf.d beside it, in a folder of the test. */
#include "lbd/daemon.h"
#include "lbd/daemon_life.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lbd-text-XXXXXX";

int daemon_generation_load(
	struct daemon *d, uint32_t number, struct lb_text *raw, struct generation *g, struct lb_err *e)
{
	(void)d, (void)number, (void)raw, (void)g;
	return lb_err_set(e, LB_CODE_NOT_FOUND, "none here");
}

int daemon_text_sha256(const struct daemon_text *t, char out[GENERATION_SHA_LEN + 1])
{
	snprintf(out, GENERATION_SHA_LEN + 1, "sha of %s", t->sources.v[0].text);
	return 0;
}

static bool fails; /* to open a file */

int __wrap_state_read_path(const char *path, size_t max, struct lb_text *out);
int __real_state_read_path(const char *path, size_t max, struct lb_text *out);

int __wrap_state_read_path(const char *path, size_t max, struct lb_text *out)
{
	return fails ? -EMFILE : __real_state_read_path(path, max, out);
}

static const char *at(const char *name)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void clean(void)
{
	static const char *const names[] = { "conf.d/10-api.yaml", "conf.d/README", "conf.d/.hidden.yaml",
		"conf.d/10-api.yaml~", "conf.d/.hidden.yml", "conf.d/shop.yml", "conf.d/dns.YAML" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(at(names[i]));
	if (rmdir(at("conf.d")))
		(void)unlink(at("conf.d"));
}

static void begin(void)
{
	put("lbd.yaml", "one\n");
}

/* How many texts, -1: none of them. */
static int count(struct lb_err *e)
{
	struct daemon_text t = { 0 };
	int failed = daemon_text_read(at("lbd.yaml"), &t, e), n = (int)t.sources.n;
	daemon_text_done(&t);
	return failed ? -1 : n;
}

START_TEST(conf_d_is_read_or_nothing_is)
{
	struct lb_err e = { 0 };
	ck_assert_int_eq(count(&e), 1); /* without the folder */
	ck_assert_int_eq(mkdir(at("conf.d"), 0755), 0);
	ck_assert_int_eq(count(&e), 1);
	put("conf.d/10-api.yaml", "two\n");
	put("conf.d/README", "no yaml\n");
	put("conf.d/.hidden.yaml", "of an editor\n");
	ck_assert_int_eq(count(&e), 2);
	clean();
	put("conf.d", "not a folder: as one that may not be opened\n");
	ck_assert_int_eq(count(&e), -1);
	ck_assert_int_eq(e.code, LB_CODE_INVALID);
	ck_assert_msg(strstr(e.text, "/conf.d: Not a directory"), "%s", e.text);
}
END_TEST

/* Not of a note, nor of what an editor leaves. */
START_TEST(a_name_that_is_nearly_right_is_told_of)
{
	struct daemon_text t = { 0 };
	struct lb_err e;
	char want[400];
	ck_assert_int_eq(mkdir(at("conf.d"), 0755), 0);
	put("conf.d/10-api.yaml", "two\n");
	put("conf.d/README", "no yaml\n");
	put("conf.d/10-api.yaml~", "of an editor\n");
	put("conf.d/.hidden.yml", "of an editor\n");
	put("conf.d/shop.yml", "meant\n");
	put("conf.d/dns.YAML", "meant\n");
	ck_assert_int_eq(daemon_text_read(at("lbd.yaml"), &t, &e), 0);
	ck_assert_uint_eq(t.sources.n, 2);
	snprintf(want, sizeof(want),
		"%1$s/conf.d/dns.YAML: warning: this file is not read: its name must end in .yaml\n"
		"%1$s/conf.d/shop.yml: warning: this file is not read: its name must end in .yaml\n",
		folder);
	ck_assert_str_eq(t.unread.s, want);
	daemon_text_done(&t);
}
END_TEST

/* What status says of the file, each second. */
START_TEST(a_folder_that_cannot_be_read_is_not_what_runs)
{
	struct daemon_options opt = { .config = strdup(at("lbd.yaml")) };
	struct daemon d = { .opt = &opt };
	struct daemon_text t = { 0 };
	struct lb_err e;
	ck_assert_int_eq(daemon_text_read(opt.config, &t, &e), 0);
	daemon_file_remember(&d, &t, true);
	daemon_file_look(&d);
	ck_assert(!d.file_differs);
	put("conf.d", "");
	daemon_file_look(&d);
	ck_assert(d.file_differs);
	clean();
	daemon_file_look(&d);
	ck_assert(!d.file_differs);
	daemon_text_done(&t);
	free((void *)(uintptr_t)opt.config);
}
END_TEST

/* A disk that fails for a moment leaves no trace in what the file looks like. */
START_TEST(what_could_not_be_read_is_read_again)
{
	struct daemon_options opt = { .config = strdup(at("lbd.yaml")) };
	struct daemon d = { .opt = &opt };
	struct daemon_text t = { 0 };
	struct lb_err e;
	ck_assert_int_eq(daemon_text_read(opt.config, &t, &e), 0);
	daemon_file_remember(&d, &t, false);
	ck_assert(!d.file_differs);
	d.config_stamp = 0;
	fails = true;
	daemon_file_look(&d);
	ck_assert(d.file_differs);
	fails = false;
	daemon_file_look(&d);
	ck_assert(!d.file_differs);
	daemon_text_done(&t);
	free((void *)(uintptr_t)opt.config);
}
END_TEST

START_TEST(only_the_text_that_was_shown)
{
	struct daemon_options opt = { .config = strdup(at("lbd.yaml")) };
	struct daemon d = { .opt = &opt };
	struct ctl_apply what = { .fd = -1, .digest = "sha of one\n" };
	struct daemon_text t = { 0 };
	struct lb_err e;
	ck_assert_int_eq(daemon_text_meant(&d, &what, &t, &e), 0);
	daemon_text_done(&t);
	put("lbd.yaml", "two\n");
	ck_assert_int_eq(daemon_text_meant(&d, &what, &t, &e), -1);
	ck_assert_int_eq(e.code, LB_CODE_REFUSED);
	ck_assert_msg(strstr(e.text, "it was changed since"), "%s", e.text);
	daemon_text_done(&t);
	what.digest = NULL;
	ck_assert_int_eq(daemon_text_meant(&d, &what, &t, &e), 0);
	daemon_text_done(&t);
	free((void *)(uintptr_t)opt.config);
}
END_TEST

/* Its name becomes a line of the generation. */
START_TEST(a_name_that_is_no_line)
{
	static char long_name[GENERATION_NAME_MAX + 2];
	memset(long_name, 'n', sizeof(long_name) - 1);
	static const struct {
		const char *name, *kept;
	} rows[] = {
		{ "/tmp/new.yaml", "/tmp/new.yaml" },
		{ "/tmp/a\nsource 3 b", "/tmp/a?source 3 b" },
		{ "conf.d/caf\xe9.yaml", "conf.d/caf?.yaml" }, /* not UTF-8: nothing could be said of it */
		{ "conf.d/caf\xc3\xa9.yaml", "conf.d/caf\xc3\xa9.yaml" },
		{ "conf.d/caf\xc3", "conf.d/caf?" },
		{ "", "<input>" },
		{ long_name, "<input>" },
		{ long_name + 1, long_name + 1 },
	};
	struct daemon_text t = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text raw = LB_TEXT_INIT;
		ck_assert_int_eq(daemon_text_add(&t, rows[i].name, strlen(rows[i].name), &raw), 0);
		ck_assert_str_eq(t.sources.v[i].name, rows[i].kept);
	}
	daemon_text_done(&t);
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	TCase *c = tcase_create("text");
	tcase_add_checked_fixture(c, begin, clean);
	tcase_add_test(c, conf_d_is_read_or_nothing_is);
	tcase_add_test(c, a_name_that_is_nearly_right_is_told_of);
	tcase_add_test(c, a_folder_that_cannot_be_read_is_not_what_runs);
	tcase_add_test(c, what_could_not_be_read_is_read_again);
	tcase_add_test(c, only_the_text_that_was_shown);
	tcase_add_test(c, a_name_that_is_no_line);
	Suite *s = suite_create("text");
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	clean(); /* after a failure, too */
	(void)unlink(at("lbd.yaml"));
	(void)rmdir(folder);
	return failed ? 1 : 0;
}
