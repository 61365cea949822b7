/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: a machine that has slept for as many seconds as the file SLEPT says. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ts)
{
	const char *name = getenv("SLEPT");
	FILE *f = name && (id == CLOCK_BOOTTIME || id == CLOCK_REALTIME) ? fopen(name, "re") : NULL;
	char text[24] = "";
	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (r == 0)
		ts->tv_sec += strtol(text, NULL, 10);
	return r;
}
