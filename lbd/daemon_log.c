/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events: one record and one line per change of state, `kind/name: old -> new (reason, key=value)`. The record goes to
 * memory and from there to who watches; the line to the log, which gets a count instead when 10,000 backends flap. */
#include "common/buf.h"
#include "common/clock_io.h"
#include "common/log_io.h"
#include "common/text.h"
#include "lbd/check/check_fsm.h"
#include "lbd/ctl/ctl_alarm.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_watch.h"
#include "lbd/daemon.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINES_PER_WINDOW 20
#define WINDOW_US        1000000

/* A window per event. */
static struct {
	struct lb_time from;
	uint32_t lines, held;
	enum lb_log_level worst; /* of what was held: where only warnings are kept, the count of them is one */
} windows[LB_EVENT_COUNT];

static void window_close(unsigned i)
{
	if (windows[i].held)
		lb_log(windows[i].worst, "%u more %s in the last second", windows[i].held, lb_events[i].name);
	windows[i].held = windows[i].lines = 0;
	windows[i].worst = LB_LOG_DEBUG;
}

static bool allowed(enum lb_log_level level, enum lb_event_id i, struct lb_time now)
{
	if (lb_time_diff_us(now, windows[i].from) > WINDOW_US) {
		window_close(i);
		windows[i].from = now;
	}
	if (windows[i].lines < LINES_PER_WINDOW) {
		windows[i].lines++;
		return true;
	}
	windows[i].held++;
	if (level < windows[i].worst)
		windows[i].worst = level;
	return false;
}

/* ---- alarms that come or go without a word ---- */

static void look_for_alarms(struct daemon *d)
{
	struct ctl_alarm_news news;
	json_t *raised = ctl_alarms(&d->env);
	while (raised && ctl_alarm_next(d->alarms, raised, &news))
		daemon_event(d,
			&(struct event){ .id = news.on ? LB_EVENT_ALARM_RAISED : LB_EVENT_ALARM_CLEARED,
				.old = news.on ? "clear" : "raised",
				.new = news.on ? "raised" : "clear",
				.reason = news.name },
			"%s", news.line);
	json_decref(raised);
}

void daemon_log_tick(struct daemon *d, struct lb_time now)
{
	look_for_alarms(d);
	for (unsigned i = 0; i < LB_EVENT_COUNT; i++)
		if (lb_time_diff_us(now, windows[i].from) > WINDOW_US)
			window_close(i);
}

/* ---- one event ---- */

static void field(struct lb_text *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	lb_text_puts(out, key);
	lb_text_puts(out, "=");
	lb_text_escape(out, value, strlen(value), 512);
	lb_text_puts(out, "\n");
}

static void write_line(const struct event *e, uint64_t seq, const char *line)
{
	char object[EVENT_OBJECT_MAX];
	struct lb_text fields = LB_TEXT_INIT;
	lb_text_printf(&fields, "MESSAGE_ID=%s\nLBD_SEQ=%llu\n", lb_events[e->id].id, (unsigned long long)seq);
	field(&fields, "LBD_EVENT", lb_events[e->id].name);
	field(&fields, "LBD_OBJECT", event_object(e, line, object));
	field(&fields, "LBD_OLD", e->old);
	field(&fields, "LBD_NEW", e->new);
	field(&fields, "LBD_REASON", e->reason);
	field(&fields, "LBD_USER", e->user);
	lb_log_fields(event_level(e), fields.bad ? NULL : fields.s, line);
	lb_text_done(&fields);
}

static void note_alarm(struct daemon *d, const struct event *e, const char *line)
{
	char object[EVENT_OBJECT_MAX];
	if (e->id == LB_EVENT_ALARM_RAISED || e->id == LB_EVENT_ALARM_CLEARED)
		(void)ctl_alarm_told(
			d->alarms, e->reason, event_object(e, line, object), e->id == LB_EVENT_ALARM_RAISED);
}

void daemon_event(struct daemon *d, const struct event *e, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	const struct event_stamp at = { events_next(d->events), lb_clock_wall_ms(), lb_clock_now(), d->node };
	enum lb_log_level level = event_level(e);
	if (lb_log_wants(level, line) && allowed(level, e->id, at.now))
		write_line(e, at.seq, line);
	note_alarm(d, e, line);
	events_add(d->events, e->id, at.now, event_text(e, line, &at));
	d->watched = true;
}

void daemon_event_line(struct daemon *d, const struct model_line *l, json_t *data)
{
	daemon_event(d,
		&(struct event){ .id = l->event,
			.level = l->level,
			.old = l->old,
			.new = l->new,
			.reason = l->reason,
			.data = data },
		"%s", l->text);
}

void daemon_event_worker(struct daemon *d, const struct worker *w, const struct worker_news *news)
{
	daemon_event(d,
		&(struct event){ .id = news->up ? LB_EVENT_WORKER_STARTED : LB_EVENT_WORKER_EXITED,
			.level = news->level,
			.old = news->up ? "down" : "up",
			.new = news->up ? "up" : "down",
			.reason = news->why,
			.data = json_pack("{s:i, s:I}", "pid", (int)news->pid, "start", (json_int_t)w->starts) },
		"worker/%s: %s", w->row->name, news->text);
}

void daemon_events_turn(struct daemon *d)
{
	if (d->watched)
		ctl_watches_wake(d->watches);
	if (d->watching_ends)
		ctl_watches_end(d->watches);
	d->watched = d->watching_ends = false;
}

/* ---- services and backends ---- */

static void put_check(json_t *data, const struct model_target *t)
{
	char counter[CHECK_COUNTER_STRLEN];
	check_counter_str(t->n, t->check->spec.rise, t->check->spec.fall, t->up, ' ', counter);
	ctl_put(data, "check", json_string(t->check->name));
	ctl_put(data, "code", json_string(check_codes[t->code].name));
	if (t->text)
		ctl_put(data, "text", json_string(t->text));
	ctl_put(data, "counter", json_string(counter));
	ctl_put(data, "latency", json_real(t->latency_us / 1e6));
}

static void log_backend(struct daemon *d, const struct model_change *ch)
{
	const struct model_backend *b = &ch->m->backends[ch->backend];
	const char *service = ch->m->services[ch->service].cfg->name, *reason = model_reason_first(b->reasons);
	if (ch->old_state == ch->new_state) {
		json_t *data =
			json_pack("{s:I, s:I}", "old", (json_int_t)ch->old_weight, "new", (json_int_t)ch->new_weight);
		daemon_event(d, &(struct event){ .id = LB_EVENT_BACKEND_WEIGHT, .reason = reason, .data = data },
			"backend/%s/%s: weight %u -> %u", service, b->cfg->name, ch->old_weight, ch->new_weight);
		return;
	}
	char check[240] = "", counter[CHECK_COUNTER_STRLEN];
	const struct model_target *t = model_deciding_target(ch->m, ch->backend, lb_clock_now());
	bool says = t && ch->new_state <= MODEL_BACKEND_DOWN;
	bool was_out = ch->old_state == MODEL_BACKEND_DOWN || ch->old_state == MODEL_BACKEND_UNCHECKED;
	if (!reason[0] && says && was_out && ch->new_state == MODEL_BACKEND_UP)
		reason = "check_passed";
	if (says)
		snprintf(check, sizeof(check), "%scheck=%s code=%s%s%s%s %s latency=%.1fms", reason[0] ? ", " : "",
			t->check->name, check_codes[t->code].name, t->text ? " text=\"" : "", t->text ? t->text : "",
			t->text ? "\"" : "",
			check_counter_str(t->n, t->check->spec.rise, t->check->spec.fall, t->up, '=', counter),
			t->latency_us / 1e3);
	json_t *data = json_pack("{s:I}", "weight", (json_int_t)b->weight);
	if (says)
		put_check(data, t);
	bool admin = ch->old_state >= MODEL_BACKEND_DRAIN || ch->new_state >= MODEL_BACKEND_DRAIN;
	daemon_event(d,
		&(struct event){ .id = admin ? LB_EVENT_BACKEND_ADMIN : LB_EVENT_BACKEND_HEALTH,
			.level = ch->new_state == MODEL_BACKEND_DOWN ? LB_LOG_WARNING : LB_LOG_NOTICE,
			.old = model_backend_state_name(ch->old_state),
			.new = model_backend_state_name(ch->new_state),
			.reason = reason,
			.data = data },
		"backend/%s/%s: %s -> %s%s%s%s%s weight=%u", service, b->cfg->name,
		model_backend_state_name(ch->old_state), model_backend_state_name(ch->new_state),
		reason[0] || check[0] ? " (" : "", reason, check, reason[0] || check[0] ? ")" : "", b->weight);
}

void daemon_log_change(const struct model_change *ch, void *arg)
{
	struct daemon *d = arg;
	if (ch->backend != MODEL_NONE) {
		log_backend(d, ch);
		return;
	}
	const struct model_service *s = &ch->m->services[ch->service];
	daemon_event(d,
		&(struct event){ .id = LB_EVENT_SERVICE_STATUS,
			.level = ch->new_state == MODEL_SERVICE_DOWN || ch->new_state == MODEL_SERVICE_SORRY
					 ? LB_LOG_WARNING
					 : LB_LOG_NOTICE,
			.old = model_service_status_name(ch->old_state),
			.new = model_service_status_name(ch->new_state),
			.data = json_pack("{s:I, s:I}", "in_pool", (json_int_t)s->in_pool, "backends",
				(json_int_t)s->cfg->n_backends) },
		"service/%s: %s -> %s (%u of %u backends in the pool)", s->cfg->name,
		model_service_status_name(ch->old_state), model_service_status_name(ch->new_state), s->in_pool,
		s->cfg->n_backends);
}

void daemon_log_check(struct daemon *d, const struct history_record *r)
{
	char at[LB_ENDPOINT_STRLEN];
	const char *was = history_state_name((enum history_state)r->old_state),
		   *is = history_state_name((enum history_state)r->new_state), *code = check_codes[r->result.code].name;
	lb_endpoint_str(&r->addr, r->port, at);
	json_t *data = json_pack("{s:s, s:s, s:f}", "target", at, "code", code, "latency", r->result.latency_us / 1e6);
	if (r->result.text[0])
		ctl_put(data, "text", json_string(r->result.text));
	daemon_event(d,
		&(struct event){ .id = LB_EVENT_CHECK_CHANGED, .old = was, .new = is, .reason = code, .data = data },
		"check/%s: %s: %s -> %s (%s%s%s%s)", r->check, at, was, is, code, r->result.text[0] ? " text=\"" : "",
		r->result.text, r->result.text[0] ? "\"" : "");
}
