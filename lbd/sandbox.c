/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sandbox.h"

#include "common/err.h"
#include "common/log_io.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ALIVE_S 3 /* the length of the address lease: state that is not renewed goes away */
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

int sandbox_caps_set(uint64_t effective, uint64_t permitted)
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
	return sandbox_caps_set(keep->effective & have, keep->permitted & have);
}

/* Whom a worker of this user runs as. False: the user does not exist. */
static bool ids_of(const char *user, uid_t *uid, gid_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
	if (!user || !may_change_user())
		return true;
	const struct passwd *pw = getpwnam(user);
	*uid = pw ? pw->pw_uid : NOBODY; /* anything but the core's own rights */
	*gid = pw ? pw->pw_gid : NOBODY;
	return pw != NULL;
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
	if (!ids_of(s->user, &uid, &gid)) {
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

static int start_kill_timer(struct lb_err *e)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	if (timer_create(CLOCK_MONOTONIC, &ev, &kill_timer.timer))
		return lb_err_set(e, LB_CODE_FAILED, "timer_create: %s", strerror(errno));
	kill_timer.armed = true;
	sandbox_alive();
	return 0;
}

void sandbox_alive(void)
{
	if (!kill_timer.armed)
		return;
	const struct itimerspec in = { .it_value = { .tv_sec = ALIVE_S } };
	timer_settime(kill_timer.timer, 0, &in, NULL);
}

/* What probes on libev, libcurl and OpenSSL, malloc, the log sink and a clean exit need; sockets, files and memory
 * follow with arguments. */
static const int probe_calls[] = {
	SCMP_SYS(bind), /* to the source of a check */
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime), /* only where the vdso has no fast clock */
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(epoll_create),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(poll), /* libcurl looks at a socket before it connects or closes it */
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(timer_settime),
	SCMP_SYS(ugetrlimit),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* What libev, libcrypto, malloc, the log sink and a clean exit need; sockets and memory follow with arguments. No
 * file is opened: keys come over the channel, and what libcrypto reads it reads before. */
static const int vrrp_calls[] = {
	SCMP_SYS(bind),
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime), /* only where the vdso has no fast clock */
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(epoll_create),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(timer_settime),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* What libssl and a process that others connect to need in addition to those. */
static const int sync_calls[] = { SCMP_SYS(accept4), SCMP_SYS(geteuid), SCMP_SYS(getpeername), SCMP_SYS(listen),
	SCMP_SYS(shutdown) };

/* Memory that is never code. */
static int allow_maps(scmp_filter_ctx ctx)
{
	const uint64_t prot_exec = 4;
	const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };
	int rc = 0;
	for (size_t i = 0; i < 3 && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, maps[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, prot_exec, 0));
	return rc;
}

static int allow_calls(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return rc;
}

static int allow_socket(scmp_filter_ctx ctx, uint64_t family, uint64_t type)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, family),
		SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type));
}

static int allow_netlink(scmp_filter_ctx ctx, uint64_t kind)
{
	return seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, kind));
}

/* What both rooms with rights over the network have: UDP (beats, multicast), packets, addresses and cards. */
static int add_network_rules(scmp_filter_ctx ctx)
{
	int rc = allow_calls(ctx, vrrp_calls, sizeof(vrrp_calls) / sizeof(vrrp_calls[0]));
	rc = rc ? rc : allow_socket(ctx, AF_INET, SOCK_DGRAM);
	rc = rc ? rc : allow_socket(ctx, AF_INET6, SOCK_DGRAM);
	rc = rc ? rc : allow_socket(ctx, AF_PACKET, SOCK_RAW);
	rc = rc ? rc : allow_socket(ctx, AF_PACKET, SOCK_DGRAM);
	rc = rc ? rc : allow_netlink(ctx, NETLINK_ROUTE);
	return rc ? rc : allow_maps(ctx);
}

/* Adverts (raw). */
static int add_vrrp_rules(scmp_filter_ctx ctx)
{
	int rc = add_network_rules(ctx);
	rc = rc ? rc : allow_socket(ctx, AF_INET, SOCK_RAW);
	return rc ? rc : allow_socket(ctx, AF_INET6, SOCK_RAW);
}

/* The link to the other node (TCP), flows of the kernel (netlink: IPVS). */
static int add_sync_rules(scmp_filter_ctx ctx)
{
	int rc = add_network_rules(ctx);
	rc = rc ? rc : allow_calls(ctx, sync_calls, sizeof(sync_calls) / sizeof(sync_calls[0]));
	rc = rc ? rc : allow_socket(ctx, AF_INET, SOCK_STREAM);
	rc = rc ? rc : allow_socket(ctx, AF_INET6, SOCK_STREAM);
	rc = rc ? rc : allow_netlink(ctx, NETLINK_SOCK_DIAG); /* how full a socket of the kernel is */
	return rc ? rc : allow_netlink(ctx, NETLINK_GENERIC);
}

static int add_probe_rules(scmp_filter_ctx ctx)
{
	/* a file may be read; what O_TMPFILE has in addition to O_DIRECTORY is what makes one */
	const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	int rc = seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
	rc = rc ? rc : allow_calls(ctx, probe_calls, sizeof(probe_calls) / sizeof(probe_calls[0]));
	/* TCP, UDP and ping sockets; no raw, no netlink and no Unix ones */
	const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
	for (size_t i = 0; i < 4 && rc == 0; i++)
		rc = allow_socket(ctx, families[i / 2], types[i % 2]);
	rc = rc ? rc : allow_maps(ctx);
	/* getrlimit is prlimit64 in newer libraries; a new limit (third argument) may not be set */
	return rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
}

/* What no health check needs: other processes' memory, the kernel's own programs and modules, name spaces, mounts,
 * keys, clocks. Most of it wants capabilities that nobody has here; this is the second lock, and the first one for the
 * corners of the kernel in which the holes are found. */
static const int script_refused[] = {
	SCMP_SYS(acct),
	SCMP_SYS(add_key),
	SCMP_SYS(adjtimex),
	SCMP_SYS(bpf),
	SCMP_SYS(chroot),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(clock_settime),
	SCMP_SYS(delete_module),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(finit_module),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fspick),
	SCMP_SYS(init_module),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(ioperm),
	SCMP_SYS(iopl),
	SCMP_SYS(kcmp),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(kexec_load),
	SCMP_SYS(keyctl),
	SCMP_SYS(mount),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(open_tree),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(personality),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pivot_root),
	SCMP_SYS(process_madvise),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(ptrace),
	SCMP_SYS(quotactl),
	SCMP_SYS(reboot),
	SCMP_SYS(request_key),
	SCMP_SYS(setdomainname),
	SCMP_SYS(sethostname),
	SCMP_SYS(setns),
	SCMP_SYS(settimeofday),
	SCMP_SYS(stime),
	SCMP_SYS(swapoff),
	SCMP_SYS(swapon),
	SCMP_SYS(syslog),
	SCMP_SYS(umount),
	SCMP_SYS(umount2),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(vhangup),
};

/* TCP, UDP, pings without a privilege, sockets of this host, and reading the routing tables. A family is an int to the
 * kernel and 64 bits to the filter: whatever is above the highest one is refused, so no other number can mean the same.
 */
static int refuse_sockets(scmp_filter_ctx ctx)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int rc = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
	for (int family = 0; family < AF_NETLINK && rc == 0; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			rc = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (uint64_t)family, 0));
	const uint64_t families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_RAW, SOCK_PACKET };
	for (size_t i = 0; i < 4 && rc == 0; i++)
		rc = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, families[i / 2]),
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, types[i % 2]));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
			SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
	return rc;
}

/* clone3 has its flags in memory, where no filter can see them: it does not exist, and the C library takes clone. */
static int refuse_namespaces(scmp_filter_ctx ctx)
{
	const uint64_t flags[] = { CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID,
		CLONE_NEWUSER, CLONE_NEWUTS };
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return rc;
}

/* Inherited by every program that the room starts. */
static int add_script_rules(scmp_filter_ctx ctx)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int rc = refuse_sockets(ctx);
	if (rc == 0)
		rc = refuse_namespaces(ctx);
	for (size_t i = 0; i < sizeof(script_refused) / sizeof(script_refused[0]) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, no, script_refused[i], 0);
	if (rc == 0) /* kill(-1): both rooms, and every other script */
		rc = seccomp_rule_add(ctx, no, SCMP_SYS(kill), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, UINT32_MAX));
	return rc;
}

static int add_rules(scmp_filter_ctx ctx, enum sandbox_filter filter)
{
	switch (filter) {
	case SANDBOX_FILTER_NONE: return 0;
	case SANDBOX_FILTER_PROBE: return add_probe_rules(ctx);
	case SANDBOX_FILTER_SCRIPT: return add_script_rules(ctx);
	case SANDBOX_FILTER_VRRP: return add_vrrp_rules(ctx);
	case SANDBOX_FILTER_SYNC: return add_sync_rules(ctx);
	}
	return -EINVAL;
}

/* What is refused fails with EPERM instead of killing the process: after an upgrade of the C library one new call in a
 * corner must not turn into a worker that dies again and again. */
static int load_filter(enum sandbox_filter filter, struct lb_err *e)
{
	scmp_filter_ctx ctx = seccomp_init(filter == SANDBOX_FILTER_SCRIPT ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return lb_err_set(e, LB_CODE_FAILED, "seccomp: out of memory");
	int rc = add_rules(ctx, filter);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc ? lb_err_set(e, LB_CODE_FAILED, "seccomp: %s", strerror(-rc)) : 0;
}

static _Noreturn void be_helper(const struct sandbox *s, int fd)
{
	struct lb_err e;
	const struct sandbox mine = { .filter = s->filter, .quiet = true };
	const struct sched_param below = { .sched_priority = RT_PRIORITY - 1 };
	/* nothing of the process but its end of the pair: neither its channel nor the other end */
	if (dup2(fd, STDERR_FILENO + 1) < 0 || syscall(SYS_close_range, STDERR_FILENO + 2, ~0u, 0))
		_exit(1);
	prctl(PR_SET_NAME, s->helper_title, 0, 0, 0);
	/* it goes on while the machine is busy, too, but never before the process that it helps; without the right to
	 * real-time priority there is nothing to lower */
	if (s->realtime && !SANITIZED)
		(void)sched_setscheduler(0, SCHED_RR, &below);
	if (sandbox_caps_set(s->helper_caps, s->helper_caps) || set_limits(&mine, &e) ||
		(!SANITIZED && load_filter(s->filter, &e)))
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
	return load_filter(s->filter, e);
}
