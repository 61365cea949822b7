/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line per change of state: `kind/name: old -> new (reason, key=value)`. When 10,000 backends flap the log gets a
 * count instead. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/check/check_fsm.h"
#include "lbd/daemon.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINES_PER_WINDOW 20
#define WINDOW_US        1000000
#define NAMES_MAX        16

/* Names are few and static; a window per name. */
static struct {
	const char *name;
	struct lb_time from;
	uint32_t lines, held;
	enum lb_log_level worst; /* of what was held: where only warnings are kept, the count of them is one */
} windows[NAMES_MAX];

static void window_close(unsigned i)
{
	if (windows[i].held)
		lb_log(windows[i].worst, "%u more %s in the last second", windows[i].held, windows[i].name);
	windows[i].held = windows[i].lines = 0;
	windows[i].worst = LB_LOG_DEBUG;
}

static bool allowed(enum lb_log_level level, const char *name)
{
	struct lb_time now = lb_clock_now();
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		if (windows[i].name && strcmp(windows[i].name, name) != 0)
			continue;
		if (!windows[i].name || lb_time_diff_us(now, windows[i].from) > WINDOW_US) {
			window_close(i);
			windows[i].name = name;
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
	return true;
}

void daemon_log_tick(struct lb_time now)
{
	for (unsigned i = 0; i < NAMES_MAX && windows[i].name; i++)
		if (lb_time_diff_us(now, windows[i].from) > WINDOW_US)
			window_close(i);
}

void daemon_event(enum lb_log_level level, const char *name, const char *fmt, ...)
{
	if (level > lb_log_get_level() || !allowed(level, name))
		return;
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	lb_log(level, "%s", line);
}

static void log_backend(const struct model_change *ch)
{
	const struct model_backend *b = &ch->m->backends[ch->backend];
	const char *service = ch->m->services[ch->service].cfg->name, *reason = model_reason_first(b->reasons);
	if (ch->old_state == ch->new_state) {
		daemon_event(LB_LOG_NOTICE, "backend.weight", "backend/%s/%s: weight %u -> %u", service, b->cfg->name,
			ch->old_weight, ch->new_weight);
		return;
	}
	char check[240] = "", counter[CHECK_COUNTER_STRLEN];
	const struct model_target *t = model_deciding_target(ch->m, ch->backend);
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
	daemon_event(ch->new_state == MODEL_BACKEND_DOWN ? LB_LOG_WARNING : LB_LOG_NOTICE, "backend.health",
		"backend/%s/%s: %s -> %s%s%s%s%s weight=%u", service, b->cfg->name,
		model_backend_state_name(ch->old_state), model_backend_state_name(ch->new_state),
		reason[0] || check[0] ? " (" : "", reason, check, reason[0] || check[0] ? ")" : "", b->weight);
}

void daemon_log_change(const struct model_change *ch, void *arg)
{
	(void)arg;
	if (ch->backend != MODEL_NONE) {
		log_backend(ch);
		return;
	}
	const struct model_service *s = &ch->m->services[ch->service];
	daemon_event(ch->new_state == MODEL_SERVICE_DOWN || ch->new_state == MODEL_SERVICE_SORRY ? LB_LOG_WARNING
												 : LB_LOG_NOTICE,
		"service.status", "service/%s: %s -> %s (%u of %u backends in the pool)", s->cfg->name,
		model_service_status_name(ch->old_state), model_service_status_name(ch->new_state), s->in_pool,
		s->cfg->n_backends);
}
