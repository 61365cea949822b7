/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `lbctl peer` looks at: the other nodes of the cluster, as they are known over the second path. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* The handler: one row per node, and in words when there is no second path. */
void ctl_peer_status(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_peer_diff(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* There is no node of that name ("" = none at all): the error, with the nearest one. Always -1. */
int ctl_peer_unknown(const struct ctl_env *env, const char *name, struct lb_err *e);
/* Whether that node is up; name "": whether all are. -1: there is none. */
int ctl_peer_up(const struct ctl_env *env, const char *name);

/* For `status`: raised alarms, appended as texts; {peer, state, paths, paths_up, configuration} of each node, NULL when
 * there is none. */
void ctl_peer_alarms(const struct ctl_env *env, json_t *list);
json_t *ctl_peer_roles(const struct ctl_env *env);
