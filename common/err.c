/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int lb_err_set(struct lb_err *e, enum lb_code code, const char *fmt, ...)
{
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	e->code = code;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int lb_err_file(struct lb_err *e, enum lb_code code, const char *path, int err)
{
	static const struct {
		int err;
		const char *next;
	} rows[] = {
		{ ENOENT, "; check the name: `lbd --print=keys` lists what a new file may say" },
		{ EACCES, "; who runs this may not read it, or not enter a directory above it" },
		{ EISDIR, "; name a file in it" },
	};
	const char *next = "";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].err == err)
			next = rows[i].next;
	return lb_err_set(e, code, "%s: %s%s", path, strerror(err), next);
}

static const struct {
	int code;
	const char *name;
} codes[] = {
	{ LB_CODE_OK, "ok" },
	{ LB_CODE_NO, "no" },
	{ LB_CODE_USAGE, "usage" },
	{ LB_CODE_UNREACHABLE, "unreachable" },
	{ LB_CODE_NOT_FOUND, "not_found" },
	{ LB_CODE_DENIED, "denied" },
	{ LB_CODE_INVALID, "invalid" },
	{ LB_CODE_REFUSED, "refused" },
	{ LB_CODE_FAILED, "failed" },
	{ LB_CODE_TIMEOUT, "timeout" },
	{ LB_CODE_INTERRUPTED, "interrupted" },
};

const char *lb_code_name(int code)
{
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "unknown";
}
