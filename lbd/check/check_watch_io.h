/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes that somebody watches (`lbctl check run`): beside the schedule of their target, with a note of each step.
 * Nothing of them is counted. Each run is answered by one `ran`, whatever becomes of it.
 */
#pragma once

#include "lbd/check/check_cut_io.h"
#include "lbd/check/check_msg.h"
#include "lbd/check/check_probe.h"

#define CHECK_WATCH_MAX 16u /* at once */

struct check_watched;

struct check_watch { /* embedded by the prober, who fills the first part */
	struct ev_loop *loop;
	const int64_t *stalled_us;         /* how long the loop stood still so far */
	const struct check_cut_watch *cut; /* to ask for routes */
	void (*send)(const struct check_msg *m, void *arg);
	void *arg;
	struct check_watched *first;
	uint32_t n;
};

/* Starts one; spec (borrowed until it ended or was cancelled) NULL: there is no such target. */
void check_watch_run(struct check_watch *w, const struct check_msg_run *run, const struct check_spec *spec);

/* The target of this spec goes: its runs end now. */
void check_watch_cancel(struct check_watch *w, const struct check_spec *spec);
