/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * golden_lbctl [--update] FILE...: checks files of cases, or writes them anew.
 *
 *   # what the case shows
 *   $ backend drain web/app1 --for 30m       words of the command line; $t on a terminal, $c in colour,
 *                                            $w on one of 80 columns
 *   < {"row":{...}}                          what the daemon answers; nothing: only the request is shown
 *   < {"end":{"code":0}}
 *   > {"id":1,...}                           the request
 *   | text                                   standard output
 *   ! text                                   standard error
 *   = 0                                      exit status
 *
 * The lines with > | ! = are made by this program. The time is always 2026-01-31 14:32:00 UTC.
 */
#include "common/buf.h"
#include "common/proto.h"
#include "common/time.h"
#include "lbctl/complete.h"
#include "lbctl/help.h"
#include "lbctl/out.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS    1769869920000LL
#define WORDS_MAX 64

static void clock_utc(int64_t wall_ms, char *out, unsigned size)
{
	char text[LB_WALL_STRLEN];
	lb_wall_str(wall_ms, text);
	snprintf(out, size, "%.5s", text + 11);
}

/* Splits at blanks; 'quotes' keep them. Returns how many words there are. */
static int split(char *line, char **words)
{
	int n = 0;
	char *at = line;
	while (*at && n < WORDS_MAX - 1) {
		while (*at == ' ')
			at++;
		if (!*at)
			break;
		char end = *at == '\'' ? '\'' : ' ';
		words[n++] = at += end == '\'';
		at += strcspn(at, end == '\'' ? "'" : " ");
		if (*at)
			*at++ = '\0';
	}
	words[n] = NULL;
	return n;
}

/* Each line with its mark; escapes are made visible. */
static void put_lines(struct lb_text *out, char mark, const struct lb_text *text)
{
	const char *s = text->n ? text->s : "";
	while (*s) {
		size_t n = strcspn(s, "\n");
		lb_text_printf(out, n ? "%c " : "%c", mark);
		for (size_t i = 0; i < n; i++) {
			if (s[i] == '\033')
				lb_text_puts(out, "\\e");
			else if (s[i] == '\t')
				lb_text_puts(out, "\\t");
			else
				lb_text_put(out, s + i, 1);
		}
		/* blanks at the end of a line count: what ipvsadm prints has them */
		lb_text_puts(out, n && s[n - 1] == ' ' ? "$\n" : "\n");
		s += n + (s[n] == '\n');
		if (!*s && n && s[-1] != '\n')
			lb_text_printf(out, "%c\\ no newline\n", mark);
	}
}

static void put_request(struct lb_text *out, const struct cli *c)
{
	char wire[LB_COMMAND_NAMELEN];
	struct lb_text text = LB_TEXT_INIT;
	cli_request(1, lb_command_name(c->cmd, '.', wire), c->args, &c->opt, &text);
	if (c->file)
		lb_text_printf(&text, "file %s\n", c->file);
	if (c->glob)
		lb_text_printf(&text, "%s matches %s\n", c->glob->name, c->glob_word);
	put_lines(out, '>', &text);
	lb_text_done(&text);
}

static int answer(struct out *o, struct cli *c, const char *lines, struct lb_text *errors)
{
	int code = -1;
	for (const char *s = lines; *s; s += strcspn(s, "\n") + 1) {
		struct lb_err e = { 0 };
		json_t *msg = lb_proto_parse(s, strcspn(s, "\n"), &e);
		json_t *row = json_object_get(msg, "row"), *end = json_object_get(msg, "end");
		if (!msg)
			lb_text_printf(errors, "bad line in the case: %s\n", e.text);
		if (row)
			out_row(o, row);
		if (end) {
			const char *message = lb_proto_str(end, "message");
			code = (int)lb_proto_int(end, "code", 0);
			if (code > LB_CODE_NO)
				out_error(&c->opt, code, message ? message : lb_code_name(code), end, errors);
			else
				out_end(o, end);
		}
		json_decref(msg);
	}
	if (code <= LB_CODE_NO)
		out_finish(o);
	return code;
}

static int local(const struct cli *c, struct lb_text *text, struct lb_text *errors)
{
	struct lb_err e = { 0 };
	static const char *const names[] = { "none", "services", "backends", "objects", "instances", "checks",
		"checks and backends" };
	if (c->opt.version) {
		lb_text_puts(text, "the version\n");
	} else if (c->opt.help || lb_command_id(c->cmd) == LB_COMMAND_HELP) {
		if (help_print(c, text, &e)) {
			out_error(&c->opt, e.code, e.text, NULL, errors);
			return e.code;
		}
	} else if (lb_command_id(c->cmd) == LB_COMMAND_COMPLETION) {
		lb_text_puts(text, complete_script(lb_proto_str(c->args, "shell")));
	} else if (lb_command_id(c->cmd) == LB_COMMAND_COMPLETE) {
		enum complete_objects what = complete_words(c->words, c->n_words, text);
		if (what != COMPLETE_NONE)
			lb_text_printf(text, "(and names of %s)\n", names[what]);
	} else {
		return -1;
	}
	return 0;
}

static void run_case(struct lb_text *out, const char *command, const char *lines)
{
	char copy[4096], *words[WORDS_MAX] = { NULL };
	struct cli c;
	struct lb_err e = { 0 };
	struct lb_text errors = LB_TEXT_INIT;
	snprintf(copy, sizeof(copy), "lbctl %s", command + strcspn(command, " "));
	int argc = split(copy, words), code;
	if (cli_parse(argc, words, command[1] == 't', &c, &e)) {
		out_error(&c.opt, e.code, e.text, NULL, &errors);
		put_lines(out, '!', &errors);
		lb_text_printf(out, "= %d\n", (int)e.code);
		lb_text_done(&errors);
		cli_done(&c);
		return;
	}
	struct out o;
	out_init(&o, c.cmd ? c.cmd : lb_commands, c.args, &c.opt, "lb-a");
	o.installed = "0.1.0";
	o.look.now_wall_ms = NOW_MS;
	o.look.clock = clock_utc;
	o.look.colour = command[1] == 'c';
	o.look.width = command[1] == 'w' ? 80 : 0;
	if (!c.cmd || c.opt.version || c.opt.help || (c.cmd->level == LB_LEVEL_NONE && !*lines)) {
		code = local(&c, &o.text, &errors);
	} else {
		if (!*lines)
			put_request(out, &c);
		code = *lines ? answer(&o, &c, lines, &errors) : -1;
	}
	put_lines(out, '|', &o.text);
	put_lines(out, '!', &errors);
	if (code >= 0)
		lb_text_printf(out, "= %d\n", code);
	out_done(&o);
	lb_text_done(&errors);
	cli_done(&c);
}

/* The file as it should be. */
static void make(const char *text, struct lb_text *out)
{
	char command[4096] = "";
	struct lb_text lines = LB_TEXT_INIT;
	for (const char *s = text; *s;) {
		size_t n = strcspn(s, "\n");
		bool input = s[0] == '<' || s[0] == '|' || s[0] == '!' || s[0] == '>' || s[0] == '=';
		if (!input && *command) {
			run_case(out, command, lines.n ? lines.s : "");
			lb_text_clear(&lines);
			command[0] = '\0';
		}
		if (s[0] == '$')
			snprintf(command, sizeof(command), "%.*s", (int)n, s);
		if (s[0] == '<') {
			lb_text_put(&lines, s + 2, n > 2 ? n - 2 : 0);
			lb_text_puts(&lines, "\n");
		}
		if (!input || s[0] == '<') {
			lb_text_put(out, s, n);
			lb_text_puts(out, "\n");
		}
		s += n + (s[n] == '\n');
	}
	if (*command)
		run_case(out, command, lines.n ? lines.s : "");
	lb_text_done(&lines);
}

static char *read_all(const char *path)
{
	struct lb_text text = LB_TEXT_INIT;
	char buf[4096];
	FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	for (size_t n = fread(buf, 1, sizeof(buf), f); n; n = fread(buf, 1, sizeof(buf), f))
		lb_text_put(&text, buf, n);
	fclose(f);
	lb_text_puts(&text, "");
	return text.s;
}

static void show_difference(const char *path, const char *is, const char *should)
{
	unsigned line = 1;
	size_t i = 0, start = 0;
	for (; is[i] && is[i] == should[i]; i++)
		if (is[i] == '\n') {
			line++;
			start = i + 1;
		}
	fprintf(stderr, "%s:%u: differs (golden_lbctl --update writes it anew)\n  file: %.*s\n  now:  %.*s\n", path,
		line, (int)strcspn(is + start, "\n"), is + start, (int)strcspn(should + start, "\n"), should + start);
}

int main(int argc, char **argv)
{
	bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
	int failed = 0;
	for (int i = 1 + update; i < argc; i++) {
		struct lb_text now = LB_TEXT_INIT;
		char *is = read_all(argv[i]);
		if (!is) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 2;
		}
		make(is, &now);
		lb_text_puts(&now, "");
		if (now.bad)
			return 2;
		if (strcmp(is, now.s) != 0 && update) {
			FILE *f = fopen(argv[i], "we");
			if (!f || fputs(now.s, f) < 0 || fclose(f))
				failed = 1;
		} else if (strcmp(is, now.s) != 0) {
			show_difference(argv[i], is, now.s);
			failed = 1;
		}
		free(is);
		lb_text_done(&now);
	}
	return failed;
}
