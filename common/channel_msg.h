/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of what the core and its workers say to each other: one JSON object per line (common/proto.h), "msg" names
 * it. A topic has an enum of its messages, a struct with the number of one and a union of what is in them, a row for
 * each number, and a writer and a reader per row, side by side. Both get the union: whatever is in a message begins
 * there. Those that every worker knows are here.
 *
 * A reader accepts any object; it gives -EBADMSG for whatever is not exactly a message (missing, of another type, out
 * of range), and leaves unknown further members alone.
 */
#pragma once

#include "common/fields.h"

struct lb_text;

struct lb_msg_row {
	const char *name;
	bool to_worker; /* else to the core */
	void (*write)(const void *u, struct lb_members *o);
	int (*read)(struct lb_fields *f, void *u); /* *u is zero. 0 or -ENOMEM; what is wrong goes to f->bad */
};

/* Appends the message as one line. Sticky error in out (no memory, or a value that no reader would accept). */
void lb_msg_write(const struct lb_msg_row *row, const void *u, struct lb_text *out);
/* The same of members that are there: takes over what was put. */
void lb_msg_line(struct lb_members *o, struct lb_text *out);
/* The number of the row that the line is a message of, in that direction; -EBADMSG. */
int lb_msg_find(const struct lb_msg_row *rows, size_t n, bool to_worker, const json_t *line);
/* *u is zero. 0; -EBADMSG or -ENOMEM, then *u holds what has been read so far: to be freed, not to be used. */
int lb_msg_read(const struct lb_msg_row *row, const json_t *line, void *u);

/* ---- what every worker knows: hello, log, ping; ready ---- */

struct lb_msg_hello {
	uint32_t version; /* LB_PROTO_VERSION */
	enum lb_log_level level;
};

struct lb_msg_ready {
	uint32_t version;
	int32_t pid;
};

void lb_msg_hello_write(const void *hello, struct lb_members *o);
int lb_msg_hello_read(struct lb_fields *f, void *hello);
void lb_msg_log_write(const void *level, struct lb_members *o); /* enum lb_log_level */
int lb_msg_log_read(struct lb_fields *f, void *level);
void lb_msg_ping_write(const void *n, struct lb_members *o); /* uint32_t */
int lb_msg_ping_read(struct lb_fields *f, void *n);
void lb_msg_ready_write(const void *ready, struct lb_members *o);
int lb_msg_ready_read(struct lb_fields *f, void *ready);
