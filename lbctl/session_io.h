/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of lbctl against a daemon: the connection, requests on it, what is printed, what is asked. */
#pragma once

#include "lbctl/cli.h"
#include "lbctl/conn_io.h"
#include "lbctl/out.h"

struct session {
	struct cli *cli;
	const char *socket; /* NULL = the usual ones */
	struct conn conn;
	bool connected;
	struct out out;
	long long last_id;
	long long pid_before; /* of the other node's daemon, which is to start anew */
	int file;             /* the FILE argument as a sealed memory file, -1 = none */
	bool terminal, stdout_terminal;
	struct lb_time deadline; /* of -t */
};

/* Rows go to fn (borrowed, valid during the call), the end object to *end (owned by the caller, NULL when there was
 * none). Returns the code of the end, or of what kept it away; then *e says what happened. fd >= 0 travels along. */
typedef void session_row_fn(const json_t *row, void *arg);
int session_request(struct session *s, const char *wire, const json_t *args, int fd, session_row_fn *fn, void *arg,
	json_t **end, struct lb_err *e);

/* The two halves of it, for who sends more before there is an answer: 0, s->last_id is that of the request; -1 and *e.
 * And the answer to the request of that id, which is the oldest without one. */
int session_send(struct session *s, const char *wire, const json_t *args, int fd, struct lb_err *e);
int session_answer(struct session *s, long long id, session_row_fn *fn, void *arg, json_t **end, struct lb_err *e);

/* Nobody answers any more, the time is over, or somebody has had enough: then nothing more is sent. */
bool session_is_over(int code);

int session_connect(struct session *s, struct lb_err *e); /* a code */

/* Writes text to standard output and clears it. A reader who left ends the program with 0: nothing is wrong. */
void session_print(struct lb_text *text);

/* Prints an error in the form that was asked for; returns code. */
int session_error(const struct session *s, int code, const char *message, const json_t *end);

/* Asks on the terminal: true = yes. *code is what to exit with otherwise (LB_CODE_REFUSED), already explained. */
bool session_ask(struct session *s, const char *question, int *code);

/* Reads path ("-" = standard input) into s->file. 0; -1 with *e. */
int session_read_file(struct session *s, const char *path, struct lb_err *e);
/* A descriptor of s->file for one request, -1 when there is none. */
int session_file_fd(struct session *s);

void session_done(struct session *s);
