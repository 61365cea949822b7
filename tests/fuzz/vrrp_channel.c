/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* Any bytes as one line on the channel between core and vrrp process, in both directions. What is accepted must be
 * writable again and then read as the same bytes; and an instance that is accepted must be one that an advert can be
 * written of, without a byte too much. */
#include "common/buf.h"
#include "lbd/vrrp/vrrp_msg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int read_fn(const json_t *line, struct vrrp_msg *m);

/* Its own adverts are what its peer, configured alike, takes. */
static void advertise(const struct vrrp_conf *c)
{
	struct lb_ip addrs[VRRP_ADDRS_MAX];
	for (uint32_t i = 0; i < c->n_addrs; i++)
		addrs[i] = c->addrs[i].ip;
	struct vrrp_wire w = {
		.family = c->family,
		.version = c->version,
		.vrid = c->vrid,
		.sum = c->sum,
		.interval_cs = c->rules.interval_cs,
		.source = { .family = c->family, .b = { 0xfe, 0x80, 1 } },
		.addrs = addrs,
		.n_addrs = c->n_addrs,
		.min_ttl = c->min_ttl,
		.with_password = c->with_password,
	};
	memcpy(w.password, c->password, VRRP_PASSWORD);
	struct lb_ip group = vrrp_group_address(c->family);
	uint8_t *room = malloc(VRRP_PKT_MAX);
	struct vrrp_auth auth = c->auth;
	struct vrrp_advert a;
	if (!room)
		return;
	size_t bare = vrrp_pkt_write(&w, c->prio, &group, room);
	size_t len = vrrp_auth_sign(&auth, &w.source, 1700000000000000, room, bare);
	if (bare > VRRP_PKT_MAX - VRRP_TRAILER || len > VRRP_PKT_MAX)
		abort();
	struct vrrp_datagram d = { w.source, group, VRRP_TTL, room, bare };
	w.source.b[2] = 2;
	if (vrrp_pkt_read(&w, &d, false, &a) != VRRP_DISCARD_NONE || a.addrs_differ || a.interval_differs)
		abort();
	free(room);
}

static void twice(const json_t *line, read_fn *reader)
{
	struct vrrp_msg m;
	if (reader(line, &m))
		return;
	struct lb_text first = LB_TEXT_INIT, second = LB_TEXT_INIT;
	vrrp_msg_write(&m, &first);
	if (m.type == VRRP_MSG_SET)
		advertise(m.u.set);
	vrrp_msg_done(&m);
	json_t *again = first.bad ? NULL : lb_proto_parse(first.s, first.n - 1, NULL);
	if (!again || reader(again, &m))
		abort();
	vrrp_msg_write(&m, &second);
	vrrp_msg_done(&m);
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
	twice(line, vrrp_msg_read_vrrp);
	twice(line, vrrp_msg_read_core);
	json_decref(line);
	return 0;
}
