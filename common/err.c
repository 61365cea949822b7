/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>

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
