/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one screen: what runs, how much of it is well, then only what is not.
 *
 *   [why another configuration runs than was applied last, or how long it waits for a confirm]
 *   lb-a  generation 17  up 12d 4h  lbd 1.0.0
 *   services 41 up, 1 degraded      backends 118 up, 1 down      alarms 0
 *   vrrp  wan4 master  lan4 fault (link_down)
 *   peer  lb-b up, 2 paths, same configuration
 *   sync  flows in sync, lag 0.1 s
 *     backend web/app3  down 4m12s  L4CON  connection refused  fall 3/3
 */
#include "common/proto.h"
#include "common/text.h"
#include "lbctl/out.h"

#include <string.h>

static void text_of(struct lb_text *out, const json_t *row, const char *key, const char *before)
{
	const char *s = lb_proto_str(row, key);
	if (!s || !*s)
		return;
	lb_text_puts(out, before);
	lb_text_escape(out, s, strlen(s), 0);
}

static void warning(struct out *o, const char *word)
{
	lb_text_puts(&o->text, o->look.colour ? columns_colour("degraded") : "");
	lb_text_puts(&o->text, word);
	lb_text_puts(&o->text, o->look.colour ? COLUMNS_RESET : "");
}

static void note(struct out *o, const json_t *row)
{
	const char *s = lb_proto_str(json_object_get(row, "config"), "note");
	if (!s)
		return;
	lb_text_puts(&o->text, o->look.colour ? columns_colour("degraded") : "");
	out_wrap(&o->text, s, 0, 2);
	lb_text_puts(&o->text, o->look.colour ? COLUMNS_RESET "\n" : "\n");
}

static void head(struct out *o, const json_t *row)
{
	struct lb_text *out = &o->text;
	long long generation = lb_proto_int(row, "generation", 0);
	text_of(out, row, "node", "");
	if (generation)
		lb_text_printf(out, "  generation %lld", generation);
	else
		lb_text_puts(out, "  no configuration");
	lb_text_puts(out, "  up ");
	columns_duration(json_number_value(json_object_get(row, "uptime")), out);
	text_of(out, row, "version", "  lbd ");
	if (!lb_proto_bool(row, "ready", 1)) {
		lb_text_puts(out, "  ");
		warning(o, "not ready yet");
	}
	lb_text_puts(out, "\n");
}

/* After an upgrade of the package the old daemon runs on until somebody restarts it. Which package the other node has
 * is not known here. */
static void version_line(struct out *o, const json_t *row)
{
	const char *runs = lb_proto_str(row, "version");
	if (!runs || !o->installed || o->opt->peer || strcmp(runs, o->installed) == 0)
		return;
	warning(o, "running ");
	lb_text_escape(&o->text, runs, strlen(runs), 32);
	lb_text_printf(&o->text, ", installed %s: restart pending (lbctl daemon restart)\n", o->installed);
}

/* Words in the order in which the daemon names them; what is 0 is left out, except that nothing at all is "0". */
static void counts(struct out *o, const json_t *row, const char *key)
{
	json_t *obj = json_object_get(row, key);
	bool any = false;
	lb_text_printf(&o->text, "%s ", key);
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
		long long n = json_integer_value(json_object_iter_value(it));
		if (n == 0)
			continue;
		lb_text_printf(&o->text, "%s%lld ", any ? ", " : "", n);
		out_word(o, json_object_iter_key(it), &o->text);
		any = true;
	}
	lb_text_puts(&o->text, any ? "" : "0");
}

#define ALARM_INDENT 8u

static void totals(struct out *o, const json_t *row)
{
	long long overrides = lb_proto_int(row, "overrides", 0);
	size_t alarms = json_array_size(json_object_get(row, "alarms"));
	counts(o, row, "services");
	lb_text_puts(&o->text, "      ");
	counts(o, row, "backends");
	if (overrides)
		lb_text_printf(&o->text, "      overrides %lld*", overrides);
	lb_text_printf(&o->text, "      alarms %zu\n", alarms);
	for (size_t i = 0; i < alarms; i++) {
		const char *alarm = json_string_value(json_array_get(json_object_get(row, "alarms"), i));
		lb_text_puts(&o->text, "  ");
		out_word(o, "alarm", &o->text);
		lb_text_puts(&o->text, " ");
		out_wrap(&o->text, alarm ? alarm : "", ALARM_INDENT, ALARM_INDENT);
		lb_text_puts(&o->text, "\n");
	}
}

#define VRRP_WIDTH 80u

/* Every instance with its role; what is no role is told with its cause. Lines are broken between instances. */
static void instances(struct out *o, const json_t *row)
{
	const json_t *list = json_object_get(row, "vrrp");
	size_t column = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		const char *name = lb_proto_str(v, "vrrp"), *state = lb_proto_str(v, "state");
		const char *cause = state && strcmp(state, "fault") == 0 ? lb_proto_str(v, "cause") : NULL;
		if (!name || !state)
			continue;
		size_t n = columns_width(name) + columns_width(state) + 3 + (cause ? columns_width(cause) + 3 : 0);
		if (column == 0 || column + n > VRRP_WIDTH) {
			lb_text_puts(&o->text, column ? "\n    " : "vrrp");
			column = 4;
		}
		column += n;
		lb_text_puts(&o->text, "  ");
		lb_text_escape(&o->text, name, strlen(name), 0);
		lb_text_puts(&o->text, " ");
		out_word(o, state, &o->text);
		if (cause) {
			lb_text_puts(&o->text, " (");
			lb_text_escape(&o->text, cause, strlen(cause), 0);
			lb_text_puts(&o->text, ")");
		}
	}
	lb_text_puts(&o->text, column ? "\n" : "");
}

/* One line for each of the other nodes. */
static void peers(struct out *o, const json_t *row)
{
	static const struct lb_field since = { .key = "since", .kind = LB_FIELD_TIME };
	const json_t *list = json_object_get(row, "peers");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		const char *state = lb_proto_str(p, "state"), *config = lb_proto_str(p, "configuration");
		long long all = lb_proto_int(p, "paths", 0), up = lb_proto_int(p, "paths_up", 0);
		text_of(&o->text, p, "peer", "peer  ");
		lb_text_puts(&o->text, " ");
		out_word(o, state ? state : "unknown", &o->text);
		if (json_object_get(p, "since")) {
			lb_text_puts(&o->text, " ");
			columns_cell(&since, p, &o->look, &o->text);
		}
		if (all && up == all)
			lb_text_printf(&o->text, ", %lld path%s", all, all == 1 ? "" : "s");
		else if (all) {
			lb_text_puts(&o->text, ", ");
			lb_text_puts(&o->text, o->look.colour ? columns_colour("degraded") : "");
			lb_text_printf(&o->text, "%lld of %lld paths", up, all);
			lb_text_puts(&o->text, o->look.colour ? COLUMNS_RESET : "");
		}
		if (config && strcmp(config, "same") == 0) {
			lb_text_puts(&o->text, ", same configuration");
		} else if (config) {
			lb_text_puts(&o->text, ", ");
			warning(o, "another configuration");
		}
		lb_text_puts(&o->text, "\n");
	}
}

static const struct {
	const char *state, *words;
} sync_words[] = { { "in-sync", "in sync" }, { "bulk", "being copied" }, { "down", "not copied" } };

/* What of the flows the other node has. */
static void sync_line(struct out *o, const json_t *row)
{
	const json_t *s = json_object_get(row, "sync"), *lag = json_object_get(s, "lag");
	const char *state = lb_proto_str(s, "state"), *words = state;
	long long all = lb_proto_int(s, "all", 0);
	if (!state)
		return;
	for (size_t i = 0; i < sizeof(sync_words) / sizeof(sync_words[0]); i++)
		if (strcmp(sync_words[i].state, state) == 0)
			words = sync_words[i].words;
	lb_text_puts(&o->text, "sync  flows ");
	lb_text_puts(&o->text, o->look.colour ? columns_colour(state) : "");
	lb_text_escape(&o->text, words, strlen(words), 0);
	lb_text_puts(&o->text, o->look.colour ? COLUMNS_RESET : "");
	if (strcmp(state, "down") == 0 && lb_proto_str(s, "reason")) {
		text_of(&o->text, s, "reason", " (");
		lb_text_puts(&o->text, "), see lbctl sync status");
	} else if (all) {
		lb_text_printf(&o->text, ", %lld of %lld", lb_proto_int(s, "done", 0), all);
	} else if (lag) {
		lb_text_printf(&o->text, ", lag %.1f s", json_number_value(lag));
	}
	lb_text_puts(&o->text, "\n");
}

static void problem(struct out *o, const json_t *b)
{
	static const struct lb_field since = { .key = "since", .kind = LB_FIELD_TIME };
	struct lb_text *out = &o->text;
	const char *state = lb_proto_str(b, "state");
	text_of(out, b, "service", "  backend ");
	text_of(out, b, "backend", "/");
	lb_text_puts(out, "  ");
	if (state)
		out_word(o, state, out);
	if (columns_overridden(b, "state"))
		lb_text_puts(out, "*");
	lb_text_puts(out, " ");
	columns_cell(&since, b, &o->look, out);
	text_of(out, b, "check", "  ");
	text_of(out, b, "check_text", "  ");
	text_of(out, b, "counter", "  ");
	const char *reason = lb_proto_str(b, "reason");
	if (reason && strcmp(reason, "check_failed") != 0)
		text_of(out, b, "reason", "  ");
	lb_text_puts(out, "\n");
}

static void file_line(struct out *o, const json_t *row)
{
	const json_t *file = json_object_get(row, "file");
	if (!lb_proto_bool(file, "differs", 0) && !lb_proto_str(file, "error"))
		return;
	warning(o, "  file");
	text_of(&o->text, file, "path", " ");
	if (lb_proto_str(file, "error"))
		text_of(&o->text, file, "error", " was not applied: ");
	else
		lb_text_puts(&o->text, " differs from what runs: see lbctl config diff");
	lb_text_puts(&o->text, "\n");
}

#define NOTE_INDENT 7u

static void findings(struct out *o, const json_t *row)
{
	const json_t *list = json_object_get(row, "findings");
	long long foreign = lb_proto_int(row, "foreign_services", 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *f = json_array_get(list, i);
		const char *object = lb_proto_str(f, "object"), *text = lb_proto_str(f, "text");
		warning(o, "  note");
		text_of(&o->text, f, "object", " ");
		lb_text_puts(&o->text, ": ");
		out_wrap(&o->text, text ? text : "", NOTE_INDENT + (object ? strlen(object) : 0) + 2, NOTE_INDENT);
		text_of(&o->text, f, "fix", "\n       mend it: "); /* one line, to be copied */
		lb_text_puts(&o->text, "\n");
	}
	if (foreign)
		lb_text_printf(&o->text, "  kernel services that are not ours: %lld (left alone)\n", foreign);
}

static void dead_workers(struct out *o, const json_t *row)
{
	const json_t *list = json_object_get(row, "workers");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *w = json_array_get(list, i);
		if (lb_proto_bool(w, "up", 1))
			continue;
		text_of(&o->text, w, "name", "  worker ");
		lb_text_puts(&o->text, "  ");
		out_word(o, "down", &o->text);
		lb_text_printf(&o->text, "  restarts %lld\n", lb_proto_int(w, "restarts", 0));
	}
}

static void status_row(struct out *o, const json_t *row)
{
	const json_t *problems = json_object_get(row, "problems");
	long long more = lb_proto_int(row, "problems_more", 0);
	note(o, row);
	head(o, row);
	version_line(o, row);
	totals(o, row);
	instances(o, row);
	peers(o, row);
	sync_line(o, row);
	for (size_t i = 0; i < json_array_size(problems); i++)
		problem(o, json_array_get(problems, i));
	if (more > 0)
		lb_text_printf(&o->text, "  and %lld more: see lbctl backend list\n", more);
	dead_workers(o, row);
	file_line(o, row);
	findings(o, row);
}

static void status_finish(struct out *o)
{
	(void)o;
}

const struct out_ops out_status_ops = { status_row, status_finish };
