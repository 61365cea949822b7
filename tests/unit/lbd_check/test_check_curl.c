/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers are those of curl/curl.h, written out: they are part of its binary interface. */
#include "lbd/check/check_curl.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *what;
	struct check_curl_end end;
	enum check_code code;
	const char *text;
} rows[] = {
	{ "refused", { 7, CHECK_PHASE_CONNECT, 0, ECONNREFUSED, "", "a", false }, CHECK_CODE_L4CON,
		"connection refused" },
	{ "no descriptor", { 7, CHECK_PHASE_CONNECT, EMFILE, 0, "", "a", false }, CHECK_CODE_SOCKERR,
		"too many open files" },
	{ "for another name",
		{ 60, CHECK_PHASE_TLS, 0, 0,
			"SSL: no alternative certificate subject name matches target host name 'a'", "app.example",
			false },
		CHECK_CODE_L6RSP, "certificate is not for app.example" },
	{ "expired", { 60, CHECK_PHASE_TLS, 0, 0, "SSL certificate problem: certificate has expired", "a", false },
		CHECK_CODE_L6RSP, "certificate has expired" },
	{ "self-signed, older OpenSSL",
		{ 60, CHECK_PHASE_TLS, 0, 0, "SSL certificate problem: self signed certificate", "a", false },
		CHECK_CODE_L6RSP, "self-signed certificate" },
	{ "unknown",
		{ 60, CHECK_PHASE_TLS, 0, 0, "SSL certificate problem: unable to get local issuer certificate", "a",
			false },
		CHECK_CODE_L6RSP, "unknown issuer" },
	{ "its root is its own",
		{ 60, CHECK_PHASE_TLS, 0, 0, "SSL certificate problem: self-signed certificate in certificate chain",
			"a", false },
		CHECK_CODE_L6RSP, "unknown issuer (self-signed root)" },
	{ "a problem of tomorrow", { 60, CHECK_PHASE_TLS, 0, 0, "SSL certificate problem: too\x07 odd ", "a", false },
		CHECK_CODE_L6RSP, "too? odd" },
	{ "an alert",
		{ 35, CHECK_PHASE_TLS, 0, 0, "error:0A000410:SSL routines::sslv3 alert handshake failure", "a", false },
		CHECK_CODE_L6RSP, "alert: handshake failure" },
	{ "a late alert",
		{ 56, CHECK_PHASE_TALK, 0, 0,
			"OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0",
			"a", false },
		CHECK_CODE_L6RSP, "alert: certificate required" },
	{ "another error of OpenSSL",
		{ 35, CHECK_PHASE_TLS, 0, 0, "error:0A000102:SSL routines::unsupported protocol", "a", false },
		CHECK_CODE_L6RSP, "unsupported protocol" },
	{ "closed",
		{ 35, CHECK_PHASE_TLS, 0, 0, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to a:443", "a",
			false },
		CHECK_CODE_L6RSP, "closed in the handshake" },
	{ "not TLS", { 35, CHECK_PHASE_TLS, 0, 0, "error:0A00010B:SSL routines::wrong version number", "a", false },
		CHECK_CODE_L6RSP, "not TLS" },
	{ "no file", { 77, CHECK_PHASE_TLS, 0, 0, "", "a", false }, CHECK_CODE_SOCKERR, "ca_file cannot be used" },
	{ "none of the system", { 77, CHECK_PHASE_TLS, 0, 0, "", "a", true }, CHECK_CODE_SOCKERR,
		"no usable authorities in /etc/ssl or /etc/pki: set ca_file" },
	{ "no key", { 58, CHECK_PHASE_TLS, 0, 0, "", "a", false }, CHECK_CODE_SOCKERR,
		"cert_file or key_file cannot be used" },
	{ "no memory", { 27, CHECK_PHASE_CONNECT, 0, 0, "", "a", false }, CHECK_CODE_SOCKERR,
		"cannot allocate memory" },
	{ "a line without end", { 27, CHECK_PHASE_TALK, 0, 0, "", "a", false }, CHECK_CODE_L7RSP,
		"a header line is too long" },
	{ "the same, of a newer libcurl", { 100, CHECK_PHASE_TALK, 0, 0, "", "a", false }, CHECK_CODE_L7RSP,
		"a header line is too long" },
	{ "reset", { 56, CHECK_PHASE_TALK, 0, ECONNRESET, "", "a", false }, CHECK_CODE_L7RSP,
		"connection reset by peer" },
	{ "cut", { 18, CHECK_PHASE_TALK, 0, 0, "", "a", false }, CHECK_CODE_L7RSP, "closed in the middle" },
	{ "HTTP/0.9", { 1, CHECK_PHASE_TALK, 0, 0, "", "a", false }, CHECK_CODE_L7RSP, "not HTTP" },
	{ "a number nobody knows", { 4711, CHECK_PHASE_TALK, 0, 0, "odd", "a", false }, CHECK_CODE_L7RSP, "odd" },
	{ "the same while connecting", { 4711, CHECK_PHASE_CONNECT, 0, 0, "odd", "a", false }, CHECK_CODE_L4CON,
		"odd" },
};

START_TEST(ends)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_result r = { 0 };
		check_curl_result(&rows[i].end, &r);
		ck_assert_msg(r.code == rows[i].code && strcmp(r.text, rows[i].text) == 0, "%s: %s (%s)", rows[i].what,
			check_codes[r.code].name, r.text);
	}
}
END_TEST

static const char *there; /* NULL: none is */

static bool is_there(const char *path)
{
	return there && strcmp(path, there) == 0;
}

/* Distributions do not agree on where the system keeps its authorities. */
START_TEST(authorities_of_the_system)
{
	static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem" };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		there = places[i];
		ck_assert_str_eq(check_curl_ca(is_there), there);
	}
	there = NULL;
	ck_assert_str_eq(check_curl_ca(is_there), places[0]);
}
END_TEST

START_TEST(deadlines)
{
	struct check_result r = { 0 };
	check_curl_expired(CHECK_PHASE_CONNECT, "", &r);
	ck_assert_int_eq(r.code, CHECK_CODE_L4TOUT);
	check_curl_expired(CHECK_PHASE_TLS, "", &r);
	ck_assert_int_eq(r.code, CHECK_CODE_L6TOUT);
	check_curl_expired(CHECK_PHASE_TALK, "no body", &r);
	ck_assert(r.code == CHECK_CODE_L7TOUT && strcmp(r.text, "no body") == 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_curl");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, ends);
	tcase_add_test(tc, authorities_of_the_system);
	tcase_add_test(tc, deadlines);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
