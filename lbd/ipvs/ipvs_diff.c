/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int push(struct ipvs_ops *out, enum ipvs_op_type type, const struct ipvs_service *svc, const struct ipvs_dest *d)
{
	struct ipvs_op *op = lb_vec_push(&out->ops);
	if (!op)
		return -ENOMEM;
	op->type = type;
	op->svc = *svc;
	if (d)
		op->dest = *d;
	return 0;
}

enum pass { PASS_ADD, PASS_RAISE, PASS_EDIT, PASS_DELETE };

static bool raises(const struct ipvs_dest *want, const struct ipvs_dest *have)
{
	return have->weight == 0 && want->weight > 0;
}

/* One merge over both sorted lists that emits only what belongs to this pass. Four cheap passes instead of one and a
 * sort keep the order of the ops readable from the enum above. */
static int dests_pass(const struct ipvs_row *want, const struct ipvs_row *have, enum pass pass, struct ipvs_ops *out)
{
	size_t i = 0, j = 0, wn = want ? want->dests.n : 0, hn = have ? have->dests.n : 0;
	const struct ipvs_service *svc = want ? &want->svc : &have->svc;
	while (i < wn || j < hn) {
		const struct ipvs_dest *w = i < wn ? &want->dests.v[i] : NULL;
		const struct ipvs_dest *h = j < hn ? &have->dests.v[j] : NULL;
		int c = !w ? 1 : !h ? -1 : ipvs_dest_cmp(w, h);
		int r = 0;
		if (c < 0 && pass == PASS_ADD)
			r = push(out, IPVS_OP_DEST_ADD, svc, w);
		else if (c > 0 && pass == PASS_DELETE)
			r = push(out, IPVS_OP_DEST_DEL, svc, h);
		else if (c == 0 && (pass == PASS_RAISE || pass == PASS_EDIT) && !ipvs_dest_equal(w, h) &&
			 raises(w, h) == (pass == PASS_RAISE))
			r = push(out, IPVS_OP_DEST_SET, svc, w);
		if (r)
			return r;
		i += c <= 0;
		j += c >= 0;
	}
	return 0;
}

int ipvs_diff(const struct ipvs_row *want, const struct ipvs_row *actual, struct ipvs_ops *out)
{
	size_t before = out->ops.n;
	int r = 0;
	if (!want) {
		/* the kernel drops the destinations with their service */
		r = actual ? push(out, IPVS_OP_SERVICE_DEL, &actual->svc, NULL) : 0;
		return r;
	}
	if (!actual)
		r = push(out, IPVS_OP_SERVICE_ADD, &want->svc, NULL);
	else if (!ipvs_service_equal(&want->svc, &actual->svc))
		r = push(out, IPVS_OP_SERVICE_SET, &want->svc, NULL);
	for (enum pass p = PASS_ADD; r == 0 && p <= PASS_DELETE; p++)
		r = dests_pass(want, actual, p, out);
	if (r)
		out->ops.n = before;
	return r;
}

static bool serves(const struct ipvs_row *row)
{
	for (size_t i = 0; i < row->dests.n; i++)
		if (row->dests.v[i].weight > 0)
			return true;
	return false;
}

bool ipvs_deletes_hinge(const struct ipvs_row *want, const struct ipvs_row *actual)
{
	for (size_t i = 0; i < want->dests.n; i++) {
		const struct ipvs_dest *have = ipvs_row_find(actual, &want->dests.v[i]);
		if (want->dests.v[i].weight > 0 && have && have->weight > 0)
			return false;
	}
	return serves(want) && serves(actual);
}

/* The index of d, or where it would stand; *found tells which. */
static size_t lower_bound(const struct ipvs_row *row, const struct ipvs_dest *d, bool *found)
{
	size_t lo = 0, hi = row->dests.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ipvs_dest_cmp(&row->dests.v[mid], d) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = lo < row->dests.n && ipvs_dest_cmp(&row->dests.v[lo], d) == 0;
	return lo;
}

struct ipvs_dest *ipvs_row_find(const struct ipvs_row *row, const struct ipvs_dest *d)
{
	bool found;
	size_t at = lower_bound(row, d, &found);
	return found ? &row->dests.v[at] : NULL;
}

static int dest_apply(struct ipvs_row *row, const struct ipvs_op *op)
{
	bool found;
	size_t at = lower_bound(row, &op->dest, &found);
	if (op->type == IPVS_OP_DEST_ADD) {
		if (found)
			return -EEXIST;
		if (!lb_vec_push(&row->dests))
			return -ENOMEM;
		memmove(&row->dests.v[at + 1], &row->dests.v[at], (row->dests.n - 1 - at) * sizeof(*row->dests.v));
		row->dests.v[at] = op->dest;
		return 0;
	}
	if (!found)
		return -ENOENT;
	if (op->type == IPVS_OP_DEST_SET) {
		row->dests.v[at] = op->dest;
		return 0;
	}
	row->dests.n--;
	memmove(&row->dests.v[at], &row->dests.v[at + 1], (row->dests.n - at) * sizeof(*row->dests.v));
	return 0;
}

int ipvs_row_apply(struct ipvs_row *row, const struct ipvs_op *op)
{
	switch (op->type) {
	case IPVS_OP_SERVICE_ADD:
	case IPVS_OP_SERVICE_SET: row->svc = op->svc; return 0;
	case IPVS_OP_SERVICE_DEL: lb_vec_done(&row->dests); return 0;
	case IPVS_OP_DEST_ADD:
	case IPVS_OP_DEST_SET:
	case IPVS_OP_DEST_DEL: return dest_apply(row, op);
	}
	return -EINVAL;
}

int ipvs_row_copy(struct ipvs_row *to, const struct ipvs_row *from)
{
	struct ipvs_row copy = { .svc = from->svc };
	if (from->dests.n) {
		copy.dests.v = malloc(from->dests.n * sizeof(*from->dests.v));
		if (!copy.dests.v)
			return -ENOMEM;
		memcpy(copy.dests.v, from->dests.v, from->dests.n * sizeof(*from->dests.v));
		copy.dests.n = copy.dests.cap = from->dests.n;
	}
	*to = copy;
	return 0;
}
