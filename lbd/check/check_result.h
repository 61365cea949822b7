/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the outcome of a system call becomes a result. The important line is between our own faults (ERROR, never
 * counted) and the backend's (FAIL): it depends on the errno and on whether the call failed here and now, or the
 * network answered later.
 */
#pragma once

#include "lbd/check/check_types.h"

enum check_from {
	CHECK_FROM_US, /* socket, connect: the call itself failed */
	CHECK_FROM_NET /* SO_ERROR after a connection attempt, read and write on a connection */
};

/* Fills code and text. text is cut to what fits; latency is kept. */
void check_result_set(struct check_result *r, enum check_code code, const char *text);

/* The failure of a connection attempt: SOCKERR when it is ours, L4CON or L4TOUT otherwise; the text is the errno's.
 * EACCES is the difference: from the call a local rule or route, from the network an ICMPv6 "prohibited". Where it is
 * ours and may be a route, ask_route is set. */
void check_result_connect(struct check_result *r, int err, enum check_from from);

/* The failure of reading or writing on an open connection: SOCKERR when memory was out, L7RSP otherwise. */
void check_result_talk(struct check_result *r, int err);

/* The process stood still for stalled_us while the probe ran: where that is more than a quarter of its time, "no answer
 * in time" is our own doing, and says so. Any other result is left alone. Less does not count: on a host that is always
 * a little short of time a dead backend must be found, too. */
void check_result_distrust(struct check_result *r, int64_t stalled_us, uint32_t timeout_ms);

/* L7RSP with the beginning of what came: "why: SSH-2.0-OpenSSH\x0d\x0a". Whole characters and escapes only; "..." when
 * bytes were left out. n = 0: "why, no byte came". */
void check_result_reply(struct check_result *r, const char *why, const char *head, size_t n, bool more);

/* Appends ": " and these bytes to the text, escaped: as many as fit whole, then "...", also when `more` were left out.
 */
void check_result_quote(struct check_result *r, const char *bytes, size_t n, bool more);

/* code, and the errno as text: "permission denied". */
void check_result_errno(struct check_result *r, enum check_code code, int err);
