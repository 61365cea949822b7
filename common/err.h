/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors for people. There are two ways to fail in lbd and no function mixes them:
 *   for machines  int, 0 or -errno;
 *   for people    a `struct lb_err *` as last parameter, return 0 or -1 (or NULL).
 * The code is a closed list that is at once lbctl's exit status and the "code" of the JSON contract.
 */
#pragma once

enum lb_code {
	LB_CODE_OK = 0, /* also when standard output was closed early */
	LB_CODE_NO = 1, /* a negative answer, no error: the diff is not empty */
	LB_CODE_USAGE = 2,
	LB_CODE_UNREACHABLE = 3, /* no daemon on the socket */
	LB_CODE_NOT_FOUND = 4,
	LB_CODE_DENIED = 5,
	LB_CODE_INVALID = 6, /* configuration rejected */
	LB_CODE_REFUSED = 7, /* another generation runs, or not confirmed by the user */
	LB_CODE_FAILED = 8,  /* kernel, disk or apply failure */
	LB_CODE_TIMEOUT = 9,
	LB_CODE_INTERRUPTED = 130
};

struct lb_err {
	enum lb_code code;
	char text[512];
};

/* Sets *e (e may be NULL). Always returns -1, so that a caller can `return lb_err_set(...)`. */
__attribute__((format(printf, 3, 4))) int lb_err_set(struct lb_err *e, enum lb_code code, const char *fmt, ...);

/* The same for a file that could not be read: what the system said (err, an errno value) and what to do next. */
int lb_err_file(struct lb_err *e, enum lb_code code, const char *path, int err);

/* The word for a code as it stands in JSON: "not_found". "unknown" for a number outside the list. */
const char *lb_code_name(int code);
