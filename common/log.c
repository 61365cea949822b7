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

const char *const lb_log_part_names[LB_LOG_PARTS + 1] = {
	[LB_LOG_CONFIG] = "config",
	[LB_LOG_IPVS] = "ipvs",
	[LB_LOG_CHECK] = "check",
	[LB_LOG_VRRP] = "vrrp",
	[LB_LOG_SYNC] = "sync",
	[LB_LOG_CTL] = "ctl",
	[LB_LOG_PARTS] = NULL,
};

static const struct {
	const char *kind; /* of the object */
	enum lb_log_part part;
} kinds[] = {
	{ "config", LB_LOG_CONFIG },
	{ "state", LB_LOG_CONFIG },
	{ "kernel", LB_LOG_IPVS },
	{ "service", LB_LOG_IPVS },
	{ "nft", LB_LOG_IPVS },
	{ "backend", LB_LOG_CHECK },
	{ "check", LB_LOG_CHECK },
	{ "hook", LB_LOG_CHECK },
	{ "probe", LB_LOG_CHECK },
	{ "script", LB_LOG_CHECK },
	{ "vrrp", LB_LOG_VRRP },
	{ "vip", LB_LOG_VRRP },
	{ "peer", LB_LOG_VRRP },
	{ "sync", LB_LOG_SYNC },
	{ "conn", LB_LOG_SYNC },
	{ "override", LB_LOG_CTL },
	{ "operator", LB_LOG_CTL },
	{ "control", LB_LOG_CTL },
	{ "log", LB_LOG_CTL },
};

enum lb_log_part lb_log_part_of(const char *line)
{
	size_t n = strcspn(line, "/: ");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].kind) == n && memcmp(line, kinds[i].kind, n) == 0)
			return kinds[i].part;
	return LB_LOG_OTHER;
}
