/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/state_io.h"
#include "common/sort.h"
#include "common/vec.h"
#include "lbd/state/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOCK_LOOK_MS 50
#define LOCKS_MAX    (1u << 20) /* of /proc/locks */

int state_fill(int dir, const char *path, struct lb_err *e)
{
	int made = mkdirat(dir, "generations", 0700) && errno != EEXIST ? errno : 0;
	if (!made || faccessat(dir, "generations", F_OK, 0) == 0)
		return 0;
	lb_err_set(e, LB_CODE_FAILED, "%s/generations: %s", path, strerror(made));
	return -made;
}

bool state_is_emptied(int dir)
{
	return faccessat(dir, "generations", F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
}

/* A directory that is there is good, whatever kept us from making it. */
int state_open(const char *path, struct lb_err *e)
{
	int made = mkdir(path, 0700) && errno != EEXIST ? errno : 0;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		int err = made ? made : errno;
		lb_err_set(e, LB_CODE_FAILED, "%s: %s", path, strerror(err));
		return -err;
	}
	int err = state_fill(dir, path, e);
	if (err)
		close(dir);
	return err ? err : dir;
}

int state_lock(int dir, unsigned wait_ms)
{
	for (unsigned waited = 0;; waited += LOCK_LOOK_MS) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || waited >= wait_ms)
			return -errno;
		(void)poll(NULL, 0, LOCK_LOOK_MS);
	}
}

long state_lock_holder(int dir)
{
	struct lb_text text = LB_TEXT_INIT;
	struct stat st;
	long pid = 0;
	if (fstat(dir, &st) == 0 && state_read_path("/proc/locks", LOCKS_MAX, &text) == 0 && text.s)
		pid = lock_holder(text.s, text.n, major(st.st_dev), minor(st.st_dev), st.st_ino);
	lb_text_done(&text);
	return pid;
}

static int write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t w = write(fd, s, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

static int sync_dir_of(int dir, const char *name)
{
	char sub[256];
	const char *slash = strrchr(name, '/');
	snprintf(sub, sizeof(sub), "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
	int fd = openat(dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int state_write(int dir, const char *name, const char *text, size_t n, bool durable)
{
	char tmp[256];
	if (snprintf(tmp, sizeof(tmp), "%s.new", name) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	(void)unlinkat(dir, tmp, 0); /* left by a crash */
	int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, text, n);
	if (!err && durable && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir, tmp, dir, name))
		err = -errno;
	if (err) {
		(void)unlinkat(dir, tmp, 0);
		return err;
	}
	return durable ? sync_dir_of(dir, name) : 0;
}

int state_read_fd(int fd, size_t max, struct lb_text *out)
{
	char buf[65536];
	size_t got = 0;
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return out->bad ? -ENOMEM : 0;
		got += (size_t)n;
		if (got > max)
			return -EFBIG;
		lb_text_put(out, buf, (size_t)n);
	}
}

static int read_open(int fd, size_t max, struct lb_text *out)
{
	if (fd < 0)
		return -errno;
	int err = state_read_fd(fd, max, out);
	close(fd);
	return err;
}

int state_read(int dir, const char *name, size_t max, struct lb_text *out)
{
	return read_open(openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), max, out);
}

int state_read_begin(int dir, const char *name, size_t max, struct lb_text *out, size_t *size)
{
	char buf[4096];
	struct stat st = { 0 };
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 || fstat(fd, &st) ? -1 : pread(fd, buf, max < sizeof(buf) ? max : sizeof(buf), 0);
	int err = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	lb_text_put(out, buf, (size_t)n);
	*size = (size_t)st.st_size;
	return out->bad ? -ENOMEM : 0;
}

int state_read_path(const char *path, size_t max, struct lb_text *out)
{
	return read_open(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), max, out);
}

int state_read_word(const char *word, size_t max, struct lb_text *out, const char **name)
{
	bool standard = strcmp(word, "-") == 0;
	*name = standard ? "<stdin>" : word;
	return standard ? state_read_fd(STDIN_FILENO, max, out) : state_read_path(word, max, out);
}

static int secret_check(const char *path, const struct stat *st, struct lb_err *e)
{
	if (!S_ISREG(st->st_mode))
		return lb_err_set(e, LB_CODE_INVALID, "%s: not a file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return lb_err_set(e, LB_CODE_INVALID,
			"%s: it belongs to uid %u, who could change the secret: chown root %s", path, st->st_uid, path);
	if (st->st_mode & 0027)
		return lb_err_set(e, LB_CODE_INVALID, "%s: mode %04o lets others at the secret: chmod 0640 %s", path,
			st->st_mode & 07777, path);
	return 0;
}

/* make: how one comes by it. */
static int secret_error(const char *path, int err, const char *make, struct lb_err *e)
{
	switch (err) {
	case ENOENT:
		return lb_err_set(e, LB_CODE_INVALID, "%s: %s; make it: %s; then chgrp lbd %s; chmod 0640 %s", path,
			strerror(err), make, path, path);
	case EACCES:
		return lb_err_set(e, LB_CODE_INVALID,
			"%s: %s: lbd must be able to read it: chgrp lbd %s; chmod 0640 %s", path, strerror(err), path,
			path);
	default: return lb_err_set(e, LB_CODE_INVALID, "%s: %s", path, strerror(err));
	}
}

int state_read_secret(const char *path, size_t max, const char *make, struct lb_text *out, struct lb_err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		int err = errno;
		if (fd >= 0)
			close(fd);
		return secret_error(path, err, make, e);
	}
	int bad = secret_check(path, &st, e), err = bad ? 0 : state_read_fd(fd, max, out);
	close(fd);
	if (err)
		return lb_err_set(e, LB_CODE_INVALID, "%s: %s", path, strerror(-err));
	return bad;
}

int state_remove(int dir, const char *name)
{
	return unlinkat(dir, name, 0) ? -errno : 0;
}

int state_rename(int dir, const char *name, const char *to)
{
	return renameat(dir, name, dir, to) ? -errno : 0;
}

int state_append_existing(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct numbers {
	LB_VEC(uint32_t) v;
};

static int number_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Appends the numbers of all of them to *all. 0 or -errno. */
static int list_numbers(DIR *list, bool damaged, struct numbers *all)
{
	for (;;) {
		errno = 0;
		const struct dirent *d = readdir(list);
		if (!d)
			return -errno;
		char *end;
		unsigned long v = strtoul(d->d_name, &end, 10);
		if (end == d->d_name || v == 0 || v > UINT32_MAX || strcmp(end, damaged ? STATE_DAMAGED : "") != 0)
			continue;
		uint32_t *place = lb_vec_push(&all->v);
		if (!place)
			return -ENOMEM;
		*place = (uint32_t)v;
	}
}

int state_generations(int dir, bool damaged, uint32_t *out, size_t max, size_t *n)
{
	struct numbers all = { 0 };
	int fd = openat(dir, "generations", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	int err = list ? list_numbers(list, damaged, &all) : -errno;
	*n = 0;
	if (list)
		closedir(list);
	else if (fd >= 0)
		close(fd);
	if (!err && all.v.n) {
		lb_sort(all.v.v, all.v.n, sizeof(all.v.v[0]), number_cmp);
		*n = all.v.n < max ? all.v.n : max;
		memcpy(out, all.v.v + (all.v.n - *n), *n * sizeof(*out));
	}
	lb_vec_done(&all.v);
	return err;
}
