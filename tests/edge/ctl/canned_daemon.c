/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that answers from a file, for tests of lbctl:   canned_daemon FOLDER ANSWERS LOG
 *
 *   = backend.list        the answers to this command follow
 *   {"service":"web"}     a row
 *   end {"code":0}        its end; `hold` instead: it never ends; `exit`: it ends with 0 and the daemon is gone
 *
 * Each request is written to LOG as "COMMAND ARGS" (and "fd=CONTENT"), "peer: " in front when the other node is meant.
 * It says "ready" when it listens.
 */
#include "common/commands.h"
#include "common/proto.h"
#include "common/vec.h"
#include "lbd/ctl/ctl_io.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *answers_path, *log_path;

static void note(const struct ctl_request *rq)
{
	char name[LB_COMMAND_NAMELEN], content[256];
	FILE *f = fopen(log_path, "ae");
	char *args = json_dumps(rq->args, JSON_COMPACT | JSON_SORT_KEYS);
	if (f && args)
		fprintf(f, "%s%s %s", rq->to_peer ? "peer: " : "", lb_command_name(rq->cmd, '.', name), args);
	if (f && rq->fd >= 0) {
		ssize_t n = pread(rq->fd, content, sizeof(content) - 1, 0);
		content[n > 0 ? n : 0] = '\0';
		fprintf(f, " fd=%s", content);
	}
	if (f) {
		fputs("\n", f);
		fclose(f);
	}
	free(args);
}

static void gone(void *state)
{
	(void)state;
}

static void end(struct ctl_reply *r, const char *text)
{
	json_t *extra = json_loads(text, 0, NULL);
	int code = (int)lb_proto_int(extra, "code", 0);
	const char *message = lb_proto_str(extra, "message");
	char copy[512];
	snprintf(copy, sizeof(copy), "%s", message ? message : "");
	json_object_del(extra, "code");
	json_object_del(extra, "message");
	ctl_reply_end(r, (enum lb_code)code, *copy ? copy : NULL, extra);
}

/* Whether the line ended the answer. */
static bool answer_line(struct ctl_reply *r, const char *line, struct ev_loop *loop)
{
	if (line[0] == '{') {
		ctl_reply_row(r, json_loads(line, 0, NULL));
		return false;
	}
	if (strncmp(line, "end ", 4) == 0) {
		end(r, line + 4);
	} else if (strcmp(line, "hold") == 0) {
		ctl_reply_hold(r, gone, NULL);
	} else if (strcmp(line, "exit") == 0) {
		ctl_reply_end(r, LB_CODE_OK, "going", NULL);
		ev_break(loop, EVBREAK_ALL);
	} else {
		return false;
	}
	return true;
}

static void dispatch(struct ctl_request *rq, struct ctl_reply *r, void *arg)
{
	char name[LB_COMMAND_NAMELEN], *line = NULL;
	size_t size = 0;
	bool ours = false, done = false;
	FILE *f = fopen(answers_path, "re");
	note(rq);
	lb_command_name(rq->cmd, '.', name);
	while (f && !done && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "= ", 2) == 0)
			ours = strcmp(line + 2, name) == 0;
		else if (ours)
			done = answer_line(r, line, arg);
	}
	free(line);
	if (f)
		fclose(f);
}

static void on_stdin(struct ev_loop *loop, ev_io *w, int events)
{
	char c;
	(void)events;
	if (read(w->fd, &c, 1) <= 0)
		ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
	struct lb_err e;
	ev_io input;
	if (argc != 4)
		return 2;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct ctl_server_config config = {
		.dir = argv[1],
		.admin_group = "root",
		.observe_group = "root",
		.version = "0.1.0",
		.node = "lb-a",
		.dispatch = dispatch,
		.arg = loop,
	};
	answers_path = argv[2];
	log_path = argv[3];
	struct ctl_server *server = ctl_server_new(loop, &config, &e);
	if (!server) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	ctl_server_set_generation(server, 17);
	ev_io_init(&input, on_stdin, STDIN_FILENO, EV_READ);
	ev_io_start(loop, &input);
	puts("ready");
	fflush(stdout);
	ev_run(loop, 0);
	ctl_server_free(server);
	ev_loop_destroy(loop);
	return 0;
}
