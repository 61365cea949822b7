/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VRRP instance's `track` says of it: each entry is seen up or down, a change counts when it has lasted for its
 * debounce, and all of them together give what is added to the priority, and whether it is a fault.
 *
 *   weight 0   down: a fault          weight < 0   down: added (so it is taken away)          weight > 0   up: added
 *
 * What nobody knows yet (a check that has not been judged) is no fault, takes nothing away and adds nothing; and what
 * nobody knows any more stays as it was: our own ignorance moves no address.
 */
#pragma once

#include "common/time.h"
#include "lbd/config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define MODEL_TRACK_REASON 80 /* "track:gateway", with its NUL */

enum model_seen { MODEL_SEEN_UNKNOWN, MODEL_SEEN_UP, MODEL_SEEN_DOWN };

struct model_track {           /* zero at first */
	enum model_seen is;    /* what counts */
	enum model_seen next;  /* what is seen and does not count yet; UNKNOWN = nothing */
	struct lb_time since;  /* when next was first seen */
	int64_t since_wall_ms; /* when `is` became so */
};

/* Takes up what is seen now. The first word counts at once, a change after debounce_ms. Returns when to see it again,
 * at the latest, because time alone will make it count; LB_TIME_NEVER. */
struct lb_time model_track_see(
	struct model_track *t, enum model_seen seen, int64_t debounce_ms, struct lb_time now, int64_t wall_ms);

struct model_track_sum {
	int32_t add;
	bool fault;
	char reason[MODEL_TRACK_REASON]; /* of the fault: the first entry that makes it one; else "" */
};

/* What one entry adds to the priority now. */
int32_t model_track_adds(const struct config_track *cfg, const struct model_track *v);

/* All entries together: n of cfg and of v. */
void model_track_sum(
	const struct config_track *cfg, const struct model_track *v, uint32_t n, struct model_track_sum *out);
bool model_track_sum_equal(const struct model_track_sum *a, const struct model_track_sum *b);

/* Whether two entries track the same thing: what was seen of it goes on. */
bool model_track_same(const struct config_track *a, const struct config_track *b);

/* "interface lan0", "services_up 50%": what an entry tracks, for people. */
void model_track_name(const struct config_track *t, char *out, size_t size);

struct model; /* model.h */

/* Since when what makes an instance at fault by its tracks may also have kept checks from their servers: before it was
 * seen, by as long as that takes. `now` when no track makes a fault. */
struct lb_time model_track_fault_since(const struct model *m, const struct config_track *cfg,
	const struct model_track *v, uint32_t n, struct lb_time now);

/* Of a check: its verdict. */
enum model_seen model_seen_check(const struct model *m, const struct config_check *check);
/* Whether so many services (or that share of all but those in maintenance) are up or degraded. While too few are and
 * one that is not has not been decided yet, or has a backend about which its checks have not said enough, also because
 * a fault of our own keeps them back: unknown. */
enum model_seen model_seen_services(const struct model *m, const struct config_share *share);
