/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sandbox.h"

#include "common/err.h"
#include "common/log_io.h"
#include "lbd/sandbox_filter.h"

#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ALIVE_S 3  /* the length of the address lease: state that is not renewed goes away */
#define BEGIN_S 20 /* until the loop runs: libraries and the filter take their time on a busy machine */
#define NOBODY  65534

/* Low among the real-time ones: above everything that is not, below what keeps the machine alive. A loop of ours that
 * runs wild must not take the machine along: after so much processor time without a wait it is ended. */
#define RT_PRIORITY 10
#define RT_MAX_US   1000000

/* Of the user of the room, whoever started them: 64 scripts with a keeper and some commands each. */
#define SCRIPT_PROCESSES 512

/* A sanitizer needs more system calls than the filter allows, and its leak check attaches to the process. This is a
 * fact of the compiler's command line, which no header of ours can know. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* Made once by sandbox_enter. */
static struct {
	timer_t timer;
	bool armed;
} kill_timer;

static int caps_write(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(effective >> 32 * i);
		data[i].permitted = (uint32_t)(permitted >> 32 * i);
		data[i].inheritable = (uint32_t)(inheritable >> 32 * i);
	}
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

struct sandbox_caps sandbox_caps_get(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	if (syscall(SYS_capget, &head, data))
		return (struct sandbox_caps){ 0 };
	return (struct sandbox_caps){ .effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32 };
}

/* Sets both sets (effective within permitted) and empties inheritable and ambient. 0 or -errno. */
static int caps_set(uint64_t effective, uint64_t permitted)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return caps_write(effective, permitted, 0);
}

void sandbox_pre_exec(uint64_t caps)
{
	uint64_t have = sandbox_caps_get().permitted;
	uint64_t pass = caps & have;
	if (caps_write(pass, have, pass))
		return; /* the worker will say what it misses */
	for (unsigned cap = 0; cap < 64; cap++)
		if (pass >> cap & 1)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

static bool may_change_user(void)
{
	const uint64_t need = 1ull << CAP_SETUID | 1ull << CAP_SETGID;
	return (sandbox_caps_get().permitted & need) == need;
}

int sandbox_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, const struct sandbox_caps *keep)
{
	if (may_change_user()) {
		uint64_t all = sandbox_caps_get().permitted;
		/* raised: they may only be permitted. KEEPCAPS: leaving uid 0 would empty the permitted set otherwise
		 */
		int rc = caps_write(all, all, 0);
		if (rc)
			return rc;
		if (setgroups(n_groups, groups) || setresgid(gid, gid, gid) || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ||
			setresuid(uid, uid, uid) || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
			return -errno;
	} else if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid) {
		return -EPERM;
	}
	uint64_t have = sandbox_caps_get().permitted;
	return caps_set(keep->effective & have, keep->permitted & have);
}

/* Whom a worker of this user runs as. 0; -ENOENT: the user does not exist; another -errno: that cannot be known. */
static int ids_of(const char *user, uid_t *uid, gid_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
	if (!user || !may_change_user())
		return 0;
	errno = 0;
	const struct passwd *pw = getpwnam(user);
	int err = pw ? 0 : errno;
	*uid = pw ? pw->pw_uid : NOBODY; /* anything but the core's own rights */
	*gid = pw ? pw->pw_gid : NOBODY;
	return err == ENOMEM || err == EMFILE || err == ENFILE || err == EIO ? -err : pw ? 0 : -ENOENT;
}

gid_t sandbox_gid(const char *user)
{
	uid_t uid;
	gid_t gid;
	(void)ids_of(user, &uid, &gid);
	return gid;
}

static int drop_user(const struct sandbox *s, struct lb_err *e)
{
	uid_t uid;
	gid_t gid;
	int err = ids_of(s->user, &uid, &gid);
	if (err && err != -ENOENT) /* as another user it would not see what it is to look at */
		return lb_err_set(e, LB_CODE_FAILED, "user '%s' cannot be looked up: %s", s->user, strerror(-err));
	if (err) {
		if (!s->quiet)
			lb_log(LB_LOG_WARNING, "user %s does not exist: running as uid %d", s->user, NOBODY);
	} else if (s->user && !may_change_user() && !s->quiet) {
		lb_log(LB_LOG_INFO, "no right to become %s: running as uid %u like the core", s->user, uid);
	}
	const struct sandbox_caps keep = { s->caps, s->caps };
	int rc = sandbox_become(uid, gid, NULL, 0, &keep);
	if (rc)
		return lb_err_set(e, LB_CODE_FAILED, "cannot drop to uid %u: %s", uid, strerror(-rc));
	uint64_t missing = s->caps & ~sandbox_caps_get().effective;
	if (missing && !s->quiet)
		lb_log(LB_LOG_WARNING, "capabilities %#llx are missing", (unsigned long long)missing);
	return 0;
}

/* Whoever does not need it cannot have it. */
static void set_priority(const struct sandbox *s)
{
	const struct rlimit none = { 0, 0 }, at_most = { RT_MAX_US, RT_MAX_US };
	const struct sched_param prio = { .sched_priority = RT_PRIORITY };
	struct rlimit allowed = none;
	if (s->realtime && !SANITIZED) { /* a sanitizer's loops run as long as they like */
		if (getrlimit(RLIMIT_RTPRIO, &allowed) == 0 && allowed.rlim_cur < allowed.rlim_max) {
			allowed.rlim_cur = allowed.rlim_max;
			setrlimit(RLIMIT_RTPRIO, &allowed);
		}
		setrlimit(RLIMIT_RTTIME, &at_most);
		if (sched_setscheduler(0, SCHED_RR, &prio) && !s->quiet)
			lb_log(LB_LOG_WARNING,
				"no real-time priority (%s): on a busy machine adverts may be late; to mend: "
				"LimitRTPRIO=%d "
				"and RestrictRealtime=no in the unit",
				strerror(errno), RT_PRIORITY);
	}
	setrlimit(RLIMIT_RTPRIO, &none);
}

static int set_limits(const struct sandbox *s, struct lb_err *e)
{
	struct rlimit files, none = { 0, 0 };
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* every descriptor is a probe that need not wait */
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return lb_err_set(e, LB_CODE_FAILED, "PR_SET_DUMPABLE: %s", strerror(errno));
	if (SANITIZED)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	if (s->filter != SANDBOX_FILTER_NONE && s->filter != SANDBOX_FILTER_SCRIPT && !SANITIZED)
		setrlimit(RLIMIT_NPROC, &none);
	const struct rlimit some = { SCRIPT_PROCESSES, SCRIPT_PROCESSES };
	if (s->filter == SANDBOX_FILTER_SCRIPT)
		setrlimit(RLIMIT_NPROC, &some);
	if (chdir("/"))
		return lb_err_set(e, LB_CODE_FAILED, "chdir /: %s", strerror(errno));
	clearenv();
	/* Only reaches us where core and worker have one uid; the channel's end and the kill timer cover the rest. Not
	 * who holds addresses: it tells its peer, and lets go of them, when the channel ends. */
	if (s->filter != SANDBOX_FILTER_VRRP)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return lb_err_set(e, LB_CODE_FAILED, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
	return 0;
}

static void live_for(time_t seconds)
{
	if (!kill_timer.armed)
		return;
	const struct itimerspec in = { .it_value = { .tv_sec = seconds } };
	timer_settime(kill_timer.timer, 0, &in, NULL);
}

static int start_kill_timer(struct lb_err *e)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	if (timer_create(CLOCK_MONOTONIC, &ev, &kill_timer.timer))
		return lb_err_set(e, LB_CODE_FAILED, "timer_create: %s", strerror(errno));
	kill_timer.armed = true;
	live_for(BEGIN_S);
	return 0;
}

void sandbox_alive(void)
{
	live_for(ALIVE_S);
}

static _Noreturn void be_helper(const struct sandbox *s, int fd)
{
	struct lb_err e;
	const struct sandbox mine = { .filter = s->filter, .quiet = true };
	const struct sched_param below = { .sched_priority = RT_PRIORITY - 1 };
	/* nothing of the process but its end of the pair: neither its channel nor the other end */
	if (dup2(fd, STDERR_FILENO + 1) < 0 || syscall(SYS_close_range, STDERR_FILENO + 2, ~0u, 0))
		_exit(1);
	lb_log_init(s->helper_title, lb_log_get_level()); /* else its lines go to whatever gets that number next */
	prctl(PR_SET_NAME, s->helper_title, 0, 0, 0);
	/* it goes on while the machine is busy, too, but never before the process that it helps; without the right to
	 * real-time priority there is nothing to lower */
	if (s->realtime && !SANITIZED)
		(void)sched_setscheduler(0, SCHED_RR, &below);
	if (caps_set(s->helper_caps, s->helper_caps) || set_limits(&mine, &e) ||
		(!SANITIZED && sandbox_filter_load(s->filter, &e)))
		_exit(1);
	s->helper(STDERR_FILENO + 1);
	_exit(0);
}

/* Returns the other end; -1 and *e. */
static int start_helper(const struct sandbox *s, struct lb_err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return lb_err_set(e, LB_CODE_FAILED, "socketpair: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		be_helper(s, pair[1]);
	int err = errno;
	close(pair[1]);
	if (pid > 0)
		return pair[0];
	close(pair[0]);
	return lb_err_set(e, LB_CODE_FAILED, "fork: %s", strerror(err));
}

int sandbox_enter(const struct sandbox *s, struct lb_err *e)
{
	int helper = -1;
	set_priority(s);
	if (drop_user(s, e))
		return -1;
	if (s->helper && (helper = start_helper(s, e)) < 0)
		return -1;
	if (set_limits(s, e) || start_kill_timer(e))
		return -1;
	json_object_seed(0); /* opens /dev/urandom, which the filter forbids */
	if (s->prepare)
		s->prepare(helper);
	if (s->filter == SANDBOX_FILTER_NONE)
		return 0;
	if (SANITIZED) {
		if (!s->quiet)
			lb_log(LB_LOG_INFO, "no system call filter: built with a sanitizer");
		return 0;
	}
	return sandbox_filter_load(s->filter, e);
}
