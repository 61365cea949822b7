/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_sync */
/* The first byte says how: as it came, or with the size and version made right first, so that what stands behind them
 * is reached; the rest is a datagram. What is taken is written again, read as the same, and then written as the same
 * bytes; and a table keeps it as it is. */
#include "lbd/sync/flow_table.h"
#include "lbd/sync/ipvs_sync_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RIGHT 0x01u
#define OF_ID 0x02u /* ours is 77 */
#define HEAD  8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct seen {
	unsigned n;
	struct flow v[255];
	struct flow_table *t;
};

static void keep(const struct flow *f, struct seen *s)
{
	const struct flow_entry *e;
	struct flow got, want = *f;
	must(flow_table_put(s->t, f, FLOW_PEER, (struct lb_time){ 1000000 }, &e) == 0);
	flow_entry_get(e, &got);
	want.timeout_s = f->timeout_s ? f->timeout_s : flow_default_timeout_s(f);
	must(flow_key_cmp(&got.key, &want.key) == 0 && lb_ip_cmp(&got.dest, &want.dest) == 0);
	must(got.dest_port == want.dest_port && got.flags == want.flags && got.state == want.state);
	must(got.fwmark == want.fwmark && got.timeout_s == want.timeout_s && got.has_seq == want.has_seq);
	must(memcmp(&got.seq_in, &want.seq_in, sizeof(got.seq_in)) == 0);
	must(memcmp(&got.seq_out, &want.seq_out, sizeof(got.seq_out)) == 0);
	must(got.pe_name_n == want.pe_name_n && memcmp(got.pe_name, want.pe_name, sizeof(got.pe_name)) == 0);
	must(got.pe_data_n == want.pe_data_n && memcmp(got.pe_data, want.pe_data, sizeof(got.pe_data)) == 0);
	must(flow_table_find(s->t, &f->key) == e);
}

static void take(const struct flow *f, void *arg)
{
	struct seen *s = arg;
	must(flow_is_valid(f) && s->n < 255);
	s->v[s->n++] = *f;
	keep(f, s);
}

/* One of them alone: what it was read from is not compared, an option may stand elsewhere in it. */
static void write_again(const struct flow *f, struct seen *again)
{
	struct ipvs_sync_writer w, twice;
	unsigned skipped;
	ipvs_sync_begin(&w, 77);
	must(ipvs_sync_add(&w, f) == 0);
	ipvs_sync_end(&w);
	again->n = 0;
	must(ipvs_sync_read(w.bytes, w.n, 77, take, again, &skipped) == 1 && skipped == 0);
	ipvs_sync_begin(&twice, 77);
	must(ipvs_sync_add(&twice, &again->v[0]) == 0);
	ipvs_sync_end(&twice);
	must(twice.n == w.n && memcmp(twice.bytes, w.bytes, w.n) == 0);
}

/* All of them, in as many datagrams as it takes. */
static void write_all(const struct seen *s)
{
	struct ipvs_sync_writer w;
	ipvs_sync_begin(&w, 0);
	for (unsigned i = 0; i < s->n; i++) {
		int rc = ipvs_sync_add(&w, &s->v[i]);
		if (rc == -ENOSPC) {
			ipvs_sync_end(&w);
			ipvs_sync_begin(&w, 0);
			rc = ipvs_sync_add(&w, &s->v[i]);
		}
		must(rc == 0 && w.n <= IPVS_SYNC_PAYLOAD_MAX);
	}
	ipvs_sync_end(&w);
	must((w.n == 0) == (s->n == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen s, again;
	unsigned skipped = 999;
	if (size < 1)
		return 0;
	size_t n = size - 1;
	uint8_t *bytes = malloc(n ? n : 1); /* exactly as large */
	must(bytes != NULL);
	memcpy(bytes, data + 1, n);
	if (data[0] & RIGHT && n >= HEAD && n <= UINT16_MAX) {
		memcpy(bytes, (uint8_t[]){ 0, bytes[1], (uint8_t)(n >> 8), (uint8_t)n, bytes[4], 1, 0, 0 }, HEAD);
	}
	s.n = 0;
	s.t = again.t = flow_table_new(1, 1000);
	must(s.t != NULL);
	int rc = ipvs_sync_read(bytes, n, data[0] & OF_ID ? 77 : -1, take, &s, &skipped);
	must(rc == -EBADMSG || (rc == -EPROTONOSUPPORT && s.n == 0 && !(data[0] & RIGHT)) || rc == (int)s.n);
	must(skipped + s.n <= 255);
	for (unsigned i = 0; i < s.n; i++)
		write_again(&s.v[i], &again);
	write_all(&s);
	flow_table_free(s.t);
	free(bytes);
	return 0;
}
