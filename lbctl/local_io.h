/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lbctl does without a daemon. */
#pragma once

#include <stdbool.h>

struct session;

/* Does a command of LB_LEVEL_NONE, -h or -V. Returns the exit status; for `config check`, `import` and `schema` it
 * becomes lbd and does not return. */
int local_run(struct session *s);

/* Whether the command line asks for something local. */
bool local_is(const struct session *s);
