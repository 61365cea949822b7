/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A script that tries what a health check never needs. It says which of it worked. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

/* What worked although it should not, or failed with another error than the filter's. */
static void refused(const char *what, long got)
{
	if (got < 0 && errno == EPERM)
		return;
	printf("%s: %s\n", what, got < 0 ? strerror(errno) : "allowed");
	exit(1);
}

static void allowed(const char *what, long got)
{
	if (got >= 0)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int sockets_only_root_has(void)
{
	refused("raw", socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1));
	refused("raw6", socket(AF_INET6, SOCK_RAW, 58));
	refused("packet", socket(AF_PACKET, SOCK_DGRAM, 0));
	puts("refused");
	return 0;
}

static int all_that_is_refused(void)
{
	struct iovec v = { &v, sizeof(v) };
	struct timeval tv = { 0 };
	sockets_only_root_has();
	refused("alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
	refused("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	refused("netlink audit", socket(AF_NETLINK, SOCK_RAW, 9));
	refused("family with high bits", syscall(SYS_socket, 1ull << 32 | AF_ALG, SOCK_SEQPACKET, 0));
	refused("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
	refused("process_vm_readv", process_vm_readv(getpid(), &v, 1, &v, 1, 0));
	refused("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0));
	refused("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	refused("unshare", unshare(CLONE_NEWUSER));
	refused("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
	refused("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
	refused("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	refused("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
	refused("userfaultfd", syscall(SYS_userfaultfd, 0));
	refused("personality", personality(ADDR_NO_RANDOMIZE));
	refused("settimeofday", settimeofday(&tv, NULL));
	refused("everybody's signal", kill(-1, 0));
	errno = 0;
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		refused("clone3", 0);
	allowed("tcp", socket(AF_INET, SOCK_STREAM, 0));
	allowed("udp", socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	allowed("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	allowed("routes", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
	allowed("own signal", kill(getpid(), 0));
	return 0;
}

/* Never where one looks: each process is the only child of one that has ended. It ends by itself after a while. */
static int run_away(void)
{
	for (int i = 0; i < 100000; i++) {
		pid_t pid = fork();
		if (pid > 0)
			_exit(0);
		if (pid == 0)
			setsid();
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "root") == 0)
		return sockets_only_root_has();
	if (strcmp(what, "refused") == 0)
		return all_that_is_refused();
	if (strcmp(what, "run-away") == 0)
		return run_away();
	return 2;
}
