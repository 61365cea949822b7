/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/lbd_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_S 15 /* for a program whose lines are read: `lbd --doctor` waits for nft up to five seconds */

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

static int lines(const char *const *argv, void (*become)(const char *const *argv, struct lb_err *e), lbd_line_fn *fn,
	void *arg, struct lb_err *e)
{
	int fd[2], status = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	if (pipe2(fd, O_CLOEXEC))
		return lb_err_set(e, LB_CODE_FAILED, "pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
		dup2(fd[1], STDOUT_FILENO);
		signal(SIGALRM, SIG_DFL);
		alarm(LINES_S); /* it holds across exec */
		become(argv, e);
		_exit(127);
	}
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
		return lb_err_set(e, LB_CODE_FAILED, "cannot run %s: %s", argv[0], strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return lb_err_set(e, LB_CODE_FAILED, "%s cannot be run: is its package installed?%s", argv[0],
			become == lbd_become ? " (LBD_BIN may name it)" : "");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return lb_err_set(e, LB_CODE_FAILED, "%s did not end within %d s", argv[0], LINES_S);
	if (status)
		return lb_err_set(e, LB_CODE_FAILED, "%s did not end well", argv[0]);
	return 0;
}

int lbd_lines(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	return lines(argv, lbd_become, fn, arg, e);
}

int program_lines(const char *const *argv, lbd_line_fn *fn, void *arg, struct lb_err *e)
{
	return lines(argv, become_program, fn, arg, e);
}
