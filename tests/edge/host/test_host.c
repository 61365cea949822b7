/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of the host: processes by name, interfaces, files with a secret. */
#include "common/interface_io.h"
#include "lbd/host/notify_io.h"
#include "lbd/host/track_io.h"
#include "lbd/state/state_io.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child of that name, which lives until it is killed. */
static pid_t child_named(const char *name)
{
	int ready[2];
	char c;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* Killed, but still there for whoever reaps it. */
static void kill_unreaped(pid_t pid)
{
	siginfo_t info;
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

START_TEST(a_process_is_found_by_its_name)
{
	char name[16], other[16];
	snprintf(name, sizeof(name), ") R %u", (unsigned)getpid()); /* a name may look like anything */
	snprintf(other, sizeof(other), "none-%u", (unsigned)getpid());
	struct host_process v[] = { { .name = name }, { .name = other } };
	pid_t pid = child_named(name);
	host_processes(v, 2);
	ck_assert_int_eq(v[0].is, HOST_UP);
	ck_assert_int_eq(v[0].pid, pid);
	ck_assert_int_eq(v[1].is, HOST_DOWN);
	ck_assert_int_eq(v[1].pid, 0);
	host_processes(v, 1); /* known: looked at where it was */
	ck_assert_int_eq(v[0].is, HOST_UP);
	/* one that has ended does not run, whether it was reaped or not */
	kill_unreaped(pid);
	host_processes(v, 1);
	ck_assert_int_eq(v[0].is, HOST_DOWN);
	waitpid(pid, NULL, 0);
	host_processes(v, 1);
	ck_assert_int_eq(v[0].is, HOST_DOWN);
	/* it was started again */
	pid = child_named(name);
	host_processes(v, 1);
	ck_assert_int_eq(v[0].is, HOST_UP);
	ck_assert_int_eq(v[0].pid, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_process_that_took_the_number_is_not_it)
{
	char name[16], other[16];
	snprintf(name, sizeof(name), "one-%u", (unsigned)getpid());
	snprintf(other, sizeof(other), "two-%u", (unsigned)getpid());
	pid_t pid = child_named(other);
	struct host_process v = { .name = name, .pid = pid };
	host_processes(&v, 1);
	ck_assert_int_eq(v.is, HOST_DOWN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

/* That there is no descriptor says nothing of anybody: one for the list of all, and none for each; or not even that. */
START_TEST(without_descriptors_nothing_is_known)
{
	char name[16], other[16];
	snprintf(name, sizeof(name), "one-%u", (unsigned)getpid());
	snprintf(other, sizeof(other), "none-%u", (unsigned)getpid());
	pid_t pid = child_named(name);
	int free_one = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit all, none;
	ck_assert_int_ge(free_one, 0);
	close(free_one);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = all;
	none.rlim_cur = (rlim_t)free_one + (rlim_t)_i;
	struct host_process v[] = { { .name = name, .pid = pid }, { .name = name }, { .name = other } };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	int err = host_processes(v, 3);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert_int_eq(err, -EMFILE);
	ck_assert_int_eq(v[0].is, _i ? HOST_UP : HOST_UNKNOWN); /* known: one is enough */
	ck_assert_int_eq(v[1].is, HOST_UNKNOWN);
	ck_assert_int_eq(v[2].is, HOST_UNKNOWN);
	ck_assert_int_eq(host_processes(v, 3), 0);
	ck_assert(v[0].is == HOST_UP && v[1].is == HOST_UP && v[2].is == HOST_DOWN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

static int listen_at(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)at, sizeof(*at)), 0);
	return fd;
}

static void ck_told(int fd, const char *what)
{
	char got[64] = "";
	ck_assert_int_ge(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 0);
	ck_assert_str_eq(got, what);
}

/* The watchdog kills a daemon that does not say that it is alive. */
START_TEST(without_descriptors_the_manager_is_told)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct rlimit all, none;
	char dir[] = "/tmp/lbd-notify.XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", dir);
	int fd = listen_at(&at);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	setenv("WATCHDOG_USEC", "5000000", 1);
	notify_init();
	ck_assert(notify_watchdog_interval() == 2.5);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	notify_send("READY=1");
	ck_told(fd, "READY=1");
	/* a manager that starts anew has another socket of that name */
	close(fd);
	unlink(at.sun_path);
	notify_send("WATCHDOG=1");
	fd = listen_at(&at);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){ 3, all.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_lt(dup(0), 0);
	notify_send("WATCHDOG=1");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_told(fd, "WATCHDOG=1");
	close(fd);
	unlink(at.sun_path);
	rmdir(dir);
}
END_TEST

START_TEST(an_interface_that_is_not_there_is_down)
{
	ck_assert_int_eq(host_interface("no-such-if0"), HOST_DOWN);
	ck_assert_int_ne(host_interface("lo"), HOST_UNKNOWN);
	ck_assert_int_eq(lb_interface("no-such-if0"), 0);
	ck_assert_int_eq(lb_interface("lo"), (int)if_nametoindex("lo"));
	ck_assert_int_eq(lb_interface(""), 0);
	ck_assert_int_eq(lb_interface("a-name-longer-than-the-kernel-has"), 0);
}
END_TEST

static char dir[64];

static const char *file(const char *text, mode_t mode)
{
	static char path[96];
	snprintf(path, sizeof(path), "%s/key", dir);
	(void)unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

START_TEST(a_secret_is_for_nobody_else)
{
	static const struct {
		mode_t mode;
		const char *error; /* a part; NULL = it is read */
	} rows[] = {
		{ 0600, NULL },
		{ 0640, NULL },
		{ 0400, NULL },
		{ 0644, "mode 0644 lets others at the secret: chmod 0640 " },
		{ 0660, "chmod 0640 " },
		{ 0602, "chmod 0640 " },
		{ 0601, "chmod 0640 " },
	};
	snprintf(dir, sizeof(dir), "/tmp/lbd-secret-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_text out = LB_TEXT_INIT;
		struct lb_err e = { 0 };
		const char *path = file("1 abc\n", rows[i].mode);
		int rc = state_read_secret(path, 100, "as one does", &out, &e);
		ck_assert_msg((rc == 0) == (rows[i].error == NULL), "%04o: %s", rows[i].mode, e.text);
		if (rows[i].error)
			ck_assert_msg(strstr(e.text, rows[i].error) && strstr(e.text, path), "%s", e.text);
		else
			ck_assert_str_eq(out.s, "1 abc\n");
		ck_assert_uint_eq(out.n, rc ? 0 : 6);
		lb_text_done(&out);
	}
	struct lb_text out = LB_TEXT_INIT;
	struct lb_err e = { 0 };
	ck_assert_int_ne(state_read_secret(file("too long", 0600), 5, "as one does", &out, &e), 0);
	lb_text_done(&out);
	ck_assert_int_ne(state_read_secret(dir, 100, "as one does", &out, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "not a file"));
	ck_assert_int_ne(state_read_secret("/nonexistent/key", 100, "as one does", &out, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/key: No such file or directory; make it: "));
	/* of somebody else, who could change it */
	const char *path = file("1 abc\n", 0600);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 12345, 0), 0);
		ck_assert_int_ne(state_read_secret(path, 100, "as one does", &out, &e), 0);
		ck_assert_ptr_nonnull(strstr(e.text, "belongs to uid 12345"));
	}
	(void)unlink(path);
	/* a pipe does not hold us up */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_ne(state_read_secret(path, 100, "as one does", &out, &e), 0);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host");
	TCase *tc = tcase_create("host");
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_process_is_found_by_its_name);
	tcase_add_test(tc, a_process_that_took_the_number_is_not_it);
	tcase_add_loop_test(tc, without_descriptors_nothing_is_known, 0, 2);
	tcase_add_test(tc, without_descriptors_the_manager_is_told);
	tcase_add_test(tc, an_interface_that_is_not_there_is_down);
	tcase_add_test(tc, a_secret_is_for_nobody_else);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
