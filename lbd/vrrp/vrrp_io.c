/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_io.h"

#include "common/clock_io.h"
#include "common/err.h"
#include "common/log_io.h"
#include "common/rss_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_MS        500   /* at the end, for addresses to go; the core waits for a second */
#define KERNEL_SILENT_MS 10000 /* and twice the longest lease: until then its instances have seen to themselves */
#define REST_EVERY_US    100000
#define REST_MS          1
#define SLEPT_LEAST_US   10000 /* the shortest interval: less than that nobody has missed */
#define PRIORITIES       (EV_MAXPRI - EV_MINPRI + 1)
#define DUE_MOST         (64 * PRIORITIES) /* events at once: of each priority 64 */
#define CORE_SILENT_MS   4000 /* it pings every second; a core that stands still for a moment must not cost the role */

/* ---- sending ---- */

void room_send(struct room *w, const struct vrrp_msg *m)
{
	vrrp_msg_write(m, &w->base.line);
	lb_room_send(&w->base);
}

static void sweep(struct room *w)
{
	vip_ways_sweep(w->net);
	w->swept = true;
}

/* Instances come all at once: when a ping finds some, what none of them has a use for can be told from the rest. */
static void look_whether_begun(struct room *w)
{
	w->begun |= !LIST_EMPTY(&w->insts);
	if (w->begun && !w->swept)
		sweep(w);
}

static void tell_swept(struct room *w)
{
	if (!w->sweeping || !vip_ways_swept(w->net))
		return;
	w->sweeping = false;
	room_send(w, &(struct vrrp_msg){ .type = VRRP_MSG_SWEPT });
}

static void send_pong(struct room *w, uint32_t n)
{
	struct inst *i;
	struct vrrp_msg m = { .type = VRRP_MSG_PONG };
	m.u.pong = (struct vrrp_msg_pong){ .n = n, .lag_us = lb_room_lag_us(&w->base), .rss_kib = lb_rss_kib() };
	LIST_FOREACH (i, &w->insts, next)
		m.u.pong.instances++;
	room_send(w, &m);
	insts_stats(w);
	peers_tell(w);
}

/* The kernel ends who has real-time priority and works on for a second without a wait (sandbox.c), and a flood is work
 * for as long as others like. */
static void on_rest(void *arg)
{
	struct room *w = arg;
	if (lb_time_diff_us(w->base.now, w->rested_at) >= REST_EVERY_US) {
		(void)poll(NULL, 0, REST_MS);
		w->rested_at = lb_clock_now();
	}
	w->polled_at = lb_clock_now();
}

static void on_flush(void *arg)
{
	peers_flush(arg);
	moves_tell(arg);
	taken_tell(arg);
	refused_tell(arg);
	tell_swept(arg);
}

/* ---- receiving ---- */

static int hello(struct room *w, const struct lb_msg_hello *h)
{
	int err = lb_room_hello(&w->base, h);
	if (err)
		return err;
	struct vrrp_msg m = { .type = VRRP_MSG_READY };
	m.u.ready.version = LB_PROTO_VERSION;
	m.u.ready.pid = (int32_t)getpid();
	room_send(w, &m);
	return 0;
}

/* Messages of the other direction never come out of vrrp_msg_read_vrrp. */
static int dispatch(struct room *w, const struct vrrp_msg *m)
{
	if (m->type != VRRP_MSG_HELLO && !w->base.greeted)
		return -EPROTO;
	switch (m->type) {
	case VRRP_MSG_HELLO: return hello(w, &m->u.hello);
	case VRRP_MSG_SET: inst_set(w, m->u.set); return 0;
	case VRRP_MSG_DEL: inst_del(w, m->u.del); return 0;
	case VRRP_MSG_TRACK: inst_track(w, &m->u.track); return 0;
	case VRRP_MSG_DO: inst_do(w, &m->u.run); return 0;
	case VRRP_MSG_PEERS: peers_set(w, m->u.peers); return 0;
	case VRRP_MSG_END: w->leaving = true; return 0;
	case VRRP_MSG_SWEEP:
		sweep(w);
		w->sweeping = true;
		return 0;
	case VRRP_MSG_LOG: lb_log_set_level(m->u.log); return 0;
	case VRRP_MSG_PING:
		look_whether_begun(w);
		send_pong(w, m->u.ping);
		return 0;
	case VRRP_MSG_READY:
	case VRRP_MSG_STATE:
	case VRRP_MSG_ALARM:
	case VRRP_MSG_NODE:
	case VRRP_MSG_THEIRS:
	case VRRP_MSG_MOVED:
	case VRRP_MSG_TAKEN:
	case VRRP_MSG_SWEPT:
	case VRRP_MSG_PONG:
	case VRRP_MSG_STATS: break;
	}
	return -EPROTO;
}

static int on_line(const json_t *line, struct lb_err *e, void *arg)
{
	struct room *w = arg;
	struct vrrp_msg m;
	int rc = vrrp_msg_read_vrrp(line, &m);
	if (rc)
		return rc;
	w->heard_at = w->base.now;
	rc = dispatch(w, &m);
	if (rc)
		snprintf(e->text, sizeof(e->text), "%s at the wrong time or of another version", vrrp_msg_name(m.type));
	vrrp_msg_done(&m);
	return rc;
}

/* ---- the network ---- */

static void on_card(struct vip_card *c, void *arg)
{
	insts_card(arg, c);
}

static void on_address(struct vip_card *c, const struct vip *v, bool added, void *arg)
{
	insts_address(arg, c, v, added);
}

static void on_address_left(const char *card, int index, const struct vip *v, void *arg)
{
	insts_address_left(arg, card, index, v);
}

static void on_refused(struct vip_card *c, const struct lb_ip *ip, bool add, int err, void *arg)
{
	char text[LB_IP_STRLEN];
	if (add && insts_refused(arg, c, ip, err))
		return;
	lb_log(LB_LOG_ERROR, "vip/%s: the kernel would not %s it %s %s: %s", lb_ip_str(ip, text),
		add ? "add" : "remove", add ? "to" : "from", c->name, strerror(err));
}

static void on_link(const struct link_ask *a, int err, void *arg)
{
	insts_link(arg, a, err);
}

static void on_link_left(const char *name, int index, void *arg)
{
	insts_link_left(arg, name, index);
}

static void on_way(uint32_t owner, const struct way *way, bool add, int err, void *arg)
{
	insts_way(arg, owner, way, add, err);
}

static void on_way_left(const struct way *way, void *arg)
{
	insts_way_left(arg, way);
}

static void on_overrun(void *arg)
{
	(void)arg;
	lb_log(LB_LOG_WARNING, "netlink: messages were lost; everything has been read again");
}

/* Not in order: whoever follows finds what is left, and goes on with it. */
static void on_broken(void *arg)
{
	struct room *w = arg;
	lb_log(LB_LOG_ERROR, "the helper that asks for addresses has ended");
	w->abandoned = true;
	lb_room_end(&w->base, 1);
}

static const struct vip_calls net_calls = {
	.card = on_card,
	.address = on_address,
	.address_left = on_address_left,
	.refused = on_refused,
	.link = on_link,
	.link_left = on_link_left,
	.way = on_way,
	.way_left = on_way_left,
	.overrun = on_overrun,
	.broken = on_broken,
};

static bool is_own(const struct lb_ip *ip, void *arg)
{
	return insts_own(arg, ip);
}

/* ---- the loop ---- */

/* Timers stand still meanwhile, and so do the leases of addresses; the other node does not. */
static void look_for_sleep(struct room *w)
{
	int64_t slept_us = lb_clock_slept_us(), more_us = slept_us - w->slept_us;
	if (more_us < SLEPT_LEAST_US)
		return;
	w->slept_us = slept_us;
	lb_log(LB_LOG_NOTICE, "this machine slept for %.1f s", (double)more_us / 1e6);
	insts_slept(w, more_us);
}

static void on_turn(void *arg)
{
	struct room *w = arg;
	look_for_sleep(w);
	if (lb_time_diff_us(w->base.now, w->polled_at) >= REST_MS * 1000)
		w->rested_at = w->base.now;
}

/* A helper that stands still, or an answer that was lost: nothing would ever end that, and without the answer to a dump
 * no card is told of. Whoever follows has another helper, and goes on with the addresses that are left. */
static void look_at_kernel(struct room *w)
{
	const struct inst *i;
	int64_t limit_ms = KERNEL_SILENT_MS, silent_ms = vip_net_waiting_ms(w->net);
	LIST_FOREACH (i, &w->insts, next)
		if ((int64_t)i->conf.lease_s * 2000 > limit_ms)
			limit_ms = (int64_t)i->conf.lease_s * 2000;
	w->silent = silent_ms < limit_ms ? 0 : w->silent + 1;
	if (w->silent < 2) /* once may be our own doing: we stood still, and the answer waits behind this timer */
		return;
	lb_log(LB_LOG_ERROR, "no answer about addresses for %lld s", (long long)silent_ms / 1000);
	w->abandoned = true;
	lb_room_end(&w->base, 1);
}

static void on_beat(void *arg)
{
	struct room *w = arg;
	if (w->base.greeted)
		insts_core(w, lb_time_diff_us(w->base.now, w->heard_at) > CORE_SILENT_MS * 1000);
	look_at_kernel(w);
}

static const struct lb_room_calls room_calls = {
	.line = on_line,
	.turn = on_turn,
	.flush = on_flush,
	.rest = on_rest,
	.beat = on_beat,
};

static int vip_helper = -1; /* between prepare and main of the one worker that a process is */

static int net_open(struct room *w)
{
	int err = 0;
	w->net = vip_net_new(w->base.loop, &net_calls, w, vip_helper, &err);
	if (!w->net)
		return err;
	vip_net_mine(w->net, is_own);
	return 0;
}

static void on_nothing(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)ev, (void)events;
}

/* libev makes room for as many events, and timers, as were ever due at once, when they are. For so many it is there
 * from the start: no advert waits for memory, or ends the process where there is none. */
static void reserve(struct ev_loop *loop)
{
	ev_timer due[DUE_MOST];
	for (size_t i = 0; i < DUE_MOST; i++) {
		ev_timer_init(&due[i], on_nothing, -1.0, 0.0);
		ev_set_priority(&due[i], EV_MINPRI + (int)i % PRIORITIES);
		ev_timer_start(loop, &due[i]);
	}
	ev_run(loop, EVRUN_NOWAIT);
	for (size_t i = 0; i < DUE_MOST; i++)
		ev_timer_stop(loop, &due[i]);
}

void vrrp_worker_prepare(int helper)
{
	vip_helper = helper;
}

int vrrp_worker_main(int channel_fd, void (*alive)(void))
{
	struct room w = { 0 };
	LIST_INIT(&w.insts);
	LIST_INIT(&w.groups);
	LIST_INIT(&w.socks);
	LIST_INIT(&w.lookouts);
	/* Who ends this process closes the channel, and says before whether the addresses are let go of and the peer is
	 * told. A service manager that sends SIGTERM to all processes of a service must not cut that short. */
	signal(SIGTERM, SIG_IGN);
	int err = lb_room_open(&w.base, channel_fd, alive, &room_calls, &w);
	w.slept_us = lb_clock_slept_us();
	w.heard_at = w.rested_at = w.polled_at = w.base.now;
	if (!err)
		err = net_open(&w);
	if (err) {
		lb_log(LB_LOG_ERROR, "cannot open the network of this host: %s", strerror(-err));
	} else {
		reserve(w.base.loop);
		lb_room_run(&w.base);
		w.abandoned |= !w.leaving;
		insts_stop(&w);
		peers_stop(&w);
		if (!w.abandoned)
			vip_net_settle(w.net, SETTLE_MS);
	}
	vip_net_free(w.net);
	return lb_room_close(&w.base);
}
