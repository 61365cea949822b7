/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system calls a worker may make: one set per kind of room. */
#pragma once

#include "lbd/sandbox.h"

/* From here on this process and all that it starts is held to it. 0, or -1 and *e. */
int sandbox_filter_load(enum sandbox_filter filter, struct lb_err *e);
