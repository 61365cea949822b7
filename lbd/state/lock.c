/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/lock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "1: FLOCK  ADVISORY  WRITE 812 fd:00:131 0 EOF"; with "->" behind the number somebody waits for it. */
static long holder(const char *line, unsigned major, unsigned minor, uint64_t inode)
{
	int at = 0;
	char *end;
	(void)sscanf(line, "%*u: FLOCK %*s %*s %n", &at);
	if (!at)
		return 0;
	long pid = strtol(line + at, &end, 10);
	bool that = pid > 0 && strtoul(end, &end, 16) == major && *end == ':' && strtoul(end + 1, &end, 16) == minor &&
		    *end == ':' && strtoull(end + 1, &end, 10) == inode;
	return that ? pid : 0;
}

long lock_holder(const char *text, size_t n, unsigned major, unsigned minor, uint64_t inode)
{
	long pid = 0;
	for (size_t at = 0; at < n && !pid;) {
		char line[160];
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - (text + at)) : n - at;
		snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), text + at);
		pid = holder(line, major, minor, inode);
		at += len + 1;
	}
	return pid;
}
