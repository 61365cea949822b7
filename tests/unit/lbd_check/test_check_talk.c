/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole dialogues with real handshakes are in tests/edge/probe; here it is what a line means, and how it is cut. */
#include "lbd/check/check_talk.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The server's words; '|' is where it waits for the client. */
static const struct {
	const char *what;
	enum check_type type;
	bool starttls;
	const char *says;
	enum check_talk_next next;
	enum check_code code;
	const char *text;
} rows[] = {
	{ "smtp", CHECK_TYPE_SMTP, false, "220 hi\r\n|250 me\r\n|250 ok\r\n", CHECK_TALK_END, CHECK_CODE_L7OK,
		"good answers" },
	{ "smtp with bare line feeds", CHECK_TYPE_SMTP, false, "220 hi\n|250 me\n|250 ok\n", CHECK_TALK_END,
		CHECK_CODE_L7OK, "good answers" },
	{ "smtp, long answers", CHECK_TYPE_SMTP, false, "220-a\r\n220 b\r\n|250-c\r\n250-d\r\n250 e\r\n|250\r\n",
		CHECK_TALK_END, CHECK_CODE_L7OK, "good answers" },
	{ "smtp, not yet", CHECK_TYPE_SMTP, false, "220-a\r\n", CHECK_TALK_READ, 0, "" },
	{ "smtp says no to NOOP", CHECK_TYPE_SMTP, false, "220 hi\r\n|250 me\r\n|421 bye\r\n", CHECK_TALK_END,
		CHECK_CODE_L7STS, "NOOP: 421 bye" },
	{ "smtp in a hurry", CHECK_TYPE_SMTP, false, "220 hi\r\n250 me\r\n", CHECK_TALK_END, CHECK_CODE_L7RSP,
		"it speaks before it is asked" },
	{ "smtp, TLS wanted", CHECK_TYPE_SMTP, true, "220 hi\r\n|250 me\r\n|220 go\r\n", CHECK_TALK_TLS, 0, "" },
	{ "smtp, TLS and more", CHECK_TYPE_SMTP, true, "220 hi\r\n|250 me\r\n|220 go\r\nx", CHECK_TALK_END,
		CHECK_CODE_L7RSP, "bytes between the answer and the handshake" },
	{ "smtp, digits and no blank", CHECK_TYPE_SMTP, false, "2200\r\n", CHECK_TALK_END, CHECK_CODE_L7RSP,
		"not smtp: 2200" },
	{ "imap", CHECK_TYPE_IMAP, false, "* PREAUTH hi\r\n|* 1 EXISTS\r\na2 OK\r\n", CHECK_TALK_END, CHECK_CODE_L7OK,
		"good answers" },
	{ "imap says bye", CHECK_TYPE_IMAP, false, "* BYE full\r\n", CHECK_TALK_END, CHECK_CODE_L7STS,
		"greeting: * BYE full" },
	{ "imap says bad", CHECK_TYPE_IMAP, false, "* OK\r\n|a2 BAD what\r\n", CHECK_TALK_END, CHECK_CODE_L7STS,
		"NOOP: a2 BAD what" },
	{ "imap with another tag", CHECK_TYPE_IMAP, false, "* OK\r\n|a9 OK\r\n", CHECK_TALK_END, CHECK_CODE_L7RSP,
		"not imap: a9 OK" },
	{ "pop3", CHECK_TYPE_POP3, false, "+OK\r\n|+OK\r\n", CHECK_TALK_END, CHECK_CODE_L7OK, "good answers" },
	{ "pop3 older than CAPA", CHECK_TYPE_POP3, false, "+OK\r\n|-ERR what\r\n", CHECK_TALK_END, CHECK_CODE_L7OK,
		"good answers" },
	{ "pop3 without TLS", CHECK_TYPE_POP3, true, "+OK\r\n|-ERR what\r\n", CHECK_TALK_END, CHECK_CODE_L7STS,
		"STLS: -ERR what" },
	{ "ftp, lines of any kind inside", CHECK_TYPE_FTP, false, "220-hi\r\n500 x\r\n\r\nfoo\r\n220 go\r\n",
		CHECK_TALK_END, CHECK_CODE_L7OK, "good answers" },
	{ "ftp is full", CHECK_TYPE_FTP, false, "421 full\r\n", CHECK_TALK_END, CHECK_CODE_L7STS,
		"greeting: 421 full" },
	{ "control characters are shown", CHECK_TYPE_FTP, false, "\x01\x02\r\n", CHECK_TALK_END, CHECK_CODE_L7RSP,
		"not ftp: \\x01\\x02" },
	{ "an empty line", CHECK_TYPE_SMTP, false, "\r\n", CHECK_TALK_END, CHECK_CODE_L7RSP, "not smtp, no byte came" },
};

static enum check_talk_next talk(struct check_talk *t, size_t i, size_t cut)
{
	enum check_talk_next next = check_talk_open(t, rows[i].type, rows[i].starttls, NULL);
	const char *at = rows[i].says;
	while (*at && next != CHECK_TALK_END) {
		if (*at == '|') {
			ck_assert_msg(next == CHECK_TALK_SEND, "%s: it was not asked", rows[i].what);
			at++;
		}
		size_t n = strcspn(at, "|");
		n = n > cut ? cut : n;
		next = check_talk_feed(t, at, n);
		at += n;
	}
	return next;
}

START_TEST(dialogues)
{
	static struct check_talk t;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* whole; and byte by byte, unless the row is about what comes in one piece */
		bool hurry = strstr(rows[i].text, "before it") || strstr(rows[i].text, "between");
		for (size_t cut = hurry ? 100 : 1; cut <= 100; cut += 99) {
			enum check_talk_next next = talk(&t, i, cut);
			ck_assert_msg(next == rows[i].next, "%s: %d", rows[i].what, next);
			if (next == CHECK_TALK_END)
				ck_assert_msg(t.result.code == rows[i].code && strcmp(t.result.text, rows[i].text) == 0,
					"%s: %s (%s)", rows[i].what, check_codes[t.result.code].name, t.result.text);
		}
	}
}
END_TEST

START_TEST(what_is_sent)
{
	static struct check_talk t;
	ck_assert_int_eq(check_talk_open(&t, CHECK_TYPE_SMTP, true, NULL), CHECK_TALK_READ);
	static const char *const says[] = { "220 a\r\n", "250 b\r\n" }, *const sent[] = { "EHLO localhost\r\n",
		"STARTTLS\r\n" };
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(check_talk_feed(&t, says[i], 7), CHECK_TALK_SEND);
		ck_assert_uint_eq(t.out_n, strlen(sent[i]));
		ck_assert_mem_eq(t.out, sent[i], t.out_n);
	}
	ck_assert_int_eq(check_talk_feed(&t, "220 go\r\n", 8), CHECK_TALK_TLS);
	ck_assert_int_eq(check_talk_secured(&t), CHECK_TALK_SEND);
	ck_assert_mem_eq(t.out, "EHLO localhost\r\n", t.out_n); /* what was said before does not count any more */
	ck_assert_str_eq(check_talk_about(&t), "EHLO");
	check_talk_bye(&t);
	ck_assert_mem_eq(t.out, "QUIT\r\n", t.out_n);
}
END_TEST

START_TEST(what_it_waits_for)
{
	static struct check_talk t;
	struct check_result r = { 0 };
	char text[CHECK_TEXT_MAX];
	check_talk_open(&t, CHECK_TYPE_SMTP, false, NULL);
	check_talk_waiting(&t, text);
	ck_assert_str_eq(text, "connected, no greeting");
	check_talk_closed(&t, &r);
	ck_assert_str_eq(r.text, "closed, no greeting");
	check_talk_feed(&t, "220", 3);
	check_talk_waiting(&t, text);
	ck_assert_str_eq(text, "the greeting did not end");
	check_talk_closed(&t, &r);
	ck_assert_str_eq(r.text, "closed: 220");
	check_talk_feed(&t, " a\r\n", 4);
	check_talk_waiting(&t, text);
	ck_assert_str_eq(text, "no answer to EHLO");
	check_talk_closed(&t, &r);
	ck_assert_str_eq(r.text, "closed, no answer to EHLO");
}
END_TEST

START_TEST(a_server_that_pours_is_left)
{
	static struct check_talk t;
	static char line[8192];
	memset(line, 'a', sizeof(line));
	check_talk_open(&t, CHECK_TYPE_IMAP, false, NULL);
	ck_assert_int_eq(check_talk_feed(&t, line, sizeof(line)), CHECK_TALK_END);
	ck_assert_int_eq(t.result.code, CHECK_CODE_L7RSP);
	ck_assert_int_eq(strncmp(t.result.text, "line too long: aaaa", 19), 0);
	check_talk_open(&t, CHECK_TYPE_IMAP, false, NULL);
	ck_assert_int_eq(check_talk_feed(&t, "* OK\r\n", 6), CHECK_TALK_SEND);
	size_t fed = 0;
	while (check_talk_feed(&t, "* 1 EXISTS\r\n", 12) == CHECK_TALK_READ)
		fed += 12;
	ck_assert(fed > 65000 && fed < 66000);
	ck_assert_str_eq(t.result.text, "more than 64 KiB and no answer");
	for (int i = 0; i < CHECK_TYPE_COUNT; i++)
		ck_assert(check_talk_knows((enum check_type)i) == (i >= CHECK_TYPE_SMTP && i <= CHECK_TYPE_FTP));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_talk");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, dialogues);
	tcase_add_test(tc, what_is_sent);
	tcase_add_test(tc, what_it_waits_for);
	tcase_add_test(tc, a_server_that_pours_is_left);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
