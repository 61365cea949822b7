/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The prober: one process, one loop, up to 100,000 targets.
 *   check_io         the loop, the channel to the core
 *   check_target_io  targets: when they are due, how they are judged, stages that wait for each other
 */
#pragma once

#include "common/room_io.h"
#include "lbd/check/check_cut_io.h"
#include "lbd/check/check_fsm.h"
#include "lbd/check/check_hook_io.h"
#include "lbd/check/check_late.h"
#include "lbd/check/check_msg.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_sched.h"
#include "lbd/check/check_watch_io.h"
#include "lbd/check/check_weight.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct target;

struct run { /* exists while a probe runs */
	struct target *t;
	int64_t stalled_us;                    /* of the prober when it began */
	_Alignas(16) struct check_probe probe; /* and, behind it, what its type has in addition */
};

/* Up to 100,000 of these: their size is watched by the bench (aim: below 400 bytes with heap and hash). */
struct target {
	uint32_t id;
	bool unsent_on, waiting_on;
	bool told_judged, told_up; /* what the core heard last */
	bool text_new;             /* since then */
	bool way_asked;            /* by this process */
	bool unknown;              /* nobody had judged it when it came, and its first probe is still to end */
	uint32_t way;              /* the interface by which it was reached, 0 = unknown */
	struct check_spec spec;    /* params point into bytes */
	struct check_fsm fsm;
	struct check_result last;
	struct check_smooth smooth;
	struct run *run;        /* NULL = not running */
	struct lb_time told_at; /* when the core heard something last */
	struct lb_time due_at;  /* when the next probe starts, or the one that runs should have */
	ev_timer due;           /* armed while neither running nor waiting */
	TAILQ_ENTRY(target) unsent, waiting;
	struct target *before, *next_stage; /* stages: the one that must be up; the next one that waits for the same */
	struct target *stages;              /* those that wait for this one */
	UT_hash_handle hh;
	uint8_t bytes[];
};

TAILQ_HEAD(target_list, target);

struct prober {
	struct lb_room base;
	ev_idle more; /* active while probes wait for the next turn: the poll returns at once */
	struct target *targets;
	struct target_list unsent, waiting;
	struct check_watch watch;
	struct check_cut_watch cut;
	struct check_hook hook;
	uint32_t running, n_waiting, limit;
	int64_t stalled_us; /* how long the loop stood still so far: no probe can help that */
	struct lb_time stalled_until;
	uint32_t probes; /* started */
	struct check_lateness lateness;
	uint64_t rand;
	struct lb_time turn;  /* of the last target of which nothing was known */
	struct lb_time clock; /* as last read in this turn */
	struct lb_time warned_at;
};

/* ---- check_io.c ---- */
/* The loop looks only now, `until`, at what was due at `since`. */
void prober_note_lag(struct prober *w, struct lb_time since, struct lb_time until);
/* Whether one more probe may run. */
bool prober_may_start(const struct prober *w);

/* ---- check_target_io.c ---- */
void prober_target_set(struct prober *w, const struct check_msg_target *in);
void prober_target_del(struct prober *w, uint32_t id);
void prober_target_free(struct prober *w, struct target *t);
/* Starts probes that wait for a free place or for the next turn. */
void prober_start_waiting(struct prober *w);
/* A probe that somebody watches. */
void prober_run_now(struct prober *w, const struct check_msg_run *run);
