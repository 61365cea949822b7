/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

struct session;

/* `lbctl support`: writes the archive. Returns the exit status. */
int support_run(struct session *s);
