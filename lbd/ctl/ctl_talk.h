/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conversations of the two cores of a pair over the link of their sync processes. One asks, the other answers; both
 * say lines (common/proto.h), and each ends what it says. Pure: pieces of text come in and go out through `send`.
 *
 *   OPEN    begins one. Its first line is a header, {"talk":WORD,...}: what it is about
 *   END     this side has said everything
 *   ABORT   it is over; the text is "CODE WHY"
 *   CREDIT  the text is a number: so many bytes of the other side were taken
 *   ANSWER  of who was asked: both sides number their own questions
 *
 * CTL_TALK_WINDOW bytes of a conversation may be on their way in each direction. That is all the flow control there is:
 * who does not read is not sent more, and what waits anywhere in between is bounded by it. The other side is held to
 * it, and to the number of its questions: it has the key of the cluster, but it may be broken.
 *
 * A link that breaks ends all conversations. Nothing is said twice: whether the last of it was heard is not known then.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>
#include <stdint.h>

#define CTL_TALK_OPEN   0x01u
#define CTL_TALK_END    0x02u
#define CTL_TALK_ABORT  0x04u
#define CTL_TALK_CREDIT 0x08u
#define CTL_TALK_ANSWER 0x10u

#define CTL_TALK_WINDOW  131072u
#define CTL_TALK_PIECE   16384u                /* bytes in one piece */
#define CTL_TALK_ASKS    16u                   /* of ours at once */
#define CTL_TALK_ANSWERS 8u                    /* of the other side */
#define CTL_TALK_OUT_MAX (64u * 1024u * 1024u) /* bytes of one that wait here: a whole configuration as text does */

struct ctl_talk;
struct ctl_conv; /* one conversation */

struct ctl_conv_calls { /* ended, room may be NULL */
	/* A line came; borrowed. False: no more for now, until ctl_conv_go_on. */
	bool (*line)(struct ctl_conv *c, const json_t *msg, void *arg);
	/* The other side has said everything. Not told to who asked: then it is over. */
	void (*ended)(struct ctl_conv *c, void *arg);
	/* Little is left of what was put: put more. */
	void (*room)(struct ctl_conv *c, void *arg);
	/* It is over, and c must not be used after it returns. e: why; NULL = in order. Once, unless ctl_conv_close. */
	void (*over)(struct ctl_conv *c, const struct lb_err *e, void *arg);
};

struct ctl_talk_ops {
	/* A piece for the other side, at most CTL_TALK_PIECE bytes. 0 or -errno. */
	int (*send)(void *arg, uint32_t id, unsigned flags, const char *text, size_t n);
	/* The other side asks. ctl_conv_answer says who answers; 0, or -1 and *e: nobody does. */
	int (*asked)(void *arg, struct ctl_conv *c, const json_t *header, struct lb_err *e);
	void *arg;
};

struct ctl_talk *ctl_talk_new(const struct ctl_talk_ops *ops); /* copied. NULL: no memory */
void ctl_talk_free(struct ctl_talk *t);                        /* who is in a conversation hears that it is over */

/* There is a link, or not any more; two in a row: it is another one. why: for people, of the end. */
void ctl_talk_link(struct ctl_talk *t, bool up, const char *why);
bool ctl_talk_is_up(const struct ctl_talk *t);
/* A piece came. Accepts anything. */
void ctl_talk_in(struct ctl_talk *t, uint32_t id, unsigned flags, const char *text, size_t n);
/* Before the loop sleeps: sends what was put, frees what is over. */
void ctl_talk_flush(struct ctl_talk *t);
/* Something that we answer has not been taken yet. */
bool ctl_talk_busy(const struct ctl_talk *t);

/* We ask. header: stolen. NULL with *e (unreachable, refused, failed). */
struct ctl_conv *ctl_talk_ask(
	struct ctl_talk *t, json_t *header, const struct ctl_conv_calls *calls, void *arg, struct lb_err *e);
void ctl_conv_answer(struct ctl_conv *c, const struct ctl_conv_calls *calls, void *arg);

/* A line. What cannot be kept ends the conversation, later. ctl_conv_put steals. */
void ctl_conv_put(struct ctl_conv *c, json_t *msg);
void ctl_conv_put_line(struct ctl_conv *c, const char *s, size_t n); /* with its newline */
size_t ctl_conv_waiting(const struct ctl_conv *c);                   /* bytes that were put and are not sent */
void ctl_conv_end(struct ctl_conv *c);
void ctl_conv_go_on(struct ctl_conv *c); /* lines again, may call `line` and `over` at once */
/* The owner has no more to do with it: no call any more. The other side is told, unless both have said everything. */
void ctl_conv_close(struct ctl_conv *c);
