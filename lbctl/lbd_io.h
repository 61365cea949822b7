/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program lbd, run as the caller: where LBD_BIN says, beside our own binary, where packages put it, in the PATH. */
#pragma once

#include "common/err.h"

#include <stddef.h>

/* Becomes it. argv ends with NULL. Returns only when none of them runs: *e says what to do. */
void lbd_become(const char *const *argv, struct lb_err *e);

/* Runs it, or another program of the PATH, without standard input, and hands over each line that it prints, with its
 * newline. 0; -1 with *e: it cannot be run, or did not end well. */
typedef void lbd_line_fn(const char *line, size_t n, void *arg);
int lbd_lines(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e);
int program_lines(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e);

/* Runs lbd with our standard input and hands over what it says on standard error, too: its exit status, or -1 with *e.
 */
int lbd_report(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e);
