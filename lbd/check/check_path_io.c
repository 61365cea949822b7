/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_path_io.h"

#include "lbd/check/check_result.h"
#include "lbd/check/check_script.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 16

struct walk {
	int at;              /* the object that was reached; O_PATH */
	char rest[PATH_MAX]; /* of the path, from there */
	char seen[PATH_MAX]; /* the path to it, for people */
	unsigned links;
	struct check_result *r;
};

static bool refuse(struct walk *w, const char *why)
{
	check_result_set(w->r, CHECK_CODE_PROCERR, why);
	check_result_quote(w->r, w->seen, strlen(w->seen), false);
	return false;
}

static bool refuse_errno(struct walk *w, int err)
{
	bool ours = err == EMFILE || err == ENFILE || err == ENOMEM;
	check_result_errno(w->r, ours ? CHECK_CODE_SOCKERR : CHECK_CODE_PROCERR, err);
	check_result_quote(w->r, w->seen, strlen(w->seen), false);
	return false;
}

static void move_to(struct walk *w, int fd)
{
	if (w->at >= 0)
		close(w->at);
	w->at = fd;
}

static bool at_root(struct walk *w)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	strcpy(w->seen, "/");
	if (fd < 0)
		return refuse_errno(w, errno);
	move_to(w, fd);
	if (fstat(fd, &st))
		return refuse_errno(w, errno);
	const char *why = check_script_untrusted(st.st_mode, st.st_uid);
	return why ? refuse(w, why) : true;
}

/* The next component of the path is cut off. False: there is none. */
static bool next_name(struct walk *w, char name[NAME_MAX + 1])
{
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
	if (n == 0)
		return false;
	/* a name that is too long is cut, and then not found: an error either way */
	snprintf(name, NAME_MAX + 1, "%.*s", (int)n, w->rest + skip);
	memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
	size_t at = strlen(w->seen);
	snprintf(w->seen + at, sizeof(w->seen) - at, "%s%s", at > 1 ? "/" : "", name);
	return true;
}

/* The link in fd, which is in the directory w->at, goes in front of what is left of the path. */
static bool follow(struct walk *w, int fd)
{
	char target[2 * PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, PATH_MAX - 1);
	int err = errno;
	close(fd);
	if (n < 0)
		return refuse_errno(w, err);
	if (++w->links > LINKS_MAX)
		return refuse_errno(w, ELOOP);
	bool absolute = n > 0 && target[0] == '/';
	int all = snprintf(target + n, sizeof(target) - (size_t)n, "/%s", w->rest);
	if (all < 0 || (size_t)n + (size_t)all >= sizeof(w->rest))
		return refuse_errno(w, ENAMETOOLONG);
	memcpy(w->rest, target, (size_t)n + (size_t)all + 1);
	if (absolute)
		return at_root(w);
	char *slash = strrchr(w->seen, '/');
	if (slash)
		slash[slash == w->seen] = '\0';
	return true;
}

static bool step(struct walk *w, const char *name)
{
	struct stat st;
	int fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return refuse_errno(w, errno);
	if (fstat(fd, &st)) {
		int err = errno;
		close(fd);
		return refuse_errno(w, err);
	}
	if (S_ISLNK(st.st_mode))
		return follow(w, fd);
	move_to(w, fd);
	const char *why = check_script_untrusted(st.st_mode, st.st_uid);
	return why ? refuse(w, why) : true;
}

static bool walk_all(struct walk *w)
{
	char name[NAME_MAX + 1];
	struct stat st;
	while (next_name(w, name))
		if (!step(w, name))
			return false;
	if (fstat(w->at, &st))
		return refuse_errno(w, errno);
	if (!S_ISREG(st.st_mode))
		return refuse(w, "not a regular file");
	if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return refuse(w, "not executable");
	return true;
}

int check_path_open(const char *path, struct check_result *r)
{
	struct walk w = { .at = -1, .r = r };
	bool ok;
	snprintf(w.seen, sizeof(w.seen), "%s", path);
	if (path[0] != '/')
		ok = refuse(&w, "not an absolute path");
	else if (strlen(path) >= sizeof(w.rest))
		ok = refuse_errno(&w, ENAMETOOLONG);
	else
		ok = at_root(&w) && snprintf(w.rest, sizeof(w.rest), "%s", path) > 0 && walk_all(&w);
	if (ok)
		return w.at;
	move_to(&w, -1);
	return -1;
}
