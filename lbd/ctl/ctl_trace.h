/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lbctl trace`: where the time of the last changes went (lbd/trace.h). */
#pragma once

#include "lbd/ctl/ctl_env.h"

void ctl_trace(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
