/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Not of getrusage: that is the most that there ever was, and of an exec's parent, too. */
#include "common/rss_io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int kept = -1;

static int statm_open(void)
{
	return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void lb_rss_open(void)
{
	kept = statm_open();
}

uint32_t lb_rss_kib(void)
{
	char buf[128];
	char *rss = NULL;
	int fd = kept >= 0 ? kept : statm_open();
	ssize_t n = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? read(fd, buf, sizeof(buf) - 1) : -1;
	if (fd >= 0 && fd != kept)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	(void)strtoul(buf, &rss, 10); /* behind all that it may use */
	return (uint32_t)(strtoul(rss, NULL, 10) * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}
