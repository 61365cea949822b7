/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_peer.h"

#include <stdio.h>
#include <string.h>

const char *const model_peer_states[] = {
	[MODEL_PEER_UNKNOWN] = "unknown",
	[MODEL_PEER_UP] = "up",
	[MODEL_PEER_DOWN] = "down",
};

_Static_assert(CONFIG_PEERS_MAX - 1 <= VRRP_NODES_MAX && CONFIG_PEER_ADDRESSES_MAX <= PEER_PATHS_MAX, "they have room");

/* ---- configuration -> what the process gets ---- */

int model_peer_key(const struct config *c, model_vrrp_key_fn *read, void *arg, struct peer_key *key, struct lb_err *e)
{
	const char *path = c->cluster.key_file;
	struct lb_text text = LB_TEXT_INIT;
	struct lb_err why;
	int err = read(path, &text, e, arg);
	if (!err && text.bad)
		err = lb_err_set(e, LB_CODE_FAILED, "out of memory");
	else if (!err && peer_key_read(key, (const uint8_t *)(text.n ? text.s : ""), text.n))
		err = lb_err_set(e, LB_CODE_INVALID,
			"%s: not a key: %u to %u bytes, or the same in hexadecimal, as `openssl rand -hex 32` says",
			path, PEER_KEY_MIN, PEER_KEY_MAX);
	if (text.n)
		explicit_bzero(text.s, text.n);
	lb_text_done(&text);
	if (!err)
		return 0;
	why = *e;
	return lb_err_set(e, why.code, "cluster.key_file: %s", why.text);
}

int model_peers_conf(
	const struct config *c, model_vrrp_key_fn *read, void *arg, struct vrrp_peers *out, struct lb_err *e)
{
	const struct config_cluster *k = &c->cluster;
	memset(out, 0, sizeof(*out)); /* two of them are compared byte by byte */
	if (k->n_nodes < 2 || k->self < 0 || !k->key_file[0] || !c->n_vrrp)
		return 0;
	const struct config_peer *self = &k->nodes[k->self];
	snprintf(out->self, sizeof(out->self), "%s", self->name);
	out->cluster = k->id;
	out->port = k->port;
	out->heartbeat_ms = k->heartbeat_ms;
	out->dead_after_ms = k->dead_after_ms;
	out->config = c->digest;
	for (uint32_t i = 0; i < k->n_nodes; i++) {
		const struct config_peer *p = &k->nodes[i];
		if (p == self)
			continue;
		struct vrrp_peer *node = &out->nodes[out->n_nodes++];
		snprintf(node->name, sizeof(node->name), "%s", p->name);
		for (uint32_t a = 0; a < p->n_addresses && a < self->n_addresses; a++)
			node->paths[node->n_paths++] = (struct lb_path){ self->addresses[a], p->addresses[a] };
	}
	return model_peer_key(c, read, arg, &out->key, e);
}

/* ---- what is known ---- */

static void begin(struct model_peer *p, const char *name, struct lb_time now)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->began = now;
}

static struct model_peer *find(struct model_peers *ps, const char *name)
{
	for (uint32_t i = 0; i < ps->n; i++)
		if (strcmp(ps->v[i].name, name) == 0)
			return &ps->v[i];
	return NULL;
}

const struct model_peer *model_peer_find(const struct model_peers *ps, const char *name)
{
	for (uint32_t i = 0; i < ps->n; i++)
		if (strcmp(ps->v[i].name, name) == 0)
			return &ps->v[i];
	return NULL;
}

static bool has(const struct vrrp_peers *conf, const char *name)
{
	for (uint32_t i = 0; i < conf->n_nodes; i++)
		if (strcmp(conf->nodes[i].name, name) == 0)
			return true;
	return false;
}

bool model_peers_take(struct model_peers *ps, const struct vrrp_peers *conf, struct lb_time now)
{
	uint32_t kept = 0;
	if (memcmp(&ps->conf, conf, sizeof(*conf)) == 0)
		return false;
	for (uint32_t i = 0; i < ps->n; i++)
		if (has(conf, ps->v[i].name))
			ps->v[kept++] = ps->v[i];
	ps->n = kept; /* those that come have room now */
	for (uint32_t i = 0; i < conf->n_nodes; i++) {
		struct model_peer *p = find(ps, conf->nodes[i].name), swap;
		if (!p) {
			p = &ps->v[ps->n++];
			begin(p, conf->nodes[i].name, now);
		}
		swap = *p;
		*p = ps->v[i];
		ps->v[i] = swap;
	}
	memcpy(&ps->conf, conf, sizeof(*conf));
	ps->due = true;
	return true;
}

static const struct model_vrrp *by_id(const struct model_vrrps *vs, uint32_t id)
{
	for (uint32_t i = 0; i < vs->n; i++)
		if (vs->v[i].conf->id == id)
			return &vs->v[i];
	return NULL;
}

void model_peers_prune(struct model_peers *ps, const struct model_vrrps *vs)
{
	for (uint32_t i = 0; i < ps->n; i++) {
		struct model_peer *p = &ps->v[i];
		uint32_t kept = 0;
		for (uint32_t k = 0; k < p->n_theirs; k++)
			if (by_id(vs, p->theirs[k].id))
				p->theirs[kept++] = p->theirs[k];
		p->n_theirs = kept;
	}
}

void model_peers_forget(struct model_peers *ps, struct lb_time now)
{
	for (uint32_t i = 0; i < ps->n; i++) {
		char name[VRRP_NAME_MAX];
		memcpy(name, ps->v[i].name, sizeof(name));
		begin(&ps->v[i], name, now);
	}
	ps->due = true;
}

void model_peers_done(struct model_peers *ps)
{
	explicit_bzero(ps, sizeof(*ps));
}

/* ---- what the process says ---- */

void model_peers_said_node(struct model_peers *ps, const struct vrrp_msg_node *m)
{
	struct model_peer *p = find(ps, m->name);
	if (!p)
		return;
	p->is = *m;
	p->heard = true;
	if (!m->up)
		p->n_theirs = 0;
}

void model_peers_said_theirs(struct model_peers *ps, const struct vrrp_msg_theirs *m)
{
	struct model_peer *p = find(ps, m->node);
	uint32_t i = 0;
	if (!p)
		return;
	while (i < p->n_theirs && p->theirs[i].id != m->id)
		i++;
	if (!m->known) {
		if (i < p->n_theirs)
			p->theirs[i] = p->theirs[--p->n_theirs];
		return;
	}
	if (i == CONFIG_VRRP_MAX)
		return; /* more than there can be: some are of instances that went */
	if (i == p->n_theirs)
		p->n_theirs++;
	p->theirs[i] = (struct model_theirs){ m->id, m->state, m->prio };
}

uint32_t model_peer_paths_up(const struct model_peer *p)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->is.n_paths; i++)
		n += p->is.paths[i].up;
	return n;
}

const struct model_theirs *model_peer_theirs(const struct model_peer *p, uint32_t id)
{
	for (uint32_t i = 0; p->state == MODEL_PEER_UP && i < p->n_theirs; i++)
		if (p->theirs[i].id == id)
			return &p->theirs[i];
	return NULL;
}

/* ---- what changed ---- */

static uint32_t paths_up(const struct model_peer *p)
{
	uint32_t bits = 0;
	for (uint32_t i = 0; i < p->is.n_paths; i++)
		bits |= (uint32_t)p->is.paths[i].up << i;
	return bits;
}

/* One that was never heard of is waited for. */
static enum model_peer_state state_of(const struct model_peer *p, struct lb_time now)
{
	if (p->heard && p->is.up)
		return MODEL_PEER_UP;
	if (p->state != MODEL_PEER_UNKNOWN)
		return MODEL_PEER_DOWN;
	bool over = lb_time_cmp(now, lb_time_add_ms(p->began, MODEL_PEER_GRACE_MS)) >= 0;
	return p->heard && over ? MODEL_PEER_DOWN : MODEL_PEER_UNKNOWN;
}

static bool state_line(struct model_peer *p, enum model_peer_state is, int64_t wall_ms, struct model_line *out)
{
	const char *was = model_peer_states[p->state];
	*out = (struct model_line){ .event = LB_EVENT_PEER_STATE, .old = was, .new = model_peer_states[is] };
	p->state = is;
	p->since_wall_ms = wall_ms;
	p->told_paths = paths_up(p);
	p->told_restarts = p->is.restarts;
	out->level = is == MODEL_PEER_DOWN ? LB_LOG_WARNING : LB_LOG_NOTICE;
	if (is == MODEL_PEER_UP)
		snprintf(out->text, sizeof(out->text), "peer/%s: %s -> up (paths=%u/%u, version=%s, configuration %s)",
			p->name, was, model_peer_paths_up(p), p->is.n_paths, p->is.version,
			p->is.same_config ? "same" : "differs");
	else
		snprintf(out->text, sizeof(out->text), "peer/%s: %s -> down (%s)", p->name, was,
			p->is.version[0] ? "silent on all paths" : "nothing was ever heard of it");
	return true;
}

static bool paths_line(struct model_peer *p, struct model_line *out)
{
	uint32_t is = paths_up(p), was = p->told_paths;
	struct lb_text down = LB_TEXT_INIT;
	for (uint32_t i = 0; i < p->is.n_paths; i++) {
		char ip[LB_IP_STRLEN];
		if (!p->is.paths[i].up)
			lb_text_printf(&down, "%s%s", down.n ? ", " : "", lb_ip_str(&p->is.paths[i].theirs, ip));
	}
	p->told_paths = is;
	*out = (struct model_line){ .event = LB_EVENT_PEER_STATE };
	out->level = was & ~is ? LB_LOG_WARNING : LB_LOG_NOTICE;
	snprintf(out->text, sizeof(out->text), "peer/%s: %u of %u paths up%s%s%s", p->name, model_peer_paths_up(p),
		p->is.n_paths, down.n ? " (down: " : "", down.n && !down.bad ? down.s : "", down.n ? ")" : "");
	lb_text_done(&down);
	return true;
}

/* True: the alarm was raised, or is over. */
static bool differs_changed(struct model_peer *p, struct lb_time now)
{
	bool was = p->differs;
	if (p->state != MODEL_PEER_UP || p->is.same_config) {
		p->differs_since = (struct lb_time){ 0 };
		p->differs = false;
	} else if (!p->differs_since.us) {
		p->differs_since = now;
	} else if (lb_time_cmp(now, lb_time_add_ms(p->differs_since, MODEL_PEER_DIFFERS_MS)) >= 0) {
		p->differs = true;
	}
	return p->differs != was;
}

bool model_peer_next(struct model_peer *p, struct lb_time now, int64_t wall_ms, struct model_line *out)
{
	enum model_peer_state is = state_of(p, now);
	if (is != p->state)
		return state_line(p, is, wall_ms, out);
	if (is == MODEL_PEER_UP && p->is.restarts != p->told_restarts) {
		p->told_restarts = p->is.restarts;
		*out = (struct model_line){ .event = LB_EVENT_PEER_STATE, .level = LB_LOG_NOTICE };
		snprintf(
			out->text, sizeof(out->text), "peer/%s: has started anew (version=%s)", p->name, p->is.version);
		return true;
	}
	if (is == MODEL_PEER_UP && paths_up(p) != p->told_paths)
		return paths_line(p, out);
	if (!differs_changed(p, now))
		return false;
	model_alarm_line(out, "config_differs", p->differs);
	snprintf(out->text, sizeof(out->text), "peer/%s: alarm config_differs %s", p->name,
		p->differs ? "raised" : "is over");
	return true;
}
