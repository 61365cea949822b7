/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_fsm.h"

#include "lbd/vrrp/vrrp_pkt.h"

#include <assert.h>

#define ALL_ALARMS     ((1u << VRRP_ALARM_COUNT) - 1)
#define REPLY_DIVISOR  10 /* replies to others: at most one per tenth of the interval */
/* Of the interval, after becoming master: what the old one said before is still on its way. Together with the half of
 * an interval until it says so again that is less than one: so long two masters may last. */
#define GRACE_DIVISOR  4
/* Of the interval, beyond one of it: who was killed, or stood still, listens so long before it goes on as master. */
#define RESUME_DIVISOR 4

uint8_t vrrp_effective_prio(uint8_t base, int64_t add)
{
	int64_t p = base + add;
	if (base == VRRP_PRIO_OWNER)
		return VRRP_PRIO_OWNER;
	return (uint8_t)(p < 1 ? 1 : p > VRRP_PRIO_OWNER - 1 ? VRRP_PRIO_OWNER - 1 : p);
}

static int64_t interval_us(const struct vrrp *v)
{
	return (int64_t)v->master_interval_cs * 10000;
}

int64_t vrrp_skew_us(const struct vrrp *v)
{
	int64_t unit_us = v->rules.version == 2 ? 1000000 : interval_us(v);
	return (256 - v->prio) * unit_us / 256;
}

int64_t vrrp_down_us(const struct vrrp *v)
{
	return VRRP_DOWN_ADVERTS * interval_us(v) + vrrp_skew_us(v);
}

static int64_t resume_us(const struct vrrp *v)
{
	return interval_us(v) + interval_us(v) / RESUME_DIVISOR;
}

/* What the timer of a BACKUP was armed with. */
static int64_t wait_us(const struct vrrp *v)
{
	return v->left ? vrrp_skew_us(v) : v->resuming ? resume_us(v) : vrrp_down_us(v);
}

static struct lb_time after_us(struct lb_time t, int64_t us)
{
	return (struct lb_time){ t.us + us };
}

static bool reached(struct lb_time now, struct lb_time t)
{
	return lb_time_cmp(now, t) >= 0;
}

static struct vrrp_act *act(struct vrrp_acts *out, enum vrrp_act_type type)
{
	assert(out->n < VRRP_ACTS_MAX);
	struct vrrp_act *a = &out->v[out->n++];
	*a = (struct vrrp_act){ .type = type };
	return a;
}

static void set_alarm(struct vrrp *v, enum vrrp_alarm alarm, bool on, struct vrrp_acts *out)
{
	uint32_t bit = 1u << alarm;
	if (!(v->alarms & bit) == !on)
		return;
	v->alarms ^= bit;
	struct vrrp_act *a = act(out, VRRP_ACT_ALARM);
	a->alarm = alarm;
	a->on = on;
}

static void end_alarms(struct vrrp *v, uint32_t which, struct vrrp_acts *out)
{
	for (unsigned i = 0; i < VRRP_ALARM_COUNT; i++)
		if (which & 1u << i)
			set_alarm(v, (enum vrrp_alarm)i, false, out);
}

static void report(struct vrrp *v, enum vrrp_state to, enum vrrp_cause cause, struct lb_time now, struct vrrp_acts *out)
{
	struct vrrp_act *a = act(out, VRRP_ACT_REPORT);
	a->was = v->state;
	a->cause = cause;
	v->state = to;
	v->since = now;
}

/* The one place that arms the advert timer: nothing that is received can put an advert off. */
static void send_advert(struct vrrp *v, uint8_t prio, struct lb_time now, struct vrrp_acts *out)
{
	act(out, VRRP_ACT_ADVERT)->prio = prio;
	v->sent_at = now;
	v->deadline = after_us(now, interval_us(v));
}

/* A whole down interval of silence, from now on. */
static void arm_down(struct vrrp *v, struct lb_time now)
{
	v->deadline = after_us(now, vrrp_down_us(v));
	v->passed_prio = 0;
	v->left = v->late = v->resuming = false;
}

/* Somebody is master and we agree. */
static void follow(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now)
{
	v->master = ev->from;
	v->master_prio = ev->prio;
	v->heard_at = now;
	/* version 2 has no interval to learn (it must be equal), the second path may not tell one */
	if (v->rules.version != 2 && ev->interval_cs)
		v->master_interval_cs = ev->interval_cs;
	arm_down(v, now);
}

static void become_master(struct vrrp *v, enum vrrp_cause cause, struct lb_time now, struct vrrp_acts *out)
{
	v->master_interval_cs = v->rules.interval_cs;
	v->met = (struct lb_ip){ 0 };
	v->resigned = v->left = v->late = v->resuming = false;
	v->passed_prio = 0;
	v->armed_until = v->preempt_at = v->met_at = v->announced_at = (struct lb_time){ 0 };
	/* the advert first: the old master lets go before neighbours hear of us */
	send_advert(v, v->prio, now, out);
	act(out, VRRP_ACT_ADDRS)->on = true;
	act(out, VRRP_ACT_ANNOUNCE);
	report(v, VRRP_STATE_MASTER, cause, now, out);
	end_alarms(v, ALL_ALARMS, out);
}

/* Nobody is known to be master, and a whole down interval of our own begins. */
static void become_backup(struct vrrp *v, enum vrrp_cause cause, struct lb_time now, struct vrrp_acts *out)
{
	v->master = (struct lb_ip){ 0 };
	v->master_prio = 0;
	v->master_interval_cs = v->rules.interval_cs;
	v->preempt_at = (struct lb_time){ 0 };
	report(v, VRRP_STATE_BACKUP, cause, now, out);
	arm_down(v, now);
	/* two owners stay two when one of them yields: the next advert tells */
	end_alarms(v, ALL_ALARMS & ~(1u << VRRP_ALARM_TWO_OWNERS), out);
}

/* Of a master's own accord: whoever is next need not wait for the down interval. */
static void leave(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	if (v->state != VRRP_STATE_MASTER)
		return;
	send_advert(v, VRRP_PRIO_LEAVE, now, out);
	act(out, VRRP_ACT_ADDRS)->on = false;
}

/* No priority 0: a third one must not take over from the winner. But a last advert, so that the winner, whose first
 * announcement may have come before our addresses went, announces again. */
static void yield_to(
	struct vrrp *v, const struct vrrp_event *ev, enum vrrp_cause cause, struct lb_time now, struct vrrp_acts *out)
{
	send_advert(v, v->prio, now, out);
	act(out, VRRP_ACT_ADDRS)->on = false;
	become_backup(v, cause, now, out);
	follow(v, ev, now);
}

static void rest(struct vrrp *v, enum vrrp_state to, enum vrrp_cause cause, struct lb_time now, struct vrrp_acts *out)
{
	leave(v, now, out);
	if (v->state != to)
		report(v, to, cause, now, out);
	v->deadline = LB_TIME_NEVER;
	v->left = v->late = v->resuming = false; /* no timer runs: what was left behind is not gone on with */
	end_alarms(v, ALL_ALARMS, out);
}

/* Whoever is master by now speaks within an interval; if nobody does, nobody is. */
static void listen(struct vrrp *v, struct lb_time now)
{
	v->deadline = after_us(now, resume_us(v));
	v->resuming = true;
}

/* The startup delay is over. */
static void begin(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	if (v->fault)
		rest(v, VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, now, out);
	else if (v->prio == VRRP_PRIO_OWNER && !v->resigned && !v->held)
		become_master(v, VRRP_CAUSE_STARTED, now, out);
	else
		become_backup(v, VRRP_CAUSE_STARTED, now, out);
}

static void on_init(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	bool begun = v->deadline.us != 0 && lb_time_cmp(v->deadline, LB_TIME_NEVER) != 0;
	switch (ev->type) {
	case VRRP_EVENT_START:
		if (begun)
			return;
		v->since = now;
		v->master_interval_cs = v->rules.interval_cs;
		if (ev->on && !v->fault && !v->resigned && v->prio != VRRP_PRIO_OWNER) {
			become_backup(v, VRRP_CAUSE_STARTED, now, out);
			listen(v, now);
		} else if (v->rules.startup_delay_ms > 0)
			v->deadline = lb_time_add_ms(now, v->rules.startup_delay_ms);
		else
			begin(v, now, out);
		return;
	case VRRP_EVENT_TIMER:
		if (begun && reached(now, v->deadline))
			begin(v, now, out);
		return;
	case VRRP_EVENT_STOP: rest(v, VRRP_STATE_INIT, VRRP_CAUSE_STOPPED, now, out); return;
	case VRRP_EVENT_ADVERT:
	case VRRP_EVENT_PRIO:
	case VRRP_EVENT_SOURCE:
	case VRRP_EVENT_FAULT:
	case VRRP_EVENT_RESIGN:
	case VRRP_EVENT_ARM:
	case VRRP_EVENT_PEER:
	case VRRP_EVENT_JOIN:
	case VRRP_EVENT_YIELD:
	case VRRP_EVENT_RULES:
	case VRRP_EVENT_SLEPT: return;
	}
}

static bool preempts(const struct vrrp *v, uint8_t prio)
{
	return prio < v->prio && !v->resigned && (v->rules.preempt || v->prio == VRRP_PRIO_OWNER);
}

/* While the delay runs a lower master is obeyed. */
static bool preempt_delayed(struct vrrp *v, struct lb_time now)
{
	if (v->prio == VRRP_PRIO_OWNER || v->rules.preempt_delay_ms <= 0)
		return false;
	if (v->preempt_at.us == 0)
		v->preempt_at = lb_time_add_ms(now, v->rules.preempt_delay_ms);
	return !reached(now, v->preempt_at);
}

static void backup_left(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	if (!v->held && lb_time_cmp(now, v->armed_until) <= 0) {
		become_master(v, VRRP_CAUSE_PLANNED, now, out);
		return;
	}
	/* said again it does not put us off */
	struct lb_time at = after_us(now, vrrp_skew_us(v));
	v->deadline = v->left ? lb_time_min(v->deadline, at) : at;
	v->left = true;
}

static void backup_advert(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	set_alarm(v, VRRP_ALARM_PATH_DOWN, false, out);
	if (ev->prio == VRRP_PRIO_LEAVE) {
		backup_left(v, now, out);
		return;
	}
	set_alarm(v, VRRP_ALARM_TWO_OWNERS, v->prio == VRRP_PRIO_OWNER && ev->prio == VRRP_PRIO_OWNER, out);
	if (!preempts(v, ev->prio)) {
		v->preempt_at = (struct lb_time){ 0 };
		follow(v, ev, now);
	} else if (preempt_delayed(v, now)) {
		follow(v, ev, now);
	} else if (ev->prio > v->passed_prio) {
		v->passed_prio = ev->prio; /* the remaining down time goes on */
		v->passed = ev->from;
	}
}

/* Until when the second path says of somebody that it is master. */
static struct lb_time word_until(const struct vrrp *v)
{
	return vrrp_words_until(&v->words, (struct lb_time){ 0 });
}

/* Silence, but not here only: whether the group goes on to follow. */
static bool backup_held(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	bool owner = v->prio == VRRP_PRIO_OWNER && !v->resigned;
	if (v->passed_prio || v->left || owner || reached(now, v->held_until))
		return false;
	if (v->resuming) { /* that was a short time to listen: no reason for an alarm */
		arm_down(v, now);
		return true;
	}
	v->deadline = v->held_until;
	set_alarm(v, VRRP_ALARM_PATH_DOWN, true, out);
	return true;
}

static void backup_timer(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	if (!reached(now, v->deadline))
		return;
	/* We stood still: adverts may be waiting behind this event. Once, or a host that is always late never takes
	 * over. */
	if (!v->late && lb_time_diff_us(now, v->deadline) > interval_us(v)) {
		arm_down(v, now);
		v->late = true;
		return;
	}
	v->late = false;
	if (v->held) {
		arm_down(v, now);
		return;
	}
	/* Silence, while the peer says it is well. Not where it did speak and we preempt, or where it left. */
	if (!reached(now, word_until(v)) && !v->passed_prio && !v->left) {
		v->deadline = lb_time_min(word_until(v), after_us(now, interval_us(v)));
		set_alarm(v, VRRP_ALARM_PATH_DOWN, true, out);
		return;
	}
	if (backup_held(v, now, out))
		return;
	enum vrrp_cause cause = v->left ? VRRP_CAUSE_LEFT : v->resuming ? VRRP_CAUSE_RESUMED : VRRP_CAUSE_NO_ADVERT;
	become_master(v, cause, now, out);
}

/* Who was to be preempted may be one to obey now: it was heard, so its silence begins now. Else the timer that runs is
 * moved by what its interval grew or shrank. */
static void backup_reckon(struct vrrp *v, int64_t wait_was_us, struct lb_time now)
{
	if (v->passed_prio && !preempts(v, v->passed_prio)) {
		v->master = v->passed;
		v->master_prio = v->passed_prio;
		v->heard_at = now;
		arm_down(v, now);
		return;
	}
	int64_t by_us = wait_us(v) - wait_was_us;
	if (by_us == 0)
		return;
	v->deadline = after_us(v->deadline, by_us);
	if (lb_time_cmp(v->deadline, now) < 0)
		v->deadline = now;
}

static void backup_yield(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now)
{
	arm_down(v, now);
	struct lb_time at_least = lb_time_add_ms(now, ev->for_ms);
	if (lb_time_cmp(v->deadline, at_least) < 0)
		v->deadline = at_least;
}

/* What was said meanwhile was lost. */
static void backup_slept(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now)
{
	if (v->resuming)
		listen(v, now);
	else if (ev->for_ms * 1000 > interval_us(v))
		arm_down(v, now);
}

static void on_backup(
	struct vrrp *v, const struct vrrp_event *ev, int64_t wait_was_us, struct lb_time now, struct vrrp_acts *out)
{
	switch (ev->type) {
	case VRRP_EVENT_TIMER: backup_timer(v, now, out); return;
	case VRRP_EVENT_ADVERT: backup_advert(v, ev, now, out); return;
	case VRRP_EVENT_PRIO:
		if (v->prio != VRRP_PRIO_OWNER)
			set_alarm(v, VRRP_ALARM_TWO_OWNERS, false, out);
		backup_reckon(v, wait_was_us, now);
		return;
	case VRRP_EVENT_RULES:
		/* a shorter delay counts at once, a longer one from the next time on */
		if (v->preempt_at.us)
			v->preempt_at = lb_time_min(v->preempt_at, lb_time_add_ms(now, v->rules.preempt_delay_ms));
		backup_reckon(v, wait_was_us, now);
		return;
	case VRRP_EVENT_RESIGN:
		if (v->resuming) /* it does not go on with what it was told to give up */
			arm_down(v, now);
		else
			backup_reckon(v, wait_was_us, now);
		return;
	case VRRP_EVENT_FAULT:
		if (ev->on)
			rest(v, VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, now, out);
		return;
	case VRRP_EVENT_PEER:
		/* nothing is heard, and its word was all that held us: as after a priority 0 */
		if (v->alarms & 1u << VRRP_ALARM_PATH_DOWN && reached(now, word_until(v)))
			v->deadline = lb_time_min(v->deadline, after_us(now, vrrp_skew_us(v)));
		return;
	case VRRP_EVENT_JOIN: become_master(v, VRRP_CAUSE_GROUP, now, out); return;
	case VRRP_EVENT_YIELD: backup_yield(v, ev, now); return;
	case VRRP_EVENT_SLEPT: backup_slept(v, ev, now); return;
	case VRRP_EVENT_STOP: rest(v, VRRP_STATE_INIT, VRRP_CAUSE_STOPPED, now, out); return;
	case VRRP_EVENT_START:
	case VRRP_EVENT_SOURCE:
	case VRRP_EVENT_ARM: return;
	}
}

/* Above 0: theirs is the better claim. Addresses in network order (RFC 9568 6.4.3). */
static int claim_cmp(const struct vrrp_event *theirs, const struct vrrp *v)
{
	return theirs->prio != v->prio ? theirs->prio - v->prio : lb_ip_cmp(&theirs->from, &v->source);
}

static void note_meeting(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now)
{
	v->met = ev->from;
	v->met_prio = ev->prio;
	if (v->met_at.us == 0 || lb_time_diff_us(now, v->met_at) > vrrp_down_us(v))
		v->met_since = now;
	v->met_at = now;
}

/* One that yields at once is no alarm: its last advert is how it says so. */
static void meet_worse(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	note_meeting(v, ev, now);
	if (lb_time_diff_us(now, v->met_since) >= interval_us(v))
		set_alarm(v, VRRP_ALARM_TWO_MASTERS, true, out);
}

/* At once, but whoever forges adverts must not make us flood: what comes too early is put off to when it may. */
static void reply(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	struct lb_time may = after_us(v->sent_at, interval_us(v) / REPLY_DIVISOR);
	if (reached(now, may))
		send_advert(v, v->prio, now, out);
	else
		v->deadline = lb_time_min(v->deadline, may);
	if (v->announced_at.us == 0 || lb_time_diff_us(now, v->announced_at) >= interval_us(v)) {
		v->announced_at = now;
		act(out, VRRP_ACT_ANNOUNCE);
	}
}

static void master_advert(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	if (ev->prio == VRRP_PRIO_LEAVE) { /* it was master until now: neighbours may have heard from it last */
		reply(v, now, out);
		return;
	}
	int claim = claim_cmp(ev, v);
	if (claim > 0)
		yield_to(v, ev, VRRP_CAUSE_BETTER, now, out);
	else if (claim < 0) {
		reply(v, now, out);
		meet_worse(v, ev, now, out);
	} else {
		note_meeting(v, ev, now);
		set_alarm(v, VRRP_ALARM_SAME_ADDRESS, true, out);
	}
	if (ev->prio == VRRP_PRIO_OWNER && v->prio == VRRP_PRIO_OWNER)
		set_alarm(v, VRRP_ALARM_TWO_OWNERS, true, out);
}

static void master_peer(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	if (!ev->on)
		return;
	/* The paths are not ordered between each other: it left there, and its older word arrives here. If it stays
	 * with its word it will say so again. */
	if (lb_ip_cmp(&ev->from, &v->master) == 0 && lb_time_diff_us(now, v->since) < interval_us(v) / GRACE_DIVISOR)
		return;
	if (claim_cmp(ev, v) > 0)
		yield_to(v, ev, VRRP_CAUSE_PEER, now, out);
	else
		meet_worse(v, ev, now, out);
}

static void master_timer(struct vrrp *v, struct lb_time now, struct vrrp_acts *out)
{
	if (!reached(now, v->deadline))
		return;
	send_advert(v, v->prio, now, out);
	if (v->met_at.us != 0 && lb_time_diff_us(now, v->met_at) > vrrp_down_us(v)) {
		v->met_at = v->announced_at = (struct lb_time){ 0 };
		end_alarms(v, ALL_ALARMS, out);
	}
}

static void on_master(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	switch (ev->type) {
	case VRRP_EVENT_TIMER: master_timer(v, now, out); return;
	case VRRP_EVENT_ADVERT: master_advert(v, ev, now, out); return;
	case VRRP_EVENT_PEER: master_peer(v, ev, now, out); return;
	case VRRP_EVENT_PRIO: /* the next advert tells */
		if (v->prio != VRRP_PRIO_OWNER)
			set_alarm(v, VRRP_ALARM_TWO_OWNERS, false, out);
		return;
	case VRRP_EVENT_RULES: v->deadline = lb_time_min(v->deadline, after_us(now, interval_us(v))); return;
	case VRRP_EVENT_FAULT:
		if (ev->on)
			rest(v, VRRP_STATE_FAULT, VRRP_CAUSE_FAULT, now, out);
		return;
	case VRRP_EVENT_RESIGN:
		leave(v, now, out);
		become_backup(v, VRRP_CAUSE_RESIGNED, now, out);
		return;
	case VRRP_EVENT_YIELD:
		if (ev->on)
			leave(v, now, out);
		else
			act(out, VRRP_ACT_ADDRS)->on = false;
		become_backup(v, VRRP_CAUSE_GROUP, now, out);
		backup_yield(v, ev, now);
		return;
	case VRRP_EVENT_STOP: rest(v, VRRP_STATE_INIT, VRRP_CAUSE_STOPPED, now, out); return;
	case VRRP_EVENT_START:
	case VRRP_EVENT_SOURCE:
	case VRRP_EVENT_ARM:
	case VRRP_EVENT_JOIN:
	case VRRP_EVENT_SLEPT: return;
	}
}

static void on_fault(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	switch (ev->type) {
	case VRRP_EVENT_FAULT:
		if (!ev->on)
			become_backup(v, VRRP_CAUSE_RECOVERED, now, out);
		return;
	case VRRP_EVENT_STOP: rest(v, VRRP_STATE_INIT, VRRP_CAUSE_STOPPED, now, out); return;
	case VRRP_EVENT_START:
	case VRRP_EVENT_TIMER:
	case VRRP_EVENT_ADVERT:
	case VRRP_EVENT_PRIO:
	case VRRP_EVENT_SOURCE:
	case VRRP_EVENT_RESIGN:
	case VRRP_EVENT_ARM:
	case VRRP_EVENT_PEER:
	case VRRP_EVENT_JOIN:
	case VRRP_EVENT_YIELD:
	case VRRP_EVENT_RULES:
	case VRRP_EVENT_SLEPT: return;
	}
}

/* What is known of the world is known in every state. */
static void note(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now)
{
	switch (ev->type) {
	case VRRP_EVENT_PRIO: v->prio = ev->prio; return;
	case VRRP_EVENT_SOURCE: v->source = ev->from; return;
	case VRRP_EVENT_FAULT: v->fault = ev->on; return;
	case VRRP_EVENT_RESIGN: v->resigned = true; return;
	case VRRP_EVENT_ARM: v->armed_until = lb_time_add_ms(now, ev->for_ms); return;
	case VRRP_EVENT_PEER: vrrp_words_note(&v->words, &ev->from, ev->on, ev->for_ms, now); return;
	case VRRP_EVENT_RULES:
		/* an interval that was learned stays until its sender says otherwise */
		if (v->state != VRRP_STATE_BACKUP || v->rules.version == 2 || v->master.family == 0)
			v->master_interval_cs = v->rules.interval_cs;
		return;
	case VRRP_EVENT_START:
	case VRRP_EVENT_TIMER:
	case VRRP_EVENT_ADVERT:
	case VRRP_EVENT_JOIN:
	case VRRP_EVENT_YIELD:
	case VRRP_EVENT_SLEPT:
	case VRRP_EVENT_STOP: return;
	}
}

/* A clock that stands still while the machine sleeps does not tell all of it. */
static int64_t late_us(const struct vrrp *v, const struct vrrp_event *ev, struct lb_time now)
{
	return lb_time_diff_us(now, v->deadline) + (ev->type == VRRP_EVENT_SLEPT ? ev->for_ms * 1000 : 0);
}

void vrrp_step(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	out->n = 0;
	/* Somebody else is master by now, and hears nothing from us before we have heard it. */
	if (v->state == VRRP_STATE_MASTER && late_us(v, ev, now) > vrrp_down_us(v)) {
		act(out, VRRP_ACT_ADDRS)->on = false;
		become_backup(v, VRRP_CAUSE_LATE, now, out);
		listen(v, now);
	}
	int64_t wait_was_us = wait_us(v);
	note(v, ev, now);
	switch (v->state) {
	case VRRP_STATE_INIT: on_init(v, ev, now, out); return;
	case VRRP_STATE_BACKUP: on_backup(v, ev, wait_was_us, now, out); return;
	case VRRP_STATE_MASTER: on_master(v, ev, now, out); return;
	case VRRP_STATE_FAULT: on_fault(v, ev, now, out); return;
	}
}
