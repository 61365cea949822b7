/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `check run`: every check of a backend is probed now, and the answer is held until all of them have said what they
 * found, the client has gone, or the process that probes has. The schedule and the counters know nothing of it.
 */
#pragma once

#include "lbd/check/check_msg.h"
#include "lbd/ctl/ctl_env.h"

#define CTL_RUN_PROBES_MAX 16u /* that are waited for at once, of all clients */

struct ctl_runs *ctl_runs_new(void); /* NULL: no memory */
/* Every answer must have ended, or its client have gone. */
void ctl_runs_free(struct ctl_runs *runs);

/* Asks for the probes (env->ops->probe_run) and holds the answer: a row per check as it comes, then 0 when all passed,
 * 1 when one did not. Refused (7) when nothing can be asked or too much is. */
void ctl_run(struct ctl_env *env, uint32_t backend, struct ctl_reply *r);

/* One has answered, in this room. A token for which nobody waits for that room is ignored. */
void ctl_run_result(struct ctl_runs *runs, enum check_room room, const struct check_msg_ran *ran);

/* No answer will come any more from this room: whoever waits for one is told why. */
void ctl_runs_lost(struct ctl_runs *runs, enum check_room room, const char *why);
