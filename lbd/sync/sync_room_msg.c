/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_room_msg.h"

#include "common/buf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *const sync_whats[] = { [SYNC_OFF] = "off", [SYNC_ESTABLISHED] = "established", [SYNC_ALL] = "all" };
const char *const sync_conntracks[] = {
	[SYNC_CONNTRACK_AUTO] = "auto",
	[SYNC_CONNTRACK_ALL] = "all",
	[SYNC_CONNTRACK_OFF] = "off",
};
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

/* "off tcp 203.0.113.10:80", "established mark 10 ipv6": there may be many of them in one line. */
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

static json_t *skips_write(const struct sync_skip *skips, uint32_t n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n; i++)
		if (!lb_list_add(list, skip_write(&skips[i])))
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
	unsigned i = 0;
	while (i < COUNT(sync_whats) && (strlen(sync_whats[i]) != n || memcmp(what, sync_whats[i], n) != 0))
		i++;
	if (i == COUNT(sync_whats))
		return false;
	out->what = (enum sync_what)i;
	const char *match = next_word(&rest, &n);
	out->protocol = number_of(protocols, COUNT(protocols), match, n);
	if (out->protocol)
		return out->what != SYNC_ESTABLISHED &&
		       lb_endpoint_parse(rest, strlen(rest), false, &out->addr, &out->port) == 0;
	if (n != 4 || memcmp(match, "mark", n) != 0)
		return false;
	const char *mark = next_word(&rest, &n);
	out->addr.family = number_of(families, COUNT(families), rest, strlen(rest));
	return mark_read(mark, n, &out->fwmark) && out->addr.family;
}

static int skips_read(struct lb_fields *f, const char *key, struct sync_skip **out, uint32_t *n_out)
{
	const json_t *list = lb_field_list(f, key, SYNC_SKIP_MAX);
	uint32_t n = (uint32_t)json_array_size(list);
	if (!n)
		return 0;
	struct sync_skip *skips = *out = calloc(n, sizeof(*skips));
	if (!skips)
		return -ENOMEM;
	*n_out = n;
	for (uint32_t i = 0; i < n && !f->bad; i++) {
		f->bad = !skip_read(json_array_get(list, i), &skips[i]);
		f->bad |= i && sync_skip_cmp(&skips[i - 1], &skips[i]) >= 0;
	}
	return 0;
}

static int listeners_read(struct lb_fields *f, struct sync_conf *c)
{
	int err = skips_read(f, "skips", &c->skips, &c->n_skips);
	err = err ? err : skips_read(f, "nats", &c->nats, &c->n_nats);
	for (uint32_t i = 0; i < c->n_nats && !f->bad; i++)
		f->bad = c->nats[i].what != SYNC_ALL;
	return err;
}

static json_t *kinds_write(const bool kinds[SYNC_KIND_COUNT])
{
	json_t *list = json_array();
	for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
		if (kinds[i] && !lb_list_add(list, json_string(sync_kinds[i])))
			return NULL;
	return list;
}

static void kinds_read(struct lb_fields *f, const char *key, bool kinds[SYNC_KIND_COUNT])
{
	const json_t *list = lb_field_list(f, key, SYNC_KIND_COUNT);
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

static void set_write(const void *u, struct lb_members *o)
{
	const struct sync_conf *c = *(struct sync_conf *const *)u;
	lb_put_int(o, "cluster", c->cluster);
	lb_put_paths(o, "paths", c->paths, c->n_paths);
	lb_put_bool(o, "multicast", c->multicast);
	if (!c->n_paths)
		return;
	lb_put_bool(o, "flows", c->flows);
	lb_put_str(o, "self", c->self);
	lb_put_str(o, "peer", c->peer);
	lb_put_int(o, "port", c->port);
	lb_put_u64(o, "config", c->config);
	lb_put_int(o, "generation", c->generation);
	lb_put_int(o, "rate", c->rate);
	lb_put(o, "key", lb_hex_write(c->key, c->key_n));
	lb_put(o, "skips", skips_write(c->skips, c->n_skips));
	lb_put_bool(o, "ipvs", c->ipvs);
	lb_put_int(o, "ways", c->ways);
	lb_put_str(o, "conntrack", sync_conntracks[c->conntrack]);
	lb_put(o, "nats", skips_write(c->nats, c->n_nats));
	lb_put(o, "paused", kinds_write(c->paused));
	lb_put_bool(o, "forwards", c->forwards);
}

static int set_read(struct lb_fields *f, void *u)
{
	struct sync_conf *c = *(struct sync_conf **)u = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->n_paths = lb_field_paths(f, "paths", c->paths, SYNC_PATHS_MAX);
	c->cluster = (uint8_t)lb_field_u32(f, "cluster", c->n_paths ? 1 : 0, UINT8_MAX);
	c->multicast = lb_field_bool(f, "multicast");
	if (!c->n_paths)
		return 0;
	c->flows = lb_field_bool(f, "flows");
	lb_field_name(f, "self", c->self, sizeof(c->self));
	lb_field_name(f, "peer", c->peer, sizeof(c->peer));
	f->bad |= strcmp(c->self, c->peer) == 0;
	c->port = (uint16_t)lb_field_u32(f, "port", 1, UINT16_MAX);
	c->config = lb_field_u64(f, "config");
	c->generation = lb_field_u32(f, "generation", 0, UINT32_MAX);
	c->rate = lb_field_u32(f, "rate", 1, SYNC_RATE_MAX);
	c->key_n = (uint32_t)lb_field_bytes(f, "key", c->key, SYNC_KEY_MIN, SYNC_KEY_MAX);
	c->ipvs = lb_field_bool(f, "ipvs");
	c->ways = lb_field_u32(f, "ways", 0, UINT32_MAX);
	c->conntrack = (enum sync_conntrack)lb_field_word(f, "conntrack", sync_conntracks, COUNT(sync_conntracks));
	kinds_read(f, "paused", c->paused);
	c->forwards = lb_field_bool(f, "forwards");
	return listeners_read(f, c);
}

static bool paths_same(const struct sync_conf *a, const struct sync_conf *b)
{
	bool same = a->n_paths == b->n_paths;
	for (uint32_t i = 0; same && i < a->n_paths; i++)
		same = lb_ip_cmp(&a->paths[i].ours, &b->paths[i].ours) == 0 &&
		       lb_ip_cmp(&a->paths[i].theirs, &b->paths[i].theirs) == 0;
	return same;
}

static bool skips_same(const struct sync_skip *a, uint32_t n_a, const struct sync_skip *b, uint32_t n_b)
{
	bool same = n_a == n_b;
	for (uint32_t i = 0; same && i < n_a; i++)
		same = a[i].what == b[i].what && sync_skip_cmp(&a[i], &b[i]) == 0;
	return same;
}

bool sync_conf_same_ipvs(const struct sync_conf *a, const struct sync_conf *b)
{
	return a->ipvs == b->ipvs && !a->n_paths == !b->n_paths &&
	       skips_same(a->skips, a->n_skips, b->skips, b->n_skips);
}

bool sync_conf_same_conntrack(const struct sync_conf *a, const struct sync_conf *b)
{
	return a->conntrack == b->conntrack && paths_same(a, b) && skips_same(a->nats, a->n_nats, b->nats, b->n_nats);
}

bool sync_conf_same(const struct sync_conf *a, const struct sync_conf *b)
{
	return a->flows == b->flows && a->multicast == b->multicast && strcmp(a->self, b->self) == 0 &&
	       strcmp(a->peer, b->peer) == 0 && a->cluster == b->cluster && a->port == b->port &&
	       a->config == b->config && a->generation == b->generation && a->rate == b->rate && a->key_n == b->key_n &&
	       memcmp(a->key, b->key, a->key_n) == 0 && sync_conf_same_ipvs(a, b) && a->ways == b->ways &&
	       sync_conf_same_conntrack(a, b) && memcmp(a->paused, b->paused, sizeof(a->paused)) == 0 &&
	       a->forwards == b->forwards;
}

void sync_conf_done(struct sync_conf *c)
{
	free(c->skips);
	free(c->nats);
	explicit_bzero(c, sizeof(*c));
}

/* ---- the other pairs: message -> members, members -> message ---- */

static void do_write(const void *u, struct lb_members *o)
{
	const struct sync_msg_do *d = u;
	lb_put_str(o, "what", sync_dos[d->what]);
	lb_put(o, "kinds", kinds_write(d->kinds));
	lb_put_int(o, "number", d->number);
}

static int do_read(struct lb_fields *f, void *u)
{
	struct sync_msg_do *d = u;
	d->what = (enum sync_do)lb_field_word(f, "what", sync_dos, COUNT(sync_dos));
	kinds_read(f, "kinds", d->kinds);
	d->number = lb_field_u32(f, "number", 0, UINT32_MAX);
	f->bad |= !d->kinds[SYNC_IPVS] && !d->kinds[SYNC_CONNTRACK];
	return 0;
}

static void multicast_write(const void *u, struct lb_members *o)
{
	const struct sync_multicast *c = u;
	lb_put_bool(o, "master", c->master);
	lb_put_str(o, "device", c->device);
	lb_put_int(o, "id", c->id);
	lb_put_ip(o, "group", &c->group);
	lb_put_int(o, "port", c->port);
}

static int multicast_read(struct lb_fields *f, void *u)
{
	struct sync_multicast *c = u;
	c->master = lb_field_bool(f, "master");
	lb_field_device(f, "device", c->device);
	c->id = (uint8_t)lb_field_u32(f, "id", 1, UINT8_MAX);
	c->group = lb_field_ip(f, "group");
	c->port = (uint16_t)lb_field_u32(f, "port", 1, UINT16_MAX);
	f->bad |= !lb_ip_is_multicast(&c->group);
	return 0;
}

uint64_t sync_msg_span(uint64_t from, uint64_t to)
{
	uint64_t span = to > from ? to - from : 0;
	return span < INT64_MAX ? span : INT64_MAX;
}

static void state_write(const void *u, struct lb_members *o)
{
	const struct sync_msg_state *s = u;
	lb_put_str(o, "is", sync_link_words[s->is]);
	lb_put_str(o, "reason", s->reason);
	lb_put_str(o, "text", s->text);
	lb_put_str(o, "version", s->version);
	lb_put_bool(o, "sent_all", s->sent_all);
	lb_put_bool(o, "have_all", s->have_all);
	lb_put_bool(o, "same_config", s->same_config);
	lb_put_int(o, "order", s->order);
	lb_put_bool(o, "held", s->held);
	lb_put_bool(o, "ipvs_stopped", s->stopped[SYNC_IPVS]);
	lb_put_bool(o, "conntrack_stopped", s->stopped[SYNC_CONNTRACK]);
	lb_put_str(o, "trouble", s->trouble);
}

static int state_read(struct lb_fields *f, void *u)
{
	struct sync_msg_state *s = u;
	s->is = (enum sync_link_is)lb_field_word(f, "is", sync_link_words, COUNT(sync_link_words));
	lb_field_text(f, "reason", s->reason, sizeof(s->reason));
	lb_field_line(f, "text", s->text, sizeof(s->text));
	lb_field_text(f, "version", s->version, sizeof(s->version));
	s->sent_all = lb_field_bool(f, "sent_all");
	s->have_all = lb_field_bool(f, "have_all");
	s->same_config = lb_field_bool(f, "same_config");
	s->order = lb_field_u32(f, "order", 0, UINT32_MAX);
	s->held = lb_field_bool(f, "held");
	s->stopped[SYNC_IPVS] = lb_field_bool(f, "ipvs_stopped");
	s->stopped[SYNC_CONNTRACK] = lb_field_bool(f, "conntrack_stopped");
	lb_field_line(f, "trouble", s->trouble, sizeof(s->trouble));
	return 0;
}

static void stats_write(const void *u, struct lb_members *o)
{
	const struct sync_msg_stats *s = u;
	lb_put_str(o, "kind", sync_kinds[s->kind]);
	lb_put_int(o, "local", (int64_t)s->local);
	lb_put_int(o, "peer", (int64_t)s->peer);
	lb_put_int(o, "sent", (int64_t)s->sent);
	lb_put_int(o, "received", (int64_t)s->received);
	lb_put_int(o, "injected", (int64_t)s->injected);
	lb_put_int(o, "refused", (int64_t)s->refused);
	lb_put_int(o, "lost", (int64_t)s->lost);
	lb_put_int(o, "unsure", (int64_t)s->unsure);
	lb_put_int(o, "resyncs", (int64_t)s->resyncs);
	lb_put_int(o, "bulk_done", (int64_t)s->bulk_done);
	lb_put_int(o, "bulk_all", (int64_t)s->bulk_all);
	lb_put_int(o, "sent_done", (int64_t)s->sent_done);
	lb_put_int(o, "sent_all", (int64_t)s->sent_all);
	lb_put_int(o, "lag_ms", s->lag_ms);
	lb_put_int(o, "full", s->full);
	lb_put_bool(o, "kernel_full", s->kernel_full);
}

static int stats_read(struct lb_fields *f, void *u)
{
	struct sync_msg_stats *s = u;
	s->kind = (enum sync_kind)lb_field_word(f, "kind", sync_kinds, COUNT(sync_kinds));
	s->local = lb_field_counter(f, "local");
	s->peer = lb_field_counter(f, "peer");
	s->sent = lb_field_counter(f, "sent");
	s->received = lb_field_counter(f, "received");
	s->injected = lb_field_counter(f, "injected");
	s->refused = lb_field_counter(f, "refused");
	s->lost = lb_field_counter(f, "lost");
	s->unsure = lb_field_counter(f, "unsure");
	s->resyncs = lb_field_counter(f, "resyncs");
	s->bulk_done = lb_field_counter(f, "bulk_done");
	s->bulk_all = lb_field_counter(f, "bulk_all");
	s->sent_done = lb_field_counter(f, "sent_done");
	s->sent_all = lb_field_counter(f, "sent_all");
	s->lag_ms = lb_field_u32(f, "lag_ms", 0, UINT32_MAX);
	s->full = lb_field_u32(f, "full", 0, UINT32_MAX);
	s->kernel_full = lb_field_bool(f, "kernel_full");
	return 0;
}

static void talk_write(const void *u, struct lb_members *o)
{
	const struct sync_msg_talk *t = u;
	lb_put_int(o, "id", t->id);
	lb_put_int(o, "flags", t->flags);
	lb_put(o, "text", json_stringn(t->text, t->n));
}

static int talk_read(struct lb_fields *f, void *u)
{
	struct sync_msg_talk *t = u;
	t->id = lb_field_u32(f, "id", 1, UINT32_MAX);
	t->flags = (uint8_t)lb_field_u32(f, "flags", 0, UINT8_MAX);
	t->text = lb_field_str(f, "text", SYNC_TALK_TEXT_MAX);
	t->n = strlen(t->text);
	return 0;
}

static void talk_link_write(const void *u, struct lb_members *o)
{
	const struct sync_msg_talk *t = u;
	lb_put_int(o, "link", t->link);
}

static int talk_link_read(struct lb_fields *f, void *u)
{
	struct sync_msg_talk *t = u;
	t->link = lb_field_u32(f, "link", 0, UINT32_MAX);
	return 0;
}

static void talk_out_write(const void *u, struct lb_members *o)
{
	talk_link_write(u, o);
	talk_write(u, o);
}

static int talk_out_read(struct lb_fields *f, void *u)
{
	return talk_link_read(f, u) ? -ENOMEM : talk_read(f, u);
}

static void pong_write(const void *u, struct lb_members *o)
{
	const struct sync_msg_pong *p = u;
	lb_put_int(o, "n", p->n);
	lb_put_int(o, "lag_us", p->lag_us);
	lb_put_int(o, "rss_kib", p->rss_kib);
}

static int pong_read(struct lb_fields *f, void *u)
{
	struct sync_msg_pong *p = u;
	p->n = lb_field_u32(f, "n", 0, UINT32_MAX);
	p->lag_us = lb_field_u32(f, "lag_us", 0, UINT32_MAX);
	p->rss_kib = lb_field_u32(f, "rss_kib", 0, UINT32_MAX);
	return 0;
}

/* ---- of single connections: what they are made of is in conn_msg.c ---- */

static void id_write(const void *u, struct lb_members *o)
{
	lb_put_int(o, "id", *(const uint32_t *)u);
}

static int id_read(struct lb_fields *f, void *u)
{
	*(uint32_t *)u = lb_field_u32(f, "id", 1, UINT32_MAX);
	return 0;
}

static void nothing_write(const void *u, struct lb_members *o)
{
	(void)u, (void)o;
}

static int nothing_read(struct lb_fields *f, void *u)
{
	(void)f, (void)u;
	return 0;
}

static const struct lb_msg_row rows[] = {
	[SYNC_MSG_HELLO] = { "hello", true, lb_msg_hello_write, lb_msg_hello_read },
	[SYNC_MSG_SET] = { "sync.set", true, set_write, set_read },
	[SYNC_MSG_DO] = { "sync.do", true, do_write, do_read },
	[SYNC_MSG_MULTICAST] = { "sync.multicast", true, multicast_write, multicast_read },
	[SYNC_MSG_LOG] = { "log", true, lb_msg_log_write, lb_msg_log_read },
	[SYNC_MSG_PING] = { "ping", true, lb_msg_ping_write, lb_msg_ping_read },
	[SYNC_MSG_CONN_LIST] = { "conn.list", true, conn_ask_write, conn_ask_read },
	[SYNC_MSG_CONN_MORE] = { "conn.more", true, id_write, id_read },
	[SYNC_MSG_CONN_STOP] = { "conn.stop", true, id_write, id_read },
	[SYNC_MSG_CONN_KILL] = { "conn.kill", true, conn_ask_write, conn_ask_read },
	[SYNC_MSG_CONN_BIND] = { "conn.bind", true, conn_ask_write, conn_ask_read },
	[SYNC_MSG_TALK_OUT] = { "talk.out", true, talk_out_write, talk_out_read },
	[SYNC_MSG_LOOK_WAYS] = { "look.ways", true, conn_ways_write, conn_ways_read },
	[SYNC_MSG_READY] = { "ready", false, lb_msg_ready_write, lb_msg_ready_read },
	[SYNC_MSG_STATE] = { "sync.state", false, state_write, state_read },
	[SYNC_MSG_STATS] = { "sync.stats", false, stats_write, stats_read },
	[SYNC_MSG_TALK_LINK] = { "talk.link", false, talk_link_write, talk_link_read },
	[SYNC_MSG_TALK_IN] = { "talk.in", false, talk_write, talk_read },
	[SYNC_MSG_PONG] = { "pong", false, pong_write, pong_read },
	[SYNC_MSG_CONN_ROWS] = { "conn.rows", false, conn_rows_write, conn_rows_read },
	[SYNC_MSG_CONN_END] = { "conn.end", false, conn_end_write, conn_end_read },
	[SYNC_MSG_LOOK_WANT] = { "look.want", false, nothing_write, nothing_read },
	[SYNC_MSG_LOOK_END] = { "look.end", false, conn_looked_write, conn_looked_read },
};
_Static_assert(COUNT(rows) == SYNC_MSG_COUNT, "one row per message");

const char *sync_room_msg_name(enum sync_msg_type type)
{
	return rows[type].name;
}

void sync_room_msg_write(const struct sync_room_msg *m, struct lb_text *out)
{
	lb_msg_write(&rows[m->type], &m->u, out);
}

static int read_msg(const json_t *line, bool to_sync, struct sync_room_msg *m)
{
	int type = lb_msg_find(rows, COUNT(rows), to_sync, line);
	if (type < 0)
		return type;
	struct sync_room_msg got = { .type = (enum sync_msg_type)type };
	int rc = lb_msg_read(&rows[type], line, &got.u);
	if (rc)
		sync_room_msg_done(&got);
	else
		*m = got;
	return rc;
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
	} else if (m->type == SYNC_MSG_CONN_LIST || m->type == SYNC_MSG_CONN_KILL || m->type == SYNC_MSG_CONN_BIND) {
		free(m->u.conn_ask.filter.v);
	} else if (m->type == SYNC_MSG_CONN_ROWS) {
		free(m->u.conn_rows.v);
	} else if (m->type == SYNC_MSG_LOOK_WAYS) {
		free(m->u.ways.v);
	}
	*m = (struct sync_room_msg){ 0 };
}
