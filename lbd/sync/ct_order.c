/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ct_order.h"

#include <errno.h>

enum ct_order ct_order_first(const struct flow *f, bool room)
{
	if (f->flags & CT_GONE)
		return CT_ORDER_SHORTEN;
	return room ? CT_ORDER_CREATE : CT_ORDER_UPDATE;
}

enum ct_order ct_order_next(enum ct_order did, int err)
{
	switch (did) {
	case CT_ORDER_CREATE:
		if (err == -EEXIST)
			return CT_ORDER_CHANGE;
		break;
	case CT_ORDER_CHANGE:
		if (err == -EBUSY)
			return CT_ORDER_REST;
		if (err == -ENOENT) /* so it is the other tuple that is taken */
			return CT_ORDER_CLEAR;
		break;
	case CT_ORDER_UPDATE:
		if (err == -EBUSY)
			return CT_ORDER_REST;
		break;
	case CT_ORDER_CLEAR: return err == 0 || err == -ENOENT ? CT_ORDER_AGAIN : CT_ORDER_FAILED;
	case CT_ORDER_SHORTEN:
	case CT_ORDER_DROP:
	case CT_ORDER_RELAX:
		if (err == -ENOENT)
			return CT_ORDER_DONE;
		break;
	case CT_ORDER_REST:
	case CT_ORDER_AGAIN: break;
	case CT_ORDER_DONE:
	case CT_ORDER_FAILED: return did;
	}
	return err ? CT_ORDER_FAILED : CT_ORDER_DONE;
}

bool ct_order_is_full(enum ct_order did, int err)
{
	if (did == CT_ORDER_UPDATE)
		return err == -ENOENT;
	return (did == CT_ORDER_CREATE || did == CT_ORDER_AGAIN) && (err == -ENOMEM || err == -ENFILE);
}
