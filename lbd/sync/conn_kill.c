/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_kill.h"

#include "lbd/sync/conn_over.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_MIN 64u /* a power of two */

/* ---- one pass ---- */

/* When a packet, or the replacement itself, holds a connection in the moment in which it is replaced, the kernel keeps
 * it: behind the ended one, which is found first, and back after that has gone. No record reaches it until then, and
 * each would keep the ended one there. So it is looked for again later; but not where the client has spoken to the
 * ended one (which then has more than its second): it has had its reset. */
enum conn_sight conn_pass_row(struct conn_pass *p, const struct flow *f)
{
	uint64_t hash = flow_key_hash(&f->key, p->seed);
	if (conn_is_over(f)) {
		p->over[p->n++ % CONN_PASS_OVER_MAX] = (struct conn_pass_over){ hash, f->timeout_s > CONN_OVER_S };
		return CONN_OVER;
	}
	if (!conn_ends_at_once(f))
		return f->timeout_s <= CONN_OVER_S ? CONN_FADES : CONN_THERE;
	for (unsigned i = 0; i < CONN_PASS_OVER_MAX && i < p->n; i++)
		if (p->over[i].hash == hash)
			return p->over[i].spoken ? CONN_OVER : CONN_HIDDEN;
	return CONN_THERE;
}

/* ---- what is known, by its key ---- */

struct conn_known {
	uint64_t hash; /* of its key; 0 = a free place */
	uint32_t pass; /* that saw it last */
	bool gone;
};

/* Its place, or the free one where it would be; there is always one. */
static struct conn_known *place_of(struct conn_known *v, size_t size, uint64_t hash)
{
	size_t i = (size_t)hash & (size - 1);
	while (v[i].hash && v[i].hash != hash)
		i = (i + 1) & (size - 1);
	return &v[i];
}

static int grow(struct conn_kill *k)
{
	size_t size = k->size ? k->size * 2 : SIZE_MIN;
	struct conn_known *v = calloc(size, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < k->size; i++)
		if (k->v[i].hash)
			*place_of(v, size, k->v[i].hash) = k->v[i];
	free(k->v);
	k->v = v;
	k->size = size;
	return 0;
}

static struct conn_known *find(const struct conn_kill *k, uint64_t hash)
{
	struct conn_known *e = k->size ? place_of(k->v, k->size, hash) : NULL;
	return e && e->hash ? e : NULL;
}

static struct conn_known *find_or_add(struct conn_kill *k, uint64_t hash)
{
	struct conn_known *e = find(k, hash);
	if (e)
		return e;
	if (k->n * 2 >= k->size && grow(k))
		return NULL;
	k->n++;
	e = place_of(k->v, k->size, hash);
	e->hash = hash;
	return e;
}

/* ---- one command, or one cut ---- */

void conn_kill_init(struct conn_kill *k, struct conn_ask *ask, uint64_t seed, struct lb_time now)
{
	*k = (struct conn_kill){ .id = ask->id,
		.cut = ask->cut,
		.looks = !ask->cut,
		.filter = ask->filter,
		.seed = seed,
		.since = now,
		.due = now };
	ask->filter.v = NULL;
}

void conn_kill_done(struct conn_kill *k)
{
	free(k->filter.v);
	free(k->v);
	k->filter.v = NULL;
	k->v = NULL;
}

bool conn_kill_told(const struct conn_kill *k)
{
	return !k->looks && (k->passes || k->tries);
}

bool conn_kill_tells(const struct conn_kill *k)
{
	return !k->cut;
}

void conn_kill_pass(struct conn_kill *k)
{
	k->pass++;
	k->slow = false;
}

bool conn_kill_row(struct conn_kill *k, const struct flow *f, enum conn_mark mark, enum conn_sight sight)
{
	uint64_t hash = flow_key_hash(&f->key, k->seed);
	bool opens = k->looks || k->cut;
	if (sight == CONN_OVER || !conn_filter_takes(&k->filter, f, mark))
		return false;
	hash += !hash;
	struct conn_known *e = opens ? find_or_add(k, hash) : find(k, hash);
	if (!e && opens)
		conn_kill_fail(k, -ENOMEM);
	if (!e || (e->gone && !k->cut))
		return false;
	k->slow |= sight != CONN_THERE || !conn_ends_at_once(f);
	bool again = e->pass == k->pass; /* most rows come twice in a pass */
	e->pass = k->pass;
	e->gone = false;
	return !again && !k->looks && sight == CONN_THERE;
}

void conn_kill_fail(struct conn_kill *k, int err)
{
	if (!k->err)
		k->err = err;
}

/* It was not whole; does it count? */
static bool try_again(struct conn_kill *k, struct lb_time now)
{
	if (k->tries >= CONN_KILL_TRIES_MAX || lb_time_diff_us(now, k->since) >= CONN_KILL_TRIES_MS * 1000)
		return false;
	k->due = lb_time_add_ms(now, CONN_KILL_TRY_MS * ++k->tries);
	return true;
}

/* What is not gone, and of that what this pass has not seen: where it was whole, it is gone. */
static uint64_t settle(struct conn_kill *k, bool whole, uint64_t *missed)
{
	uint64_t there = 0;
	*missed = 0;
	for (size_t i = 0; i < k->size; i++) {
		struct conn_known *e = &k->v[i];
		bool seen = e->pass == k->pass;
		if (!e->hash)
			continue;
		e->gone |= whole && !seen;
		there += !e->gone;
		*missed += !e->gone && !seen;
	}
	return there;
}

static bool look_over(struct conn_kill *k, bool whole, struct lb_time now)
{
	k->unsure = !whole;
	k->looks = false;
	k->due = now;
	return k->n == 0;
}

static bool end_over(struct conn_kill *k, bool whole, struct lb_time now)
{
	uint64_t missed, there = settle(k, whole, &missed);
	bool unsure = missed || (k->cut && !whole);
	k->left = there - missed;
	if (!k->left && !unsure)
		return true;
	if (++k->passes == CONN_KILL_PASSES_MAX) {
		k->unsure |= unsure;
		return true;
	}
	k->due = lb_time_add_ms(now, k->left && k->slow ? CONN_KILL_LATER_MS : CONN_KILL_SOON_MS * k->passes);
	return false;
}

bool conn_kill_passed(struct conn_kill *k, bool whole, struct lb_time now, struct conn_end *end)
{
	uint64_t missed;
	k->in_pass = false;
	if (k->err) {
		k->left = settle(k, false, &missed);
	} else {
		if (!whole && try_again(k, now))
			return false;
		if (whole) {
			k->tries = 0;
			k->since = now;
		}
		if (!(k->looks ? look_over(k, whole, now) : end_over(k, whole, now)))
			return false;
	}
	*end = (struct conn_end){ .id = k->id,
		.err = (uint32_t)-k->err,
		.seen = k->n,
		.ended = k->n - k->left,
		.left = k->left,
		.unsure = k->unsure };
	return true;
}
