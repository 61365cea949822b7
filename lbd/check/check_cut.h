/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces without a link, and whether one of them stands between a probe and its server. A node that lost a cable
 * leaves its addresses to the other one; that its probes fail as well says nothing about the servers, so they pause:
 * what was up stays up, without a word in history and log, until a probe can reach it again.
 *
 * Pure.
 */
#pragma once

#include "lbd/check/check_types.h"

#include <stdbool.h>
#include <stdint.h>

#define CHECK_CUTS_MAX 16 /* more are not told: who would be reached by those fails */
#define CHECK_CUT_NAME 16 /* IFNAMSIZ */

struct check_cut {
	uint32_t index; /* 0 = it is not there at all */
	char name[CHECK_CUT_NAME];
};

struct check_cuts {
	uint32_t n;
	struct check_cut v[CHECK_CUTS_MAX];
};

/* Which of them a probe would have to leave by, NULL = none. bound: to the interface of that name, NULL = to none. err
 * and index: what the kernel says to its packet: 0 and the interface, or a negative errno. Where it has no route at all
 * that one went with the interface, and the first is named. passed: the interface by which its server was reached, 0 =
 * unknown. A host may drop routes and addresses with the link; then the kernel names whatever the default route is, or
 * refuses the source address. Where that is a second way indeed, its probes pass; and one that fails by it and pauses
 * costs nothing: nobody is served here, and it is judged when the fault is over. */
const struct check_cut *check_cut_of(
	const struct check_cuts *c, const char *bound, int err, uint32_t index, uint32_t passed);

bool check_cuts_equal(const struct check_cuts *a, const struct check_cuts *b);

/* What is said of a failure that does not count for it, in ASCII as each text of a result: what else stands in the name
 * is a ?. */
void check_cut_text(const struct check_cut *c, char out[CHECK_TEXT_MAX]);
