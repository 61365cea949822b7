/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A single probe on a loop of its own. */
#pragma once

#include "lbd/check/check_probe.h"

struct outcome {
	unsigned done; /* how often it was told; 0: it was cancelled before */
	struct check_result r;
	struct ev_loop *loop;
};

/* run_ms: how long it may take; it is cancelled then. On a machine that is busy with other things a probe may say that
 * it was late: that is right, and not what is tested, so it is asked again, a few times. */
struct outcome probe(const struct check_spec *spec, double run_ms);
