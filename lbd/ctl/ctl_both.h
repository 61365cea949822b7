/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `config apply --both`: one text on both nodes of a pair, or on neither. What is to be done next, and what is to be
 * said at the end, as a state machine; who does it is another file. Pure.
 *
 *   check there, check here        nothing has been changed on either node
 *   apply there                    it keeps the generation before, and goes back to it by itself when we are gone
 *   apply here
 *   keep there                     from now on it does not
 *
 * There it is pending until it is kept, so that a node which dies in between goes back as well. With --confirm it stays
 * pending on both, each with a deadline of its own. When it cannot be applied here after it was applied there, both go
 * back. What others apply on one of them meanwhile stays: only what this command has applied is taken back. Whatever
 * happens, the last line says of each node what it runs, or that this is not known and how to find out.
 */
#pragma once

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum ctl_both_do {
	CTL_BOTH_CHECK_THERE,
	CTL_BOTH_CHECK_HERE,
	CTL_BOTH_APPLY_THERE,
	CTL_BOTH_APPLY_HERE,
	CTL_BOTH_KEEP_THERE,
	CTL_BOTH_BACK_HERE, /* to the generation before ours */
	CTL_BOTH_BACK_THERE,
	CTL_BOTH_END /* code and text are the answer */
};
#define CTL_BOTH_DO_COUNT (CTL_BOTH_END + 1)

struct ctl_both_said { /* how one of them went */
	enum lb_code code;
	const char *text;    /* borrowed */
	uint32_t generation; /* that runs there now; 0 = not known */
	const char *notes; /* of an apply here: what of it does not hold, behind the answer; NULL = nothing. Borrowed */
};

struct ctl_both {
	char here[64], there[64]; /* names of the nodes */
	enum ctl_both_do now;     /* what is being done */
	bool broken;              /* the link is gone */
	bool begun;               /* ours is being applied here, or was */
	/* Generations; 0 = not known. runs: whoever applied it; made: by us, or what was the same already. */
	uint32_t before_here, made_here, runs_here, before_there, runs_there;
	int64_t confirm_ms; /* each goes back after that time; 0 = it does not */
	enum lb_code code;
	char notes[1024]; /* of the apply here */
	char text[8192];
};

/* generation: that runs here. Begins with CTL_BOTH_CHECK_THERE. */
void ctl_both_init(struct ctl_both *b, const char *here, const char *there, uint32_t generation, int64_t confirm_ms);
/* generation runs here: to be said before ctl_both_done and ctl_both_broke. */
void ctl_both_here(struct ctl_both *b, uint32_t generation);
/* b->now is about to be done, no other load is under way here, and generation runs. What is to be done: another thing
 * when that is not what we have made, so that there is nothing to go back from. */
enum ctl_both_do ctl_both_begin(struct ctl_both *b, uint32_t generation);
/* What was to be done has been done, or was not. What is to be done next. */
enum ctl_both_do ctl_both_done(struct ctl_both *b, const struct ctl_both_said *said);
/* The link broke. What is to be done next when that is another thing than before (what was to be done there is over);
 * else what is being done here goes on. */
enum ctl_both_do ctl_both_broke(struct ctl_both *b);
