/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legal messages of the channel to the process that copies flows, with random values in all their members. */
#pragma once

#include "lbd/sync/sync_room_msg.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline uint64_t random_of(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint32_t among(uint64_t *s, uint32_t min, uint32_t max)
{
	return min + (uint32_t)(random_of(s) % ((uint64_t)max - min + 1));
}

static inline bool coin(uint64_t *s)
{
	return random_of(s) & 1;
}

/* Printable, quotes and backslashes included, of min to size - 1 bytes. */
static inline void msgs_text(uint64_t *s, char *out, uint32_t min, uint32_t size)
{
	uint32_t n = among(s, min, size - 1);
	for (uint32_t i = 0; i < n; i++)
		out[i] = (char)among(s, 0x20, 0x7e);
	out[n] = '\0';
}

/* last: makes it unlike the others. */
static inline struct lb_ip msgs_ip(uint64_t *s, uint8_t family, uint32_t last)
{
	struct lb_ip out = { .family = family };
	uint32_t n = family == AF_INET ? 4 : 16;
	for (uint32_t k = 0; k + 2 < n; k++)
		out.b[k] = (uint8_t)random_of(s);
	out.b[n - 2] = (uint8_t)(last >> 8);
	out.b[n - 1] = (uint8_t)last;
	return out;
}

#define MSGS_SKIPS 40

/* What a message does not hold itself. */
struct msgs_room {
	struct sync_conf conf;
	struct sync_skip skips[MSGS_SKIPS];
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
		k.fwmark = coin(s) ? among(s, 1, 20) : among(s, 1, UINT32_MAX);
	} else {
		k.addr = msgs_ip(s, coin(s) ? AF_INET : AF_INET6, among(s, 0, 65535));
		k.port = (uint16_t)(coin(s) ? among(s, 0, 65535) : 0);
		k.protocol = protocols[among(s, 0, 2)];
	}
	return k;
}

static inline void msgs_conf(uint64_t *s, struct msgs_room *room)
{
	struct sync_conf *c = &room->conf;
	memset(room, 0, sizeof(*room));
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
	uint32_t n = among(s, 0, MSGS_SKIPS);
	for (uint32_t i = 0; i < n; i++)
		room->skips[i] = msgs_skip(s);
	qsort(room->skips, n, sizeof(room->skips[0]), msgs_skip_cmp);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || sync_skip_cmp(&room->skips[c->n_skips - 1], &room->skips[i]) < 0)
			room->skips[c->n_skips++] = room->skips[i];
	c->skips = c->n_skips ? room->skips : NULL;
}

static inline void msgs_do(uint64_t *s, struct sync_msg_do *d)
{
	d->what = (enum sync_do)among(s, 0, SYNC_DO_COUNT - 1);
	uint32_t bits = among(s, 1, (1u << SYNC_KIND_COUNT) - 1);
	for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
		d->kinds[i] = bits >> i & 1;
}

static inline void msgs_multicast(uint64_t *s, struct sync_multicast *c)
{
	c->master = coin(s);
	c->id = (uint8_t)among(s, 1, 255);
	c->port = (uint16_t)among(s, 1, 65535);
	c->group = msgs_ip(s, coin(s) ? AF_INET : AF_INET6, among(s, 0, 65535));
	c->group.b[0] = c->group.family == AF_INET ? (uint8_t)among(s, 224, 239) : 0xff;
	msgs_text(s, c->device, 1, sizeof(c->device));
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
	msgs_text(s, st->trouble, 0, sizeof(st->trouble));
}

static inline void msgs_stats(uint64_t *s, struct sync_msg_stats *st)
{
	uint64_t *const counters[] = { &st->local, &st->peer, &st->sent, &st->received, &st->injected, &st->refused,
		&st->lost, &st->resyncs, &st->bulk_done, &st->bulk_all, &st->sent_done, &st->sent_all };
	st->kind = (enum sync_kind)among(s, 0, SYNC_KIND_COUNT - 1);
	for (size_t i = 0; i < LEN(counters); i++)
		*counters[i] = random_of(s) >> among(s, 1, 63);
	st->lag_ms = (uint32_t)random_of(s);
	st->full = (uint32_t)random_of(s);
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
