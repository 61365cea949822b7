/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/worker.h"

#include "common/buf.h"
#include "common/clock_io.h"
#include "common/err.h"
#include "common/log_io.h"
#include "common/rss_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHANNEL_FD     3
#define FD_ABOVE       10 /* where the binary's descriptor lives: out of the way of 0..3 */
#define PING_S         1.0
#define PINGS_LOST_MAX 5
#define START_MAX_S    20 /* its own timer of sandbox.c ends it then */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 800 /* a worker that was killed is back within a second, however often it was */
#define HEALTHY_US     10000000
#define KILL_AFTER_S   1.0
#define NOT_WATCHED    "the kernel does not watch its channel"
#define ARG_PREFIX     "--worker="
#define ARG_AGAIN      "--again"

static int exe_fd = -1; /* written once by worker_init */

int worker_init(void)
{
	if (exe_fd >= 0)
		return 0;
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	exe_fd = fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE);
	int rc = exe_fd < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* ---- the child, until it is another program ---- */

struct exec_args { /* all made before the fork */
	char *argv[4], *envp[8];
	uint64_t caps;
	int channel;
};

/* What is sent to all processes of the service, or of a terminal, and is about the core: it reloads, or ends the
 * workers in order. Not SIGTERM, with which it ends those that have nothing to clean up. */
static bool of_the_core(int sig)
{
	return sig == SIGHUP || sig == SIGINT || sig == SIGUSR1 || sig == SIGUSR2;
}

/* Between fork and exec only async-signal-safe calls: another thread of a library may have held any lock. */
static _Noreturn void child_exec(const struct exec_args *x)
{
	/* all signals are blocked here. A handler of the core would write to the loop of the core, and an ignored
	 * signal stays ignored after the exec: those that are meant for the core, from its first instruction on */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, of_the_core(sig) ? SIG_IGN : SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid(); /* Ctrl-C in the terminal is for the core, which ends the workers in order */
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	/* the pair may have been given any number, 3 included, where dup2 to itself would leave close-on-exec on */
	int fd = fcntl(x->channel, F_DUPFD, FD_ABOVE);
	if (fd < 0 || dup2(fd, CHANNEL_FD) < 0)
		_exit(126);
	/* ENOSYS before Linux 5.11: then it rests on our rule that every descriptor is close-on-exec */
	syscall(SYS_close_range, CHANNEL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	sandbox_pre_exec(x->caps);
	syscall(SYS_execveat, exe_fd, "", x->argv, x->envp, AT_EMPTY_PATH);
	_exit(127);
}

/* The environment of a worker: what the log sink and a sanitizer read, nothing of the administrator's. */
static void fill_env(char **envp, size_t max)
{
	static const char *const keep[] = {
		"JOURNAL_STREAM=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "GCOV_PREFIX="
	};
	size_t n = 0;
	for (char **v = environ; v && *v; v++)
		for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]) && n + 1 < max; i++)
			if (strncmp(*v, keep[i], strlen(keep[i])) == 0)
				envp[n++] = *v;
	envp[n] = NULL;
}

/* ---- the parent ---- */

static void arm(struct worker *w, double after, double repeat)
{
	ev_timer_stop(w->loop, &w->timer);
	ev_now_update(w->loop);
	ev_timer_set(&w->timer, after, repeat);
	ev_timer_start(w->loop, &w->timer);
}

static void channel_close(struct worker *w)
{
	ev_io_stop(w->loop, &w->readable);
	ev_io_stop(w->loop, &w->writable);
	int child = lb_frame_leave(&w->channel);
	if (child >= 0)
		close(child);
}

static void leave(struct worker *w)
{
	if (w->state == WORKER_STATE_READY)
		w->unready = lb_clock_now();
	w->state = WORKER_STATE_ENDING;
}

/* EPERM is expected when the worker has its own uid: its channel has ended, and its own kill timer covers a stop. */
static void end_process(struct worker *w, int sig)
{
	channel_close(w);
	leave(w);
	if (w->pid > 0)
		kill(w->pid, sig);
}

static bool talking(const struct worker *w)
{
	return w->state == WORKER_STATE_STARTING || w->state == WORKER_STATE_READY;
}

void worker_restart(struct worker *w, const char *why)
{
	if (!talking(w))
		return;
	lb_log(LB_LOG_WARNING, "worker/%s: restarting (%s, pid=%d)", w->row->name, why, (int)w->pid);
	ev_timer_stop(w->loop, &w->timer);
	end_process(w, SIGKILL);
}

static int queue(struct worker *w, const struct lb_text *line)
{
	if (line->bad)
		return -ENOMEM;
	int rc = lb_frame_queue(&w->channel, line->s, line->n);
	if (rc == 0 && !ev_is_active(&w->writable))
		ev_io_start(w->loop, &w->writable);
	return rc;
}

int worker_send(struct worker *w, const struct lb_text *line)
{
	int rc = w->state == WORKER_STATE_READY ? queue(w, line) : -ENOTCONN;
	/* what was lost would be missing in the worker's picture for good: the next process is told everything */
	if (rc == -ENOMEM)
		worker_restart(w, "out of memory");
	return rc;
}

size_t worker_pending(const struct worker *w)
{
	return lb_frame_pending(&w->channel);
}

/* One life-cycle message. Steals o. */
static void tell(struct worker *w, json_t *o)
{
	struct lb_text line = LB_TEXT_INIT;
	if (o)
		lb_proto_dump(o, &line);
	if (!o || queue(w, &line))
		worker_restart(w, "out of memory");
	json_decref(o);
	lb_text_done(&line);
}

static void tell_hello(struct worker *w)
{
	uint32_t seed = 0;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)lb_clock_now().us; /* it only spreads timers */
	tell(w, json_pack("{s:s, s:I, s:s, s:I}", "msg", "hello", "version", (json_int_t)LB_PROTO_VERSION, "level",
			lb_log_level_name(w->level), "seed", (json_int_t)seed));
}

void worker_log_level(struct worker *w, enum lb_log_level level)
{
	w->level = level;
	if (talking(w))
		tell(w, json_pack("{s:s, s:s}", "msg", "log", "level", lb_log_level_name(level)));
}

static int spawn(struct worker *w)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	char name[64], title[64], again[] = ARG_AGAIN;
	snprintf(title, sizeof(title), "%s", w->row->title);
	snprintf(name, sizeof(name), ARG_PREFIX "%s", w->row->name);
	struct exec_args x = { .argv = { title, name, w->starts ? again : NULL, NULL },
		.caps = w->row->caps | 1ull << CAP_SETUID | 1ull << CAP_SETGID |
			(w->row->realtime ? 1ull << CAP_SYS_NICE : 0),
		.channel = pair[1] };
	fill_env(x.envp, sizeof(x.envp) / sizeof(x.envp[0]));
	/* no signal of the core's may reach one of its handlers in the child before the exec */
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		child_exec(&x);
	int rc = pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (rc) {
		close(pair[0]);
		return rc;
	}
	w->pid = pid;
	w->starts++;
	w->state = WORKER_STATE_STARTING;
	w->started = lb_clock_now();
	w->unanswered = 0;
	lb_frame_init(&w->channel, pair[0], (size_t)LB_PROTO_LINE_MAX);
	ev_child_set(&w->child, pid, 0);
	ev_child_start(w->loop, &w->child);
	ev_io_set(&w->readable, pair[0], EV_READ);
	ev_io_set(&w->writable, pair[0], EV_WRITE);
	ev_io_start(w->loop, &w->readable);
	arm(w, PING_S, PING_S);
	tell_hello(w);
	return 0;
}

/* First at once, then 100 ms doubling to 800 ms; a life of 10 s earns a fresh start. */
static void respawn_later(struct worker *w)
{
	if (lb_time_diff_us(lb_clock_now(), w->started) >= HEALTHY_US)
		w->backoff_ms = 0;
	arm(w, (double)w->backoff_ms / 1000.0, 0.0);
	w->backoff_ms = w->backoff_ms ? w->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (w->backoff_ms > BACKOFF_MAX_MS)
		w->backoff_ms = BACKOFF_MAX_MS;
	w->state = WORKER_STATE_WAITING;
}

/* Pings without an answer are counted, not timed: while the core itself stands still it sends none, and pongs that wait
 * in the socket afterwards are read before the fifth. One that was not ready in time has twice as long the next time:
 * on a machine that is so busy none would ever be ready, and starting it again makes it no better. */
static void ping(struct worker *w)
{
	const bool ready = w->state == WORKER_STATE_READY;
	const uint32_t patience_s = ready ? PINGS_LOST_MAX : w->start_s;
	if (w->unanswered >= patience_s) {
		char why[32];
		snprintf(why, sizeof(why), "%s %u s", ready ? "no answer for" : "not ready after", patience_s);
		if (!ready && w->start_s < START_MAX_S)
			w->start_s *= 2;
		worker_restart(w, why);
		return;
	}
	w->unanswered++;
	if (w->state == WORKER_STATE_READY)
		tell(w, json_pack("{s:s, s:I}", "msg", "ping", "n", (json_int_t)++w->pings));
}

/* The same refusal again is not told again: a machine that is full stays so for a while. */
static void start(struct worker *w)
{
	const struct worker_row *row = w->row;
	int rc = spawn(w);
	if (rc && rc != w->refused)
		lb_log(LB_LOG_ERROR, "worker/%s: cannot be started: %s; %s; trying again", row->name, strerror(-rc),
			row->without ? row->without : "what it does is not done");
	w->refused = rc;
	if (rc == 0)
		return;
	w->started = lb_clock_now();
	respawn_later(w);
}

static void on_timer(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	struct worker *w = ev->data;
	switch (w->state) {
	case WORKER_STATE_WAITING: start(w); return;
	case WORKER_STATE_STARTING:
	case WORKER_STATE_READY: ping(w); return;
	case WORKER_STATE_ENDING:
		if (w->pid > 0)
			kill(w->pid, SIGKILL);
		return;
	case WORKER_STATE_STOPPED: return;
	}
}

static void tell_news(const struct worker *w, const struct worker_news *news)
{
	if (w->calls->news)
		w->calls->news(w, news, w->arg);
	else
		lb_log(news->level, "worker/%s: %s", w->row->name, news->text);
}

static void on_child(struct ev_loop *loop, ev_child *ev, int events)
{
	(void)events;
	struct worker *w = ev->data;
	int status = ev->rstatus;
	pid_t pid = w->pid;
	ev_child_stop(loop, ev);
	ev_timer_stop(loop, &w->timer);
	channel_close(w);
	leave(w);
	w->pid = 0;
	w->killed = WIFSIGNALED(status);
	if (w->stopping) {
		w->state = WORKER_STATE_STOPPED;
	} else {
		struct worker_news news = { .level = LB_LOG_WARNING, .pid = pid };
		snprintf(news.why, sizeof(news.why), "%s %d", w->killed ? "signal" : "status",
			w->killed ? WTERMSIG(status) : WEXITSTATUS(status));
		snprintf(news.text, sizeof(news.text), "ended (%s, pid=%d)%s", news.why, (int)pid,
			w->killed && WTERMSIG(status) == SIGKILL ? ": killed, or the machine did not let it run" : "");
		tell_news(w, &news);
		respawn_later(w);
	}
	w->calls->gone(w, w->arg);
}

/* 1: the line was ours; 0: the topic's; -EBADMSG. */
static int life_line(struct worker *w, const json_t *msg)
{
	const char *name = lb_proto_str(msg, "msg");
	if (!name)
		return -EBADMSG;
	if (w->state == WORKER_STATE_READY) {
		if (strcmp(name, "pong") == 0)
			w->unanswered = 0;
		return strcmp(name, "ready") == 0 ? -EBADMSG : 0;
	}
	if (strcmp(name, "ready") != 0 || lb_proto_int(msg, "version", 0) != LB_PROTO_VERSION)
		return -EBADMSG;
	w->state = WORKER_STATE_READY;
	w->unready = (struct lb_time){ 0 };
	w->unanswered = 0;
	struct worker_news news = { .up = true, .level = LB_LOG_INFO, .pid = w->pid };
	snprintf(news.text, sizeof(news.text), "ready (pid=%d, start=%u)", (int)w->pid, w->starts);
	tell_news(w, &news);
	w->calls->ready(w, w->arg);
	return 1;
}

static void take_line(struct worker *w, const char *line, size_t n)
{
	struct lb_err e = { .text = "not a message" };
	json_t *msg = lb_proto_parse(line, n, &e);
	int rc = msg ? life_line(w, msg) : -EBADMSG;
	if (rc == 0)
		rc = w->calls->line(w, msg, w->arg);
	json_decref(msg);
	if (rc < 0 && talking(w)) { /* else the channel is closed and the line gone with it */
		lb_log(LB_LOG_ERROR, "worker/%s: %s: %.*s", w->row->name, e.text, n > 200 ? 200 : (int)n, line);
		worker_restart(w, "it sent a line that is no message");
	}
}

static void on_readable(struct ev_loop *loop, ev_io *ev, int events)
{
	(void)loop;
	struct worker *w = ev->data;
	if (events & EV_ERROR) { /* libev has stopped the watcher: nothing more would be heard of it */
		worker_restart(w, NOT_WATCHED);
		return;
	}
	long got = lb_frame_read(&w->channel);
	if (got == -EAGAIN)
		return;
	if (got == -EBADMSG) {
		worker_restart(w, "it passed a descriptor");
		return;
	}
	if (got <= 0) { /* it is ending by itself: its exit status says more than our SIGKILL would */
		channel_close(w);
		leave(w);
		arm(w, KILL_AFTER_S, KILL_AFTER_S);
		return;
	}
	const char *line;
	size_t n;
	int rc = 0;
	while (talking(w) && (rc = lb_frame_line(&w->channel, &line, &n)) > 0)
		take_line(w, line, n);
	if (rc < 0)
		worker_restart(w, "it sent a line that is too long");
}

static void on_writable(struct ev_loop *loop, ev_io *ev, int events)
{
	struct worker *w = ev->data;
	if (events & EV_ERROR) {
		worker_restart(w, NOT_WATCHED);
		return;
	}
	int rc = lb_frame_write(&w->channel);
	if (rc == 1)
		return;
	ev_io_stop(loop, ev);
	/* on an error the read side tells, and the child watcher acts */
	if (rc == 0 && w->state == WORKER_STATE_READY)
		w->calls->drained(w, w->arg);
}

void worker_start(struct worker *w, const struct worker_row *row, struct ev_loop *loop, enum lb_log_level level,
	const struct worker_calls *calls, void *arg)
{
	*w = (struct worker){ .row = row, .calls = calls, .arg = arg, .loop = loop, .level = level };
	w->state = WORKER_STATE_WAITING;
	w->unready = lb_clock_now();
	w->start_s = PINGS_LOST_MAX;
	w->channel = (struct lb_frame){ .fd = -1, .send_fd = -1 };
	ev_init(&w->readable, on_readable);
	ev_init(&w->writable, on_writable);
	ev_init(&w->child, on_child);
	ev_init(&w->timer, on_timer);
	w->readable.data = w->writable.data = w->child.data = w->timer.data = w;
	start(w);
}

void worker_stop(struct worker *w)
{
	w->stopping = true;
	if (w->pid == 0) {
		ev_timer_stop(w->loop, &w->timer);
		w->state = WORKER_STATE_STOPPED;
		return;
	}
	(void)lb_frame_write(&w->channel); /* what was said last */
	end_process(w, SIGTERM);
	arm(w, KILL_AFTER_S, KILL_AFTER_S);
}

struct lb_time worker_down_since(const struct worker *w)
{
	return w->stopping ? (struct lb_time){ 0 } : w->unready;
}

bool worker_stopped(const struct worker *w)
{
	return w->state == WORKER_STATE_STOPPED;
}

bool worker_exists(const struct worker *w)
{
	return w->loop != NULL;
}

void worker_end(struct worker *w)
{
	worker_stop(w);
	if (worker_stopped(w))
		worker_done(w);
}

void worker_done(struct worker *w)
{
	if (!w->loop)
		return;
	ev_timer_stop(w->loop, &w->timer);
	ev_child_stop(w->loop, &w->child);
	channel_close(w);
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
	*w = (struct worker){ .state = WORKER_STATE_STOPPED, .channel = { .fd = -1, .send_fd = -1 } };
}

/* ---- the worker ---- */

bool worker_child_wanted(int argc, char **argv)
{
	return argc > 1 && strncmp(argv[1], ARG_PREFIX, strlen(ARG_PREFIX)) == 0;
}

static const struct worker_row *find(const struct worker_row *const *rows, size_t n_rows, const char *name)
{
	for (size_t i = 0; i < n_rows; i++)
		if (strcmp(rows[i]->name, name) == 0)
			return rows[i];
	return NULL;
}

int worker_child_main(const struct worker_row *const *rows, size_t n_rows, int argc, char **argv)
{
	const struct worker_row *row = NULL;
	if (worker_child_wanted(argc, argv))
		row = find(rows, n_rows, argv[1] + strlen(ARG_PREFIX));
	struct stat st;
	if (!row || fstat(CHANNEL_FD, &st) || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "lbd: --worker is how lbd starts its own parts; it is of no use by hand\n");
		return 2;
	}
	fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, row->title, 0, 0, 0); /* an exec by descriptor names the process after the descriptor */
	lb_log_init(row->title, LB_LOG_INFO);
	lb_rss_open();
	const struct sandbox s = { .user = row->user,
		.caps = row->caps,
		.filter = row->filter,
		.prepare = row->prepare,
		.realtime = row->realtime,
		.helper = row->helper,
		.helper_title = row->helper_title,
		.helper_caps = row->helper_caps,
		.quiet = argc > 2 && strcmp(argv[2], ARG_AGAIN) == 0 };
	struct lb_err e;
	if (sandbox_enter(&s, &e)) {
		lb_log(LB_LOG_ERROR, "%s", e.text); /* never go on with more rights than intended */
		return 1;
	}
	return row->main(CHANNEL_FD, sandbox_alive);
}
