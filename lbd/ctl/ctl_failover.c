/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_failover.h"

#include "common/time.h"
#include "lbd/ctl/ctl_fit.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/vrrp/peer_move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 8 /* in a line; more are counted */
/* A member of a group whose own outcome does not come: the group moved as one, its state shows it. */
#define GROUP_MS  300

struct part { /* one instance; copied, because the configuration may be another one at the end */
	uint32_t id;
	char name[VRRP_NAME_MAX], group[VRRP_NAME_MAX];
	bool resign; /* nobody is ready for it: no vrrp.moved comes, its state tells */
	bool over, ok;
	struct lb_time over_at;
	uint32_t outage_us; /* 0 = not known */
	char reason[VRRP_REASON_MAX];
};

enum phase { ASKS, COPIES, MOVES }; /* before the last one nothing has been ordered */

struct failover {
	struct ctl_failovers *all;
	struct failover *next;
	const struct ctl_env *env;
	struct ctl_reply *reply;
	enum phase phase;
	struct lb_time deadline; /* of the phase */
	struct ctl_fit fit;      /* while it asks whether less would be served */
	uint32_t look;           /* while it copies: the number of the look after which the other node has all flows */
	const char *not_copied;  /* why there may be flows that the other node has not; NULL = it has all */
	bool waits;              /* --wait */
	int64_t wait_ms;
	bool away;                /* from here; else to here */
	char peer[VRRP_NAME_MAX]; /* "" = nobody in particular */
	uint32_t n;
	struct part v[CONFIG_VRRP_MAX];
};

struct ctl_failovers {
	struct failover *first;
};

struct ctl_failovers *ctl_failovers_new(void)
{
	return calloc(1, sizeof(struct ctl_failovers));
}

void ctl_failovers_free(struct ctl_failovers *fs)
{
	free(fs);
}

/* ---- what is to move, and whether it can ---- */

static bool is_master(const struct model_vrrp *v)
{
	return v->spoke && v->state.state == VRRP_STATE_MASTER;
}

static bool can_be_master(enum vrrp_state s)
{
	return s == VRRP_STATE_BACKUP || s == VRRP_STATE_MASTER;
}

static void add(struct failover *f, const struct model_vrrp *v)
{
	struct part *p = &f->v[f->n++];
	*p = (struct part){ .id = v->conf->id };
	snprintf(p->name, sizeof(p->name), "%s", v->cfg->name);
	snprintf(p->group, sizeof(p->group), "%s", v->cfg->group);
}

/* Whether one is left out, because it is owned here. */
static bool add_ours(struct failover *f)
{
	const struct model_vrrps *vs = f->env->vrrps;
	uint32_t masters = 0;
	for (uint32_t i = 0; i < vs->n && f->n < CONFIG_VRRP_MAX; i++) {
		masters += is_master(&vs->v[i]);
		if (is_master(&vs->v[i]) && !model_vrrp_owner(vs, &vs->v[i]))
			add(f, &vs->v[i]);
	}
	return masters > f->n;
}

static void add_theirs(struct failover *f, const struct model_peer *peer)
{
	const struct model_vrrps *vs = f->env->vrrps;
	for (uint32_t i = 0; i < vs->n && f->n < CONFIG_VRRP_MAX; i++) {
		const struct model_theirs *t = model_peer_theirs(peer, vs->v[i].conf->id);
		if (t && t->state == VRRP_STATE_MASTER && !ctl_fit_owned_there(vs, peer, &vs->v[i]))
			add(f, &vs->v[i]);
	}
}

static const struct model_vrrp *ours(const struct failover *f, const struct part *p)
{
	return model_vrrp_find(f->env->vrrps, p->name);
}

/* 0, or -1 and *e: why this node cannot be handed to, or taken from. */
static int fit(const struct failover *f, const struct model_peer *peer, struct lb_err *e)
{
	if (peer->state != MODEL_PEER_UP)
		return lb_err_set(e, LB_CODE_REFUSED,
			"node %s is %s: nobody would take over; lbctl peer status says more, --force gives up all the "
			"same",
			peer->name, model_peer_states[peer->state]);
	if (!peer->is.same_config)
		return lb_err_set(e, LB_CODE_REFUSED,
			"node %s runs another configuration than this one: apply the same there, or use --force",
			peer->name);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct part *p = &f->v[i];
		const struct model_theirs *t = model_peer_theirs(peer, p->id);
		const struct model_vrrp *v = ours(f, p);
		if (f->away && (!t || !can_be_master(t->state)))
			return lb_err_set(e, LB_CODE_REFUSED,
				"vrrp %s is %s on node %s: it would not take over; --force gives it up all the same",
				p->name, t ? vrrp_state_names[t->state] : "unknown", peer->name);
		if (!f->away && (!v || !v->spoke || !can_be_master(v->state.state)))
			return lb_err_set(e, LB_CODE_REFUSED,
				"vrrp %s is %s here: this node would not take over; --force takes the others", p->name,
				v ? model_vrrp_state_word(v) : "unknown");
	}
	return 0;
}

/* Which node is meant: one that is fit, else the first one that is there, else the first. */
static const struct model_peer *choose(const struct failover *f)
{
	const struct model_peers *ps = f->env->peers;
	const struct model_peer *there = NULL;
	struct lb_err e;
	for (uint32_t i = 0; i < ps->n; i++) {
		if (fit(f, &ps->v[i], &e) == 0)
			return &ps->v[i];
		if (!there && ps->v[i].state == MODEL_PEER_UP)
			there = &ps->v[i];
	}
	return there ? there : ps->n ? &ps->v[0] : NULL;
}

/* Forced: what nobody is known to be ready for is given up, what we cannot have is left where it is. */
static int force(struct failover *f, struct lb_err *e)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		struct part *p = &f->v[i];
		const struct model_vrrp *v = ours(f, p);
		bool ready = false;
		for (uint32_t k = 0; k < f->env->peers->n; k++) {
			const struct model_theirs *t = model_peer_theirs(&f->env->peers->v[k], p->id);
			ready |= t && can_be_master(t->state);
		}
		p->resign = f->away && !ready;
		if (f->away || (v && v->spoke && can_be_master(v->state.state)))
			f->v[kept++] = *p;
	}
	f->n = kept;
	if (kept)
		return 0;
	return lb_err_set(e, LB_CODE_REFUSED, "nothing that this node could be master of: see lbctl vrrp list");
}

/* 0, or -1 and *e. What is owned stays where it is: forced, the rest goes. */
static int decide(struct failover *f, bool forced, struct lb_err *e)
{
	const struct model_peers *ps = f->env->peers;
	const struct model_peer *peer = NULL;
	bool stays = add_ours(f);
	if ((!forced || (stays && !f->n)) && ctl_fit_owned(f->env, e))
		return -1;
	f->away = f->n > 0;
	for (uint32_t i = 0; i < ps->n && !f->n; i++) {
		add_theirs(f, &ps->v[i]);
		peer = f->n ? &ps->v[i] : NULL;
	}
	if (!f->n)
		return ctl_fit_owned(f->env, e) ? -1 : ctl_fit_nothing(f->env, e);
	peer = peer ? peer : choose(f);
	if (peer && (peer->state == MODEL_PEER_UP || !forced))
		snprintf(f->peer, sizeof(f->peer), "%s", peer->name);
	if (forced)
		return force(f, e);
	if (!peer)
		return lb_err_set(e, LB_CODE_REFUSED,
			"there is no second path (cluster.key_file): nobody knows whether another node is ready; "
			"--force gives up all the same");
	return fit(f, peer, e);
}

/* ---- words ---- */

static bool any(const struct part *p)
{
	return p != NULL;
}

static bool went_well(const struct part *p)
{
	return p->over && p->ok;
}

static bool went_wrong(const struct part *p)
{
	return p->over && !p->ok;
}

static bool goes_on(const struct part *p)
{
	return !p->over;
}

/* "wan4, wan6 and 3 more"; with why behind each that has a reason. Returns how many there are. */
static uint32_t put_names(struct lb_text *out, const struct failover *f, bool (*which)(const struct part *p))
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		const struct part *p = &f->v[i];
		if (!which(p) || n++ >= NAMES_MAX)
			continue;
		lb_text_printf(out, "%s%s", n > 1 ? ", " : "", p->name);
		if (p->reason[0])
			lb_text_printf(out, " (%s)", p->reason);
	}
	if (n > NAMES_MAX)
		lb_text_printf(out, " and %u more", n - NAMES_MAX);
	return n;
}

static bool all_resign(const struct failover *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (!f->v[i].resign)
			return false;
	return true;
}

static void put_done(struct lb_text *out, const struct failover *f)
{
	const char *other = f->peer[0] ? f->peer : "another node";
	if (all_resign(f))
		lb_text_puts(out, "given up");
	else
		lb_text_printf(out, "%s %s", f->away ? "handed over to" : "taken over from", other);
}

static void put_outage(struct lb_text *out, const struct failover *f)
{
	uint32_t worst = 0;
	for (uint32_t i = 0; i < f->n; i++)
		if (went_well(&f->v[i]) && f->v[i].outage_us > worst)
			worst = f->v[i].outage_us;
	if (worst)
		lb_text_printf(out, worst < 100000 ? " (outage %.3g ms)" : " (outage %.0f ms)", (double)worst / 1000);
}

static void end_text(struct ctl_reply *r, enum lb_code code, struct lb_text *text)
{
	if (text->bad)
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
	else
		ctl_reply_end(r, code, text->s, NULL);
	lb_text_done(text);
}

static void put_not_copied(struct lb_text *out, const struct failover *f)
{
	if (f->not_copied)
		lb_text_printf(out, "\nits youngest flows may break: %s", f->not_copied);
}

static json_t *row_of(const struct failover *f, const struct part *p)
{
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "vrrp", json_string(p->name));
	ctl_put(row, "result",
		json_string(!p->over    ? "waiting"
			    : !p->ok    ? "failed"
			    : p->resign ? "resigned"
					: "moved"));
	ctl_put(row, "direction", json_string(f->away ? "away" : "here"));
	if (f->peer[0] && !p->resign)
		ctl_put(row, "peer", json_string(f->peer));
	if (p->ok && p->outage_us)
		ctl_put(row, "outage", json_real(p->outage_us / 1e6));
	if (p->reason[0])
		ctl_put(row, "reason", json_string(p->reason));
	return row;
}

/* ---- waiting ---- */

/* Takes it off the list and frees it. */
static void gone(void *state)
{
	struct failover *f = state, **at = &f->all->first;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	ctl_fit_stop(&f->fit);
	free(f);
}

static enum lb_code put_end(struct lb_text *text, const struct failover *f)
{
	struct lb_text wrong = LB_TEXT_INIT, open = LB_TEXT_INIT, well = LB_TEXT_INIT;
	char d[LB_DURATION_STRLEN];
	uint32_t n_wrong = put_names(&wrong, f, went_wrong), n_open = put_names(&open, f, goes_on);
	uint32_t n_well = put_names(&well, f, went_well);
	if (n_wrong)
		lb_text_printf(text, "not %s: %s", f->away ? "handed over" : "taken over", wrong.s);
	if (n_open)
		lb_text_printf(
			text, "%snot over within %s: %s", n_wrong ? "\n" : "", lb_duration_str(f->wait_ms, d), open.s);
	if (n_well) {
		lb_text_puts(text, n_wrong || n_open ? "\n" : "");
		put_done(text, f);
		lb_text_printf(text, ": %s", well.s);
		put_outage(text, f);
		put_not_copied(text, f);
	}
	text->bad |= wrong.bad || open.bad || well.bad;
	lb_text_done(&wrong);
	lb_text_done(&open);
	lb_text_done(&well);
	return n_wrong ? LB_CODE_FAILED : n_open ? LB_CODE_TIMEOUT : LB_CODE_OK;
}

static void finish(struct failover *f)
{
	struct ctl_reply *r = f->reply;
	struct lb_text text = LB_TEXT_INIT;
	for (uint32_t i = 0; i < f->n && r->state != CTL_REPLY_ENDED; i++)
		ctl_reply_row(r, row_of(f, &f->v[i]));
	enum lb_code code = put_end(&text, f);
	gone(f);
	if (r->state != CTL_REPLY_ENDED) /* else memory was out: it has been told */
		end_text(r, code, &text);
	else
		lb_text_done(&text);
}

static bool ended(const struct failover *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (!f->v[i].over)
			return false;
	return true;
}

static bool shows(const struct failover *f, const struct part *p)
{
	const struct model_vrrp *v = ours(f, p);
	return !v || (f->away ? v->spoke && !is_master(v) : is_master(v));
}

static void over(struct part *p, bool ok, struct lb_time now)
{
	p->over = true;
	p->ok = ok;
	p->over_at = now;
}

/* A group moves as one. Returns when to look again. */
static struct lb_time settle_group(struct failover *f, struct part *p, struct lb_time now)
{
	struct lb_time next = LB_TIME_NEVER;
	for (uint32_t i = 0; i < f->n && !p->over && p->group[0]; i++) {
		const struct part *q = &f->v[i];
		struct lb_time then = lb_time_add_ms(q->over_at, GROUP_MS);
		if (!q->over || strcmp(q->group, p->group) != 0)
			continue;
		if (lb_time_cmp(now, then) < 0) {
			next = lb_time_min(next, then);
		} else if (!q->ok) {
			over(p, false, now);
			memcpy(p->reason, q->reason, sizeof(p->reason));
		} else if (shows(f, p)) {
			over(p, true, now);
		}
	}
	return next;
}

static void go(struct failover *f);

static void refuse(struct failover *f, const struct lb_err *why)
{
	struct ctl_reply *r = f->reply;
	gone(f);
	ctl_reply_error(r, why);
}

/* Ends it when it can; then f is gone. */
static struct lb_time look(struct failover *f, struct lb_time now)
{
	struct lb_err e;
	if (f->phase == ASKS && lb_time_cmp(now, f->deadline) >= 0) {
		ctl_fit_late(&f->fit, &e);
		refuse(f, &e);
		return LB_TIME_NEVER;
	}
	if (f->phase == COPIES && lb_time_cmp(now, f->deadline) >= 0) {
		f->not_copied = "they were not all acknowledged within 3s";
		go(f);
		return now; /* whoever is there is looked at once more */
	}
	struct lb_time next = f->deadline;
	if (f->phase != MOVES)
		return next;
	for (uint32_t i = 0; i < f->n; i++) {
		struct part *p = &f->v[i];
		if (!p->over && p->resign && shows(f, p))
			over(p, true, now);
		next = lb_time_min(next, settle_group(f, p, now));
	}
	if (!ended(f) && lb_time_cmp(now, f->deadline) < 0)
		return next;
	finish(f);
	return LB_TIME_NEVER;
}

struct lb_time ctl_failovers_look(struct ctl_failovers *fs, struct lb_time now)
{
	struct lb_time next = LB_TIME_NEVER;
	for (struct failover *f = fs->first, *after; f; f = after) {
		after = f->next;
		next = lb_time_min(next, look(f, now));
	}
	return next;
}

void ctl_failover_moved(struct ctl_failovers *fs, const struct vrrp_msg_moved *m)
{
	/* somebody gave the same word once more: that one's outcome is ours, too */
	if (!m->ok && strcmp(m->reason, peer_move_reasons[PEER_MOVE_REPLACED]) == 0)
		return;
	for (struct failover *f = fs->first, *after; f; f = after) {
		struct lb_time now = f->env->ops->now(f->env->arg);
		after = f->next;
		for (uint32_t i = 0; i < f->n; i++) {
			struct part *p = &f->v[i];
			if (f->phase != MOVES || p->id != m->id || p->over || f->away != m->away)
				continue;
			over(p, m->ok, now);
			p->outage_us = m->outage_us;
			if (!m->ok)
				memcpy(p->reason, m->reason, sizeof(p->reason));
		}
		(void)look(f, now);
	}
}

void ctl_failovers_looked(struct ctl_failovers *fs, uint32_t id, bool ok)
{
	for (struct failover *f = fs->first, *after; f; f = after) {
		after = f->next;
		if (f->phase != COPIES || (int32_t)(id - f->look) < 0)
			continue;
		if (!ok)
			f->not_copied = "lbctl sync status says why";
		go(f);
	}
}

void ctl_failovers_lost(struct ctl_failovers *fs, const char *why)
{
	for (struct failover *f = fs->first; f; f = fs->first) {
		struct ctl_reply *r = f->reply;
		fs->first = f->next;
		ctl_fit_stop(&f->fit);
		free(f);
		ctl_reply_end(r, LB_CODE_FAILED, why, NULL);
	}
}

/* ---- the command ---- */

/* 0 when at least one order went out. */
static int order(struct failover *f)
{
	struct lb_time now = f->env->ops->now(f->env->arg);
	uint32_t sent = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		struct part *p = &f->v[i];
		enum vrrp_do what = p->resign ? VRRP_DO_RESIGN : f->away ? VRRP_DO_HANDOVER : VRRP_DO_TAKE;
		uint32_t for_ms = p->resign ? 0 : f->away ? CTL_FAILOVER_GIVE_MS : CTL_FAILOVER_TAKE_MS;
		if (f->env->ops->vrrp_do(f->env->arg, p->id, what, for_ms) == 0) {
			sent++;
			continue;
		}
		over(p, false, now);
		snprintf(p->reason, sizeof(p->reason), "its process is not there");
	}
	return sent ? 0 : -1;
}

/* Before anything is handed over, the other node gets what the kernel has not said yet. */
static void copy(struct failover *f)
{
	const struct ctl_env *env = f->env;
	if (!f->away || all_resign(f) || !env->sync || !model_sync_flows(env->sync))
		return;
	f->deadline = lb_time_add_ms(env->ops->now(env->arg), CTL_FAILOVER_COPY_MS);
	if (model_sync_copies(env->sync) && env->ops->sync_look(env->arg, &f->look) == 0)
		f->phase = COPIES;
	else
		f->not_copied = "lbctl sync status says why";
}

static void begun(const struct failover *f, struct ctl_reply *r)
{
	struct lb_text text = LB_TEXT_INIT;
	if (all_resign(f))
		lb_text_puts(&text, "giving up, although nobody is known to be ready: ");
	else
		lb_text_printf(&text, "%s %s: ", f->away ? "handing over to" : "taking over from",
			f->peer[0] ? f->peer : "another node");
	(void)put_names(&text, f, any);
	put_not_copied(&text, f);
	lb_text_puts(&text, "\nlbctl vrrp list says how it ends");
	end_text(r, LB_CODE_OK, &text);
}

/* What was decided is ordered. f is gone then, unless its end is waited for. */
static void go(struct failover *f)
{
	struct ctl_reply *r = f->reply;
	struct lb_err e = { LB_CODE_FAILED, "the process of VRRP is not there now; try again in a moment" };
	f->phase = MOVES;
	int err = order(f);
	f->deadline = lb_time_add_ms(f->env->ops->now(f->env->arg), f->wait_ms);
	if (!err && f->waits)
		return;
	if (!err)
		begun(f, r);
	gone(f);
	if (err)
		ctl_reply_error(r, &e);
}

/* why NULL: nothing speaks against it. */
static void begin(void *arg, const struct lb_err *why)
{
	struct failover *f = arg;
	if (why) {
		refuse(f, why);
		return;
	}
	copy(f);
	if (f->phase != COPIES)
		go(f);
}

/* Whether the answer is waited for. */
static bool ask(struct failover *f)
{
	f->fit = (struct ctl_fit){ .env = f->env, .peer = f->peer, .away = f->away, .over = begin, .arg = f };
	f->deadline = lb_time_add_ms(f->env->ops->now(f->env->arg), CTL_FIT_MS);
	return ctl_fit_ask(&f->fit);
}

void ctl_failover(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct failover *f = calloc(1, sizeof(*f));
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	if (!f) {
		ctl_reply_error(r, &e);
		return;
	}
	f->env = env;
	f->all = env->failovers;
	f->reply = r;
	bool forced = ctl_arg_flag(rq, "force");
	if (decide(f, forced, &e)) {
		ctl_reply_error(r, &e);
		free(f);
		return;
	}
	f->waits = json_object_get(rq->args, "wait") != NULL;
	f->wait_ms = ctl_arg_ms(rq, "wait");
	f->next = f->all->first;
	f->all->first = f;
	ctl_reply_hold(r, gone, f);
	if (env->failovers->first == f && (forced || !ask(f))) /* else the client has gone, f too; or it is asked */
		begin(f, NULL);
}
