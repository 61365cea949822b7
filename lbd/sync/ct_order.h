/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an entry gets into a kernel that may have it already, or another one in its place: which request comes first, and
 * which one after the kernel's answer. Pure. */
#pragma once

#include "lbd/sync/ct_flow.h"

enum ct_order {
	CT_ORDER_CREATE,  /* only where there is none */
	CT_ORDER_CHANGE,  /* one that is there: all but addresses, which the kernel lets nobody change */
	CT_ORDER_UPDATE,  /* the same, and there is no room for one that is not there */
	CT_ORDER_REST,    /* the same without status bits: the kernel knows more of it than we were told */
	CT_ORDER_CLEAR,   /* by the tuple of the answer: somebody else's entry stands in the way */
	CT_ORDER_AGAIN,   /* create, after that */
	CT_ORDER_SHORTEN, /* its timeout and nothing else, if it is there */
	CT_ORDER_DROP,    /* what is there */
	CT_ORDER_RELAX,   /* CT_TCP_LIBERAL and nothing else */
	CT_ORDER_DONE,
	CT_ORDER_FAILED
};

/* room: whether one more may be made. */
enum ct_order ct_order_first(const struct flow *f, bool room);
/* err: 0 or -errno of the kernel. */
enum ct_order ct_order_next(enum ct_order did, int err);
/* The kernel took none because it has no room for any (nf_conntrack_max): it is no use to go on at once. */
bool ct_order_is_full(enum ct_order did, int err);
