/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_keeper_io.h"

#include "common/room_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPERS_MAX 128 /* twice the programs that run at once: the others are cleaning up */
#define OVERDUE_S   1.0 /* how long a keeper may take for that */
#define SWEEP_S     0.02

/* Where descriptors are in the keeper. The program keeps 0 to 2 and, when it has an interpreter, FD_PROGRAM. */
enum { FD_PROGRAM = 3, FD_CONTROL = 4, FD_ABOVE = 10 };

struct check_keeper {
	bool used;
	pid_t pid; /* 0 = has ended */
	int pidfd, control;
	struct ev_loop *loop;
	ev_io gone;
	ev_timer overdue;
	check_keeper_fn *ended; /* NULL = let go */
	void *arg;
};

/* Children belong to the process, and so does this table; a keeper may outlive the probe it was started for. */
static struct check_keeper keepers[KEEPERS_MAX];
static ev_timer sweeper;

/* ---- children ---- */

static bool spare_nobody(pid_t pid)
{
	(void)pid;
	return false;
}

static bool spare_keepers(pid_t pid)
{
	for (size_t i = 0; i < KEEPERS_MAX; i++)
		if (keepers[i].pid == pid)
			return true;
	return false;
}

/* Kills (and reaps, where it is dead already) each child that is not spared. Returns how many there were, or -errno.
 * The list may miss some while they come and go: whoever wants none to be left calls it until it says 0. */
static int kill_children(bool (*spare)(pid_t pid))
{
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char buf[4096];
	pid_t pid = 0;
	int found = 0;
	ssize_t n;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (pid > 0 && !spare(pid)) { /* each number is followed by a space, the last one, too */
				kill(pid, SIGKILL);
				waitpid(pid, NULL, WNOHANG);
				found++;
			}
			pid = 0;
		}
	}
	close(fd);
	return found;
}

/* ---- the program, until it is another one ---- */

/* Only async-signal-safe calls from here to the exec. */
static _Noreturn void give_up(int err)
{
	const struct check_script_end end = { CHECK_SCRIPT_NOT_STARTED, err };
	send(FD_CONTROL, &end, sizeof(end), MSG_NOSIGNAL);
	_exit(127);
}

static void limit(int what, rlim_t most)
{
	struct rlimit r;
	if (getrlimit((__rlimit_resource_t)what, &r))
		return;
	r.rlim_max = r.rlim_max < most ? r.rlim_max : most;
	r.rlim_cur = r.rlim_max;
	setrlimit((__rlimit_resource_t)what, &r);
}

/* A daemon that forwards the traffic of many is not what should be killed when a script eats the memory. */
static void volunteer_for_the_oom_killer(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the file is root's; the exec sets it anyway */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = write(fd, "500", 3);
	(void)n; /* a worse choice in a bad moment, nothing else */
	close(fd);
}

/* By descriptor. A program that has an interpreter is opened by it as /dev/fd/3, so that one must stay open; the kernel
 * says ENOENT when it would not. All others get nothing. */
static _Noreturn void execute(char *const *argv)
{
	char *const none[] = { NULL };
	fcntl(FD_PROGRAM, F_SETFD, FD_CLOEXEC);
	syscall(SYS_execveat, FD_PROGRAM, "", argv, none, AT_EMPTY_PATH);
	if (errno == ENOENT) {
		fcntl(FD_PROGRAM, F_SETFD, 0);
		syscall(SYS_execveat, FD_PROGRAM, "", argv, none, AT_EMPTY_PATH);
	}
	give_up(errno);
}

static _Noreturn void be_the_program(char *const *argv, pid_t keeper)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != keeper)
		_exit(127);
	volunteer_for_the_oom_killer();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, (rlim_t)1 << 20);
	limit(RLIMIT_NOFILE, 1024);
	limit(RLIMIT_AS, (rlim_t)1 << 30); /* last: nothing is allocated any more */
	execute(argv);
}

/* ---- the keeper ---- */

static void place(int from, int to)
{
	if (from < 0 || dup2(from, to) < 0)
		give_up(errno);
}

/* Brings the five descriptors to their places and closes all others: those of the room and its other programs. */
static void arrange(const struct check_keeper_job *job, int control)
{
	/* out of the way first: any of them may have the number that another one is to get */
	control = fcntl(control, F_DUPFD_CLOEXEC, FD_ABOVE);
	if (control < 0 || dup2(control, FD_CONTROL) < 0)
		_exit(127); /* from here on failures can be told */
	fcntl(FD_CONTROL, F_SETFD, FD_CLOEXEC);
	int program = fcntl(job->program, F_DUPFD_CLOEXEC, FD_ABOVE);
	int out = fcntl(job->out, F_DUPFD_CLOEXEC, FD_ABOVE);
	int err = fcntl(job->err, F_DUPFD_CLOEXEC, FD_ABOVE);
	place(program, FD_PROGRAM);
	place(out, STDOUT_FILENO);
	place(err, STDERR_FILENO);
	/* not close-on-exec: where standard input was closed it is number 0 already */
	int null = open("/dev/null", O_RDONLY);
	place(null, STDIN_FILENO);
	if (syscall(SYS_close_range, FD_CONTROL + 1, ~0u, 0))
		give_up(errno);
}

/* Waits until the program has ended (then *end is told to the room) or the room wants it to. */
static void watch(pid_t program)
{
	int pidfd = (int)syscall(SYS_pidfd_open, program, 0);
	if (pidfd < 0)
		return;
	struct pollfd p[2] = { { .fd = FD_CONTROL }, { .fd = pidfd, .events = POLLIN } };
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	siginfo_t info = { 0 };
	/* not reaped: as long as it is a zombie nobody else can get the number that is also that of its group */
	if (p[1].revents && waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		struct check_script_end end = { CHECK_SCRIPT_KILLED, info.si_status };
		if (info.si_code == CLD_EXITED)
			end.how = CHECK_SCRIPT_EXITED;
		send(FD_CONTROL, &end, sizeof(end), MSG_NOSIGNAL);
	}
	close(pidfd);
}

/* A process that is killed cannot fork any more, but one that is not killed yet can: until there is none. */
static void end_them(pid_t program)
{
	kill(-program, SIGKILL); /* most of them at once */
	kill(program, SIGKILL);
	for (unsigned round = 0;; round++) {
		int found = kill_children(spare_nobody);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (found < 0 || (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD))
			return;                                      /* without /proc the rest is the room's */
		poll(NULL, 0, round < 100 ? (int)(round / 10) : 50); /* one that sleeps in the kernel takes its time */
	}
}

static _Noreturn void keep(const struct check_keeper_job *job, int control)
{
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* an ignored signal would stay ignored in the program */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_NAME, "lbd: keeper", 0, 0, 0);
	arrange(job, control);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		give_up(errno);
	pid_t self = getpid(), program = fork();
	if (program < 0)
		give_up(errno);
	if (program == 0)
		be_the_program(job->argv, self);
	watch(program);
	end_them(program);
	_exit(0);
}

/* ---- the room ---- */

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	if (kill_children(spare_keepers) <= 0)
		ev_timer_stop(loop, timer);
}

static void sweep(struct ev_loop *loop)
{
	if (ev_is_active(&sweeper))
		return;
	ev_timer_init(&sweeper, on_sweep, 0.0, SWEEP_S);
	ev_timer_start(loop, &sweeper);
}

static void set_free(struct check_keeper *k)
{
	ev_timer_stop(k->loop, &k->overdue);
	if (k->control >= 0)
		close(k->control);
	*k = (struct check_keeper){ .control = -1 };
}

static void on_gone(struct ev_loop *loop, ev_io *io, int events)
{
	struct check_keeper *k = (struct check_keeper *)((char *)io - offsetof(struct check_keeper, gone));
	if (lb_room_deaf(loop, events, "end of a program"))
		return;
	siginfo_t info = { 0 };
	if (waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED | WNOHANG) || info.si_pid == 0)
		return;
	ev_io_stop(loop, io);
	ev_timer_stop(loop, &k->overdue);
	close(k->pidfd);
	k->pid = 0;
	if (info.si_code != CLD_EXITED)
		sweep(loop); /* it was killed: what it kept is ours now */
	if (k->ended)
		k->ended(k->arg);
	else
		set_free(k);
}

/* Stopped by its own program, or one of its processes cannot be killed because it sleeps in the kernel. */
static void on_overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct check_keeper *k = (struct check_keeper *)((char *)timer - offsetof(struct check_keeper, overdue));
	kill(k->pid, SIGKILL);
}

static struct check_keeper *find_free(void)
{
	for (size_t i = 0; i < KEEPERS_MAX; i++)
		if (!keepers[i].used)
			return &keepers[i];
	return NULL;
}

/* A child that cannot be watched must not stay. It has not been told apart from an orphan yet: the sweep ends it. */
static int watch_keeper(struct check_keeper *k, pid_t pid)
{
	k->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (k->pidfd < 0) {
		int err = errno;
		sweep(k->loop);
		return -err;
	}
	k->pid = pid;
	ev_io_init(&k->gone, on_gone, k->pidfd, EV_READ);
	ev_init(&k->overdue, on_overdue);
	ev_io_start(k->loop, &k->gone);
	return 0;
}

int check_keeper_start(struct ev_loop *loop, const struct check_keeper_job *job, check_keeper_fn *ended, void *arg,
	struct check_keeper **out)
{
	int pair[2];
	struct check_keeper *k = find_free();
	if (!k)
		return -EAGAIN;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		keep(job, pair[1]);
	int rc = pid < 0 ? -errno : 0;
	close(pair[1]);
	*k = (struct check_keeper){ .loop = loop, .control = pair[0], .ended = ended, .arg = arg };
	if (rc == 0)
		rc = watch_keeper(k, pid);
	if (rc) {
		set_free(k);
		return rc;
	}
	k->used = true;
	*out = k;
	return 0;
}

bool check_keeper_report(struct check_keeper *k, struct check_script_end *end)
{
	struct check_script_end got;
	if (recv(k->control, &got, sizeof(got), MSG_DONTWAIT) != sizeof(got))
		return false;
	*end = got;
	return true;
}

void check_keeper_stop(struct check_keeper *k)
{
	if (k->pid == 0 || k->control < 0)
		return;
	close(k->control);
	k->control = -1;
	ev_timer_set(&k->overdue, OVERDUE_S, OVERDUE_S);
	ev_timer_start(k->loop, &k->overdue);
}

void check_keeper_let_go(struct check_keeper *k)
{
	if (k->pid == 0) {
		set_free(k);
		return;
	}
	check_keeper_stop(k);
	k->ended = NULL;
}
