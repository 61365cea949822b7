/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

struct session;

/* `lbctl top` on a connected session: the screen on a terminal, tables elsewhere. Returns the exit status. */
int top_run(struct session *s);
