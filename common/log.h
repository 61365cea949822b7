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

const char *lb_log_level_name(enum lb_log_level level);

/* The level of a word of n bytes, or -1. */
int lb_log_level_parse(const char *s, size_t n);
