/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_file.h"

#include "lbd/check/check_result.h"
#include "lbd/check/check_weight.h"

#include <errno.h>
#include <string.h>

void check_file_result(const char *bytes, size_t n, struct check_result *r)
{
	struct check_agent a;
	size_t line = 0;
	while (line < n && bytes[line] != '\n' && bytes[line] != '\r')
		line++;
	r->weight = (struct check_weight){ CHECK_WEIGHT_NONE, 0 };
	if (line == 0) {
		check_result_set(r, CHECK_CODE_L7RSP, "the file says nothing");
		return;
	}
	if (!check_agent_parse(bytes, n, &a)) {
		check_result_set(r, CHECK_CODE_L7RSP, "not understood");
		check_result_quote(r, bytes, line, false);
		return;
	}
	if (a.word == CHECK_WORD_DOWN) {
		check_result_set(r, CHECK_CODE_L7STS, "the file says");
	} else {
		check_result_set(r, a.weight.kind ? CHECK_CODE_L7OKC : CHECK_CODE_L7OK, "the file says");
		r->weight = a.weight;
	}
	check_result_quote(r, bytes, line, false);
}

void check_file_failed(int err, struct check_result *r)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOMEM: check_result_errno(r, CHECK_CODE_SOCKERR, err); break;
	case ELOOP: check_result_set(r, CHECK_CODE_L7STS, "it is a symbolic link"); break;
	default: check_result_errno(r, CHECK_CODE_L7STS, err); break;
	}
}
