/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second path: beats out and in. All instances at each heartbeat; one that sent an advert, or whose flags changed,
 * in the same turn of the loop. What is known of another node is decided in peer_link, what a beat means for an
 * instance in vrrp_move_io.
 *
 * A socket for each of our addresses, whether the host has it at the moment or not (IP_FREEBIND). A path is where a
 * beat comes from: anything else is refused before its signature is looked at.
 */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKS_MAX   PEER_PATHS_MAX
#define RECV_MAX    64 /* beats of one socket in one turn */
#define READ_MAX    (PEER_PKT_MAX + 1)
#define TOS_CONTROL 0xc0

struct peer_sock {
	struct peers *ps;
	struct lb_ip ours;
	int fd; /* -1 = not open now */
	ev_io readable;
};

struct peers {
	struct room *w;
	struct vrrp_peers conf;
	struct peer_self self;
	struct peer_link links[VRRP_NODES_MAX];
	struct peer_sock socks[SOCKS_MAX];
	size_t n_socks;
	uint8_t sock_of[VRRP_NODES_MAX][PEER_PATHS_MAX];
	ev_timer beat, silence;
	bool say;
	uint64_t refused[PEER_REFUSAL_COUNT];
};

/* ---- telling the core ---- */

static void tell_node(const struct peers *ps, size_t node)
{
	const struct peer_link *l = &ps->links[node];
	const struct vrrp_peer *c = &ps->conf.nodes[node];
	struct vrrp_msg m = { .type = VRRP_MSG_NODE };
	struct vrrp_msg_node *out = &m.u.node;
	snprintf(out->name, sizeof(out->name), "%s", c->name);
	out->up = l->up;
	out->same_config = l->last.config == ps->conf.config;
	snprintf(out->version, sizeof(out->version), "%s", l->last.version);
	out->instances = l->last.instances;
	out->restarts = l->restarts;
	out->offset_us = l->offset_us;
	out->n_paths = c->n_paths;
	for (uint32_t i = 0; i < c->n_paths; i++) {
		out->paths[i].theirs = c->paths[i].theirs;
		out->paths[i].up = l->paths[i].up;
		out->paths[i].rtt_us = l->paths[i].rtt_us;
	}
	memcpy(out->refused, ps->refused, sizeof(out->refused));
	room_send(ps->w, &m);
}

void peers_tell(struct room *w)
{
	for (size_t i = 0; w->peers && i < w->peers->conf.n_nodes; i++)
		tell_node(w->peers, i);
}

const char *peers_name(const struct room *w, size_t node)
{
	return w->peers->conf.nodes[node].name;
}

/* ---- out ---- */

static socklen_t sockaddr_of(const struct lb_ip *ip, uint16_t port, struct sockaddr_storage *ss)
{
	*ss = (struct sockaddr_storage){ .ss_family = ip->family };
	if (ip->family == AF_INET) {
		struct sockaddr_in *a = (struct sockaddr_in *)ss;
		a->sin_port = htons(port);
		memcpy(&a->sin_addr, ip->b, sizeof(a->sin_addr));
		return sizeof(*a);
	}
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)ss;
	a->sin6_port = htons(port);
	memcpy(&a->sin6_addr, ip->b, sizeof(a->sin6_addr));
	return sizeof(*a);
}

/* What does not go is lost: the next one says it anew. */
static void send_path(const struct peers *ps, size_t node, size_t path, const uint8_t *bytes, size_t n)
{
	struct sockaddr_storage to;
	socklen_t len = sockaddr_of(&ps->conf.nodes[node].paths[path].theirs, ps->conf.port, &to);
	int fd = ps->socks[ps->sock_of[node][path]].fd;
	ssize_t sent;
	do
		sent = fd < 0 ? 0 : sendto(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, len);
	while (sent < 0 && errno == EINTR);
}

static void fill_head(struct peers *ps, struct peer_beat *b, struct lb_time now)
{
	const struct inst *i;
	*b = (struct peer_beat){ .cluster = ps->conf.cluster,
		.heartbeat_ms = ps->conf.heartbeat_ms,
		.node = peer_name_id(ps->conf.self),
		.session = ps->self.session,
		.seq = peer_self_next(&ps->self, now),
		.wall_us = lb_clock_wall_ms() * 1000,
		.config = ps->conf.config };
	LIST_FOREACH (i, &ps->w->insts, next)
		b->instances++;
	snprintf(b->version, sizeof(b->version), "%s", LBD_VERSION);
}

static void fill_entry(const struct inst *i, struct peer_entry *e, struct lb_time now)
{
	*e = (struct peer_entry){ .id = i->peer_id,
		.state = i->fsm.state,
		.prio = i->fsm.prio,
		.flags = peer_move_flags(&i->move, &i->fsm, now),
		.interval_cs = i->conf.rules.interval_cs,
		.source = i->said_source };
}

/* One beat to each node over all its paths: its copies are the same, so that the first to arrive is the news. */
static void send_beat(struct peers *ps, struct peer_beat *b, struct lb_time now)
{
	uint8_t bytes[PEER_PKT_MAX];
	for (size_t node = 0; node < ps->conf.n_nodes; node++) {
		const struct peer_link *l = &ps->links[node];
		b->flags = l->up ? 0 : PEER_FLAG_ASK;
		peer_link_echo(l, now, b);
		size_t n = peer_pkt_write(b, &ps->conf.key, bytes);
		for (size_t path = 0; path < ps->conf.nodes[node].n_paths; path++)
			send_path(ps, node, path, bytes, n);
	}
}

/* What is due, in as many beats as it takes; without anything due one without entries, where all was asked for. */
static void send_due(struct peers *ps, bool all)
{
	struct lb_time now = lb_clock_now();
	struct peer_beat b;
	struct inst *i = LIST_FIRST(&ps->w->insts);
	bool sent = false;
	while (i || (all && !sent)) {
		fill_head(ps, &b, now);
		for (; i && b.n < PEER_ENTRIES_MAX; i = LIST_NEXT(i, next)) {
			if (!all && !i->beat_due)
				continue;
			fill_entry(i, &b.v[b.n++], now);
			i->beat_due = false;
		}
		if (!b.n && !all)
			return;
		send_beat(ps, &b, now);
		sent = true;
	}
}

void peers_say(struct room *w)
{
	if (w->peers)
		w->peers->say = true;
}

static bool any_due(const struct room *w)
{
	const struct inst *i;
	LIST_FOREACH (i, &w->insts, next)
		if (i->beat_due)
			return true;
	return false;
}

void peers_flush(struct room *w)
{
	struct peers *ps = w->peers;
	if (!ps || (!ps->say && !any_due(w)))
		return;
	bool all = ps->say;
	ps->say = false;
	send_due(ps, all);
}

/* The answer to a beat that proves nothing: its numbers back, and nothing said that is not said to everybody. */
static void answer(struct peers *ps, size_t node, size_t path, const struct peer_beat *theirs)
{
	struct peer_beat b;
	uint8_t bytes[PEER_PKT_MAX];
	fill_head(ps, &b, lb_clock_now());
	b.flags = PEER_FLAG_ASK;
	b.echo_session = theirs->session;
	b.echo_seq = theirs->seq;
	size_t n = peer_pkt_write(&b, &ps->conf.key, bytes);
	send_path(ps, node, path, bytes, n);
}

/* ---- in ---- */

static void lost(struct peers *ps, size_t node)
{
	struct inst *i;
	LIST_FOREACH (i, &ps->w->insts, next)
		if (i->theirs[node].known)
			inst_theirs(i, node, NULL, &ps->links[node]);
}

/* up, down, or another process there. */
static void changed(struct peers *ps, size_t node, const struct peer_change *c)
{
	if (!c->node && !c->paths)
		return;
	if (c->node && !ps->links[node].up)
		lost(ps, node);
	tell_node(ps, node);
}

static void news(struct peers *ps, size_t node, const struct peer_beat *b)
{
	struct inst *i;
	for (size_t k = 0; k < b->n; k++)
		LIST_FOREACH (i, &ps->w->insts, next)
			if (i->peer_id == b->v[k].id)
				inst_theirs(i, node, &b->v[k], &ps->links[node]);
	if (b->flags & PEER_FLAG_ASK)
		peers_say(ps->w);
}

static bool find_path(const struct peers *ps, const struct lb_ip *from, size_t *node, size_t *path)
{
	for (*node = 0; *node < ps->conf.n_nodes; ++*node)
		for (*path = 0; *path < ps->conf.nodes[*node].n_paths; ++*path)
			if (lb_ip_cmp(&ps->conf.nodes[*node].paths[*path].theirs, from) == 0)
				return true;
	return false;
}

static enum peer_refusal take(struct peers *ps, const struct lb_ip *from, const uint8_t *bytes, size_t len)
{
	struct peer_beat b;
	struct peer_change change = { 0 };
	size_t node, path;
	if (!find_path(ps, from, &node, &path))
		return PEER_SOURCE;
	enum peer_refusal why = peer_pkt_read(bytes, len, ps->conf.cluster, &ps->conf.key, &b);
	if (why != PEER_OK)
		return why;
	struct peer_link *l = &ps->links[node];
	if (b.node != l->node)
		return PEER_SOURCE;
	uint64_t config_was = l->last.config;
	enum peer_take t =
		peer_link_take(l, &ps->self, &b, path, lb_clock_now(), lb_clock_wall_ms() * 1000, &why, &change);
	changed(ps, node, &change);
	switch (t) {
	case PEER_TAKE_OLD: break;
	case PEER_TAKE_ASK: answer(ps, node, path, &b); break;
	case PEER_TAKE_NEWS:
		if (config_was != b.config && !change.node)
			tell_node(ps, node);
		news(ps, node, &b);
		break;
	}
	return why;
}

static struct lb_ip ip_of(const struct sockaddr_storage *ss)
{
	struct lb_ip ip = { .family = (uint8_t)ss->ss_family };
	if (ss->ss_family == AF_INET)
		memcpy(ip.b, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	else
		memcpy(ip.b, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
	return ip;
}

static void on_readable(struct ev_loop *loop, ev_io *ev, int events)
{
	struct peer_sock *s = ev->data;
	uint8_t bytes[READ_MAX];
	if (lb_room_deaf(loop, events, "peer"))
		return;
	for (int i = 0; i < RECV_MAX; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) /* errors of what was sent come here, too: read once, they are gone */
			return;
		struct lb_ip ip = ip_of(&from);
		s->ps->refused[take(s->ps, &ip, bytes, (size_t)n)]++;
	}
}

/* ---- sockets ---- */

/* 0 or -errno. */
static int sock_open(struct peers *ps, struct peer_sock *s)
{
	struct sockaddr_storage ss;
	bool v6 = s->ours.family == AF_INET6;
	int on = 1, tos = TOS_CONTROL, level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int fd = socket(s->ours.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, level, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on));
	(void)setsockopt(fd, level, v6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
	socklen_t len = sockaddr_of(&s->ours, ps->conf.port, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len)) {
		int err = errno;
		close(fd);
		return -err;
	}
	s->fd = fd;
	ev_io_set(&s->readable, fd, EV_READ);
	ev_io_start(ps->w->base.loop, &s->readable);
	return 0;
}

/* Index of the socket of this address. */
static uint8_t sock_for(struct peers *ps, const struct lb_ip *ours)
{
	size_t k = 0;
	while (k < ps->n_socks && lb_ip_cmp(&ps->socks[k].ours, ours) != 0)
		k++;
	if (k < ps->n_socks)
		return (uint8_t)k;
	assert(k < SOCKS_MAX); /* a node has no more addresses */
	struct peer_sock *s = &ps->socks[ps->n_socks++];
	char text[LB_IP_STRLEN];
	*s = (struct peer_sock){ .ps = ps, .ours = *ours, .fd = -1 };
	ev_init(&s->readable, on_readable);
	s->readable.data = s;
	int err = sock_open(ps, s);
	if (err)
		lb_log(LB_LOG_ERROR, "peer: cannot listen on %s port %u: %s; trying again", lb_ip_str(ours, text),
			ps->conf.port, strerror(-err));
	return (uint8_t)k;
}

/* ---- time ---- */

static void look_at_silence(struct peers *ps)
{
	struct lb_time now = lb_clock_now(), next = LB_TIME_NEVER;
	for (size_t i = 0; i < ps->conf.n_nodes; i++) {
		struct peer_change change = { 0 };
		next = lb_time_min(next, peer_link_time(&ps->links[i], now, &change));
		changed(ps, i, &change);
	}
	struct inst *in;
	LIST_FOREACH (in, &ps->w->insts, next) /* an instance that is not there any more */
		for (size_t k = 0; k < ps->conf.n_nodes; k++)
			if (in->theirs[k].known &&
				lb_time_diff_us(now, in->theirs[k].heard_at) > (int64_t)ps->conf.dead_after_ms * 1000)
				inst_theirs(in, k, NULL, &ps->links[k]);
	ev_timer_stop(ps->w->base.loop, &ps->silence);
	if (next.us == LB_TIME_NEVER.us)
		return;
	int64_t wait_us = lb_time_diff_us(next, lb_clock_now());
	ev_timer_set(&ps->silence, wait_us > 0 ? (double)wait_us / 1e6 : 0.001, 0.0);
	ev_timer_start(ps->w->base.loop, &ps->silence);
}

static void on_silence(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	look_at_silence(t->data);
}

static void on_beat(struct ev_loop *loop, ev_timer *t, int events)
{
	struct peers *ps = t->data;
	(void)loop, (void)events;
	for (size_t k = 0; k < ps->n_socks; k++)
		if (ps->socks[k].fd < 0)
			(void)sock_open(ps, &ps->socks[k]);
	ps->say = true;
	look_at_silence(ps);
}

/* ---- beginning and end ---- */

void peers_stop(struct room *w)
{
	struct peers *ps = w->peers;
	if (!ps)
		return;
	for (size_t i = 0; i < ps->conf.n_nodes; i++)
		lost(ps, i);
	peers_flush(w); /* what is due, to those who are there now */
	w->peers = NULL;
	ev_timer_stop(w->base.loop, &ps->beat);
	ev_timer_stop(w->base.loop, &ps->silence);
	for (size_t k = 0; k < ps->n_socks; k++) {
		ev_io_stop(w->base.loop, &ps->socks[k].readable);
		if (ps->socks[k].fd >= 0)
			close(ps->socks[k].fd);
	}
	explicit_bzero(ps, sizeof(*ps)); /* the key */
	free(ps);
}

static struct peers *peers_new(struct room *w, const struct vrrp_peers *conf)
{
	struct peers *ps = calloc(1, sizeof(*ps));
	struct lb_time now = lb_clock_now();
	if (!ps)
		return NULL;
	ps->w = w;
	ps->conf = *conf;
	while (ps->self.session == 0)
		if (getrandom(&ps->self.session, sizeof(ps->self.session), 0) < 0 && errno != EINTR)
			ps->self.session = ((uint64_t)now.us ^ (uint64_t)lb_clock_wall_ms() << 32) | 1;
	for (size_t i = 0; i < conf->n_nodes; i++) {
		struct peer_link *l = &ps->links[i];
		l->node = peer_name_id(conf->nodes[i].name);
		l->dead_after_ms = conf->dead_after_ms;
		l->n_paths = conf->nodes[i].n_paths;
		peer_link_init(l, now);
		for (size_t k = 0; k < l->n_paths; k++)
			ps->sock_of[i][k] = sock_for(ps, &conf->nodes[i].paths[k].ours);
	}
	double heartbeat_s = conf->heartbeat_ms / 1e3;
	ev_timer_init(&ps->beat, on_beat, 0.0, heartbeat_s);
	ev_timer_init(&ps->silence, on_silence, 0.0, 0.0);
	ps->beat.data = ps->silence.data = ps;
	ev_timer_start(w->base.loop, &ps->beat);
	return ps;
}

static bool same_node(const struct vrrp_peer *a, const struct vrrp_peer *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_paths != b->n_paths)
		return false;
	for (uint32_t i = 0; i < a->n_paths; i++)
		if (lb_ip_cmp(&a->paths[i].ours, &b->paths[i].ours) != 0 ||
			lb_ip_cmp(&a->paths[i].theirs, &b->paths[i].theirs) != 0)
			return false;
	return true;
}

/* A configuration that differs in nothing of this leaves links as they are, and tells the others its digest. */
static bool same_peers(const struct vrrp_peers *a, const struct vrrp_peers *b)
{
	if (strcmp(a->self, b->self) != 0 || a->cluster != b->cluster || a->port != b->port ||
		a->heartbeat_ms != b->heartbeat_ms || a->dead_after_ms != b->dead_after_ms || a->key.n != b->key.n ||
		memcmp(a->key.bytes, b->key.bytes, a->key.n) != 0 || a->n_nodes != b->n_nodes)
		return false;
	for (uint32_t i = 0; i < a->n_nodes; i++)
		if (!same_node(&a->nodes[i], &b->nodes[i]))
			return false;
	return true;
}

void peers_set(struct room *w, const struct vrrp_peers *conf)
{
	if (w->peers && same_peers(&w->peers->conf, conf)) {
		w->peers->conf.config = conf->config;
		w->peers->say = true;
		peers_tell(w);
		return;
	}
	peers_stop(w);
	if (!conf->n_nodes)
		return;
	w->peers = peers_new(w, conf);
	if (w->peers) {
		peers_tell(w);
		return;
	}
	lb_log(LB_LOG_ERROR, "peer: out of memory");
	lb_room_end(&w->base, 1);
}
