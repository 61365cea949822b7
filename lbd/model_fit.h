/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the checks of a node that was at fault have had their say. What kept it from being master (a cable, say)
 * often kept its checks from the servers as well; and if it took the addresses back as soon as that is over, it would
 * send nothing to servers that are well, until each has passed its checks again; and where its checks paused
 * (check/check_cut.h), nobody knows whether they are well. So an instance that comes back from a fault does not preempt
 * while a check has not passed that paused or began to fail since then, for as long as a server that is well may need
 * to pass. Whoever is master meanwhile stays so, and when that one is gone nobody waits. Where it is a
 * tracked check that tells of the fault, the others may have begun to fail before it was told
 * (model_track_fault_since).
 *
 * Pure. One for the node; all zero at first.
 */
#pragma once

#include "common/time.h"
#include "lbd/model.h"

#include <stdbool.h>
#include <stdint.h>

#define MODEL_FIT_MAX_MS 60000 /* nobody waits longer, however slow the checks */

struct model_fit {
	struct lb_time since; /* when the first fault began that is not over yet, or whose end waits; us 0 = none */
	struct lb_time until; /* the wait ends by then; us 0 = nobody waits */
	uint32_t at;          /* targets before it are no reason to wait any more */
};

/* An instance is at fault, by something that began then. */
void model_fit_fault(struct model_fit *f, struct lb_time since);

/* An instance is so no longer. Looks at all targets of m, once. */
void model_fit_over(struct model_fit *f, const struct model *m, struct lb_time now);

/* Whether instances that came back wait. In all, looks at each target of m once until it ends. */
bool model_fit_waits(struct model_fit *f, const struct model *m, struct lb_time now);

/* Nobody is at fault, and nobody waits: what fails from now on is no consequence. */
void model_fit_forget(struct model_fit *f);

/* The targets are others. */
void model_fit_model(struct model_fit *f);
