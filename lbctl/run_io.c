/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a command through the daemon: [names of a glob] -> [question] -> request -> rows -> [wait].
 */
#include "lbctl/run_io.h"

#include "common/proto.h"
#include "lbctl/many_io.h"
#include "lbctl/session_io.h"
#include "lbctl/top_io.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_GRACE_MS  2000 /* the daemon's own "time is over" says more than ours */
#define RETRY_MS       100
#define PRINT_AT       65536
#define ASK_NAMES      10
#define RESTART_MAX_MS 120000
#define HELD_MS        5000 /* --wait without a time, where the daemon holds the answer */

static int worse(int a, int b)
{
	return a > b ? a : b;
}

/* Forms that need no other rows (tsv, jsonl) go out as they come: a long list costs no memory. */
static void to_out(const json_t *row, void *arg)
{
	struct out *o = arg;
	out_row(o, row);
	if (o->text.n >= PRINT_AT || o->cmd->view == LB_VIEW_WATCH)
		session_print(&o->text);
}

static const char *wire_name(const struct lb_command *cmd, char out[LB_COMMAND_NAMELEN])
{
	return lb_command_name(cmd, '.', out);
}

/* ---- waiting ---- */

static struct lb_time sooner_of(struct lb_time a, int64_t ms)
{
	return ms ? lb_time_min(a, lb_time_add_ms(lb_clock_now(), ms)) : a;
}

static int wait_request(struct session *s, const char *object, const char *condition, int64_t ms)
{
	struct lb_err e = { 0 };
	json_t *end = NULL;
	json_t *args = json_pack("{s:s, s:s}", "object", object, "condition", condition);
	struct lb_time before = s->conn.deadline;
	long long generation = s->cli->opt.if_generation;
	if (args && ms)
		json_object_set_new(args, "timeout", json_real((double)ms / 1000));
	s->conn.deadline = sooner_of(s->deadline, ms ? ms + WAIT_GRACE_MS : 0);
	s->cli->opt.if_generation = 0; /* it was about the change, which may have made a new one */
	int code = args ? session_request(s, "wait", args, -1, NULL, NULL, &end, &e) : LB_CODE_FAILED;
	if (!args)
		lb_err_set(&e, LB_CODE_FAILED, "out of memory");
	s->cli->opt.if_generation = generation;
	s->conn.deadline = before;
	if (code > LB_CODE_NO)
		session_error(s, code, e.text, end);
	else if (end)
		out_end(&s->out, end);
	json_decref(end);
	json_decref(args);
	return code;
}

/* After a restart: the old process hangs up, a new one answers, and then it gets ready. */
static int wait_restarted(struct session *s)
{
	struct lb_err e = { 0 };
	int64_t limit = s->cli->opt.wait_ms ? s->cli->opt.wait_ms : RESTART_MAX_MS;
	struct lb_time deadline = sooner_of(s->deadline, limit);
	s->conn.deadline = deadline;
	if (conn_wait_gone(&s->conn, &e))
		return session_error(s, e.code, e.text, NULL);
	conn_close(&s->conn);
	s->connected = false;
	s->out.node = NULL;
	while (conn_open(&s->conn, s->socket, deadline, &e)) {
		struct lb_err why = { 0 };
		conn_close(&s->conn);
		/* the new one's socket is closed to all until it has its group; who asked for the restart was let in */
		bool denied = e.code == LB_CODE_DENIED;
		if (!denied && e.code != LB_CODE_UNREACHABLE)
			return session_error(s, e.code, e.text, NULL);
		if (conn_pause(RETRY_MS, deadline, &why) == 0)
			continue;
		const struct lb_err *last = denied && why.code == LB_CODE_TIMEOUT ? &e : &why;
		return session_error(s, last->code, last->text, NULL);
	}
	s->connected = true;
	s->out.node = s->conn.node;
	return wait_request(s, "daemon", "ready", limit);
}

static void take_pid(const json_t *row, void *arg)
{
	*(long long *)arg = lb_proto_int(row, "pid", 0);
}

/* The process of the other node; 0 = it cannot be asked, *code says why. */
static long long peer_pid(struct session *s, int *code, struct lb_err *e)
{
	long long pid = 0;
	json_t *end = NULL;
	*code = session_request(s, "daemon.info", NULL, -1, take_pid, &pid, &end, e);
	json_decref(end);
	return *code ? 0 : pid;
}

/* The other node: our own daemon says when there is one that can be reached, and whether it is a new one. */
static int wait_peer_restarted(struct session *s)
{
	struct lb_err e = { 0 };
	int code;
	int64_t limit = s->cli->opt.wait_ms ? s->cli->opt.wait_ms : RESTART_MAX_MS;
	struct lb_time deadline = sooner_of(s->deadline, limit);
	s->conn.deadline = deadline;
	for (;;) {
		long long pid = peer_pid(s, &code, &e);
		if (pid && pid != s->pid_before)
			return wait_request(s, "daemon", "ready", limit);
		if ((code && code != LB_CODE_UNREACHABLE) || conn_pause(RETRY_MS, deadline, &e))
			return session_error(s, e.code, e.text, NULL);
	}
}

static int wait_for_change(struct session *s, const json_t *args)
{
	char object[160];
	const struct lb_command *cmd = s->cli->cmd;
	const char *backend = lb_proto_str(args, "backend"), *vrrp = lb_proto_str(args, "vrrp");
	if (lb_command_id(cmd) == LB_COMMAND_DAEMON_RESTART)
		return s->cli->opt.peer ? wait_peer_restarted(s) : wait_restarted(s);
	bool ready = strcmp(cmd->wait, "ready") == 0;
	if (ready)
		snprintf(object, sizeof(object), "daemon");
	else if (!backend && !vrrp)
		snprintf(object, sizeof(object), "%s", cmd->noun); /* there is one of it: sync */
	else
		snprintf(object, sizeof(object), "%s/%s", backend ? "backend" : "vrrp", backend ? backend : vrrp);
	return wait_request(s, object, cmd->wait, s->cli->opt.wait_ms);
}

/* ---- one request ---- */

/* A service of very many backends: its row, one line, has the first of them, and the list has all. */
struct whole {
	struct out *out;
	json_t *row, *members; /* NULL: it was whole */
	bool bad;
};

static void keep_short(const json_t *row, void *arg)
{
	struct whole *w = arg;
	if (w->row || lb_proto_int(row, "members_more", 0) <= 0) {
		to_out(row, w->out);
		return;
	}
	w->row = json_copy((json_t *)(uintptr_t)row); /* jansson copies, it does not change */
	w->members = json_array();
	w->bad = !w->row || !w->members || json_object_del(w->row, "members_more");
}

static void take_member(const json_t *row, void *arg)
{
	struct whole *w = arg;
	w->bad |= json_array_append(w->members, (json_t *)(uintptr_t)row) != 0; /* counts a reference */
}

/* All backends, of the configuration that the row is of. */
static int take_members(struct session *s, const json_t *args, struct whole *w, json_t **end, struct lb_err *e)
{
	struct cli_options *opt = &s->cli->opt;
	const long long generation = opt->if_generation;
	json_t *last = NULL;
	opt->if_generation = lb_proto_int(*end, "generation", generation);
	int code = w->bad ? LB_CODE_OK : session_request(s, "backend.list", args, -1, take_member, w, &last, e);
	opt->if_generation = generation;
	if (code == LB_CODE_OK && (w->bad || json_object_set(w->row, "members", w->members))) {
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
		code = LB_CODE_FAILED;
	}
	if (code == LB_CODE_OK)
		to_out(w->row, w->out);
	if (last) {
		json_decref(*end);
		*end = last;
	}
	return code;
}

static int show_service(struct session *s, const char *wire, const json_t *args, json_t **end, struct lb_err *e)
{
	struct whole w = { .out = &s->out };
	int code = session_request(s, wire, args, -1, keep_short, &w, end, e);
	if (code == LB_CODE_OK && w.row)
		code = take_members(s, args, &w, end, e);
	json_decref(w.row);
	json_decref(w.members);
	return code;
}

static int send_one(struct session *s, const json_t *args)
{
	char wire[LB_COMMAND_NAMELEN];
	struct lb_err e = { 0 };
	json_t *end = NULL;
	int code;
	wire_name(s->cli->cmd, wire);
	if (lb_command_id(s->cli->cmd) == LB_COMMAND_SERVICE_SHOW)
		code = show_service(s, wire, args, &end, &e);
	else
		code = session_request(s, wire, args, session_file_fd(s), to_out, &s->out, &end, &e);
	if (code > LB_CODE_NO)
		session_error(s, code, e.text, end);
	else if (end)
		out_end(&s->out, end);
	json_decref(end);
	return code;
}

/* wait: its time is the daemon's, ours comes a little later. */
static int send_wait(struct session *s, json_t *args)
{
	if (s->cli->opt.timeout_ms) {
		json_object_set_new(args, "timeout", json_real((double)s->cli->opt.timeout_ms / 1000));
		s->conn.deadline = lb_time_add_ms(lb_clock_now(), s->cli->opt.timeout_ms + WAIT_GRACE_MS);
	}
	return send_one(s, args);
}

/* The daemon waits itself, and says what it saw. False: memory is out. */
static bool let_it_wait(struct session *s)
{
	int64_t ms = s->cli->opt.wait_ms ? s->cli->opt.wait_ms : HELD_MS;
	if (json_object_set_new(s->cli->args, "wait", json_real((double)ms / 1000)))
		return false;
	s->conn.deadline = sooner_of(s->deadline, ms + WAIT_GRACE_MS);
	return true;
}

/* What changes nothing is done all the same. */
static bool is_dry(const struct session *s)
{
	return s->cli->opt.dry_run && lb_command_changes(s->cli->cmd, s->cli->args);
}

/* For programs it is the message of an answer without data; a line of it is no element of that. */
static void say_dry(struct session *s, const json_t *args)
{
	struct lb_text text = LB_TEXT_INIT;
	enum cli_form form = s->cli->opt.form;
	lb_text_puts(&text, "would do: ");
	cli_words(s->cli->cmd, args, &text);
	json_t *end = text.bad ? NULL : json_pack("{s:s}", "message", text.s);
	if (!end)
		s->out.bad = true;
	else if (cli_form_is_json(form))
		out_end(&s->out, end);
	else
		lb_text_printf(&s->out.text, "%s\n", text.s);
	json_decref(end);
	lb_text_done(&text);
}

static int finish(struct session *s, int code)
{
	if (code <= LB_CODE_NO || s->out.n_rows || s->out.message.n)
		out_finish(&s->out);
	session_print(&s->out.text);
	if (s->out.bad)
		return session_error(s, LB_CODE_FAILED, "out of memory", NULL);
	return code;
}

/* Of a table there is no end to say: nobody was asked. */
static int finish_dry(struct session *s, int code)
{
	if (s->out.message.n)
		return finish(s, code);
	session_print(&s->out.text);
	return s->out.bad ? session_error(s, LB_CODE_FAILED, "out of memory", NULL) : code;
}

/* ---- a glob ---- */

struct names {
	struct session *s;
	json_t *found; /* array of strings */
};

static void match(const json_t *row, void *arg)
{
	struct names *n = arg;
	char name[160];
	const char *service = lb_proto_str(row, "service"), *backend = lb_proto_str(row, "backend");
	bool backends = n->s->cli->glob->kind == LB_ARG_BACKEND;
	if (!service || (backends && !backend))
		return;
	snprintf(name, sizeof(name), "%s%s%s", service, backends ? "/" : "", backends ? backend : "");
	/* a * does not reach over the slash: 'web*' must not mean what is in web */
	if (fnmatch(n->s->cli->glob_word, name, FNM_PATHNAME) == 0)
		json_array_append_new(n->found, json_string(name));
}

static int expand(struct session *s, json_t *found)
{
	struct names n = { s, found };
	struct lb_err e = { 0 };
	json_t *end = NULL;
	bool backends = s->cli->glob->kind == LB_ARG_BACKEND;
	char text[256];
	int code = session_request(s, backends ? "backend.list" : "service.list", NULL, -1, match, &n, &end, &e);
	if (code > LB_CODE_NO) {
		session_error(s, code, e.text, end);
	} else if (json_array_size(found) == 0) {
		snprintf(text, sizeof(text), "no %s matches '%.100s'; see lbctl %s list",
			backends ? "backend" : "service", s->cli->glob_word, backends ? "backend" : "service");
		code = session_error(s, LB_CODE_NOT_FOUND, text, NULL);
	}
	json_decref(end);
	return code;
}

static bool ask_many(struct session *s, const json_t *found, int *code)
{
	struct lb_text q = LB_TEXT_INIT;
	size_t n = json_array_size(found);
	if (!s->cli->cmd->changes || n < 2 || is_dry(s))
		return true;
	lb_text_printf(&q, "%s %zu %ss (", s->cli->cmd->verb, n, s->cli->cmd->noun);
	for (size_t i = 0; i < n && i < ASK_NAMES; i++)
		lb_text_printf(&q, "%s%s", i ? ", " : "", json_string_value(json_array_get(found, i)));
	lb_text_puts(&q, n > ASK_NAMES ? ", ...)?" : ")?");
	bool yes = session_ask(s, q.bad ? "really?" : q.s, code);
	lb_text_done(&q);
	return yes;
}

/* The question that is always asked, NULL = none. */
static const char *question(const struct cli *c)
{
	for (const struct lb_arg *a = c->cmd->args; a->name; a++)
		if (a->ask && json_is_true(json_object_get(c->args, a->name)))
			return a->ask;
	return c->cmd->ask;
}

/* The same with each of them, one after the other. */
static int run_each(struct session *s, const json_t *found, bool wait)
{
	json_t *args = s->cli->args;
	size_t n = json_array_size(found);
	int code = 0, last = 0;
	if (!wait && s->cli->cmd->changes && !is_dry(s))
		return many_change(s, found, to_out, &s->out);
	for (size_t i = 0; i < n && !session_is_over(last) && (code == 0 || !wait); i++) {
		json_object_set(args, s->cli->glob->name, json_array_get(found, i));
		if (is_dry(s))
			say_dry(s, args);
		else
			last = wait ? wait_for_change(s, args) : send_one(s, args);
		code = worse(code, last);
	}
	return code;
}

/* All changes first, then all waits: a drain of ten must not take ten times as long. */
static int run_glob(struct session *s)
{
	json_t *found = json_array();
	int code = expand(s, found);
	const char *always = is_dry(s) ? NULL : question(s->cli);
	bool go_on = code <= LB_CODE_NO && (always ? session_ask(s, always, &code) : ask_many(s, found, &code));
	if (go_on) {
		code = worse(code, run_each(s, found, false));
		if (code == 0 && s->cli->opt.wait && !is_dry(s))
			code = run_each(s, found, true);
	}
	json_object_del(s->cli->args, s->cli->glob->name);
	json_decref(found);
	if (is_dry(s))
		return finish_dry(s, code);
	return go_on ? finish(s, code) : code;
}

/* ---- config apply ---- */

/* Who reads the file itself reads it again: it must be the one that was shown. */
static void take_digest(struct session *s, const json_t *end)
{
	const char *digest = lb_proto_str(end, "digest");
	if (digest && !s->cli->file && lb_command_id(s->cli->cmd) == LB_COMMAND_CONFIG_APPLY)
		json_object_set_new(s->cli->args, "if_digest", json_string(digest));
}

/* Prints what would change, there: on the other node. A code; what is wrong has been said. *differs and *generation are
 * of that node. */
static int print_plan(struct session *s, bool there, bool *differs, long long *generation)
{
	const struct lb_command *diff = lb_command_find("config", "diff");
	const struct cli_options before = s->cli->opt;
	struct out plan;
	struct lb_err e = { 0 };
	json_t *end = NULL, *args = json_object();
	json_t *file = json_object_get(s->cli->args, "file");
	if (file)
		json_object_set(args, "file", file);
	if (there) {
		s->cli->opt.peer = true;
		s->cli->opt.if_generation = 0; /* it is of this node */
	}
	out_init(&plan, diff, args, &s->cli->opt, s->conn.node);
	plan.look = s->out.look;
	if (there)
		lb_text_puts(&plan.text, "The other node:\n");
	int code = session_request(s, "config.diff", args, session_file_fd(s), to_out, &plan, &end, &e);
	*differs = plan.n_rows > 0;
	if (code > LB_CODE_NO) {
		session_error(s, code, e.text, end);
	} else {
		out_end(&plan, end);
		*generation = plan.generation;
		take_digest(s, end);
		out_finish(&plan);
		session_print(&plan.text);
	}
	s->cli->opt.peer = before.peer;
	s->cli->opt.if_generation = before.if_generation;
	out_done(&plan);
	json_decref(end);
	json_decref(args);
	return code;
}

/* Shows the plan; true when it may go on. What the daemon reads itself is not here to be compared with the other node;
 * who asked for JSON gets one answer. */
static bool show_plan(struct session *s, bool ask, int *code)
{
	const struct cli *c = s->cli;
	long long generation = 0, theirs = 0;
	bool differs, differs_there, both = json_is_true(json_object_get(c->args, "both"));
	*code = print_plan(s, false, &differs, &generation);
	/* what was looked at must be what is replaced */
	if (*code <= LB_CODE_NO && ask && !c->opt.if_generation)
		s->cli->opt.if_generation = generation;
	if (*code <= LB_CODE_NO && both && c->file && !c->opt.peer && c->opt.form <= CLI_FORM_WIDE) {
		*code = worse(*code, print_plan(s, true, &differs_there, &theirs));
		if (*code <= LB_CODE_NO && theirs)
			json_object_set_new(c->args, "if_there", json_integer(theirs));
	}
	if (*code > LB_CODE_NO || !ask)
		return false;
	/* where nothing differs here, the other node may run anything */
	return both ? session_ask(s, "Apply it on both nodes?", code) : !differs || session_ask(s, "Apply it?", code);
}

static bool is_apply(const struct session *s)
{
	enum lb_command_id id = lb_command_id(s->cli->cmd);
	return id == LB_COMMAND_CONFIG_APPLY || id == LB_COMMAND_DAEMON_RELOAD;
}

/* ---- all ---- */

static int run_once(struct session *s)
{
	const struct cli *c = s->cli;
	int code = 0;
	if (c->glob)
		return run_glob(s);
	if (c->opt.dry_run && is_apply(s)) {
		show_plan(s, false, &code);
		return code;
	}
	if (question(c) && !session_ask(s, question(c), &code))
		return code;
	if (lb_command_id(c->cmd) == LB_COMMAND_CONFIG_APPLY && s->terminal && !c->opt.yes &&
		!show_plan(s, true, &code))
		return code;
	bool held = c->opt.wait && lb_command_arg(c->cmd, "wait");
	if (c->opt.peer && c->opt.wait && lb_command_id(c->cmd) == LB_COMMAND_DAEMON_RESTART) {
		struct lb_err e = { 0 };
		s->pid_before = peer_pid(s, &code, &e);
		if (code)
			return session_error(s, code, e.text, NULL);
	}
	if (held && !let_it_wait(s))
		return session_error(s, LB_CODE_FAILED, "out of memory", NULL);
	code = lb_command_id(c->cmd) == LB_COMMAND_WAIT ? send_wait(s, c->args) : send_one(s, c->args);
	if (code == 0 && c->opt.wait && !held)
		code = wait_for_change(s, c->args);
	return finish(s, code);
}

static int repeat(struct session *s)
{
	struct lb_err e = { 0 };
	int code;
	do {
		if (s->stdout_terminal && s->cli->opt.form <= CLI_FORM_WIDE)
			lb_text_puts(&s->out.text, "\033[H\033[2J");
		s->out.look.now_wall_ms = lb_clock_wall_ms();
		code = run_once(s);
		if (code > LB_CODE_NO)
			return code;
	} while (conn_pause(s->cli->opt.watch_ms, s->deadline, &e) == 0);
	return e.code;
}

int run(struct session *s)
{
	struct lb_err e = { 0 };
	const struct cli *c = s->cli;
	if (is_dry(s) && !c->glob && !is_apply(s)) {
		say_dry(s, c->args);
		return finish_dry(s, 0);
	}
	if (c->file && session_read_file(s, c->file, &e))
		return session_error(s, e.code, e.text, NULL);
	if (session_connect(s, &e))
		return session_error(s, e.code, e.text, NULL);
	if (lb_command_id(c->cmd) == LB_COMMAND_TOP)
		return top_run(s);
	if (c->cmd->view == LB_VIEW_WATCH) /* the next event may be far away */
		s->conn.reader = STDOUT_FILENO;
	return c->opt.watch_ms ? repeat(s) : run_once(s);
}
