/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_remote.h"

#include "common/commands.h"
#include "common/fields.h"
#include "common/text.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_request.h"
#include "lbd/ctl/ctl_sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_PART (64u * 1024u) /* of a file, in a line */

static const char *const levels[] = { [CTL_LEVEL_OBSERVE] = "observe", [CTL_LEVEL_ADMIN] = "admin" };

struct ctl_remote {
	struct ctl_talk *talk;
	struct ctl_remote_ops ops;
	struct guest *guests;
	size_t file_bytes; /* of all of them */
};

/* ---- a client of ours, there ---- */

struct relay {
	struct ctl_conv *conv; /* NULL = over */
	struct ctl_reply *reply;
	char node[CTL_USER_MAX];
	struct lb_err e; /* code OK = none: how it is to end, when the rows before it have been read */
};

/* The client left, or has everything. */
static void relay_gone(void *arg)
{
	struct relay *y = arg;
	if (y->conv)
		ctl_conv_close(y->conv);
	free(y);
}

static int relay_next(struct ctl_reply *r, void *arg)
{
	struct relay *y = arg;
	if (y->conv)
		ctl_conv_go_on(y->conv);
	if (r->state != CTL_REPLY_STREAM)
		return 0;
	if (y->e.code != LB_CODE_OK) {
		ctl_reply_error(r, &y->e);
		return 0;
	}
	if (!r->sink->full(r->arg))
		ctl_reply_hold(r, relay_gone, y);
	return 1;
}

/* Ends the answer, from wherever it is. y may be gone. */
static void relay_end(struct relay *y, enum lb_code code, const char *text, json_t *extra)
{
	struct ctl_reply *r = y->reply;
	bool held = r->state == CTL_REPLY_HELD; /* else a stream, whose state goes with it */
	ctl_reply_end(r, code, text, extra);
	if (held)
		relay_gone(y);
}

/* What the other daemon says at the end, but for what has a place of its own. */
static void relay_take_end(struct relay *y, const json_t *end)
{
	const char *text = lb_proto_str(end, "message");
	long long code = lb_proto_int(end, "code", LB_CODE_FAILED);
	json_t *extra = json_copy((json_t *)(uintptr_t)end); /* jansson copies, it does not change */
	if (code < LB_CODE_OK || code > LB_CODE_TIMEOUT)
		code = LB_CODE_FAILED;
	json_object_del(extra, "code");
	json_object_del(extra, "message");
	if (extra)
		json_object_set_new(extra, "node", json_string(y->node));
	relay_end(y, (enum lb_code)code, text, extra);
}

static bool relay_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct relay *y = arg;
	struct ctl_reply *r = y->reply;
	json_t *row = json_object_get(msg, "row");
	const json_t *end = json_object_get(msg, "end");
	(void)c;
	if (json_is_object(end)) {
		relay_take_end(y, end);
		return false;
	}
	if (!json_is_object(row))
		return true;
	bool held = r->state == CTL_REPLY_HELD;
	ctl_reply_row(r, json_incref(row));
	if (r->state == CTL_REPLY_ENDED) { /* it could not be said */
		if (held)
			relay_gone(y);
		return false;
	}
	if (!r->sink->full(r->arg))
		return true;
	if (r->state == CTL_REPLY_HELD)
		ctl_reply_stream(r, relay_next, relay_gone, y);
	return false;
}

static void relay_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct relay *y = arg;
	(void)c;
	y->conv = NULL;
	if (e)
		lb_err_set(&y->e, e->code, "%s: %s", y->node, e->text);
	else
		lb_err_set(&y->e, LB_CODE_FAILED, "%s: the answer has no end", y->node);
	if (y->reply->state == CTL_REPLY_HELD)
		relay_end(y, y->e.code, y->e.text, NULL);
}

static const struct ctl_conv_calls relay_calls = { .line = relay_line, .over = relay_over };

bool ctl_remote_put_text(struct ctl_conv *c, const char *text, size_t n)
{
	if (n && memchr(text, '\0', n))
		return false;
	for (size_t at = 0; at < n;) {
		size_t part = n - at < TEXT_PART ? n - at : TEXT_PART;
		while (at + part < n && part && ((unsigned char)text[at + part] & 0xc0) == 0x80)
			part--;
		json_t *s = part ? json_stringn(text + at, part) : NULL;
		if (!s)
			return false;
		ctl_conv_put(c, json_pack("{s:o}", "text", s));
		at += part;
	}
	return true;
}

static json_t *header_of(const struct ctl_request *rq)
{
	return json_pack(
		"{s:s, s:s, s:s}", "talk", "command", "level", levels[rq->peer->level], "user", rq->peer->user);
}

/* The request, as it came but for who does it. */
static json_t *request_of(const struct ctl_request *rq)
{
	char name[LB_COMMAND_NAMELEN];
	json_t *msg =
		json_pack("{s:i, s:s, s:O}", "id", 1, "cmd", lb_command_name(rq->cmd, '.', name), "args", rq->args);
	if (msg && rq->if_generation)
		json_object_set_new(msg, "if_generation", json_integer(rq->if_generation));
	return msg;
}

static int put_file(const struct ctl_remote *rs, struct ctl_conv *c, int fd, struct lb_err *e)
{
	struct lb_text text = LB_TEXT_INIT;
	int err = rs->ops.file_read(rs->ops.arg, fd, CTL_REMOTE_FILE_MAX, &text);
	int failed = 0;
	if (err)
		failed = lb_err_set(e, LB_CODE_INVALID, "the file cannot be read: %s",
			err == -EFBIG ? "larger than 16 MiB" : strerror(-err));
	else if (!ctl_remote_put_text(c, text.s ? text.s : "", text.n))
		failed = lb_err_set(e, LB_CODE_INVALID, "the file is not a text in UTF-8");
	lb_text_done(&text);
	return failed;
}

void ctl_remote_ask(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct lb_err e;
	struct ctl_remote *rs = env->remote;
	if (ctl_sync_no_talk(env, &e)) {
		ctl_reply_error(r, &e);
		return;
	}
	struct relay *y = calloc(1, sizeof(*y));
	if (!y) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	y->reply = r;
	snprintf(y->node, sizeof(y->node), "%s", env->sync->conf.peer);
	y->conv = ctl_talk_ask(rs->talk, header_of(rq), &relay_calls, y, &e);
	if (y->conv)
		ctl_conv_put(y->conv, request_of(rq));
	if (!y->conv || (rq->fd >= 0 && put_file(rs, y->conv, rq->fd, &e))) {
		relay_gone(y);
		ctl_reply_error(r, &e);
		return;
	}
	ctl_conv_end(y->conv);
	ctl_reply_hold(r, relay_gone, y);
}

/* ---- a client there, here ---- */

struct guest {
	struct ctl_remote *remote;
	struct guest *next;
	struct ctl_conv *conv; /* lives as long as this */
	struct ctl_peer who;
	struct ctl_message message;
	struct ctl_request request;
	struct ctl_reply reply;
	struct lb_text file;
	bool core; /* no client is behind it */
	bool asked;
	bool put_off;    /* its answer goes on with the next turn */
	struct lb_err e; /* code OK = none: why it gets no answer */
};

static void guest_line(void *arg, const char *s, size_t n)
{
	struct guest *g = arg;
	ctl_conv_put_line(g->conv, s, n);
}

static bool guest_full(void *arg)
{
	struct guest *g = arg;
	return ctl_conv_waiting(g->conv) >= CTL_TALK_WINDOW;
}

static void guest_ended(void *arg)
{
	struct guest *g = arg;
	ctl_conv_end(g->conv);
}

static bool guest_later(void *arg)
{
	struct guest *g = arg;
	g->put_off = g->remote->ops.later(g->remote->ops.arg);
	return g->put_off;
}

static const struct ctl_sink guest_sink = {
	.line = guest_line, .full = guest_full, .ended = guest_ended, .later = guest_later
};

static void guest_generation(struct guest *g)
{
	const struct ctl_message *m = &g->message;
	if (m->if_generation && m->if_generation != g->reply.generation)
		lb_err_set(&g->e, LB_CODE_REFUSED, "generation %lld runs, not %lld", g->reply.generation,
			m->if_generation);
}

/* As long as somebody likes. */
static bool stays(const struct guest *g)
{
	enum lb_command_id id = g->message.cmd ? lb_command_id(g->message.cmd) : LB_COMMAND_STATUS;
	return id == LB_COMMAND_WAIT || id == LB_COMMAND_WATCH;
}

static size_t count_guests(const struct ctl_remote *rs, bool that_stay)
{
	size_t n = 0;
	for (const struct guest *g = rs->guests; g; g = g->next)
		n += that_stay ? stays(g) : !g->core;
	return n;
}

static void guest_request(struct guest *g, const json_t *msg)
{
	struct lb_err *e = &g->e;
	json_t *copy = json_copy((json_t *)(uintptr_t)msg); /* the reader takes references to parts of it */
	g->asked = true;
	if (!copy) {
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
	} else if (ctl_message_read(copy, g->who.level, &g->message, e)) {
		if (e->code == LB_CODE_DENIED)
			lb_err_set(e, LB_CODE_DENIED, "this needs the right to change");
	} else if (g->message.peer) {
		lb_err_set(e, LB_CODE_USAGE, "--peer of --peer is this node");
	} else if (stays(g) && count_guests(g->remote, true) > CTL_REMOTE_STAYS) {
		lb_err_set(e, LB_CODE_REFUSED, "%u wait or watch by --peer already: end one of them", CTL_REMOTE_STAYS);
	} else {
		guest_generation(g);
	}
	json_decref(copy);
}

static bool guest_said(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct guest *g = arg;
	const json_t *text = json_object_get(msg, "text");
	size_t n = json_string_length(text);
	(void)c;
	if (!g->asked) {
		guest_request(g, msg);
		return true;
	}
	if (!json_is_string(text) || g->e.code != LB_CODE_OK)
		return true;
	if (g->file.n + n > CTL_REMOTE_FILE_MAX || g->remote->file_bytes + n > CTL_REMOTE_FILES_MAX) {
		lb_err_set(&g->e, LB_CODE_INVALID, "the file is larger than 16 MiB, or too many are on their way");
		return true;
	}
	lb_text_put(&g->file, json_string_value(text), n);
	g->remote->file_bytes += n;
	return true;
}

/* Everything was said: it is done now. */
static void guest_run(struct ctl_conv *c, void *arg)
{
	struct guest *g = arg;
	const struct ctl_remote_ops *ops = &g->remote->ops;
	int fd = -1;
	(void)c;
	if (!g->asked)
		lb_err_set(&g->e, LB_CODE_USAGE, "nothing was asked");
	else if (g->e.code == LB_CODE_OK) /* another one may run since it began to come */
		guest_generation(g);
	if (g->e.code == LB_CODE_OK && g->message.wants_fd) {
		fd = g->file.bad ? -ENOMEM : ops->file_make(ops->arg, g->file.s ? g->file.s : "", g->file.n);
		if (fd < 0)
			lb_err_set(&g->e, LB_CODE_FAILED, "a file cannot be kept: %s", strerror(-fd));
	}
	g->remote->file_bytes -= g->file.n;
	lb_text_done(&g->file);
	ctl_reply_begin(&g->reply, 1, g->reply.generation);
	if (g->e.code != LB_CODE_OK) {
		ctl_reply_error(&g->reply, &g->e);
		return;
	}
	g->request = (struct ctl_request){ .cmd = g->message.cmd,
		.args = g->message.args,
		.peer = &g->who,
		.fd = fd,
		.if_generation = g->message.if_generation };
	ops->dispatch(&g->request, &g->reply, ops->arg);
	ctl_reply_settle(&g->reply);
}

static void guest_room(struct ctl_conv *c, void *arg)
{
	struct guest *g = arg;
	(void)c;
	if (g->reply.next && !g->put_off)
		ctl_reply_pump(&g->reply);
}

static void guest_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct guest *g = arg, **at = &g->remote->guests;
	const struct ctl_remote_ops *ops = &g->remote->ops;
	(void)c, (void)e;
	while (*at != g) /* it is in the list as long as it lives */
		at = &(*at)->next;
	*at = g->next;
	ctl_reply_done(&g->reply); /* tells who holds the answer */
	ctl_message_done(&g->message);
	if (g->request.fd >= 0)
		ops->file_close(ops->arg, g->request.fd);
	g->remote->file_bytes -= g->file.n;
	lb_text_done(&g->file);
	free(g);
}

static const struct ctl_conv_calls guest_calls = {
	.line = guest_said, .ended = guest_run, .room = guest_room, .over = guest_over
};

int ctl_remote_asked(struct ctl_remote *rs, struct ctl_conv *c, const json_t *header, const char *node,
	long long generation, struct lb_err *e)
{
	struct lb_fields f = { header, false };
	char user[CTL_NAME_MAX];
	enum ctl_level level = (enum ctl_level)lb_field_word(&f, "level", levels, 2);
	lb_field_line(&f, "user", user, sizeof(user));
	if (f.bad || !user[0])
		return lb_err_set(e, LB_CODE_USAGE, "a request of another node says who asks, and what that may do");
	bool core = json_is_true(json_object_get(header, "core"));
	size_t n = count_guests(rs, false);
	if (!core && n >= CTL_REMOTE_GUESTS)
		return lb_err_set(e, LB_CODE_REFUSED,
			"%zu requests of this node are being answered there; try again in a moment", n);
	struct guest *g = calloc(1, sizeof(*g));
	if (!g)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	g->remote = rs;
	g->conv = c;
	g->core = core;
	g->request.fd = -1;
	g->who = (struct ctl_peer){ .uid = (uid_t)-1, .level = level };
	snprintf(g->who.user, sizeof(g->who.user), "%s@%.63s", user, node);
	ctl_reply_init(&g->reply, &guest_sink, g);
	g->reply.generation = generation;
	g->next = rs->guests;
	rs->guests = g;
	ctl_conv_answer(c, &guest_calls, g);
	return 0;
}

/* ---- the whole ---- */

void ctl_remote_turn(struct ctl_remote *rs)
{
	for (struct guest *g = rs->guests; g; g = g->next)
		g->put_off = false;
}

void ctl_remote_set_generation(struct ctl_remote *rs, long long generation)
{
	for (struct guest *g = rs->guests; g; g = g->next)
		g->reply.generation = generation;
}

struct ctl_remote *ctl_remote_new(struct ctl_talk *t, const struct ctl_remote_ops *ops)
{
	struct ctl_remote *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return NULL;
	rs->talk = t;
	rs->ops = *ops;
	return rs;
}

void ctl_remote_free(struct ctl_remote *rs)
{
	free(rs);
}
