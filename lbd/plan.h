/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A settled service as the kernel should have it: one row per listener, destinations sorted. The order in which
 * destinations were added decides the tables of mh and sh, and one added with weight 0 has no place in that of mh: two
 * nodes agree while all backends are up and none came later on one of them. */
#pragma once

#include "lbd/ipvs/ipvs_table.h"
#include "lbd/model.h"

/* Fills *row for one listener of a settled service. The caller has initialised *row (its vector is reused) and frees
 * it with ipvs_row_done. 0 or -ENOMEM. */
int plan_listener(const struct model *m, uint32_t service, uint32_t listener, struct ipvs_row *row);
