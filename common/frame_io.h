/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines over a non-blocking stream socket: buffers in both directions and nothing else. It knows no event loop and no
 * JSON: the daemon drives it from libev, lbctl from poll(2). File descriptors may travel with the bytes (SCM_RIGHTS),
 * where they are taken: that is for ends that are trusted with our time (unix_io.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LB_FRAME_FDS_MAX 4

struct lb_frame {
	int fd; /* owned; -1 = closed */
	char *in;
	size_t in_n, in_off, in_seen, in_cap;
	char *out;
	size_t out_n, out_off, out_cap;
	size_t line_max;
	int fds[LB_FRAME_FDS_MAX]; /* arrived and not yet taken; owned */
	unsigned n_fds;
	int send_fd;    /* goes out with the next byte written; -1 = none; owned */
	bool takes_fds; /* false: one that comes is an error of the other end; set after lb_frame_init */
	bool eof;
};

/* Takes fd (made non-blocking, close-on-exec by the caller). */
void lb_frame_init(struct lb_frame *f, int fd, size_t line_max);

/* Closes and frees; idempotent. */
void lb_frame_done(struct lb_frame *f);

/* The same where the other end may have passed what must not be closed here: lb_unix_leave, whose child is returned. */
int lb_frame_leave(struct lb_frame *f);

/* One read. > 0 bytes; 0 end of stream; -EAGAIN nothing there; -ENOMEM; -EBADMSG a descriptor that is not taken, again
 * and again: lb_frame_leave ends it; -errno. */
long lb_frame_read(struct lb_frame *f);

/* The next whole line without its newline: 1 and *line (valid until the next lb_frame_read), 0 none yet,
 * -EMSGSIZE the line is longer than line_max: end the conversation. */
int lb_frame_line(struct lb_frame *f, const char **line, size_t *n);

/* Adds bytes to what is to be written. 0 or -ENOMEM. */
int lb_frame_queue(struct lb_frame *f, const char *s, size_t n);

/* Writes as much as the socket takes. 0 all written; 1 some is left (wait for writability); -errno. */
int lb_frame_write(struct lb_frame *f);

size_t lb_frame_pending(const struct lb_frame *f);

/* The oldest descriptor that arrived, now the caller's; -1 none. */
int lb_frame_take_fd(struct lb_frame *f);
