/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sandbox_filter.h"

#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

/* What every room needs: libev, libcrypto, malloc, the log sink and a clean exit; sockets and memory follow with
 * arguments. */
static const int room_calls[] = {
	SCMP_SYS(bind), /* probes: to the source of a check */
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
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(poll), /* of the log sink; libcurl looks at a socket before it connects or closes it */
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
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* libcurl and OpenSSL, in addition; a file may be read, see below. */
static const int probe_calls[] = { SCMP_SYS(getpeername), SCMP_SYS(getrlimit), SCMP_SYS(ugetrlimit),
	SCMP_SYS(shutdown) };

/* Many datagrams at once. No file is opened: keys come over the channel, and what libcrypto reads it reads before. */
static const int network_calls[] = { SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg) };

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

static int add_room_rules(scmp_filter_ctx ctx)
{
	int rc = allow_calls(ctx, room_calls, sizeof(room_calls) / sizeof(room_calls[0]));
	return rc ? rc : allow_maps(ctx);
}

static int allow_socket(scmp_filter_ctx ctx, uint64_t family, uint64_t type)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, family, 0),
		SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type));
}

static int allow_netlink(scmp_filter_ctx ctx, uint64_t kind)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
		SCMP_A2(SCMP_CMP_EQ, kind, 0));
}

/* What both rooms with rights over the network have: UDP (beats, multicast), packets, addresses and cards. */
static int add_network_rules(scmp_filter_ctx ctx)
{
	int rc = add_room_rules(ctx);
	rc = rc ? rc : allow_calls(ctx, network_calls, sizeof(network_calls) / sizeof(network_calls[0]));
	rc = rc ? rc : allow_socket(ctx, AF_INET, SOCK_DGRAM);
	rc = rc ? rc : allow_socket(ctx, AF_INET6, SOCK_DGRAM);
	rc = rc ? rc : allow_socket(ctx, AF_PACKET, SOCK_RAW);
	rc = rc ? rc : allow_socket(ctx, AF_PACKET, SOCK_DGRAM);
	return rc ? rc : allow_netlink(ctx, NETLINK_ROUTE);
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
	rc = rc ? rc : allow_netlink(ctx, NETLINK_NETFILTER); /* connection tracking */
	return rc ? rc : allow_netlink(ctx, NETLINK_GENERIC);
}

static int add_probe_rules(scmp_filter_ctx ctx)
{
	/* a file may be read; what O_TMPFILE has in addition to O_DIRECTORY is what makes one */
	const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	int rc = add_room_rules(ctx);
	rc = rc ? rc
		: seccomp_rule_add(
			  ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
	rc = rc ? rc : allow_calls(ctx, probe_calls, sizeof(probe_calls) / sizeof(probe_calls[0]));
	/* TCP, UDP and ping sockets; no raw, no netlink and no Unix ones */
	const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
	for (size_t i = 0; i < 4 && rc == 0; i++)
		rc = allow_socket(ctx, families[i / 2], types[i % 2]);
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
		rc = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, families[i / 2], 0),
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, types[i % 2]));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, no, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
			SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE, 0));
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
int sandbox_filter_load(enum sandbox_filter filter, struct lb_err *e)
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
