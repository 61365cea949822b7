/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hears whether somebody else has our addresses, and asks: a lookout per card, only while an instance there is master.
 *
 * It costs the data path nothing: a packet socket that is bound to ARP sees no other frames, and neighbour
 * advertisements come over a raw socket, as only what is for this host goes there. A filter in the kernel lets in what
 * names one of our addresses. And it costs adverts nothing: they are read first, at most DRAIN_MAX messages are read at
 * once, and then none for PAUSE_S, whatever comes.
 */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MAX     32
#define PAUSE_S       0.1
#define BUFFER        32768 /* what does not fit is lost: there is more where it came from */
#define READ_SIZE     256   /* of both kinds what counts is in front */
#define ETHER_HEAD    14
#define ARP_SENDER    (ETHER_HEAD + 14) /* the sender's address */
#define NA_TARGET     8
#define ASK_SPREAD_MS 4000
#define FILTER_MAX    1024                                /* addresses; with more on one card everything is let in */
#define SAME_US       (VRRP_DUP_QUIET_MS * INT64_C(1000)) /* our own address at another card: the same */

enum kind { ARP, ND };
#define KINDS (ND + 1)

struct lookout {
	struct room *w;
	const struct vip_card *card;
	struct ear {
		struct lookout *lookout;
		enum kind kind;
		int fd; /* -1 = none of its family was watched yet, or it cannot be opened */
		int index;
		uint32_t life;
		ev_io readable;
	} ears[KINDS];
	ev_timer pause;
	LIST_ENTRY(lookout) next;
};

/* ---- which addresses ---- */

static bool has(const struct inst *i, const struct lb_ip *ip)
{
	for (size_t k = 0; k < i->n_vips; k++)
		if (lb_ip_cmp(&i->vips[k].ip, ip) == 0)
			return true;
	return false;
}

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct words {
	size_t n;
	uint32_t v[FILTER_MAX];
};

/* Of an address what the filter compares: IPv4 all of it, IPv6 the last 32 bits. */
static void word_add(struct words *out, const struct lb_ip *ip, enum kind kind)
{
	if (ip->family != (kind == ARP ? AF_INET : AF_INET6))
		return;
	if (out->n < FILTER_MAX)
		out->v[out->n] = word_at(ip->b + (kind == ARP ? 0 : 12));
	out->n++;
}

static void collect(const struct lookout *l, enum kind kind, struct words *out)
{
	const struct inst *i;
	out->n = 0;
	LIST_FOREACH (i, &l->w->insts, next) {
		if (!i->watched || i->sock->card != l->card)
			continue;
		for (size_t k = 0; k < i->n_vips; k++)
			word_add(out, &i->vips[k].ip, kind);
		word_add(out, &i->wire.source, kind);
	}
}

/* ---- the sockets ---- */

static int filter(int fd, enum kind kind, const struct words *w)
{
	static struct sock_filter code[2 * FILTER_MAX + 8]; /* too large for the stack; one thread */
	size_t n = 0;
	if (kind == ND) { /* not from behind a router: RFC 4861 7.1.2 */
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_NET_OFF + 7));
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 255, 1, 0);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kind == ARP ? ARP_SENDER : NA_TARGET + 12);
	for (size_t k = 0; k < w->n && w->n <= FILTER_MAX; k++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, w->v[k], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, w->n > FILTER_MAX ? 0xffffffff : 0);
	const struct sock_fprog prog = { (unsigned short)n, code };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

static void shut(struct ear *e)
{
	if (e->fd < 0)
		return;
	ev_io_stop(e->lookout->w->base.loop, &e->readable);
	close(e->fd);
	e->fd = -1;
}

static int bind_arp(int fd, int index)
{
	const struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = index
	};
	return bind(fd, (const struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
}

static int bind_nd(int fd, const char *card)
{
	struct icmp6_filter only;
	ICMP6_FILTER_SETBLOCKALL(&only);
	ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &only);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof(only)) ||
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, card, (socklen_t)strlen(card)))
		return -errno;
	return 0;
}

static int open_it(struct ear *e, const struct words *w)
{
	const struct vip_card *card = e->lookout->card;
	const int buffer = BUFFER, flags = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
	/* protocol 0: it hears nothing until it is bound, behind the filter */
	int fd = e->kind == ARP ? socket(AF_PACKET, flags, 0) : socket(AF_INET6, flags, IPPROTO_ICMPV6);
	if (fd < 0)
		return -errno;
	int err = filter(fd, e->kind, w);
	err = err ? err : e->kind == ARP ? bind_arp(fd, card->index) : bind_nd(fd, card->name);
	if (err) {
		close(fd);
		return err;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	e->fd = fd;
	e->index = card->index;
	e->life = card->life;
	ev_io_set(&e->readable, fd, EV_READ);
	if (!ev_is_active(&e->lookout->pause))
		ev_io_start(e->lookout->w->base.loop, &e->readable);
	return 0;
}

/* Opens or changes, as there is something to look out for. With nothing the filter refuses all: to close a packet
 * socket is to wait until the kernel has forgotten it (synchronize_net), up to some 100 ms on a busy machine, while
 * whoever lets go of its mastership has addresses to remove. */
static void look(struct lookout *l)
{
	static struct words words; /* one thread */
	for (struct ear *e = l->ears; e < l->ears + KINDS; e++) {
		int err = 0;
		collect(l, e->kind, &words);
		if (e->fd >= 0 && (e->index != l->card->index || e->life != l->card->life))
			shut(e);
		if (e->fd >= 0)
			err = filter(e->fd, e->kind, &words);
		else if (words.n && l->card->index)
			err = open_it(e, &words);
		if (err)
			lb_log(LB_LOG_WARNING, "vrrp: nobody looks for others with our addresses on %s: %s",
				l->card->name, strerror(-err));
	}
}

/* ---- what is seen ---- */

static void arm(struct inst *i, ev_timer *t, struct lb_time at)
{
	struct ev_loop *loop = i->w->base.loop;
	ev_timer_stop(loop, t);
	if (!i->watched || at.us == 0 || lb_time_cmp(at, LB_TIME_NEVER) == 0)
		return;
	int64_t wait = lb_time_diff_us(at, lb_clock_now());
	ev_now_update(loop);
	ev_timer_set(t, wait > 0 ? (double)wait / 1e6 : 0.0, 0.0);
	ev_timer_start(loop, t);
}

/* By the card itself: what is said to the virtual hardware address is not heard here. */
static void ask_who_has(struct inst *i, const struct lb_ip *ip)
{
	const struct vip_card *c = i->sock->card;
	uint8_t frame[VRRP_DUP_PROBE_MAX];
	if (c->has_mac)
		(void)vip_frame_send(i->w->net, c, frame, vrrp_dup_probe(ip, c->mac, frame));
}

static void act(struct inst *i, uint32_t acts, const struct lb_ip *seen)
{
	const uint8_t *mac = inst_mac(i);
	uint8_t frame[VRRP_FRAME_MAX];
	char text[VRRP_REASON_MAX];
	if (acts & VRRP_DUP_DEFEND && mac && i->conf.announce.count)
		(void)vip_frame_send(i->w->net, i->sock->card, frame, vrrp_announce_frame(seen, mac, true, frame));
	if (acts & VRRP_DUP_PROBE)
		ask_who_has(i, &i->dup.who.ip);
	if (acts & VRRP_DUP_RAISE) {
		vrrp_dup_text(&i->dup.who, text, sizeof(text));
		inst_tell_alarm(i, VRRP_ALARM_DUPLICATE, true, text);
	}
	if (acts & VRRP_DUP_END)
		inst_tell_alarm(i, VRRP_ALARM_DUPLICATE, false, "");
	arm(i, &i->dup_timer, i->dup.deadline);
}

/* Whoever was master before us answers for the addresses until its lease is over: that is no fault. */
static struct lb_time excused_until(const struct inst *i)
{
	int64_t lease_ms = i->conf.lease_s ? (int64_t)i->conf.lease_s * 1000 + ROOM_LEASE_SLACK_MS : 0;
	return lb_time_add_ms(i->watched_since, lease_ms);
}

/* Another card of this host may be on the same network, and answers there for what is on this one. And who has the
 * virtual hardware address is an instance like ours, whose adverts tell who of us has the addresses. */
static bool is_ours(const struct room *w, const uint8_t mac[6])
{
	const struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (i->mac.card && memcmp(i->mac.address, mac, 6) == 0)
			return true;
	return vip_net_has_mac(w->net, mac);
}

static void seen(struct lookout *l, const struct vrrp_sight *s)
{
	struct inst *i;
	if (is_ours(l->w, s->mac))
		return;
	LIST_FOREACH (i, &l->w->insts, next) {
		if (!i->watched || i->sock->card != l->card)
			continue;
		if (has(i, &s->ip)) {
			i->stats.conflicts++;
			int64_t interval_us = (int64_t)i->wire.interval_cs * 10000;
			act(i, vrrp_dup_seen(&i->dup, s, interval_us, excused_until(i), lb_clock_now()), &s->ip);
		} else if (lb_ip_cmp(&i->wire.source, &s->ip) == 0) { /* nobody may have that, ever */
			char text[VRRP_REASON_MAX];
			vrrp_dup_text(s, text, sizeof(text));
			sock_alarm(i, VRRP_ALARM_SAME_ADDRESS, SAME_US, text);
		}
	}
}

/* One message. False: there is none. */
static bool receive(struct ear *e)
{
	uint8_t bytes[READ_SIZE];
	struct vrrp_sight s;
	ssize_t n = recv(e->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0)
		return errno != EAGAIN && errno != EBADF;
	int err = -EBADMSG;
	if (e->kind == ND)
		err = vrrp_dup_na(bytes, (size_t)n, &s);
	else if (n >= ETHER_HEAD)
		err = vrrp_dup_arp(bytes + ETHER_HEAD, (size_t)n - ETHER_HEAD, &s);
	if (!err)
		seen(e->lookout, &s);
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	struct ear *e = (struct ear *)((char *)io - offsetof(struct ear, readable));
	struct lookout *l = e->lookout;
	struct sock *s;
	/* who takes over says so before it announces: then we are not master any more, and hear nothing here */
	LIST_FOREACH (s, &l->w->socks, next)
		if (s->card == l->card)
			sock_drain(s);
	for (int k = 0; k < DRAIN_MAX && e->fd >= 0; k++)
		if (!receive(e))
			break;
	for (size_t k = 0; k < KINDS; k++)
		ev_io_stop(loop, &l->ears[k].readable);
	ev_now_update(loop);
	ev_timer_set(&l->pause, PAUSE_S, 0.0);
	ev_timer_start(loop, &l->pause);
}

static void on_pause(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)events;
	struct lookout *l = (struct lookout *)((char *)t - offsetof(struct lookout, pause));
	for (size_t k = 0; k < KINDS; k++)
		if (l->ears[k].fd >= 0)
			ev_io_start(loop, &l->ears[k].readable);
}

static void on_dup(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, dup_timer));
	act(i, vrrp_dup_timer(&i->dup, lb_clock_now()), NULL);
}

static void on_ask(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct inst *i = (struct inst *)((char *)t - offsetof(struct inst, ask_timer));
	size_t k = vrrp_ask_step(&i->ask, i->n_vips, lb_clock_now());
	if (k != VRRP_ASK_NONE)
		ask_who_has(i, &i->vips[k].ip);
	arm(i, t, i->ask.deadline);
}

/* Whoever is told to let go of it has done so by then: the old master by our announcements, or by its lease. Instances
 * that became master together do not ask together. */
static void ask_later(struct inst *i)
{
	struct lb_time announced = lb_time_add_ms(i->watched_since, i->conf.announce.delay_ms);
	struct lb_time excused = excused_until(i), at = lb_time_cmp(announced, excused) > 0 ? announced : excused;
	vrrp_ask_begin(&i->ask, lb_time_add_ms(at, (int64_t)(i->peer_id % ASK_SPREAD_MS)));
}

/* ---- coming and going ---- */

static struct lookout *find(const struct room *w, const struct vip_card *card)
{
	struct lookout *l;
	LIST_FOREACH (l, &w->lookouts, next)
		if (l->card == card)
			return l;
	return NULL;
}

static struct lookout *get(struct room *w, const struct vip_card *card)
{
	struct lookout *l = find(w, card);
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->w = w;
	l->card = card;
	ev_init(&l->pause, on_pause);
	for (size_t k = 0; k < KINDS; k++) {
		l->ears[k] = (struct ear){ .lookout = l, .kind = (enum kind)k, .fd = -1 };
		ev_init(&l->ears[k].readable, on_readable);
		ev_set_priority(&l->ears[k].readable, -1); /* behind adverts and timers */
	}
	LIST_INSERT_HEAD(&w->lookouts, l, next);
	return l;
}

void inst_watch_timers(struct inst *i)
{
	ev_init(&i->dup_timer, on_dup);
	ev_init(&i->ask_timer, on_ask);
}

void inst_watch(struct inst *i, bool on)
{
	if (on == i->watched)
		return;
	i->watched = on;
	i->watched_since = lb_clock_now();
	act(i, vrrp_dup_stop(&i->dup), NULL);
	if (on)
		ask_later(i);
	arm(i, &i->ask_timer, i->ask.deadline);
	struct lookout *l = on ? get(i->w, i->sock->card) : find(i->w, i->sock->card);
	if (l)
		look(l);
	else if (on) /* the alarm is all that is lost */
		lb_log(LB_LOG_ERROR, "vrrp/%s: out of memory", i->conf.name);
}

void inst_watch_again(struct inst *i)
{
	struct lookout *l = find(i->w, i->sock->card);
	if (!i->watched)
		return;
	if (i->dup.first_at.us && !has(i, &i->dup.who.ip))
		act(i, vrrp_dup_stop(&i->dup), NULL);
	if (l)
		look(l);
}

void lookout_drop(struct room *w, const struct vip_card *card)
{
	const struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (i->sock->card == card)
			return;
	struct lookout *l = find(w, card);
	if (!l)
		return;
	for (size_t k = 0; k < KINDS; k++)
		shut(&l->ears[k]);
	ev_timer_stop(w->base.loop, &l->pause);
	LIST_REMOVE(l, next);
	free(l);
}
