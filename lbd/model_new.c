/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building a model from a configuration and from what an older model knew. Linear in the size of the configuration;
 * nothing of the older model is changed, so a candidate can be planned and thrown away. */
#include "lbd/model_error.h"

#include "common/sort.h"
#include "lbd/model_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct build {
	struct model *m;
	const struct model_input *in;
	bool failed;
};

/* What a target has beyond the settings of its check. */
struct place {
	const struct lb_ip *addr;
	uint16_t port;
	uint32_t after;
};

static void spec_of(const struct config_check *check, const struct place *at, struct check_spec *out)
{
	*out = check->spec;
	out->addr = *at->addr;
	out->port = at->port;
	out->after = at->after;
}

/* Where a target of this spec stands in the open addressing table: its slot, or the free one where it belongs. */
static uint32_t slot_of(const struct model *m, const struct check_spec *spec)
{
	uint32_t mask = m->n_slots - 1, at = check_spec_hash(spec) & mask;
	for (;; at = (at + 1) & mask) {
		if (m->target_slots[at] == MODEL_NONE)
			return at;
		const struct model_target *t = &m->targets[m->target_slots[at]];
		struct check_spec have;
		spec_of(t->check, &(struct place){ &t->addr, t->port, t->after }, &have);
		if (check_spec_equal(&have, spec))
			return at;
	}
}

static void inherit(const struct build *bd, struct model_target *t, const struct check_spec *spec)
{
	const struct model *old = bd->in->old;
	uint32_t at = old && old->n_slots ? old->target_slots[slot_of(old, spec)] : MODEL_NONE;
	if (at == MODEL_NONE) {
		t->id = (*bd->in->next_id)++;
		return;
	}
	const struct model_target *o = &old->targets[at];
	const struct config_check *check = t->check;
	uint32_t link = t->first_link;
	*t = *o;
	t->check = check;
	t->first_link = link;
	t->tracked = false; /* the new configuration decides */
	t->wanted_by = 0;
	t->text = o->text ? strdup(o->text) : NULL;
	t->first_damper = MODEL_NONE; /* damper_get brings along what is still damped */
}

static uint32_t target_get(struct build *bd, const struct config_check *check, const struct place *at)
{
	struct model *m = bd->m;
	struct check_spec spec;
	spec_of(check, at, &spec);
	uint32_t slot = slot_of(m, &spec);
	if (m->target_slots[slot] != MODEL_NONE)
		return m->target_slots[slot];
	uint32_t t = m->n_targets++;
	m->targets[t] = (struct model_target){ .check = check,
		.addr = *at->addr,
		.port = at->port,
		.after = at->after,
		.first_link = MODEL_NONE,
		.first_damper = MODEL_NONE };
	inherit(bd, &m->targets[t], &spec);
	m->target_slots[slot] = t;
	return t;
}

/* What the older model's account of this target was: for the same damping, else for another one: its falls
 * are the same. */
static void inherit_damper(
	const struct build *bd, const struct model_target *t, const struct config_check *check, struct model_damper *d)
{
	const struct model *old = bd->in->old;
	const struct model_target *o = old ? model_target_by_id(old, t->id) : NULL;
	uint32_t at = o ? model_damper_of(old, o, check) : MODEL_NONE;
	if (at == MODEL_NONE && o)
		at = o->first_damper;
	if (at != MODEL_NONE)
		model_damper_from(d, &old->dampers[at], bd->in->now);
}

static uint32_t damper_get(struct build *bd, uint32_t target, const struct config_check *check)
{
	struct model *m = bd->m;
	struct model_target *t = &m->targets[target];
	uint32_t at = check->suppress ? model_damper_of(m, t, check) : MODEL_NONE;
	if (at != MODEL_NONE || !check->suppress)
		return at;
	at = m->n_dampers++;
	m->dampers[at] = (struct model_damper){
		.suppress = check->suppress, .half_life_ms = check->half_life_ms, .next = t->first_damper
	};
	inherit_damper(bd, t, check, &m->dampers[at]);
	t->first_damper = at;
	return at;
}

/* A check probes its own address and port, else the backend's, else the port of the (first) listener. A stage is
 * another target for every predecessor. */
static void link_check(struct build *bd, uint32_t backend, uint32_t check_index)
{
	struct model *m = bd->m;
	const struct model_backend *b = &m->backends[backend];
	const struct config_service *s = m->services[b->service].cfg;
	const struct check_spec *spec = &s->checks[check_index]->spec;
	struct place at = { spec->addr.family ? &spec->addr : &b->cfg->addr, spec->port, 0 };
	if (!at.port && !check_types[spec->type].portless)
		at.port = b->cfg->port ? b->cfg->port : s->listens[0].port;
	if (!at.port && spec->type == CHECK_TYPE_SCRIPT) /* only to be told */
		at.port = b->cfg->port ? b->cfg->port : s->listens[0].port;
	if (s->check_mode == CONFIG_CHECK_STAGES && check_index)
		at.after = 1 + m->targets[m->links[m->n_links - 1].target].id;
	uint32_t l = m->n_links++, t = target_get(bd, s->checks[check_index], &at);
	m->links[l] =
		(struct model_link){ backend, t, damper_get(bd, t, s->checks[check_index]), m->targets[t].first_link };
	m->targets[t].first_link = l;
}

/* A tracked check has no backend to take an address from: only scripts and files can be without one of their own, and
 * a script is told that it is about this host. */
static const struct lb_ip this_host = { .family = AF_INET, .b = { 127, 0, 0, 1 } };

static struct place tracked_place(const struct config_check *check)
{
	return (struct place){ check->spec.addr.family ? &check->spec.addr : &this_host, check->spec.port, 0 };
}

static void add_tracked(struct build *bd)
{
	const struct config *c = bd->in->config;
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		for (uint32_t k = 0; k < c->vrrp[i].n_tracks; k++) {
			const struct config_check *check = c->vrrp[i].tracks[k].check;
			if (!check)
				continue;
			struct place at = tracked_place(check);
			bd->m->targets[target_get(bd, check, &at)].tracked = true;
		}
}

const struct model_target *model_tracked_target(const struct model *m, const struct config_check *check)
{
	struct place at = tracked_place(check);
	struct check_spec spec;
	spec_of(check, &at, &spec);
	uint32_t found = m->target_slots[slot_of(m, &spec)];
	return found != MODEL_NONE && m->targets[found].tracked ? &m->targets[found] : NULL;
}

static bool judged(const struct model *m, const struct model_backend *b, uint32_t n_checks)
{
	for (uint32_t i = 0; i < n_checks; i++)
		if (!m->targets[m->links[b->first_link + i].target].judged)
			return false;
	return true;
}

/* 0: it is not there. All listeners give it the same. */
static uint32_t kernel_weight(const struct build *bd, const struct config_service *s, const struct model_backend *b)
{
	uint32_t w = 0;
	for (uint32_t i = 0; bd->in->in_kernel && i < s->n_listens && !w; i++)
		w = bd->in->in_kernel(
			&s->listens[i], &b->cfg->addr, model_backend_port(b, &s->listens[i]), bd->in->arg);
	return w;
}

/* Who has this place in the older model, under whatever name. NULL: nobody. */
static const struct model_backend *who_was_here(
	const struct build *bd, const struct config_service *s, const struct model_backend *b)
{
	const struct model *old = bd->in->old;
	for (uint32_t i = 0; old && i < s->n_listens; i++) {
		const struct ipvs_key *key = &s->listens[i];
		uint32_t os = model_listener_service(old, key), at = MODEL_NONE;
		if (os != MODEL_NONE)
			at = model_backend_at(old, os, key, &b->cfg->addr, model_backend_port(b, key));
		if (at != MODEL_NONE)
			return &old->backends[at];
	}
	return NULL;
}

/* Who serves goes on until it is judged. Not who was known to be down: that the kernel has a weight for it only says
 * that a lost quorum, fail-open or an operator has left it in. */
static void adopt(const struct build *bd, const struct config_service *s, struct model_backend *b)
{
	const struct model_backend *was = who_was_here(bd, s, b);
	struct lb_time never = LB_TIME_NEVER;
	b->adopted = kernel_weight(bd, s, b);
	b->trusted = b->ramp_unknown = b->adopted != 0;
	if (!was)
		return;
	enum model_health_word h = model_health_of(bd->in->old, was, bd->in->now, &never);
	bool unknown = h == HEALTH_UNKNOWN;
	b->was_down = unknown ? was->was_down : h != HEALTH_UP;
	b->trusted = b->trusted && (unknown ? was->trusted : h == HEALTH_UP);
}

static void add_backend(
	struct build *bd, const struct model_service *s, uint32_t service, const struct config_backend *cfg)
{
	struct model *m = bd->m;
	uint32_t at = m->n_backends++;
	struct model_backend *b = &m->backends[at];
	*b = (struct model_backend){
		.cfg = cfg, .service = service, .first_link = m->n_links, .state = MODEL_BACKEND_UNCHECKED
	};
	char object[160];
	if (overrides_count(m->overrides)) {
		snprintf(object, sizeof(object), "%s/%s", s->cfg->name, cfg->name);
		b->ov = overrides_find(m->overrides, object);
	}
	for (uint32_t i = 0; i < s->cfg->n_checks; i++)
		link_check(bd, at, i);
	model_backend_wants(m, b);
	if (!judged(m, b, s->cfg->n_checks))
		adopt(bd, s->cfg, b);
}

/* Whether it is the same server. Checks ask the port of the first listener where it has none. */
static bool is_same_place(const struct model_service *s, const struct model_backend *b, const struct model_service *o,
	const struct model_backend *was)
{
	return lb_ip_cmp(&b->cfg->addr, &was->cfg->addr) == 0 &&
	       model_backend_port(b, &s->cfg->listens[0]) == model_backend_port(was, &o->cfg->listens[0]);
}

/* Without fail-open nobody looks at these again: who is held would stay so for good. */
static void inherit_failing(const struct model_service *s, struct model_backend *b, const struct model_backend *was)
{
	if (!s->cfg->fail_open_percent)
		return;
	b->failing_since = was->failing_since;
	b->was_in = was->was_in;
	b->held = was->held;
}

/* What was found at a start, and has not been judged in this run either, still stays. */
static void inherit_adopted(struct model_backend *b, const struct model_backend *was)
{
	if (!b->adopted) {
		b->adopted = was->adopted;
		b->trusted = was->trusted && !b->was_down;
	}
	b->ramp_unknown = was->adopted && was->ramp_unknown;
}

/* The backend of this name in the older model, NULL: none. Most stand where they stood. */
static const struct model_backend *who_was(
	const struct model *old, const struct model_service *o, const char *name, uint32_t place)
{
	const struct config_backend *cfg = o->cfg->backends, *was = NULL;
	if (place < o->cfg->n_backends && strcmp(cfg[place].name, name) == 0)
		was = &cfg[place];
	else
		was = config_backend_find(o->cfg, name);
	return was ? &old->backends[o->first_backend + (uint32_t)(was - cfg)] : NULL;
}

/* What the older model had decided goes on: times, states, drain clocks. */
static void inherit_service(struct build *bd, struct model_service *s, uint32_t service)
{
	const struct model *old = bd->in->old;
	uint32_t os = old ? model_service_find(old, s->cfg->name) : MODEL_NONE;
	if (os == MODEL_NONE || !old->services[os].settled) {
		model_dirty(bd->m, service);
		return;
	}
	const struct model_service *o = &old->services[os];
	bool same = o->cfg->digest == s->cfg->digest && o->cfg->n_backends == s->cfg->n_backends;
	s->status = o->status;
	s->quorum_lost = o->quorum_lost;
	s->since_wall_ms = o->since_wall_ms;
	s->settled = true;
	s->lost_since = o->lost_since;
	model_lost_put(bd->m, service, o->lost);
	if (same) {
		s->deadline = o->deadline;
		s->in_pool = o->in_pool;
		s->sorry = o->sorry;
	}
	if (!same || o->dirty)
		model_dirty(bd->m, service);
	for (uint32_t i = 0; i < s->cfg->n_backends; i++) {
		struct model_backend *b = &bd->m->backends[s->first_backend + i];
		const struct model_backend *was = who_was(old, o, b->cfg->name, i);
		if (!was)
			continue;
		b->drain_since = was->drain_since;
		b->drain_set_wall_ms = was->drain_set_wall_ms;
		b->ramp_since = was->ramp_since;
		b->ramp_paused = was->ramp_paused;
		b->was_out = was->was_out;
		b->settled = was->settled;
		if (same || is_same_place(s, b, o, was)) {
			inherit_failing(s, b, was);
			inherit_adopted(b, was);
		} else {
			b->failing_since = bd->in->now; /* what fails there already was never in this pool */
		}
		b->since_wall_ms = was->since_wall_ms;
		b->weight = was->weight;
		b->state = was->state;
		b->reasons = was->reasons;
		b->in_table = was->in_table;
		b->in_pool = was->in_pool;
	}
}

static int listener_cmp(const void *a, const void *b)
{
	const struct model_listener *x = a, *y = b;
	return ipvs_key_cmp(&x->key, &y->key);
}

static int target_cmp(const void *a, const void *b)
{
	const struct model_target *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Lookups by id are by bisection; a reload mixes old ids and new ones, so the array is sorted and every index into it
 * follows. */
static bool sort_targets(struct model *m)
{
	bool sorted = true;
	for (uint32_t i = 1; i < m->n_targets && sorted; i++)
		sorted = m->targets[i - 1].id < m->targets[i].id;
	if (sorted)
		return true;
	uint32_t *place = malloc(m->n_targets * sizeof(*place));
	if (!place)
		return false;
	/* the old index rides in first_link, which is the same for all links of a target and restored below */
	uint32_t *first = malloc(m->n_targets * sizeof(*first));
	if (!first) {
		free(place);
		return false;
	}
	for (uint32_t i = 0; i < m->n_targets; i++) {
		first[i] = m->targets[i].first_link;
		m->targets[i].first_link = i;
	}
	lb_sort(m->targets, m->n_targets, sizeof(*m->targets), target_cmp);
	for (uint32_t i = 0; i < m->n_targets; i++) {
		uint32_t was = m->targets[i].first_link;
		place[was] = i;
		m->targets[i].first_link = first[was];
	}
	for (uint32_t i = 0; i < m->n_links; i++)
		m->links[i].target = place[m->links[i].target];
	for (uint32_t i = 0; i < m->n_slots; i++)
		if (m->target_slots[i] != MODEL_NONE)
			m->target_slots[i] = place[m->target_slots[i]];
	free(first);
	free(place);
	return true;
}

struct sizes {
	size_t services, backends, links, listeners;
	size_t targets; /* at most: one per link and one per tracked check */
	size_t dampers; /* at most: one per link of a check with damping */
	size_t most;    /* backends of one service */
};

static struct sizes measure(const struct config *c)
{
	struct sizes z = { .services = c->n_services };
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		z.backends += s->n_backends;
		z.most = s->n_backends > z.most ? s->n_backends : z.most;
		z.links += (size_t)s->n_backends * s->n_checks;
		for (uint32_t k = 0; k < s->n_checks; k++)
			z.dampers += s->checks[k]->suppress ? s->n_backends : 0;
		z.listeners += s->n_listens;
	}
	z.targets = z.links;
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		z.targets += c->vrrp[i].n_tracks;
	return z;
}

static void *array(size_t n, size_t elem)
{
	return calloc(n ? n : 1, elem);
}

static bool allocate(struct model *m, const struct sizes *z)
{
	m->n_slots = 1;
	while (m->n_slots <= z->targets * 2) /* one is always free: looking for what is not there ends */
		m->n_slots *= 2;
	m->services = array(z->services, sizeof(*m->services));
	m->backends = array(z->backends, sizeof(*m->backends));
	m->links = array(z->links, sizeof(*m->links));
	m->targets = array(z->targets, sizeof(*m->targets));
	m->dampers = array(z->dampers, sizeof(*m->dampers));
	m->listeners = array(z->listeners, sizeof(*m->listeners));
	m->dirty = array(z->services, sizeof(*m->dirty));
	m->scratch = array(z->most, sizeof(*m->scratch));
	m->times = array(z->most, sizeof(*m->times));
	m->by_place = array(z->backends, sizeof(*m->by_place));
	m->target_slots = malloc(m->n_slots * sizeof(*m->target_slots));
	if (!m->services || !m->backends || !m->links || !m->targets || !m->dampers || !m->listeners || !m->dirty ||
		!m->target_slots || !m->scratch || !m->times || !m->by_place)
		return false;
	for (uint32_t i = 0; i < m->n_slots; i++)
		m->target_slots[i] = MODEL_NONE;
	return true;
}

struct model *model_new(const struct model_input *in)
{
	struct model *m = calloc(1, sizeof(*m));
	if (!m) {
		config_free(in->config);
		return NULL;
	}
	m->config = in->config;
	m->overrides = in->overrides;
	m->first_lost = m->last_lost = MODEL_NONE;
	struct build bd = { m, in, false };
	struct sizes z = measure(in->config);
	if (!allocate(m, &z)) {
		model_free(m);
		return NULL;
	}
	m->n_services = in->config->n_services;
	for (uint32_t i = 0; i < m->n_services; i++) {
		struct model_service *s = &m->services[i];
		*s = (struct model_service){
			.cfg = &in->config->services[i],
			.first_backend = m->n_backends,
			.deadline = LB_TIME_NEVER,
			.status = MODEL_SERVICE_DOWN /* until it is decided */
		};
		for (uint32_t k = 0; k < s->cfg->n_listens; k++)
			m->listeners[m->n_listeners++] = (struct model_listener){ s->cfg->listens[k], i };
		for (uint32_t k = 0; k < s->cfg->n_backends; k++)
			add_backend(&bd, s, i, &s->cfg->backends[k]);
		model_at_build(m, s);
		if (overrides_count(m->overrides))
			model_service_override(m, i);
		inherit_service(&bd, s, i);
	}
	add_tracked(&bd);
	lb_sort(m->listeners, m->n_listeners, sizeof(*m->listeners), listener_cmp);
	if (!sort_targets(m)) {
		model_free(m);
		return NULL;
	}
	model_error_build(m);
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->n_targets; i++)
		free(m->targets[i].text);
	config_free(m->config);
	free(m->services);
	free(m->backends);
	free(m->links);
	free(m->targets);
	free(m->dampers);
	free(m->listeners);
	free(m->dirty);
	free(m->target_slots);
	free(m->scratch);
	free(m->times);
	free(m->by_place);
	free(m);
}
