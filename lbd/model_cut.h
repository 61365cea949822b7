/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose flows end with a row that has left the kernel's table: those of a backend that is cut (on_fail, the end of a
 * drain, maintenance), of a backend that has left the file (unless drain: keep), and of a sorry server that is not
 * needed any more, of any protocol; and those of UDP whenever the row is gone. Any other flow of TCP without its row
 * waits for the row to come back, or for its client to give up; one of UDP would keep its client away from all other
 * backends for as long as the kernel remembers it. A backend that stays in the table (on_fail: drain) keeps its flows,
 * those of UDP too.
 */
#pragma once

#include "lbd/ipvs/ipvs_op.h"
#include "lbd/model.h"
#include "lbd/sync/conn_filter.h"

/* True and *out: the kernel has done this, and these flows are to end. */
bool model_cut(const struct model *m, const struct ipvs_op *op, struct conn_match *out);
/* Tells fn of the flows of every backend that is out of the table by a verdict and is cut, as model_cut said when its
 * row left. O(backends); of those that have not been decided yet nothing is said. */
typedef void model_cut_fn(const struct conn_match *match, void *arg);
void model_cut_again(const struct model *m, model_cut_fn *fn, void *arg);
/* Whether a change is the verdict on a backend that was out of the table before: no row leaves with it. */
bool model_cut_is_late(const struct model_change *ch);
/* v: n matches, in their order, with room for max. Where one is of a mark, all listeners of addresses are told along,
 * as unmarked (conn_filter.h): flows of each may go to that backend, if it was theirs once. Where they do not fit,
 * those that have it now, as far as they do. Returns how many there are, in their order again. */
uint32_t model_cut_unmarked(const struct model *m, struct conn_match *v, uint32_t n, uint32_t max);
/* The row of an operation on a destination. */
void model_cut_row(const struct ipvs_op *op, struct conn_match *out);
/* Order of rows, like memcmp: of one that was cut, and of one that is back, for a mark has no protocol of its own.
 * Those of a listener are together. */
int model_cut_cmp(const struct conn_match *a, const struct conn_match *b);
/* Whether what was cut is back with one of n rows in their order: a whole listener is with any of its backends. */
bool model_cut_is_back(const struct conn_match *cut, const struct conn_match *rows, size_t n);
