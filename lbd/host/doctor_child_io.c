/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/doctor_child_io.h"

#include "common/clock_io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLED_MS 500

static int take(int fd, int ms, size_t max, struct lb_text *out)
{
	struct lb_time deadline = lb_time_add_ms(lb_clock_now(), ms);
	char buf[16384];
	for (;;) {
		int64_t left = lb_time_diff_us(deadline, lb_clock_now()) / 1000;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && (out->n + (size_t)n > max || out->bad))
			return -EFBIG;
		if (n > 0)
			lb_text_put(out, buf, (size_t)n);
	}
}

/* It may have closed its output and go on. */
static bool ended(pid_t pid, int *status, int ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	for (int i = 0; i < ms; i++) {
		pid_t p = waitpid(pid, status, WNOHANG);
		if (p != 0)
			return p == pid;
		nanosleep(&pause, NULL);
	}
	return false;
}

int doctor_child(const char *const *argv, int ms, size_t max, struct lb_text *out)
{
	static char locale[] = "LC_ALL=C", path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const env[] = { locale, path, NULL };
	posix_spawn_file_actions_t files;
	int pipe_fd[2], status = 0;
	pid_t pid;
	if (pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, pipe_fd[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* posix_spawn takes no const strings, and changes none */
	int err = -posix_spawn(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, env);
	posix_spawn_file_actions_destroy(&files);
	close(pipe_fd[1]);
	if (!err) {
		err = take(pipe_fd[0], ms, max, out);
		if (err || !ended(pid, &status, ms)) {
			kill(pid, SIGKILL);
			/* one that the kernel does not let go is left behind: we end soon ourselves */
			(void)ended(pid, &status, KILLED_MS);
			err = err ? err : -ETIMEDOUT;
		}
		if (!err && status)
			err = -EIO;
	}
	close(pipe_fd[0]);
	return err;
}
