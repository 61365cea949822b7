/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log levels and the text of one log line. Pure code never logs: the owner of a transition writes one line, object
 * first, `kind/name: old -> new (reason, key=value)`. Writing is log_io.h.
 * error: a person must act; warning: we coped, look later; notice: a state changed; info: what an operator asked for
 * was done; debug: the rest.
 */
#pragma once

#include <stddef.h>

enum lb_log_level {
	LB_LOG_ERROR = 3, /* the numbers of syslog (RFC 5424 6.2.1), which the journal uses as PRIORITY */
	LB_LOG_WARNING = 4,
	LB_LOG_NOTICE = 5,
	LB_LOG_INFO = 6,
	LB_LOG_DEBUG = 7
};

/* What an operator may set a level of its own for (`lbctl log level`). */
enum lb_log_part { LB_LOG_CONFIG, LB_LOG_IPVS, LB_LOG_CHECK, LB_LOG_VRRP, LB_LOG_SYNC, LB_LOG_CTL, LB_LOG_OTHER };
#define LB_LOG_PARTS 6 /* that have a name: all but OTHER */

extern const char *const lb_log_part_names[LB_LOG_PARTS + 1]; /* "config" ..., NULL behind the last */

/* Which part a line is of, by the object that it begins with ("backend/web/app1: ..."). */
enum lb_log_part lb_log_part_of(const char *line);

const char *lb_log_level_name(enum lb_log_level level);

/* The level of a word of n bytes, or -1. */
int lb_log_level_parse(const char *s, size_t n);
