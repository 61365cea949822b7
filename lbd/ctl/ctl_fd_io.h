/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors of clients. Who may change may pass a file, and the core has and closes it. Who may only look passes
 * none: what comes all the same never becomes the core's, and closes in a child (unix_io.h).
 */
#pragma once

#include "common/err.h"
#include "common/frame_io.h"

#include <poll.h>
#include <stdbool.h>

#define CTL_LEAVING_MAX 16

struct ctl_leaving { /* children that close what clients left unread; all zero = none */
	struct pollfd of[CTL_LEAVING_MAX];
	nfds_t n;
};

/* The descriptor of a request that names a file, now the caller's. Only what never blocks: the core reads it. 0; -1
 * with *e. */
int ctl_fd_take(struct lb_frame *f, int *fd, struct lb_err *e);

/* Closes what came with a request that has no file: it belongs to nobody. */
void ctl_fd_drop(struct lb_frame *f);

/* Remembers a child, as lb_frame_leave returns it; -1: there is none. */
void ctl_leaving_add(struct ctl_leaving *l, int child);

/* Ends a conversation that has no frame: lb_unix_leave. */
void ctl_leave(int fd, struct ctl_leaving *l);

/* Whether there are so many that nobody else should come who may leave one. */
bool ctl_leaving_full(struct ctl_leaving *l);

/* Forgets them; they go on. */
void ctl_leaving_done(struct ctl_leaving *l);
