/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is told about checks beside tables: a run with each of its steps, the settings of a check, and one line for each
 * backend that is not simply up, with the reason.
 */
#include "common/proto.h"
#include "common/text.h"
#include "lbctl/out.h"

#include <string.h>

static void put(struct out *o, const char *before, const char *s, const char *after)
{
	if (!s || !*s)
		return;
	lb_text_puts(&o->text, before);
	lb_text_escape(&o->text, s, strlen(s), 0);
	lb_text_puts(&o->text, after);
}

/* ---- a run ----
 *
 * check app (https) of web/app1 at 10.1.0.11:8443
 *        0s  connected
 *    12.9ms  L7STS: 503 Service Unavailable
 *   failed: L7STS 503 Service Unavailable, after 12.9ms
 */

static void run_row(struct out *o, const json_t *row)
{
	const json_t *steps = json_object_get(row, "steps");
	const char *result = lb_proto_str(row, "result");
	if (o->n_rows)
		lb_text_puts(&o->text, "\n");
	put(o, "check ", lb_proto_str(row, "check"), "");
	put(o, " (", lb_proto_str(row, "type"), ")");
	put(o, " of ", lb_proto_str(row, "service"), "");
	put(o, "/", lb_proto_str(row, "backend"), "");
	put(o, " at ", lb_proto_str(row, "target"), "");
	lb_text_puts(&o->text, "\n");
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);
		struct lb_text at = LB_TEXT_INIT;
		columns_duration(json_number_value(json_object_get(step, "at")), &at);
		lb_text_printf(&o->text, "  %8s", at.bad ? "?" : at.s);
		put(o, "  ", lb_proto_str(step, "text"), "");
		lb_text_puts(&o->text, "\n");
		lb_text_done(&at);
	}
	lb_text_puts(&o->text, "  ");
	out_word(o, result ? result : "error", &o->text);
	put(o, ": ", lb_proto_str(row, "code"), "");
	put(o, " ", lb_proto_str(row, "text"), "");
	lb_text_puts(&o->text, ", after ");
	columns_duration(json_number_value(json_object_get(row, "latency")), &o->text);
	lb_text_puts(&o->text, "\n");
}

static void run_finish(struct out *o)
{
	if (o->n_rows && o->message.n && !o->opt->quiet)
		lb_text_puts(&o->text, "\n");
	out_said(o);
}

const struct out_ops out_run_ops = { run_row, run_finish };

/* ---- the settings of a check ---- */

static void setting(struct out *o, const char *key, const json_t *value)
{
	lb_text_printf(&o->text, "  %s:%*s", key, (int)(strlen(key) < 18 ? 19 - strlen(key) : 1), "");
	if (json_is_string(value))
		lb_text_escape(&o->text, json_string_value(value), json_string_length(value), 0);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *s = json_string_value(json_array_get(value, i));
		lb_text_puts(&o->text, i ? ", " : "");
		if (s)
			lb_text_escape(&o->text, s, strlen(s), 0);
	}
	lb_text_puts(&o->text, "\n");
}

void out_check_settings(struct out *o, const json_t *settings)
{
	json_t *obj = (json_t *)(uintptr_t)settings; /* iterating does not change it */
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
		struct lb_text key = LB_TEXT_INIT;
		lb_text_escape(&key, json_object_iter_key(it), strlen(json_object_iter_key(it)), 64);
		setting(o, key.bad || !key.n ? "?" : key.s, json_object_iter_value(it));
		lb_text_done(&key);
	}
}

/* ---- why ----
 *
 *   app3  down 4m12s: check app failed: L7STS 503 Service Unavailable (fall 3/3)
 */

static void check_failed(struct out *o, const json_t *b)
{
	put(o, "check ", lb_proto_str(b, "check_name"), " failed: ");
	put(o, "", lb_proto_str(b, "check"), "");
	put(o, " ", lb_proto_str(b, "check_text"), "");
	put(o, " (", lb_proto_str(b, "counter"), ")");
}

/* What an operator has set is told with who and until when. */
static void by_whom(struct out *o, const json_t *b, const char *code)
{
	const char *key = strncmp(code, "forced_", 7) == 0   ? "force"
			  : strncmp(code, "admin_", 6) == 0  ? "admin"
			  : strcmp(code, "zero_weight") == 0 ? "weight"
							     : NULL;
	const json_t *override = key ? json_object_get(json_object_get(b, "overrides"), key) : NULL;
	if (override)
		out_override_words(o, override, &o->text);
}

static void one_reason(struct out *o, const json_t *b, const char *code)
{
	const struct lb_reason *r = lb_reason_find(code);
	if (strcmp(code, "check_failed") == 0 && lb_proto_str(b, "check_name"))
		check_failed(o, b);
	else if (r)
		lb_text_puts(&o->text, r->words);
	else
		lb_text_escape(&o->text, code, strlen(code), 0);
	by_whom(o, b, code);
}

static void why(struct out *o, const json_t *b, size_t width)
{
	static const struct lb_field since = { .key = "since", .kind = LB_FIELD_TIME };
	const json_t *reasons = json_object_get(b, "reasons");
	const char *name = lb_proto_str(b, "backend"), *state = lb_proto_str(b, "state");
	lb_text_printf(&o->text, "  %s%*s  ", name, (int)(width - strlen(name)), "");
	if (state)
		out_word(o, state, &o->text);
	if (json_object_get(b, "since"))
		lb_text_puts(&o->text, " ");
	columns_cell(&since, b, &o->look, &o->text);
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const char *code = json_string_value(json_array_get(reasons, i));
		lb_text_puts(&o->text, i ? "; " : ": ");
		if (code)
			one_reason(o, b, code);
	}
	lb_text_puts(&o->text, "\n");
}

/* Names on the wire are checked by nobody but lbd: one that is none is left to the table above. */
static bool told(const json_t *b)
{
	const char *name = lb_proto_str(b, "backend");
	return name && lb_name_ok(name, strlen(name)) && json_array_size(json_object_get(b, "reasons"));
}

void out_why_members(struct out *o, const json_t *members)
{
	size_t width = 0, n = 0;
	for (size_t i = 0; i < json_array_size(members); i++) {
		const json_t *b = json_array_get(members, i);
		size_t w = told(b) ? strlen(lb_proto_str(b, "backend")) : 0;
		width = w > width ? w : width;
		n += told(b);
	}
	lb_text_puts(&o->text, n ? "\n" : "");
	for (size_t i = 0; n && i < json_array_size(members); i++)
		if (told(json_array_get(members, i)))
			why(o, json_array_get(members, i), width);
}
