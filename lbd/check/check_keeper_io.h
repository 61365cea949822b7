/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that is started and of which nothing is left afterwards.
 *
 *   the room ---- keeper ---- the program, in a session of its own ---- whatever it starts
 *
 * For each program the room forks a keeper, which starts the program, waits for it and then ends every process that is
 * left. A process group is not enough for that: a child that calls setsid() is in none of ours. So a keeper is the
 * reaper of all its descendants (PR_SET_CHILD_SUBREAPER): whoever loses its parent becomes a child of the keeper, and
 * the keeper kills its children until it has none. The room could not do it by itself: it would not know which program
 * an orphan belongs to.
 *
 *   room -> keeper   the end of the control socket: stop, and end everything. Also when the room died.
 *   keeper -> room   struct check_script_end, once, when the program has ended or could not be started.
 *   the keeper's own end (a pidfd): nothing of the program is left.
 *
 * Keepers run as the same user as their program, so a program may kill or stop its own. Then the orphans are the
 * room's (it is a reaper, too): a child of the room that is no keeper has no right to live.
 */
#pragma once

#include "lbd/check/check_script.h"

#include <ev.h>
#include <stdbool.h>

struct check_keeper;

struct check_keeper_job {
	int program;       /* to be executed: check_path_open */
	char *const *argv; /* the environment is empty */
	int out, err;      /* its standard output and error; standard input is /dev/null */
};

/* The keeper has ended. */
typedef void check_keeper_fn(void *arg);

/* Everything in job is borrowed and may be closed afterwards. `ended` comes once, from the loop, unless it was let go
 * before. 0, or -errno: -EAGAIN also when as many as there may be are still at work. */
int check_keeper_start(struct ev_loop *loop, const struct check_keeper_job *job, check_keeper_fn *ended, void *arg,
	struct check_keeper **out);

/* How the program ended. False: it has not, or its keeper was killed and will never tell. */
bool check_keeper_report(struct check_keeper *k, struct check_script_end *end);

/* What still runs is killed now; `ended` comes when nothing of it is left. One whose processes sleep in the kernel is
 * not waited for longer than a second. Its report cannot be had any more. Idempotent. */
void check_keeper_stop(struct check_keeper *k);

/* It is not needed any more, in whatever state it is: what still runs is killed, now and without waiting for it. */
void check_keeper_let_go(struct check_keeper *k);
