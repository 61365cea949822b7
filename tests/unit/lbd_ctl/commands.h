/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command as an administrator gives it, its answer, and the wait that it began. */
#pragma once

#include "common/commands.h"
#include "lbd/ctl/ctl_env.h"
#include "tests/unit/lbd_ctl/collect.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct { /* the wait that was begun */
	int (*cond)(void *state);
	void *state;
	ctl_free_fn *free;
} waiting;

static inline void op_wait(
	void *arg, struct ctl_reply *r, int (*cond)(void *), ctl_free_fn *free_state, void *state, int64_t deadline_ms)
{
	(void)arg, (void)deadline_ms;
	waiting.cond = cond;
	waiting.state = state;
	waiting.free = free_state;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

/* What storing overrides says, NULL = all is well. */
static const char *not_stored;

static inline const char *op_overrides_stored(void *arg)
{
	(void)arg;
	return not_stored;
}

/* Who asked for what, last. */
static char operator_said[200];

static inline void op_asked_for(void *arg, const char *what, const struct ctl_peer *who)
{
	(void)arg;
	snprintf(operator_said, sizeof(operator_said), "%s by %s", what, who->user);
}

/* One request; the answer in *c, which the caller ends. */
static inline void command_as(
	enum ctl_level level, struct ctl_env *env, struct ctl_collect *c, const char *name, const char *args)
{
	static struct ctl_peer peer = { .user = "alice" };
	static json_t *kept;
	peer.level = level;
	struct lb_err e = { 0 };
	json_decref(kept);
	kept = json_loads(args, 0, NULL);
	struct ctl_request rq = { .cmd = lb_command_wire(name), .args = kept, .peer = &peer, .fd = -1 };
	ck_assert_msg(rq.cmd && lb_command_check_args(rq.cmd, kept, &e) == 0, "%s %s: %s", name, args, e.text);
	ck_assert_int_eq(ctl_collect_init(c), 0);
	ctl_cmd(env, &rq, &c->reply);
	ctl_reply_settle(&c->reply);
	while (ctl_reply_pump(&c->reply))
		;
}

static inline void command(struct ctl_env *env, struct ctl_collect *c, const char *name, const char *args)
{
	command_as(CTL_LEVEL_ADMIN, env, c, name, args);
}

/* message NULL: any. */
static inline void ended(const struct ctl_collect *c, int code, const char *message)
{
	ck_assert_msg(c->end && !c->bad, "it has not ended");
	const char *got = lb_proto_str(c->end, "message");
	ck_assert_msg(lb_proto_int(c->end, "code", -1) == code, "code %lld: %s", lb_proto_int(c->end, "code", -1),
		got ? got : "");
	if (message)
		ck_assert_str_eq(got ? got : "", message);
}

/* Rows are checked against the table. */
static inline void rows_fit(const struct ctl_collect *c, enum lb_row_type type)
{
	struct lb_err e;
	size_t i;
	json_t *row;
	json_array_foreach (c->rows, i, row)
		ck_assert_msg(lb_row_check(type, row, &e) == 0, "%s", e.text);
}

static inline const char *cell(const struct ctl_collect *c, size_t row, const char *key)
{
	static char text[8][4096];
	static unsigned at;
	char *out = text[at++ % 8];
	const json_t *v = json_object_get(json_array_get(c->rows, row), key);
	char *s = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	snprintf(out, 4096, "%s", s ? s : "-");
	free(s);
	return out;
}

/* Of an object or a list, which it takes over. */
static inline const char *text_of(json_t *v)
{
	static char text[4000];
	char *s = v ? json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	snprintf(text, sizeof(text), "%s", s ? s : "");
	free(s);
	json_decref(v);
	return text;
}
