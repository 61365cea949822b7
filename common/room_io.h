/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a worker process: its loop, its channel to the core, its clock, its sign of life. Written once for all
 * rooms; what the lines mean is the room's own (lbd/worker.h is the other end).
 *
 * A turn of the loop: poll, then `turn` (the clock is right from here on), the events, then `flush`, whatever was sent
 * meanwhile leaves in one write, then `rest`. The loop turns at least twice a second, and then `beat` is an event.
 */
#pragma once

#include "common/buf.h"
#include "common/channel_msg.h"
#include "common/frame_io.h"
#include "common/proto.h"
#include "common/time.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct lb_err;

struct lb_room_calls { /* all but line may be NULL */
	/* One message of the core. 0; or -ENOMEM; or -EBADMSG, and *e may say more: then the room ends with 1 and the
	 * core starts another. msg is borrowed. */
	int (*line)(const json_t *msg, struct lb_err *e, void *arg);
	void (*turn)(void *arg);
	void (*flush)(void *arg);
	void (*rest)(void *arg);
	void (*beat)(void *arg);
	bool quote; /* no line holds a secret: the log shows the one that is wrong */
};

struct lb_room { /* read only outside, but for `line` */
	struct ev_loop *loop;
	struct lb_time now;  /* right after the poll */
	struct lb_text line; /* what lb_room_send sends */
	int status;          /* of the process; -1 = goes on */
	bool greeted;
	int64_t lag_us; /* the worst turn since lb_room_lag_us was asked */
	struct lb_frame channel;
	const struct lb_room_calls *calls;
	void *arg;
	void (*alive)(void);
	struct lb_time alive_at;
	ev_io readable, writable;
	ev_prepare flush;
	ev_check turn;
	ev_timer beat;
};

/* Takes over fd, also on failure. calls, arg: borrowed. 0 or -ENOMEM. */
int lb_room_open(struct lb_room *r, int fd, void (*alive)(void), const struct lb_room_calls *calls, void *arg);
/* Until lb_room_end, or until the core has gone. */
void lb_room_run(struct lb_room *r);
void lb_room_end(struct lb_room *r, int status); /* the first status counts */
/* libev stops a watcher whose descriptor the kernel would not watch (no memory, fs.epoll.max_user_watches), says so
 * once, to its callback, and never tries again. Who cannot live without it asks this first. True: so it was; it is
 * logged, and the room of this loop ends with 1: a room that is deaf on one ear would go on as if nothing were said. */
bool lb_room_deaf(struct ev_loop *loop, int events, const char *what);
/* Frees everything, the loop too; returns the status of the process. */
int lb_room_close(struct lb_room *r);

/* Sends r->line and clears it. Out of memory ends the room: a lost message would leave the core with a wrong picture
 * for good. */
void lb_room_send(struct lb_room *r);
size_t lb_room_pending(const struct lb_room *r); /* bytes that the core has not taken yet */

/* The first line of the core. 0, or -EPROTO: it was there before, or it speaks another version. */
int lb_room_hello(struct lb_room *r, const struct lb_msg_hello *h);
void lb_room_was_late(struct lb_room *r, int64_t us); /* with something: that is lag, too */
/* For a pong: the worst turn since the last question. */
uint32_t lb_room_lag_us(struct lb_room *r);
