/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `lbctl check` looks at: probe targets, the checks they belong to, and what went up and down. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* One row per target, streamed; names: one row per check, with its name and type alone (for completion). */
void ctl_check_list(struct ctl_env *env, bool names, struct ctl_reply *r);

/* The settings of a check, defaults included, with its targets. whole: also what is not for who may only look. */
void ctl_check_show(struct ctl_env *env, const char *name, bool whole, struct ctl_reply *r);

/* The newest `last` transitions (0 = 50), oldest first; check, backend: of these alone, NULL = all. */
void ctl_check_history(struct ctl_env *env, const char *check, const char *backend, uint32_t last, struct ctl_reply *r);
