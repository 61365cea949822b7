/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ct_book.h"

/* Between what was put into the kernel and what it says of it later: both round, and it takes time. */
#define SLACK_S 4

static int64_t left_s(const struct flow_entry *e, struct lb_time now)
{
	return (lb_time_diff_us(e->expires, now) + 999999) / 1000000;
}

static uint32_t known_s(const struct flow_entry *e, struct lb_time now)
{
	int64_t s = left_s(e, now);
	return s <= 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static bool is_gone(const struct flow_entry *e)
{
	return e->flags & CT_GONE;
}

static bool is_old(const struct flow_entry *e, struct lb_time now)
{
	return lb_time_diff_us(now, e->put_at) >= CT_OLD_MS * INT64_C(1000);
}

bool ct_book_has_packets(const struct flow_entry *have, const struct flow *f, struct lb_time now)
{
	uint32_t known = known_s(have, now);
	return f->timeout_s > known + SLACK_S || f->timeout_s + SLACK_S < known;
}

static enum ct_verdict said_there(
	const struct flow_entry *have, const struct flow *f, bool in_kernel, bool first, struct lb_time now)
{
	struct flow known;
	if (!have)
		return first ? CT_OLD : CT_LOCAL;
	if (have->origin == FLOW_PEER) {
		if (first && is_gone(have)) /* it may have been read before it was made short */
			return CT_SAW;
		/* what this kernel made of the other node's word is no news; that packets come by here is */
		return in_kernel && f->timeout_s > known_s(have, now) + SLACK_S ? CT_LOCAL : CT_SAW;
	}
	/* of one that was there before us, or is over there, the other node may believe little: that there are packets
	 * is worth a word */
	if ((is_old(have, now) || have->flags & CT_DOUBT) && ct_book_has_packets(have, f, now))
		return CT_LOCAL;
	flow_entry_get(have, &known);
	return !ct_flow_same(&known, f) || ct_flow_is_refreshed(known_s(have, now), f->timeout_s) ? CT_LOCAL : CT_SAW;
}

bool ct_book_was_told(const struct flow_entry *have, const struct ct_reach *reach)
{
	return have && (have->origin == FLOW_PEER || have->flags & CT_TOLD || have->number <= reach->sent);
}

/* One of this node's is over. It ends there by itself where the other node has heard how short its time is, or nothing
 * of it at all; not where an earlier word is the last that it has. */
static enum ct_verdict ends(const struct flow_entry *have, bool in_time, const struct ct_reach *reach)
{
	bool heard = have->number <= reach->heard;
	return ct_book_was_told(have, reach) && !(in_time && heard) ? CT_GO : CT_FORGET;
}

static enum ct_verdict said_gone(const struct flow_entry *have, struct lb_time now, const struct ct_reach *reach)
{
	if (!have)
		return CT_NOTHING;
	if (is_gone(have))
		return CT_SAW; /* it stands there for the other node */
	if (have->origin == FLOW_PEER)
		return CT_NOTHING;
	return ends(have, left_s(have, now) <= SLACK_S, reach);
}

enum ct_verdict ct_book_said(const struct flow_entry *have, const struct flow *f, enum ct_said said, bool in_kernel,
	bool first, const struct ct_reach *reach, struct lb_time now)
{
	switch (said) {
	case CT_SAID_CHANGED: return CT_LOCAL;
	case CT_SAID_GONE: return said_gone(have, now, reach);
	case CT_SAID_THERE: return said_there(have, f, in_kernel, first, now);
	}
	return CT_NOTHING;
}

enum ct_verdict ct_book_said_apart(const struct flow_entry *have, enum ct_said said)
{
	if (!have || have->origin != FLOW_PEER)
		return CT_NOTHING;
	if (said == CT_SAID_THERE)
		return CT_SAW;
	return is_gone(have) ? CT_NOTHING : CT_GO;
}

/* Whether an end has been told and is over there, too. */
static bool is_done(const struct flow_entry *have, struct lb_time now, const struct ct_reach *reach)
{
	struct flow f;
	flow_entry_get(have, &f);
	return have->origin == FLOW_LOCAL && have->number <= reach->heard &&
	       lb_time_diff_us(now, have->put_at) > ct_flow_gone_s(&f) * INT64_C(1000000);
}

enum ct_verdict ct_book_unseen(const struct flow_entry *have, bool in_kernel, enum ct_missing missing,
	const struct ct_reach *reach, struct lb_time now)
{
	if (is_gone(have))
		return is_done(have, now, reach) ? CT_FORGET : CT_NOTHING;
	if (left_s(have, now) <= SLACK_S)
		return CT_NOTHING;
	if (have->origin == FLOW_LOCAL)
		return ends(have, false, reach);
	if (!in_kernel)
		return CT_NOTHING;
	return missing == CT_MISSING_LOST ? CT_AGAIN : missing == CT_MISSING_ENDED ? CT_GO : CT_FORGET;
}

enum ct_verdict ct_book_expired(const struct flow_entry *have, const struct ct_reach *reach)
{
	return is_gone(have) || have->origin == FLOW_PEER ? CT_FORGET : ends(have, true, reach);
}

void ct_book_gone(const struct flow_entry *have, struct flow *out)
{
	flow_entry_get(have, out);
	out->timeout_s = CT_KEEP_S;
	out->flags |= CT_GONE | CT_TOLD;
}

enum ct_belief ct_book_takes(
	const struct flow_entry *have, const struct flow *f, bool fresh, bool first, struct lb_time now)
{
	if (!fresh)
		return CT_REFUSED;
	if (!(f->flags & CT_GONE))
		return CT_TAKEN;
	if (!have)
		return first ? CT_TAKEN : CT_REFUSED;
	if (have->origin == FLOW_PEER || is_old(have, now))
		return CT_TAKEN;
	return have->flags & (CT_GONE | CT_DOUBT) ? CT_REFUSED : CT_DOUBTED;
}

bool ct_book_waits(const struct flow_entry *have, int64_t age_ms, uint64_t unheard, struct lb_time now)
{
	return have && have->origin == FLOW_PEER && have->number <= unheard &&
	       age_ms + 1000 >= lb_time_diff_us(now, have->put_at) / 1000;
}

bool ct_book_doubt(const struct flow_entry *have, struct lb_time now, struct flow *out)
{
	bool left = flow_entry_left(have, now, out);
	out->flags |= CT_DOUBT;
	return left;
}

bool ct_book_takes_apart(const struct flow_entry *have)
{
	return have && have->origin == FLOW_PEER && !is_gone(have);
}

uint32_t ct_book_takes_s(const struct flow_entry *have, const struct flow *f, int64_t age_ms, bool knows)
{
	uint32_t s = ct_flow_hold_s(f), gone_s = ct_flow_gone_s(f);
	return !have && knows && age_ms >= CT_OLD_MS && gone_s < s ? gone_s : s;
}
