/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS message of a probe (RFC 1035): one question of class IN, and what a reply says to it. A reply is up to 64 KiB
 * from a stranger: a name ends after 255 bytes and each pointer leads backwards, so the work is bounded by its size.
 * That is why no library expands the names here: c-ares follows 50 pointers over as many bytes as there are, each time.
 */
#pragma once

#include "lbd/check/check_types.h"

#define CHECK_DNS_NAME_MAX     255u /* as bytes of a message; 253 characters of text */
#define CHECK_DNS_QUESTION_MAX (CHECK_DNS_NAME_MAX + 4u)
#define CHECK_DNS_QUERY_MAX    (12u + CHECK_DNS_QUESTION_MAX)

struct check_dns_question {
	uint16_t id, type;
	size_t n;
	uint8_t bytes[CHECK_DNS_QUESTION_MAX]; /* as it stands in the message: name, type, class */
};

/* "example.com AAAA": a name, with or without a dot at its end, and after blanks a type, A without; in any case. Fills
 * *q and writes the message, *n bytes of it. q, or out and n, may be NULL. 0, or -EINVAL with all of them untouched. */
int check_dns_query(
	const char *query, uint16_t id, struct check_dns_question *q, uint8_t out[CHECK_DNS_QUERY_MAX], size_t *n);

enum check_dns_say {
	CHECK_DNS_JUDGED, /* *r tells it */
	CHECK_DNS_OTHER,  /* another id or another question: not a reply to this one */
	CHECK_DNS_CUT     /* the answer did not fit into a datagram: ask over TCP */
};

/* A reply of n bytes to q, judged by what the spec wants (CHECK_PARAM_ANSWER, CHECK_PARAM_RCODE). Fills code and text
 * of *r when it is judged. stream: it came over TCP, where nothing is cut. */
enum check_dns_say check_dns_reply(const struct check_dns_question *q, const struct check_params *want,
	const uint8_t *bytes, size_t n, bool stream, struct check_result *r);
