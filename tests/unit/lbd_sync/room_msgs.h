/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legal messages of the channel to the process that copies flows, with random values in all their members. */
#pragma once

#include "lbd/sync/sync_room_msg.h"
#include "tests/unit/channel.h"

#include <netinet/in.h>

#define MSGS_SKIPS   40
#define MSGS_MATCHES 20
#define MSGS_ROWS    20

/* What a message does not hold itself. */
struct msgs_room {
	struct sync_conf conf;
	struct sync_skip skips[MSGS_SKIPS], nats[MSGS_SKIPS];
	struct conn_match matches[MSGS_MATCHES];
	struct conn_row rows[MSGS_ROWS];
	struct conn_way ways[MSGS_MATCHES];
	char text[300];
};

static inline int msgs_skip_cmp(const void *a, const void *b)
{
	return sync_skip_cmp(a, b);
}

static inline struct sync_skip msgs_skip(uint64_t *s)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	struct sync_skip k = { .what = coin(s) ? SYNC_OFF : SYNC_ALL };
	if (among(s, 0, 3) == 0) {
		k.addr.family = coin(s) ? AF_INET : AF_INET6;
		k.what = (enum sync_what)among(s, SYNC_OFF, SYNC_ALL);
		k.fwmark = coin(s) ? among(s, 1, 20) : among(s, 1, UINT32_MAX);
	} else {
		k.addr = msgs_ip(s, coin(s) ? AF_INET : AF_INET6, among(s, 0, 65535));
		k.port = (uint16_t)(coin(s) ? among(s, 0, 65535) : 0);
		k.protocol = protocols[among(s, 0, 2)];
	}
	return k;
}

/* How many there are, sorted, no two alike. */
static inline uint32_t msgs_skips(uint64_t *s, struct sync_skip *skips)
{
	uint32_t n = among(s, 0, MSGS_SKIPS), kept = 0;
	for (uint32_t i = 0; i < n; i++)
		skips[i] = msgs_skip(s);
	qsort(skips, n, sizeof(skips[0]), msgs_skip_cmp);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || sync_skip_cmp(&skips[kept - 1], &skips[i]) < 0)
			skips[kept++] = skips[i];
	return kept;
}

static inline void msgs_conf(uint64_t *s, struct msgs_room *room)
{
	struct sync_conf *c = &room->conf;
	memset(room, 0, sizeof(*room));
	c->flows = coin(s);
	c->multicast = coin(s);
	msgs_text(s, c->self, 1, sizeof(c->self));
	do
		msgs_text(s, c->peer, 1, sizeof(c->peer));
	while (strcmp(c->peer, c->self) == 0);
	c->cluster = (uint8_t)among(s, 1, 255);
	c->port = (uint16_t)among(s, 1, 65535);
	c->config = random_of(s) >> among(s, 0, 63);
	c->generation = (uint32_t)random_of(s);
	c->rate = among(s, 1, SYNC_RATE_MAX);
	c->key_n = among(s, SYNC_KEY_MIN, SYNC_KEY_MAX);
	for (uint32_t i = 0; i < c->key_n; i++)
		c->key[i] = (uint8_t)random_of(s);
	c->n_paths = among(s, 1, SYNC_PATHS_MAX);
	for (uint32_t i = 0; i < c->n_paths; i++) {
		uint8_t family = coin(s) ? AF_INET : AF_INET6;
		c->paths[i].ours = msgs_ip(s, family, 2 * i);
		c->paths[i].theirs = msgs_ip(s, family, 2 * i + 1);
	}
	c->n_skips = msgs_skips(s, room->skips);
	c->skips = c->n_skips ? room->skips : NULL;
	c->ipvs = coin(s);
	c->ways = (uint32_t)random_of(s);
	c->conntrack = (enum sync_conntrack)among(s, 0, SYNC_CONNTRACK_OFF);
	c->n_nats = msgs_skips(s, room->nats);
	for (uint32_t i = 0; i < c->n_nats; i++)
		room->nats[i].what = SYNC_ALL;
	c->nats = c->n_nats ? room->nats : NULL;
	for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
		c->paused[i] = coin(s);
	c->forwards = coin(s);
}

static inline void msgs_do(uint64_t *s, struct sync_msg_do *d)
{
	d->what = (enum sync_do)among(s, 0, SYNC_DO_COUNT - 1);
	uint32_t bits = among(s, 1, (1u << SYNC_KIND_COUNT) - 1);
	for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
		d->kinds[i] = bits >> i & 1;
	d->number = (uint32_t)random_of(s);
}

static inline void msgs_multicast(uint64_t *s, struct sync_multicast *c)
{
	c->master = coin(s);
	c->id = (uint8_t)among(s, 1, 255);
	c->port = (uint16_t)among(s, 1, 65535);
	c->group = msgs_ip(s, coin(s) ? AF_INET : AF_INET6, among(s, 0, 65535));
	c->group.b[0] = c->group.family == AF_INET ? (uint8_t)among(s, 224, 239) : 0xff;
	msgs_text(s, c->device, 1, sizeof(c->device));
	for (char *p = c->device; *p; p++) /* as the kernel takes it */
		if (*p == ' ' || *p == '/' || *p == ':' || *p == '.')
			*p = '-';
}

static inline void msgs_state(uint64_t *s, struct sync_msg_state *st)
{
	st->is = (enum sync_link_is)among(s, 0, SYNC_IS_COUNT - 1);
	msgs_text(s, st->reason, 0, sizeof(st->reason));
	msgs_text(s, st->text, 0, sizeof(st->text));
	msgs_text(s, st->version, 0, sizeof(st->version));
	st->sent_all = coin(s);
	st->have_all = coin(s);
	st->same_config = coin(s);
	st->order = (uint32_t)random_of(s);
	st->held = coin(s);
	st->stopped[SYNC_IPVS] = coin(s);
	st->stopped[SYNC_CONNTRACK] = coin(s);
	msgs_text(s, st->trouble, 0, sizeof(st->trouble));
}

static inline void msgs_stats(uint64_t *s, struct sync_msg_stats *st)
{
	uint64_t *const counters[] = { &st->local, &st->peer, &st->sent, &st->received, &st->injected, &st->refused,
		&st->lost, &st->unsure, &st->resyncs, &st->bulk_done, &st->bulk_all, &st->sent_done, &st->sent_all };
	st->kind = (enum sync_kind)among(s, 0, SYNC_KIND_COUNT - 1);
	for (size_t i = 0; i < LEN(counters); i++)
		*counters[i] = random_of(s) >> among(s, 1, 63);
	st->lag_ms = (uint32_t)random_of(s);
	st->full = (uint32_t)random_of(s);
	st->kernel_full = coin(s);
}

static inline struct conn_match msgs_match(uint64_t *s)
{
	struct sync_skip k = msgs_skip(s);
	struct conn_match m = { .protocol = k.protocol, .fwmark = k.fwmark, .virtual = k.addr, .virtual_port = k.port };
	if (coin(s)) {
		m.dest = msgs_ip(s, k.addr.family, among(s, 0, 65535));
		m.dest_port = (uint16_t)(coin(s) ? among(s, 1, 65535) : 0);
	}
	return m;
}

static inline void msgs_ask(uint64_t *s, struct conn_ask *a, struct msgs_room *room)
{
	uint32_t n = among(s, 0, MSGS_MATCHES);
	a->id = among(s, 1, UINT32_MAX);
	if (coin(s)) {
		a->filter.client = msgs_ip(s, coin(s) ? AF_INET : AF_INET6, among(s, 0, 65535));
		a->filter.prefix = lb_ip_is_v6(&a->filter.client) ? 128 : 32;
	}
	a->filter.client_port = (uint16_t)(coin(s) ? random_of(s) : 0);
	a->filter.some = coin(s);
	a->cut = coin(s);
	if (!a->filter.some)
		return;
	for (uint32_t i = 0; i < n; i++)
		room->matches[i] = msgs_match(s);
	for (uint32_t i = 0; i < n; i++)
		room->matches[i].unmarked = !room->matches[i].fwmark && !room->matches[i].dest.family && coin(s);
	a->filter.n = conn_match_sort(room->matches, n);
	a->filter.v = a->filter.n ? room->matches : NULL;
}

static inline void msgs_rows(uint64_t *s, struct conn_rows *r, struct msgs_room *room)
{
	r->id = among(s, 1, UINT32_MAX);
	r->n = among(s, 1, MSGS_ROWS);
	r->v = room->rows;
	memset(room->rows, 0, sizeof(room->rows));
	for (uint32_t i = 0; i < r->n; i++) {
		uint8_t family = coin(s) ? AF_INET : AF_INET6;
		room->rows[i] = (struct conn_row){ .protocol = (uint8_t)random_of(s),
			.origin = (enum conn_origin)among(s, 0, CONN_ORIGIN_COUNT - 1),
			.client_port = (uint16_t)(coin(s) ? random_of(s) : 0),
			.virtual_port = (uint16_t)(coin(s) ? random_of(s) : 0),
			.dest_port = (uint16_t)random_of(s),
			.state = (uint16_t)random_of(s),
			.client = msgs_ip(s, family, among(s, 0, 65535)),
			.virtual = msgs_ip(s, family, among(s, 0, 65535)),
			.dest = msgs_ip(s, coin(s) ? AF_INET : AF_INET6, among(s, 0, 65535)),
			.expires_s = (uint32_t)random_of(s),
			.fwmark = coin(s) ? (uint32_t)random_of(s) : 0 };
	}
}

static inline void msgs_end(uint64_t *s, struct conn_end *e)
{
	e->id = among(s, 1, UINT32_MAX);
	e->err = among(s, 0, 4095);
	e->seen = random_of(s) >> among(s, 1, 63);
	e->ended = random_of(s) >> among(s, 1, 63);
	e->left = random_of(s) >> among(s, 1, 63);
	e->unsure = coin(s);
	msgs_text(s, e->text, 0, sizeof(e->text));
}

static inline void msgs_ways(uint64_t *s, struct conn_ways *w, struct msgs_room *room)
{
	static const uint8_t methods[] = { 0, 2, 3, CONN_WAY_MIXED };
	*w = (struct conn_ways){
		.id = among(s, 0, UINT32_MAX), .first = coin(s), .last = coin(s), .n = among(s, 0, MSGS_MATCHES)
	};
	for (uint32_t i = 0; i < w->n; i++)
		room->ways[i] = (struct conn_way){ .match = msgs_match(s),
			.method = methods[among(s, 0, LEN(methods) - 1)],
			.persist_s = coin(s) ? among(s, 0, CONN_WAY_PERSIST) : 0 };
	w->v = room->ways;
}

static inline void msgs_looked(uint64_t *s, struct conn_looked *e)
{
	e->id = among(s, 0, UINT32_MAX);
	e->err = among(s, 0, 4095);
	e->found = random_of(s) >> among(s, 1, 63);
	e->unsure = random_of(s) >> among(s, 1, 63);
}

static inline void msgs_talk(uint64_t *s, struct sync_msg_talk *t, struct msgs_room *room)
{
	msgs_text(s, room->text, 0, sizeof(room->text));
	t->id = among(s, 1, UINT32_MAX);
	t->flags = (uint8_t)random_of(s);
	t->text = room->text;
	t->n = strlen(room->text);
}

/* *m is of that type; what it points to is in *room. */
static inline void msgs_random(uint64_t *s, enum sync_msg_type type, struct sync_room_msg *m, struct msgs_room *room)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	switch (type) {
	case SYNC_MSG_HELLO:
		m->u.hello.version = among(s, 1, UINT32_MAX);
		m->u.hello.level = (enum lb_log_level)among(s, LB_LOG_ERROR, LB_LOG_DEBUG);
		break;
	case SYNC_MSG_SET:
		msgs_conf(s, room);
		m->u.set = &room->conf;
		break;
	case SYNC_MSG_DO: msgs_do(s, &m->u.run); break;
	case SYNC_MSG_MULTICAST: msgs_multicast(s, &m->u.multicast); break;
	case SYNC_MSG_LOG: m->u.log = (enum lb_log_level)among(s, LB_LOG_ERROR, LB_LOG_DEBUG); break;
	case SYNC_MSG_PING: m->u.ping = (uint32_t)random_of(s); break;
	case SYNC_MSG_TALK_OUT:
		msgs_talk(s, &m->u.talk, room);
		m->u.talk.link = (uint32_t)random_of(s);
		break;
	case SYNC_MSG_TALK_LINK: m->u.talk.link = (uint32_t)random_of(s); break;
	case SYNC_MSG_TALK_IN: msgs_talk(s, &m->u.talk, room); break;
	case SYNC_MSG_READY:
		m->u.ready.version = among(s, 1, UINT32_MAX);
		m->u.ready.pid = (int32_t)among(s, 1, INT32_MAX);
		break;
	case SYNC_MSG_STATE: msgs_state(s, &m->u.state); break;
	case SYNC_MSG_STATS: msgs_stats(s, &m->u.stats); break;
	case SYNC_MSG_PONG:
		m->u.pong.n = (uint32_t)random_of(s);
		m->u.pong.lag_us = (uint32_t)random_of(s);
		m->u.pong.rss_kib = (uint32_t)random_of(s);
		break;
	case SYNC_MSG_CONN_LIST:
	case SYNC_MSG_CONN_KILL:
	case SYNC_MSG_CONN_BIND: msgs_ask(s, &m->u.conn_ask, room); break;
	case SYNC_MSG_CONN_MORE:
	case SYNC_MSG_CONN_STOP: m->u.conn_id = among(s, 1, UINT32_MAX); break;
	case SYNC_MSG_CONN_ROWS: msgs_rows(s, &m->u.conn_rows, room); break;
	case SYNC_MSG_CONN_END: msgs_end(s, &m->u.conn_end); break;
	case SYNC_MSG_LOOK_WAYS: msgs_ways(s, &m->u.ways, room); break;
	case SYNC_MSG_LOOK_WANT: break;
	case SYNC_MSG_LOOK_END: msgs_looked(s, &m->u.looked); break;
	}
}

static inline bool msgs_to_sync(enum sync_msg_type type)
{
	return type < SYNC_MSG_READY;
}

/* As the side reads it that receives this type. */
static inline int msgs_read(enum sync_msg_type type, const json_t *line, struct sync_room_msg *out)
{
	return msgs_to_sync(type) ? sync_room_msg_read_sync(line, out) : sync_room_msg_read_core(line, out);
}

/* For the tests of any channel: what was read is freed. */
static inline int msgs_check(int type, const json_t *line)
{
	struct sync_room_msg got;
	int rc = msgs_read((enum sync_msg_type)type, line, &got);
	if (rc == 0)
		sync_room_msg_done(&got);
	return rc;
}

static inline const char *msgs_name(int type)
{
	return sync_room_msg_name((enum sync_msg_type)type);
}
