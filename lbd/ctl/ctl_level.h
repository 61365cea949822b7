/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `log level`: shows and sets how much is logged. */
#pragma once

#include "lbd/ctl/ctl_env.h"

void ctl_log_level(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
