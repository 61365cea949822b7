/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/local_io.h"

#include "common/json_text.h"
#include "common/proto.h"
#include "lbctl/complete.h"
#include "lbctl/doctor_io.h"
#include "lbctl/help.h"
#include "lbctl/lbd_io.h"
#include "lbctl/session_io.h"
#include "lbctl/support_io.h"

#include <stdio.h>
#include <string.h>

#define COMPLETE_MS 200
#define VERSION_MS  1000
#define IMPORT_FILE "/etc/keepalived/keepalived.conf"

bool local_is(const struct session *s)
{
	return s->cli->opt.help || s->cli->opt.version || s->cli->cmd->level == LB_LEVEL_NONE;
}

/* lbd: of the daemon, NULL = nobody answered. */
static void put_versions(struct session *s, const char *lbd, const char *node, const char *else_node)
{
	if (!cli_form_is_json(s->cli->opt.form) || s->cli->opt.version) {
		lb_text_puts(&s->out.text, "lbctl " LBD_VERSION "\n");
		if (lbd)
			lb_text_printf(&s->out.text, "lbd %s (running on %s)\n", lbd, node ? node : else_node);
		return;
	}
	json_t *row = json_pack("{s:s, s:s*, s:s*}", "lbctl", LBD_VERSION, "lbd", lbd, "node", lbd ? node : NULL);
	out_row(&s->out, row);
	out_finish(&s->out);
	json_decref(row);
}

static int version(struct session *s, bool ask_daemon)
{
	struct lb_err e;
	s->deadline = lb_time_add_ms(lb_clock_now(), VERSION_MS);
	bool there = ask_daemon && session_connect(s, &e) == 0;
	put_versions(s, there ? lb_proto_str(s->conn.greeting, "lbd") : NULL, s->conn.node, "this node");
	return 0;
}

static void info_row(const json_t *row, void *arg)
{
	json_t **kept = arg;
	json_decref(*kept);
	*kept = json_deep_copy(row);
}

static int peer_version(struct session *s)
{
	struct lb_err e = { 0 };
	json_t *end = NULL, *row = NULL;
	int code = session_connect(s, &e) ? (int)e.code
					  : session_request(s, "daemon.info", NULL, -1, info_row, &row, &end, &e);
	const char *theirs = lb_proto_str(row, "version");
	if (!code)
		out_end(&s->out, end); /* the node that it is of */
	put_versions(s, row ? theirs ? theirs : "?" : NULL, lb_proto_str(row, "node"), "the other node");
	if (code)
		session_error(s, code, e.text, end);
	json_decref(end);
	json_decref(row);
	return code;
}

static int help(struct session *s)
{
	struct lb_err e;
	if (help_print(s->cli, &s->out.text, &e))
		return session_error(s, e.code, e.text, NULL);
	return 0;
}

static int become_lbd(struct session *s, const char *const *argv)
{
	struct lb_err e;
	lbd_become(argv, &e);
	return session_error(s, e.code, e.text, NULL);
}

static void report_line(const char *line, size_t n, void *arg)
{
	lb_text_put(arg, line, n);
}

/* A person reads what lbd says by itself. A program that asked for JSON gets the same in an answer like any other: its
 * text, or each error of a file that is refused. The exit status is the same. */
static int check(struct session *s)
{
	const struct cli *c = s->cli;
	/* without FILE lbd reads conf.d, too */
	const char *argv[] = { "lbd", "--check", c->file, NULL },
		   *as_json[] = { "lbd", "--check", "--json", c->file, NULL };
	if (!cli_form_is_json(s->cli->opt.form))
		return become_lbd(s, argv);
	struct lb_err e;
	struct lb_text report = LB_TEXT_INIT;
	int code = lbd_report(as_json, report_line, &report, &e);
	json_t *said = lb_json_parse(report.s ? report.s : "", report.n, 0, NULL);
	const char *text = lb_proto_str(said, "message"); /* NULL: it said something else, which is shown */
	if (!text)
		text = report.n ? report.s : "lbd said nothing";
	if (code < 0) {
		code = session_error(s, e.code, e.text, NULL);
	} else if (code) {
		code = session_error(s, code, text, said);
	} else {
		json_t *end = json_pack("{s:i, s:s}", "code", 0, "message", text);
		out_end(&s->out, end);
		out_finish(&s->out);
		json_decref(end);
	}
	json_decref(said);
	lb_text_done(&report);
	session_print(&s->out.text);
	return code;
}

static int import(struct session *s)
{
	const struct cli *c = s->cli;
	const char *format = lb_proto_str(c->args, "format"), *id = lb_proto_str(c->args, "id");
	char what[64], whose[320];
	snprintf(what, sizeof(what), "--import=%s", format);
	snprintf(whose, sizeof(whose), "--id=%s", id ? id : "");
	const char *file = c->file ? c->file : strcmp(format, "keepalived") == 0 ? IMPORT_FILE : "-";
	const char *args[] = { "lbd", what, "--", file, NULL }, *with_id[] = { "lbd", what, whose, "--", file, NULL };
	return become_lbd(s, id ? with_id : args);
}

/* ---- completion ---- */

struct objects {
	enum complete_objects what;
	const char *prefix;
	struct lb_text *out;
};

static void object_row(const json_t *row, void *arg)
{
	struct objects *o = arg;
	complete_objects(o->what, o->prefix, row, o->out);
}

/* Best effort within 200 ms: a shell that hangs at the tab key is worse than no names. */
static int complete(struct session *s)
{
	const struct cli *c = s->cli;
	struct lb_err e;
	struct objects o = { .prefix = c->n_words ? c->words[c->n_words - 1] : "", .out = &s->out.text };
	o.what = complete_words(c->words, c->n_words, &s->out.text);
	s->deadline = lb_time_add_ms(lb_clock_now(), COMPLETE_MS);
	if (o.what == COMPLETE_NONE || session_connect(s, &e))
		return 0;
	static const struct {
		const char *list;
		unsigned of; /* bits 1 << what: which objects it names */
	} lists[] = {
		{ "service.list", 1u << COMPLETE_SERVICES | 1u << COMPLETE_WAIT_OBJECTS },
		{ "check.list", 1u << COMPLETE_CHECKS | 1u << COMPLETE_CHECKS_AND_BACKENDS },
		{ "backend.list",
			1u << COMPLETE_BACKENDS | 1u << COMPLETE_WAIT_OBJECTS | 1u << COMPLETE_CHECKS_AND_BACKENDS },
		{ "vrrp.list", 1u << COMPLETE_VRRP | 1u << COMPLETE_WAIT_OBJECTS },
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_t *end = NULL, *args = i == 1 ? json_pack("{s:b}", "names", 1) : NULL;
		if (lists[i].of & 1u << o.what)
			session_request(s, lists[i].list, args, -1, object_row, &o, &end, &e);
		json_decref(args);
		json_decref(end);
	}
	return 0;
}

int local_run(struct session *s)
{
	const struct cli *c = s->cli;
	const char *shell = lb_proto_str(c->args, "shell");
	const char *schema[] = { "lbd", "--print=schema", NULL };
	int code = 0;
	if (c->opt.version)
		code = version(s, false);
	else if (c->opt.help || lb_command_id(c->cmd) == LB_COMMAND_HELP)
		code = help(s);
	else if (lb_command_id(c->cmd) == LB_COMMAND_VERSION)
		code = c->opt.peer ? peer_version(s) : version(s, true);
	else if (lb_command_id(c->cmd) == LB_COMMAND_DOCTOR)
		return doctor_run(s);
	else if (lb_command_id(c->cmd) == LB_COMMAND_SUPPORT)
		return support_run(s);
	else if (lb_command_id(c->cmd) == LB_COMMAND_COMPLETION)
		lb_text_puts(&s->out.text, complete_script(shell));
	else if (lb_command_id(c->cmd) == LB_COMMAND_COMPLETE)
		code = complete(s);
	else if (lb_command_id(c->cmd) == LB_COMMAND_CONFIG_IMPORT)
		return import(s);
	else if (lb_command_id(c->cmd) == LB_COMMAND_CONFIG_CHECK)
		return check(s);
	else
		return become_lbd(s, schema);
	session_print(&s->out.text);
	return code;
}
