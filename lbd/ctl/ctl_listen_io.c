/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_listen_io.h"

#include "common/buf.h"
#include "common/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG    64
#define LETS_GO_MS 500
#define GROUPS_MAX 65536u /* NGROUPS_MAX of the kernel */

/* A directory only root and we may write to, else somebody could put his own socket in the place of ours. */
static int open_dir(const char *dir, struct lb_err *e)
{
	struct stat st;
	bool made = mkdir(dir, 0755) == 0;
	if (!made && errno != EEXIST)
		return lb_err_set(e, LB_CODE_FAILED, "cannot make %s: %s", dir, strerror(errno));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return lb_err_set(
			e, LB_CODE_FAILED, "%s: %s", dir, errno == ELOOP ? "is a symbolic link" : strerror(errno));
	if (fstat(fd, &st)) {
		lb_err_set(e, LB_CODE_FAILED, "%s: %s", dir, strerror(errno));
	} else if (st.st_uid != 0 && st.st_uid != geteuid()) {
		lb_err_set(e, LB_CODE_FAILED, "%s belongs to uid %u", dir, (unsigned)st.st_uid);
	} else if (st.st_mode & 0022) {
		lb_err_set(e, LB_CODE_FAILED, "%s may be written to by others (mode %04o)", dir, st.st_mode & 07777);
	} else if (flock(fd, LOCK_EX | LOCK_NB)) { /* until it is closed: two daemons that start at once */
		lb_err_set(e, LB_CODE_REFUSED, "another lbd is starting in %s", dir);
	} else {
		if (made) /* whatever the umask is: clients pass through it */
			(void)!fchmod(fd, 0755);
		return fd;
	}
	close(fd);
	return -1;
}

/* Who accepts greets. A core that died may have left a child that is not yet a worker and has its socket for a moment:
 * that is closed without a word. Silence is somebody who has much to do. */
static bool lets_go(int fd, int wait_ms)
{
	char first;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, wait_ms) <= 0)
		return false;
	ssize_t n = recv(fd, &first, sizeof(first), 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Whether somebody accepts on it. A full backlog is somebody, too. */
static bool answers(const struct sockaddr_un *sun, int wait_ms)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true; /* not knowing, leave it alone */
	bool yes = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0
			   ? !lets_go(fd, wait_ms)
			   : errno != ECONNREFUSED && errno != ENOENT;
	close(fd);
	return yes;
}

static int clear_place(int dirfd, const char *name, const struct sockaddr_un *sun, int wait_ms, struct lb_err *e)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : lb_err_set(e, LB_CODE_FAILED, "%s: %s", sun->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return lb_err_set(e, LB_CODE_FAILED, "%s is in the way: it is no socket", sun->sun_path);
	if (answers(sun, wait_ms))
		return lb_err_set(e, LB_CODE_REFUSED, "another lbd answers on %s", sun->sun_path);
	if (unlinkat(dirfd, name, 0) && errno != ENOENT)
		return lb_err_set(e, LB_CODE_FAILED, "%s: %s", sun->sun_path, strerror(errno));
	return 0;
}

static gid_t find_group(const char *name)
{
	struct group g, *found = NULL;
	size_t size = 16384;
	gid_t gid = (gid_t)-1;
	int err = ERANGE;
	for (; err == ERANGE && size <= 16u << 20; size *= 4) { /* a group may have very many members */
		char *buf = malloc(size);
		err = buf ? getgrnam_r(name, &g, buf, size, &found) : ENOMEM;
		if (err == 0 && found)
			gid = found->gr_gid;
		free(buf);
	}
	return gid;
}

static int bind_closed(int fd, const struct sockaddr_un *sun)
{
	mode_t before = umask(0777); /* nobody gets in before the mode and the group are right */
	int err = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) ? -errno : 0;
	umask(before);
	return err;
}

static void give_group(
	int dirfd, const char *name, const char *group, const struct ctl_listener *l, ctl_warn_fn *warn, void *arg)
{
	char text[256];
	if (l->group == (gid_t)-1)
		snprintf(text, sizeof(text), "group %s does not exist: only root may use %s", group, l->path);
	else if (fchownat(dirfd, name, (uid_t)-1, l->group, AT_SYMLINK_NOFOLLOW))
		snprintf(text, sizeof(text), "cannot give %s to the group %s: %s%s", l->path, group, strerror(errno),
			errno == EPERM ? "; to mend: SupplementaryGroups= in a drop-in of the unit" : "");
	else
		return;
	if (warn)
		warn(text, arg);
}

static int bind_in(int dirfd, const char *name, int wait_ms, struct ctl_listener *l, struct lb_err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	memcpy(sun.sun_path, l->path, sizeof(sun.sun_path));
	if (clear_place(dirfd, name, &sun, wait_ms, e))
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return lb_err_set(e, LB_CODE_FAILED, "socket: %s", strerror(errno));
	int err = bind_closed(l->fd, &sun);
	return err ? lb_err_set(e, LB_CODE_FAILED, "%s: %s", l->path, strerror(-err)) : 0;
}

static int let_in(int dirfd, const char *name, struct ctl_listener *l, struct lb_err *e)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) || fchmodat(dirfd, name, 0660, 0) ||
		listen(l->fd, BACKLOG)) {
		lb_err_set(e, LB_CODE_FAILED, "%s: %s", l->path, strerror(errno));
		unlinkat(dirfd, name, 0);
		return -1;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int ctl_listen(const char *dir, const char *name, const char *group, ctl_warn_fn *warn, void *arg,
	struct ctl_listener *out, struct lb_err *e)
{
	/* before the socket is there, closed to all: to ask for a group can take a while */
	struct ctl_listener l = { .fd = -1, .group = find_group(group) };
	int n = snprintf(l.path, sizeof(l.path), "%s/%s", dir, name);
	out->fd = -1;
	if (n < 0 || (size_t)n >= sizeof(l.path))
		return lb_err_set(e, LB_CODE_FAILED, "%s/%s: the path of a socket has at most %zu bytes", dir, name,
			sizeof(l.path) - 1);
	int dirfd = open_dir(dir, e);
	if (dirfd < 0)
		return -1;
	int failed = bind_in(dirfd, name, LETS_GO_MS, &l, e);
	if (!failed) {
		give_group(dirfd, name, group, &l, warn, arg);
		failed = let_in(dirfd, name, &l, e);
	}
	close(dirfd);
	if (failed && l.fd >= 0)
		close(l.fd);
	if (!failed)
		*out = l;
	return failed;
}

bool ctl_listen_lost(struct ctl_listener *l)
{
	struct stat st;
	bool none = lstat(l->path, &st) != 0;
	if (none ? errno != ENOENT && errno != ENOTDIR : st.st_dev == l->dev && st.st_ino == l->ino) {
		l->failed = (struct lb_err){ 0 };
		return false;
	}
	return true;
}

/* The group is the one that was found at start: to ask for it could take a while. */
static int listen_again(struct ctl_listener *l, const char *dir, struct lb_err *e)
{
	const char *name = strrchr(l->path, '/') + 1;
	int dirfd = open_dir(dir, e);
	if (dirfd < 0)
		return -1;
	int failed = bind_in(dirfd, name, 0, l, e);
	if (!failed && l->group != (gid_t)-1) /* one that may not be given was told of */
		(void)!fchownat(dirfd, name, (uid_t)-1, l->group, AT_SYMLINK_NOFOLLOW);
	failed = failed ? failed : let_in(dirfd, name, l, e);
	close(dirfd);
	return failed;
}

void ctl_listen_mend(struct ctl_listener *l, const char *dir, ctl_warn_fn *warn, ctl_warn_fn *fail, void *arg,
	struct ctl_leaving *leaving)
{
	struct ctl_listener again = *l;
	struct lb_err e = { 0 };
	char text[sizeof(l->path) + sizeof(e.text) + 60];
	again.fd = -1;
	int failed = listen_again(&again, dir, &e);
	ctl_warn_fn *tell = !failed ? warn : strcmp(l->failed.text, e.text) != 0 ? fail : NULL;
	snprintf(text, sizeof(text), "%s was removed or replaced%s%s", l->path,
		failed ? ", and cannot be made again: " : ": listening there again", e.text);
	if (tell)
		tell(text, arg);
	if (failed && again.fd >= 0)
		close(again.fd);
	if (failed) {
		l->failed = e;
		return;
	}
	ctl_unlisten(l, leaving);
	again.failed = e;
	*l = again;
}

void ctl_unlisten(struct ctl_listener *l, struct ctl_leaving *leaving)
{
	struct stat st;
	if (l->fd < 0)
		return;
	/* a successor may have put its own socket there already */
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	/* who waits there may have passed a descriptor, which the listener would close with itself */
	shutdown(l->fd, SHUT_RD);
	for (int fd; (fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		ctl_leave(fd, leaving);
	close(l->fd);
	l->fd = -1;
}

bool ctl_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static int read_groups(int fd, struct ctl_creds *c)
{
	socklen_t len = 64 * sizeof(gid_t);
	for (;;) {
		socklen_t got = len;
		gid_t *groups = malloc(len);
		if (!groups)
			return -ENOMEM;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &got) == 0) {
			c->groups = groups;
			c->n_groups = got / sizeof(gid_t);
			return 0;
		}
		int err = errno;
		free(groups);
		if (err != ERANGE || got <= len || got > GROUPS_MAX * sizeof(gid_t))
			return -err;
		len = got; /* the kernel says how many there are */
	}
}

int ctl_creds_read(int fd, struct ctl_creds *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct ctl_creds c = { 0 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	c.uid = cred.uid;
	c.gid = cred.gid;
	c.pid = cred.pid;
	int err = read_groups(fd, &c);
	if (err)
		return err;
	*out = c;
	return 0;
}

void ctl_creds_done(struct ctl_creds *c)
{
	free(c->groups);
	c->groups = NULL;
	c->n_groups = 0;
}

bool ctl_creds_may(const struct ctl_creds *c, gid_t group)
{
	if (c->uid == 0 || c->uid == geteuid())
		return true;
	if (group == (gid_t)-1)
		return false;
	for (size_t i = 0; i < c->n_groups; i++)
		if (c->groups[i] == group)
			return true;
	return c->gid == group;
}

void ctl_user_name(uid_t uid, char out[33])
{
	char buf[4096];
	struct passwd pw, *found;
	FILE *f = fopen("/etc/passwd", "re");
	snprintf(out, 33, "%u", (unsigned)uid);
	while (f && fgetpwent_r(f, &pw, buf, sizeof(buf), &found) == 0)
		if (pw.pw_uid == uid) {
			snprintf(out, 33, "%s", pw.pw_name);
			break;
		}
	if (f)
		fclose(f);
}

void ctl_greeting(struct lb_text *out, const char *version, const char *node, bool admin)
{
	json_t *msg = json_pack("{s:s, s:i, s:i, s:s, s:s}", "lbd", version, "protocol", LB_PROTO_VERSION, "schema",
		LB_PROTO_SCHEMA, "node", node, "level", admin ? "admin" : "observe");
	if (msg)
		lb_proto_dump(msg, out);
	else
		out->bad = true;
	json_decref(msg);
}

void ctl_turn_away(int fd, struct ctl_leaving *leaving, enum lb_code code, const char *fmt, ...)
{
	char text[512];
	struct lb_text line = LB_TEXT_INIT;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_t *msg = json_pack("{s:{s:i, s:s}}", "end", "code", (int)code, "message", text);
	if (msg)
		lb_proto_dump(msg, &line);
	if (line.n && !line.bad)
		(void)!send(fd, line.s, line.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	json_decref(msg);
	lb_text_done(&line);
	ctl_leave(fd, leaving);
}
