/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log sink: the journal's native datagram protocol when standard error is connected to the journal
 * (JOURNAL_STREAM is set), else one line on standard error. Control characters never reach it: lines are escaped here.
 * Where the journal's socket is made anew the next line, or one a second later, finds it, also from inside a room.
 * Without memory a line is still told, on standard error, at least its first 500 bytes.
 *
 * A reader that is gone, or stands still, holds up nobody: what it does not take is lost. For that lb_log_init opens
 * standard error anew, without blocking, where it is a pipe or a terminal. So no process with this sink is ended by
 * SIGPIPE; what it executes gets the default back.
 */
#pragma once

#include "common/log.h"

#include <stdbool.h>

/* Call once per process, and again in a child that has closed all descriptors but the first three. name:
 * SYSLOG_IDENTIFIER ("lbd"), borrowed for good. */
void lb_log_init(const char *name, enum lb_log_level level);
void lb_log_set_level(enum lb_log_level level); /* of all parts */
void lb_log_set_part(enum lb_log_part part, enum lb_log_level level);
enum lb_log_level lb_log_get_level(void); /* the most talkative of all */

/* Whether this line would be written. */
bool lb_log_wants(enum lb_log_level level, const char *line);

/* A line that is written already. fields: "KEY=value\n" for each that the journal gets beside it, without bytes that
 * need escaping; NULL = none. */
void lb_log_fields(enum lb_log_level level, const char *fields, const char *line);

/* Lines for standard error as they are, such as what is wrong with a file. */
void lb_log_report(const char *text, size_t n);

/* fmt gives the line without newline and without the level. */
__attribute__((format(printf, 2, 3))) void lb_log(enum lb_log_level level, const char *fmt, ...);
