/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_sync */
/* Any bytes as /proc/net/ip_vs_conn, whole and in pieces of a length that the first byte says: the same flows. */
#include "lbd/sync/ipvs_conn.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t n, hash;
};

static void take(const struct flow *f, void *arg)
{
	struct sum *s = arg;
	const uint8_t *p = (const uint8_t *)f;
	if (f->pe_name_n > FLOW_PE_NAME_MAX || f->key.client.family != f->key.virtual.family)
		abort();
	s->n++;
	for (size_t i = 0; i < sizeof(f->key); i++)
		s->hash = s->hash * 31 + p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole = { 0 }, parts = { 0 };
	struct ipvs_conn_reader r = { 0 };
	size_t step = size ? 1u + data[0] : 1;
	ipvs_conn_read(&r, (const char *)data, size, take, &whole);
	ipvs_conn_read_end(&r, take, &whole);
	r = (struct ipvs_conn_reader){ 0 };
	for (size_t at = 0; at < size; at += step)
		ipvs_conn_read(&r, (const char *)data + at, size - at < step ? size - at : step, take, &parts);
	ipvs_conn_read_end(&r, take, &parts);
	if (whole.n != parts.n || whole.hash != parts.hash || r.given != whole.n)
		abort();
	return 0;
}
