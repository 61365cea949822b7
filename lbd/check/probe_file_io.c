/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file probe: another program writes what it knows of a backend into a file, and its first bytes are read at every
 * probe. Reading a file cannot be waited for by a loop, so it belongs on a local file system; a FIFO or a device would
 * not hold us up, and is refused. Who replaces the file should rename a new one over it: a half-written one is read as
 * it is.
 */
#include "lbd/check/check_file.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST 256 /* bytes that are looked at */

struct file {
	struct check_probe probe;
};

static void judge(const char *path, struct check_result *r)
{
	char bytes[FILE_MOST];
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		check_file_failed(errno, r);
		return;
	}
	bool known = fstat(fd, &st) == 0, regular = known && S_ISREG(st.st_mode);
	ssize_t n = regular ? read(fd, bytes, sizeof(bytes)) : -1;
	if (n >= 0)
		check_file_result(bytes, (size_t)n, r);
	else if (known && !regular)
		check_result_set(r, CHECK_CODE_L7STS, "not a regular file");
	else
		check_file_failed(errno, r);
	close(fd);
}

static void file_cancel(struct check_probe *p)
{
	check_probe_end(p);
}

/* Never asked for: the result is known when the probe has started. */
static void file_expired(struct check_probe *p)
{
	check_probe_finish_code(p, CHECK_CODE_SOCKERR, "probe ran too late");
}

static int file_start(struct check_probe *p, struct lb_time now)
{
	struct check_result r = { 0 };
	const char *path = check_param(&p->spec->params, CHECK_PARAM_PATH);
	check_probe_begin(p, now);
	judge(path ? path : "", &r);
	check_probe_early(p, &r);
	return 0;
}

const struct check_ops check_file_ops = { sizeof(struct file), file_start, file_cancel, file_expired };
