/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `failover`: everything that this node is master of goes to the other node; where it is master of nothing, everything
 * that the other node is master of comes here. It is refused where that could not work, or where less would be served
 * (ctl_fit.h), unless it is forced.
 *
 * The process of VRRP does it (vrrp.do handover and take) and says how it ended (vrrp.moved). Who waits for that holds
 * the answer: until each instance has ended, the client has gone, or the time is over.
 *
 * The kernel says a connection up to two seconds after it began. So before anything is handed over the process that
 * copies flows looks at all of them, and the other node acknowledges what was new; that has CTL_FAILOVER_COPY_MS. Until
 * then nothing has happened: a client that goes takes its word back.
 */
#pragma once

#include "lbd/ctl/ctl_env.h"

#define CTL_FAILOVER_GIVE_MS 1000 /* so long a master waits until another node says that it is ready */
#define CTL_FAILOVER_TAKE_MS 1500
#define CTL_FAILOVER_COPY_MS 3000 /* longer than the kernel takes: it has said all of before by then */

struct ctl_failovers *ctl_failovers_new(void); /* NULL: no memory */
/* Every answer must have ended, or its client have gone. */
void ctl_failovers_free(struct ctl_failovers *fs);

/* The handler. Rows of LB_ROW_MOVE for who waits. */
void ctl_failover(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* One instance has ended. */
void ctl_failover_moved(struct ctl_failovers *fs, const struct vrrp_msg_moved *m);
/* States may have changed, or time has passed. Returns when to look again at the latest; LB_TIME_NEVER. */
struct lb_time ctl_failovers_look(struct ctl_failovers *fs, struct lb_time now);
/* The look of that number, and all before, have ended; ok: and the other node has everything. */
void ctl_failovers_looked(struct ctl_failovers *fs, uint32_t look, bool ok);
/* No word will come any more: whoever waits is told why. */
void ctl_failovers_lost(struct ctl_failovers *fs, const char *why);
