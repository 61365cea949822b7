/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/lbd_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_S 15  /* for a program whose lines are read: `lbd --doctor` waits for nft up to five seconds */
#define NOT_RUN 127 /* the exit status of a child that could not become the program */

void lbd_become(const char *const *const_argv, struct lb_err *e)
{
	char own[4096], beside[4200];
	const char *named = getenv("LBD_BIN");
	char *const *argv = (char *const *)(uintptr_t)const_argv; /* exec takes no const strings, and changes none */
	signal(SIGPIPE, SIG_DFL);                                 /* what we ignore, it would inherit */
	if (named && *named) {
		execv(named, argv);
	} else {
		ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
		own[n > 0 ? n : 0] = '\0';
		char *slash = strrchr(own, '/');
		if (slash) {
			*slash = '\0';
			snprintf(beside, sizeof(beside), "%s/lbd", own);
			execv(beside, argv);
			snprintf(beside, sizeof(beside), "%s/../lbd/lbd", own); /* where both have been built */
			execv(beside, argv);
		}
		execv("/usr/sbin/lbd", argv);
		execvp("lbd", argv);
	}
	lb_err_set(e, LB_CODE_FAILED, "cannot run %s: %s; is the package lbd installed? (LBD_BIN may name it)",
		named && *named ? named : "lbd", strerror(errno));
}

static void become_program(const char *const *argv, struct lb_err *e)
{
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	lb_err_set(e, LB_CODE_FAILED, "cannot run %s: %s", argv[0], strerror(errno));
}

struct program {
	const char *const *argv;
	void (*become)(const char *const *argv, struct lb_err *e);
	bool whole; /* with our standard input, and with what it says on standard error */
};

static _Noreturn void be(const struct program *p, int out)
{
	struct lb_err e;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!p->whole)
		dup2(null, STDIN_FILENO);
	dup2(p->whole ? out : null, STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	signal(SIGALRM, SIG_DFL);
	alarm(LINES_S); /* it holds across exec */
	p->become(p->argv, &e);
	_exit(NOT_RUN);
}

/* Its exit status; -1 with *e: it cannot be run, or did not end by itself. */
static int lines(const struct program *p, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	int fd[2], status = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	if (pipe2(fd, O_CLOEXEC))
		return lb_err_set(e, LB_CODE_FAILED, "pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		be(p, fd[1]);
	close(fd[1]);
	FILE *f = pid > 0 ? fdopen(fd[0], "r") : NULL;
	while (f && (n = getline(&line, &cap, f)) > 0)
		fn(line, (size_t)n, arg);
	free(line);
	if (f)
		fclose(f);
	else
		close(fd[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || !f)
		return lb_err_set(e, LB_CODE_FAILED, "cannot run %s: %s", p->argv[0], strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN)
		return lb_err_set(e, LB_CODE_FAILED, "%s cannot be run: is its package installed?%s", p->argv[0],
			p->become == lbd_become ? " (LBD_BIN may name it)" : "");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return lb_err_set(e, LB_CODE_FAILED, "%s did not end within %d s", p->argv[0], LINES_S);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : lb_err_set(e, LB_CODE_FAILED, "%s did not end well", p->argv[0]);
}

static int well(const struct program *p, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	int status = lines(p, fn, arg, e);
	return status > 0 ? lb_err_set(e, LB_CODE_FAILED, "%s did not end well", p->argv[0]) : status;
}

int lbd_lines(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	return well(&(struct program){ argv, lbd_become, false }, fn, arg, e);
}

int program_lines(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	return well(&(struct program){ argv, become_program, false }, fn, arg, e);
}

int lbd_report(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	return lines(&(struct program){ argv, lbd_become, true }, fn, arg, e);
}
