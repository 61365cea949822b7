/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers that come from the kernel and not from what we believe of it: its rows in dump order (what ipvsadm shows),
 * its counters, and how it differs from what is wanted. Each is a stream, one kernel service per step. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* head, then every service of the kernel with its destinations, ours or not. */
void ctl_kernel_rows(struct ctl_env *env, struct ctl_reply *r);

/* One row per listener (backends: per backend and listener) of a service; MODEL_NONE = of all. */
void ctl_kernel_stats(struct ctl_env *env, uint32_t service, bool backends, bool rate, struct ctl_reply *r);

/* Reads the kernel anew and ends with 0 (equal) or 1. Changes nothing. */
void ctl_kernel_diff(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* Counts a service of ours from 0 anew. */
void ctl_kernel_zero(struct ctl_env *env, uint32_t service, struct ctl_reply *r);

/* Ends the answer: the kernel said err (-errno) where it was read. */
void ctl_kernel_unreadable(struct ctl_reply *r, int err);
