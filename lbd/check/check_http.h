/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an HTTP reply means to a check: its status, its body, and the weight it may carry. The reply comes in pieces, as
 * libcurl hands them over: header lines (of interim replies, too), then the body, already without its transfer coding.
 * The result does not depend on where the body was cut. Each call says whether more is wanted: it stops as soon as the
 * verdict is known, and at the limits, so that no reply costs more than these.
 */
#pragma once

#include "lbd/check/check_match.h"
#include "lbd/check/check_types.h"

#define CHECK_HTTP_HEADERS_MAX ((size_t)65536)
#define CHECK_HTTP_BODY_MAX    65536u /* unless the check says otherwise */

struct check_regex;

struct check_http {
	const struct check_params *params; /* borrowed */
	uint16_t status;                   /* 0: no status line yet */
	char reason[32];
	bool http2; /* what its status line says it speaks */
	bool headers_done, stopped, matching, matched, keeps, no_memory;
	size_t header_bytes, body_bytes, body_max;
	struct check_match match;
	struct check_regex *regex;
	char *body; /* owned: what regex and JSON need whole */
	size_t body_cap;
	struct check_weight weight;
};

/* params are borrowed until check_http_done. 0; -EINVAL: body_regex is none; -ENOMEM. */
int check_http_init(struct check_http *h, const struct check_params *params);

/* One header line with its end of line, the status line and the empty line included. Accepts any bytes. False: stop. */
bool check_http_header(struct check_http *h, const char *line, size_t n);

/* The next piece of the body. False: stop. */
bool check_http_body(struct check_http *h, const char *piece, size_t n);

/* The result. True: *r is it. False: the transfer broke before the reply was whole and nothing in it says no; then the
 * way in which it broke is the result. whole: the reply had its end. Does not change what h means. */
bool check_http_judge(struct check_http *h, bool whole, struct check_result *r);

/* What is missing, for the deadline: "200, but the body did not end". */
void check_http_waiting(const struct check_http *h, char out[CHECK_TEXT_MAX]);

/* The weight at a dotted path ("load.free") of a JSON text: a number or a text as check_weight_parse takes it. An empty
 * path is the whole text. Accepts any bytes. False: not there, or no weight. */
bool check_http_json_weight(const char *text, size_t n, const char *path, struct check_weight *out);

/* Whether a status is wanted: "200" or "200-299", repeated; without any 200-399. */
bool check_http_status_wanted(const struct check_params *params, unsigned status);

/* Nothing of HTTP comes after its headers but a body: 101 hands the connection to another protocol, and every other 1xx
 * is followed by the real reply. */
static inline bool check_http_status_final(unsigned status)
{
	return status >= 200 || status == 101;
}

/* Whether these may stand in a request as they are: host is an address or a name; word (method, target) has no blank
 * and no control byte; header is "Name: value" in one line. */
bool check_http_host_ok(const char *host);
bool check_http_word_ok(const char *word);
bool check_http_field_ok(const char *line);

void check_http_done(struct check_http *h);
