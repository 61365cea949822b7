/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What operators say of backends and instances until it is taken back: rows of the table in ctl_cmd.c. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* The backend of the argument; MODEL_NONE after ending the answer. */
uint32_t ctl_backend_of(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

void ctl_override_enable(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_override_drain(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_override_maint(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_override_weight(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_override_force(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
/* Maintenance of a whole service, or its end. */
void ctl_override_service(
	struct ctl_env *env, struct ctl_request *rq, uint32_t service, bool maint, struct ctl_reply *r);
void ctl_override_priority(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
