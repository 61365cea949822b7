/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `lbctl vrrp` looks at and does: instances as their process sees them, with what the core tells it. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* One row per instance, streamed. */
void ctl_vrrp_list(struct ctl_env *env, struct ctl_reply *r);
void ctl_vrrp_show(struct ctl_env *env, const char *name, struct ctl_reply *r);
/* Handed to the process; the answer says what is on its way. */
void ctl_vrrp_resign(struct ctl_env *env, const char *name, struct ctl_reply *r);
void ctl_vrrp_announce(struct ctl_env *env, const char *name, struct ctl_reply *r);

/* The instance of that name; NULL after ending the answer. */
const struct model_vrrp *ctl_vrrp_of(struct ctl_env *env, const char *name, struct ctl_reply *r);
/* 0; -1 and *e where it, or another of its group, owns its addresses: they are the node's for good. */
int ctl_vrrp_owned(const struct ctl_env *env, const struct model_vrrp *v, struct lb_err *e);
/* There is none of that name: the error, with the nearest one. Always -1. */
int ctl_vrrp_unknown(const struct ctl_env *env, const char *name, struct lb_err *e);

/* For `status`: raised alarms, appended as texts; {vrrp, state, cause} of each instance, NULL when there is none. */
void ctl_vrrp_alarms(const struct ctl_env *env, json_t *list);
json_t *ctl_vrrp_roles(const struct ctl_env *env);
