/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker may: its rights, its descriptors and what its filter leaves it, tried by the workers themselves. */
#include "common/buf.h"
#include "common/log_io.h"
#include "lbd/sync/tls_io.h"
#include "tests/edge/journal.h"
#include "tests/edge/probe/servers.h"
#include "tests/edge/worker/workers.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a worker that tries what it may ---- */

static int kind_of_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	int err = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static int a_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int a_process(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int a_program(void)
{
	static char *const argv[] = { NULL };
	return execv("/bin/true", argv) ? errno : 0;
}

static const struct {
	int family, type, protocol;
	bool may;
} sync_sockets[] = {
	{ AF_INET, SOCK_STREAM, 0, true },
	{ AF_INET6, SOCK_STREAM, 0, true },
	{ AF_INET, SOCK_DGRAM, 0, true },
	{ AF_INET6, SOCK_DGRAM, 0, true },
	{ AF_PACKET, SOCK_RAW, 0, true },
	{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, true },
	{ AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, true },
	{ AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, false },
	{ AF_NETLINK, SOCK_RAW, NETLINK_XFRM, false },
	{ AF_INET, SOCK_RAW, 6, false },
	{ AF_INET6, SOCK_RAW, 6, false },
	{ AF_UNIX, SOCK_STREAM, 0, false },
	{ AF_ALG, SOCK_SEQPACKET, 0, false },
};

/* The line that does not do what it must: 1, 2, ... of the table, 20 and above of the rest. 0: all is right. A kernel
 * without one of them says something else than EPERM. */
static int wrong_right(void)
{
	bool filter = !dlsym(NULL, "__asan_init");
	for (unsigned i = 0; i < sizeof(sync_sockets) / sizeof(sync_sockets[0]); i++) {
		int err = kind_of_socket(sync_sockets[i].family, sync_sockets[i].type, sync_sockets[i].protocol);
		if (sync_sockets[i].may ? err == EPERM : filter && err != EPERM)
			return (int)i + 1;
	}
	if (!filter)
		return 0;
	return a_file() != EPERM ? 20 : a_process() == 0 ? 21 : a_program() != EPERM ? 22 : 0;
}

static unsigned link_ups, link_frames;

static void link_up(void *arg)
{
	(void)arg;
	link_ups++;
}

static void link_down(enum tls_reason why, const char *text, void *arg)
{
	(void)arg;
	lb_log(LB_LOG_INFO, "link: %s (%s)", text, tls_reasons[why]);
}

static void link_frame(const uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	link_frames += n == 5 && memcmp(p, "hello", 5) == 0;
}

static void link_write(void *arg)
{
	(void)arg;
}

static const struct tls_calls link_calls = { link_up, link_down, link_frame, link_write };

static struct tls_link *link_of(struct ev_loop *l, const char *self, const char *peer, bool first)
{
	struct tls_conf c = { .cluster = 1, .port = (uint16_t)(20000 + getppid() % 10000), .n_paths = 1 };
	snprintf(c.self, sizeof(c.self), "%s", self);
	snprintf(c.peer, sizeof(c.peer), "%s", peer);
	lb_ip_parse("127.0.0.1", 9, first ? &c.paths[0].ours : &c.paths[0].theirs);
	lb_ip_parse("127.0.0.2", 9, first ? &c.paths[0].theirs : &c.paths[0].ours);
	c.keys[0].n = TLS_KEY_MIN;
	return tls_link_new(l, &c, &link_calls, NULL);
}

static void link_tick(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l, (void)events;
	void (*const *alive)(void) = t->data;
	(*alive)();
}

static void sync_prepare(int helper)
{
	(void)helper;
	if (!tls_prepare())
		_exit(30);
}

/* What it may, and two ends of a link that meet under the filter, wrong keys and all. */
static int sync_main(int fd, void (*alive)(void))
{
	ev_timer tick;
	int wrong = wrong_right();
	(void)fd;
	signal(SIGPIPE, SIG_IGN);
	if (wrong)
		return wrong;
	struct ev_loop *l = ev_loop_new(EVFLAG_AUTO); /* one without signals, which want a pipe */
	ev_timer_init(&tick, link_tick, 0.01, 0.01);
	tick.data = &alive;
	ev_timer_start(l, &tick);
	struct tls_link *b = link_of(l, "b", "a", false), *a = link_of(l, "a", "b", true);
	if (!a || !b)
		return 31;
	for (int i = 0; i < 1000 && link_ups < 2; i++)
		ev_run(l, EVRUN_ONCE);
	if (link_ups < 2 || tls_link_send(a, (const uint8_t *)"hello", 5) ||
		tls_link_send(b, (const uint8_t *)"hello", 5))
		return 32;
	for (int i = 0; i < 1000 && link_frames < 2; i++)
		ev_run(l, EVRUN_ONCE);
	tls_link_free(a);
	for (int i = 0; i < 10; i++)
		ev_run(l, EVRUN_ONCE);
	if (link_frames < 2 || tls_link_up(b))
		return 33;
	a = link_of(l, "a", "c", true); /* no such node: what is said of errors is loaded, too */
	for (int i = 0; a && i < 1000 && tls_link_stats(a)->ended[TLS_REASON_KEY] == 0; i++)
		ev_run(l, EVRUN_ONCE);
	bool told = a && tls_link_stats(a)->ended[TLS_REASON_KEY];
	tls_link_free(a);
	tls_link_free(b);
	ev_timer_stop(l, &tick);
	ev_loop_destroy(l);
	return told ? 40 : 34;
}

/* ---- one that logs, and so does its helper ---- */

static int talks_main(int fd, void (*alive)(void))
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];
	say_ready_and("");
	do {
		alive();
		lb_log(LB_LOG_WARNING, "from the room");
		(void)poll(&p, 1, 50);
	} while (!p.revents || read(fd, buf, sizeof(buf)) > 0);
	return 0;
}

static void talks_helper(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	/* as the one of VRRP does: it gets the lowest number that is free */
	if (socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) < 0)
		_exit(1);
	do
		lb_log(LB_LOG_WARNING, "from the helper");
	while (poll(&p, 1, 50) == 0);
}

static const struct worker_row talks = { .name = "talks",
	.title = "lbd: talks",
	.filter = SANDBOX_FILTER_VRRP,
	.helper = talks_helper,
	.helper_title = "lbd: helps",
	.main = talks_main };
static const struct worker_row sync_row = { .name = "sync",
	.title = "lbd: sync",
	.caps = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_RAW,
	.filter = SANDBOX_FILTER_SYNC,
	.main = sync_main,
	.prepare = sync_prepare };
static const struct worker_row unknown_user = {
	.name = "unknown-user", .title = "lbd: unknown", .user = "nobody", .main = mute_main
};
static const struct worker_row privileged = {
	.name = "privileged", .title = "lbd: privileged", .caps = 1ull << CAP_NET_ADMIN, .main = mute_main
};
static const struct worker_row *const rows[] = { &probe, &sync_row, &talks, &privileged, &unknown_user };

static void status_of(pid_t pid, const char *key, char *out, size_t n)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') {
			snprintf(out, n, "%s", line + strlen(key) + 2);
			out[strcspn(out, "\n")] = '\0';
		}
	fclose(f);
}

START_TEST(a_worker_has_nothing)
{
	int leak = open("/etc/passwd", O_RDONLY); /* not even close-on-exec: a library's mistake */
	setenv("SECRET", "in the core", 1);
	start(&probe);
	WAIT(n_ready == 1 && n_pongs > 0, 10000);
	char v[256];
	status_of(w.pid, "Name", v, sizeof(v));
	ck_assert_str_eq(v, "lbd: probe");
	static const char *const none[] = { "CapEff", "CapPrm", "CapInh", "CapAmb" };
	for (int i = 0; i < 4; i++) {
		status_of(w.pid, none[i], v, sizeof(v));
		ck_assert_msg(strcmp(v, "0000000000000000") == 0, "%s %s", none[i], v);
	}
	status_of(w.pid, "NoNewPrivs", v, sizeof(v));
	ck_assert_str_eq(v, "1");
	status_of(w.pid, "Seccomp", v, sizeof(v));
	ck_assert_msg(strcmp(v, "2") == 0 || dlsym(NULL, "__asan_init"), "Seccomp %s", v);
	status_of(w.pid, "Uid", v, sizeof(v));
	if (getuid() == 0)
		ck_assert_str_eq(v, "65534\t65534\t65534\t65534");
	status_of(w.pid, "Groups", v, sizeof(v));
	ck_assert_msg(v[strspn(v, " \t")] == '\0' || getuid() != 0, "Groups %s", v);

	char path[64], link[256];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)w.pid);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)w.pid, e->d_name);
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		ck_assert_msg(strcmp(link, "/etc/passwd") != 0, "it inherited descriptor %s", e->d_name);
	}
	if (d)
		closedir(d);
	close(leak);
	finish();
}
END_TEST

/* As in the field: a core of its own user with no-new-privileges, whose SETUID and SETGID are only permitted. */
START_TEST(an_unprivileged_core_gives_other_rights_to_its_workers)
{
	if (getuid() != 0)
		return;
	const uint64_t pass = 1ull << CAP_SETUID | 1ull << CAP_SETGID, net = 1ull << CAP_NET_ADMIN;
	const struct sandbox_caps keep = { net, net | pass };
	char v[256], want[32];
	ck_assert_int_eq(sandbox_become(4321, 4321, NULL, 0, &keep), 0);
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_uint_eq(sandbox_caps_get().effective, net);
	ck_assert_uint_eq(sandbox_caps_get().permitted, net | pass);
	start(&probe);
	WAIT(n_ready == 1, 10000);
	status_of(w.pid, "Uid", v, sizeof(v));
	ck_assert_str_eq(v, "65534\t65534\t65534\t65534");
	status_of(w.pid, "CapPrm", v, sizeof(v));
	ck_assert_str_eq(v, "0000000000000000");
	ck_assert_uint_eq(sandbox_caps_get().effective, net); /* ours did not change */
	finish();
	start(&privileged);
	WAIT(n_ready == 1, 10000);
	status_of(w.pid, "Uid", v, sizeof(v));
	ck_assert_str_eq(v, "4321\t4321\t4321\t4321");
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)net);
	status_of(w.pid, "CapEff", v, sizeof(v));
	ck_assert_str_eq(v, want);
	status_of(w.pid, "CapPrm", v, sizeof(v));
	ck_assert_str_eq(v, want);
	finish();
}
END_TEST

static void send_target(uint32_t id, uint16_t port)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	m.u.target_set.id = id;
	m.u.target_set.spec = (struct check_spec){
		.port = port, .interval_ms = 1000, .interval_down_ms = 1000, .timeout_ms = 500, .rise = 2, .fall = 3
	};
	lb_ip_parse("127.0.0.1", 9, &m.u.target_set.spec.addr);
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(&m, &line);
	ck_assert_int_eq(worker_send(&w, &line), 0);
	lb_text_done(&line);
}

START_TEST(it_probes_under_the_filter_and_comes_back_after_a_kill)
{
	start(&probe);
	struct lb_text early = { .s = (char[]){ "x" }, .n = 1 };
	ck_assert_int_eq(worker_send(&w, &early), -ENOTCONN);
	WAIT(n_ready == 1, 10000);
	for (uint32_t id = 0; id < 100; id++)
		send_target(id, 1);
	ck_assert_uint_gt(worker_pending(&w), 10000);
	WAIT(n_states == 100 && n_drained > 0, 10000);
	ck_assert_int_eq(last.state.last.code, CHECK_CODE_L4CON);
	ck_assert_str_eq(last.state.last.text, "connection refused");
	WAIT(worker_pending(&w) == 0, 1000); /* a ping may have been put in a moment ago */
	worker_log_level(&w, LB_LOG_WARNING);
	pid_t first = w.pid;
	kill(first, SIGKILL);
	WAIT(n_ready == 2, 10000);
	ck_assert_uint_eq(n_gone, 1);
	ck_assert_int_ne(w.pid, first);
	send_target(1, 1);
	WAIT(n_states == 101, 10000);
	finish();
}
END_TEST

static const struct {
	const char *what, *name;
	enum check_code code;
	const char *text;
} files[] = {
	{ "a word in it", "up", CHECK_CODE_L7OK, "up" },
	{ "a weight in it", "share", CHECK_CODE_L7OKC, "weight 40%" },
	{ "absent", "absent", CHECK_CODE_L7STS, "no such file or directory" },
	{ "a pipe would hold the loop", "fifo", CHECK_CODE_L7STS, "not a regular file" },
	{ "a directory", ".", CHECK_CODE_L7STS, "not a regular file" },
	{ "a link, which leads anywhere", "link", CHECK_CODE_L7STS, "it is a symbolic link" },
	{ "not for its eyes", "secret", CHECK_CODE_L7STS, "permission denied" },
	{ "more than is looked at", "long", CHECK_CODE_L7OK, "up" },
};

static void put_file(const char *dir, const char *name, mode_t mode, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fchmod(fileno(f), mode), 0);
	fclose(f);
}

static void look_at(const char *path)
{
	struct lb_text params = LB_TEXT_INIT, line = LB_TEXT_INIT;
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	m.u.target_set.id = 1;
	ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_PATH, path, strlen(path)), 0);
	m.u.target_set.spec = (struct check_spec){ .type = CHECK_TYPE_FILE,
		.interval_ms = 50,
		.interval_down_ms = 50,
		.timeout_ms = 500,
		.rise = 2,
		.fall = 3,
		.params = { (const uint8_t *)params.s, (uint32_t)params.n } };
	lb_ip_parse("127.0.0.1", 9, &m.u.target_set.spec.addr);
	check_msg_write(&m, &line);
	ck_assert_int_eq(worker_send(&w, &line), 0);
	lb_text_done(&line);
	lb_text_done(&params);
}

START_TEST(it_reads_files_and_nothing_else)
{
	char dir[] = "/tmp/lbd-test-XXXXXX", path[128], link[128], text[1024];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(text, sizeof(text), "up\n%0900d", 0);
	put_file(dir, "up", 0644, "up\n");
	put_file(dir, "share", 0644, "40%");
	put_file(dir, "secret", 0, "up\n");
	put_file(dir, "long", 0644, text);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/up", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	ck_assert_int_eq(symlink(path, link), 0);
	start(&probe);
	WAIT(n_ready == 1, 10000);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		unsigned before = n_states;
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		look_at(path);
		WAIT(n_states > before && strcmp(last.state.last.text, files[i].text) == 0, 5000);
		ck_assert_msg(last.state.last.code == files[i].code, "%s: %s", files[i].what,
			check_codes[last.state.last.code].name);
	}
	finish();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		unlink(path);
	}
	rmdir(dir);
}
END_TEST

static void send_curl(uint32_t id, enum check_type type, uint16_t port, const char *ca, const char *mode)
{
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	struct lb_text params = LB_TEXT_INIT, line = LB_TEXT_INIT;
	ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_HOST, "app.example", 11), 0);
	if (mode)
		ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_TLS_MODE, mode, strlen(mode)), 0);
	if (ca)
		ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_TLS_CA, ca, strlen(ca)), 0);
	m.u.target_set.id = id;
	m.u.target_set.spec = (struct check_spec){ .type = type,
		.port = port,
		.interval_ms = 100,
		.interval_down_ms = 100,
		.timeout_ms = 3000,
		.rise = 2,
		.fall = 3,
		.params = { (const uint8_t *)params.s, (uint32_t)params.n } };
	lb_ip_parse("127.0.0.1", 9, &m.u.target_set.spec.addr);
	lb_ip_parse("127.0.0.2", 9, &m.u.target_set.spec.source);
	check_msg_write(&m, &line);
	ck_assert_int_eq(worker_send(&w, &line), 0);
	lb_text_done(&line);
	lb_text_done(&params);
}

START_TEST(it_speaks_tls_under_the_filter)
{
	static const struct op https[] = { TLS, REQUEST, SAY("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), HANG };
	static const struct op smtp[] = { SAY("220 hi\r\n"), ANY_LINE, SAY("250 me\r\n"), ANY_LINE, SAY("220 go\r\n"),
		TLS, ANY_LINE, SAY("250 me\r\n"), ANY_LINE, SAY("250 ok\r\n"), HANG };
	struct certs certs;
	certs_make(&certs);
	uint16_t port = server_start(https, certs.ctx[CERT_GOOD])->port;
	const struct {
		enum check_type type;
		uint16_t port;
		const char *ca, *mode;
		enum check_code code;
		const char *text;
	} probes[] = {
		{ CHECK_TYPE_HTTPS, port, certs.ca, NULL, CHECK_CODE_L7OK, "200" },
		{ CHECK_TYPE_TLS, port, NULL, NULL, CHECK_CODE_L6RSP, "unknown issuer" }, /* the system's own store */
		{ CHECK_TYPE_SMTP, server_start(smtp, certs.ctx[CERT_GOOD])->port, certs.ca, "starttls",
			CHECK_CODE_L7OK, "good answers, TLS" },
		{ CHECK_TYPE_HTTP, 1, NULL, NULL, CHECK_CODE_L4CON, "connection refused" },
	};
	start(&probe);
	WAIT(n_ready == 1, 10000);
	char v[256];
	status_of(w.pid, "Seccomp", v, sizeof(v));
	ck_assert_msg(strcmp(v, "2") == 0 || dlsym(NULL, "__asan_init"), "Seccomp %s", v);
	for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		unsigned before = n_states;
		send_curl(i, probes[i].type, probes[i].port, probes[i].ca, probes[i].mode);
		WAIT(n_states > before && last.id == i, 10000);
		ck_assert_msg(
			last.state.last.code == probes[i].code && strcmp(last.state.last.text, probes[i].text) == 0,
			"row %u: %s (%s)", i, check_codes[last.state.last.code].name, last.state.last.text);
		struct check_msg del = { .type = CHECK_MSG_TARGET_DEL, .u.target_del = i };
		struct lb_text line = LB_TEXT_INIT;
		check_msg_write(&del, &line);
		ck_assert_int_eq(worker_send(&w, &line), 0);
		lb_text_done(&line);
	}
	finish();
	servers_stop();
	certs_free(&certs);
}
END_TEST

START_TEST(it_has_a_link_under_the_filter)
{
	if (getuid() != 0)
		return; /* packet sockets want a capability */
	start(&sync_row);
	WAIT(n_gone == 1, 20000);
	ck_assert(WIFEXITED(w.child.rstatus));
	ck_assert_int_eq(WEXITSTATUS(w.child.rstatus), 40); /* else what was wrong, see sync_main */
	finish();
}
END_TEST

/* It can make no socket of that kind, and need not. */
START_TEST(it_finds_a_journal_that_is_made_anew)
{
	journal_named();
	journal_open();
	start(&talks);
	WAIT(journal_has("from the room"), 10000);
	WAIT(journal_has("from the helper"), 10000);
	journal_close();
	journal_open();
	WAIT(journal_has("from the room"), 10000);
	WAIT(journal_has("from the helper"), 10000);
	ck_assert_uint_eq(n_gone, 0);
	finish();
	journal_close();
	unsetenv("JOURNAL_STREAM");
}
END_TEST

/* Who cannot know whom it must become does not go on as somebody else. */
START_TEST(a_user_that_cannot_be_looked_up_ends_it)
{
	if (getuid() != 0)
		return; /* it stays who it is */
	start(&unknown_user);
	WAIT(n_gone == 1, 20000);
	ck_assert_msg(WIFEXITED(w.child.rstatus) && WEXITSTATUS(w.child.rstatus) == 1, "%x", w.child.rstatus);
	ck_assert_uint_eq(n_ready, 0);
	finish();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_worker_has_nothing);
	tcase_add_test(tc, an_unprivileged_core_gives_other_rights_to_its_workers);
	tcase_add_test(tc, it_probes_under_the_filter_and_comes_back_after_a_kill);
	tcase_add_test(tc, it_speaks_tls_under_the_filter);
	tcase_add_test(tc, it_reads_files_and_nothing_else);
	tcase_add_test(tc, it_has_a_link_under_the_filter);
	tcase_add_test(tc, it_finds_a_journal_that_is_made_anew);
	tcase_add_test(tc, a_user_that_cannot_be_looked_up_ends_it);
}

int main(int argc, char **argv)
{
	return workers_main("worker_rights", rows, sizeof(rows) / sizeof(rows[0]), add_tests, argc, argv);
}
