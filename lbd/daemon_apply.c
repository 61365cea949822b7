/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a configuration change: read, load in slices, then either compare (config diff) or store as a generation,
 * swap the model and let the dirty services reach the kernel. Until the swap nothing of what runs has been touched;
 * the answer comes when the kernel has it.
 */
#include "lbd/daemon_apply.h"
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_rooms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOAD_BUDGET  2000 /* nodes or keys between two looks at the clock */
#define REFUSED_TOLD 50   /* of the kernel, in one answer; the count is exact */
#define HIDDEN_TOLD  2    /* by overrides, in the answer; its rows have all */

/* ---- answers ---- */

json_t *daemon_apply_finding(const struct config_error *e)
{
	json_t *row = json_pack("{s:s, s:s, s:i, s:i, s:s, s:s}", "severity", e->warning ? "warning" : "error", "file",
		e->file ? e->file : "", "line", (int)e->line, "column", (int)e->column, "message", e->text, "path",
		e->path ? e->path : "");
	if (row && e->help && e->help[0])
		json_object_set_new(row, "hint", json_string(e->help));
	return row;
}

json_t *daemon_apply_summary(const struct daemon_apply *a)
{
	return json_pack("{s:i, s:i, s:i}", "add", (int)a->changes[CONFIG_CHANGE_ADD], "change",
		(int)a->changes[CONFIG_CHANGE_CHANGE], "remove", (int)a->changes[CONFIG_CHANGE_REMOVE]);
}

static void apply_free(struct daemon *d)
{
	struct daemon_apply *a = d->apply;
	d->apply = NULL;
	if (!a)
		return;
	if (d->reload_due)
		daemon_more(d);
	config_load_free(a->load);
	daemon_text_done(&a->text);
	daemon_vrrp_unprepare(d);
	free(a);
}

void daemon_apply_finish(struct daemon *d, enum lb_code code, const char *text, json_t *extra)
{
	struct ctl_reply *r = d->apply->reply;
	bool back = d->apply->kind == CTL_BACK, runs = d->apply->runs;
	d->apply->reply = NULL;
	apply_free(d);
	if (back && !d->stopping)
		daemon_life_loaded(d, !runs, text);
	if (r)
		ctl_reply_end(r, code, text, extra);
	else
		json_decref(extra);
}

/* A line of the file, or a value of a check, may be a password; who may only look asks for `peer diff`. */
static bool may_see(const struct daemon_apply *a)
{
	return a->who.level == CTL_LEVEL_ADMIN;
}

/* Every finding as people see it, and as a row for programs. Returns the number of errors. */
static size_t report_findings(
	const struct daemon_apply *a, struct lb_text *text, json_t *rows, char *first, size_t size)
{
	size_t n = 0, more = 0, errors = 0;
	const struct config_error *errs = a->load ? config_load_errors(a->load, &n, &more) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct config_error e = errs[i];
		if (!e.warning && errors++ == 0)
			snprintf(first, size, "%s:%u:%u: %s", e.file, e.line, e.column, e.text);
		if (!may_see(a))
			e.excerpt = "";
		config_error_print(&e, text);
		json_array_append_new(rows, daemon_apply_finding(&e));
	}
	if (more)
		lb_text_printf(text, "%zu more errors\n", more);
	return errors + more;
}

/* What status says of the file is of no other text, also not of what the file was before, and not of a disk that takes
 * nothing. */
static void note_reject(struct daemon *d, enum lb_code code, const char *first, size_t errors)
{
	if (d->apply->own_file) {
		free(d->last_reject);
		d->last_reject = code == LB_CODE_INVALID ? strdup(first) : NULL;
		daemon_life_offered(d);
	}
	daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_REJECTED, .user = d->apply->who.user },
		"config: rejected: %s (%zu error%s); generation %u is still running", first, errors,
		errors == 1 ? "" : "s", d->generation);
	daemon_env_refresh(d);
}

/* The caller may be gone; then the log is the only one who hears of it. */
void daemon_apply_reject(struct daemon *d, enum lb_code code, const char *why)
{
	struct daemon_apply *a = d->apply;
	struct lb_text text = LB_TEXT_INIT;
	json_t *rows = json_array();
	char first[700];
	snprintf(first, sizeof(first), "%s", why);
	size_t errors = report_findings(a, &text, rows, first, sizeof(first));
	if (errors)
		lb_text_printf(&text, "%zu error%s. ", errors, errors == 1 ? "" : "s");
	else
		lb_text_printf(&text, "%s. ", why);
	lb_text_printf(&text, "Nothing was applied; generation %u is still running.", d->generation);
	if (a->kind == CTL_APPLY || a->kind == CTL_RELOAD)
		note_reject(d, code, first, errors ? errors : 1);
	json_t *extra = NULL;
	if (errors)
		extra = json_pack("{s:o}", "errors", rows);
	else
		json_decref(rows);
	daemon_apply_finish(d, code, text.s ? text.s : why, extra);
	lb_text_done(&text);
}

/* The value is set, and something else holds: told with the change, and in the answer. */
static void note_hidden(struct daemon_apply *a, const struct config_change *ch, json_t *row)
{
	char note[120];
	size_t at = strlen(a->hidden);
	const struct override_item *it = overrides_hide(a->overrides, ch->object, ch->key);
	if (!it)
		return;
	snprintf(note, sizeof(note), "hidden by an override of %.80s", it->by);
	json_object_set_new(row, "note", json_string(note));
	if (a->n_hidden++ < HIDDEN_TOLD)
		snprintf(a->hidden + at, sizeof(a->hidden) - at, "%s%s %s", at ? ", " : "", ch->object, ch->key);
}

void daemon_apply_change(const struct config_change *ch, void *arg)
{
	struct daemon_apply *a = arg;
	static const char *const words[] = { "add", "change", "remove" };
	a->changes[ch->op]++;
	if (!a->reply)
		return;
	bool hide = ch->secret && !may_see(a);
	json_t *row = json_pack("{s:s, s:s}", "op", words[ch->op], "object", ch->object);
	if (row && ch->key && ch->key[0])
		json_object_set_new(row, "key", json_string(ch->key));
	if (row && ch->before[0])
		json_object_set_new(row, "before", json_string(hide ? CONFIG_HIDDEN : ch->before));
	if (row && ch->after[0])
		json_object_set_new(row, "after", json_string(hide ? CONFIG_HIDDEN : ch->after));
	note_hidden(a, ch, row);
	ctl_reply_row(a->reply, row);
}

/* ---- applying ---- */

static void log_warnings(const struct daemon_apply *a)
{
	size_t n, more;
	const struct config_error *errs = config_load_errors(a->load, &n, &more);
	for (size_t i = 0; i < n; i++)
		lb_log(LB_LOG_WARNING, "%s:%u:%u: %s", errs[i].file, errs[i].line, errs[i].column, errs[i].text);
}

#define ONLY_KEYS                                                                                                      \
	"only keys are different, in files of their own, and those do not go back: `lbctl daemon reload` takes them "  \
	"up, on each node"

/* Not a letter is different. Else this is the word that was missing, and is stored. */
static bool is_same(const struct daemon *d)
{
	const struct daemon_apply *a = d->apply;
	return daemon_text_hash(&a->text) == d->config_hash && d->generation && a->kind != CTL_BACK && !d->unsure &&
	       !d->nowhere;
}

/* What takes up the cluster's key closes the link over which both nodes agree. */
const char *daemon_apply_not_on_both(const struct daemon *d, const struct config *c)
{
	bool same_file;
	if (daemon_vrrp_new_keys(d, c, &same_file) && is_same(d))
		return ONLY_KEYS;
	if (!daemon_cluster_new_key(d))
		return NULL;
	return same_file ? "the cluster has another key in its file, and what takes it up closes the link: `lbctl "
			   "daemon reload` with the old text, on each node"
			 : "the cluster has another key in its new file, and what takes it up closes the link: apply "
			   "it on each node without --both";
}

/* The same text on trial would go back to itself. */
static bool cannot_be_tried(const struct daemon *d, char *text, size_t size)
{
	bool stuck = d->life.life.phase == LIFE_STUCK; /* and it is not kept unless somebody says so */
	if (stuck)
		snprintf(text, size,
			"generation %u is that already, and is rolled back; to keep it, apply it without --confirm and "
			"--both",
			d->generation);
	else
		snprintf(text, size, ONLY_KEYS);
	return stuck || d->apply->new_keys;
}

/* Keys of VRRP and of the cluster may be different, which are in files of their own. */
static void take_same(struct daemon *d)
{
	struct daemon_apply *a = d->apply;
	char text[640], new[80] = "";
	bool cluster, both = a->held || (a->both && a->new_keys);
	if ((a->confirm_ms || both) && cannot_be_tried(d, text, sizeof(text))) {
		daemon_apply_finish(d, LB_CODE_REFUSED, text, NULL);
		return;
	}
	uint32_t keys = daemon_vrrp_keys(d, &cluster);
	const struct life_event same = { .type = LIFE_EVENT_SAME };
	struct lb_err said = daemon_life_step(d, &same);
	d->life.note[0] = '\0';
	d->fallback = false;
	free(d->last_reject);
	d->last_reject = NULL;
	daemon_file_remember(d, &a->text, a->own_file);
	if (keys)
		snprintf(new, sizeof(new), "new keys of %u VRRP instance%s%s", keys, keys == 1 ? "" : "s",
			cluster ? " and of the cluster" : "");
	else if (cluster)
		snprintf(new, sizeof(new), "a new key of the cluster");
	if (!said.code && !said.text[0])
		lb_err_set(&said, LB_CODE_OK, "generation %u is running", d->generation);
	snprintf(text, sizeof(text), "nothing changed; %s%s%s", said.text, new[0] ? ", with " : "", new);
	if (new[0])
		daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_APPLIED, .user = a->who.user },
			"config/%u: %s, by %s", d->generation, new, a->who.user);
	daemon_env_refresh(d);
	daemon_apply_finish(d, said.code, text, json_pack("{s:i, s:b}", "writes", 0, "changed", keys != 0 || cluster));
}

/* The number under which it runs from now on. 0, or -1 and *e: nothing is different. */
static int take_number(struct daemon *d, struct lb_err *e)
{
	struct daemon_apply *a = d->apply;
	bool pending = a->confirm_ms || a->held;
	d->life.trial = pending;
	if (a->kind == CTL_BACK) {
		d->generation = a->back_to;
		return 0;
	}
	if (pending && daemon_life_may_pend(d, e))
		return -1;
	return daemon_generation_store(d, &a->text, &a->who, a->message, pending, e);
}

static void tell_taken(struct daemon *d)
{
	const struct daemon_apply *a = d->apply;
	const struct life *l = &d->life.life;
	char text[LB_DURATION_STRLEN], left[40] = "";
	json_t *data = json_pack("{s:I, s:I, s:I}", "added", (json_int_t)a->changes[0], "changed",
		(json_int_t)a->changes[1], "removed", (json_int_t)a->changes[2]);
	daemon_event(d, &(struct event){ .id = LB_EVENT_CONFIG_APPLIED, .user = a->who.user, .data = data },
		"config/%u: applied by %s (%u added, %u changed, %u removed)", d->generation, a->who.user,
		a->changes[0], a->changes[1], a->changes[2]);
	if (l->phase != LIFE_PENDING)
		return;
	if (a->confirm_ms)
		snprintf(left, sizeof(left), " in %s", lb_duration_str(a->confirm_ms, text));
	daemon_event(d,
		&(struct event){ .id = LB_EVENT_CONFIG_PENDING,
			.user = a->who.user,
			.new = "pending",
			.data = json_pack(
				"{s:I, s:f}", "base", (json_int_t)l->base, "left", (double)a->confirm_ms / 1e3) },
		"config/%u: goes back to %u%s unless it is confirmed", d->generation, l->base, left);
}

static void taken(struct daemon *d)
{
	struct daemon_apply *a = d->apply;
	const struct life_event ev = { .type = LIFE_EVENT_TAKEN,
		.number = d->generation,
		.confirm_ms = a->confirm_ms,
		.held = a->held,
		.both = a->both };
	a->runs = true;
	free(d->last_reject);
	d->last_reject = NULL;
	if (a->kind == CTL_BACK) {
		daemon_generation_forget(d);
		return;
	}
	d->fallback = false;
	(void)daemon_life_step(d, &ev);
	daemon_life_tick(d); /* its deadline is armed */
	d->life.note[0] = '\0';
	tell_taken(d);
}

/* It was stored, and does not run. */
static void not_taken(struct daemon *d, uint32_t before, const char *why)
{
	struct lb_err e;
	uint32_t number = d->generation;
	d->generation = before;
	d->apply->to_kernel = false;
	if (d->apply->kind != CTL_BACK)
		(void)daemon_generation_mark(d, number, GENERATION_FAILED, why, &e);
	daemon_apply_reject(d, LB_CODE_FAILED, why);
}

static void trace_taken(struct daemon *d)
{
	const struct daemon_apply *a = d->apply;
	char object[TRACE_OBJECT];
	struct lb_time now = lb_clock_now();
	snprintf(object, sizeof(object), "config/%u", d->generation);
	traces_open(d->traces, TRACE_CONFIG, object, lb_time_span_us(a->asked, a->loaded),
		lb_time_span_us(a->loaded, now), now, lb_clock_wall_ms());
}

static void take(struct daemon *d, struct config *c)
{
	struct daemon_apply *a = d->apply;
	struct lb_err e;
	bool cluster;
	uint32_t before = d->generation;
	if (daemon_vrrp_prepare(d, c, &e)) {
		config_free(c);
		daemon_apply_reject(d, e.code, e.text);
		return;
	}
	if (a->text.unread.n)
		lb_log_report(a->text.unread.s, a->text.unread.n);
	a->new_keys = daemon_vrrp_new_keys(d, c, &cluster);
	const char *why = a->both ? daemon_apply_not_on_both(d, c) : NULL; /* written since it was checked */
	if (is_same(d)) {
		config_free(c);
		take_same(d);
		return;
	}
	if (why) {
		config_free(c);
		daemon_apply_reject(d, LB_CODE_REFUSED, why);
		return;
	}
	log_warnings(a);
	if (config_diff(d->model->config, c, daemon_apply_change, a) < 0) {
		config_free(c);
		daemon_apply_reject(d, LB_CODE_FAILED, "out of memory");
		return;
	}
	if (take_number(d, &e)) {
		config_free(c);
		daemon_apply_reject(d, LB_CODE_FAILED, e.text);
		return;
	}
	daemon_overrides_lost(d, c, &a->lost);
	d->refused_in_apply = 0;
	a->writes_before = ipvs_counters(d->ipvs)->writes;
	a->to_kernel = true;
	if (daemon_model_swap(d, c)) {
		not_taken(d, before, "out of memory");
		return;
	}
	daemon_file_remember(d, &a->text, a->own_file);
	taken(d);
	trace_taken(d);
}

/* Behind an answer: what of it does not hold. */
static void put_notes(const struct daemon *d, char *out, size_t size)
{
	const struct daemon_apply *a = d->apply;
	const struct life *l = &d->life.life;
	char more[40] = "", absent[240];
	size_t at = 0;
	out[0] = '\0';
	daemon_cards_note(d->model->config, absent, sizeof(absent));
	if (a->n_hidden > HIDDEN_TOLD)
		snprintf(more, sizeof(more), " and %u more", a->n_hidden - HIDDEN_TOLD);
	if (a->n_hidden)
		at = (size_t)snprintf(out, size, "; hidden by overrides: %s%s", a->hidden, more);
	if (a->lost.text[0] && at < size)
		at += (size_t)snprintf(out + at, size - at, "; overrides %s, since " DAEMON_LOST_WHY ": %s",
			l->phase == LIFE_PENDING ? "without effect, and dropped by a confirm" : "dropped",
			a->lost.text);
	if (absent[0] && at < size)
		at += (size_t)snprintf(out + at, size - at, "; %s", absent);
	if (l->phase == LIFE_PENDING && a->new_keys && at < size)
		snprintf(out + at, size - at, "; new keys stay when it goes back, as their files do");
}

/* The same, and until when it is to be confirmed; of both nodes that is said by who leads (daemon_both.c), which is
 * given what it needs in *extra. Takes extra. */
static json_t *put_more(const struct daemon *d, char *out, size_t size, json_t *extra)
{
	const struct life *l = &d->life.life;
	char text[LB_DURATION_STRLEN];
	put_notes(d, out, size);
	if (d->apply->both && out[0] && (extra || (extra = json_object())))
		json_object_set_new(extra, "notes", json_string(out));
	size_t at = strlen(out);
	if (l->phase == LIFE_PENDING && l->confirm_ms)
		snprintf(out + at, size - at, "; it goes back to %u in %s unless you say: lbctl config confirm",
			l->base, lb_duration_str(l->confirm_ms, text));
	return extra;
}

void daemon_apply_kernel_done(struct daemon *d)
{
	struct daemon_apply *a = d->apply;
	if (!a || !a->to_kernel)
		return;
	char text[1300];
	uint64_t writes = ipvs_counters(d->ipvs)->writes - a->writes_before;
	uint32_t *n = a->changes;
	int at = snprintf(text, sizeof(text),
		"generation %u is running: %u added, %u changed, %u removed; %llu kernel writes", d->generation, n[0],
		n[1], n[2], (unsigned long long)writes);
	if (d->refused_in_apply)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "; the kernel refused %llu (lbctl status)",
			(unsigned long long)d->refused_in_apply);
	json_t *extra = json_pack("{s:I, s:b, s:o, s:I}", "writes", (json_int_t)writes, "changed", 1, "summary",
		daemon_apply_summary(a), "refused", (json_int_t)d->refused_in_apply);
	extra = put_more(d, text + at, sizeof(text) - (size_t)at, extra);
	daemon_apply_finish(d, d->refused_in_apply ? LB_CODE_FAILED : LB_CODE_OK, text, extra);
}

void daemon_apply_refused(struct daemon *d, const char *service, const char *op, const char *why)
{
	struct daemon_apply *a = d->apply;
	char object[80], note[480];
	d->refused_in_apply++;
	if (!a || !a->to_kernel || !a->reply || d->refused_in_apply > REFUSED_TOLD)
		return;
	snprintf(object, sizeof(object), "service/%s", service);
	snprintf(note, sizeof(note), "%s (%s)", why, op);
	ctl_reply_row(a->reply, json_pack("{s:s, s:s, s:s}", "op", "refused", "object", object, "note", note));
}

void daemon_apply_kernel_failed(struct daemon *d, int err)
{
	char text[1300];
	if (!d->apply || !d->apply->to_kernel)
		return;
	int at = snprintf(text, sizeof(text),
		"generation %u is running, but it is not in the kernel yet: %s; lbd goes on trying", d->generation,
		err == -ENOPROTOOPT ? "this kernel has no IPVS (modprobe ip_vs)" : strerror(-err));
	json_t *extra = put_more(d, text + at, sizeof(text) - (size_t)at, NULL);
	daemon_apply_finish(d, LB_CODE_FAILED, text, extra);
}

/* A moment is not long, and who sends a signal cannot say it again: of one that waits for a confirm it is refused. */
static void reload_due(struct daemon *d)
{
	const struct ctl_apply what = { .kind = CTL_RELOAD, .fd = -1, .message = "SIGHUP" };
	if (!d->reload_due || d->apply || life_is_moment(&d->life.life))
		return;
	d->reload_due = false;
	daemon_apply_start(d, &what, NULL, NULL);
}

bool daemon_apply_turn(struct daemon *d)
{
	reload_due(d);
	struct daemon_apply *a = d->apply;
	if (!a || a->to_kernel)
		return false;
	struct lb_time from = lb_clock_now();
	while (lb_time_diff_us(lb_clock_now(), from) < SLICE_US) {
		if (config_load_step(a->load, LOAD_BUDGET) > 0)
			continue;
		struct config *c = config_load_take(a->load);
		a->loaded = lb_clock_now();
		if (!c)
			daemon_apply_reject(d, LB_CODE_INVALID, "invalid configuration");
		else if (a->kind == CTL_DIFF)
			daemon_apply_compare(d, c);
		else
			take(d, c);
		return false;
	}
	return true;
}

/* ---- starting ---- */

static void client_gone(void *arg)
{
	struct daemon *d = arg;
	if (d->apply)
		d->apply->reply = NULL; /* the change goes on: who asked for it may have lost only the connection */
}

void daemon_apply_start(struct daemon *d, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r)
{
	struct daemon_text none = { 0 };
	daemon_apply_text(d, what, &none, who, r);
}

/* No rule that is newer than the text closes the way back, keeps what runs from being read again for its keys, or from
 * being compared with what ran before or runs on the other node. */
static struct config_load *load_new(const struct daemon *d, const struct daemon_apply *a)
{
	struct config_load *l = config_load_new(a->text.sources.v, a->text.sources.n, d->node);
	if (l && (!a->applicable || daemon_text_hash(&a->text) == d->config_hash))
		config_load_ran(l);
	return l;
}

void daemon_apply_text(struct daemon *d, const struct ctl_apply *what, struct daemon_text *text,
	const struct ctl_peer *who, struct ctl_reply *r)
{
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	int no = 0;
	if (d->stopping)
		no = lb_err_set(&e, LB_CODE_REFUSED, "the daemon is stopping");
	else if (d->apply)
		no = lb_err_set(&e, LB_CODE_REFUSED, "another configuration is being loaded: try again in a moment");
	else if (what->kind == CTL_APPLY || what->kind == CTL_RELOAD)
		no = daemon_life_may_apply(d, &e);
	struct daemon_apply *a = no ? NULL : calloc(1, sizeof(*a));
	if (!a) {
		if (r)
			ctl_reply_error(r, &e);
		else
			lb_log(LB_LOG_WARNING, "config: not loaded: %s", e.text);
		if (what->kind == CTL_BACK)
			daemon_life_loaded(d, true, e.text);
		if (what->fd >= 0)
			close(what->fd);
		daemon_text_done(text);
		return;
	}
	a->asked = lb_clock_now();
	a->text = *text;
	*text = (struct daemon_text){ 0 };
	a->changes[CONFIG_CHANGE_CHANGE] = what->changes;
	a->kind = what->kind;
	a->with_ops = what->with_ops;
	a->applicable = !what->theirs && !(what->fd < 0 && what->generation);
	a->held = what->held;
	a->both = what->both;
	a->confirm_ms = what->confirm_ms;
	a->back_to = what->generation;
	a->reply = r;
	if (who)
		a->who = *who;
	else
		snprintf(a->who.user, sizeof(a->who.user), "signal");
	snprintf(a->message, sizeof(a->message), "%s", what->message ? what->message : "");
	a->overrides = d->overrides;
	d->apply = a;
	bool given = a->text.sources.n > 0;
	int err = given ? 0 : daemon_text_meant(d, what, &a->text, &e);
	a->own_file = !given && what->fd < 0 && !what->generation;
	if (!err) {
		a->load = load_new(d, a);
		if (!a->load)
			err = lb_err_set(&e, LB_CODE_FAILED, "out of memory");
	}
	if (err) {
		daemon_apply_reject(d, e.code, e.text);
		return;
	}
	if (r)
		ctl_reply_hold(r, client_gone, d);
	daemon_more(d);
}

void daemon_apply_cancel(struct daemon *d)
{
	if (d->apply)
		daemon_apply_finish(d, LB_CODE_FAILED, "the daemon is stopping", NULL);
}
