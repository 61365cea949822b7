/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control interface between a request and its answer. A handler (ctl_cmd.c) gets a request that was checked
 * against the command table and answers through a `struct ctl_reply`; it never sees a socket, so tests run it with a
 * reply that collects. ctl_io.c owns the sockets, the greeting, the limits and the deadlines.
 *
 * One answer is any number of rows and exactly one end. A long answer is a stream: `next` is called again whenever
 * the client has read enough, so a slow reader costs no memory. An answer that needs something to happen first
 * (an apply, a wait) is held and ended later.
 */
#pragma once

#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>
#include <sys/types.h>

struct lb_command;

enum ctl_level { CTL_LEVEL_OBSERVE, CTL_LEVEL_ADMIN };

#define CTL_NAME_MAX 33u         /* of a user of this node, with its NUL */
#define CTL_USER_MAX (33u + 64u) /* and with the name of a node behind it */

struct ctl_peer { /* who called, as the kernel says (SO_PEERCRED) */
	uid_t uid;
	pid_t pid;
	enum ctl_level level;
	char user[CTL_USER_MAX]; /* name of the uid, or its number; "alice@lb-a" of the other node */
};

struct ctl_request {
	const struct lb_command *cmd;
	const json_t *args; /* an object; borrowed; names and types were checked against cmd */
	const struct ctl_peer *peer;
	int fd;                  /* the descriptor that came with it, -1 = none; the handler takes it by setting -1 */
	bool to_peer;            /* the other node is to do it (ctl_remote.h) */
	long long if_generation; /* 0 = any; was tested when it came */
};

/* Arguments by name: NULL, false, 0 = not given. */
static inline const char *ctl_arg_str(const struct ctl_request *rq, const char *name)
{
	return lb_proto_str(rq->args, name);
}

static inline bool ctl_arg_flag(const struct ctl_request *rq, const char *name)
{
	return lb_proto_bool(rq->args, name, 0);
}

static inline int64_t ctl_arg_ms(const struct ctl_request *rq, const char *name) /* of seconds */
{
	const json_t *v = json_object_get(rq->args, name);
	return json_is_number(v) ? (int64_t)(json_number_value(v) * 1000 + 0.5) : 0;
}

struct ctl_reply;

void ctl_reply_row(struct ctl_reply *r, json_t *row); /* steals row; NULL (no memory) ends the answer with failed */

/* Exactly once. text may be NULL; extra (stolen, may be NULL) is merged into the "end" object. */
void ctl_reply_end(struct ctl_reply *r, enum lb_code code, const char *text, json_t *extra);
/* The same from an error for people. */
void ctl_reply_error(struct ctl_reply *r, const struct lb_err *e);

/* The same with OK and text, once what was done is stored. stored() does that for all answers that wait for it, and
 * returns NULL, or why it cannot be (static), which is said behind the text. Where each request waits for the answer to
 * the one before it is called now. */
typedef const char *ctl_stored_fn(void *arg);
void ctl_reply_end_stored(struct ctl_reply *r, const char *text, ctl_stored_fn *stored, void *arg);

#define CTL_STEP_ROWS 64u /* at most, in one step: between two, others have their turn, and the client may be full */

/* Produces some rows. Returns 1 while there is more, 0 after it called ctl_reply_end. */
typedef int ctl_next_fn(struct ctl_reply *r, void *state);
typedef void ctl_free_fn(void *state);

/* The rest comes from next, which may also hold the answer again. It is called now and whenever the client has read.
 * free_state runs exactly once. */
void ctl_reply_stream(struct ctl_reply *r, ctl_next_fn *next, ctl_free_fn *free_state, void *state);

/* The answer comes later, from elsewhere. gone(state) runs if the client leaves or its time is over before the end;
 * after it, r must not be used. It does not run after ctl_reply_end. */
void ctl_reply_hold(struct ctl_reply *r, ctl_free_fn *gone, void *state);
