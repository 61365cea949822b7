/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets in, and what is in the way of the sockets. */
#include "tests/edge/ctl/clients.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* In a child with another uid: the code of what stands in the first line, 100 for a greeting. */
static int first_code_as(uid_t uid, const char *name)
{
	char buf[1024];
	int fd;
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return 101;
	fd = try_connect(name);
	if (fd < 0)
		return -fd == EACCES ? 102 : 103;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, PATIENCE_MS) != 1)
		return 104;
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	return strstr(buf, "\"lbd\"") ? 100 : strstr(buf, "\"code\":5") ? LB_CODE_DENIED : 105;
}

static int as_other_user(const char *name)
{
	int status = 0;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(first_code_as(65534, name));
	UNTIL(-1, waitpid(pid, &status, WNOHANG) == pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(mode_and_caller_are_both_asked)
{
	if (geteuid() != 0)
		return; /* nobody else to be */
	start();
	struct sockaddr_un control = address("control.sock");
	ck_assert_int_eq(as_other_user("control.sock"), 102); /* the mode of the file */
	ck_assert_int_eq(chmod(control.sun_path, 0666), 0);
	ck_assert_int_eq(as_other_user("control.sock"), LB_CODE_DENIED); /* a mistaken chmod grants nothing */
	ck_assert_uint_eq(ctl_server_clients(server), 0);
}
END_TEST

START_TEST(member_of_the_group_gets_in)
{
	if (geteuid() != 0)
		return;
	config.admin_group = "nogroup"; /* gid 65534 on Debian */
	start();
	ck_assert_int_eq(as_other_user("control.sock"), 100);
	ck_assert_int_eq(as_other_user("observe.sock"), 102);
	struct sockaddr_un observe = address("observe.sock");
	ck_assert_int_eq(chmod(observe.sun_path, 0666), 0);
	ck_assert_int_eq(as_other_user("observe.sock"), 100); /* who may change may look */
}
END_TEST

START_TEST(one_user_does_not_take_every_place)
{
	if (geteuid() != 0)
		return;
	config.admin_group = "nogroup";
	config.max_per_uid = 2;
	start();
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fds[3];
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		for (int i = 0; i < 3; i++) {
			char buf[512];
			struct pollfd p = { .events = POLLIN };
			p.fd = fds[i] = try_connect("control.sock");
			if (fds[i] < 0 || poll(&p, 1, PATIENCE_MS) != 1 || recv(fds[i], buf, sizeof(buf), 0) <= 0)
				_exit(2);
		}
		/* the first one had to go */
		struct pollfd p = { .fd = fds[0], .events = POLLIN };
		_exit(poll(&p, 1, PATIENCE_MS) == 1 && recv(fds[0], &p, 1, 0) == 0 ? 0 : 3);
	}
	int status = 0;
	UNTIL(-1, waitpid(pid, &status, WNOHANG) == pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
	struct sockaddr_un sun = address("control.sock");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	start();
	peer_free(greeted("control.sock"));
}
END_TEST

/* Of a core that died: its child has not become a worker yet, and has the socket as long. */
START_TEST(a_socket_that_is_let_go_is_replaced)
{
	struct sockaddr_un sun = address("control.sock");
	int status = 0, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		usleep(50000);
		_exit(0);
	}
	close(fd);
	start();
	peer_free(greeted("control.sock"));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
END_TEST

static void ck_refuses(enum lb_code code)
{
	struct lb_err e = { 0 };
	ck_assert_ptr_null(ctl_server_new(loop, &config, &e));
	ck_assert_msg(e.code == code, "%d: %s", (int)e.code, e.text);
}

START_TEST(what_is_in_the_way_is_not_removed)
{
	char path[128], target[128];
	struct sockaddr_un sun = address("control.sock");
	struct stat st;
	start();
	ck_refuses(LB_CODE_REFUSED); /* somebody answers */
	ctl_server_free(server);
	server = NULL;
	snprintf(target, sizeof(target), "%s/precious", dir);
	int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	ck_assert_int_eq(symlink(target, sun.sun_path), 0);
	ck_refuses(LB_CODE_FAILED); /* a symbolic link */
	ck_assert_int_eq(unlink(sun.sun_path), 0);
	ck_assert_int_eq(rename(target, sun.sun_path), 0);
	ck_refuses(LB_CODE_FAILED); /* a file */
	ck_assert_int_eq(lstat(sun.sun_path, &st), 0);
	ck_assert_int_eq(unlink(sun.sun_path), 0);
	ck_assert_int_eq(chmod(dir, 0777), 0);
	ck_refuses(LB_CODE_FAILED); /* others may write to the folder */
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", dir);
	ck_assert_int_eq(symlink(dir, path), 0);
	config.dir = path;
	ck_refuses(LB_CODE_FAILED); /* the folder is a symbolic link */
}
END_TEST

static unsigned asked_for; /* groups, while there was a socket */

/* In the place of the C library's: the moment in which a directory that is far away is asked. */
int getgrnam_r(const char *name, struct group *group, char *buf, size_t size, struct group **found)
{
	struct stat st;
	struct sockaddr_un sun = address("control.sock");
	asked_for += *dir && lstat(sun.sun_path, &st) == 0;
	*found = NULL;
	FILE *f = fopen("/etc/group", "re");
	while (f && !*found && fgetgrent_r(f, group, buf, size, found) == 0)
		if (strcmp(group->gr_name, name) != 0)
			*found = NULL;
	if (f)
		fclose(f);
	return 0;
}

/* Who comes while it is asked for finds no socket, and not one that is closed to him. */
START_TEST(the_group_is_known_before_there_is_a_socket)
{
	asked_for = 0;
	start();
	ck_assert_uint_eq(asked_for, 1); /* for observe.sock, when the other one is open */
}
END_TEST

START_TEST(folder_is_made)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/run", dir);
	config.dir = path;
	start();
	ctl_server_free(server);
	server = NULL;
}
END_TEST

/* What a client that was here before says is still answered, and new ones come in where they always did. */
static void ck_mended(struct peer *before, unsigned warned)
{
	struct stat st;
	struct sockaddr_un control = address("control.sock");
	ctl_server_look(server);
	ck_assert_uint_eq(warnings, warned);
	ctl_server_look(server);
	ck_assert_uint_eq(warnings, warned); /* once */
	ck_assert_int_eq(lstat(control.sun_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_gid, 65534);
	say(before, "{\"id\":1,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(before, 1, NULL), 0);
	peer_free(greeted("control.sock"));
	peer_free(greeted("observe.sock"));
}

START_TEST(what_was_removed_is_made_again)
{
	if (geteuid() != 0)
		return;
	char away[128];
	struct sockaddr_un control = address("control.sock"), observe = address("observe.sock");
	config.admin_group = config.observe_group = "nogroup"; /* gid 65534 on Debian */
	start();
	ck_assert_uint_eq(warnings, 0);
	struct peer *p = greeted("control.sock");
	ctl_server_look(server);
	ck_assert_uint_eq(warnings, 0);
	unlink(control.sun_path);
	ck_mended(p, 1);
	unlink(control.sun_path);
	unlink(observe.sun_path);
	ck_mended(p, 3);
	snprintf(away, sizeof(away), "%s.away", dir);
	ck_assert_int_eq(rename(dir, away), 0); /* with all that is in it */
	mode_t before = umask(0077);
	ck_mended(p, 5);
	umask(before);
	struct stat st;
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(nftw(away, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	peer_free(p);
	ctl_server_free(server);
	server = NULL;
	ck_assert_int_ne(lstat(control.sun_path, &st), 0);
	ck_assert_uint_eq(failures, 0);
}
END_TEST

/* Listens at that place instead. */
static int usurp(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(sun->sun_path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)sun, sizeof(*sun)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

START_TEST(what_cannot_be_made_again_is_told_once)
{
	struct sockaddr_un control = address("control.sock");
	struct stat theirs, st;
	start();
	unsigned warned = warnings;
	int fd = usurp(&control);
	ck_assert_int_eq(lstat(control.sun_path, &theirs), 0);
	struct lb_time begin = lb_clock_now();
	for (int i = 0; i < 20; i++)
		ctl_server_look(server);
	ck_assert_int_lt(lb_time_diff_us(lb_clock_now(), begin), 5000000); /* it does not wait for a word */
	ck_assert_uint_eq(failures, 1);
	ck_assert_int_eq(lstat(control.sun_path, &st), 0);
	ck_assert_uint_eq(st.st_ino, theirs.st_ino);
	close(fd);
	ctl_server_look(server); /* nobody answers there any more */
	ck_assert_uint_eq(warnings, warned + 1);
	peer_free(greeted("control.sock"));
	ck_assert_int_eq(unlink(control.sun_path), 0);
	ck_assert_int_eq(mkdir(control.sun_path, 0700), 0);
	for (int i = 0; i < 3; i++)
		ctl_server_look(server);
	ck_assert_uint_eq(failures, 2);
	ck_assert_int_eq(rmdir(control.sun_path), 0);
	ctl_server_look(server);
	ck_assert_uint_eq(warnings, warned + 2);
	ck_assert_uint_eq(failures, 2);
	peer_free(greeted("control.sock"));
}
END_TEST

static void greets(struct peer *p)
{
	json_t *msg = next_line(p);
	ck_assert_str_eq(lb_proto_str(msg, "lbd"), "0.1.0");
	json_decref(msg);
}

START_TEST(without_descriptors_callers_are_served_one_at_a_time)
{
	struct rlimit before, tight;
	start();
	struct peer *a = greeted("control.sock"), *b = peer_new("control.sock"), *c = peer_new("control.sock");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	int next = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	close(next);
	tight.rlim_cur = (rlim_t)next;
	unsigned warned = warnings;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (int i = 0; i < 50; i++)
		ev_run(loop, EVRUN_NOWAIT);
	ck_assert_uint_eq(warnings, warned + 1); /* one is let in, then a pause: the loop does not spin */
	ck_assert_uint_eq(ctl_server_clients(server), 2);
	greets(b);
	say(b, "{\"id\":1,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(b, 1, NULL), 0);
	greets(c); /* in the place of one who said nothing */
	ck_assert_uint_eq(ctl_server_clients(server), 2);
	ck_assert_ptr_null(next_line(a));
	say(c, "{\"id\":1,\"cmd\":\"status\"}\n");
	ck_assert_int_eq(end_code(c, 1, NULL), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	struct peer *d = greeted("control.sock");
	ck_assert_uint_eq(ctl_server_clients(server), 3);
	peer_free(a);
	peer_free(b);
	peer_free(c);
	peer_free(d);
}
END_TEST

START_TEST(who_had_the_last_descriptor_leaves_it_to_the_next)
{
	struct rlimit before, tight;
	start();
	struct peer *a = peer_new("control.sock"), *b = peer_new("control.sock");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	int next = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	close(next);
	tight.rlim_cur = (rlim_t)next;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	greets(a);
	say(a, "{\"id\":1,\"cmd\":\"wait\",\"args\":{\"object\":\"daemon\",\"condition\":\"ready\"}}\n");
	UNTIL(a->fd, held != NULL);
	struct lb_time soon = lb_time_add_ms(lb_clock_now(), 250);
	while (lb_time_cmp(lb_clock_now(), soon) < 0)
		turn_loop(-1);
	ck_assert_uint_eq(ctl_server_clients(server), 1); /* who waits for an answer is not sent away */
	ctl_reply_end(held, LB_CODE_OK, NULL, NULL);
	ck_assert_int_eq(end_code(a, 1, NULL), 0);
	greets(b);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	peer_free(a);
	peer_free(b);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { mode_and_caller_are_both_asked, member_of_the_group_gets_in,
		one_user_does_not_take_every_place, stale_socket_is_replaced, a_socket_that_is_let_go_is_replaced,
		what_is_in_the_way_is_not_removed, the_group_is_known_before_there_is_a_socket, folder_is_made,
		what_was_removed_is_made_again, what_cannot_be_made_again_is_told_once,
		without_descriptors_callers_are_served_one_at_a_time,
		who_had_the_last_descriptor_leaves_it_to_the_next };
	return run("ctl_access", tests, sizeof(tests) / sizeof(tests[0]));
}
