/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of the kernel: one queue for addresses, routes and rules, so that they come and go in the order in
 * which they were asked for. */
#include "common/clock_io.h"
#include "lbd/vrrp/vip_net_io.h"
#include "lbd/vrrp/vip_sock_io.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void vip_soon(struct vip_net *n, double s)
{
	if (ev_is_active(&n->later) && ev_timer_remaining(n->loop, &n->later) <= s)
		return;
	ev_timer_stop(n->loop, &n->later);
	ev_timer_set(&n->later, s, 0);
	ev_timer_start(n->loop, &n->later);
}

bool vip_req_waiting(const struct vip_net *n)
{
	return n->sent || n->phase != DUMP_NONE;
}

int vip_req_send(struct vip_net *n, const struct vip_batch *b)
{
	int err = vip_sock_send(n->ask, !n->helped, b->buf, b->len);
	if (err == -ENOBUFS || err == -ENOMEM) {
		vip_soon(n, VIP_RETRY_S); /* the socket is writable all the same */
		return -EAGAIN;
	}
	if (err == -EAGAIN)
		ev_io_start(n->loop, &n->write_watch);
	return err;
}

/* Where memory is out its answer is lost: it is asked for again, or was a removal. */
static void way_answered(struct vip_net *n, const struct vip_req *r, int err)
{
	struct vip_way_answer *a = lb_vec_push(&n->way_answers);
	if (a)
		*a = (struct vip_way_answer){ r->owner, r->add, err, r->way };
}

static void link_answered(struct vip_net *n, const struct vip_req *r, int err)
{
	struct vip_link_answer *a = lb_vec_push(&n->link_answers);
	if (a)
		*a = (struct vip_link_answer){ err, r->link };
}

void vip_req_answered(struct vip_net *n, int err)
{
	const struct vip_req *r = &n->requests.v[n->first++];
	if (n->sent)
		n->sent--;
	n->moved_at = lb_clock_now();
	switch (r->kind) {
	case VIP_REQ_ADDR:
		if (r->slot)
			vip_book_answer(&n->book, r->slot, &r->v, r->add, err);
		break;
	case VIP_REQ_WAY: way_answered(n, r, err); break;
	case VIP_REQ_LINK: link_answered(n, r, err); break;
	}
	if (n->first == n->requests.n) {
		lb_vec_clear(&n->requests);
		n->first = 0;
	}
}

static int put_request(struct vip_batch *b, const struct vip_req *r)
{
	switch (r->kind) {
	case VIP_REQ_ADDR: break;
	case VIP_REQ_WAY: return r->add ? way_msg_add(b, r->seq, r->index, &r->way) : way_msg_del(b, r->seq, &r->way);
	case VIP_REQ_LINK: return link_msg_write(b, r->seq, &r->link);
	}
	return r->add ? vip_msg_add(b, r->seq, r->index, &r->v, r->lease_s, r->metric)
		      : vip_msg_del(b, r->seq, r->index, &r->v);
}

/* Everything that waits to be sent and may be, one datagram per VIP_BATCH_MAX. */
void vip_req_flush(struct vip_net *n)
{
	ev_io_stop(n->loop, &n->write_watch);
	for (;;) {
		size_t unsent = n->requests.n - n->first - n->sent, room = n->window - n->sent;
		size_t count = unsent < room ? unsent : room;
		if (count > VIP_BATCH_MAX)
			count = VIP_BATCH_MAX;
		if (count == 0)
			return;
		struct vip_batch b = { .buf = n->send, .cap = sizeof(n->send) };
		for (size_t i = 0; i < count; i++) {
			const struct vip_req *r = &n->requests.v[n->first + n->sent + i];
			int err = put_request(&b, r);
			assert(!err); /* send[] is sized for them */
			(void)err;
		}
		int err = vip_req_send(n, &b);
		if (err == -EAGAIN)
			return;
		if (!vip_req_waiting(n))
			n->moved_at = lb_clock_now();
		n->sent += count;
		if (!err)
			continue;
		/* Not the kernel's word about one: none of these was asked, and earlier answers are not waited for. */
		while (n->sent)
			vip_req_answered(n, n->sent > count ? -1 : -err);
		n->again = true;
		vip_soon(n, 0);
	}
}

static void make_room(struct vip_net *n)
{
	if (n->first <= n->requests.n / 2)
		return;
	n->requests.n -= n->first;
	memmove(n->requests.v, n->requests.v + n->first, n->requests.n * sizeof(*n->requests.v));
	n->first = 0;
}

static int enqueue(
	struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v, bool add, uint32_t lease_s)
{
	struct vip_slot *s = vip_book_find(&n->book, c);
	if (!s || !s->users)
		return -EINVAL;
	for (size_t i = 0; i < n_v; i++)
		if (v[i].ip.family == AF_INET6 ? v[i].prefix > 128 : v[i].ip.family != AF_INET || v[i].prefix > 32)
			return -EINVAL;
	if (add && !c->index)
		return -ENODEV;
	/* what is on a card that has another name now is nobody's: nothing else would end what has no lease */
	int index = c->index ? c->index : s->renamed;
	make_room(n);
	size_t before = n->requests.n;
	for (size_t i = 0; index && i < n_v; i++) {
		struct vip_req *r = lb_vec_push(&n->requests);
		if (!r) {
			n->requests.n = before;
			return -ENOMEM;
		}
		*r = (struct vip_req){ .seq = ++n->seq,
			.slot = c->index ? s : NULL,
			.v = v[i],
			.index = index,
			.add = add,
			.lease_s = lease_s,
			.metric = c->metric };
	}
	int err = vip_book_ask(&n->book, s, v, n_v, add);
	if (err) {
		n->requests.n = before;
		return err;
	}
	vip_req_flush(n);
	return 0;
}

int vips_add(struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v, uint32_t lease_s)
{
	return enqueue(n, c, v, n_v, true, lease_s);
}

/* Deleting a primary IPv4 address takes its secondaries (others of the same subnet, added later) along, unless the
 * sysctl promote_secondaries is set: with prefixes of /32 there are none. Those of ours that go that way are told as
 * what they are: addresses that left and were wanted. */
int vips_del(struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v)
{
	return enqueue(n, c, v, n_v, false, 0);
}

void vips_look(struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v)
{
	struct vip_slot *s = vip_book_find(&n->book, c);
	for (size_t i = 0; s && i < n_v; i++)
		vip_book_look(&n->book, s, &v[i].ip);
	vip_soon(n, 0);
}

int vip_way_ask(struct vip_net *n, uint32_t owner, const struct way *w, int index, bool add)
{
	make_room(n);
	struct vip_req *r = lb_vec_push(&n->requests);
	if (!r)
		return -ENOMEM;
	*r = (struct vip_req){
		.seq = ++n->seq, .kind = VIP_REQ_WAY, .add = add, .index = index, .owner = owner, .way = *w
	};
	return 0;
}

int vip_left_ask(struct vip_net *n, int index, const struct vip *v)
{
	make_room(n);
	struct vip_req *r = lb_vec_push(&n->requests);
	if (!r)
		return -ENOMEM;
	*r = (struct vip_req){ .seq = ++n->seq, .kind = VIP_REQ_ADDR, .v = *v, .index = index };
	return 0;
}

int vip_link_ask(struct vip_net *n, const struct link_ask *a)
{
	make_room(n);
	struct vip_req *r = lb_vec_push(&n->requests);
	if (!r)
		return -ENOMEM;
	*r = (struct vip_req){ .seq = ++n->seq, .kind = VIP_REQ_LINK, .link = *a };
	return 0;
}

void vip_asked_send(struct vip_net *n)
{
	vip_req_flush(n);
}
