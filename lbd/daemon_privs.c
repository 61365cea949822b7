/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core gives away what it does not need before it reads a byte that others wrote. */
#include "common/log_io.h"
#include "lbd/daemon.h"
#include "lbd/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIT(cap) (1ull << (cap))

/* A package makes the directories (tmpfiles.d); run from a checkout they are made here. Never followed through a
 * link, and an existing one is taken as it is: its owner and mode are the administrator's. */
static int make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid, struct lb_err *e)
{
	if (mkdir(path, mode)) {
		if (errno == EEXIST)
			return 0;
		return lb_err_set(e, LB_CODE_FAILED, "%s: %s%s", path, strerror(errno),
			errno == EACCES
				? "; start lbd as root, or with --run-dir and --state-dir that its user may write"
				: "");
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = fd < 0 || fchmod(fd, mode) || (geteuid() == 0 && fchown(fd, uid, gid)) ? errno : 0;
	if (fd >= 0)
		close(fd);
	return err ? lb_err_set(e, LB_CODE_FAILED, "%s: %s", path, strerror(err)) : 0;
}

/* What errno may be where nobody has that name: POSIX leaves it open. */
static bool nobody(int err)
{
	return err == 0 || err == ENOENT || err == ESRCH || err == EBADF || err == EPERM;
}

/* Membership lets the core give its sockets to these groups as their plain owner, without CAP_CHOWN. How many there
 * are; -1 and *e: it cannot be known, and who is let in may not depend on that. */
static int socket_groups(gid_t out[2], struct lb_err *e)
{
	static const char *const names[] = { "lbadmin", "lbobserve" };
	int n = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		errno = 0;
		const struct group *g = getgrnam(names[i]);
		if (g)
			out[n++] = g->gr_gid;
		else if (!nobody(errno))
			return lb_err_set(
				e, LB_CODE_FAILED, "group '%s' cannot be looked up: %s", names[i], strerror(errno));
	}
	return n;
}

/* The same, behind those that we were started with, so that a configuration may name one of them; root's are not for
 * whom it becomes. Caller frees *out. */
static int all_groups(bool root, gid_t **out, struct lb_err *e)
{
	int held = root ? 0 : getgroups(0, NULL);
	*out = calloc((size_t)(held < 0 ? 0 : held) + 2, sizeof(**out));
	if (!*out)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	held = held > 0 ? getgroups(held, *out) : held;
	if (held < 0)
		return lb_err_set(e, LB_CODE_FAILED, "getgroups: %s", strerror(errno));
	int n = socket_groups(*out + held, e);
	return n < 0 ? -1 : held + n;
}

int daemon_privs_drop(const struct daemon_options *opt, struct lb_err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (uid == 0) {
		errno = 0;
		const struct passwd *pw = getpwnam(opt->user);
		if (!pw && !nobody(errno))
			return lb_err_set(
				e, LB_CODE_FAILED, "user '%s' cannot be looked up: %s", opt->user, strerror(errno));
		if (!pw)
			return lb_err_set(e, LB_CODE_FAILED,
				"user '%s' does not exist: useradd --system --home /var/lib/lbd --shell "
				"/usr/sbin/nologin %s (or --user root)",
				opt->user, opt->user);
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	if (make_dir(opt->run_dir, 0755, uid, gid, e) || make_dir(opt->state_dir, 0700, uid, gid, e))
		return -1;
	gid_t *groups = NULL;
	const struct sandbox_caps keep = {
		.effective = BIT(CAP_NET_ADMIN),
		/* raised only in a child between fork and its own drop */
		.permitted = BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_SETUID) | BIT(CAP_SETGID) |
			     BIT(CAP_SYS_NICE), /* the unit has LimitRTPRIO instead */
	};
	int n_groups = all_groups(geteuid() == 0, &groups, e);
	int err = n_groups < 0 ? 0 : sandbox_become(uid, gid, groups, (size_t)n_groups, &keep);
	free(groups);
	if (n_groups < 0)
		return -1;
	if (err)
		return lb_err_set(e, LB_CODE_FAILED, "cannot become uid %u: %s", uid, strerror(-err));
	if (!(sandbox_caps_get().effective & BIT(CAP_NET_ADMIN)))
		lb_log(LB_LOG_WARNING, "no CAP_NET_ADMIN: the kernel will refuse every change; start lbd as root");
	/* what workers inherit must not regain anything by executing a set-uid file; capabilities stay */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return lb_err_set(e, LB_CODE_FAILED, "prctl: %s", strerror(errno));
	return 0;
}
