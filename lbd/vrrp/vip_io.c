/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel handles a request while it is sent, and tells what it caused before it answers. So whoever has an answer
 * in hand finds in the other socket everything that it was about: that is read first, and then the answer is taken, but
 * not while a dump is read (vip_book.h says why).
 *
 * Two sockets, so that a flood of other people's changes costs notifications (the kernel says so, and everything is
 * read again) and never an answer: of those only as many can be on their way as the buffer is sure to hold.
 */
#include "lbd/vrrp/vip_io.h"

#include "common/clock_io.h"
#include "common/room_io.h"
#include "lbd/vrrp/vip_net_io.h"
#include "lbd/vrrp/vip_sock_io.h"
#include "lbd/vrrp/vmac.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECV_MAX      64    /* datagrams in one turn */
#define ANSWER_SIZE   1024  /* what an answer takes of a receive buffer, at most */
#define DUMP_SIZE     98304 /* and a part of a dump */
#define HELPED_WINDOW 4096  /* the helper reads answers before it asks on */
#define INTERRUPT_S   0.2
#define INTERRUPT_MAX 3 /* dumps in a row that others changed under us; then that of now is taken, and another soon */

/* ---- dumps ---- */

static void dump_write(struct vip_batch *b, enum dump_phase phase, uint32_t seq)
{
	switch (phase) {
	case DUMP_LINKS:
	case DUMP_OUR_LINKS: (void)vip_msg_dump_links(b, seq); break;
	case DUMP_ADDRS:
	case DUMP_OUR_ADDRS: (void)vip_msg_dump_addrs(b, seq); break;
	case DUMP_ROUTES4: (void)way_msg_dump_routes(b, seq, AF_INET); break;
	case DUMP_ROUTES6: (void)way_msg_dump_routes(b, seq, AF_INET6); break;
	case DUMP_RULES: (void)way_msg_dump_rules(b, seq); break;
	case DUMP_NONE: break;
	}
}

static void dump_send(struct vip_net *n, enum dump_phase phase)
{
	struct vip_batch b = { .buf = n->send, .cap = sizeof(n->send) };
	n->dump_seq = ++n->seq;
	dump_write(&b, phase, n->dump_seq);
	if (vip_req_send(n, &b) == 0) {
		if (!vip_req_waiting(n))
			n->moved_at = lb_clock_now();
		n->phase = phase;
		ev_io_stop(n->loop, &n->listen_watch);
		return;
	}
	n->phase = DUMP_NONE;
	if (phase >= DUMP_OUR_ADDRS)
		n->sweep = true;
	else
		n->again = true;
	ev_io_start(n->loop, &n->listen_watch);
	vip_soon(n, VIP_RETRY_S);
}

static void dump_begin(struct vip_net *n)
{
	n->again = n->interrupted = n->book.lost = false;
	vip_book_dump_begin(&n->book);
	vip_macs_dump_begin(&n->macs);
	dump_send(n, DUMP_LINKS);
}

static void dump_stop(struct vip_net *n)
{
	n->phase = DUMP_NONE;
	ev_io_start(n->loop, &n->listen_watch);
}

static void sweep_begin(struct vip_net *n)
{
	n->sweep = n->interrupted = false;
	lb_vec_clear(&n->ways_left);
	lb_vec_clear(&n->links_left);
	lb_vec_clear(&n->addrs_left);
	dump_send(n, DUMP_OUR_ADDRS);
}

/* The end of a part. An error is that of a protocol that this kernel does not have. */
static void sweep_done(struct vip_net *n)
{
	if (n->phase < DUMP_RULES) {
		dump_send(n, (enum dump_phase)(n->phase + 1));
		return;
	}
	dump_stop(n);
	n->swept = true;
	n->sweep = n->interrupted && ++n->sweeps < INTERRUPT_MAX; /* what it missed is found by the next one */
	if (n->sweep)
		vip_soon(n, INTERRUPT_S);
}

/* The end of a half. */
static void dump_done(struct vip_net *n, int err)
{
	if (n->phase >= DUMP_OUR_ADDRS) {
		sweep_done(n);
		return;
	}
	if (err || (n->interrupted && n->interrupts < INTERRUPT_MAX)) {
		n->interrupts += !err;
		dump_stop(n);
		n->again = true;
		vip_soon(n, VIP_RETRY_S);
		return;
	}
	if (n->phase == DUMP_LINKS) {
		/* An interrupted one may have missed a card that is there. */
		if (!n->interrupted) {
			vip_book_links_end(&n->book);
			vip_macs_dump_end(&n->macs);
		}
		dump_send(n, DUMP_ADDRS);
		return;
	}
	dump_stop(n);
	vip_book_dump_end(&n->book, !n->interrupted);
	n->interrupts = 0;
	if (n->interrupted) {
		n->again = true;
		vip_soon(n, INTERRUPT_S);
	}
}

/* ---- hearing ---- */

static void hear(struct vip_net *n, const struct vip_heard *h)
{
	vip_book_hear(&n->book, h);
	if (vip_macs_hear(&n->macs, h))
		n->book.lost = true;
}

static void overrun(struct vip_net *n)
{
	n->again = n->overrun = n->forget = true;
}

/* False: there is more. */
static bool read_listen(struct vip_net *n)
{
	for (int i = 0; i < RECV_MAX; i++) {
		ssize_t len = vip_sock_recv(n->listen, n->recv, sizeof(n->recv));
		if (len == 0)
			return true;
		struct vip_heard h;
		size_t at = 0;
		int r = len < 0 ? (int)len : 1;
		while (r > 0 && (r = vip_msg_next(n->recv, (size_t)len, &at, &h)) > 0)
			hear(n, &h);
		if (r < 0) /* ENOBUFS, or what should not be: messages are lost either way */
			overrun(n);
	}
	return false;
}

/* Out of memory: it is found by another sweep. */
static void left_way(struct vip_net *n, const struct way *w)
{
	struct way *at = lb_vec_push(&n->ways_left);
	if (at)
		*at = *w;
	else
		n->interrupted = true;
}

static void left_addr(struct vip_net *n, const struct vip_heard *h)
{
	if (h->proto != VIP_LABEL_PROTO)
		return;
	struct vip_addr_left *at = lb_vec_push(&n->addrs_left);
	if (at)
		*at = (struct vip_addr_left){ .v = h->addr, .index = h->index };
	else
		n->interrupted = true;
}

static void left_link(struct vip_net *n, const struct vip_heard *h)
{
	lb_vec_foreach (a, &n->addrs_left)
		if (a->index == h->index)
			memcpy(a->name, h->name, sizeof(a->name));
	if (!h->has_mac || !vmac_is_ours(h->name, h->macvlan, h->mac))
		return;
	struct vip_link_left *at = lb_vec_push(&n->links_left);
	if (!at) {
		n->interrupted = true;
		return;
	}
	at->index = h->index;
	memcpy(at->name, h->name, sizeof(at->name));
}

static void take_answer(struct vip_net *n, const struct vip_heard *h)
{
	bool of_dump = n->phase != DUMP_NONE && h->seq == n->dump_seq;
	if (of_dump) {
		n->interrupted = n->interrupted || h->interrupted;
		n->moved_at = lb_clock_now();
	}
	switch (h->type) {
	case VIP_HEARD_STATUS:
		/* Answers come in the order of the requests; where one is missing it was lost. */
		while (n->sent && (int32_t)(h->seq - n->requests.v[n->first].seq) > 0 && !of_dump)
			vip_req_answered(n, -1);
		if (n->sent && h->seq == n->requests.v[n->first].seq)
			vip_req_answered(n, h->err);
		else if (of_dump)
			dump_done(n, h->err ? h->err : EPROTO);
		return;
	case VIP_HEARD_DONE:
		if (of_dump)
			dump_done(n, h->err);
		return;
	case VIP_HEARD_LINK:
	case VIP_HEARD_ADDR:
		if (of_dump && n->phase == DUMP_OUR_LINKS)
			left_link(n, h);
		else if (of_dump && n->phase == DUMP_OUR_ADDRS)
			left_addr(n, h);
		else if (of_dump)
			hear(n, h);
		return;
	case VIP_HEARD_WAY:
		if (of_dump)
			left_way(n, &h->way);
		return;
	case VIP_HEARD_LINK_GONE:
	case VIP_HEARD_ADDR_GONE:
	case VIP_HEARD_OTHER: return;
	}
}

/* Nobody knows how the requests ended, but a dump does. */
static void answers_lost(struct vip_net *n)
{
	while (n->sent)
		vip_req_answered(n, -1);
	n->sweep = n->sweep || n->phase >= DUMP_OUR_ADDRS;
	if (n->phase != DUMP_NONE)
		dump_stop(n);
	overrun(n);
}

/* 1: there is one in n->answer; 0: there is none; -1: some were lost, and what is left is to be read: the kernel says
 * so once, and again only after everything has been read. */
static int have_answer(struct vip_net *n)
{
	if (n->n_answer)
		return 1;
	ssize_t len = vip_sock_recv(n->ask, n->answer, sizeof(n->answer));
	if (len == 0)
		return 0;
	if (len > 0) {
		n->n_answer = (size_t)len;
		return 1;
	}
	if (len == -EPIPE && n->helped) {
		ev_io_stop(n->loop, &n->ask_watch);
		n->broken = true;
		return 0;
	}
	answers_lost(n); /* should not be: the window is kept */
	return -1;
}

static void read_ask(struct vip_net *n)
{
	int have;
	for (int i = 0; i < RECV_MAX && (have = have_answer(n)) != 0; i++) {
		if (have < 0)
			continue;
		if (n->phase == DUMP_NONE && !read_listen(n))
			return; /* there is more to hear before it */
		struct vip_heard h;
		size_t at = 0, len = n->n_answer;
		int r;
		n->n_answer = 0;
		while ((r = vip_msg_next(n->answer, len, &at, &h)) > 0)
			take_answer(n, &h);
		if (r < 0)
			answers_lost(n);
	}
}

/* ---- telling ---- */

static void tell_event(struct vip_net *n, const struct vip_event *ev)
{
	const struct vip_calls *calls = n->calls;
	struct vip_card *c = &ev->slot->card;
	switch (ev->type) {
	case VIP_EVENT_LEFT:
	case VIP_EVENT_CAME:
		if (calls->address)
			calls->address(c, &ev->v, ev->type == VIP_EVENT_CAME, n->arg);
		return;
	case VIP_EVENT_ADD_REFUSED:
	case VIP_EVENT_DEL_REFUSED:
		if (calls->refused)
			calls->refused(c, &ev->v.ip, ev->type == VIP_EVENT_ADD_REFUSED, ev->err, n->arg);
		return;
	}
}

static void net_free(struct vip_net *n)
{
	ev_io_stop(n->loop, &n->ask_watch);
	ev_io_stop(n->loop, &n->listen_watch);
	ev_io_stop(n->loop, &n->write_watch);
	ev_timer_stop(n->loop, &n->later);
	if (n->ask >= 0)
		close(n->ask);
	if (n->listen >= 0)
		close(n->listen);
	if (n->frames >= 0)
		close(n->frames);
	vip_book_done(&n->book);
	vip_macs_done(&n->macs);
	lb_vec_done(&n->requests);
	lb_vec_done(&n->way_answers);
	lb_vec_done(&n->ways_left);
	lb_vec_done(&n->link_answers);
	lb_vec_done(&n->links_left);
	lb_vec_done(&n->addrs_left);
	free(n);
}

static void tell_addrs(struct vip_net *n)
{
	for (size_t i = 0; n->swept && i < n->addrs_left.n && !n->ending; i++) {
		struct vip_addr_left l = n->addrs_left.v[i];
		if (n->calls->address_left)
			n->calls->address_left(l.name, l.index, &l.v, n->arg);
	}
}

static void tell_links(struct vip_net *n)
{
	for (size_t i = 0; i < n->link_answers.n && !n->ending; i++) {
		struct vip_link_answer a = n->link_answers.v[i];
		if (n->calls->link)
			n->calls->link(&a.link, a.err, n->arg);
	}
	lb_vec_clear(&n->link_answers);
	for (size_t i = 0; n->swept && i < n->links_left.n && !n->ending; i++) {
		struct vip_link_left l = n->links_left.v[i];
		if (n->calls->link_left)
			n->calls->link_left(l.name, l.index, n->arg);
	}
}

static void tell_ways(struct vip_net *n)
{
	for (size_t i = 0; i < n->way_answers.n && !n->ending; i++) {
		struct vip_way_answer a = n->way_answers.v[i];
		if (n->calls->way)
			n->calls->way(a.owner, &a.way, a.add, a.err, n->arg);
	}
	lb_vec_clear(&n->way_answers);
	for (size_t i = 0; n->swept && i < n->ways_left.n && !n->ending; i++) {
		struct way w = n->ways_left.v[i];
		if (n->calls->way_left)
			n->calls->way_left(&w, n->arg);
	}
	n->swept = false;
}

/* The owner may do anything in a call: ask for more (which may append events), watch other cards or none, end it all.
 */
static void tell_all(struct vip_net *n)
{
	/* What a dump has half told is told when it is whole. */
	if (n->phase != DUMP_NONE || vip_book_wants_dump(&n->book))
		return;
	n->telling = true;
	for (struct vip_slot *s = n->book.slots; s && !n->ending; s = s->next)
		if (vip_book_tell(&n->book, s) && n->calls->card)
			n->calls->card(&s->card, n->arg);
	for (size_t i = 0; i < n->book.events.n && !n->ending; i++) {
		struct vip_event ev = n->book.events.v[i];
		if (ev.slot)
			tell_event(n, &ev);
	}
	lb_vec_clear(&n->book.events);
	tell_addrs(n);
	tell_links(n);
	tell_ways(n);
	if (n->overrun && !n->again && n->phase == DUMP_NONE && !n->ending) {
		n->overrun = false;
		if (n->calls->overrun)
			n->calls->overrun(n->arg);
	}
	if (n->broken && !n->told_broken && !n->ending) {
		n->told_broken = true;
		if (n->calls->broken)
			n->calls->broken(n->arg);
	}
	n->telling = false;
	if (n->ending)
		net_free(n);
	else
		vip_book_sweep(&n->book);
}

static void turn(struct vip_net *n)
{
	/* Notifications first, all of them: an answer then never comes before what its request caused. */
	bool drained = n->phase == DUMP_NONE && read_listen(n);
	if (drained || n->phase != DUMP_NONE) {
		read_ask(n);
		if (drained && n->forget && !n->sent) { /* what has not come by now was lost */
			vip_book_overrun(&n->book);
			n->forget = false;
		}
		vip_req_flush(n);
	}
	bool idle = n->phase == DUMP_NONE && !ev_is_active(&n->later);
	if (idle && n->forget) {
		if (!n->sent)
			vip_soon(n, 0);
	} else if (idle && n->book.lost && !n->again) {
		vip_soon(n, VIP_RETRY_S);
	} else if (idle && (n->again || vip_book_wants_dump(&n->book))) {
		dump_begin(n);
	} else if (idle && n->sweep) {
		sweep_begin(n);
	}
	tell_all(n);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	if (!lb_room_deaf(loop, events, "addresses"))
		turn(w->data);
}

static void on_later(struct ev_loop *loop, ev_timer *w, int events)
{
	struct vip_net *n = w->data;
	(void)loop, (void)events;
	n->again = n->again || n->book.lost;
	turn(n);
}

/* ---- beginning and end ---- */

struct vip_net *vip_net_new(struct ev_loop *loop, const struct vip_calls *calls, void *arg, int helper, int *err)
{
	struct vip_net *n = calloc(1, sizeof(*n));
	size_t size, ask_size = 0;
	if (!n) {
		*err = -ENOMEM;
		return NULL;
	}
	n->loop = loop;
	n->calls = calls;
	n->arg = arg;
	n->frames = -1;
	ev_timer_init(&n->later, on_later, 0, 0);
	n->helped = helper >= 0;
	n->ask = n->helped ? helper : vip_sock_netlink(0, &ask_size);
	n->listen = vip_sock_netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, &size);
	ev_io_init(&n->ask_watch, on_io, n->ask, EV_READ);
	ev_io_init(&n->write_watch, on_io, n->ask, EV_WRITE);
	ev_io_init(&n->listen_watch, on_io, n->listen, EV_READ);
	n->ask_watch.data = n->write_watch.data = n->listen_watch.data = n->later.data = n;
	if (n->ask < 0 || n->listen < 0) {
		*err = n->ask < 0 ? n->ask : n->listen;
		n->ask = n->helped ? -1 : n->ask;
		net_free(n);
		return NULL;
	}
	if (n->helped)
		vip_sock_room(n->ask);
	n->window = n->helped                            ? HELPED_WINDOW
		    : ask_size > DUMP_SIZE + ANSWER_SIZE ? (ask_size - DUMP_SIZE) / ANSWER_SIZE
							 : 1;
	ev_io_start(loop, &n->ask_watch);
	ev_io_start(loop, &n->listen_watch);
	return n;
}

void vip_net_free(struct vip_net *n)
{
	if (n && n->telling)
		n->ending = true;
	else if (n)
		net_free(n);
}

void vip_net_settle(struct vip_net *n, int ms)
{
	const struct lb_time end = lb_time_add_ms(lb_clock_now(), ms);
	if (!n->helped || n->broken || shutdown(n->ask, SHUT_WR))
		return;
	for (;;) { /* it closes its end when it has done everything */
		int64_t left_ms = lb_time_diff_us(end, lb_clock_now()) / 1000;
		struct pollfd p = { n->ask, POLLIN, 0 };
		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
			return;
		if (vip_sock_recv(n->ask, n->answer, sizeof(n->answer)) == -EPIPE)
			return;
	}
}

bool vip_net_busy(const struct vip_net *n)
{
	return n->first < n->requests.n || n->book.events.n;
}

int64_t vip_net_waiting_ms(const struct vip_net *n)
{
	return vip_req_waiting(n) ? lb_time_diff_us(lb_clock_now(), n->moved_at) / 1000 : 0;
}

bool vips_left(const struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v)
{
	struct vip_slot *s = vip_book_find(&n->book, c);
	for (size_t i = 0; s && i < n_v; i++)
		if (vip_book_left(s, &v[i]))
			return true;
	return false;
}

struct vip_card *vip_card_get(struct vip_net *n, const char *name)
{
	struct vip_slot *s = vip_book_get(&n->book, name);
	if (!s)
		return NULL;
	vip_soon(n, 0);
	return &s->card;
}

void vip_card_put(struct vip_net *n, struct vip_card *c)
{
	struct vip_slot *s = vip_book_find(&n->book, c);
	if (!s)
		return;
	vip_book_put(&n->book, s);
	if (s->users)
		return;
	for (size_t i = n->first; i < n->requests.n; i++)
		if (n->requests.v[i].slot == s)
			n->requests.v[i].slot = NULL;
	if (!n->telling)
		vip_book_sweep(&n->book);
}

void vip_net_mine(struct vip_net *n, bool (*mine)(const struct lb_ip *ip, void *arg))
{
	n->book.mine = mine;
	n->book.arg = n->arg;
	for (struct vip_slot *s = n->book.slots; s; s = s->next)
		s->dirty = true;
	vip_soon(n, 0);
}

bool vip_net_has_mac(const struct vip_net *n, const uint8_t mac[6])
{
	return vip_macs_has(&n->macs, mac);
}

int vip_frame_send(struct vip_net *n, const struct vip_card *c, const uint8_t *frame, size_t len)
{
	return vip_sock_frame(&n->frames, c->index, frame, len);
}

void vip_ways_sweep(struct vip_net *n)
{
	n->sweep = true;
	n->sweeps = 0;
	vip_soon(n, 0);
}

bool vip_ways_swept(const struct vip_net *n)
{
	return !n->sweep && !n->swept && !vip_req_waiting(n) && !vip_net_busy(n);
}
