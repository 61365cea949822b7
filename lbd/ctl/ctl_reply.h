/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of `struct ctl_reply`: where the lines of an answer go. The edge puts a socket behind it, and a
 * test memory, so that handlers run without a socket.
 */
#pragma once

#include "common/buf.h"
#include "common/vec.h"
#include "lbd/ctl/ctl.h"

struct ctl_sink {
	void (*line)(void *arg, const char *s, size_t n); /* takes one line with its newline; it may be lost */
	bool (*full)(void *arg);                          /* enough is waiting to be read: hold the stream */
	void (*ended)(void *arg); /* the end was written; called once, from within a reply call */
	/* A stream has taken enough time for now, written something or not; who says so lets it go on. NULL: never. */
	bool (*later)(void *arg);
	/* It calls ctl_reply_say_kept before anything of it leaves: several requests may be stored at once. */
	bool keeps;
};

enum ctl_reply_state {
	CTL_REPLY_NONE,   /* no answer under way */
	CTL_REPLY_OPEN,   /* the handler is still writing */
	CTL_REPLY_STREAM, /* next() brings the rest */
	CTL_REPLY_HELD,   /* somebody ends it later */
	CTL_REPLY_ENDED
};

/* The end of a request that waits for what it did to be stored. */
struct ctl_kept {
	long long id, generation;
	char *text;
};

struct ctl_reply {
	const struct ctl_sink *sink;
	void *arg;
	long long id;
	long long generation; /* added to the end, 0 = not */
	enum ctl_reply_state state;
	ctl_next_fn *next;
	ctl_free_fn *release; /* of a stream, or gone() of a held answer */
	void *data;
	struct lb_text line;
	LB_VEC(struct ctl_kept) kept; /* of requests before this one: their ends go out first */
	ctl_stored_fn *stored;        /* for all of them: a client's are about one thing, the overrides */
	void *stored_arg;
};

void ctl_reply_init(struct ctl_reply *r, const struct ctl_sink *sink, void *arg);

/* A new answer. r must be NONE or ENDED. */
void ctl_reply_begin(struct ctl_reply *r, long long id, long long generation);

/* After the handler returned: an answer that is still open was forgotten and ends with failed. */
void ctl_reply_settle(struct ctl_reply *r);

/* A row that is JSON already. */
void ctl_reply_row_text(struct ctl_reply *r, const char *json);

/* Lets a stream write until the sink is full, or says later, or it has ended; one step at least, if there is room. 1 =
 * there is more to come. */
int ctl_reply_pump(struct ctl_reply *r);

/* Stores what ends wait for, and writes them. */
void ctl_reply_say_kept(struct ctl_reply *r);

/* The client is gone: a stream is freed, who holds the answer is told, nothing is written any more. */
void ctl_reply_abort(struct ctl_reply *r);

/* Frees memory; aborts first. */
void ctl_reply_done(struct ctl_reply *r);
