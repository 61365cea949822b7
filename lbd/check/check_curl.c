/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_curl.h"

#include "lbd/check/check_result.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOO_LARGE 100 /* CURLE_TOO_LARGE, since 8.6 */

/* Texts of X509_verify_cert that say it in other words than people do. */
static const struct {
	const char *theirs, *ours;
} verify_words[] = {
	{ "self signed certificate in certificate chain", "unknown issuer (self-signed root)" },
	{ "self-signed certificate in certificate chain", "unknown issuer (self-signed root)" },
	{ "self signed certificate", "self-signed certificate" },
	{ "unable to get local issuer certificate", "unknown issuer" },
	{ "unable to get issuer certificate", "unknown issuer" },
	{ "unable to verify the first certificate", "unknown issuer" },
};

static const char *const ca_files[] = {
	"/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Alpine, Gentoo */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
	"/etc/pki/tls/certs/ca-bundle.crt",                  /* the same, older */
	"/etc/ssl/ca-bundle.pem",                            /* SUSE */
	"/etc/ssl/cert.pem",
};

const char *check_curl_ca(bool (*is_there)(const char *path))
{
	for (size_t i = 0; i < sizeof(ca_files) / sizeof(ca_files[0]); i++)
		if (is_there(ca_files[i]))
			return ca_files[i];
	return ca_files[0];
}

static void cut_copy(char out[CHECK_TEXT_MAX], const char *text)
{
	size_t n = 0;
	for (; text[n] && n < CHECK_TEXT_MAX - 1; n++)
		out[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static void set_text(struct check_result *r, enum check_code code, const char *text)
{
	char clean[CHECK_TEXT_MAX];
	cut_copy(clean, text);
	check_result_set(r, code, clean);
}

static void not_for(struct check_result *r, const char *name)
{
	char text[CHECK_TEXT_MAX + 32];
	snprintf(text, sizeof(text), "certificate is not for %.64s", name);
	set_text(r, CHECK_CODE_L6RSP, text);
}

static void certificate(const struct check_curl_end *end, struct check_result *r)
{
	static const char problem[] = "SSL certificate problem: ";
	const char *why = end->why;
	if (strstr(why, "subject name") || strstr(why, "mismatch")) {
		not_for(r, end->name);
		return;
	}
	if (strncmp(why, problem, strlen(problem)) == 0)
		why += strlen(problem);
	for (size_t i = 0; i < sizeof(verify_words) / sizeof(verify_words[0]); i++)
		if (strncmp(why, verify_words[i].theirs, strlen(verify_words[i].theirs)) == 0) {
			set_text(r, CHECK_CODE_L6RSP, verify_words[i].ours);
			return;
		}
	set_text(r, CHECK_CODE_L6RSP, *why ? why : "certificate does not verify");
}

/* "error:0A000410:SSL routines::sslv3 alert handshake failure" -> "alert: handshake failure" */
static bool alert(const char *why, struct check_result *r)
{
	const char *at = strstr(why, " alert ");
	if (!at)
		return false;
	char text[CHECK_TEXT_MAX];
	int n = (int)strcspn(at + 7, ",");
	snprintf(text, sizeof(text), "alert: %.*s", n > 50 ? 50 : n, at + 7);
	set_text(r, CHECK_CODE_L6RSP, text);
	return true;
}

static void handshake(const struct check_curl_end *end, struct check_result *r)
{
	static const struct {
		const char *theirs, *ours;
	} words[] = {
		{ "wrong version number", "not TLS" },
		{ "packet length too long", "not TLS" },
		{ "unexpected eof", "closed in the handshake" },
		{ "SSL_ERROR_SYSCALL", "closed in the handshake" },
		{ "SSL_ERROR_ZERO_RETURN", "closed in the handshake" },
		{ "Connection reset", "connection reset in the handshake" },
		{ "Broken pipe", "closed in the handshake" },
	};
	if (alert(end->why, r))
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(end->why, words[i].theirs)) {
			set_text(r, CHECK_CODE_L6RSP, words[i].ours);
			return;
		}
	const char *tail = strstr(end->why, "::");
	set_text(r, CHECK_CODE_L6RSP, tail ? tail + 2 : *end->why ? end->why : "handshake failed");
}

static void lost(const struct check_curl_end *end, struct check_result *r)
{
	if (alert(end->why, r)) /* TLS 1.3 says only now that it misses our certificate */
		return;
	if (end->os_err)
		check_result_talk(r, end->os_err);
	else if (strstr(end->why, "reset by peer"))
		check_result_talk(r, ECONNRESET);
	else
		check_result_set(r, CHECK_CODE_L7RSP, "closed in the middle");
}

static void no_connection(const struct check_curl_end *end, struct check_result *r)
{
	if (end->socket_err)
		check_result_connect(r, end->socket_err, CHECK_FROM_US);
	else if (end->os_err)
		check_result_connect(r, end->os_err, CHECK_FROM_NET);
	else
		set_text(r, CHECK_CODE_L4CON, *end->why ? end->why : "cannot connect");
}

void check_curl_result(const struct check_curl_end *end, struct check_result *r)
{
	switch (end->code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT: no_connection(end, r); return;
	case CURLE_PEER_FAILED_VERIFICATION: certificate(end, r); return;
	case CURLE_SSL_CONNECT_ERROR: handshake(end, r); return;
	case CURLE_SSL_CACERT_BADFILE:
		check_result_set(r, CHECK_CODE_SOCKERR,
			end->system_ca ? "no usable authorities in /etc/ssl or /etc/pki: set ca_file"
				       : "ca_file cannot be used");
		return;
	case CURLE_SSL_CERTPROBLEM:
		check_result_set(r, CHECK_CODE_SOCKERR, "cert_file or key_file cannot be used");
		return;
	case TOO_LARGE: check_result_set(r, CHECK_CODE_L7RSP, "a header line is too long"); return;
	case CURLE_OUT_OF_MEMORY: /* this is also what 7.88 says of a line of more than 100 KiB */
		if (end->phase == CHECK_PHASE_TALK)
			check_result_set(r, CHECK_CODE_L7RSP, "a header line is too long");
		else
			check_result_connect(r, ENOMEM, CHECK_FROM_US);
		return;
	case CURLE_GOT_NOTHING: check_result_set(r, CHECK_CODE_L7RSP, "closed, no byte came"); return;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE: lost(end, r); return;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: any bytes */
	case CURLE_WEIRD_SERVER_REPLY: check_result_set(r, CHECK_CODE_L7RSP, "not HTTP"); return;
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM: check_result_set(r, CHECK_CODE_L7RSP, "not HTTP/2"); return;
	default:
		if (end->phase == CHECK_PHASE_CONNECT)
			no_connection(end, r);
		else if (end->phase == CHECK_PHASE_TLS)
			handshake(end, r);
		else
			set_text(r, CHECK_CODE_L7RSP, *end->why ? end->why : "reply not understood");
		return;
	}
}

void check_curl_expired(enum check_phase phase, const char *talk, struct check_result *r)
{
	switch (phase) {
	case CHECK_PHASE_CONNECT: check_result_set(r, CHECK_CODE_L4TOUT, "no answer to connect"); return;
	case CHECK_PHASE_TLS:
		check_result_set(r, CHECK_CODE_L6TOUT, "connected, but the handshake did not end");
		return;
	case CHECK_PHASE_TALK: check_result_set(r, CHECK_CODE_L7TOUT, talk); return;
	}
}
