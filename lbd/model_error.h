/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets whose probes end in nothing but faults of our own: what was said of them before still holds, and a backend
 * that died meanwhile stays up. They stand in a list, so that a look at them each second costs what is in error and not
 * what is configured.
 */
#pragma once

#include "lbd/model.h"

/* Longer than what passes by itself (a host without descriptors or processor time for a moment, a start of ten thousand
 * services), and short enough that somebody hears of it before the next backend fails. A check that is asked seldom has
 * its third chance first. */
#define MODEL_ERROR_MS     60000
#define MODEL_ERROR_PROBES 3

/* Once, by model_new, when targets are at their places. */
void model_error_build(struct model *m);
/* Its probes end so from now on; they did, or it is forgotten. Idempotent. */
void model_error_begin(struct model *m, struct model_target *t, struct lb_time now);
void model_error_end(struct model *m, struct model_target *t);

struct model_errors {
	uint32_t backends;                /* that somebody wants probed, each once; 0 = only VRRP asks */
	const struct model_target *first; /* in error for the longest time */
	uint32_t backend;                 /* the first of its backends, MODEL_NONE = none */
};

/* Those that have been in error for too long at `now`. What was before `from` does not count; LB_TIME_NEVER = checks
 * pause, and none does. False: there are none. */
bool model_errors_due(const struct model *m, struct lb_time from, struct lb_time now, struct model_errors *out);
