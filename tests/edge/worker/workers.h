/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of workers share: a core, the workers that more than one program has, and the beginning of a program,
 * which is the core and, executed again, each of its workers.
 */
#pragma once

#include "common/clock_io.h"
#include "lbd/check/check_msg.h"
#include "lbd/worker.h"
#include "tests/edge/wait.h"

#include <check.h>
#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* ---- workers ---- */

extern const struct worker_row probe;

void say(const char *line);
int say_ready_and(const char *more);
/* Lives until its channel ends, answering nothing. */
int deaf(void (*alive)(void));
/* Is ready, and deaf. */
int mute_main(int fd, void (*alive)(void));

/* ---- the core ---- */

extern struct ev_loop *loop;
extern ev_timer ticker;
extern struct worker w;
extern unsigned n_ready, n_gone, n_states, n_pongs, n_drained;
extern struct check_msg_state last;
extern uint32_t rss_kib;    /* of its last pong */
extern unsigned unanswered; /* pings of the one that has gone */
extern int64_t gone_at[16];
extern const struct rlimit *first_limit; /* the process has it from its first start on */

void start(const struct worker_row *row);
void finish(void);

/* The whole of main(): one of the rows, or the tests that add() adds. "unknown-user" finds no users. */
int workers_main(const char *name, const struct worker_row *const *rows, size_t n, void (*add)(TCase *tc), int argc,
	char **argv);
