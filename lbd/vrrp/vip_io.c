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
#include "lbd/vrrp/vip_book.h"
#include "lbd/vrrp/vip_sock_io.h"

#include <assert.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECV_SIZE     65536u /* above what the kernel puts into one part of a dump */
#define ANSWERS_SIZE  262144 /* above what the helper puts into one datagram */
#define RECV_MAX      64     /* datagrams in one turn */
#define BATCH_MAX     512    /* requests in one datagram */
#define ANSWER_SIZE   1024   /* what an answer takes of a receive buffer, at most */
#define DUMP_SIZE     98304  /* and a part of a dump */
#define HELPED_WINDOW 4096   /* the helper reads answers before it asks on */
#define RETRY_S       0.02
#define INTERRUPT_S   0.2
#define INTERRUPT_MAX 3 /* dumps in a row that others changed under us; then that of now is taken, and another soon */

struct request {
	uint32_t seq;
	struct vip_slot *slot; /* NULL: nobody watches that card any more */
	struct vip v;
	int index;
	bool add;
	uint32_t lease_s;
};

enum dump_phase { DUMP_NONE, DUMP_LINKS, DUMP_ADDRS };

struct vip_net {
	struct ev_loop *loop;
	const struct vip_calls *calls;
	void *arg;
	struct vip_book book;
	int ask, listen, frames; /* frames: -1 until the first one */
	bool helped;             /* ask leads to the helper, not to the kernel */
	bool broken;             /* and that is gone */
	bool told_broken;
	ev_io ask_watch, listen_watch, write_watch;
	ev_timer later;
	LB_VEC(struct request) requests;
	size_t first, sent; /* requests.v[first, first + sent) wait for their answer, those behind for being sent */
	size_t window;      /* most that wait for an answer */
	uint32_t seq;
	enum dump_phase phase;
	uint32_t dump_seq;
	unsigned interrupts; /* dumps in a row */
	bool interrupted;    /* the one that runs */
	bool again;          /* a dump is wanted */
	bool overrun;        /* to be told when that is done */
	bool forget;         /* notifications of ours were lost, or may have been: do not wait for them */
	bool telling, ending;
	struct lb_time moved_at; /* when an answer last came, or something was asked while nothing was waiting */
	size_t n_answer;         /* bytes of an answer that waits until everything before it has been heard */
	uint8_t send[BATCH_MAX * VIP_MSG_MAX], recv[RECV_SIZE], answer[ANSWERS_SIZE];
};

static void soon(struct vip_net *n, double s)
{
	if (ev_is_active(&n->later) && ev_timer_remaining(n->loop, &n->later) <= s)
		return;
	ev_timer_stop(n->loop, &n->later);
	ev_timer_set(&n->later, s, 0);
	ev_timer_start(n->loop, &n->later);
}

/* ---- asking ---- */

static bool is_waiting(const struct vip_net *n)
{
	return n->sent || n->phase != DUMP_NONE;
}

/* 0, -EAGAIN (all of it, later: that is seen to), -errno. */
static int send_batch(struct vip_net *n, const struct vip_batch *b)
{
	int err = vip_sock_send(n->ask, !n->helped, b->buf, b->len);
	if (err == -ENOBUFS || err == -ENOMEM) {
		soon(n, RETRY_S); /* the socket is writable all the same */
		return -EAGAIN;
	}
	if (err == -EAGAIN)
		ev_io_start(n->loop, &n->write_watch);
	return err;
}

static void answered(struct vip_net *n, int err)
{
	struct request *r = &n->requests.v[n->first++];
	if (n->sent)
		n->sent--;
	n->moved_at = lb_clock_now();
	if (r->slot)
		vip_book_answer(&n->book, r->slot, &r->v, r->add, err);
	if (n->first == n->requests.n) {
		lb_vec_clear(&n->requests);
		n->first = 0;
	}
}

/* Everything that waits to be sent and may be, one datagram per BATCH_MAX. */
static void flush(struct vip_net *n)
{
	ev_io_stop(n->loop, &n->write_watch);
	for (;;) {
		size_t unsent = n->requests.n - n->first - n->sent, room = n->window - n->sent;
		size_t count = unsent < room ? unsent : room;
		if (count > BATCH_MAX)
			count = BATCH_MAX;
		if (count == 0)
			return;
		struct vip_batch b = { .buf = n->send, .cap = sizeof(n->send) };
		for (size_t i = 0; i < count; i++) {
			const struct request *r = &n->requests.v[n->first + n->sent + i];
			int err = r->add ? vip_msg_add(&b, r->seq, r->index, &r->v, r->lease_s)
					 : vip_msg_del(&b, r->seq, r->index, &r->v);
			assert(!err); /* send[] is sized for them */
			(void)err;
		}
		int err = send_batch(n, &b);
		if (err == -EAGAIN)
			return;
		if (!is_waiting(n))
			n->moved_at = lb_clock_now();
		n->sent += count;
		if (!err)
			continue;
		/* Not the kernel's word about one: none of these was asked, and earlier answers are not waited for. */
		while (n->sent)
			answered(n, n->sent > count ? -1 : -err);
		n->again = true;
		soon(n, 0);
	}
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
	if (n->first > n->requests.n / 2) {
		n->requests.n -= n->first;
		memmove(n->requests.v, n->requests.v + n->first, n->requests.n * sizeof(*n->requests.v));
		n->first = 0;
	}
	size_t before = n->requests.n;
	for (size_t i = 0; c->index && i < n_v; i++) {
		struct request *r = lb_vec_push(&n->requests);
		if (!r) {
			n->requests.n = before;
			return -ENOMEM;
		}
		*r = (struct request){ ++n->seq, s, v[i], c->index, add, lease_s };
	}
	int err = vip_book_ask(&n->book, s, v, n_v, add);
	if (err) {
		n->requests.n = before;
		return err;
	}
	flush(n);
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

/* ---- dumps ---- */

static void dump_send(struct vip_net *n, enum dump_phase phase)
{
	struct vip_batch b = { .buf = n->send, .cap = sizeof(n->send) };
	n->dump_seq = ++n->seq;
	(void)(phase == DUMP_LINKS ? vip_msg_dump_links(&b, n->dump_seq) : vip_msg_dump_addrs(&b, n->dump_seq));
	if (send_batch(n, &b) == 0) {
		if (!is_waiting(n))
			n->moved_at = lb_clock_now();
		n->phase = phase;
		ev_io_stop(n->loop, &n->listen_watch);
		return;
	}
	n->phase = DUMP_NONE;
	n->again = true;
	ev_io_start(n->loop, &n->listen_watch);
	soon(n, RETRY_S);
}

static void dump_begin(struct vip_net *n)
{
	n->again = n->interrupted = n->book.lost = false;
	vip_book_dump_begin(&n->book);
	dump_send(n, DUMP_LINKS);
}

static void dump_stop(struct vip_net *n)
{
	n->phase = DUMP_NONE;
	ev_io_start(n->loop, &n->listen_watch);
}

/* The end of a half. */
static void dump_done(struct vip_net *n, int err)
{
	if (err || (n->interrupted && n->interrupts < INTERRUPT_MAX)) {
		n->interrupts += !err;
		dump_stop(n);
		n->again = true;
		soon(n, RETRY_S);
		return;
	}
	if (n->phase == DUMP_LINKS) {
		/* An interrupted one may have missed a card that is there. */
		if (!n->interrupted)
			vip_book_links_end(&n->book);
		dump_send(n, DUMP_ADDRS);
		return;
	}
	dump_stop(n);
	vip_book_dump_end(&n->book, !n->interrupted);
	n->interrupts = 0;
	if (n->interrupted) {
		n->again = true;
		soon(n, INTERRUPT_S);
	}
}

/* ---- hearing ---- */

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
			vip_book_hear(&n->book, &h);
		if (r < 0) /* ENOBUFS, or what should not be: messages are lost either way */
			overrun(n);
	}
	return false;
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
			answered(n, -1);
		if (n->sent && h->seq == n->requests.v[n->first].seq)
			answered(n, h->err);
		else if (of_dump)
			dump_done(n, h->err ? h->err : EPROTO);
		return;
	case VIP_HEARD_DONE:
		if (of_dump)
			dump_done(n, h->err);
		return;
	case VIP_HEARD_LINK:
	case VIP_HEARD_ADDR:
		if (of_dump)
			vip_book_hear(&n->book, h);
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
		answered(n, -1);
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
			calls->address(c, &ev->ip, ev->type == VIP_EVENT_CAME, n->arg);
		return;
	case VIP_EVENT_ADD_REFUSED:
	case VIP_EVENT_DEL_REFUSED:
		if (calls->refused)
			calls->refused(c, &ev->ip, ev->type == VIP_EVENT_ADD_REFUSED, ev->err, n->arg);
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
	lb_vec_done(&n->requests);
	free(n);
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
		flush(n);
	}
	bool idle = n->phase == DUMP_NONE && !ev_is_active(&n->later);
	if (idle && n->forget) {
		if (!n->sent)
			soon(n, 0);
	} else if (idle && n->book.lost && !n->again) {
		soon(n, RETRY_S);
	} else if (idle && (n->again || vip_book_wants_dump(&n->book))) {
		dump_begin(n);
	}
	tell_all(n);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop, (void)events;
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
	return n->first < n->requests.n;
}

int64_t vip_net_waiting_ms(const struct vip_net *n)
{
	return is_waiting(n) ? lb_time_diff_us(lb_clock_now(), n->moved_at) / 1000 : 0;
}

struct vip_card *vip_card_get(struct vip_net *n, const char *name)
{
	struct vip_slot *s = vip_book_get(&n->book, name);
	if (!s)
		return NULL;
	soon(n, 0);
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
	soon(n, 0);
}

int vip_frame_send(struct vip_net *n, const struct vip_card *c, const uint8_t *frame, size_t len)
{
	return vip_sock_frame(&n->frames, c->index, frame, len);
}
