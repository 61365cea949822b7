/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_file.h"

#include "lbd/check/check_result.h"
#include "lbd/check/check_weight.h"

#include <errno.h>

void check_file_result(const char *bytes, size_t n, struct check_result *r)
{
	if (n)
		check_agent_judge(bytes, n, r);
	else
		check_result_set(r, CHECK_CODE_L7RSP, "the file is empty");
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
