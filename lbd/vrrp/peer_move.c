/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/peer_move.h"

#include "lbd/vrrp/vrrp_pkt.h"

#include <assert.h>

#define SPOKEN (PEER_ENTRY_ARM | PEER_ENTRY_ARMED | PEER_ENTRY_WANT) /* what must be repeated */

const char *const peer_move_reasons[] = {
	[PEER_MOVE_DONE] = "",
	[PEER_MOVE_NOT_MASTER] = "this node is not master",
	[PEER_MOVE_NOT_READY] = "no node is ready",
	[PEER_MOVE_LOST] = "no longer master",
	[PEER_MOVE_NOT_TAKEN] = "no node took over",
	[PEER_MOVE_NOT_GIVEN] = "the master did not hand over",
	[PEER_MOVE_CANNOT] = "this node cannot be master",
	[PEER_MOVE_REPLACED] = "replaced by another word",
};
_Static_assert(
	sizeof(peer_move_reasons) / sizeof(peer_move_reasons[0]) == PEER_MOVE_REASON_COUNT, "one text per reason");

static bool reached(struct lb_time now, struct lb_time t)
{
	return lb_time_cmp(now, t) >= 0;
}

static struct peer_move_act *act(struct peer_move_acts *out, enum peer_move_act_type type)
{
	assert(out->n < PEER_MOVE_ACTS_MAX);
	struct peer_move_act *a = &out->v[out->n++];
	*a = (struct peer_move_act){ .type = type };
	return a;
}

/* How long ago, 0 = not known. */
static uint32_t outage_us(struct lb_time from, struct lb_time now)
{
	int64_t us = from.us ? lb_time_diff_us(now, from) : 0;
	return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* ---- what others say ---- */

static bool is_young(const struct peer_move_said *s, struct lb_time now)
{
	return lb_time_diff_us(now, s->after) < INT64_C(1000) * PEER_MOVE_WORD_MS;
}

static bool says(const struct peer_move_said *s, uint8_t flag, enum vrrp_state in, struct lb_time now)
{
	return s->known && s->flags & flag && s->state == in && is_young(s, now);
}

static bool is_asked(const struct peer_move *m, struct lb_time now)
{
	for (size_t i = 0; i < PEER_MOVE_NODES_MAX; i++)
		if (says(&m->said[i], PEER_ENTRY_ARM, VRRP_STATE_MASTER, now))
			return true;
	return false;
}

static bool wants(const struct peer_move *m, const struct vrrp *v, struct lb_time now)
{
	return m->take.on && v->state == VRRP_STATE_BACKUP && !reached(now, m->take.until);
}

/* Above 0: theirs is the better claim to what a master gives away. */
static int claim_cmp(
	const struct peer_move *m, const struct vrrp *v, const struct peer_move_said *s, struct lb_time now)
{
	bool want = s->flags & PEER_ENTRY_WANT, out = s->flags & PEER_ENTRY_OUT;
	if (want != wants(m, v, now))
		return want ? 1 : -1;
	if (out != v->resigned)
		return out ? -1 : 1;
	return s->prio != v->prio ? s->prio - v->prio : lb_ip_cmp(&s->source, &v->source);
}

/* When it is our turn, once somebody asked. */
static struct lb_time turn(const struct peer_move *m, const struct vrrp *v, struct lb_time now)
{
	struct lb_time t = m->asked_since;
	for (size_t i = 0; i < PEER_MOVE_NODES_MAX; i++)
		if (m->said[i].known && m->said[i].state == VRRP_STATE_BACKUP && claim_cmp(m, v, &m->said[i], now) > 0)
			t = lb_time_add_ms(t, PEER_MOVE_TURN_MS);
	return t;
}

static bool can_take_over(const struct vrrp *v)
{
	return v->state == VRRP_STATE_BACKUP && !v->held;
}

/* ---- what we say ---- */

static bool told_to_leave(const struct peer_move *m, struct lb_time now)
{
	return m->leave.on && !m->leave.left && !reached(now, m->leave.until);
}

static bool leaves(const struct peer_move *m, const struct vrrp *v, struct lb_time now)
{
	return v->state == VRRP_STATE_MASTER && (told_to_leave(m, now) || !reached(now, m->want_until));
}

bool peer_move_ready(const struct peer_move *m, const struct vrrp *v, struct lb_time now)
{
	if (!m->arm_since.us || !leaves(m, v, now))
		return false;
	for (size_t i = 0; i < PEER_MOVE_NODES_MAX; i++) {
		const struct peer_move_said *s = &m->said[i];
		if (says(s, PEER_ENTRY_ARMED, VRRP_STATE_BACKUP, now) && lb_time_cmp(s->after, m->arm_since) >= 0 &&
			(told_to_leave(m, now) || s->flags & PEER_ENTRY_WANT))
			return true;
	}
	return false;
}

/* Not a promise that nothing has been done for: between two looks ARM and ARMED may only end. */
uint8_t peer_move_flags(const struct peer_move *m, const struct vrrp *v, struct lb_time now)
{
	uint8_t flags = 0;
	if (m->arm_since.us && leaves(m, v, now))
		flags |= PEER_ENTRY_ARM;
	if (m->armed && can_take_over(v) && is_asked(m, now))
		flags |= PEER_ENTRY_ARMED;
	if (wants(m, v, now))
		flags |= PEER_ENTRY_WANT;
	if (v->resigned && v->state != VRRP_STATE_MASTER)
		flags |= PEER_ENTRY_OUT;
	return flags;
}

/* ---- how words end ---- */

static void end_take(struct peer_move *m, enum peer_move_reason why, struct lb_time now, struct peer_move_acts *out)
{
	m->take.on = false;
	if (m->take.quiet)
		return;
	struct peer_move_act *a = act(out, PEER_MOVE_MOVED);
	a->reason = why;
	a->outage_us = why == PEER_MOVE_DONE ? outage_us(m->last_word, now) : 0;
}

static void end_leave(struct peer_move *m, enum peer_move_reason why, struct lb_time now, struct peer_move_acts *out)
{
	m->leave.on = false;
	if (m->leave.quiet)
		return;
	struct peer_move_act *a = act(out, PEER_MOVE_MOVED);
	a->away = true;
	a->reason = why;
	a->outage_us = why == PEER_MOVE_DONE ? outage_us(m->leave.left_at, now) : 0;
}

static void look_at_take(struct peer_move *m, const struct vrrp *v, struct lb_time now, struct peer_move_acts *out)
{
	if (!m->take.on)
		return;
	if (v->state == VRRP_STATE_MASTER)
		end_take(m, PEER_MOVE_DONE, now, out);
	else if (v->state != VRRP_STATE_BACKUP)
		end_take(m, PEER_MOVE_CANNOT, now, out);
	else if (reached(now, lb_time_add_ms(m->take.until, PEER_MOVE_ARM_MS)))
		end_take(m, PEER_MOVE_NOT_GIVEN, now, out); /* we are not ready on that account any more */
}

static bool other_master(const struct peer_move *m)
{
	for (size_t i = 0; i < PEER_MOVE_NODES_MAX; i++)
		if (m->said[i].known && m->said[i].state == VRRP_STATE_MASTER &&
			lb_time_cmp(m->said[i].after, m->leave.left_at) >= 0)
			return true;
	return false;
}

static void look_at_leave(struct peer_move *m, const struct vrrp *v, struct lb_time now, struct peer_move_acts *out)
{
	bool master = v->state == VRRP_STATE_MASTER;
	if (!m->leave.on)
		return;
	if (!m->leave.left) {
		if (master) {
			if (reached(now, m->leave.until))
				end_leave(m, PEER_MOVE_NOT_READY, now, out);
			return;
		}
		if (v->state != VRRP_STATE_BACKUP || !v->resigned) {
			end_leave(m, PEER_MOVE_LOST, now, out);
			return;
		}
		m->leave.left = true;
		m->leave.left_at = now;
		m->leave.until = lb_time_add_ms(now, PEER_MOVE_AFTER_MS);
	}
	if (!master && other_master(m))
		end_leave(m, PEER_MOVE_DONE, now, out);
	else if (master || reached(now, m->leave.until))
		end_leave(m, PEER_MOVE_NOT_TAKEN, now, out);
}

/* ---- settling ---- */

/* What came with this call: an ARM that is young, or a word of which we cannot know that it is. */
struct news {
	bool arm, doubtful;
};

static void look_at_others(struct peer_move *m, const struct vrrp *v, struct lb_time now, const struct news *news,
	struct peer_move_acts *out)
{
	if (v->state != VRRP_STATE_MASTER)
		m->want_until = (struct lb_time){ 0 };
	if (!leaves(m, v, now))
		m->arm_since = (struct lb_time){ 0 };
	else if (!m->arm_since.us)
		m->arm_since = now;

	if (!is_asked(m, now))
		m->asked_since = (struct lb_time){ 0 };
	else if (!m->asked_since.us)
		m->asked_since = now;
	bool was = m->armed;
	m->armed = can_take_over(v) && m->asked_since.us && reached(now, turn(m, v, now));
	if (m->armed && (!was || news->arm))
		act(out, PEER_MOVE_ARM);
	if (peer_move_ready(m, v, now))
		act(out, PEER_MOVE_RESIGN);
}

static struct lb_time sooner(struct lb_time a, struct lb_time b, struct lb_time now)
{
	return reached(now, b) ? a : lb_time_min(a, b);
}

static struct lb_time next_look(const struct peer_move *m, const struct vrrp *v, struct lb_time now)
{
	struct lb_time t = LB_TIME_NEVER;
	if (m->leave.on)
		t = sooner(t, m->leave.until, now);
	if (m->take.on) {
		t = sooner(t, m->take.until, now);
		t = sooner(t, lb_time_add_ms(m->take.until, PEER_MOVE_ARM_MS), now);
	}
	t = sooner(t, m->want_until, now);
	if (m->asked_since.us && can_take_over(v))
		t = sooner(t, turn(m, v, now), now);
	for (size_t i = 0; i < PEER_MOVE_NODES_MAX; i++)
		if (says(&m->said[i], PEER_ENTRY_ARM, VRRP_STATE_MASTER, now))
			t = sooner(t, lb_time_add_ms(m->said[i].after, PEER_MOVE_WORD_MS), now);
	if (m->flags & SPOKEN)
		t = sooner(t, lb_time_add_ms(m->said_at, PEER_MOVE_REPEAT_MS), now);
	return t;
}

static void settle(struct peer_move *m, const struct vrrp *v, struct lb_time now, const struct news *news,
	struct peer_move_acts *out)
{
	look_at_take(m, v, now, out);
	look_at_leave(m, v, now, out);
	look_at_others(m, v, now, news, out);
	uint8_t flags = peer_move_flags(m, v, now);
	bool due = flags & SPOKEN && reached(now, lb_time_add_ms(m->said_at, PEER_MOVE_REPEAT_MS));
	if (flags != m->flags || due || news->doubtful) {
		m->flags = flags;
		m->said_at = now;
		act(out, PEER_MOVE_SAY);
	}
	m->deadline = next_look(m, v, now);
}

/* ---- what happens ---- */

static const struct news none = { 0 };

void peer_move_look(struct peer_move *m, const struct vrrp *v, struct lb_time now, struct peer_move_acts *out)
{
	out->n = 0;
	settle(m, v, now, &none, out);
}

void peer_move_do(struct peer_move *m, const struct vrrp *v, enum peer_move_word word, uint32_t for_ms, bool quiet,
	struct lb_time now, struct peer_move_acts *out)
{
	struct lb_time until = lb_time_add_ms(now, for_ms);
	out->n = 0;
	switch (word) {
	case PEER_MOVE_HANDOVER:
		if (m->leave.on)
			end_leave(m, PEER_MOVE_REPLACED, now, out);
		m->leave.on = true;
		m->leave.quiet = quiet;
		m->leave.left = false;
		m->leave.until = until;
		if (v->state != VRRP_STATE_MASTER)
			end_leave(m, PEER_MOVE_NOT_MASTER, now, out);
		break;
	case PEER_MOVE_TAKE:
		if (m->take.on)
			end_take(m, PEER_MOVE_REPLACED, now, out);
		m->take.on = true;
		m->take.quiet = quiet;
		m->take.until = until;
		m->last_word = (struct lb_time){ 0 };
		break;
	}
	settle(m, v, now, &none, out);
}

void peer_move_hear(struct peer_move *m, const struct vrrp *v, size_t node, const struct peer_entry *e,
	struct lb_time said_after, struct lb_time now, struct peer_move_acts *out)
{
	assert(node < PEER_MOVE_NODES_MAX);
	struct peer_move_said *s = &m->said[node];
	struct news news = { 0 };
	out->n = 0;
	*s = (struct peer_move_said){ 0 };
	if (e) {
		*s = (struct peer_move_said){ .known = true,
			.state = e->state,
			.prio = e->prio,
			.flags = e->flags,
			.source = e->source,
			.after = said_after };
		news.arm = says(s, PEER_ENTRY_ARM, VRRP_STATE_MASTER, now);
		news.doubtful = s->flags & SPOKEN && !is_young(s, now);
		if (v->state == VRRP_STATE_MASTER && says(s, PEER_ENTRY_WANT, VRRP_STATE_BACKUP, now))
			m->want_until = lb_time_add_ms(now, PEER_MOVE_WANT_MS);
	}
	settle(m, v, now, &news, out);
}

void peer_move_advert(
	struct peer_move *m, const struct vrrp *v, uint8_t prio, struct lb_time now, struct peer_move_acts *out)
{
	out->n = 0;
	if (prio == VRRP_PRIO_LEAVE)
		m->last_word = now;
	else if (m->leave.on && m->leave.left && v->state != VRRP_STATE_MASTER)
		end_leave(m, PEER_MOVE_DONE, now, out);
	settle(m, v, now, &none, out);
}
