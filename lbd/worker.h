/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rooms are processes: how the core starts a worker, talks to it and starts it again. Written once for all workers.
 *
 * The core forks, and the child executes the very same binary again (from a descriptor opened at start: after a package
 * upgrade a respawned worker is still the version of its core) with argv { title, "--worker=NAME" } and the channel, a
 * Unix stream socket pair, as descriptor 3. So no memory of the core, its configuration and keys, is in a worker.
 *
 * Both sides speak lines (common/proto.h). The life cycle belongs to this file and is the same for every worker:
 *   core -> worker  {"msg":"hello","version":1,"level":"info","seed":N}    first line
 *   worker -> core  {"msg":"ready","version":1,"pid":N}                    then the owner sends its state
 *   core -> worker  {"msg":"ping","n":N}  every second;  {"msg":"log","level":"debug"}
 *   worker -> core  {"msg":"pong","n":N,...}                               none for 5 s: killed and started again
 * One that is not ready after 5 s, too; the next one then has twice as long, up to 20 s.
 * All other lines belong to the topic. A line that does not parse restarts that worker, never the core. A worker ends
 * when its channel ends: the core cannot always signal it (other uid).
 */
#pragma once

#include "common/frame_io.h"
#include "common/log.h"
#include "common/proto.h"
#include "common/time.h"
#include "lbd/sandbox.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lb_text;

#define WORKER_HIGH (1024u * 1024u) /* bytes: stop producing for a worker at this worker_pending() */

struct worker_row {        /* one per kind of worker, const, beside what the core makes of it */
	const char *name;  /* "probe": of --worker= and of log lines */
	const char *title; /* "lbd: probe": argv[0], and in front of its log lines */
	const char *user;  /* to run as, NULL = as the core */
	uint64_t caps;     /* to keep: bits 1 << CAP_x */
	enum sandbox_filter filter;
	int (*main)(int channel_fd, void (*alive)(void)); /* returns the exit status */
	/* see sandbox.h; all may be NULL, 0, false */
	void (*prepare)(int helper);
	bool realtime;
	void (*helper)(int fd);
	const char *helper_title;
	uint64_t helper_caps;
	const char *without; /* "flows are not copied": told when there is none to be had */
};

struct worker;

struct worker_news {
	bool up;
	enum lb_log_level level;
	pid_t pid;
	char why[32];   /* "signal 9", "status 1"; "" = it is up */
	char text[160]; /* "ended (signal 9, pid=12)" */
};

/* All from the loop, never from inside a worker_* call; inside any of them worker_stop is allowed, worker_done only in
 * gone. */
struct worker_calls {
	/* It answered hello (the first time, and after each respawn): it knows nothing yet, send it everything. */
	void (*ready)(struct worker *w, void *arg);
	/* One line, pong included (ready is not). 0, or -EBADMSG: not a message, restart it. msg is borrowed. */
	int (*line)(struct worker *w, const json_t *msg, void *arg);
	/* All that was sent has been written: produce the next slice. */
	void (*drained)(struct worker *w, void *arg);
	/* The process is dead. worker_stopped() tells whether it stays so. */
	void (*gone)(struct worker *w, void *arg);
	/* It is ready, or ended by itself; before ready and gone. NULL: a line in the log. */
	void (*news)(const struct worker *w, const struct worker_news *news, void *arg);
};

enum worker_state {
	WORKER_STATE_WAITING,  /* for its back-off to be over */
	WORKER_STATE_STARTING, /* forked, not ready */
	WORKER_STATE_READY,
	WORKER_STATE_ENDING, /* channel closed or killed, not yet reaped */
	WORKER_STATE_STOPPED
};

struct worker { /* embedded by the owner; zero before worker_start; read only outside worker.c */
	const struct worker_row *row;
	const struct worker_calls *calls;
	void *arg;
	struct ev_loop *loop;
	enum worker_state state;
	bool stopping;
	bool killed; /* the last one ended by a signal: it did not clean up */
	pid_t pid;   /* 0 = none */
	uint32_t starts, pings, unanswered;
	uint32_t start_s; /* how long it may take until it is ready */
	int refused;      /* -errno: none can be started just now, and that was told */
	int64_t backoff_ms;
	struct lb_time started, unready; /* unready: since when it has not been; us 0 = it is */
	enum lb_log_level level;
	struct lb_frame channel;
	ev_io readable, writable;
	ev_child child;
	ev_timer timer; /* waiting: the respawn; alive: the ping; stopping: the SIGKILL */
};

/* Once, early in main(), before any fork: opens the running binary for later. 0 or -errno. */
int worker_init(void);

/* Starts the first process. loop must be the default loop (children are reaped there). row, calls: borrowed for good.
 * When not even fork or socketpair works, that is told and tried again until one does. */
void worker_start(struct worker *w, const struct worker_row *row, struct ev_loop *loop, enum lb_log_level level,
	const struct worker_calls *calls, void *arg);

/* Queues one line (with its newline). 0; -ENOTCONN not ready (drop it: `ready` will ask for everything); -ENOMEM (also
 * when line->bad): then the worker is started again, and `ready` will ask, too. Any amount is taken: watch
 * worker_pending(). */
int worker_send(struct worker *w, const struct lb_text *line);
size_t worker_pending(const struct worker *w);

/* Tells it, and each later process, the new log level. */
void worker_log_level(struct worker *w, enum lb_log_level level);

/* Ends the process now and starts a new one: something about it is wrong. why goes to the log. */
void worker_restart(struct worker *w, const char *why);

/* Since when there has been none that is ready, although there is to be one; us 0 otherwise. */
struct lb_time worker_down_since(const struct worker *w);

/* Since worker_start, until worker_done: it runs, or is between two processes, or is being stopped. */
bool worker_exists(const struct worker *w);

/* Asks it to end (channel closed, SIGTERM; SIGKILL after 1 s); `gone` follows unless it was not running. */
void worker_stop(struct worker *w);
bool worker_stopped(const struct worker *w);

/* The same, and worker_done at once if it was not running; else that is for `gone`. */
void worker_end(struct worker *w);

/* Stops all watchers and frees; kills what still runs. Idempotent. */
void worker_done(struct worker *w);

/* Whether argv is that of a worker ("--worker=NAME"). Test this first in main(). */
bool worker_child_wanted(int argc, char **argv);

/* The worker's main(): drops rights, runs the row's main, returns the exit status. */
int worker_child_main(const struct worker_row *const *rows, size_t n_rows, int argc, char **argv);
