/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_sync */
/* Any bytes as one line on the channel between core and the process that copies flows, in both directions. What is
 * accepted must be writable again and then read as the same bytes; and of the listeners that are exceptions each is
 * found by a search through their order. */
#include "common/buf.h"
#include "lbd/sync/sync_room_msg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int read_fn(const json_t *line, struct sync_room_msg *m);

static int skip_cmp(const void *a, const void *b)
{
	return sync_skip_cmp(a, b);
}

static void find_all(const struct sync_conf *c)
{
	if (c->n_paths > SYNC_PATHS_MAX || c->key_n > SYNC_KEY_MAX || (c->n_paths ? c->key_n < SYNC_KEY_MIN : c->key_n))
		abort();
	for (uint32_t i = 0; i < c->n_skips; i++) {
		const struct sync_skip *s = &c->skips[i];
		if (bsearch(s, c->skips, c->n_skips, sizeof(*s), skip_cmp) != s)
			abort();
		if (!s->addr.family || !s->protocol != (s->fwmark > 0) || (s->what == SYNC_ESTABLISHED && !s->fwmark))
			abort();
	}
}

/* Each listener and backend that is asked about is found by a flow of it. Unmarked ones are not meant themselves. */
static void meet_all(const struct conn_filter *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct conn_match *m = &c->v[i];
		if (m->unmarked)
			continue;
		struct conn_filter all = *c;
		struct flow f = { .key.protocol = m->protocol ? m->protocol : 17,
			.key.client = m->virtual,
			.key.virtual = m->virtual,
			.key.virtual_port = m->virtual_port ? m->virtual_port : 7,
			.dest = m->dest.family ? m->dest : m->virtual,
			.dest_port = m->dest_port ? m->dest_port : 9,
			.fwmark = m->fwmark };
		all.client.family = 0;
		all.client_port = 0;
		if (!conn_filter_takes(&all, &f, CONN_MARK_LISTENER))
			abort();
		(void)conn_filter_takes(c, &f, CONN_MARK_UNKNOWN);
	}
}

static void twice(const json_t *line, read_fn *reader)
{
	struct sync_room_msg m;
	if (reader(line, &m))
		return;
	struct lb_text first = LB_TEXT_INIT, second = LB_TEXT_INIT;
	sync_room_msg_write(&m, &first);
	if (m.type == SYNC_MSG_SET)
		find_all(m.u.set);
	if (m.type == SYNC_MSG_CONN_LIST || m.type == SYNC_MSG_CONN_KILL || m.type == SYNC_MSG_CONN_BIND)
		meet_all(&m.u.conn_ask.filter);
	sync_room_msg_done(&m);
	json_t *again = first.bad ? NULL : lb_proto_parse(first.s, first.n - 1, NULL);
	if (!again || reader(again, &m))
		abort();
	sync_room_msg_write(&m, &second);
	sync_room_msg_done(&m);
	if (first.n != second.n || memcmp(first.s, second.s, first.n) != 0)
		abort();
	json_decref(again);
	lb_text_done(&first);
	lb_text_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *line = lb_proto_parse((const char *)data, size, NULL);
	if (!line)
		return 0;
	twice(line, sync_room_msg_read_sync);
	twice(line, sync_room_msg_read_core);
	json_decref(line);
	return 0;
}
