/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/out.h"

#include "common/proto.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

static const struct out_ops *view_ops(enum lb_view view)
{
	switch (view) {
	case LB_VIEW_TABLE: return &out_table_ops;
	case LB_VIEW_SHOW: return &out_show_ops;
	case LB_VIEW_STATUS: return &out_status_ops;
	case LB_VIEW_DIFF: return &out_diff_ops;
	case LB_VIEW_TEXT: return &out_text_ops;
	case LB_VIEW_MESSAGE: return &out_message_ops;
	case LB_VIEW_RUN: return &out_run_ops;
	case LB_VIEW_WATCH: return &out_watch_ops;
	case LB_VIEW_FINDINGS: return &out_findings_ops;
	case LB_VIEW_IPVSADM: return &out_ipvsadm_ops;
	}
	return &out_table_ops;
}

static const struct out_ops *form_ops(const struct lb_command *cmd, enum cli_form form)
{
	switch (form) {
	case CLI_FORM_TABLE:
	case CLI_FORM_WIDE: return view_ops(cmd->view);
	case CLI_FORM_JSON: return cmd->view == LB_VIEW_WATCH ? &out_jsonl_ops : &out_json_ops; /* it has no end */
	case CLI_FORM_JSONL: return &out_jsonl_ops;
	case CLI_FORM_TSV: return cmd->row == LB_ROW_NONE ? view_ops(cmd->view) : &out_tsv_ops;
	case CLI_FORM_IPVSADM: return cmd->row == LB_ROW_CONN ? &out_conn_ops : &out_ipvsadm_ops;
	}
	return &out_table_ops;
}

static enum lb_row_type row_type(const struct lb_command *cmd, const json_t *args)
{
	bool rate = json_is_true(json_object_get(args, "rate"));
	if (rate && cmd->row == LB_ROW_SERVICE_STATS)
		return LB_ROW_SERVICE_RATE;
	if (rate && cmd->row == LB_ROW_BACKEND_STATS)
		return LB_ROW_BACKEND_RATE;
	return cmd->row;
}

void out_init(struct out *o, const struct lb_command *cmd, const json_t *args, const struct cli_options *opt,
	const char *node)
{
	*o = (struct out){
		.cmd = cmd,
		.type = row_type(cmd, args),
		.opt = opt,
		.ops = form_ops(cmd, opt->form),
		.node = node,
		.look = { .unscaled = opt->unscaled, .iec = opt->iec, .full = opt->form == CLI_FORM_WIDE },
	};
}

static void reset(struct out *o)
{
	json_decref(o->rows);
	json_decref(o->summary);
	json_decref(o->end);
	o->rows = o->summary = o->end = NULL;
	o->n_rows = 0;
	lb_text_clear(&o->json);
	lb_text_clear(&o->message);
}

void out_done(struct out *o)
{
	reset(o);
	lb_text_done(&o->json);
	lb_text_done(&o->message);
	lb_text_done(&o->text);
}

void out_row(struct out *o, const json_t *row)
{
	if (!json_is_object(row))
		return;
	o->ops->row(o, row);
	o->n_rows++;
}

void out_end(struct out *o, const json_t *end)
{
	const char *message = lb_proto_str(end, "message");
	if (message)
		lb_text_printf(&o->message, "%s%s", o->message.n ? "\n" : "", message);
	o->generation = lb_proto_int(end, "generation", o->generation);
	json_decref(o->end);
	o->end = json_incref((json_t *)(uintptr_t)end); /* counts a reference, changes nothing */
	json_t *summary = json_object_get(end, "summary");
	if (summary) {
		json_decref(o->summary);
		o->summary = json_incref(summary);
	}
}

void out_finish(struct out *o)
{
	o->ops->finish(o);
	if (o->json.bad || o->message.bad || o->text.bad)
		o->bad = true;
	reset(o);
}

void out_word(const struct out *o, const char *word, struct lb_text *out)
{
	const char *colour = o->look.colour ? columns_colour(word) : "";
	lb_text_puts(out, colour);
	lb_text_escape(out, word, strlen(word), 0);
	lb_text_puts(out, *colour ? COLUMNS_RESET : "");
}

static void when(const struct out *o, const char *wire, struct lb_text *out)
{
	char text[32];
	int64_t ms;
	if (!o->look.clock || columns_time_parse(wire, &ms)) {
		lb_text_escape(out, wire, strlen(wire), 32);
		return;
	}
	o->look.clock(ms, text, sizeof(text));
	lb_text_puts(out, text);
}

void out_override_words(const struct out *o, const json_t *override, struct lb_text *out)
{
	const char *user = lb_proto_str(override, "user"), *time = lb_proto_str(override, "time");
	const char *expires = lb_proto_str(override, "expires"), *reason = lb_proto_str(override, "reason");
	lb_text_puts(out, " (override");
	if (user) {
		lb_text_puts(out, " by ");
		lb_text_escape(out, user, strlen(user), 64);
	}
	if (time) {
		lb_text_puts(out, ", ");
		when(o, time, out);
	}
	if (expires) {
		lb_text_puts(out, ", expires ");
		when(o, expires, out);
	}
	if (reason && *reason) {
		lb_text_puts(out, ": ");
		lb_text_escape(out, reason, strlen(reason), 256);
	}
	lb_text_puts(out, ")");
}

/* Text that may have lines of its own (the report of a configuration) keeps them; other control bytes are shown. */
static void put_lines(const char *s, struct lb_text *out)
{
	while (*s) {
		size_t n = strcspn(s, "\n");
		lb_text_escape(out, s, n, 0);
		s += n;
		if (*s) {
			lb_text_puts(out, "\n");
			s++;
		}
	}
}

void out_said(struct out *o)
{
	if (!o->message.n || o->opt->quiet)
		return;
	put_lines(o->message.s, &o->text);
	lb_text_puts(&o->text, "\n");
}

static void error_json(int code, const char *message, const json_t *finding, struct lb_text *out)
{
	static const char *const keys[] = { "severity", "path", "file", "line", "column", "hint" };
	json_t *e = json_pack("{s:i, s:s, s:s}", "code", code, "name", lb_code_name(code), "message", message);
	for (size_t i = 0; e && i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *v = json_object_get(finding, keys[i]);
		if (v && json_object_set(e, keys[i], v))
			out->bad = true;
	}
	json_t *msg = json_pack("{s:i, s:o}", "schema", LB_PROTO_SCHEMA, "error", e);
	if (msg)
		lb_proto_dump(msg, out);
	else
		out->bad = true;
	json_decref(msg);
}

/* Some of what the daemon found may be warnings; where there is an error they are no reason. */
static bool is_warning(const json_t *finding)
{
	const char *severity = lb_proto_str(finding, "severity");
	return severity && strcmp(severity, "warning") == 0;
}

static void errors_json(int code, const char *message, const json_t *errors, struct lb_text *out)
{
	size_t warnings = 0, n = json_array_size(errors);
	for (size_t i = 0; i < n; i++)
		warnings += is_warning(json_array_get(errors, i));
	for (size_t i = 0; i < n; i++) {
		const json_t *finding = json_array_get(errors, i);
		const char *text = lb_proto_str(finding, "message");
		if (warnings == n || !is_warning(finding))
			error_json(code, text ? text : message, finding, out);
	}
}

void out_error(const struct cli_options *opt, int code, const char *message, const json_t *end, struct lb_text *out)
{
	const char *hint = lb_proto_str(end, "hint");
	const json_t *errors = json_object_get(end, "errors");
	if (cli_form_is_json(opt->form)) {
		errors_json(code, message, errors, out);
		if (!json_array_size(errors))
			error_json(code, message, end, out);
		return;
	}
	/* a report of a configuration says by itself what it is about */
	if (!errors)
		lb_text_puts(out, "lbctl: ");
	put_lines(message, out);
	if (out->n && out->s[out->n - 1] != '\n')
		lb_text_puts(out, "\n");
	if (hint) {
		lb_text_puts(out, "  ");
		put_lines(hint, out);
		lb_text_puts(out, "\n");
	}
}
