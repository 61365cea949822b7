/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "lbd/check/check_http.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct lb_text text;

struct param {
	enum check_param key;
	const char *value;
};

static struct check_params params_of(const struct param *p)
{
	lb_text_clear(&text);
	for (; p->key; p++)
		ck_assert_int_eq(check_param_put(&text, p->key, p->value, strlen(p->value)), 0);
	return (struct check_params){ (const uint8_t *)text.s, (uint32_t)text.n };
}

static const struct {
	const char *what;
	struct param params[5];
	const char *head, *body;
	bool whole;
	int code; /* -1: how it broke is the result */
	const char *text;
	uint16_t weight;
} rows[] = {
	{ "good", { { 0 } }, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "x", true, CHECK_CODE_L7OK, "200", 0 },
	{ "HTTP/2 has no words", { { 0 } }, "HTTP/2 503 \r\n\r\n", "", true, CHECK_CODE_L7STS, "503", 0 },
	{ "HTTP/2 as wanted", { { CHECK_PARAM_HTTP_VERSION, "2" } }, "HTTP/2 200 \r\n\r\n", "", true, CHECK_CODE_L7OK,
		"200", 0 },
	{ "HTTP/1.1 where HTTP/2 is wanted", { { CHECK_PARAM_HTTP_VERSION, "2" } }, "HTTP/1.1 200 OK\r\n\r\n", "", true,
		CHECK_CODE_L7RSP, "the server speaks HTTP/1.1, not HTTP/2", 0 },
	{ "a bad status, whatever follows", { { 0 } }, "HTTP/1.1 500 Oh \x01\r\n\r\n", "", false, CHECK_CODE_L7STS,
		"500 Oh ?", 0 },
	{ "one of several", { { CHECK_PARAM_STATUS, "200" }, { CHECK_PARAM_STATUS, "400-404" } },
		"HTTP/1.1 404 No\r\n\r\n", "", true, CHECK_CODE_L7OK, "404", 0 },
	{ "none of several", { { CHECK_PARAM_STATUS, "200" }, { CHECK_PARAM_STATUS, "400-404" } },
		"HTTP/1.1 405 No\r\n\r\n", "", true, CHECK_CODE_L7STS, "405 No", 0 },
	{ "an interim reply is none", { { 0 } }, "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "", true,
		CHECK_CODE_L7OK, "200", 0 },
	{ "only an interim reply", { { 0 } }, "HTTP/1.1 100 Go\r\n\r\n", "", true, CHECK_CODE_L7STS, "100 Go", 0 },
	{ "another protocol, if that is wanted: no end comes", { { CHECK_PARAM_STATUS, "101" } },
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "", false, CHECK_CODE_L7OK, "101",
		0 },
	{ "another protocol, and it is not wanted", { { 0 } }, "HTTP/1.1 101 Over\r\n\r\n", "", false, CHECK_CODE_L7STS,
		"101 Over", 0 },
	{ "broken in the headers", { { 0 } }, "HTTP/1.1 200 OK\r\nA: b", "", false, -1, "", 0 },
	{ "broken in the body", { { 0 } }, "HTTP/1.1 200 OK\r\n\r\n", "x", false, -1, "", 0 },
	{ "broken after the wanted text", { { CHECK_PARAM_BODY, "ab" } }, "HTTP/1.1 200 OK\r\n\r\n", "aab", false,
		CHECK_CODE_L7OK, "200", 0 },
	{ "the wanted text behind the limit", { { CHECK_PARAM_BODY, "ab" }, { CHECK_PARAM_MAX_BODY, "2" } },
		"HTTP/1.1 200 OK\r\n\r\n", "aab", true, CHECK_CODE_L7STS, "200, but the wanted text is not in the body",
		0 },
	{ "both text and regex", { { CHECK_PARAM_BODY, "ab" }, { CHECK_PARAM_BODY_REGEX, "c$" } },
		"HTTP/1.1 200 OK\r\n\r\n", "abc", true, CHECK_CODE_L7OK, "200", 0 },
	{ "the regex sees no more than the limit",
		{ { CHECK_PARAM_BODY_REGEX, "^aa$" }, { CHECK_PARAM_MAX_BODY, "2" } }, "HTTP/1.1 200 OK\r\n\r\n", "aab",
		true, CHECK_CODE_L7OK, "200", 0 },
	{ "a regex on nothing", { { CHECK_PARAM_BODY_REGEX, "." } }, "HTTP/1.1 200 OK\r\n\r\n", "", true,
		CHECK_CODE_L7STS, "200, but body_regex does not match", 0 },
	{ "a weight in a header", { { CHECK_PARAM_WEIGHT_FROM, "header" }, { CHECK_PARAM_WEIGHT_NAME, "X-Weight" } },
		"HTTP/1.1 200 OK\r\nx-weight:12\r\n\r\n", "", true, CHECK_CODE_L7OKC, "200, weight 12", 12 },
	{ "no weight in a header", { { CHECK_PARAM_WEIGHT_FROM, "header" }, { CHECK_PARAM_WEIGHT_NAME, "X-Weight" } },
		"HTTP/1.1 200 OK\r\nX-Weights: 12\r\n\r\n", "", true, CHECK_CODE_L7OK, "200, without a weight", 0 },
	{ "a weight of an interim reply",
		{ { CHECK_PARAM_WEIGHT_FROM, "header" }, { CHECK_PARAM_WEIGHT_NAME, "X-Weight" } },
		"HTTP/1.1 103 Hints\r\nX-Weight: 12\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "", true, CHECK_CODE_L7OK,
		"200, without a weight", 0 },
	{ "a weight in JSON", { { CHECK_PARAM_WEIGHT_FROM, "json" }, { CHECK_PARAM_WEIGHT_NAME, "a.b" } },
		"HTTP/1.1 200 OK\r\n\r\n", "{\"a\":{\"b\":\"75%\"}}", true, CHECK_CODE_L7OKC, "200, weight 75%", 75 },
	{ "JSON that was cut",
		{ { CHECK_PARAM_MAX_BODY, "5" }, { CHECK_PARAM_WEIGHT_FROM, "json" },
			{ CHECK_PARAM_WEIGHT_NAME, "a" } },
		"HTTP/1.1 200 OK\r\n\r\n", "{\"a\":7}", true, CHECK_CODE_L7OK, "200, without a weight", 0 },
};

static void run(size_t i, size_t cut)
{
	struct check_http h;
	struct check_result r = { 0 };
	struct check_params p = params_of(rows[i].params);
	ck_assert_int_eq(check_http_init(&h, &p), 0);
	bool more = true;
	for (const char *at = rows[i].head; *at && more;) {
		size_t n = strcspn(at, "\n");
		n += at[n] == '\n';
		more = check_http_header(&h, at, n);
		at += n;
	}
	for (const char *at = rows[i].body; *at && more;) {
		size_t n = strnlen(at, cut);
		more = check_http_body(&h, at, n);
		at += n;
	}
	bool known = check_http_judge(&h, rows[i].whole, &r);
	ck_assert_msg(known == (rows[i].code >= 0), "%s: %s", rows[i].what, r.text);
	if (known)
		ck_assert_msg((int)r.code == rows[i].code && strcmp(r.text, rows[i].text) == 0 &&
				      r.weight.value == rows[i].weight,
			"%s: %s (%s) %u", rows[i].what, check_codes[r.code].name, r.text, r.weight.value);
	check_http_done(&h);
	check_http_done(&h);
}

START_TEST(replies)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run(i, 1);
		run(i, 1000);
	}
}
END_TEST

START_TEST(limits)
{
	struct check_http h;
	struct check_result r = { 0 };
	static char big[200000];
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = 'b';
	struct check_params none = { 0 };
	ck_assert_int_eq(check_http_init(&h, &none), 0);
	unsigned lines = 0;
	while (check_http_header(&h, "A: b\r\n", 6))
		lines++;
	ck_assert_uint_eq(lines, 65536 / 6);
	ck_assert(check_http_judge(&h, false, &r) && r.code == CHECK_CODE_L7RSP);
	check_http_done(&h);
	const struct param p[] = { { CHECK_PARAM_BODY, "ab" }, { CHECK_PARAM_MAX_BODY, "200000" }, { 0 } };
	none = params_of(p);
	ck_assert_int_eq(check_http_init(&h, &none), 0);
	check_http_header(&h, "HTTP/1.1 200 OK\r\n", 17);
	check_http_header(&h, "\r\n", 2);
	ck_assert(!check_http_body(&h, big, sizeof(big)) && h.matched); /* past what a TCP reply may have */
	check_http_done(&h);
	const struct param bad[] = { { CHECK_PARAM_BODY_REGEX, "(" }, { 0 } };
	none = params_of(bad);
	ck_assert_int_eq(check_http_init(&h, &none), -EINVAL);
}
END_TEST

static const struct {
	const char *what, *json, *path;
	int weight; /* -1: none */
} weights[] = {
	{ "a number", "{\"a\":5}", "a", 5 },
	{ "a real one is rounded", "{\"a\":5.5}", "a", 6 },
	{ "alone", "17", "", 17 },
	{ "the largest", "65535", "", 65535 },
	{ "larger", "65536", "", -1 },
	{ "negative", "-1", "", -1 },
	{ "huge", "1e300", "", -1 },
	{ "a text", "\"50%\"", "", 50 },
	{ "a text that is no weight", "\"much\"", "", -1 },
	{ "true", "true", "", -1 },
	{ "not there", "{\"a\":5}", "b", -1 },
	{ "not an object", "{\"a\":5}", "a.b", -1 },
	{ "an array", "[1]", "0", -1 },
	{ "not JSON", "{", "a", -1 },
	{ "nothing", "", "", -1 },
};

START_TEST(json_weights)
{
	char deep[20001], path[300];
	struct check_weight w;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		w = (struct check_weight){ 0 };
		bool ok = check_http_json_weight(weights[i].json, strlen(weights[i].json), weights[i].path, &w);
		ck_assert_msg(ok == (weights[i].weight >= 0) && (!ok || w.value == weights[i].weight), "%s: %d %u",
			weights[i].what, ok, w.value);
	}
	memset(deep, '[', sizeof(deep));
	ck_assert(!check_http_json_weight(deep, sizeof(deep), "a", &w));
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ck_assert(!check_http_json_weight("{}", 2, path, &w));
}
END_TEST

START_TEST(what_may_be_sent)
{
	ck_assert(check_http_host_ok("app.example") && check_http_host_ok("10.0.0.1") &&
		  check_http_host_ok("2001:db8::1"));
	static const char *const hosts[] = { "", "a b", "a@b", "a/b", "a:80", "a\r\nb", "[::1]" };
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		ck_assert_msg(!check_http_host_ok(hosts[i]), "%s", hosts[i]);
	ck_assert(check_http_word_ok("/a?b=c#d") && !check_http_word_ok("") && !check_http_word_ok("/a b") &&
		  !check_http_word_ok("/a\r\n"));
	ck_assert(check_http_field_ok("A: b c") && check_http_field_ok("A:") && check_http_field_ok("A: b\tc"));
	ck_assert(!check_http_field_ok("A") && !check_http_field_ok(": b") && !check_http_field_ok("A : b") &&
		  !check_http_field_ok("A: b\r\nC: d"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_http");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, replies);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, json_weights);
	tcase_add_test(tc, what_may_be_sent);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	lb_text_done(&text);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
