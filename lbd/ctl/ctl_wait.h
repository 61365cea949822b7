/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* One has its place at the socket for as long as it lasts. With the watchers that leaves some for who only asks. */
#define CTL_WAITS_MAX 40u

/* Ends the answer when the condition (a row of lb_waits) holds: 0; can never hold: 1; after timeout_ms (0 = never): 9.
 * At once where there are CTL_WAITS_MAX: 7. */
void ctl_wait(struct ctl_env *env, const char *object, const char *condition, int64_t timeout_ms, struct ctl_reply *r);
