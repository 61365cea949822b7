/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what is wanted and what the kernel has to the writes that lead from the second to the first. Pure. */
#pragma once

#include "lbd/ipvs/ipvs_op.h"

/*
 * Appends to `out` the ops that turn `actual` into `want`; either may be NULL (the service is not there / not wanted).
 * Both must be sorted (ipvs_row_sort) and have the same key. Equal rows give no op.
 *
 * Order: the service is added or edited, destinations are added, edited so that they take more (weight up from 0),
 * edited otherwise, deleted; the service is deleted last. So after any prefix of the ops a pool that is non-empty on
 * both sides is not empty: when the only backend is replaced there is no moment without one.
 * Returns 0 or -ENOMEM (out is then as before).
 */
int ipvs_diff(const struct ipvs_row *want, const struct ipvs_row *actual, struct ipvs_ops *out);

/* Whether the deletes of that way would leave nothing that serves if what stands before them is refused: both rows
 * have a destination with weight, but none has it in both. */
bool ipvs_deletes_hinge(const struct ipvs_row *want, const struct ipvs_row *actual);

/* Does to the row what the kernel did when it acknowledged op: the model of the kernel that tests and the reconciler
 * share. Destinations stay sorted. SERVICE_DEL empties the row. 0, -ENOENT/-EEXIST (op does not fit), -ENOMEM. */
int ipvs_row_apply(struct ipvs_row *row, const struct ipvs_op *op);

/* The destination with this address and port, or NULL. Binary search. */
struct ipvs_dest *ipvs_row_find(const struct ipvs_row *row, const struct ipvs_dest *d);

/* Deep copy. 0 or -ENOMEM (to is untouched). */
int ipvs_row_copy(struct ipvs_row *to, const struct ipvs_row *from);
