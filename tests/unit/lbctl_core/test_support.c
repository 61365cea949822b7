/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes into an archive: no secret, other addresses, and a form that tar reads. */
#include "lbctl/anon.h"
#include "lbctl/ustar.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what, *in, *out;
} secrets[] = {
	{ "YAML", "password: geheim\nnext: x\n", "password: (hidden)\nnext: x\n" },
	{ "quoted, with a quote in it", "secret: \"a\\\"b\" # note\n", "secret: (hidden) # note\n" },
	{ "JSON", "{\"bind_password\":\"x\",\"path\":\"/\"}", "{\"bind_password\":(hidden),\"path\":\"/\"}" },
	{ "a header", "Authorization: Basic eDp5\nHost: a\n", "Authorization: (hidden)\nHost: a\n" },
	{ "a query", "GET /x?token=abc,", "GET /x?token=(hidden)," },
	{ "a word of ours alone", "the password is in a file\n", "the password is in a file\n" },
	{ "a key file is named", "key_file: /etc/lbd/pair.key\n", "key_file: /etc/lbd/pair.key\n" },
	{ "at the end", "password:", "password:(hidden)" },
};

START_TEST(secrets_go)
{
	struct lb_text out = LB_TEXT_INIT;
	anon_secrets(secrets[_i].in, strlen(secrets[_i].in), &out);
	ck_assert_msg(!out.bad && strcmp(out.s, secrets[_i].out) == 0, "%s: %s", secrets[_i].what, out.s);
	lb_text_done(&out);
}
END_TEST

static const struct {
	const char *what, *in, *out;
} configs[] = {
	{ "headers of any name, and what comes behind them",
		"checks:\n  p:\n    headers:\n      \"X-Vault\": hvs.AAA\n      A: \"a: b\"\n    status: 200\n",
		"checks:\n  p:\n    headers:\n      \"X-Vault\": (hidden)\n      A: (hidden)\n    status: 200\n" },
	{ "what is sent", "    send: \"AUTH hunter2\\r\\n\"\n    expect: \"+OK\"\n",
		"    send: (hidden)\n    expect: \"+OK\"\n" },
	{ "a body, and no end of line", "    data: x: y", "    data: (hidden)" },
	{ "arguments", "    args:\n      - \"-p\"\n      - geheim\n    path: /bin/x\n",
		"    args:\n      - (hidden)\n      - (hidden)\n    path: /bin/x\n" },
	{ "the query of a path", "    path: \"/?k=abc\"\n    path: /a\n", "    path: \"/?(hidden)\"\n    path: /a\n" },
	{ "a service of that name", "services:\n  data:\n    mode: nat\n", "services:\n  data:\n    mode: nat\n" },
	{ "nothing", "", "" },
};

START_TEST(nothing_that_a_probe_says)
{
	struct lb_text out = LB_TEXT_INIT;
	anon_config(configs[_i].in, strlen(configs[_i].in), &out);
	ck_assert_msg(!out.bad && strcmp(out.s ? out.s : "", configs[_i].out) == 0, "%s: %s", configs[_i].what, out.s);
	lb_text_done(&out);
}
END_TEST

START_TEST(ten_thousand_addresses_stay_apart)
{
	struct lb_text in = LB_TEXT_INIT, out = LB_TEXT_INIT;
	struct anon *a = anon_new();
	for (int turn = 0; turn < 2; turn++)
		for (unsigned i = 1; i <= 10000; i++)
			lb_text_printf(&in, "10.1.%u.%u ", i >> 8, i & 255);
	anon_text(a, in.s, in.n, &out);
	ck_assert(!out.bad && out.n % 2 == 0);
	ck_assert(memcmp(out.s, out.s + out.n / 2, out.n / 2) == 0);
	ck_assert(strncmp(out.s + out.n / 2 - 13, "198.18.39.16 ", 13) == 0);
	anon_free(a);
	lb_text_done(&in);
	lb_text_done(&out);
}
END_TEST

static const struct {
	const char *what, *in, *out;
} addresses[] = {
	{ "the same is the same", "10.0.0.1 10.0.0.2 10.0.0.1", "198.18.0.1 198.18.0.2 198.18.0.1" },
	{ "with a port, at the end of a sentence", "at 10.0.0.1:80. And 10.0.0.1.",
		"at 198.18.0.1:80. And 198.18.0.1." },
	{ "with a prefix and a zone", "10.1.0.0/16 fe80::5%eth0", "198.18.0.1/16 2001:db8::0:2%eth0" },
	{ "IPv6, in brackets, spelled in two ways", "[2001:DB8:1::1]:53 2001:db8:1:0::1",
		"[2001:db8::0:1]:53 2001:db8::0:1" },
	{ "a MAC", "ether 02:42:AC:11:00:02 brd ff:ff:ff:ff:ff:ff", "ether 02:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff" },
	{ "what means the same everywhere", "0.0.0.0 127.0.0.1 :: ::1 224.0.0.18 255.255.255.0 ff02::12",
		"0.0.0.0 127.0.0.1 :: ::1 224.0.0.18 255.255.255.0 ff02::12" },
	{ "behind an end of line in JSON", "{\"text\":\"a\\n10.0.0.1\"}", "{\"text\":\"a\\n198.18.0.1\"}" },
	{ "words and numbers", "face deadbeef version 1.2.1 14:02:07 app1.example a::b_c",
		"face deadbeef version 1.2.1 14:02:07 app1.example a::b_c" },
};

START_TEST(addresses_are_others)
{
	struct lb_text out = LB_TEXT_INIT;
	struct anon *a = anon_new();
	anon_text(a, addresses[_i].in, strlen(addresses[_i].in), &out);
	ck_assert_msg(!out.bad && strcmp(out.s, addresses[_i].out) == 0, "%s: %s", addresses[_i].what, out.s);
	anon_free(a);
	lb_text_done(&out);
}
END_TEST

START_TEST(an_archive_is_whole_blocks)
{
	struct lb_text out = LB_TEXT_INIT;
	char text[513], name[120];
	memset(text, 'x', sizeof(text));
	memset(name, 'n', sizeof(name));
	name[100] = '\0';
	ck_assert_int_eq(ustar_file(&out, "a.txt", text, sizeof(text), 1769869920), 0);
	ck_assert_uint_eq(out.n, 512 * 3);
	ck_assert_int_eq(ustar_file(&out, "empty", "", 0, 0), 0);
	ck_assert_uint_eq(out.n, 512 * 4);
	ck_assert_int_eq(ustar_file(&out, name, "", 0, 0), -EINVAL);
	ck_assert_int_eq(ustar_file(&out, "", "", 0, 0), -EINVAL);
	ck_assert_uint_eq(out.n, 512 * 4);
	ustar_end(&out);
	ck_assert_uint_eq(out.n, 512 * 6);
	ck_assert_str_eq(out.s, "a.txt");
	ck_assert_str_eq(out.s + 124, "00000001001"); /* 513 */
	ck_assert_str_eq(out.s + 257, "ustar");
	unsigned sum = 0;
	for (int i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)out.s[i];
	ck_assert_uint_eq(sum, (unsigned)strtoul(out.s + 148, NULL, 8));
	lb_text_done(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("support");
	TCase *c = tcase_create("support");
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, secrets_go, 0, sizeof(secrets) / sizeof(secrets[0]));
	tcase_add_loop_test(c, addresses_are_others, 0, sizeof(addresses) / sizeof(addresses[0]));
	tcase_add_loop_test(c, nothing_that_a_probe_says, 0, sizeof(configs) / sizeof(configs[0]));
	tcase_add_test(c, ten_thousand_addresses_stay_apart);
	tcase_add_test(c, an_archive_is_whole_blocks);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
