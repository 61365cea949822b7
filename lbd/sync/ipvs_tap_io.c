/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ipvs_tap_io.h"

#include "common/clock_io.h"
#include "common/interface_io.h"
#include "lbd/sync/ipvs_sync_msg.h"
#include "lbd/sync/tap_daemon_io.h"
#include "lbd/sync/tap_dev_io.h"
#include "lbd/sync/tap_diag_msg.h"
#include "lbd/sync/tap_sock_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MARK          0x6c626449u /* of what we inject */
#define QUEUE_MAX     256u        /* datagrams: some 10,000 connections */
#define BURST_MAX     32u         /* per tick */
#define TICK_S        0.001
#define LATER_S       0.1 /* until a datagram that could not be sent is tried again */
#define LOOK_S        1.0 /* how often the kernel is asked what the tap has lost */
#define STALLED_US    5000000
#define DATAGRAM_COST 4096u /* what one takes in the kernel's buffer at most: its bytes rounded up, and a head */
#define IP_HEAD       20u
#define UDP_HEAD      8u
#define PORTS_MAX     64u /* net.ipv4.vs.sync_ports */

#define CLOSE_STATE 6u  /* IP_VS_TCP_S_CLOSE */
#define CLOSE_SCTP  13u /* IP_VS_SCTP_S_CLOSED */

static const struct lb_ip group = { AF_INET, { 224, 0, 0, 81 } };
static const struct lb_ip tap_ip = { AF_INET, { 169, 254, 81, 1 } };
static const struct lb_ip inject_ip = { AF_INET, { 169, 254, 81, 2 } };

struct ipvs_tap {
	struct ev_loop *loop;
	struct ipvs_tap_conf conf;
	struct ipvs_tap_counts counts;
	struct tap_nl route, generic, diag;
	struct tap_nl filter; /* as long as it is open lbd-tap is closed to other programs */
	uint16_t family;
	struct tap_dev tap_dev, inject_dev;
	struct ipvs_daemon master, backup;
	bool broken;
	/* tap */
	int tap_fd;
	ev_io tap_watch;
	ev_timer look;
	uint16_t ports[PORTS_MAX]; /* that the kernel sends from */
	size_t ports_n;
	struct tap_packets packets;
	/* inject: a ring of datagrams, the last of which may still be open */
	int inject_fd;
	ev_timer tick;
	struct ipvs_sync_writer queue[QUEUE_MAX];
	unsigned first, count;
	bool open, starved, unsettled;
	uint32_t drops;   /* as the kernel counts them */
	uint64_t dropped; /* since settled was called */
	uint32_t last_queued;
	struct lb_time moved_at;
};

static void give_up(struct ipvs_tap *t, const char *why)
{
	if (t->broken)
		return;
	t->broken = true;
	ev_io_stop(t->loop, &t->tap_watch);
	ev_timer_stop(t->loop, &t->look);
	ev_timer_stop(t->loop, &t->tick);
	t->conf.broken(why, t->conf.arg);
}

/* ---- tap ---- */

static void take_flow(const struct flow *f, void *arg)
{
	struct ipvs_tap *t = arg;
	t->counts.tap_flows++;
	t->conf.flow(f, t->conf.arg);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool of_kernel(const struct ipvs_tap *t, uint16_t source, uint16_t to)
{
	if (to < IPVS_DAEMON_PORT || to >= IPVS_DAEMON_PORT + PORTS_MAX)
		return false;
	for (size_t i = 0; i < t->ports_n; i++)
		if (t->ports[i] == source)
			return true;
	return false;
}

static void take_packet(struct ipvs_tap *t, const uint8_t *p, size_t n)
{
	unsigned refused = 0;
	if (n < IP_HEAD + UDP_HEAD || !of_kernel(t, be16(p + IP_HEAD), be16(p + IP_HEAD + 2))) {
		t->counts.tap_foreign++;
		return;
	}
	size_t len = be16(p + IP_HEAD + 4);
	if (len < UDP_HEAD || len > n - IP_HEAD) {
		t->counts.tap_bad++;
		return;
	}
	int r = ipvs_sync_read(p + IP_HEAD + UDP_HEAD, len - UDP_HEAD, t->conf.tap_id, take_flow, t, &refused);
	t->counts.tap_refused += refused;
	if (r < 0)
		t->counts.tap_bad++;
	else
		t->counts.tap_datagrams++;
}

static void look_for_lost(struct ipvs_tap *t)
{
	uint32_t lost = tap_sock_lost(t->tap_fd);
	t->counts.tap_lost += lost;
	if (lost)
		t->conf.lost(lost, t->conf.arg);
}

static void on_tap(struct ev_loop *loop, ev_io *w, int events)
{
	struct ipvs_tap *t = w->data;
	(void)loop;
	if (events & EV_ERROR) { /* and it will not be: libev has stopped it */
		give_up(t, "interface " IPVS_TAP_DEVICE " cannot be watched");
		return;
	}
	int err = tap_sock_read(t->tap_fd, &t->packets);
	if (err) {
		give_up(t, "interface " IPVS_TAP_DEVICE " is gone or down");
		return;
	}
	for (size_t i = 0; i < t->packets.n; i++)
		take_packet(t, t->packets.bytes[i], t->packets.len[i]);
}

static void on_look(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	look_for_lost(w->data);
}

/* ---- inject ---- */

static void tick_in(struct ipvs_tap *t, double s)
{
	ev_timer_stop(t->loop, &t->tick);
	ev_timer_set(&t->tick, s, 0);
	ev_timer_start(t->loop, &t->tick);
}

static struct ipvs_sync_writer *slot(struct ipvs_tap *t, unsigned i)
{
	return &t->queue[(t->first + i) % QUEUE_MAX];
}

int ipvs_tap_put(struct ipvs_tap *t, const struct flow *f)
{
	int err = -ENOSPC;
	while (err == -ENOSPC) {
		if (!t->open && t->count == QUEUE_MAX) {
			t->starved = true;
			return -EAGAIN;
		}
		if (!t->open) {
			ipvs_sync_begin(slot(t, t->count++), t->conf.inject_id);
			t->open = true;
		}
		struct ipvs_sync_writer *w = slot(t, t->count - 1);
		err = ipvs_sync_add(w, f);
		if (err == -ENOSPC && w->count == 0)
			return -EINVAL;
		if (err == -ENOSPC) {
			ipvs_sync_end(w);
			t->open = false;
		}
	}
	if (err)
		return err;
	t->counts.put_flows++;
	if (!ev_is_active(&t->tick) && !t->broken)
		tick_in(t, TICK_S);
	return 0;
}

int ipvs_tap_close(struct ipvs_tap *t, const struct flow *f)
{
	struct flow end = *f;
	end.flags |= FLOW_INACTIVE;
	if (!f->key.template)
		end.state = f->key.protocol == IPPROTO_TCP    ? CLOSE_STATE
			    : f->key.protocol == IPPROTO_SCTP ? CLOSE_SCTP
							      : 0;
	end.timeout_s = 1;
	return ipvs_tap_put(t, &end);
}

static void take_socket(const struct lb_nl_msg *m, void *arg)
{
	struct tap_diag *d = arg, got;
	if (tap_diag_read(m, &got) == 0)
		*d = got;
}

/* What the backup daemon has in its buffer. 0; -ENOENT it is gone; -errno: this kernel does not say. */
static int ask_queue(struct ipvs_tap *t, struct tap_diag *d)
{
	*d = (struct tap_diag){ 0 };
	uint32_t seq = tap_nl_next(&t->diag);
	int wrote = tap_diag_msg_receiver(&t->diag.b, seq, &group, IPVS_DAEMON_PORT, t->inject_dev.index);
	int err = tap_nl_ask(&t->diag, wrote, take_socket, d);
	if (err || !d->has_memory)
		return err ? err : -EOPNOTSUPP;
	uint32_t dropped = d->drops - t->drops;
	t->drops = d->drops;
	t->dropped += dropped;
	t->counts.put_dropped += dropped;
	return 0;
}

/* How many datagrams fit. Half of the buffer stays free: others' packets and slow threads count, too. */
static unsigned burst(const struct tap_diag *d)
{
	uint32_t half = d->size / 2;
	uint32_t n = d->queued < half ? (half - d->queued) / DATAGRAM_COST : 0;
	if (!n && !d->queued)
		return 1; /* a very small buffer takes one */
	return n > BURST_MAX ? BURST_MAX : n;
}

static void pop(struct ipvs_tap *t)
{
	t->first = (t->first + 1) % QUEUE_MAX;
	t->count--;
}

/* 0; -errno: the first is still there. */
static int send_some(struct ipvs_tap *t, unsigned max)
{
	while (t->count && max) {
		struct ipvs_sync_writer *w = slot(t, 0);
		if (t->open && t->count == 1) {
			ipvs_sync_end(w);
			t->open = false;
		}
		int err = w->n ? tap_sock_send(t->inject_fd, &group, IPVS_DAEMON_PORT, w->bytes, w->n) : 0;
		if (err)
			return err;
		if (w->n) {
			t->counts.put_datagrams++;
			t->unsettled = true;
			max--;
		}
		pop(t);
	}
	return 0;
}

static void settle(struct ipvs_tap *t)
{
	uint64_t dropped = t->dropped;
	t->unsettled = false;
	t->dropped = 0;
	t->conf.settled(dropped, t->conf.arg);
}

/* The backup daemon takes what it has got, or nobody does. */
static bool stalled(struct ipvs_tap *t, const struct tap_diag *d)
{
	struct lb_time now = lb_clock_now();
	if (d->queued != t->last_queued || !d->queued)
		t->moved_at = now;
	t->last_queued = d->queued;
	return lb_time_diff_us(now, t->moved_at) > STALLED_US;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct ipvs_tap *t = w->data;
	struct tap_diag d;
	(void)loop, (void)events;
	int asked = ask_queue(t, &d);
	if (asked == -ENOENT) {
		give_up(t, "the backup sync daemon on " IPVS_INJECT_DEVICE " is gone");
		return;
	}
	if (!asked && stalled(t, &d)) {
		give_up(t, "the backup sync daemon on " IPVS_INJECT_DEVICE " takes nothing");
		return;
	}
	if (!t->count) {
		if (t->unsettled && !asked && d.queued)
			tick_in(t, TICK_S);
		else if (t->unsettled)
			settle(t);
		return;
	}
	int err = send_some(t, asked ? 1 : burst(&d));
	t->counts.send_errno = err == -EAGAIN ? 0 : -err;
	tick_in(t, err && err != -EAGAIN ? LATER_S : TICK_S);
	if (t->starved && t->count <= QUEUE_MAX / 2) {
		t->starved = false;
		t->conf.room(t->conf.arg);
	}
}

/* ---- start ---- */

struct port_search {
	struct ipvs_tap *t;
	uint32_t uid;
};

static void take_port(const struct lb_nl_msg *m, void *arg)
{
	struct port_search *s = arg;
	struct tap_diag d;
	if (tap_diag_read(m, &d) || lb_ip_cmp(&d.local, &tap_ip) || lb_ip_cmp(&d.remote, &group) ||
		d.remote_port < IPVS_DAEMON_PORT || d.remote_port >= IPVS_DAEMON_PORT + PORTS_MAX)
		return;
	/* The kernel's sockets belong to who started the daemon; anybody may make others that look alike. */
	if (d.uid == s->uid && s->t->ports_n < PORTS_MAX)
		s->t->ports[s->t->ports_n++] = d.local_port;
}

static int find_ports(struct ipvs_tap *t)
{
	struct port_search s = { t, geteuid() };
	t->ports_n = 0;
	uint32_t seq = tap_nl_next(&t->diag);
	int err = tap_nl_ask(&t->diag, tap_diag_msg_all(&t->diag.b, seq), take_port, &s);
	return err ? err : t->ports_n ? 0 : -ENOENT;
}

static int start_master(struct ipvs_tap *t, struct lb_err *e)
{
	if (tap_daemon_start(&t->generic, t->family, &t->master, t->tap_dev.found, e))
		return -1;
	int err = find_ports(t);
	if (err == -ENOENT && t->tap_dev.found) { /* of a predecessor that was another user */
		if (tap_daemon_start(&t->generic, t->family, &t->master, false, e))
			return -1;
		err = find_ports(t);
	}
	if (err)
		return lb_err_set(e, LB_CODE_FAILED,
			"the socket of the master sync daemon on " IPVS_TAP_DEVICE
			" is not found (module udp_diag?): %s",
			strerror(-err));
	return 0;
}

static int open_netlink(struct ipvs_tap *t, struct lb_err *e)
{
	int err = tap_nl_open(&t->route, NETLINK_ROUTE);
	err = err ? err : tap_nl_open(&t->generic, NETLINK_GENERIC);
	err = err ? err : tap_nl_open(&t->diag, NETLINK_SOCK_DIAG);
	if (err)
		return lb_err_set(e, LB_CODE_FAILED, "netlink: %s", strerror(-err));
	err = tap_nl_open(&t->filter, NETLINK_NETFILTER);
	return err ? lb_err_set(
			     e, LB_CODE_FAILED, "netlink of netfilter: %s (load the module nf_tables)", strerror(-err))
		   : 0;
}

static struct ipvs_daemon daemon_on(enum ipvs_daemon_role role, const char *device, uint8_t id)
{
	struct ipvs_daemon d = { .role = role, .sync_id = id, .group = group, .port = IPVS_DAEMON_PORT };
	memcpy(d.device, device, strlen(device));
	return d;
}

/* Each may wait for modules to be loaded. */
static bool step(const struct ipvs_tap *t, bool failed)
{
	if (t->conf.alive)
		t->conf.alive();
	return failed;
}

static int start_daemons(struct ipvs_tap *t, struct lb_err *e)
{
	return step(t, start_master(t, e)) ||
			       step(t, tap_daemon_start(&t->generic, t->family, &t->backup, t->inject_dev.found, e))
		       ? -1
		       : 0;
}

/* Ours: those on our devices. */
static int stop_daemons(struct tap_nl *generic, uint16_t family, struct lb_err *e)
{
	const struct ipvs_daemon master = daemon_on(IPVS_DAEMON_MASTER, IPVS_TAP_DEVICE, 0);
	const struct ipvs_daemon backup = daemon_on(IPVS_DAEMON_BACKUP, IPVS_INJECT_DEVICE, 0);
	int failed = tap_daemon_stop(generic, family, &master, e);
	return failed | tap_daemon_stop(generic, family, &backup, e);
}

static int remove_devices(struct tap_nl *route, struct lb_err *e)
{
	int err = tap_dev_remove(route, IPVS_TAP_DEVICE);
	err = err ? err : tap_dev_remove(route, IPVS_INJECT_DEVICE);
	return err ? lb_err_set(e, LB_CODE_FAILED, "interfaces " IPVS_TAP_DEVICE ", " IPVS_INJECT_DEVICE ": %s",
			     strerror(-err))
		   : 0;
}

static int start_kernel(struct ipvs_tap *t, struct lb_err *e)
{
	t->master = daemon_on(IPVS_DAEMON_MASTER, IPVS_TAP_DEVICE, t->conf.tap_id);
	t->backup = daemon_on(IPVS_DAEMON_BACKUP, IPVS_INJECT_DEVICE, t->conf.inject_id);
	if (step(t, open_netlink(t, e)) || step(t, tap_daemon_family(&t->generic, &t->family, e)) ||
		tap_daemon_room(&t->generic, t->family, &t->master, e) ||
		tap_daemon_room(&t->generic, t->family, &t->backup, e) ||
		step(t, tap_dev_make(&t->route, IPVS_TAP_DEVICE, &tap_ip, &t->tap_dev, e)) ||
		step(t, tap_dev_make(&t->route, IPVS_INJECT_DEVICE, &inject_ip, &t->inject_dev, e)) ||
		step(t, tap_dev_guard(&t->route, IPVS_INJECT_DEVICE, t->inject_dev.index, MARK, e)) ||
		step(t, tap_dev_mute(&t->filter, IPVS_TAP_DEVICE, e)))
		return -1;
	/* before the master speaks: from its first word on it is heard */
	t->tap_fd = tap_sock_listen(t->tap_dev.index, &tap_ip);
	if (t->tap_fd < 0)
		return lb_err_set(
			e, LB_CODE_FAILED, "interface " IPVS_TAP_DEVICE " cannot be read: %s", strerror(-t->tap_fd));
	t->inject_fd = tap_sock_sender(t->inject_dev.index, MARK);
	if (t->inject_fd < 0)
		return lb_err_set(e, LB_CODE_FAILED, "interface " IPVS_INJECT_DEVICE " cannot be written to: %s",
			strerror(-t->inject_fd));
	return start_daemons(t, e);
}

static void start_watching(struct ipvs_tap *t)
{
	struct tap_diag d;
	ev_io_init(&t->tap_watch, on_tap, t->tap_fd, EV_READ);
	ev_timer_init(&t->look, on_look, LOOK_S, LOOK_S);
	t->tap_watch.data = t->look.data = t;
	ev_io_start(t->loop, &t->tap_watch);
	ev_timer_start(t->loop, &t->look);
	(void)ask_queue(t, &d); /* what was dropped before our time is not ours */
	t->dropped = t->counts.put_dropped = 0;
}

static void let_go(struct ipvs_tap *t)
{
	ev_io_stop(t->loop, &t->tap_watch);
	ev_timer_stop(t->loop, &t->look);
	ev_timer_stop(t->loop, &t->tick);
	if (t->tap_fd >= 0)
		close(t->tap_fd);
	if (t->inject_fd >= 0)
		close(t->inject_fd);
	tap_nl_close(&t->route);
	tap_nl_close(&t->generic);
	tap_nl_close(&t->diag);
	tap_nl_close(&t->filter);
	free(t);
}

struct ipvs_tap *ipvs_tap_start(struct ev_loop *loop, const struct ipvs_tap_conf *conf, struct lb_err *e)
{
	if (!conf->tap_id || !conf->inject_id || conf->tap_id == conf->inject_id) {
		lb_err_set(e, LB_CODE_INVALID, "the two sync ids must be different and not 0");
		return NULL;
	}
	struct ipvs_tap *t = calloc(1, sizeof(*t));
	if (!t) {
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
		return NULL;
	}
	t->loop = loop;
	t->conf = *conf;
	t->tap_fd = t->inject_fd = t->route.fd = t->generic.fd = t->diag.fd = t->filter.fd = -1;
	ev_init(&t->tap_watch, on_tap);
	ev_init(&t->look, on_look);
	ev_init(&t->tick, on_tick);
	t->tick.data = t;
	t->moved_at = lb_clock_now();
	if (start_kernel(t, e)) {
		struct lb_err unsaid;
		/* both or none, also of what a predecessor left: one alone would be in the way of others for nothing */
		if (t->family)
			(void)stop_daemons(&t->generic, t->family, &unsaid);
		let_go(t);
		return NULL;
	}
	start_watching(t);
	return t;
}

void ipvs_tap_leave(struct ipvs_tap *t)
{
	if (t)
		let_go(t);
}

int ipvs_tap_stop(struct ipvs_tap *t, struct lb_err *e)
{
	if (!t)
		return 0;
	int failed = stop_daemons(&t->generic, t->family, e);
	failed |= remove_devices(&t->route, e);
	let_go(t);
	return failed ? -1 : 0;
}

int ipvs_tap_clear(struct lb_err *e)
{
	struct tap_nl route = { .fd = -1 }, generic = { .fd = -1 };
	struct lb_err unsaid;
	uint16_t family;
	int failed = 0, err = tap_nl_open(&route, NETLINK_ROUTE);
	err = err ? err : tap_nl_open(&generic, NETLINK_GENERIC);
	if (err)
		failed = lb_err_set(e, LB_CODE_FAILED, "netlink: %s", strerror(-err));
	else if (!tap_daemon_family(&generic, &family, &unsaid)) /* without IPVS there are no daemons */
		failed = stop_daemons(&generic, family, e);
	failed = failed ? failed : remove_devices(&route, e);
	tap_nl_close(&route);
	tap_nl_close(&generic);
	return failed ? -1 : 0;
}

bool ipvs_tap_left(void)
{
	return lb_interface(IPVS_TAP_DEVICE) > 0 || lb_interface(IPVS_INJECT_DEVICE) > 0;
}

int ipvs_tap_check(struct ipvs_tap *t, struct lb_err *e)
{
	return tap_daemon_check(&t->generic, t->family, &t->master, e) ||
			       tap_daemon_check(&t->generic, t->family, &t->backup, e)
		       ? -1
		       : 0;
}

const struct ipvs_tap_counts *ipvs_tap_counts(const struct ipvs_tap *t)
{
	return &t->counts;
}
