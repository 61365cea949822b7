/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_whole.h"

#include "lbd/sync/ipvs_conn.h"

#define AHEAD (CONN_WHOLE_PIECE / 2) /* of the other reader */

uint64_t conn_whole_id(const struct conn_whole *w, const struct flow *f)
{
	return flow_siphash(flow_key_hash(&f->key, w->seed), f->dest_port, f->dest.b, sizeof(f->dest.b));
}

unsigned conn_whole_next(struct conn_whole *w, size_t *bytes)
{
	w->reader = w->offset[1] < w->offset[0];
	w->wanted = (size_t)(w->offset[!w->reader] - w->offset[w->reader]) + AHEAD;
	if (w->wanted > CONN_WHOLE_PIECE)
		w->wanted = CONN_WHOLE_PIECE;
	w->joined = w->offset[w->reader] == 0; /* it begins at the head, as the other one did */
	w->before = w->n;
	*bytes = w->wanted;
	return w->reader;
}

void conn_whole_row(struct conn_whole *w, uint64_t id)
{
	uint64_t from = w->n > CONN_WHOLE_LAST ? w->n - CONN_WHOLE_LAST : 0;
	for (uint64_t i = from; i < w->before && !w->joined; i++)
		w->joined = w->last[i % CONN_WHOLE_LAST] == id;
	w->last[w->n++ % CONN_WHOLE_LAST] = id;
}

/* The kernel gives whole rows, and less than a row is left free where there are more. */
bool conn_whole_piece(struct conn_whole *w, size_t n)
{
	w->offset[w->reader] += n;
	w->gap |= !w->joined;
	w->ended = n > 0 && n + IPVS_CONN_LINE_MAX < w->wanted;
	return n > 0 && !w->ended;
}

bool conn_whole_is(const struct conn_whole *w)
{
	return w->ended && !w->gap;
}
