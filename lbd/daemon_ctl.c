/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon does for command handlers. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/daemon_kernel.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_rooms.h"
#include "lbd/daemon_state.h"
#include "lbd/host/host_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_LOOK_S 0.2 /* conditions on connection counts: the kernel does not tell when they change */

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return lb_clock_now();
}

static int64_t op_wall_ms(void *arg)
{
	(void)arg;
	return lb_clock_wall_ms();
}

static void op_apply(void *arg, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r)
{
	if (what->both)
		daemon_both_start(arg, what, who, r);
	else
		daemon_apply_start(arg, what, who, r);
}

static void op_confirm(void *arg, const struct ctl_peer *who, struct ctl_reply *r)
{
	daemon_confirm(arg, who, r);
}

static void op_rollback(void *arg, uint32_t generation, const struct ctl_peer *who, struct ctl_reply *r)
{
	daemon_rollback(arg, generation, who, r);
}

static size_t op_generations(void *arg, struct generation *out, size_t n)
{
	return daemon_generations(arg, out, n);
}

static size_t op_generations_damaged(void *arg, uint32_t *out, size_t n)
{
	return daemon_generations_damaged(arg, out, n);
}

static struct lb_time op_boot(void *arg)
{
	(void)arg;
	return lb_clock_boot();
}

/* What runs and could not be stored is still in memory. */
static bool unstored_texts(struct daemon *d, uint32_t number, struct ctl_texts *out)
{
	daemon_generation_first_store(d);
	if (!d->unstored.sources.n || (number && number != d->generation))
		return false;
	lb_vec_foreach (s, &d->unstored.sources)
		ctl_texts_add(out, s->name, strlen(s->name), s->text, s->len);
	return true;
}

static int op_generation_texts(void *arg, uint32_t number, struct ctl_texts *out, struct lb_err *e)
{
	struct daemon *d = arg;
	struct lb_text raw = LB_TEXT_INIT;
	struct generation g = { 0 };
	if (unstored_texts(d, number, out))
		return 0;
	int err = daemon_generation_load(d, number ? number : d->generation, &raw, &g, e);
	for (size_t i = 0; !err && i < g.sources.n; i++) {
		const struct generation_source *s = &g.sources.v[i];
		ctl_texts_add(out, s->name, s->name_len, s->text, s->len);
	}
	generation_done(&g);
	lb_text_done(&raw);
	return err;
}

/* Who said what holds now: whoever spoke last. */
static struct override_who last_word(const struct override *ov)
{
	const struct override_item *all[] = { &ov->state_item, &ov->weight_item, &ov->force_item, &ov->prio_item };
	struct override_who who = { .wall_ms = INT64_MIN };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->set && all[i]->set_wall_ms > who.wall_ms)
			who = (struct override_who){
				.by = all[i]->by, .reason = all[i]->reason, .wall_ms = all[i]->set_wall_ms
			};
	return who;
}

static void log_override(struct daemon *d, const struct override *ov, const struct override_who *who)
{
	const char *reason = who->reason ? who->reason : "";
	char weight[40] = "", force[16] = "", label[OVERRIDE_LABEL_MAX];
	if (ov->force_item.set)
		snprintf(force, sizeof(force), "force=%s ", override_forces[ov->force]);
	if (ov->weight_item.set)
		snprintf(weight, sizeof(weight), "weight=%u%s ", ov->weight,
			ov->weight_kind == OVERRIDE_WEIGHT_PERCENT ? "%" : "");
	json_t *data = json_object();
	if (ov->state_item.set)
		ctl_put(data, "state", json_string(config_states[ov->state]));
	if (ov->weight_item.set)
		ctl_put(data, "weight",
			json_sprintf("%u%s", ov->weight, ov->weight_kind == OVERRIDE_WEIGHT_PERCENT ? "%" : ""));
	if (ov->force_item.set)
		ctl_put(data, "force", json_string(override_forces[ov->force]));
	daemon_event(d, &(struct event){ .id = LB_EVENT_OVERRIDE_SET, .reason = reason, .user = who->by, .data = data },
		"%s: override set (%s%s%s%sby=%s%s%s)", override_label(ov->object, label),
		ov->state_item.set ? config_states[ov->state] : "", ov->state_item.set ? " " : "", weight, force,
		who->by ? who->by : "-", reason[0] ? " reason=" : "", reason);
}

static void log_priority(struct daemon *d, const char *name, const struct override *ov, const struct override_who *who)
{
	const char *reason = who->reason ? who->reason : "";
	daemon_event(d,
		&(struct event){ .id = LB_EVENT_OVERRIDE_SET,
			.reason = reason,
			.user = who->by,
			.data = json_pack("{s:i}", "priority", (int)ov->prio) },
		"vrrp/%s: override set (priority=%u by=%s%s%s)", name, ov->prio, who->by ? who->by : "-",
		reason[0] ? " reason=" : "", reason);
}

static void log_removed(struct daemon *d, const char *object, const struct override_who *who)
{
	const char *by = who ? who->by : NULL, *vrrp = override_vrrp(object);
	char label[OVERRIDE_LABEL_MAX];
	daemon_event(d, &(struct event){ .id = LB_EVENT_OVERRIDE_SET, .user = by }, "%s%s: override removed%s%s%s",
		vrrp ? "vrrp/" : "", vrrp ? vrrp : override_label(object, label), by ? " (by=" : "", by ? by : "",
		by ? ")" : "");
}

void daemon_override_took(struct daemon *d, const char *object, const struct override_who *who)
{
	const struct override *ov = overrides_find(d->overrides, object);
	const char *vrrp = override_vrrp(object);
	struct override_who last = { 0 };
	if (ov && !who) {
		last = last_word(ov);
		who = &last;
	}
	if (!ov)
		log_removed(d, object, who);
	else if (vrrp)
		log_priority(d, vrrp, ov, who);
	else
		log_override(d, ov, who);
	if (vrrp)
		daemon_vrrp_override(d);
	model_override_changed(d->model, object);
	daemon_probe_override(d, object);
}

void daemon_overrides_hold(struct daemon *d)
{
	d->changed = true;
	d->converged = false;
	daemon_env_refresh(d);
	daemon_override_deadline(d);
	daemon_more(d);
}

void daemon_override_holds(struct daemon *d, const char *object, const struct override_who *who)
{
	daemon_override_took(d, object, who);
	daemon_overrides_hold(d);
}

static void op_asked_for(void *arg, const char *what, const struct ctl_peer *who)
{
	daemon_event(arg, &(struct event){ .id = LB_EVENT_OPERATOR, .user = who->user }, "operator: %s (by=%s)", what,
		who->user);
}

static void op_override_changed(void *arg, const char *object, enum override_kind kind, const struct override_who *who)
{
	struct daemon *d = arg;
	/* told first: what is due ends with the next line, and whoever notes that notes all that is new */
	daemon_words_said(d, object, kind);
	daemon_override_holds(d, object, who);
	d->overrides_due = true;
}

static const char *op_overrides_stored(void *arg)
{
	return daemon_overrides_stored(arg);
}

struct expiry {
	struct daemon *d;
	bool any;
};

static void expired(const struct override *ov, void *arg)
{
	struct expiry *x = arg;
	char label[OVERRIDE_LABEL_MAX];
	daemon_event(x->d, &(struct event){ .id = LB_EVENT_OVERRIDE_EXPIRED }, "%s: override expired",
		override_label(ov->object, label));
	model_override_changed(x->d->model, ov->object);
	daemon_probe_override(x->d, ov->object);
	x->d->changed = x->any = true;
}

void daemon_override_deadline(struct daemon *d)
{
	struct expiry x = { d, false };
	struct lb_time now = lb_clock_boot();
	d->override_due = overrides_expire(d->overrides, now, expired, &x);
	if (x.any) {
		d->converged = false;
		daemon_vrrp_override(d);
		(void)override_words_look(d->words, d->overrides, lb_clock_wall_ms());
		d->overrides_late = true; /* who reads it in the file knows that it is over, too */
		daemon_more(d);
	}
	if (d->override_due.us != LB_TIME_NEVER.us)
		daemon_deadline(d, (struct lb_time){ lb_clock_now().us + lb_time_diff_us(d->override_due, now) });
}

static void op_repair(void *arg, struct ctl_reply *r)
{
	daemon_audit_ask(arg, r);
}

static void op_exit(void *arg, enum ctl_exit how)
{
	daemon_exit(arg, how);
}

static void op_exit_flush(void *arg, struct ctl_reply *r)
{
	daemon_exit_flush(arg, r);
}

/* ---- waiting ---- */

static void wait_free(struct daemon_wait *w)
{
	if (w->free_state)
		w->free_state(w->state);
	w->free_state = NULL;
	w->reply = NULL; /* collected by the next look */
}

static void wait_gone(void *arg)
{
	wait_free(arg);
}

static bool wait_over(struct daemon_wait *w, struct lb_time now)
{
	int r = w->cond(w->state);
	if (r == 0 && lb_time_cmp(now, w->deadline) < 0)
		return false;
	struct ctl_reply *reply = w->reply;
	wait_free(w);
	if (r > 0)
		ctl_reply_end(reply, LB_CODE_OK, NULL, NULL);
	else if (r < 0)
		ctl_reply_end(reply, LB_CODE_NO, "this can not become true any more", NULL);
	else
		ctl_reply_end(reply, LB_CODE_TIMEOUT, "not yet true when the time was over", NULL);
	return true;
}

void daemon_waits_look(struct daemon *d, bool timer)
{
	if (d->waits.n == 0 || (!d->changed && !timer))
		return;
	struct lb_time now = lb_clock_now();
	size_t kept = 0;
	for (size_t i = 0; i < d->waits.n; i++) {
		struct daemon_wait *w = d->waits.v[i];
		if (!w->reply || wait_over(w, now))
			free(w);
		else
			d->waits.v[kept++] = w;
	}
	d->waits.n = kept;
	if (kept == 0)
		ev_timer_stop(d->loop, &d->wait_timer);
}

static void op_wait(
	void *arg, struct ctl_reply *r, int (*cond)(void *), ctl_free_fn *free_state, void *state, int64_t deadline_ms)
{
	struct daemon *d = arg;
	struct daemon_wait *w = calloc(1, sizeof(*w));
	struct daemon_wait **place = w ? lb_vec_push(&d->waits) : NULL;
	if (!place) {
		free(w);
		if (free_state)
			free_state(state);
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	*w = (struct daemon_wait){ r, cond, free_state, state,
		deadline_ms ? lb_time_add_ms(lb_clock_now(), deadline_ms) : LB_TIME_NEVER, d };
	*place = w;
	ctl_reply_hold(r, wait_gone, w);
	d->changed = true; /* it may be true already: looked at before the loop sleeps */
	if (!ev_is_active(&d->wait_timer)) {
		ev_timer_set(&d->wait_timer, WAIT_LOOK_S, WAIT_LOOK_S);
		ev_timer_start(d->loop, &d->wait_timer);
	}
	daemon_more(d);
}

/* ---- looking ---- */

static size_t op_findings(void *arg, struct ctl_finding *out, size_t n)
{
	struct daemon *d = arg;
	daemon_host_look(d); /* mended in the meantime? */
	for (size_t i = 0; i < d->n_findings && i < n; i++) {
		memcpy(out[i].object, d->findings[i].object, sizeof(out[i].object));
		memcpy(out[i].text, d->findings[i].text, sizeof(out[i].text));
		memcpy(out[i].fix, d->findings[i].fix, sizeof(out[i].fix));
	}
	return d->n_findings;
}

static int op_probe_run(void *arg, uint32_t token, uint32_t target_id)
{
	return daemon_probe_run(arg, token, target_id);
}

void daemon_worker_info(const struct worker *w, const struct worker_row *row, struct ctl_worker_info *out)
{
	*out = (struct ctl_worker_info){
		.name = row->name,
		.pid = w->pid,
		.restarts = w->starts ? w->starts - 1 : 0,
		.down_since = worker_down_since(w),
		.refused = w->refused,
		.without = row->without,
		.up = w->state == WORKER_STATE_READY,
	};
}

static size_t op_workers(void *arg, struct ctl_worker_info *out, size_t n)
{
	size_t all = daemon_probe_info(arg, out, n);
	all += daemon_vrrp_info(arg, out + (all < n ? all : n), all < n ? n - all : 0);
	return all + daemon_sync_info(arg, out + (all < n ? all : n), all < n ? n - all : 0);
}

static int op_vrrp_do(void *arg, uint32_t id, enum vrrp_do what, uint32_t for_ms)
{
	return daemon_vrrp_do(arg, id, what, for_ms);
}

static int op_sync_do(void *arg, const struct sync_msg_do *what)
{
	return daemon_sync_do(arg, what);
}

static int op_sync_look(void *arg, uint32_t *id)
{
	return daemon_look_ask(arg, id);
}

static int op_conn_ask(void *arg, const struct sync_room_msg *m)
{
	return daemon_conn_ask(arg, m);
}

static void op_peer_diff(void *arg, const struct ctl_peer *who, struct ctl_reply *r)
{
	daemon_pair_diff(arg, who, r);
}

static void op_level_get(void *arg, enum lb_log_part part, struct ctl_level_info *out)
{
	struct daemon *d = arg;
	const struct daemon_level *l = &d->levels[part];
	*out = (struct ctl_level_info){ daemon_level(d, part),
		d->opt->level_set ? d->opt->level : d->model->config->log_level, l->until_wall_ms, l->given };
}

static void op_level_set(void *arg, enum lb_log_part part, enum lb_log_level level, int64_t for_ms)
{
	daemon_level_set(arg, part, level, for_ms);
}

static void op_level_clear(void *arg, enum lb_log_part part)
{
	daemon_level_clear(arg, part);
}

const struct ctl_ops daemon_ctl_ops = {
	.now = op_now,
	.wall_ms = op_wall_ms,
	.apply = op_apply,
	.confirm = op_confirm,
	.rollback = op_rollback,
	.generations = op_generations,
	.generations_damaged = op_generations_damaged,
	.boot = op_boot,
	.generation_texts = op_generation_texts,
	.asked = op_asked_for,
	.override_changed = op_override_changed,
	.overrides_stored = op_overrides_stored,
	.repair = op_repair,
	.exit = op_exit,
	.exit_flush = op_exit_flush,
	.wait = op_wait,
	.findings = op_findings,
	.probe_run = op_probe_run,
	.workers = op_workers,
	.vrrp_do = op_vrrp_do,
	.sync_do = op_sync_do,
	.sync_look = op_sync_look,
	.conn_ask = op_conn_ask,
	.peer_diff = op_peer_diff,
	.level_get = op_level_get,
	.level_set = op_level_set,
	.level_clear = op_level_clear,
};
