/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/doctor_io.h"

#include "common/finding.h"
#include "common/proto.h"
#include "lbctl/doctor.h"
#include "lbctl/lbd_io.h"
#include "lbctl/session_io.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ASK_MS 5000 /* of each question to the daemon */

struct looking {
	struct session *s;
	struct doctor_findings f;
	char version[64];
	char config[256], state[256], run[256], user[64]; /* of the daemon that answered; "" = what lbd takes */
	char node[80];
};

static void status_row(const json_t *row, void *arg)
{
	struct looking *l = arg;
	const char *version = lb_proto_str(row, "version");
	snprintf(l->version, sizeof(l->version), "%s", version ? version : "");
	doctor_status(&l->f, row, l->s->out.installed);
}

static void peer_row(const json_t *row, void *arg)
{
	struct looking *l = arg;
	doctor_peer(&l->f, row, l->version);
}

static void info_row(const json_t *row, void *arg)
{
	struct looking *l = arg;
	const char *file = lb_proto_str(row, "file"), *state = lb_proto_str(row, "state_dir");
	snprintf(l->config, sizeof(l->config), "%s", file ? file : "");
	snprintf(l->state, sizeof(l->state), "%s", state ? state : "");
}

/* Who runs it and where: a daemon that was started by hand is judged by what it has. */
static void of_socket(struct looking *l)
{
	const struct conn *c = &l->s->conn;
	struct ucred cred = { 0 };
	socklen_t n = sizeof(cred);
	const char *slash = c->path ? strrchr(c->path, '/') : NULL;
	if (slash)
		snprintf(l->run, sizeof(l->run), "%.*s", (int)(slash - c->path), c->path);
	if (getsockopt(c->frame.fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0) {
		const struct passwd *p = cred.uid ? getpwuid(cred.uid) : NULL;
		snprintf(l->user, sizeof(l->user), "%s", p ? p->pw_name : "");
	}
	if (c->node)
		snprintf(l->node, sizeof(l->node), "%s", c->node);
}

/* False: who did not answer in time is not asked again, for an answer that is late would be taken for the next one. */
static bool ask(struct looking *l, const char *wire, session_row_fn *fn)
{
	struct lb_err e = { 0 };
	json_t *end = NULL;
	l->s->conn.deadline = lb_time_add_ms(lb_clock_now(), ASK_MS);
	int code = session_request(l->s, wire, NULL, -1, fn, l, &end, &e);
	if (code > LB_CODE_NO)
		doctor_no_daemon(&l->f, e.text, code == LB_CODE_DENIED);
	json_decref(end);
	return code != LB_CODE_TIMEOUT && code != LB_CODE_UNREACHABLE;
}

static bool ask_daemon(struct looking *l)
{
	struct lb_err e = { 0 };
	l->s->deadline = lb_time_add_ms(lb_clock_now(), ASK_MS);
	int code = session_connect(l->s, &e);
	if (code) {
		doctor_no_daemon(&l->f, e.text, code == LB_CODE_DENIED);
		return false;
	}
	of_socket(l);
	(void)(ask(l, "status", status_row) && ask(l, "peer.status", peer_row) && ask(l, "daemon.info", info_row));
	return true;
}

static void host_line(const char *line, size_t n, void *arg)
{
	struct looking *l = arg;
	struct lb_err e;
	json_t *row = lb_proto_parse(line, n, &e);
	if (row)
		doctor_take(&l->f, row);
	json_decref(row);
}

static void look_at_host(struct looking *l, bool daemon)
{
	/* user: also where it is "", for then the daemon runs as root */
	const struct {
		const char *option, *value;
		bool given;
	} pairs[] = {
		{ "--config", l->config, l->config[0] },
		{ "--state-dir", l->state, l->state[0] },
		{ "--run-dir", l->run, l->run[0] },
		{ "--node", l->node, l->node[0] },
		{ "--user", l->user, daemon },
	};
	const char *argv[2 + 2 * sizeof(pairs) / sizeof(pairs[0]) + 1] = { "lbd", "--doctor" };
	struct lb_err e = { 0 };
	size_t n = 2;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].given) {
			argv[n++] = pairs[i].option;
			argv[n++] = pairs[i].value;
		}
	if (lbd_lines(argv, host_line, l, &e)) {
		char text[600];
		snprintf(text, sizeof(text), "this host was not looked at: %s", e.text);
		json_t *row = lb_finding_json("host", true, "host", text, NULL);
		doctor_take(&l->f, row);
		json_decref(row);
	}
}

size_t doctor_look(struct session *s, json_t *rows)
{
	struct looking l = { .s = s, .f = { .rows = rows } };
	bool daemon = ask_daemon(&l);
	look_at_host(&l, daemon);
	return l.f.found;
}

int doctor_run(struct session *s)
{
	size_t i;
	json_t *row, *rows;
	if (s->cli->opt.peer)
		return session_error(s, LB_CODE_USAGE, "doctor looks at its own host: run it on the other node", NULL);
	rows = json_array();
	size_t found = doctor_look(s, rows);
	json_array_foreach (rows, i, row)
		out_row(&s->out, row);
	out_finish(&s->out);
	session_print(&s->out.text);
	json_decref(rows);
	return found ? LB_CODE_NO : LB_CODE_OK;
}
