/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/log.h"

#include <string.h>

static const char *const names[] = {
	[LB_LOG_ERROR] = "error",
	[LB_LOG_WARNING] = "warning",
	[LB_LOG_NOTICE] = "notice",
	[LB_LOG_INFO] = "info",
	[LB_LOG_DEBUG] = "debug",
};

const char *lb_log_level_name(enum lb_log_level level)
{
	return (unsigned)level < sizeof(names) / sizeof(names[0]) && names[level] ? names[level] : "unknown";
}

int lb_log_level_parse(const char *s, size_t n)
{
	for (int i = LB_LOG_ERROR; i <= LB_LOG_DEBUG; i++)
		if (strlen(names[i]) == n && memcmp(names[i], s, n) == 0)
			return i;
	return -1;
}
