/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room of scripts as in the field: its own user, its filter, and scripts that behave in every way but well. */
#include "common/buf.h"
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/check/check_io.h"
#include "lbd/check/check_msg.h"
#include "lbd/worker.h"

#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct worker_row script = { .name = "script",
	.title = "lbd: script",
	.user = "nobody",
	.filter = SANDBOX_FILTER_SCRIPT,
	.main = check_worker_main };
static const struct worker_row *const rows[] = { &script };

/* ---- the core ---- */

#define TARGETS_MAX 128

static struct ev_loop *loop;
static struct worker w;
static ev_timer ticker;
static const char *tool; /* path of the program that tries what is forbidden */
static struct {
	unsigned ready, gone, judged, states[TARGETS_MAX];
	struct check_msg_state last[TARGETS_MAX];
	uint32_t running_most, waiting_most, running;
	unsigned pongs;
	unsigned hooks;
	struct check_msg_hook_done hook; /* the last one */
} seen;

static void on_ready(struct worker *of, void *arg)
{
	(void)of, (void)arg;
	seen.ready++;
}

static int on_line(struct worker *of, const json_t *msg, void *arg)
{
	(void)of, (void)arg;
	struct check_msg m;
	int rc = check_msg_read_core(msg, &m);
	if (rc)
		return rc;
	if (m.type == CHECK_MSG_PONG) {
		seen.pongs++;
		seen.running = m.u.pong.running;
		if (m.u.pong.running > seen.running_most)
			seen.running_most = m.u.pong.running;
		if (m.u.pong.waiting > seen.waiting_most)
			seen.waiting_most = m.u.pong.waiting;
	}
	if (m.type == CHECK_MSG_STATE) {
		ck_assert_uint_lt(m.u.state.id, TARGETS_MAX);
		seen.last[m.u.state.id] = m.u.state;
		seen.judged += seen.states[m.u.state.id]++ == 0;
	}
	if (m.type == CHECK_MSG_HOOK_DONE) {
		seen.hooks++;
		seen.hook = m.u.hook_done;
	}
	check_msg_done(&m);
	return 0;
}

static void on_drained(struct worker *of, void *arg)
{
	(void)of, (void)arg;
}

static void on_gone(struct worker *of, void *arg)
{
	(void)of, (void)arg;
	seen.gone++;
}

static const struct worker_calls calls = { on_ready, on_line, on_drained, on_gone, NULL };

static void tick(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l, (void)t, (void)events;
}

#define WAIT(condition, ms, what)                                                                                      \
	do {                                                                                                           \
		int64_t until_ = lb_clock_now().us + (ms)*1000;                                                        \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(lb_clock_now().us < until_, "%s: not within " #ms " ms: " #condition, what);     \
			ev_run(loop, EVRUN_ONCE);                                                                      \
		}                                                                                                      \
	} while (0)

/* ---- a place where only root writes ---- */

static char place[64];
static char *secret; /* the file that only root may read */

__attribute__((format(printf, 3, 4))) static char *put(const char *name, mode_t mode, const char *fmt, ...)
{
	char *path = NULL;
	ck_assert_int_gt(asprintf(&path, "%s/%s", place, name), 0);
	FILE *f = fopen(path, "we");
	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	va_list ap;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap); /* NOLINT(clang-analyzer-valist.Uninitialized): it does not see va_start */
	va_end(ap);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void put_tool(const char *from)
{
	char path[128], buf[65536];
	snprintf(path, sizeof(path), "%s/tool", place);
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ck_assert_msg(in >= 0 && out >= 0, "%s: %s", from, strerror(errno));
	for (ssize_t n; (n = read(in, buf, sizeof(buf))) > 0;)
		ck_assert_int_eq(write(out, buf, (size_t)n), n);
	close(in);
	ck_assert_int_eq(fchmod(out, 0755), 0);
	close(out);
}

static void remove_place(void)
{
	DIR *d = opendir(place);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s", place, e->d_name);
		if (unlink(path) && e->d_name[0] != '.') {
			char inner[600];
			snprintf(inner, sizeof(inner), "%s/it", path);
			unlink(inner);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
	rmdir(place);
}

static void setup(void)
{
	snprintf(place, sizeof(place), "/run/lbd-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(place));
	ck_assert_int_eq(chmod(place, 0755), 0);
	put_tool(tool);
	secret = put("secret", 0600, "the key\n");
	memset(&seen, 0, sizeof(seen));
	loop = ev_default_loop(EVFLAG_AUTO);
	ev_timer_init(&ticker, tick, 0.02, 0.02);
	ev_timer_start(loop, &ticker);
	setenv("SECRET", "in the core", 1);
	ck_assert_int_eq(worker_init(), 0);
	worker_start(&w, &script, loop, LB_LOG_INFO, &calls, NULL);
	WAIT(seen.ready == 1, 10000, "start");
}

static void teardown(void)
{
	worker_stop(&w);
	WAIT(worker_stopped(&w), 5000, "stop");
	worker_done(&w);
	ev_timer_stop(loop, &ticker);
	remove_place();
	free(secret);
}

/* ---- one script ---- */

struct job {
	const char *path;
	const char *args[4];
	const char *weight_from;
	uint32_t timeout_ms, interval_ms;
};

static void tell(const struct check_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(m, &line);
	ck_assert(!line.bad);
	ck_assert_int_eq(worker_send(&w, &line), 0);
	lb_text_done(&line);
}

static void run(uint32_t id, const struct job *job)
{
	struct lb_text params = LB_TEXT_INIT;
	struct check_msg m = { .type = CHECK_MSG_TARGET_SET };
	m.u.target_set.id = id;
	struct check_spec *s = &m.u.target_set.spec;
	*s = (struct check_spec){ .type = CHECK_TYPE_SCRIPT,
		.port = 8080,
		.interval_ms = job->interval_ms ? job->interval_ms : 60,
		.timeout_ms = job->timeout_ms ? job->timeout_ms : 8000,
		.rise = 2,
		.fall = 3 };
	s->interval_down_ms = s->interval_ms;
	lb_ip_parse("192.0.2.7", 9, &s->addr);
	ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_PATH, job->path, strlen(job->path)), 0);
	for (int i = 0; i < 4 && job->args[i]; i++)
		ck_assert_int_eq(check_param_put(&params, CHECK_PARAM_ARG, job->args[i], strlen(job->args[i])), 0);
	if (job->weight_from)
		ck_assert_int_eq(
			check_param_put(&params, CHECK_PARAM_WEIGHT_FROM, job->weight_from, strlen(job->weight_from)),
			0);
	s->params = (struct check_params){ (const uint8_t *)params.s, (uint32_t)params.n };
	tell(&m);
	lb_text_done(&params);
}

static void del(uint32_t id)
{
	tell(&(struct check_msg){ .type = CHECK_MSG_TARGET_DEL, .u.target_del = id });
}

/* Its first result. */
static const struct check_result *result(uint32_t id, const char *what)
{
	WAIT(seen.states[id] > 0, 20000, what);
	del(id);
	return &seen.last[id].state.last;
}

/* How many processes have this word among their arguments. */
static unsigned count_with(const char *word)
{
	unsigned n = 0;
	DIR *d = opendir("/proc");
	for (struct dirent *e; (e = readdir(d));) {
		char path[64], line[512];
		snprintf(path, sizeof(path), "/proc/%.16s/cmdline", e->d_name);
		int fd = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
		if (fd >= 0)
			close(fd);
		for (ssize_t at = 0; at < got; at += (ssize_t)strlen(line + at) + 1) {
			line[got] = '\0';
			n += strcmp(line + at, word) == 0;
		}
	}
	closedir(d);
	return n;
}

static const char *mark(unsigned nth) /* a number of seconds that nobody else sleeps */
{
	static char text[8][32];
	snprintf(text[nth], sizeof(text[nth]), "%u%07d", 30 + nth, (int)getpid());
	return text[nth];
}

/* ---- what a script says ---- */

static const struct {
	const char *what, *body;
	const char *args[4], *weight_from;
	uint32_t timeout_ms;
	enum check_code code;
	const char *text;
	struct check_weight weight;
} says[] = {
	{ "yes", "exit 0", .code = CHECK_CODE_PROCOK, .text = "exit 0" },
	{ "yes, and why", "echo all well; echo more", .code = CHECK_CODE_PROCOK, .text = "exit 0: all well" },
	{ "no", "printf 'disk\\tfull\\n'; exit 3", .code = CHECK_CODE_PROCERR, .text = "exit 3: disk\\x09full" },
	{ "no, on standard error", "echo oops >&2; exit 1", .code = CHECK_CODE_PROCERR, .text = "exit 1: oops" },
	{ "it crashes", "kill -SEGV $$", .code = CHECK_CODE_PROCERR, .text = "signal 11" },
	{ "it hangs", "echo wait; sleep 600", .timeout_ms = 300, .code = CHECK_CODE_PROCTOUT,
		.text = "killed at the deadline: wait" },
	{ "it ignores all signals and hangs", "trap '' TERM INT HUP; sleep 600; sleep 600", .timeout_ms = 300,
		.code = CHECK_CODE_PROCTOUT, .text = "killed at the deadline" },
	{ "it pours without end", "yes; exit 0", .timeout_ms = 400, .code = CHECK_CODE_PROCTOUT,
		.text = "killed at the deadline: y" },
	{ "it pours, and ends", "echo ok; head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 4",
		.code = CHECK_CODE_PROCERR, .text = "exit 4: ok" },
	{ "it closes its outputs and goes on", "exec >&- 2>&-; sleep 0.2; exit 5", .code = CHECK_CODE_PROCERR,
		.text = "exit 5" },
	{ "a child keeps its outputs open", "sleep 600 & exit 6", .code = CHECK_CODE_PROCERR, .text = "exit 6" },
	{ "arguments, and no shell between", "echo \"$#|$1|$2|$3|$4\"",
		.args = { "%a", "port=%p", "100%% %x%", "$(id) ; *" }, .code = CHECK_CODE_PROCOK,
		.text = "exit 0: 4|192.0.2.7|port=8080|100% %x%|$(id) ; *" },
	{ "nothing to read", "read x; echo \"$?\"", .code = CHECK_CODE_PROCOK, .text = "exit 0: 1" },
	{ "no environment", "wc -c </proc/$$/environ", .code = CHECK_CODE_PROCOK, .text = "exit 0: 0" },
	{ "nobody's rights", "echo $(id -u) $(id -G); grep CapPrm /proc/self/status", .code = CHECK_CODE_PROCOK,
		.text = "exit 0: 65534 65534" },
	{ "no capability", "grep CapBnd /proc/self/status >/dev/null; sed -n 's/^CapPrm:.//p' /proc/self/status",
		.code = CHECK_CODE_PROCOK, .text = "exit 0: 0000000000000000" },
	{ "its own session", "read -r a b c d e f rest </proc/$$/stat; [ $$ = $f ] && echo own $#",
		.code = CHECK_CODE_PROCOK, .text = "exit 0: own 0" },
	{ "limits", "echo $(ulimit -v) $(ulimit -n) $(ulimit -c) $(ulimit -f)", .code = CHECK_CODE_PROCOK,
		.text = "exit 0: 1048576 1024 0 2048" },
	{ "first for the out-of-memory killer", "cat /proc/$$/oom_score_adj", .code = CHECK_CODE_PROCOK,
		.text = "exit 0: 500" },
	{ "status as weight: all", "exit 0", .weight_from = "exit", .code = CHECK_CODE_PROCOK, .text = "exit 0" },
	{ "status as weight: down", "exit 1", .weight_from = "exit", .code = CHECK_CODE_PROCERR, .text = "exit 1" },
	{ "status as weight: 50", "exit 52", .weight_from = "exit", .code = CHECK_CODE_PROCOK, .text = "exit 52",
		.weight = { CHECK_WEIGHT_VALUE, 50 } },
	{ "output as weight: a share", "echo 75%; echo x", .weight_from = "output", .code = CHECK_CODE_PROCOK,
		.text = "it says: 75%", .weight = { CHECK_WEIGHT_PERCENT, 75 } },
	{ "output as weight: down", "echo 'down # backup'", .weight_from = "output", .code = CHECK_CODE_PROCERR,
		.text = "it says: down # backup" },
	{ "output as weight: nonsense", "echo perhaps", .weight_from = "output", .code = CHECK_CODE_PROCERR,
		.text = "no weight in its output: perhaps" },
	{ "output as weight, but it failed", "echo 75%; exit 2", .weight_from = "output", .code = CHECK_CODE_PROCERR,
		.text = "exit 2: 75%" },
};

START_TEST(what_it_says)
{
	char name[16];
	snprintf(name, sizeof(name), "it-%d", _i);
	char *path = put(name, 0755, "#!/bin/sh\n%s\n", says[_i].body);
	struct job job = { .path = path, .weight_from = says[_i].weight_from, .timeout_ms = says[_i].timeout_ms };
	memcpy(job.args, says[_i].args, sizeof(job.args));
	run(1, &job);
	const struct check_result *r = result(1, says[_i].what);
	ck_assert_msg(r->code == says[_i].code && strcmp(r->text, says[_i].text) == 0, "%s: %s (%s)", says[_i].what,
		check_codes[r->code].name, r->text);
	ck_assert_msg(r->weight.kind == says[_i].weight.kind && r->weight.value == says[_i].weight.value,
		"%s: weight %u %u", says[_i].what, r->weight.kind, r->weight.value);
	free(path);
}
END_TEST

/* ---- what it can reach ---- */

START_TEST(it_cannot_read_what_is_for_root)
{
	char *path = put("it", 0755, "#!/bin/sh\ncat \"$1\" >/dev/null 2>&1 && echo read it; echo $?; kill -0 $2\n");
	char core[16];
	snprintf(core, sizeof(core), "%d", (int)getpid());
	run(1, &(struct job){ .path = path, .args = { secret, core } });
	const struct check_result *r = result(1, "secret");
	ck_assert_msg(r->code == CHECK_CODE_PROCERR && strcmp(r->text, "exit 1: 1") == 0, "%s", r->text);
	free(path);
}
END_TEST

START_TEST(it_cannot_do_what_no_check_needs)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/tool", place);
	/* with a sanitizer there is no filter: what the kernel by itself refuses to nobody */
	run(1, &(struct job){ .path = path, .args = { dlsym(NULL, "__asan_init") ? "root" : "refused" } });
	const struct check_result *r = result(1, "tool");
	ck_assert_msg(r->code == CHECK_CODE_PROCOK && strcmp(r->text, "exit 0: refused") == 0, "%s", r->text);
}
END_TEST

START_TEST(it_has_no_descriptor_of_ours)
{
	int leak = open("/etc/passwd", O_RDONLY); /* not even close-on-exec: a library's mistake */
	/* a program of its own: 3 is the directory that it lists */
	run(1, &(struct job){ .path = "/bin/ls", .args = { "-m", "/proc/self/fd" } });
	const struct check_result *r = result(1, "ls");
	ck_assert_str_eq(r->text, "exit 0: 0, 1, 2, 3");
	/* with an interpreter the script itself is open in addition, under whatever numbers */
	char *path = put("it", 0755,
		"#!/bin/sh\nfind /proc/$$/fd -type l ! -name [012] ! -lname $1 -printf '%%f %%l '\nreadlink "
		"/proc/$$/fd/0\n"
		"sleep 0.3\n");
	for (uint32_t id = 2; id < 6; id++) /* several at once: one must not get what is of another */
		run(id, &(struct job){
				.path = path, .args = { path, (const char *[]){ "a", "b", "c", "d" }[id - 2] } });
	for (uint32_t id = 2; id < 6; id++)
		ck_assert_str_eq(result(id, "descriptors")->text, "exit 0: /dev/null");
	close(leak);
	free(path);
}
END_TEST

/* ---- nothing of it is left ---- */

/* Children, grandchildren in sessions of their own whose parents have ended, and their children. */
#define FAMILY                                                                                                         \
	"#!/bin/sh\nsleep $1 &\nsetsid sleep $1 &\n(setsid sh -c \"sleep $1 & sleep $1\" &)\n"                         \
	"(setsid sh -c \"(setsid sleep $1 &) & sleep $1\" &)\nsleep 0.3\n"

static const struct {
	const char *what, *more;
	enum check_code code;
	const char *text;
	bool at_once; /* none is left when the result is known */
} ends[] = {
	{ "after a good end", "exit 0", CHECK_CODE_PROCOK, "exit 0", true },
	{ "after a bad end", "exit 9", CHECK_CODE_PROCERR, "exit 9", true },
	{ "after it killed itself", "kill -9 $$", CHECK_CODE_PROCERR, "signal 9", true },
	{ "at the deadline", "sleep $1", CHECK_CODE_PROCTOUT, "killed at the deadline", false },
	{ "after it killed its keeper", "kill -9 $PPID; sleep $1", CHECK_CODE_SOCKERR, "its keeper was killed", false },
	{ "after it stopped its keeper", "kill -STOP $PPID; sleep $1", CHECK_CODE_PROCTOUT, "killed at the deadline",
		false },
};

START_TEST(nothing_outlives_it)
{
	char name[16];
	snprintf(name, sizeof(name), "it-%d", _i);
	char *path = put(name, 0755, FAMILY "%s\n", ends[_i].more);
	run(1, &(struct job){ .path = path, .args = { mark(0) }, .timeout_ms = 1500, .interval_ms = 200 });
	WAIT(count_with(mark(0)) >= 6, 5000, ends[_i].what);
	WAIT(seen.states[1] > 0, 20000, ends[_i].what);
	if (ends[_i].at_once) /* the next run has not made any yet: it is at least 100 ms away */
		ck_assert_msg(count_with(mark(0)) == 0, "%s: %u left", ends[_i].what, count_with(mark(0)));
	const struct check_result *r = result(1, ends[_i].what);
	ck_assert_msg(
		r->code == ends[_i].code && strcmp(r->text, ends[_i].text) == 0, "%s: %s", ends[_i].what, r->text);
	WAIT(count_with(mark(0)) == 0, 4000, ends[_i].what);
	ck_assert_uint_eq(seen.gone, 0);
	free(path);
}
END_TEST

START_TEST(nothing_outlives_its_target_or_the_room)
{
	char *path = put("it", 0755, FAMILY "sleep $1\n");
	run(1, &(struct job){ .path = path, .args = { mark(1) } });
	run(2, &(struct job){ .path = path, .args = { mark(2) } });
	WAIT(count_with(mark(1)) >= 6 && count_with(mark(2)) >= 6, 5000, "start");
	del(1);
	WAIT(count_with(mark(1)) == 0, 4000, "target removed");
	ck_assert_uint_ge(count_with(mark(2)), 6);
	kill(w.pid, SIGKILL);
	WAIT(count_with(mark(2)) == 0, 4000, "room killed");
	WAIT(seen.ready == 2, 5000, "room back");
	free(path);
}
END_TEST

START_TEST(it_cannot_run_away)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/tool", place);
	run(1, &(struct job){ .path = path, .args = { "run-away", mark(3) } });
	const struct check_result *r = result(1, "run-away"); /* its first process has ended at once */
	ck_assert_str_eq(r->text, "exit 0");
	WAIT(count_with(mark(3)) == 0, 2000, "run-away");
}
END_TEST

START_TEST(a_bomb_stays_in_its_room)
{
	char *path = put(
		"it", 0755, "#!/bin/sh\ni=0\nwhile [ $i -lt 700 ]; do sleep $1 & i=$((i + 1)); done\necho all $i\n");
	run(1, &(struct job){ .path = path, .args = { mark(4) }, .interval_ms = 2000, .timeout_ms = 18000 });
	const struct check_result *r = result(1, "bomb");
	ck_assert_msg(r->code == CHECK_CODE_PROCERR && strstr(r->text, "exit 2: ") == r->text, "%s", r->text);
	WAIT(count_with(mark(4)) == 0, 4000, "bomb");
	char *well = put("well", 0755, "#!/bin/sh\necho well\n");
	run(2, &(struct job){ .path = well });
	ck_assert_str_eq(result(2, "afterwards")->text, "exit 0: well");
	free(path);
	free(well);
}
END_TEST

START_TEST(only_so_many_at_once)
{
	char *path = put("it", 0755, "#!/bin/sh\nsleep 1.5\n");
	for (uint32_t id = 0; id < 100; id++) {
		char nth[8];
		snprintf(nth, sizeof(nth), "%u", id);
		run(id, &(struct job){ .path = path, .args = { nth }, .interval_ms = 100, .timeout_ms = 30000 });
	}
	WAIT(seen.judged == 100, 40000, "all of them");
	for (uint32_t id = 0; id < 100; id++) {
		ck_assert_str_eq(seen.last[id].state.last.text, "exit 0");
		del(id);
	}
	ck_assert_msg(seen.running_most <= 64 && seen.running_most > 32 && seen.waiting_most > 0, "%u ran, %u waited",
		seen.running_most, seen.waiting_most);
	unsigned pongs = seen.pongs;
	WAIT(seen.pongs >= pongs + 2 && seen.running == 0, 5000, "quiet");
	free(path);
}
END_TEST

/* ---- which programs may run ---- */

static void expect_refused(uint32_t id, const char *path, const char *want)
{
	run(id, &(struct job){ .path = path });
	const struct check_result *r = result(id, path);
	ck_assert_msg(r->code == CHECK_CODE_PROCERR && strstr(r->text, want) == r->text, "%s: %s (%s)", path,
		check_codes[r->code].name, r->text);
}

static void expect_runs(uint32_t id, const char *path)
{
	run(id, &(struct job){ .path = path });
	const struct check_result *r = result(id, path);
	ck_assert_msg(r->code == CHECK_CODE_PROCOK, "%s: %s (%s)", path, check_codes[r->code].name, r->text);
}

static const struct {
	const char *what;
	mode_t mode;
	uid_t owner;
	const char *body, *text;
} programs[] = {
	{ "anybody may write it", 0757, 0, "#!/bin/sh\n", "writable by group or others: /run/" },
	{ "its group may write it", 0775, 0, "#!/bin/sh\n", "writable by group or others: /run/" },
	{ "it is of the user who runs it", 0755, 65534, "#!/bin/sh\n", "not owned by root: /run/" },
	{ "it is of somebody else", 0555, 4321, "#!/bin/sh\n", "not owned by root: /run/" },
	{ "it is not executable", 0644, 0, "#!/bin/sh\n", "not executable: /run/" },
	{ "root alone may execute it", 0700, 0, "#!/bin/sh\n", "may not be executed: permission denied" },
	{ "it is a text", 0755, 0, "exit 0\n", "not a program: no #! line and no known format" },
	{ "its interpreter is gone", 0755, 0, "#!/nowhere/sh\n", "its interpreter does not exist" },
};

START_TEST(a_program_that_others_could_change_is_refused)
{
	for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		char name[16];
		snprintf(name, sizeof(name), "it-%u", i);
		char *path = put(name, programs[i].mode, "%s", programs[i].body);
		ck_assert_int_eq(chown(path, programs[i].owner, 0), 0);
		ck_assert_int_eq(chmod(path, programs[i].mode), 0);
		expect_refused(i, path, programs[i].text);
		free(path);
	}
}
END_TEST

START_TEST(the_way_to_a_program_is_judged_too)
{
	char dir[128], path[256], to[256];
	free(put("it", 0755, "#!/bin/sh\n"));
	snprintf(to, sizeof(to), "%s/it", place);
	snprintf(dir, sizeof(dir), "%s/open", place);
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	ck_assert_int_eq(chmod(dir, 01777), 0);
	snprintf(path, sizeof(path), "%s/it", dir);
	ck_assert_int_eq(symlink(to, path), 0);
	expect_refused(1, path, "writable by group or others: /run/lbd-test"); /* a link that anybody may move */
	ck_assert_int_eq(chmod(dir, 0755), 0);
	expect_runs(2, path); /* a link that only root made, to a place that is root's */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("../open/../it", path), 0);
	expect_runs(3, path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("it", path), 0);
	expect_refused(4, path, "too many levels of symbolic links: /run/");
	expect_refused(5, dir, "not a regular file: /run/");
	expect_refused(6, "/nowhere/it", "no such file or directory: /nowhere");
	expect_refused(7, "bin/true", "not an absolute path: bin/true");
	snprintf(path, sizeof(path), "%s/./..//%s/it", place, strrchr(place, '/') + 1);
	expect_runs(8, path);
	expect_runs(9, "/bin/true");
}
END_TEST

/* ---- hooks: programs that are no checks ---- */

static void hook(uint32_t id, const char *path, uint32_t timeout_ms, const char *const *args)
{
	struct check_msg m = { .type = CHECK_MSG_HOOK_RUN };
	m.u.hook_run.id = id;
	m.u.hook_run.timeout_ms = timeout_ms;
	snprintf(m.u.hook_run.path, sizeof(m.u.hook_run.path), "%s", path);
	for (uint32_t n = 0; args && args[n]; n++)
		snprintf(m.u.hook_run.args[m.u.hook_run.n_args++], CHECK_HOOK_ARG, "%s", args[n]);
	tell(&m);
}

static const struct {
	const char *what, *body;
	const char *args[8];
	mode_t mode;
	uid_t owner;
	uint32_t timeout_ms;
	enum check_code code;
	const char *text;
} hooks[] = {
	{ "all is well", "exit 0", .code = CHECK_CODE_PROCOK, .text = "exit 0" },
	{ "it fails, and says why", "echo no peer >&2; exit 3", .code = CHECK_CODE_PROCERR, .text = "exit 3: no peer" },
	{ "a status is no weight", "exit 52", .code = CHECK_CODE_PROCERR, .text = "exit 52" },
	{ "it crashes", "kill -SEGV $$", .code = CHECK_CODE_PROCERR, .text = "signal 11" },
	{ "its arguments, and nothing else", "echo \"$#|$1|$2|$3|$6|$(wc -c </proc/$$/environ)|$(id -u)\"",
		.args = { "vrrp", "wan%a", "$(id);*", "master", "no_advert", "120" }, .code = CHECK_CODE_PROCOK,
		.text = "exit 0: 6|vrrp|wan%a|$(id);*|120|0|65534" },
	{ "it hangs", "echo wait; sleep 600", .timeout_ms = 300, .code = CHECK_CODE_PROCTOUT,
		.text = "killed at the deadline: wait" },
	{ "anybody may write it", "exit 0", .mode = 0757, .code = CHECK_CODE_PROCERR,
		.text = "writable by group or others: /run/" },
	{ "it is of the user who runs it", "exit 0", .owner = 65534, .code = CHECK_CODE_PROCERR,
		.text = "not owned by root: /run/" },
	{ "it is not executable", "exit 0", .mode = 0644, .code = CHECK_CODE_PROCERR, .text = "not executable: /run/" },
};

START_TEST(a_hook)
{
	char *path = put("it", 0755, "#!/bin/sh\n%s\n", hooks[_i].body);
	ck_assert_int_eq(chown(path, hooks[_i].owner, 0), 0);
	ck_assert_int_eq(chmod(path, hooks[_i].mode ? hooks[_i].mode : 0755), 0);
	hook(7, path, hooks[_i].timeout_ms ? hooks[_i].timeout_ms : 8000, hooks[_i].args);
	WAIT(seen.hooks == 1, 10000, hooks[_i].what);
	const struct check_result *r = &seen.hook.result;
	ck_assert_uint_eq(seen.hook.id, 7);
	ck_assert_msg(r->code == hooks[_i].code && strstr(r->text, hooks[_i].text) == r->text, "%s: %s (%s)",
		hooks[_i].what, check_codes[r->code].name, r->text);
	if (hooks[_i].timeout_ms)
		ck_assert_uint_ge(r->latency_us, hooks[_i].timeout_ms * 1000);
	free(path);
}
END_TEST

static const struct {
	const char *what, *more;
	enum check_code code;
	const char *text;
	bool at_once; /* none is left when it is answered */
} hook_ends[] = {
	{ "after a good end", "exit 0", CHECK_CODE_PROCOK, "exit 0", true },
	{ "at the deadline", "trap '' TERM INT HUP; sleep $1; sleep $1", CHECK_CODE_PROCTOUT, "killed at the deadline",
		true },
	{ "after it killed its keeper", "kill -9 $PPID; sleep $1", CHECK_CODE_SOCKERR, "its keeper was killed", false },
	{ "after it stopped its keeper", "kill -STOP $PPID; sleep $1", CHECK_CODE_PROCTOUT, "killed at the deadline",
		false },
};

/* The next one must not begin beside what is left of this one. */
START_TEST(nothing_of_a_hook_is_left_when_it_is_answered)
{
	char *path = put("it", 0755, FAMILY "%s\n", hook_ends[_i].more);
	hook(1, path, 1500, (const char *const[]){ mark(5), NULL });
	WAIT(count_with(mark(5)) >= 6, 5000, hook_ends[_i].what);
	hook(2, path, 1500, NULL);
	WAIT(seen.hooks == 1, 5000, "beside another one");
	ck_assert_uint_eq(seen.hook.id, 2);
	ck_assert_str_eq(seen.hook.result.text, "the one before has not ended");
	WAIT(seen.hooks == 2, 10000, hook_ends[_i].what);
	if (hook_ends[_i].at_once)
		ck_assert_msg(count_with(mark(5)) == 0, "%s: %u left", hook_ends[_i].what, count_with(mark(5)));
	ck_assert_uint_eq(seen.hook.id, 1);
	ck_assert_msg(
		seen.hook.result.code == hook_ends[_i].code && strcmp(seen.hook.result.text, hook_ends[_i].text) == 0,
		"%s: %s", hook_ends[_i].what, seen.hook.result.text);
	WAIT(count_with(mark(5)) == 0, 4000, hook_ends[_i].what);
	hook(3, "/bin/true", 8000, NULL);
	WAIT(seen.hooks == 3, 10000, "the next one");
	ck_assert_str_eq(seen.hook.result.text, "exit 0");
	ck_assert_uint_eq(seen.gone, 0);
	free(path);
}
END_TEST

START_TEST(no_hook_outlives_the_room)
{
	char *path = put("it", 0755, FAMILY "sleep $1\n");
	hook(1, path, 30000, (const char *const[]){ mark(6), NULL });
	WAIT(count_with(mark(6)) >= 6, 5000, "start");
	kill(w.pid, SIGKILL);
	WAIT(count_with(mark(6)) == 0, 4000, "room killed");
	WAIT(seen.ready == 2, 5000, "room back");
	ck_assert_uint_eq(seen.hooks, 0);
	hook(2, path, 30000, (const char *const[]){ mark(6), NULL });
	WAIT(count_with(mark(6)) >= 6, 5000, "start in the new one"); /* and is ended with it by teardown */
	free(path);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("script");
	TCase *tc = tcase_create("all");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_it_says, 0, (int)(sizeof(says) / sizeof(says[0])));
	tcase_add_test(tc, it_cannot_read_what_is_for_root);
	tcase_add_test(tc, it_cannot_do_what_no_check_needs);
	tcase_add_test(tc, it_has_no_descriptor_of_ours);
	tcase_add_loop_test(tc, nothing_outlives_it, 0, (int)(sizeof(ends) / sizeof(ends[0])));
	tcase_add_test(tc, nothing_outlives_its_target_or_the_room);
	tcase_add_test(tc, it_cannot_run_away);
	tcase_add_test(tc, a_bomb_stays_in_its_room);
	tcase_add_test(tc, only_so_many_at_once);
	tcase_add_test(tc, a_program_that_others_could_change_is_refused);
	tcase_add_test(tc, the_way_to_a_program_is_judged_too);
	tcase_add_loop_test(tc, a_hook, 0, (int)(sizeof(hooks) / sizeof(hooks[0])));
	tcase_add_loop_test(
		tc, nothing_of_a_hook_is_left_when_it_is_answered, 0, (int)(sizeof(hook_ends) / sizeof(hook_ends[0])));
	tcase_add_test(tc, no_hook_outlives_the_room);
	suite_add_tcase(s, tc);
	return s;
}

int main(int argc, char **argv)
{
	if (worker_child_wanted(argc, argv))
		return worker_child_main(rows, sizeof(rows) / sizeof(rows[0]), argc, argv);
	tool = argc > 1 ? argv[1] : "";
	struct stat st;
	if (getuid() != 0 || stat("/run", &st) || st.st_uid != 0 || st.st_mode & 022) {
		printf("skipped: needs root, and a /run that only root may write\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	lb_log_init("core", LB_LOG_INFO);
	SRunner *r = srunner_create(suite());
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
