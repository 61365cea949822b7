/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command answers, in memory: handlers run without a socket. */
#pragma once

#include "common/proto.h"
#include "lbd/ctl/ctl_reply.h"

#include <errno.h>

struct ctl_collect {
	struct ctl_reply reply;
	json_t *rows; /* array */
	json_t *end;  /* NULL while it has not ended */
	bool bad;     /* a line was no JSON, or memory was out */
};

static inline void collect_line(void *arg, const char *s, size_t n)
{
	struct ctl_collect *c = arg;
	struct lb_err e;
	json_t *msg = lb_proto_parse(s, n - 1, &e), *row = json_object_get(msg, "row"),
	       *end = json_object_get(msg, "end");
	if (!msg || (row && json_array_append(c->rows, row)) || (end && c->end))
		c->bad = true;
	if (end && !c->end)
		c->end = json_incref(end);
	json_decref(msg);
}

static inline bool collect_full(void *arg)
{
	(void)arg;
	return false;
}

static inline void collect_ended(void *arg)
{
	(void)arg;
}

static const struct ctl_sink collect_sink = { .line = collect_line, .full = collect_full, .ended = collect_ended };

/* 0 or -ENOMEM. c->reply is begun with id 1. */
static inline int ctl_collect_init(struct ctl_collect *c)
{
	*c = (struct ctl_collect){ .rows = json_array() };
	ctl_reply_init(&c->reply, &collect_sink, c);
	ctl_reply_begin(&c->reply, 1, 0);
	return c->rows ? 0 : -ENOMEM;
}

static inline void ctl_collect_done(struct ctl_collect *c)
{
	ctl_reply_done(&c->reply);
	json_decref(c->rows);
	json_decref(c->end);
	c->rows = c->end = NULL;
}
