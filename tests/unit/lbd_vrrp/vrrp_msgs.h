/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legal messages of the channel with random values in all their members. */
#pragma once

#include "lbd/vrrp/vrrp_msg.h"
#include "tests/unit/channel.h"

static inline uint8_t msgs_family(uint64_t *s)
{
	return coin(s) ? AF_INET : AF_INET6;
}

static inline void msgs_vip(uint64_t *s, struct vip *v, uint8_t family, uint32_t i)
{
	v->ip = msgs_ip(s, family, i);
	v->prefix = (uint8_t)among(s, 1, family == AF_INET ? 32 : 128);
}

/* A network: nothing behind its prefix. */
static inline struct lb_ip msgs_net(uint64_t *s, uint8_t family, uint8_t *prefix)
{
	struct lb_ip ip = msgs_ip(s, family, among(s, 0, 65535));
	*prefix = (uint8_t)among(s, 0, family == AF_INET ? 32 : 128);
	for (unsigned i = *prefix; i < (family == AF_INET ? 32 : 128); i++)
		ip.b[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return ip;
}

static inline void msgs_ways(uint64_t *s, struct vrrp_conf *c)
{
	c->n_routes = coin(s) ? 0 : among(s, 0, WAY_ROUTES_MAX);
	for (uint32_t i = 0; i < c->n_routes; i++) {
		struct route *r = &c->routes[i];
		uint8_t family = msgs_family(s);
		r->to = msgs_net(s, family, &r->prefix);
		if (coin(s))
			r->via = msgs_ip(s, family, i);
		if (coin(s))
			r->source = msgs_ip(s, family, i);
		snprintf(r->dev, sizeof(r->dev), "wan%u", among(s, 0, 999));
		r->table = among(s, 1, UINT32_MAX);
		r->metric = (uint32_t)random_of(s);
	}
	c->n_policy = coin(s) ? 0 : among(s, 0, WAY_RULES_MAX);
	for (uint32_t i = 0; i < c->n_policy; i++) {
		struct rule *r = &c->policy[i];
		uint8_t family = msgs_family(s);
		r->from = msgs_net(s, family, &r->from_prefix);
		r->to = msgs_net(s, family, &r->to_prefix);
		r->table = among(s, 1, UINT32_MAX);
		r->priority = among(s, 1, UINT32_MAX);
		r->fwmark = (uint32_t)random_of(s);
	}
}

static inline void msgs_auth(uint64_t *s, struct vrrp_auth *a)
{
	a->mode = (enum vrrp_auth_mode)among(s, VRRP_AUTH_OFF, VRRP_AUTH_ENFORCE);
	if (a->mode == VRRP_AUTH_OFF)
		return;
	a->window_ms = among(s, 1000, 300000);
	a->n_keys = among(s, a->mode == VRRP_AUTH_RECEIVE_ONLY ? 0 : 1, VRRP_KEYS_MAX);
	for (uint32_t i = 0; i < a->n_keys; i++) {
		a->keys[i].id = (uint8_t)(255 - 30 * i);
		a->keys[i].n = (uint8_t)among(s, VRRP_KEY_MIN, VRRP_KEY_MAX);
		for (uint32_t k = 0; k < a->keys[i].n; k++)
			a->keys[i].bytes[k] = (uint8_t)random_of(s);
	}
}

/* Set member by member, so that it can be compared as bytes. */
static inline void msgs_conf(uint64_t *s, struct vrrp_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->id = (uint32_t)random_of(s);
	msgs_text(s, c->name, 1, sizeof(c->name));
	msgs_text(s, c->group, 0, sizeof(c->group));
	snprintf(c->interface, sizeof(c->interface), "%s%u", coin(s) ? "eth" : "b\xc3\xbc", among(s, 0, 999));
	c->version = c->rules.version = (uint8_t)among(s, 2, 3);
	c->family = c->version == 2 ? AF_INET : msgs_family(s);
	c->vrid = (uint8_t)among(s, 1, 255);
	c->prio = (uint8_t)among(s, 1, 255);
	c->sum = coin(s) ? VRRP_SUM_RFC5798 : VRRP_SUM_RFC9568;
	c->rules.interval_cs = c->version == 2 ? 100 * among(s, 1, 255) : among(s, 1, 4095);
	c->rules.preempt = coin(s);
	c->rules.preempt_delay_ms = among(s, 0, 86400000);
	c->rules.startup_delay_ms = among(s, 0, 86400000);
	c->n_addrs = among(s, 1, VRRP_ADDRS_MAX);
	c->n_excluded = coin(s) ? 0 : among(s, 0, VRRP_EXCLUDED_MAX);
	c->n_peers = among(s, 0, VRRP_PEERS_MAX);
	for (uint32_t i = 0; i < c->n_addrs; i++)
		msgs_vip(s, &c->addrs[i], c->family, i);
	if (c->family == AF_INET6) { /* the first is link-local */
		c->addrs[0].ip.b[0] = 0xfe;
		c->addrs[0].ip.b[1] = (uint8_t)among(s, 0x80, 0xbf);
	}
	for (uint32_t i = 0; i < c->n_excluded; i++)
		msgs_vip(s, &c->excluded[i], msgs_family(s), 1000 + i);
	msgs_ways(s, c);
	for (uint32_t i = 0; i < c->n_peers; i++)
		c->peers[i] = msgs_ip(s, c->family, i);
	if (coin(s))
		c->source = msgs_ip(s, c->family, 0);
	c->min_ttl = (uint8_t)among(s, 1, 255);
	c->lease_s = among(s, 0, 86400);
	c->virtual_mac = among(s, 0, 1);
	c->resigned = coin(s);
	msgs_text(s, c->refused, 0, sizeof(c->refused));
	c->announce.count = among(s, 0, 1000);
	c->announce.delay_ms = among(s, 0, 86400000);
	c->announce.refresh_ms = among(s, 0, 86400000);
	c->announce.again_ms = among(s, 0, 86400000);
	c->with_password = c->version == 2 && coin(s);
	for (uint32_t i = 0; c->with_password && i < VRRP_PASSWORD; i++)
		c->password[i] = (uint8_t)random_of(s);
	msgs_auth(s, &c->auth);
}

/* Addresses: theirs are unlike each other and unlike ours. */
static inline void msgs_peers(uint64_t *s, struct vrrp_peers *p)
{
	memset(p, 0, sizeof(*p));
	p->n_nodes = among(s, 0, VRRP_NODES_MAX);
	if (!p->n_nodes)
		return;
	msgs_text(s, p->self, 1, sizeof(p->self) - 1);
	strcat(p->self, "!"); /* nobody else's name ends so */
	p->cluster = (uint8_t)among(s, 1, 255);
	p->port = (uint16_t)among(s, 1, 65535);
	p->heartbeat_ms = among(s, 10, 10000);
	p->dead_after_ms = among(s, 2 * p->heartbeat_ms + (p->heartbeat_ms < 15 ? 10 : 1), 60000);
	p->config = random_of(s) >> among(s, 0, 63);
	p->key.n = among(s, PEER_KEY_MIN, PEER_KEY_MAX);
	for (uint32_t i = 0; i < p->key.n; i++)
		p->key.bytes[i] = (uint8_t)random_of(s);
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		struct vrrp_peer *n = &p->nodes[i];
		snprintf(n->name, sizeof(n->name), "n%u.%u", i, among(s, 0, 999));
		n->n_paths = among(s, 1, PEER_PATHS_MAX);
		for (uint32_t k = 0; k < n->n_paths; k++) {
			uint8_t family = msgs_family(s);
			n->paths[k].ours = msgs_ip(s, family, k);
			n->paths[k].theirs = msgs_ip(s, family, 256 * (i + 1) + k);
		}
	}
}

static inline void msgs_node(uint64_t *s, struct vrrp_msg_node *n)
{
	msgs_text(s, n->name, 1, sizeof(n->name));
	n->up = coin(s);
	n->same_config = coin(s);
	msgs_text(s, n->version, 0, sizeof(n->version));
	n->instances = (uint32_t)random_of(s);
	n->restarts = (uint32_t)random_of(s);
	n->offset_us = (int64_t)random_of(s);
	n->n_paths = among(s, 0, PEER_PATHS_MAX);
	for (uint32_t i = 0; i < n->n_paths; i++) {
		n->paths[i].theirs = msgs_ip(s, msgs_family(s), i);
		n->paths[i].up = coin(s);
		n->paths[i].rtt_us = (uint32_t)random_of(s);
	}
	for (int i = 0; i < PEER_REFUSAL_COUNT; i++)
		n->refused[i] = random_of(s) >> among(s, 1, 63);
}

static inline void msgs_theirs(uint64_t *s, struct vrrp_msg_theirs *t)
{
	t->id = (uint32_t)random_of(s);
	msgs_text(s, t->node, 1, sizeof(t->node));
	t->known = coin(s);
	t->state = t->known ? (enum vrrp_state)among(s, 0, VRRP_STATE_COUNT - 1) : (enum vrrp_state)0;
	t->prio = t->known ? (uint8_t)random_of(s) : 0;
}

static inline void msgs_moved(uint64_t *s, struct vrrp_msg_moved *v)
{
	v->id = (uint32_t)random_of(s);
	v->ok = coin(s);
	v->away = coin(s);
	v->outage_us = (uint32_t)random_of(s);
	msgs_text(s, v->reason, 0, sizeof(v->reason));
}

static inline void msgs_state(uint64_t *s, struct vrrp_msg_state *st)
{
	st->id = (uint32_t)random_of(s);
	st->state = (enum vrrp_state)among(s, 0, VRRP_STATE_COUNT - 1);
	st->was = (enum vrrp_state)among(s, 0, VRRP_STATE_COUNT - 1);
	st->cause = (enum vrrp_cause)among(s, 0, VRRP_CAUSE_COUNT - 1);
	st->prio = (uint8_t)random_of(s);
	msgs_text(s, st->reason, 0, sizeof(st->reason));
	if (coin(s))
		st->master = msgs_ip(s, msgs_family(s), 1);
	st->master_prio = (uint8_t)random_of(s);
	if (coin(s))
		st->source = msgs_ip(s, msgs_family(s), 2);
	st->resigned = coin(s);
	msgs_text(s, st->refused, 0, sizeof(st->refused));
}

static inline void msgs_stats(uint64_t *s, struct vrrp_msg_stats *st)
{
	st->id = (uint32_t)random_of(s);
	st->sent = random_of(s) >> 1;
	st->received = random_of(s) >> 1;
	for (int i = VRRP_DISCARD_NONE + 1; i < VRRP_DISCARD_COUNT_OF; i++)
		st->discarded[i] = random_of(s) >> among(s, 1, 63);
	st->renewals = random_of(s) >> 1;
	st->transitions = random_of(s) >> 1;
	st->conflicts = random_of(s) >> 1;
	st->late_us = (uint32_t)random_of(s);
	st->sum9568 = coin(s);
}

/* What a message does not hold itself. */
struct msgs_room {
	struct vrrp_conf conf;
	struct vrrp_peers peers;
};

/* *m is of that type; what it points to is in *room. */
static inline void msgs_random(uint64_t *s, enum vrrp_msg_type type, struct vrrp_msg *m, struct msgs_room *room)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	uint32_t id = (uint32_t)random_of(s);
	switch (type) {
	case VRRP_MSG_HELLO:
		m->u.hello.version = among(s, 1, UINT32_MAX);
		m->u.hello.level = (enum lb_log_level)among(s, LB_LOG_ERROR, LB_LOG_DEBUG);
		break;
	case VRRP_MSG_SET:
		msgs_conf(s, &room->conf);
		m->u.set = &room->conf;
		break;
	case VRRP_MSG_DEL: m->u.del = id; break;
	case VRRP_MSG_TRACK:
		m->u.track.id = id;
		m->u.track.add = (int32_t)among(s, 0, 2 * 65535) - 65535;
		m->u.track.fault = coin(s);
		msgs_text(s, m->u.track.reason, 0, sizeof(m->u.track.reason));
		break;
	case VRRP_MSG_DO:
		m->u.run.id = id;
		m->u.run.what = (enum vrrp_do)among(s, 0, VRRP_DO_COUNT - 1);
		m->u.run.for_ms = m->u.run.what >= VRRP_DO_HANDOVER ? among(s, 1, 60000) : 0;
		break;
	case VRRP_MSG_PEERS:
		msgs_peers(s, &room->peers);
		m->u.peers = &room->peers;
		break;
	case VRRP_MSG_END:
	case VRRP_MSG_SWEEP:
	case VRRP_MSG_SWEPT: break;
	case VRRP_MSG_LOG: m->u.log = (enum lb_log_level)among(s, LB_LOG_ERROR, LB_LOG_DEBUG); break;
	case VRRP_MSG_PING: m->u.ping = id; break;
	case VRRP_MSG_READY:
		m->u.ready.version = among(s, 1, UINT32_MAX);
		m->u.ready.pid = (int32_t)among(s, 1, INT32_MAX);
		break;
	case VRRP_MSG_STATE: msgs_state(s, &m->u.state); break;
	case VRRP_MSG_ALARM:
		m->u.alarm.id = id;
		m->u.alarm.alarm = (enum vrrp_alarm)among(s, 0, VRRP_ALARM_COUNT - 1);
		m->u.alarm.on = coin(s);
		msgs_text(s, m->u.alarm.text, 0, sizeof(m->u.alarm.text));
		break;
	case VRRP_MSG_NODE: msgs_node(s, &m->u.node); break;
	case VRRP_MSG_THEIRS: msgs_theirs(s, &m->u.theirs); break;
	case VRRP_MSG_MOVED: msgs_moved(s, &m->u.moved); break;
	case VRRP_MSG_TAKEN:
		m->u.taken = (struct vrrp_msg_taken){ id, among(s, 0, UINT32_MAX), among(s, 0, UINT32_MAX),
			among(s, 0, UINT32_MAX), among(s, 0, UINT32_MAX), among(s, 0, UINT32_MAX) };
		break;
	case VRRP_MSG_PONG:
		m->u.pong = (struct vrrp_msg_pong){ id, among(s, 0, UINT32_MAX), among(s, 0, UINT32_MAX),
			among(s, 0, UINT32_MAX) };
		break;
	case VRRP_MSG_STATS: msgs_stats(s, &m->u.stats); break;
	}
}

static inline bool msgs_to_vrrp(enum vrrp_msg_type type)
{
	return type < VRRP_MSG_READY;
}

/* As the side reads it that receives this type. */
static inline int msgs_read(enum vrrp_msg_type type, const json_t *line, struct vrrp_msg *out)
{
	return msgs_to_vrrp(type) ? vrrp_msg_read_vrrp(line, out) : vrrp_msg_read_core(line, out);
}

/* For the tests of any channel: what was read is freed. */
static inline int msgs_check(int type, const json_t *line)
{
	struct vrrp_msg got;
	int rc = msgs_read((enum vrrp_msg_type)type, line, &got);
	if (rc == 0)
		vrrp_msg_done(&got);
	return rc;
}

static inline const char *msgs_name(int type)
{
	return vrrp_msg_name((enum vrrp_msg_type)type);
}

static inline json_t *line_of(const struct vrrp_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	vrrp_msg_write(m, &line);
	return parse_written(&line);
}

/* ---- lines ---- */

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define COMMON                                                                                                         \
	"\"msg\":\"vrrp.set\",\"id\":7,\"name\":\"web\",\"group\":\"front\",\"interface\":\"eth0\",\"family\":"        \
	"\"ipv4\","                                                                                                    \
	"\"vrid\":51,\"prio\":150,\"sum\":\"rfc5798\",\"interval_cs\":100,\"preempt\":true,\"preempt_delay_ms\":0,"    \
	"\"startup_delay_ms\":0,\"addrs\":[\"203.0.113.10/24\",\"203.0.113.11/32\"],\"excluded\":[\"2001:db8::1/"      \
	"64\"],"                                                                                                       \
	"\"routes\":[{\"to\":\"0.0.0.0/0\",\"via\":\"203.0.113.1\",\"dev\":\"wan0\",\"table\":100,\"metric\":10,"      \
	"\"source\":\"203.0.113.10\"},{\"to\":\"2001:db8::/32\",\"dev\":\"lan0\",\"table\":254,\"metric\":0}],"        \
	"\"rules\":[{\"from\":\"203.0.113.0/24\",\"to\":\"0.0.0.0/0\",\"table\":100,\"priority\":1000,\"fwmark\":7}]," \
	"\"min_ttl\":255,\"lease_s\":3,\"virtual_mac\":true,\"resigned\":true,\"refused\":\"all\","                    \
	"\"announce\":{\"count\":5,\"delay_ms\":5000,\"refresh_ms\":0,\"again_ms\":4000},"
/* as large as it can be, and as small */
#define SET2                                                                                                           \
	"{" COMMON "\"version\":2,\"peers\":[\"203.0.113.2\"],\"source\":\"203.0.113.1\","                             \
	"\"password\":\"3132333400000000\","                                                                           \
	"\"auth\":{\"mode\":\"enforce\",\"window_ms\":5000,\"keys\":[{\"id\":1,\"key\":\"" KEY "\"}]}}"
#define SET3 "{" COMMON "\"version\":3,\"peers\":[],\"auth\":{\"mode\":\"off\"}}"
