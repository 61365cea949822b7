/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/session_io.h"

#include "common/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_MAX (16u * 1024u * 1024u)

int session_connect(struct session *s, struct lb_err *e)
{
	if (s->connected)
		return 0;
	if (conn_open(&s->conn, s->socket, s->deadline, e)) {
		conn_close(&s->conn);
		return e->code;
	}
	s->connected = true;
	s->out.node = s->conn.node;
	return 0;
}

int session_send(struct session *s, const char *wire, const json_t *args, int fd, struct lb_err *e)
{
	struct lb_text line = LB_TEXT_INIT;
	cli_request(++s->last_id, wire, args, &s->cli->opt, &line);
	int failed =
		line.bad ? lb_err_set(e, LB_CODE_FAILED, "out of memory") : conn_send(&s->conn, line.s, line.n, fd, e);
	lb_text_done(&line);
	return failed;
}

int session_answer(struct session *s, long long id, session_row_fn *fn, void *arg, json_t **end, struct lb_err *e)
{
	*end = NULL;
	for (;;) {
		json_t *msg = conn_read(&s->conn, e);
		if (!msg)
			return e->code;
		json_t *row = json_object_get(msg, "row"), *last = json_object_get(msg, "end");
		bool ours = lb_proto_int(msg, "id", 0) == id;
		if (row && ours && fn)
			fn(row, arg);
		/* an end without an id is about the connection */
		if (last && (ours || !json_object_get(msg, "id")))
			*end = json_incref(last);
		json_decref(msg);
		if (*end) {
			const char *text = lb_proto_str(*end, "message");
			int code = (int)lb_proto_int(*end, "code", LB_CODE_FAILED);
			lb_err_set(e, (enum lb_code)code, "%s", text ? text : lb_code_name(code));
			return code;
		}
	}
}

int session_request(struct session *s, const char *wire, const json_t *args, int fd, session_row_fn *fn, void *arg,
	json_t **end, struct lb_err *e)
{
	*end = NULL;
	return session_send(s, wire, args, fd, e) ? (int)e->code : session_answer(s, s->last_id, fn, arg, end, e);
}

bool session_is_over(int code)
{
	return code == LB_CODE_UNREACHABLE || code == LB_CODE_TIMEOUT || code == LB_CODE_INTERRUPTED;
}

void session_print(struct lb_text *text)
{
	size_t at = 0;
	while (at < text->n) {
		ssize_t n = write(STDOUT_FILENO, text->s + at, text->n - at);
		if (n < 0 && errno == EINTR && !conn_interrupted)
			continue;
		if (n < 0)
			exit(errno == EPIPE ? LB_CODE_OK : conn_interrupted ? LB_CODE_INTERRUPTED : LB_CODE_FAILED);
		at += (size_t)n;
	}
	lb_text_clear(text);
}

int session_error(const struct session *s, int code, const char *message, const json_t *end)
{
	struct lb_text text = LB_TEXT_INIT;
	if (code == LB_CODE_INTERRUPTED)
		return code;
	out_error(&s->cli->opt, code, message, end, &text);
	fputs(text.bad ? "lbctl: out of memory\n" : text.s, stderr);
	lb_text_done(&text);
	return code;
}

bool session_ask(struct session *s, const char *question, int *code)
{
	char answer[16] = "";
	if (s->cli->opt.yes)
		return true;
	if (!s->terminal) {
		*code = session_error(s, LB_CODE_REFUSED, "not done: no terminal to ask on; -y says yes", NULL);
		return false;
	}
	fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin))
		fputs("\n", stderr);
	if (answer[0] == 'y' || answer[0] == 'Y')
		return true;
	*code = conn_interrupted ? LB_CODE_INTERRUPTED : session_error(s, LB_CODE_REFUSED, "not done", NULL);
	return false;
}

static int copy(int from, int to, const char *path, struct lb_err *e)
{
	char buf[65536];
	size_t total = 0;
	for (;;) {
		ssize_t n = read(from, buf, sizeof(buf));
		if (n < 0 && errno == EINTR && !conn_interrupted)
			continue;
		if (n < 0 && conn_interrupted)
			return lb_err_set(e, LB_CODE_INTERRUPTED, "interrupted");
		if (n < 0)
			return lb_err_file(e, LB_CODE_NOT_FOUND, path, errno);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > FILE_MAX)
			return lb_err_set(e, LB_CODE_INVALID, "%s: larger than %u MiB", path, FILE_MAX >> 20);
		if (write(to, buf, (size_t)n) != n)
			return lb_err_set(e, LB_CODE_FAILED, "memory file: %s", strerror(errno));
	}
}

/* A sealed copy: what was shown in the plan is what is applied, and the daemon never waits for a slow file system. */
int session_read_file(struct session *s, const char *path, struct lb_err *e)
{
	bool standard = strcmp(path, "-") == 0;
	int from = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return lb_err_file(e, errno == EACCES ? LB_CODE_DENIED : LB_CODE_NOT_FOUND, path, errno);
	int to = memfd_create("lbd-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int failed =
		to < 0 ? lb_err_set(e, LB_CODE_FAILED, "memory file: %s", strerror(errno)) : copy(from, to, path, e);
	if (!standard)
		close(from);
	if (!failed && fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		failed = lb_err_set(e, LB_CODE_FAILED, "memory file: %s", strerror(errno));
	if (failed && to >= 0)
		close(to);
	if (!failed)
		s->file = to;
	return failed;
}

int session_file_fd(struct session *s)
{
	if (s->file < 0)
		return -1;
	lseek(s->file, 0, SEEK_SET); /* the position is shared with the copy the daemon has read */
	return fcntl(s->file, F_DUPFD_CLOEXEC, 3);
}

void session_done(struct session *s)
{
	if (s->file >= 0)
		close(s->file);
	if (s->connected)
		conn_close(&s->conn);
	out_done(&s->out);
}
