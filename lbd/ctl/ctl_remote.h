/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `lbctl --peer`: a command of a client here is done by the other node, as if the client were there.
 *
 *   here    {"talk":"command","level":"admin","user":"alice"}   the request as it came   {"text":..} of its file
 *   there   a client without a descriptor: the same handlers, the same rows, the same end
 *
 * With "core":true in its header nobody is behind it but the core itself, which looks before it hands over: that finds
 * a place however many clients are there. A version that does not know the word takes it for a client.
 *
 * Rows go from line to line; a client that does not read holds them there, not here. The level is that of the client,
 * the user is "alice@lb-a". When the client goes the other node hears of it; when the link breaks the answer ends as
 * that of a daemon that cannot be reached.
 */
#pragma once

#include "lbd/ctl/ctl_env.h"
#include "lbd/ctl/ctl_talk.h"

#define CTL_REMOTE_FILE_MAX  (16u * 1024u * 1024u) /* of a request */
#define CTL_REMOTE_FILES_MAX (32u * 1024u * 1024u) /* of all at once */
#define CTL_REMOTE_GUESTS    5u                    /* of CTL_TALK_ANSWERS: the rest is for what the nodes say */
#define CTL_REMOTE_STAYS     3u                    /* of those, that may wait or watch: the rest comes and goes */

struct ctl_remote;

struct ctl_remote_ops { /* file_*: what pure code cannot do with a descriptor */
	/* Answers like the client's own daemon. */
	void (*dispatch)(struct ctl_request *rq, struct ctl_reply *r, void *arg);
	int (*file_read)(void *arg, int fd, size_t max, struct lb_text *out); /* 0 or -errno; fd stays */
	int (*file_make)(void *arg, const char *s, size_t n); /* a descriptor to read it from, or -errno */
	void (*file_close)(void *arg, int fd);
	/* Whether answers have taken enough time for now. Then ctl_remote_turn and ctl_talk_flush follow soon. */
	bool (*later)(void *arg);
	void *arg;
};

struct ctl_remote *ctl_remote_new(struct ctl_talk *t, const struct ctl_remote_ops *ops); /* NULL: no memory */
/* After ctl_talk_free. */
void ctl_remote_free(struct ctl_remote *rs);

/* A request of a client here, for the other node. Holds r, and ends it with what that says. */
void ctl_remote_ask(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* The header of a command came. As struct ctl_talk_ops asked. node: the other one; generation: that runs here. */
int ctl_remote_asked(struct ctl_remote *rs, struct ctl_conv *c, const json_t *header, const char *node,
	long long generation, struct lb_err *e);
/* Before ctl_talk_flush: answers that were told to go on later do. */
void ctl_remote_turn(struct ctl_remote *rs);
/* Another one runs now: answers that are under way end with it. */
void ctl_remote_set_generation(struct ctl_remote *rs, long long generation);

/* For whatever else is said between the nodes: `text` as lines {"text":..} of a conversation; false: it is not UTF-8,
 * or has a NUL. */
bool ctl_remote_put_text(struct ctl_conv *c, const char *text, size_t n);
