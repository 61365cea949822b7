/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/owned.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "lbd-owned 1 boot-a\n"

static const struct {
	const char *what, *text;
	const char *keys; /* expected, joined by blanks, in the order of ipvs_key_cmp */
} rows[] = {
	{ "nothing was ever recorded", "", "" },
	{ "a head alone", HEAD, "" },
	{ "one listener", HEAD "+10.0.0.1:80/tcp\n", "10.0.0.1:80/tcp" },
	{ "added, deleted, added again: the last record counts",
		HEAD "+10.0.0.1:80/tcp\n-10.0.0.1:80/tcp\n+10.0.0.1:80/tcp\n", "10.0.0.1:80/tcp" },
	{ "deleted is not ours", HEAD "+10.0.0.1:80/tcp\n+10.0.0.1:53/udp\n-10.0.0.1:80/tcp\n", "10.0.0.1:53/udp" },
	{ "added twice is one", HEAD "+[2001:db8::1]:443/tcp\n+[2001:db8::1]:443/tcp\n", "[2001:db8::1]:443/tcp" },
	{ "marks of both families", HEAD "+fwmark:7/ipv6\n+fwmark:7/ipv4\n", "fwmark:7/ipv4 fwmark:7/ipv6" },
	{ "a record that was cut by a crash was never sent", HEAD "+10.0.0.1:80/tcp\n+10.0.0.2:80/t",
		"10.0.0.1:80/tcp" },
	{ "lines that are no record are skipped", HEAD "hello\n+nonsense\n\n+10.0.0.1:80/tcp\n", "10.0.0.1:80/tcp" },
	{ "the tables of another boot are gone, and so is the record", "lbd-owned 1 boot-b\n+10.0.0.1:80/tcp\n", "" },
	{ "another version is not guessed at", "lbd-owned 2 boot-a\n+10.0.0.1:80/tcp\n", "" },
};

START_TEST(record_is_read_as_written)
{
	struct owned_keys got;
	ck_assert_int_eq(owned_read(rows[_i].text, strlen(rows[_i].text), "boot-a", &got), 0);
	struct lb_text joined = LB_TEXT_INIT;
	char key[IPVS_KEY_STRLEN];
	lb_vec_foreach (k, &got.keys)
		lb_text_printf(&joined, "%s%s", joined.n ? " " : "", ipvs_key_str(k, key));
	ck_assert_msg(strcmp(joined.s ? joined.s : "", rows[_i].keys) == 0, "%s: got '%s', want '%s'", rows[_i].what,
		joined.s ? joined.s : "", rows[_i].keys);
	lb_text_done(&joined);
	owned_done(&got);
}
END_TEST

START_TEST(writer_and_reader_agree)
{
	struct lb_text t = LB_TEXT_INIT;
	struct owned_keys got;
	struct ipvs_key a, b;
	ck_assert_int_eq(ipvs_key_parse("10.0.0.1:80/tcp", 15, &a), 0);
	ck_assert_int_eq(ipvs_key_parse("fwmark:9/ipv4", 13, &b), 0);
	owned_write_head(&t, "boot-a");
	owned_write_add(&t, &a);
	owned_write_add(&t, &b);
	owned_write_del(&t, &a);
	ck_assert_int_eq(owned_read(t.s, t.n, "boot-a", &got), 0);
	ck_assert_uint_eq(got.keys.n, 1);
	ck_assert_int_eq(ipvs_key_cmp(&got.keys.v[0], &b), 0);
	owned_done(&got);
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("owned");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, record_is_read_as_written, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, writer_and_reader_agree);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
