/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ct_book.h"

#define SLACK_S                                                                                                        \
	4 /* between what was put into the kernel and what it says of it later: both round, and it takes time          \
	   */

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

static enum ct_verdict said_there(
	const struct flow_entry *have, const struct flow *f, bool in_kernel, bool first, struct lb_time now)
{
	struct flow known;
	if (!have)
		return first ? CT_OLD : CT_LOCAL;
	if (have->origin == FLOW_PEER) {
		/* what this kernel made of the other node's word is no news; that packets come by here is */
		return in_kernel && f->timeout_s > known_s(have, now) + SLACK_S ? CT_LOCAL : CT_SAW;
	}
	flow_entry_get(have, &known);
	return !ct_flow_same(&known, f) || ct_flow_is_refreshed(known_s(have, now), f->timeout_s) ? CT_LOCAL : CT_SAW;
}

static enum ct_verdict said_gone(const struct flow_entry *have, struct lb_time now)
{
	if (!have)
		return CT_NOTHING;
	if (is_gone(have))
		return CT_SAW; /* it stands there for the other node, until its time is over */
	if (have->origin == FLOW_PEER)
		return CT_NOTHING;
	/* it ends there by itself */
	return left_s(have, now) <= SLACK_S ? CT_FORGET : CT_GO;
}

enum ct_verdict ct_book_said(const struct flow_entry *have, const struct flow *f, enum ct_said said, bool in_kernel,
	bool first, struct lb_time now)
{
	switch (said) {
	case CT_SAID_CHANGED: return CT_LOCAL;
	case CT_SAID_GONE: return said_gone(have, now);
	case CT_SAID_THERE: return said_there(have, f, in_kernel, first, now);
	}
	return CT_NOTHING;
}

enum ct_verdict ct_book_unseen(const struct flow_entry *have, bool in_kernel, struct lb_time now)
{
	if (is_gone(have) || left_s(have, now) <= SLACK_S)
		return CT_NOTHING;
	if (have->origin == FLOW_PEER)
		return in_kernel ? CT_AGAIN : CT_NOTHING;
	return CT_GO;
}

void ct_book_gone(const struct flow_entry *have, struct flow *out, struct lb_time now)
{
	flow_entry_get(have, out);
	out->timeout_s = known_s(have, now);
	out->timeout_s = ct_flow_gone_s(out);
	if (!out->timeout_s)
		out->timeout_s = 1;
	out->flags |= CT_GONE;
}

bool ct_book_takes(const struct flow_entry *have, const struct flow *f, bool fresh)
{
	if (!fresh)
		return false;
	return !(f->flags & CT_GONE) || (have && have->origin == FLOW_PEER);
}
