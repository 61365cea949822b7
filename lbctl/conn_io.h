/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's end of the control socket: connect, greet, send a line, read lines, each within a time. */
#pragma once

#include "common/clock_io.h"
#include "common/err.h"
#include "common/frame_io.h"

#include <jansson.h>

#define CONN_CONTROL "/run/lbd/control.sock"
#define CONN_OBSERVE "/run/lbd/observe.sock"

struct conn {
	struct lb_frame frame;
	const char *path;        /* where it is connected; borrowed */
	json_t *greeting;        /* owned */
	const char *node;        /* of the greeting; NULL = it did not say */
	struct lb_time deadline; /* of everything that waits; LB_TIME_NEVER = none. The caller may set it anew */
	bool sent;               /* the last line left us, as a whole or in part */
	int reader; /* when nobody reads this descriptor any more, waiting ends with LB_CODE_OK; -1 = none, at first */
};

/* path NULL: control, then observe. 0; -1 with *e (unreachable, denied, timeout, interrupted), which says what to do.
 * The caller calls conn_close in both cases. */
int conn_open(struct conn *c, const char *path, struct lb_time deadline, struct lb_err *e);
void conn_close(struct conn *c);

/* Sends a whole line (with its newline), unless the time is over or somebody has interrupted us before. fd >= 0 travels
 * with it and is closed. 0; -1 with *e. */
int conn_send(struct conn *c, const char *line, size_t n, int fd, struct lb_err *e);

/* The next message, a new reference. NULL with *e: unreachable when the daemon hung up, timeout, interrupted. */
json_t *conn_read(struct conn *c, struct lb_err *e);

/* Set by the handler of SIGINT and SIGTERM; whatever waits returns LB_CODE_INTERRUPTED. */
extern volatile int conn_interrupted;

/* Waits until the other side is gone or the deadline: 0 gone, -1 with *e. What still arrives is thrown away. */
int conn_wait_gone(struct conn *c, struct lb_err *e);

/* Sleeps, at most until the deadline: 0; -1 with *e (timeout, interrupted). */
int conn_pause(int64_t ms, struct lb_time deadline, struct lb_err *e);
