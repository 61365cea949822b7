/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a script check decides, without a process: which program may be executed, what its arguments are, and what its
 * end means. The processes are in check_keeper_io.c, the descriptors in probe_script_io.c.
 */
#pragma once

#include "lbd/check/check_types.h"

#include <sys/types.h>

struct lb_text;

/* Why an object on the way to a program, or the program itself, could be changed by somebody other than root: NULL
 * when it could not. mode and owner as stat() gives them. */
const char *check_script_untrusted(mode_t mode, uid_t owner);

/* Appends the argument vector of the program, each string with its NUL: the path, then every ARG, in which %a is the
 * address, %p the port (nothing where there is none) and %% a percent sign; any other % stays. Returns how many strings
 * they are; out->bad when memory was out. */
size_t check_script_args(const struct check_spec *s, struct lb_text *out);

enum check_script_how {
	CHECK_SCRIPT_EXITED,     /* value: its status */
	CHECK_SCRIPT_KILLED,     /* value: the signal */
	CHECK_SCRIPT_NOT_STARTED /* value: errno */
};

/* How a program ended. Sent as it is from the keeper to its room, which is the same program. */
struct check_script_end {
	int32_t how; /* enum check_script_how */
	int32_t value;
};

/* The beginning of what it wrote. */
struct check_script_said {
	const char *out, *err;
	size_t n_out, n_err;
};

/* What the end means, by the spec's `weight.from`. Sets code, weight and text. */
void check_script_result(const struct check_spec *s, const struct check_script_end *end,
	const struct check_script_said *said, struct check_result *r);

/* "why: the first line of what it said", or just why. */
void check_script_text(
	struct check_result *r, enum check_code code, const char *why, const struct check_script_said *said);
