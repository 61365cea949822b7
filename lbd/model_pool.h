/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the pool decision: what model_pool.c and model_quorum.c hand each other. */
#pragma once

#include "lbd/model.h"

enum model_health_word { HEALTH_UP, HEALTH_DOWN, HEALTH_FLAPPING, HEALTH_UNKNOWN };

/* What was decided of a backend, before it is compared with what was. */
struct model_decision {
	uint8_t state;    /* enum model_backend_state */
	uint8_t health;   /* enum model_health_word */
	uint16_t reasons; /* enum model_reason */
	bool enabled;     /* nobody took it out: it counts for the quorum */
	bool in_table, in_pool;
	uint32_t weight; /* what it gets, or would get if it were up */
	struct lb_time deadline;
};

/* What the checks of a backend say together; *deadline becomes earlier when time alone changes that. */
enum model_health_word model_health_of(
	const struct model *m, const struct model_backend *b, struct lb_time now, struct lb_time *deadline);

/* model_quorum.c, over all backends of a service, in this order: */

/* More failed at once than one believes: marks the backends whose failure is not believed (b->held). */
void model_fail_open(struct model *m, uint32_t service, struct lb_time now);
/* Whether it fails and that is not believed, or may still turn out to be one failure of many at once. */
bool model_is_doubted(const struct model *m, const struct model_backend *b, struct lb_time now);
/* Whether enough are in the pool, and what happens when they are not. */
void model_quorum(struct model *m, uint32_t service, struct model_decision *d);
/* Whether its status, which is decided, is a loss that a person should look at. */
void model_lost(struct model *m, uint32_t service, const struct model_decision *d, struct lb_time now);
/* Puts it among those that are lost, or takes it out. */
void model_lost_put(struct model *m, uint32_t service, bool lost);
