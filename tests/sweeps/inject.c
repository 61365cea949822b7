/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Becomes the program that LBD_SWEEP_PROGRAM names, with the same arguments, and the n-th system call of one of its
 * processes (struct control) fails with an error that this call may well return. Who traces is a process apart, so that
 * the caller has started the program itself. Processes that are not meant are let go as soon as they are another
 * program.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 64

struct call {
	long nr;
	int err;
	const char *name;
};

#define CALL(name, err)                                                                                                \
	{                                                                                                              \
		SYS_##name, err, #name                                                                                 \
	}
static const struct call calls[] = { CALL(read, EIO), CALL(write, ENOSPC), CALL(open, EMFILE), CALL(close, EIO),
	CALL(stat, ENOMEM), CALL(fstat, ENOMEM), CALL(poll, EINTR), CALL(lseek, EINVAL), CALL(mmap, ENOMEM),
	CALL(mprotect, ENOMEM), CALL(brk, ENOMEM), CALL(ioctl, ENODEV), CALL(pread64, EIO), CALL(writev, ENOSPC),
	CALL(access, EACCES), CALL(pipe, EMFILE), CALL(mremap, ENOMEM), CALL(dup, EMFILE), CALL(dup2, EBUSY),
	CALL(socket, EMFILE), CALL(connect, ENETUNREACH), CALL(sendto, ENOBUFS), CALL(recvfrom, ENOMEM),
	CALL(sendmsg, ENOBUFS), CALL(recvmsg, ENOMEM), CALL(shutdown, ENOTCONN), CALL(bind, EADDRINUSE),
	CALL(listen, EADDRINUSE), CALL(getsockname, ENOBUFS), CALL(getpeername, ENOTCONN), CALL(socketpair, EMFILE),
	CALL(setsockopt, ENOMEM), CALL(getsockopt, ENOBUFS), CALL(clone, EAGAIN), CALL(fork, EAGAIN),
	CALL(vfork, EAGAIN), CALL(kill, EPERM), CALL(uname, EFAULT), CALL(fcntl, EMFILE), CALL(fsync, EIO),
	CALL(fdatasync, EIO), CALL(ftruncate, EIO), CALL(getdents64, EIO), CALL(chdir, EACCES), CALL(rename, ENOSPC),
	CALL(mkdir, ENOSPC), CALL(unlink, EROFS), CALL(chmod, EROFS), CALL(fchmod, EROFS), CALL(chown, EROFS),
	CALL(fchown, EROFS), CALL(lchown, EROFS), CALL(getrlimit, EINVAL), CALL(sysinfo, EFAULT),
	CALL(setgroups, ENOMEM), CALL(setresuid, EAGAIN), CALL(setresgid, EPERM), CALL(capget, EINVAL),
	CALL(capset, EPERM), CALL(sched_setscheduler, EPERM), CALL(prctl, EINVAL), CALL(setrlimit, EPERM),
	CALL(timer_create, EAGAIN), CALL(timer_settime, EINVAL), CALL(epoll_create, EMFILE), CALL(epoll_wait, EINTR),
	CALL(epoll_ctl, ENOMEM), CALL(openat, EMFILE), CALL(mkdirat, ENOSPC), CALL(newfstatat, ENOMEM),
	CALL(unlinkat, EROFS), CALL(renameat, ENOSPC), CALL(fchmodat, EROFS), CALL(fchownat, EROFS),
	CALL(epoll_pwait, EINTR), CALL(timerfd_create, EMFILE), CALL(eventfd2, EMFILE), CALL(epoll_create1, EMFILE),
	CALL(dup3, EMFILE), CALL(pipe2, EMFILE), CALL(accept4, EMFILE), CALL(prlimit64, EPERM), CALL(sendmmsg, ENOBUFS),
	CALL(recvmmsg, ENOMEM), CALL(setns, EPERM), CALL(renameat2, ENOSPC), CALL(seccomp, EINVAL),
	CALL(getrandom, EAGAIN), CALL(memfd_create, EMFILE), CALL(execveat, ENOMEM), CALL(execve, ENOMEM),
	CALL(close_range, ENOMEM), CALL(timerfd_settime, EINVAL) };

static struct control *control;

static struct process {
	pid_t pid; /* 0 = free */
	bool meant, inside;
	const struct call *fails; /* when it comes out */
	unsigned long long first; /* its first argument */
} processes[PROCESSES];

static struct process *process_of(pid_t pid)
{
	struct process *free_one = NULL;
	for (size_t i = 0; i < PROCESSES; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
		if (!free_one && processes[i].pid == 0)
			free_one = &processes[i];
	}
	if (free_one)
		*free_one = (struct process){ .pid = pid };
	return free_one;
}

static const struct call *call_of(long nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL; /* it cannot fail, or nobody could do anything about it */
}

/* Whether it is the room that is meant, by what it was started with. */
static bool is_meant(pid_t pid)
{
	char path[40], line[4096], want[40];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	const char *second = n > 0 && (size_t)n > strlen(line) + 1 ? line + strlen(line) + 1 : "";
	if (strcmp(control->room, "core") == 0)
		return strncmp(second, "--worker=", 9) != 0 && strstr(line, "lbd") != NULL;
	snprintf(want, sizeof(want), "--worker=%s", control->room);
	return strcmp(second, want) == 0;
}

static void enter(struct process *p, struct user_regs_struct *regs)
{
	const struct call *c = call_of((long)regs->orig_rax);
	if (!c || !atomic_load(&control->armed) || (control->call[0] && strcmp(control->call, c->name) != 0))
		return;
	int64_t n = atomic_fetch_add(&control->count, 1);
	if (control->trace && n < TRACE) {
		uint64_t caller = (uint64_t)ptrace(PTRACE_PEEKDATA, p->pid, (void *)regs->rsp, NULL);
		control->stacks[n] = (uint32_t)((caller * 31 + regs->rip) * 31 + regs->orig_rax);
	}
	if (control->n < 0 || n < control->n || (n > control->n && !control->forever))
		return;
	if (atomic_fetch_add(&control->failed, 1) == 0) {
		snprintf(control->frames[0].object, sizeof(control->frames[0].object), "%s", c->name);
		control->n_frames = 1;
		control->pid = p->pid;
	}
	p->fails = c;
	p->first = regs->rdi;
	if (c->nr == SYS_brk)
		regs->rdi = 0; /* it says no by the end that there is, never by an error */
	else
		regs->orig_rax = (unsigned long long)-1; /* nothing is done */
	ptrace(PTRACE_SETREGS, p->pid, NULL, regs);
}

static void at_call(struct process *p)
{
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &regs))
		return;
	p->inside = !p->inside;
	if (p->inside) {
		enter(p, &regs);
	} else if (p->fails) {
		if (p->fails->nr == SYS_brk)
			regs.rdi = p->first;
		else
			regs.rax = (unsigned long long)-p->fails->err;
		p->fails = NULL;
		ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	}
}

/* The object and the offset in it of an address of code; 0 = it is none. */
static int place_of(const char *maps, unsigned long long addr, struct frame *out)
{
	char path[256];
	unsigned long long from, to, offset;
	char rights[8];
	for (const char *s = maps; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
		if (sscanf(s, "%llx-%llx %7s %llx %*s %*s %255s", &from, &to, rights, &offset, path) != 5 ||
			addr < from || addr >= to || rights[2] != 'x')
			continue;
		const char *slash = strrchr(path, '/');
		snprintf(out->object, sizeof(out->object), "%.23s", slash ? slash + 1 : path);
		out->offset = addr - from + offset;
		return 1;
	}
	return 0;
}

/* Where a process is that is about to end by a signal: behind the call that failed. What looks like a return address on
 * its stack is one often enough. */
static void note_end(pid_t pid)
{
	static char maps[1 << 18];
	struct user_regs_struct regs;
	char path[40];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	for (ssize_t got; fd >= 0 && (got = read(fd, maps + n, sizeof(maps) - 1 - n)) > 0;)
		n += (size_t)got;
	maps[n] = '\0';
	if (fd >= 0)
		close(fd);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) || control->n_frames < 1)
		return;
	int32_t at = 1;
	at += place_of(maps, regs.rip, &control->frames[at]);
	for (unsigned word = 0; word < 200 && at < 12; word++)
		at += place_of(maps,
			(unsigned long long)ptrace(PTRACE_PEEKDATA, pid, (void *)(regs.rsp + 8 * word), NULL),
			&control->frames[at]);
	control->n_frames = at;
}

/* One stop of one process. */
static void stopped(pid_t pid, int status)
{
	struct process *p = process_of(pid);
	int sig = WSTOPSIG(status), event = status >> 16;
	if (!p) {
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		return;
	}
	if (sig == (SIGTRAP | 0x80)) {
		if (p->meant)
			at_call(p);
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		p->inside = true; /* its exit comes next */
		p->meant = is_meant(pid);
		if (!p->meant && strcmp(control->room, "core") == 0) {
			ptrace(PTRACE_DETACH, pid, NULL, NULL);
			p->pid = 0;
			return;
		}
		sig = 0;
	} else if (event) {
		sig = 0;
	} else if (p->meant && (sig == SIGSEGV || sig == SIGABRT)) {
		note_end(pid);
	}
	ptrace(p->meant ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (void *)(long)sig);
}

static int watch(pid_t first, int ready)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE;
	if (ptrace(PTRACE_SEIZE, first, NULL, (void *)options) || write(ready, "", 1) != 1)
		return 1;
	close(ready);
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			return 0; /* nobody is left */
		if (WIFSTOPPED(status))
			stopped(pid, status);
		else
			process_of(pid)->pid = 0;
	}
}

int main(int argc, char **argv)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC), ready[2];
	char byte;
	const char *program = getenv("LBD_SWEEP_PROGRAM");
	if (argc < 1 || !program || fd < 0 || pipe2(ready, O_CLOEXEC))
		return 125;
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (control == MAP_FAILED)
		return 125;
	pid_t me = getpid(), between = fork();
	if (between == 0) {
		if (fork() == 0) { /* nobody's child: the program would find one that it does not know */
			setsid();
			close(ready[0]);
			_exit(watch(me, ready[1]));
		}
		_exit(0);
	}
	close(ready[1]);
	waitpid(between, NULL, 0);
	ssize_t n;
	while ((n = read(ready[0], &byte, 1)) < 0 && errno == EINTR)
		;
	if (n == 1)
		execv(program, argv);
	return 126;
}
