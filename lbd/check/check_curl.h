/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the end of a transfer means: libcurl's number, its message and how far the connection had come become a result
 * whose text is short and names the fault. Where libcurl's and OpenSSL's messages are not known to us they are shown
 * as they are.
 */
#pragma once

#include "lbd/check/check_types.h"

enum check_phase { CHECK_PHASE_CONNECT, CHECK_PHASE_TLS, CHECK_PHASE_TALK };

struct check_curl_end {
	int code; /* CURLcode, not CURLE_OK */
	enum check_phase phase;
	int socket_err;   /* errno: there was no socket; 0 = there was */
	int os_err;       /* errno of connect, read or write as libcurl kept it; 0 = none */
	const char *why;  /* libcurl's message, may be empty */
	const char *name; /* that the certificate had to be for */
	bool system_ca;   /* no ca_file was named */
};

/* The file of authorities that the system trusts: the first of where distributions keep it that is there. Where none
 * is, one that is not. */
const char *check_curl_ca(bool (*is_there)(const char *path));

/* Fills code and text. */
void check_curl_result(const struct check_curl_end *end, struct check_result *r);

/* The deadline has come in this phase; in TALK the text is `talk`. */
void check_curl_expired(enum check_phase phase, const char *talk, struct check_result *r);
