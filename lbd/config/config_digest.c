/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_build.h"

#include <string.h>

/* Not a cryptographic hash: it tells an edited service from an unedited one. */
static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const void *p, size_t n)
{
	const char *s = p;
	h = mix(h, n + 1);
	for (; n >= 8; s += 8, n -= 8) {
		uint64_t v;
		memcpy(&v, s, 8);
		h = mix(h, v);
	}
	uint64_t rest = 0;
	if (n)
		memcpy(&rest, s, n);
	return mix(h, rest);
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	return mix_bytes(h, s, strlen(s));
}

static uint64_t mix_ip(uint64_t h, const struct lb_ip *ip)
{
	uint64_t half[2];
	memcpy(half, ip->b, sizeof(half));
	return mix(mix(mix(h, ip->family), half[0]), half[1]);
}

static uint64_t tunnel_bits(const struct ipvs_tunnel *t)
{
	return (uint64_t)t->port << 16 | (uint64_t)t->csum << 8 | t->type;
}

static uint64_t mix_key(uint64_t h, const struct ipvs_key *k)
{
	return mix(mix_ip(h, &k->addr), (uint64_t)k->fwmark << 32 | (uint64_t)k->port << 8 | k->protocol);
}

/* ---- what is written ---- */

void config_walk_init(struct config_walk *w, const struct config_node *root)
{
	*w = (struct config_walk){ .next = { root }, .depth = root ? 1 : 0 };
}

/* Every node with the number of its children before them: no two trees make the same row of nodes. Quotes do not
 * count: the schema decides what a value is, not its look. */
int config_walk_step(struct config_walk *w, unsigned budget)
{
	while (w->depth && budget--) {
		const struct config_node *n = w->next[w->depth - 1];
		if (!n) {
			w->depth--;
			continue;
		}
		w->next[w->depth - 1] = w->depth > 1 ? n->next : NULL; /* a root has no siblings */
		w->h = mix(w->h, (uint64_t)n->kind << 32 | n->len);
		if (n->kind == CONFIG_NODE_SCALAR)
			w->h = mix_bytes(w->h, n->text, n->len);
		else if (w->depth < CONFIG_WALK_MAX)
			w->next[w->depth++] = n->child;
	}
	return w->depth > 0;
}

/* ---- what is meant ---- */

/* Several fields in one word, each in its own bits: there are many backends. */
static uint64_t mix_backend(uint64_t h, const struct config_backend *b)
{
	h = mix_ip(mix_text(h, b->name), &b->addr);
	h = mix(h, tunnel_bits(&b->tunnel) << 32 | (uint64_t)b->port << 16 | (uint64_t)b->method << 8 | b->state);
	return mix(mix(h, (uint64_t)b->weight << 32 | b->upper), b->lower);
}

static uint64_t mix_check(uint64_t h, const struct config_check *c)
{
	const struct check_spec *s = &c->spec;
	h = mix_ip(mix(mix_text(h, c->name), s->type), &s->addr);
	h = mix(mix(mix(mix(h, s->port), s->interval_ms), s->interval_down_ms), s->timeout_ms);
	h = mix(mix(h, s->rise), s->fall);
	h = mix(mix(h, c->suppress), c->half_life_ms);
	return mix_bytes(mix_ip(h, &s->source), s->params.bytes, s->params.n);
}

static uint64_t mix_vips(uint64_t h, const struct config_vip *v, uint32_t n)
{
	h = mix(h, n);
	for (uint32_t i = 0; i < n; i++)
		h = mix(mix_ip(h, &v[i].ip), v[i].prefix);
	return h;
}

/* A check is here by its name: when it changes the instance does not. */
static uint64_t mix_track(uint64_t h, const struct config_track *t)
{
	h = mix_text(mix(h, t->type), t->name);
	h = mix(h, (uint64_t)t->services_up.value << 1 | t->services_up.percent);
	return mix(mix(h, (uint64_t)(int64_t)t->weight), (uint64_t)t->debounce_ms);
}

uint64_t config_vrrp_digest(const struct config_vrrp *v)
{
	uint64_t h = mix_text(mix_text(mix_text(0, v->name), v->interface), v->group);
	h = mix_vips(mix_vips(h, v->addresses, v->n_addresses), v->excluded, v->n_excluded);
	h = mix_bytes(mix(h, v->n_routes), v->routes, v->n_routes * sizeof(*v->routes));
	h = mix_bytes(mix(h, v->n_rules), v->rules, v->n_rules * sizeof(*v->rules));
	h = mix(h, (uint64_t)v->vrid << 32 | (uint64_t)v->version << 24 | (uint64_t)v->family << 16 |
			   (uint64_t)v->priority << 8 | v->min_ttl);
	h = mix(mix(h, (uint64_t)v->interval_cs << 32 | v->lease_s), v->sum);
	h = mix(h, (uint64_t)v->preempt << 2 | (uint64_t)v->accept << 1 | v->virtual_mac);
	h = mix(mix(h, (uint64_t)v->preempt_delay_ms), (uint64_t)v->startup_delay_ms);
	h = mix(mix_ip(h, &v->source), v->n_peers);
	for (uint32_t i = 0; i < v->n_peers; i++)
		h = mix_ip(h, &v->peers[i]);
	h = mix_text(mix(mix(mix(h, v->auth), v->auth_mode), v->auth_window_ms), v->key_file);
	h = mix(mix(h, v->announce_count), (uint64_t)v->announce_delay_ms);
	h = mix(mix(h, (uint64_t)v->announce_refresh_ms), v->n_tracks);
	for (uint32_t i = 0; i < v->n_tracks; i++)
		h = mix_track(h, &v->tracks[i]);
	return h;
}

uint64_t config_service_digest(const struct config_service *s)
{
	uint64_t h = mix_text(mix(0, s->n_listens), s->name);
	for (uint32_t i = 0; i < s->n_listens; i++)
		h = mix_key(h, &s->listens[i]);
	h = mix(h, s->n_backends);
	for (uint32_t i = 0; i < s->n_backends; i++)
		h = mix_backend(h, &s->backends[i]);
	h = mix(mix(h, s->n_checks), s->check_mode);
	for (uint32_t i = 0; i < s->n_checks; i++)
		h = mix_check(h, s->checks[i]);
	h = mix(mix(mix_text(h, s->scheduler), s->flags), s->persist_s);
	h = mix_text(mix(mix(h, s->mask4), s->mask6), s->engine);
	h = mix(h, tunnel_bits(&s->tunnel) << 8 | s->method);
	h = mix(mix(h, (uint64_t)s->quorum.value << 1 | s->quorum.percent), s->quorum_more);
	h = mix_ip(h, &s->source_nat);
	h = mix(mix_ip(h, &s->sorry), (uint64_t)s->sorry_port << 16 | (uint64_t)s->on_loss << 8 | s->on_fail);
	h = mix(mix(h, s->fail_open_percent), (uint64_t)s->slow_start_ms);
	return mix(mix(mix(h, (uint64_t)s->drain_ms), s->drain_then), s->sync);
}
