/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer on its way to the reader. Rows go in as they come from the daemon, text comes out; a form (table, JSON,
 * TSV, what ipvsadm prints) is a row of functions. Nothing here writes: the caller takes `text` whenever it likes.
 *
 * The answers of several requests (a glob, -w off) may go into one output: rows, an end, rows, an end, finish.
 */
#pragma once

#include "common/buf.h"
#include "common/commands.h"
#include "common/vec.h"
#include "lbctl/cli.h"
#include "lbctl/columns.h"

struct out;

struct out_ops {
	void (*row)(struct out *o, const json_t *row);
	void (*finish)(struct out *o);
};

struct out_line { /* a row of a table that waits for the widths */
	char **cells;
	const char **colours;
};

struct out {
	const struct lb_command *cmd;
	enum lb_row_type type;
	const struct cli_options *opt;
	struct columns_look look;
	const struct out_ops *ops;
	const char *node;       /* borrowed, may be NULL */
	const char *installed;  /* version of lbctl, told when the daemon runs another; NULL = not told */
	struct lb_text text;    /* what is ready for stdout */
	struct lb_text message; /* what the ends said */
	long long generation;   /* of the last end, 0 = unknown */
	json_t *rows;           /* what a form keeps until the end: the rows, or how many of what; may be NULL */
	struct lb_text json;    /* rows as text, for JSON */
	size_t n_rows;
	json_t *summary; /* of the last end that had one */
	json_t *end;     /* the last end */
	bool bad;        /* memory was out */
};

/* Chooses the form. opt, cmd and node are borrowed. args tells --rate and the like; borrowed only here. */
void out_init(struct out *o, const struct lb_command *cmd, const json_t *args, const struct cli_options *opt,
	const char *node);
void out_done(struct out *o);

void out_row(struct out *o, const json_t *row);

/* The "end" object of an answer whose code is ok or no. */
void out_end(struct out *o, const json_t *end);

/* Everything that waited; after it the output may be used again for a repetition (-w). */
void out_finish(struct out *o);

/* An error for people, or with a JSON form as JSON, newline included, appended to out: one object per error when
 * `end` carries "errors". end may be NULL, then message is what happened. */
void out_error(const struct cli_options *opt, int code, const char *message, const json_t *end, struct lb_text *out);

/* out_table.c */
extern const struct out_ops out_table_ops;
void out_table_rows(struct out *o, enum lb_row_type type, const json_t *rows, bool wide, const char *indent);
/* out_show.c, out_status.c; out_text.c: diff, text and message */
extern const struct out_ops out_show_ops, out_status_ops, out_diff_ops, out_text_ops, out_message_ops, out_watch_ops;
/* out_check.c: runs of checks, and two parts of `show` */
extern const struct out_ops out_run_ops;
extern const struct out_ops out_findings_ops;
/* Words from `column` on, further lines from `indent` on; a word that does not fit is left whole. */
void out_wrap(struct lb_text *out, const char *s, size_t column, size_t indent);
void out_check_settings(struct out *o, const json_t *settings);
void out_why_members(struct out *o, const json_t *members);
/* out_json.c, out_tsv.c, out_ipvsadm.c, out_conn.c: connections as ipvsadm prints them */
extern const struct out_ops out_json_ops, out_jsonl_ops, out_tsv_ops, out_ipvsadm_ops, out_conn_ops;

/* "drain (override by alice, 14:02, expires 14:32)": the rest after the value. */
void out_override_words(const struct out *o, const json_t *override, struct lb_text *out);

/* What the ends said, unless nobody wants to hear it (-q). */
void out_said(struct out *o);

/* A word in its colour when colours are on. */
void out_word(const struct out *o, const char *word, struct lb_text *out);
