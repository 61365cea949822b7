/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters for `lbctl top`, which asks every second and makes rates of them: lines of text, many to a row, because with
 * ten thousand listeners an object for each would cost more than all the rest.
 *
 *   service   NAME \t LISTEN \t conns \t inpkts \t outpkts \t inbytes \t outbytes
 *   backend   SERVICE/NAME \t LISTEN \t the same five \t active \t inactive
 */
#pragma once

#include "lbd/ctl/ctl_env.h"

void ctl_top(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
