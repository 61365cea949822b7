/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

struct session;

/* Does what the command line says against a daemon. Returns the exit status. */
int run(struct session *s);
