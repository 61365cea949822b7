/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of generations, for `lbctl config confirm`, `rollback`, `history`, and for `status`. */
#pragma once

#include "lbd/ctl/ctl_env.h"

void ctl_life_confirm(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_life_rollback(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_life_history(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* For `wait config confirmed`: 1, 0 not yet, -1 it was rolled back. */
int ctl_life_confirmed(const struct ctl_env *env);

/* For `status`: raised alarms, appended as texts; {state, note, ...} of what runs. */
void ctl_life_alarms(const struct ctl_env *env, json_t *list);
json_t *ctl_life_state(const struct ctl_env *env);
