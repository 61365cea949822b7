/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which flows are copied: services.*.sync, and what of a flow makes it worth it. Pure. */
#pragma once

#include "lbd/sync/flow.h"
#include "lbd/sync/sync_room_msg.h"

/* ESTABLISHED copies connections that both sides agreed on, and every word about one that ends; persistence templates;
 * and whatever has no such state (UDP). ALL copies what the kernel tells. */
bool sync_copied(const struct sync_conf *conf, const struct flow *f);

/* The same of one that a look has found (conn_look.h). Nobody counts the packets of a flow of UDP there: of ESTABLISHED
 * it is left to the kernel, which tells it when it has had some. */
bool sync_copied_seen(const struct sync_conf *conf, const struct flow *f);

/* The same of an entry of connection tracking: sync.conntrack. Never one of this host with itself, nor one that begins
 * or ends at the nodes' own addresses: it cannot follow an address that moves. */
bool sync_copied_ct(const struct sync_conf *conf, const struct flow *f);

/* Whether a listener has the mark of f. Else its address decides, as in the kernel: flows have the mark of their
 * packets also where it is there for something else. */
bool sync_marks_listener(const struct sync_conf *conf, const struct flow *f);
