/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_ipvs */
/* Bytes as two rows of one listener: apply(diff(want, actual)) is want, a diff of equals is empty, and a pool that
 * lives on both sides lives after every op. */
#include "lbd/ipvs/ipvs_diff.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Five bytes of a service: scheduler, flags, timeout, prefix, number of destinations; then six of each destination. */
static void take_row(const uint8_t **p, const uint8_t *end, struct ipvs_row *row)
{
	static const char *const schedulers[] = { "wlc", "rr", "mh", "" };
	if (end - *p < 5)
		return;
	strcpy(row->svc.scheduler, schedulers[(*p)[0] & 3]);
	row->svc.flags = (*p)[1] & 0x3f;
	row->svc.timeout = (*p)[2];
	row->svc.prefix = (*p)[3];
	size_t n = (*p)[4] & 31;
	*p += 5;
	for (; n > 0 && end - *p >= 6; n--, *p += 6) {
		struct ipvs_dest d = { .addr = { .family = (*p)[0] & 0x80 ? AF_INET6 : AF_INET,
					       .b = { 10, 0, 0, (*p)[0] & 15 } },
			.port = (uint16_t)((*p)[0] >> 4 & 7),
			.method = (*p)[1] & 3,
			.weight = (*p)[2],
			.upper = (*p)[3],
			.lower = (*p)[4] };
		if (d.method == IPVS_METHOD_TUN)
			d.tunnel = (struct ipvs_tunnel){ (*p)[5] & 3, (*p)[5] >> 2 & 3, (*p)[5] >> 4 };
		if (ipvs_row_find(row, &d))
			continue;
		struct ipvs_dest *place = lb_vec_push(&row->dests);
		must(place != NULL);
		*place = d;
		ipvs_row_sort(row);
	}
}

static bool alive(const struct ipvs_row *row)
{
	for (size_t i = 0; i < row->dests.n; i++)
		if (row->dests.v[i].weight)
			return true;
	return false;
}

static bool equal(const struct ipvs_row *a, const struct ipvs_row *b)
{
	bool same = ipvs_service_equal(&a->svc, &b->svc) && a->dests.n == b->dests.n;
	for (size_t i = 0; same && i < a->dests.n; i++)
		same = ipvs_dest_cmp(&a->dests.v[i], &b->dests.v[i]) == 0 &&
		       ipvs_dest_equal(&a->dests.v[i], &b->dests.v[i]);
	return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipvs_key key = { .addr = { .family = AF_INET, .b = { 203, 0, 113, 1 } }, .protocol = 6, .port = 80 };
	struct ipvs_row want = { .svc = { .key = key } }, have = { .svc = { .key = key } };
	struct ipvs_ops ops = { 0 };
	const uint8_t *p = data, *end = data + size;
	take_row(&p, end, &want);
	take_row(&p, end, &have);
	bool live = alive(&want) && alive(&have);
	must(ipvs_diff(&want, &have, &ops) == 0);
	must(ops.ops.n <= 1 + want.dests.n + have.dests.n);
	lb_vec_foreach (op, &ops.ops) {
		must(ipvs_row_apply(&have, op) == 0);
		must(!live || alive(&have));
	}
	must(equal(&want, &have));
	lb_vec_clear(&ops.ops);
	must(ipvs_diff(&want, &have, &ops) == 0 && ops.ops.n == 0);
	lb_vec_done(&ops.ops);
	ipvs_row_done(&want);
	ipvs_row_done(&have);
	return 0;
}
