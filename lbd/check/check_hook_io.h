/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that is told of something and that judges nothing: a hook. It runs in the room of scripts, as a script
 * does and with the same care, one at a time: the core, which has the order, waits for each hook.done before it asks
 * for the next. So that comes only when nothing of the program is left, also when it had to be killed.
 */
#pragma once

#include "common/time.h"
#include "lbd/check/check_msg.h"
#include "lbd/check/check_program_io.h"

struct check_hook { /* embedded by the prober, who fills the first part */
	struct ev_loop *loop;
	void (*send)(const struct check_msg *m, void *arg);
	void *arg;
	/* of check_hook_io.c */
	bool runs, ended, expired; /* ended: `end` is how */
	uint32_t id;
	struct lb_time started, deadline;
	struct check_script_end end;
	ev_timer timer;
	struct check_program program;
};

void check_hook_init(struct check_hook *h);

/* Answered by one hook.done, at once when it cannot be run. */
void check_hook_run(struct check_hook *h, const struct check_msg_hook_run *run);

/* What still runs is killed, and not answered. */
void check_hook_close(struct check_hook *h);
