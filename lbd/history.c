/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct history {
	uint32_t size;
	uint64_t total; /* the next record goes to total % size */
	struct history_record v[];
};

const char *history_state_name(enum history_state s)
{
	static const char *const names[] = { "unchecked", "up", "down" };
	return names[s];
}

struct history *history_new(uint32_t records)
{
	struct history *h = calloc(1, sizeof(*h) + records * sizeof(h->v[0]));
	if (h)
		h->size = records;
	return h;
}

void history_free(struct history *h)
{
	for (uint32_t i = 0; h && i < h->size; i++)
		free(h->v[i].names);
	free(h);
}

/* Who uses it: how many, and the names of the first of them. */
static void name_users(struct history_record *r, const struct model *m, const struct model_target *t)
{
	char *names = malloc(HISTORY_NAMES * 128), *at = names;
	for (uint32_t l = t->first_link; l != MODEL_NONE; l = m->links[l].next) {
		const struct model_backend *b = &m->backends[m->links[l].backend];
		r->n_backends++;
		if (!names || r->n_names == HISTORY_NAMES)
			continue;
		at += snprintf(at, 128, "%s/%s", m->services[b->service].cfg->name, b->cfg->name) + 1;
		r->n_names++;
	}
	char *cut = names && at > names ? realloc(names, (size_t)(at - names)) : NULL;
	if (!cut && at == names) {
		free(names);
		names = NULL;
	}
	r->names = cut ? cut : names;
}

static enum history_state state_of(bool judged, bool up)
{
	return !judged ? HISTORY_UNCHECKED : up ? HISTORY_UP : HISTORY_DOWN;
}

const struct history_record *history_add(
	struct history *h, const struct model *m, uint32_t target_id, const struct check_state *s, int64_t wall_ms)
{
	const struct model_target *t = model_target_by_id(m, target_id);
	if (!t || !s->judged || (t->judged && t->up == s->up))
		return NULL;
	struct history_record *r = &h->v[h->total++ % h->size];
	free(r->names);
	*r = (struct history_record){ .wall_ms = wall_ms,
		.target_id = target_id,
		.addr = t->addr,
		.port = t->port,
		.old_state = (uint8_t)state_of(t->judged, t->up),
		.new_state = (uint8_t)state_of(true, s->up),
		.result = s->last };
	snprintf(r->check, sizeof(r->check), "%s", t->check->name);
	name_users(r, m, t);
	return r;
}

static bool used_by(const struct history_record *r, const char *backend, const struct model *m, uint32_t index)
{
	const char *name = r->names;
	for (uint8_t i = 0; i < r->n_names; i++, name += strlen(name) + 1)
		if (strcmp(name, backend) == 0)
			return true;
	/* one of more than are named: the model knows, as long as it has the target */
	uint32_t n = index == MODEL_NONE ? 0 : m->services[m->backends[index].service].cfg->n_checks;
	for (uint32_t i = 0; i < n; i++)
		if (model_backend_target(m, index, i)->id == r->target_id)
			return true;
	return false;
}

static bool wanted(const struct history_record *r, const struct history_filter *f, uint32_t index)
{
	if (f->check && strcmp(f->check, r->check) != 0)
		return false;
	return !f->backend || used_by(r, f->backend, f->m, index);
}

void history_each(const struct history *h, const struct history_filter *f,
	void (*fn)(const struct history_record *r, void *arg), void *arg)
{
	uint64_t first = h->total > h->size ? h->total - h->size : 0, from = h->total;
	uint32_t index = f->backend ? model_object_find(f->m, f->backend, NULL) : MODEL_NONE;
	/* back from the newest, until there are enough of them */
	for (uint32_t n = 0; from > first && (!f->last || n < f->last); from--)
		n += wanted(&h->v[(from - 1) % h->size], f, index);
	for (; from < h->total; from++)
		if (wanted(&h->v[from % h->size], f, index))
			fn(&h->v[from % h->size], arg);
}
