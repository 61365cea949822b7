/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_room_msg.h"

#include "common/buf.h"
#include "common/fields.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *const sync_whats[] = { [SYNC_OFF] = "off", [SYNC_ESTABLISHED] = "established", [SYNC_ALL] = "all" };
const char *const sync_kinds[] = { [SYNC_IPVS] = "ipvs", [SYNC_CONNTRACK] = "conntrack" };
const char *const sync_dos[] = {
	[SYNC_DO_RESYNC] = "resync",
	[SYNC_DO_PAUSE] = "pause",
	[SYNC_DO_RESUME] = "resume",
};
const char *const sync_link_words[] = {
	[SYNC_IS_OFF] = "off",
	[SYNC_IS_DOWN] = "down",
	[SYNC_IS_BULK] = "bulk",
	[SYNC_IS_SYNC] = "in-sync",
	[SYNC_IS_PAUSED] = "paused",
};

static uint64_t counter_read(struct lb_fields *f, const char *key)
{
	return (uint64_t)lb_field_int(f, key, 0, INT64_MAX);
}

static void name_read(struct lb_fields *f, const char *key, char out[SYNC_NAME_MAX])
{
	lb_field_text(f, key, out, SYNC_NAME_MAX);
	f->bad |= out[0] == '\0';
}

/* ---- sync.set ---- */

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int sync_skip_cmp(const struct sync_skip *a, const struct sync_skip *b)
{
	int by_mark = order(a->fwmark, b->fwmark), by_addr = lb_ip_cmp(&a->addr, &b->addr);
	if (by_mark || by_addr)
		return by_mark ? by_mark : by_addr;
	return a->port == b->port ? order(a->protocol, b->protocol) : order(a->port, b->port);
}

static const struct word {
	const char *name;
	uint8_t number;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } },
  families[] = { { "ipv4", AF_INET }, { "ipv6", AF_INET6 } };

static const char *name_of(const struct word *words, size_t n, uint8_t number)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].number == number)
			return words[i].name;
	return NULL;
}

/* The number of the word; 0 = it is none of them. */
static uint8_t number_of(const struct word *words, size_t n, const char *s, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i].name) == len && memcmp(words[i].name, s, len) == 0)
			return words[i].number;
	return 0;
}

#define SKIP_TEXT 80

/* "off tcp 203.0.113.10:80", "all mark 10 ipv6": there may be many of them in one line. */
static json_t *skip_write(const struct sync_skip *s)
{
	char text[SKIP_TEXT], at[LB_ENDPOINT_STRLEN];
	const char *protocol = name_of(protocols, COUNT(protocols), s->protocol);
	const char *family = name_of(families, COUNT(families), s->addr.family);
	if (!family)
		return NULL;
	if (protocol)
		snprintf(text, sizeof(text), "%s %s %s", sync_whats[s->what], protocol,
			lb_endpoint_str(&s->addr, s->port, at));
	else
		snprintf(text, sizeof(text), "%s mark %u %s", sync_whats[s->what], s->fwmark, family);
	return json_string(text);
}

static json_t *skips_write(const struct sync_conf *c)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < c->n_skips; i++)
		if (!lb_list_add(list, skip_write(&c->skips[i])))
			return NULL;
	return list;
}

/* The word up to the next blank, or to the end; *s is behind that blank then. */
static const char *next_word(const char **s, size_t *n)
{
	const char *word = *s, *blank = strchr(word, ' ');
	*n = blank ? (size_t)(blank - word) : strlen(word);
	*s = blank ? blank + 1 : word + *n;
	return word;
}

static bool mark_read(const char *s, size_t n, uint32_t *out)
{
	uint64_t v = 0;
	if (n == 0 || n > 10 || s[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = (uint32_t)v;
	return v <= UINT32_MAX;
}

static bool skip_read(const json_t *item, struct sync_skip *out)
{
	size_t n;
	const char *rest = json_string_value(item);
	if (!rest || json_string_length(item) >= SKIP_TEXT)
		return false;
	const char *what = next_word(&rest, &n);
	bool off = n == 3 && memcmp(what, sync_whats[SYNC_OFF], n) == 0;
	bool all = n == 3 && memcmp(what, sync_whats[SYNC_ALL], n) == 0;
	if (!off && !all)
		return false;
	out->what = off ? SYNC_OFF : SYNC_ALL;
	const char *match = next_word(&rest, &n);
	out->protocol = number_of(protocols, COUNT(protocols), match, n);
	if (out->protocol)
		return lb_endpoint_parse(rest, strlen(rest), false, &out->addr, &out->port) == 0;
	if (n != 4 || memcmp(match, "mark", n) != 0)
		return false;
	const char *mark = next_word(&rest, &n);
	out->addr.family = number_of(families, COUNT(families), rest, strlen(rest));
	return mark_read(mark, n, &out->fwmark) && out->addr.family;
}

static int skips_read(struct lb_fields *f, struct sync_conf *c)
{
	const json_t *list = lb_field_list(f, "skips", SYNC_SKIP_MAX);
	uint32_t n = (uint32_t)json_array_size(list);
	if (!n)
		return 0;
	c->skips = calloc(n, sizeof(*c->skips));
	if (!c->skips)
		return -ENOMEM;
	c->n_skips = n;
	for (uint32_t i = 0; i < n && !f->bad; i++) {
		f->bad = !skip_read(json_array_get(list, i), &c->skips[i]);
		f->bad |= i && sync_skip_cmp(&c->skips[i - 1], &c->skips[i]) >= 0;
	}
	return 0;
}

static json_t *paths_write(const struct sync_conf *c)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < c->n_paths; i++) {
		struct lb_members o = { json_object(), false };
		lb_put_ip(&o, "ours", &c->paths[i].ours);
		lb_put_ip(&o, "theirs", &c->paths[i].theirs);
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

static void paths_read(struct lb_fields *f, struct sync_conf *c)
{
	const json_t *list = lb_field_list(f, "paths", SYNC_PATHS_MAX);
	c->n_paths = (uint32_t)json_array_size(list);
	f->bad |= c->n_paths == 0;
	for (uint32_t i = 0; i < c->n_paths; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		c->paths[i].ours = lb_field_ip(&one, "ours");
		c->paths[i].theirs = lb_field_ip(&one, "theirs");
		f->bad |= one.bad || c->paths[i].ours.family != c->paths[i].theirs.family;
		f->bad |= lb_ip_cmp(&c->paths[i].ours, &c->paths[i].theirs) == 0;
	}
}

static void key_read(struct lb_fields *f, struct sync_conf *c)
{
	const char *hex = lb_field_str(f, "key", 2 * SYNC_KEY_MAX);
	size_t n = strlen(hex);
	f->bad |= n < 2 * SYNC_KEY_MIN || !lb_hex_read(hex, n, c->key);
	c->key_n = (uint32_t)(n / 2);
}

static void set_write(const struct sync_room_msg *m, struct lb_members *o)
{
	const struct sync_conf *c = m->u.set;
	lb_put_str(o, "self", c->self);
	lb_put_str(o, "peer", c->peer);
	lb_put_int(o, "cluster", c->cluster);
	lb_put_int(o, "port", c->port);
	lb_put_u64(o, "config", c->config);
	lb_put_int(o, "generation", c->generation);
	lb_put_int(o, "rate", c->rate);
	lb_put(o, "key", lb_hex_write(c->key, c->key_n));
	lb_put(o, "paths", paths_write(c));
	lb_put(o, "skips", skips_write(c));
}

static int set_read(struct lb_fields *f, struct sync_room_msg *m)
{
	struct sync_conf *c = m->u.set = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	name_read(f, "self", c->self);
	name_read(f, "peer", c->peer);
	f->bad |= strcmp(c->self, c->peer) == 0;
	c->cluster = (uint8_t)lb_field_u32(f, "cluster", 1, UINT8_MAX);
	c->port = (uint16_t)lb_field_u32(f, "port", 1, UINT16_MAX);
	c->config = lb_field_u64(f, "config");
	c->generation = lb_field_u32(f, "generation", 0, UINT32_MAX);
	c->rate = lb_field_u32(f, "rate", 1, SYNC_RATE_MAX);
	key_read(f, c);
	paths_read(f, c);
	return skips_read(f, c);
}

static bool paths_same(const struct sync_conf *a, const struct sync_conf *b)
{
	bool same = a->n_paths == b->n_paths;
	for (uint32_t i = 0; same && i < a->n_paths; i++)
		same = lb_ip_cmp(&a->paths[i].ours, &b->paths[i].ours) == 0 &&
		       lb_ip_cmp(&a->paths[i].theirs, &b->paths[i].theirs) == 0;
	return same;
}

bool sync_conf_same(const struct sync_conf *a, const struct sync_conf *b)
{
	bool same = strcmp(a->self, b->self) == 0 && strcmp(a->peer, b->peer) == 0 && a->cluster == b->cluster &&
		    a->port == b->port && a->config == b->config && a->generation == b->generation &&
		    a->rate == b->rate && a->key_n == b->key_n && memcmp(a->key, b->key, a->key_n) == 0 &&
		    paths_same(a, b) && a->n_skips == b->n_skips;
	for (uint32_t i = 0; same && i < a->n_skips; i++)
		same = a->skips[i].what == b->skips[i].what && sync_skip_cmp(&a->skips[i], &b->skips[i]) == 0;
	return same;
}

void sync_conf_done(struct sync_conf *c)
{
	free(c->skips);
	explicit_bzero(c, sizeof(*c));
}

/* ---- the other pairs: message -> members, members -> message ---- */

static void hello_write(const struct sync_room_msg *m, struct lb_members *o)
{
	lb_put_int(o, "version", m->u.hello.version);
	lb_put_str(o, "level", lb_log_level_name(m->u.hello.level));
}

static int hello_read(struct lb_fields *f, struct sync_room_msg *m)
{
	m->u.hello.version = lb_field_u32(f, "version", 1, UINT32_MAX);
	m->u.hello.level = lb_field_level(f, "level");
	return 0;
}

static json_t *kinds_write(const bool kinds[SYNC_KIND_COUNT])
{
	json_t *list = json_array();
	for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
		if (kinds[i] && !lb_list_add(list, json_string(sync_kinds[i])))
			return NULL;
	return list;
}

static void kinds_read(struct lb_fields *f, bool kinds[SYNC_KIND_COUNT])
{
	const json_t *list = lb_field_list(f, "kinds", SYNC_KIND_COUNT);
	f->bad |= json_array_size(list) == 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));
		unsigned k = 0;
		while (k < SYNC_KIND_COUNT && (!word || strcmp(word, sync_kinds[k]) != 0))
			k++;
		f->bad |= k == SYNC_KIND_COUNT || kinds[k];
		if (k < SYNC_KIND_COUNT)
			kinds[k] = true;
	}
}

static void do_write(const struct sync_room_msg *m, struct lb_members *o)
{
	lb_put_str(o, "what", sync_dos[m->u.run.what]);
	lb_put(o, "kinds", kinds_write(m->u.run.kinds));
}

static int do_read(struct lb_fields *f, struct sync_room_msg *m)
{
	m->u.run.what = (enum sync_do)lb_field_word(f, "what", sync_dos, COUNT(sync_dos));
	kinds_read(f, m->u.run.kinds);
	return 0;
}

static void multicast_write(const struct sync_room_msg *m, struct lb_members *o)
{
	const struct sync_multicast *c = &m->u.multicast;
	lb_put_bool(o, "master", c->master);
	lb_put_str(o, "device", c->device);
	lb_put_int(o, "id", c->id);
	lb_put_ip(o, "group", &c->group);
	lb_put_int(o, "port", c->port);
}

static int multicast_read(struct lb_fields *f, struct sync_room_msg *m)
{
	struct sync_multicast *c = &m->u.multicast;
	c->master = lb_field_bool(f, "master");
	lb_field_text(f, "device", c->device, sizeof(c->device));
	c->id = (uint8_t)lb_field_u32(f, "id", 1, UINT8_MAX);
	c->group = lb_field_ip(f, "group");
	c->port = (uint16_t)lb_field_u32(f, "port", 1, UINT16_MAX);
	f->bad |= !c->device[0] || !lb_ip_is_multicast(&c->group);
	return 0;
}

static void log_write(const struct sync_room_msg *m, struct lb_members *o)
{
	lb_put_str(o, "level", lb_log_level_name(m->u.log));
}

static int log_read(struct lb_fields *f, struct sync_room_msg *m)
{
	m->u.log = lb_field_level(f, "level");
	return 0;
}

static void ping_write(const struct sync_room_msg *m, struct lb_members *o)
{
	lb_put_int(o, "n", m->u.ping);
}

static int ping_read(struct lb_fields *f, struct sync_room_msg *m)
{
	m->u.ping = lb_field_u32(f, "n", 0, UINT32_MAX);
	return 0;
}

static void ready_write(const struct sync_room_msg *m, struct lb_members *o)
{
	lb_put_int(o, "version", m->u.ready.version);
	lb_put_int(o, "pid", m->u.ready.pid);
}

static int ready_read(struct lb_fields *f, struct sync_room_msg *m)
{
	m->u.ready.version = lb_field_u32(f, "version", 1, UINT32_MAX);
	m->u.ready.pid = (int32_t)lb_field_u32(f, "pid", 1, INT32_MAX);
	return 0;
}

static void state_write(const struct sync_room_msg *m, struct lb_members *o)
{
	const struct sync_msg_state *s = &m->u.state;
	lb_put_str(o, "is", sync_link_words[s->is]);
	lb_put_str(o, "reason", s->reason);
	lb_put_str(o, "text", s->text);
	lb_put_str(o, "version", s->version);
	lb_put_bool(o, "sent_all", s->sent_all);
	lb_put_bool(o, "have_all", s->have_all);
	lb_put_bool(o, "same_config", s->same_config);
	lb_put_str(o, "trouble", s->trouble);
}

static int state_read(struct lb_fields *f, struct sync_room_msg *m)
{
	struct sync_msg_state *s = &m->u.state;
	s->is = (enum sync_link_is)lb_field_word(f, "is", sync_link_words, COUNT(sync_link_words));
	lb_field_text(f, "reason", s->reason, sizeof(s->reason));
	lb_field_line(f, "text", s->text, sizeof(s->text));
	lb_field_text(f, "version", s->version, sizeof(s->version));
	s->sent_all = lb_field_bool(f, "sent_all");
	s->have_all = lb_field_bool(f, "have_all");
	s->same_config = lb_field_bool(f, "same_config");
	lb_field_line(f, "trouble", s->trouble, sizeof(s->trouble));
	return 0;
}

static void stats_write(const struct sync_room_msg *m, struct lb_members *o)
{
	const struct sync_msg_stats *s = &m->u.stats;
	lb_put_str(o, "kind", sync_kinds[s->kind]);
	lb_put_int(o, "local", (int64_t)s->local);
	lb_put_int(o, "peer", (int64_t)s->peer);
	lb_put_int(o, "sent", (int64_t)s->sent);
	lb_put_int(o, "received", (int64_t)s->received);
	lb_put_int(o, "injected", (int64_t)s->injected);
	lb_put_int(o, "refused", (int64_t)s->refused);
	lb_put_int(o, "lost", (int64_t)s->lost);
	lb_put_int(o, "resyncs", (int64_t)s->resyncs);
	lb_put_int(o, "bulk_done", (int64_t)s->bulk_done);
	lb_put_int(o, "bulk_all", (int64_t)s->bulk_all);
	lb_put_int(o, "sent_done", (int64_t)s->sent_done);
	lb_put_int(o, "sent_all", (int64_t)s->sent_all);
	lb_put_int(o, "lag_ms", s->lag_ms);
	lb_put_int(o, "full", s->full);
}

static int stats_read(struct lb_fields *f, struct sync_room_msg *m)
{
	struct sync_msg_stats *s = &m->u.stats;
	s->kind = (enum sync_kind)lb_field_word(f, "kind", sync_kinds, COUNT(sync_kinds));
	s->local = counter_read(f, "local");
	s->peer = counter_read(f, "peer");
	s->sent = counter_read(f, "sent");
	s->received = counter_read(f, "received");
	s->injected = counter_read(f, "injected");
	s->refused = counter_read(f, "refused");
	s->lost = counter_read(f, "lost");
	s->resyncs = counter_read(f, "resyncs");
	s->bulk_done = counter_read(f, "bulk_done");
	s->bulk_all = counter_read(f, "bulk_all");
	s->sent_done = counter_read(f, "sent_done");
	s->sent_all = counter_read(f, "sent_all");
	s->lag_ms = lb_field_u32(f, "lag_ms", 0, UINT32_MAX);
	s->full = lb_field_u32(f, "full", 0, UINT32_MAX);
	return 0;
}

static void pong_write(const struct sync_room_msg *m, struct lb_members *o)
{
	lb_put_int(o, "n", m->u.pong.n);
	lb_put_int(o, "lag_us", m->u.pong.lag_us);
	lb_put_int(o, "rss_kib", m->u.pong.rss_kib);
}

static int pong_read(struct lb_fields *f, struct sync_room_msg *m)
{
	m->u.pong.n = lb_field_u32(f, "n", 0, UINT32_MAX);
	m->u.pong.lag_us = lb_field_u32(f, "lag_us", 0, UINT32_MAX);
	m->u.pong.rss_kib = lb_field_u32(f, "rss_kib", 0, UINT32_MAX);
	return 0;
}

static const struct row {
	const char *name;
	bool to_sync;
	void (*write)(const struct sync_room_msg *m, struct lb_members *o);
	int (*read)(struct lb_fields *f, struct sync_room_msg *m); /* 0 or -ENOMEM; what is wrong goes to f->bad */
} rows[] = {
	[SYNC_MSG_HELLO] = { "hello", true, hello_write, hello_read },
	[SYNC_MSG_SET] = { "sync.set", true, set_write, set_read },
	[SYNC_MSG_DO] = { "sync.do", true, do_write, do_read },
	[SYNC_MSG_MULTICAST] = { "sync.multicast", true, multicast_write, multicast_read },
	[SYNC_MSG_LOG] = { "log", true, log_write, log_read },
	[SYNC_MSG_PING] = { "ping", true, ping_write, ping_read },
	[SYNC_MSG_READY] = { "ready", false, ready_write, ready_read },
	[SYNC_MSG_STATE] = { "sync.state", false, state_write, state_read },
	[SYNC_MSG_STATS] = { "sync.stats", false, stats_write, stats_read },
	[SYNC_MSG_PONG] = { "pong", false, pong_write, pong_read },
};
_Static_assert(COUNT(rows) == SYNC_MSG_COUNT, "one row per message");

const char *sync_room_msg_name(enum sync_msg_type type)
{
	return rows[type].name;
}

void sync_room_msg_write(const struct sync_room_msg *m, struct lb_text *out)
{
	struct lb_members o = { json_object(), false };
	lb_put_str(&o, "msg", rows[m->type].name);
	rows[m->type].write(m, &o);
	json_t *line = lb_members_end(&o);
	if (line)
		lb_proto_dump(line, out);
	else
		out->bad = true;
	json_decref(line);
}

static int read_msg(const json_t *line, bool to_sync, struct sync_room_msg *m)
{
	struct lb_fields f = { .from = line };
	const char *name = lb_field_str(&f, "msg", LB_FIELD_WORD_MAX);
	for (int i = 0; i < SYNC_MSG_COUNT; i++) {
		if (rows[i].to_sync != to_sync || strcmp(rows[i].name, name) != 0)
			continue;
		struct sync_room_msg got = { .type = (enum sync_msg_type)i };
		int rc = rows[i].read(&f, &got);
		if (rc == 0 && f.bad)
			rc = -EBADMSG;
		if (rc)
			sync_room_msg_done(&got);
		else
			*m = got;
		return rc;
	}
	return -EBADMSG;
}

int sync_room_msg_read_sync(const json_t *line, struct sync_room_msg *m)
{
	return read_msg(line, true, m);
}

int sync_room_msg_read_core(const json_t *line, struct sync_room_msg *m)
{
	return read_msg(line, false, m);
}

void sync_room_msg_done(struct sync_room_msg *m)
{
	if (m->type == SYNC_MSG_SET && m->u.set) {
		sync_conf_done(m->u.set);
		free(m->u.set);
	}
	*m = (struct sync_room_msg){ 0 };
}
