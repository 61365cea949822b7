/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/nft/nft_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAYS_MAX 160

static const char *find_nft(void)
{
	static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* A file without a name: a pipe would have to be fed. */
static int text_file(const char *text, size_t n)
{
	int fd = memfd_create("nft", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < n;) {
		ssize_t put = write(fd, text + at, n - at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			int err = put < 0 ? errno : EIO;
			close(fd);
			return -err;
		}
		at += (size_t)put;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

_Noreturn static void child(const char *path, int in, int out, void (*before_exec)(void))
{
	static char name[] = "nft", file[] = "-f", dash[] = "-";
	char *argv[] = { name, file, dash, NULL }, *envp[] = { NULL };
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* either may have any number: above those that they go to first */
	in = fcntl(in, F_DUPFD_CLOEXEC, 3);
	out = fcntl(out, F_DUPFD_CLOEXEC, 3);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	syscall(SYS_close_range, 3, ~0u, 0);
	before_exec();
	execve(path, argv, envp);
	_exit(127);
}

static void clear(struct nft_run *r)
{
	ev_child_stop(r->loop, &r->child);
	ev_timer_stop(r->loop, &r->deadline);
	close(r->out);
	r->pid = 0;
}

static void on_child(struct ev_loop *loop, ev_child *w, int events)
{
	struct nft_run *r = w->data;
	char says[SAYS_MAX] = "";
	(void)loop, (void)events;
	ssize_t n = pread(r->out, says, sizeof(says) - 1, 0);
	says[n > 0 ? n : 0] = '\0';
	says[strcspn(says, "\n")] = '\0';
	bool well = WIFEXITED(w->rstatus) && WEXITSTATUS(w->rstatus) == 0;
	int err = well ? 0 : r->late ? -ETIMEDOUT : -EIO;
	clear(r);
	r->done(err, says, r->arg); /* may start the next one */
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
	struct nft_run *r = w->data;
	(void)loop, (void)events;
	r->late = true;
	kill(r->pid, SIGKILL);
}

int nft_run_start(struct nft_run *r, struct ev_loop *loop, const char *text, size_t n, void (*before_exec)(void),
	nft_done_fn *done, void *arg)
{
	const char *path = find_nft();
	if (!path)
		return -ENOENT;
	int in = text_file(text, n), out = in < 0 ? in : text_file("", 0);
	if (out < 0) {
		if (in >= 0)
			close(in);
		return out;
	}
	/* no signal of the core's may reach one of its handlers in the child before the exec */
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		child(path, in, out, before_exec);
	int err = pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(in);
	if (err) {
		close(out);
		return err;
	}
	*r = (struct nft_run){ .loop = loop, .pid = pid, .out = out, .done = done, .arg = arg };
	ev_child_init(&r->child, on_child, pid, 0);
	ev_timer_init(&r->deadline, on_deadline, NFT_RUN_S, 0.0);
	r->child.data = r->deadline.data = r;
	ev_child_start(loop, &r->child);
	ev_now_update(loop);
	ev_timer_start(loop, &r->deadline);
	return 0;
}

void nft_run_stop(struct nft_run *r)
{
	if (!r->pid)
		return;
	kill(r->pid, SIGKILL);
	clear(r);
}
