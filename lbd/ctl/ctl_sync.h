/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `lbctl sync` looks at and orders: the flows that are copied to the other node. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* The handlers. One row per kind of flow, and in words why nothing is copied, or why it is not as it should be. */
void ctl_sync_status(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_sync_resync(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_sync_pause(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_sync_resume(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* Flows are not copied: the error, and what to do. Always -1. */
int ctl_sync_not(const struct ctl_env *env, struct lb_err *e);
/* Whether everything of before has been copied, both ways; -1: flows are not copied. */
int ctl_sync_in_sync(const struct ctl_env *env);

/* 0: the core of the other node can be talked to. -1: why not, and what to do (unreachable). */
int ctl_sync_no_talk(const struct ctl_env *env, struct lb_err *e);

/* For `status`: raised alarms, appended as texts; what this node's kernel does not do, appended as findings; {state,
 * peer, lag, done, all, reason}, NULL when flows are not copied. */
void ctl_sync_alarms(const struct ctl_env *env, json_t *list);
void ctl_sync_findings(const struct ctl_env *env, json_t *list);
json_t *ctl_sync_role(const struct ctl_env *env);
