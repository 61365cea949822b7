/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/override_word.h"

#include "common/commands.h"
#include "common/fields.h"
#include "common/sort.h"
#include "common/text.h"
#include "common/vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS       (OVERRIDE_FORCE + 1) /* a priority is of one node alone */
#define VALUE_MAX   24
#define OBJECT_MAX  128
#define WHO_MAX     128
#define REASON_MAX  257
#define STAMP_MAX   (INT64_C(1) << 52) /* what any reader of JSON keeps exact; 140,000 years */
#define PERCENT_MAX 1000
#define GONE_FEW    256
/* What is said is newer than what was known here by that much at least, and a word that only follows the clock by one:
 * so it is not newer than what was said since on a node whose clock is behind, though that be set several times. */
#define SAID_MS     10

static const char *const kinds[] = { "state", "weight", "force" };

/* What was said last of an item. */
struct word {
	char object[OBJECT_MAX];
	enum override_kind kind;
	bool gone;             /* it was taken away, or expired */
	bool over;             /* gone, by the wall clock of this node alone: what it was stays below */
	bool by_wall;          /* when it expires is known by the wall clock alone */
	char value[VALUE_MAX]; /* unless it is gone */
	int64_t stamp;         /* wall clock, ms; which word is newer */
	int64_t set, expires;  /* of the item */
	char by[WHO_MAX], reason[REASON_MAX];
};

#define SLOTS (2 * OVERRIDE_WORDS_MAX)
struct override_words {
	LB_VEC(struct word) v;
	size_t gone;           /* of them, how many are */
	uint16_t slots[SLOTS]; /* open addressing by object and kind: 1 + its place in v, 0 = free */
};
_Static_assert(OVERRIDE_WORDS_MAX < UINT16_MAX, "a place is a number of a slot");

struct override_words *override_words_new(void)
{
	return calloc(1, sizeof(struct override_words));
}

void override_words_free(struct override_words *ws)
{
	if (ws)
		lb_vec_done(&ws->v);
	free(ws);
}

static const struct override_item *item_of(const struct override *ov, enum override_kind kind)
{
	switch (kind) {
	case OVERRIDE_STATE: return &ov->state_item;
	case OVERRIDE_WEIGHT: return &ov->weight_item;
	case OVERRIDE_FORCE: return &ov->force_item;
	case OVERRIDE_PRIO: return NULL; /* nobody else is told of it */
	}
	return NULL;
}

static void value_of(const struct override *ov, enum override_kind kind, char out[VALUE_MAX])
{
	switch (kind) {
	case OVERRIDE_STATE: snprintf(out, VALUE_MAX, "%s", config_states[ov->state]); return;
	case OVERRIDE_WEIGHT:
		snprintf(out, VALUE_MAX, "%u%s", ov->weight, ov->weight_kind == OVERRIDE_WEIGHT_PERCENT ? "%" : "");
		return;
	case OVERRIDE_FORCE: snprintf(out, VALUE_MAX, "%s", override_forces[ov->force]); return;
	case OVERRIDE_PRIO: return;
	}
}

/* The slot of a word, or the free one where it belongs. */
static size_t slot_of(const struct override_words *ws, const char *object, enum override_kind kind)
{
	size_t at = (size_t)(lb_text_hash(object, strlen(object)) + kind) % SLOTS;
	for (; ws->slots[at]; at = (at + 1) % SLOTS) {
		const struct word *w = &ws->v.v[ws->slots[at] - 1];
		if (w->kind == kind && strcmp(w->object, object) == 0)
			break;
	}
	return at;
}

static struct word *find(const struct override_words *ws, const char *object, enum override_kind kind)
{
	uint16_t place = ws->slots[slot_of(ws, object, kind)];
	return place ? &ws->v.v[place - 1] : NULL;
}

static void index_all(struct override_words *ws)
{
	memset(ws->slots, 0, sizeof(ws->slots));
	for (size_t i = 0; i < ws->v.n; i++)
		ws->slots[slot_of(ws, ws->v.v[i].object, ws->v.v[i].kind)] = (uint16_t)(i + 1);
}

/* ---- what is kept ---- */

static int stamp_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Of the words that are gone it marks the n oldest by stamp 0, which none has; without memory later. */
static void mark_oldest(struct override_words *ws, size_t n)
{
	int64_t *stamps = malloc(ws->gone * sizeof(*stamps));
	size_t got = 0;
	if (!stamps)
		return;
	lb_vec_foreach (w, &ws->v)
		if (w->gone)
			stamps[got++] = w->stamp;
	lb_sort(stamps, got, sizeof(*stamps), stamp_cmp);
	int64_t last = stamps[n - 1];
	size_t equal = 0; /* of the last of them, how many */
	for (size_t i = 0; i < n; i++)
		equal += stamps[i] == last;
	free(stamps);
	lb_vec_foreach (w, &ws->v) {
		bool one = w->gone && w->stamp == last && equal > 0;
		equal -= one;
		if (one || (w->gone && w->stamp < last))
			w->stamp = 0;
	}
}

static void keep_stamped(struct override_words *ws)
{
	size_t n = 0;
	ws->gone = 0;
	lb_vec_foreach (w, &ws->v)
		if (w->stamp) {
			ws->gone += w->gone;
			ws->v.v[n++] = *w;
		}
	ws->v.n = n;
}

static void set_gone(struct override_words *ws, struct word *w, bool gone)
{
	ws->gone -= w->gone;
	ws->gone += gone;
	w->gone = gone;
}

/* What is said now is worth more than what was over long ago. Half of that goes at once, so that not each new word
 * costs a look at all; of a few the half is soon used up, and each word would. */
static void make_room(struct override_words *ws)
{
	size_t keep = ws->gone / 2 < OVERRIDE_GONE_MAX ? ws->gone / 2 : OVERRIDE_GONE_MAX;
	if (ws->gone < GONE_FEW)
		return;
	mark_oldest(ws, ws->gone - keep);
	keep_stamped(ws);
	index_all(ws);
}

/* The place of a word, a new one of stamp 0 when there was none. NULL: no memory, or too many. */
static struct word *place_of(struct override_words *ws, const char *object, enum override_kind kind)
{
	struct word *w = find(ws, object, kind);
	if (w || strlen(object) >= OBJECT_MAX)
		return w;
	if (ws->v.n >= OVERRIDE_WORDS_MAX)
		make_room(ws);
	w = ws->v.n < OVERRIDE_WORDS_MAX ? lb_vec_push(&ws->v) : NULL;
	if (w) {
		snprintf(w->object, sizeof(w->object), "%s", object);
		w->kind = kind;
		set_gone(ws, w, true);
		ws->slots[slot_of(ws, object, kind)] = (uint16_t)ws->v.n;
	}
	return w;
}

/* ---- what changed here ---- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct looking {
	struct override_words *ws;
	int64_t wall_ms;
	bool said; /* by an operator, now */
	unsigned n;
};

/* It expired, or was taken away. Returns whether that is news. */
static bool look_gone(const struct looking *l, struct word *w)
{
	bool expired = !l->said && w->expires && w->expires <= l->wall_ms;
	set_gone(l->ws, w, true);
	w->over = expired && w->by_wall;
	if (!w->over)
		w->by[0] = w->reason[0] = '\0';
	w->stamp = expired ? w->stamp : later(l->wall_ms, w->stamp + SAID_MS);
	return !expired;
}

static bool look_at(const struct looking *l, const struct override *ov, const char *object, enum override_kind kind)
{
	const struct override_item *it = ov ? item_of(ov, kind) : NULL;
	struct word *w = find(l->ws, object, kind);
	char value[VALUE_MAX];
	if (!it || !it->set)
		return w && (!w->gone || (w->over && l->said)) && look_gone(l, w);
	value_of(ov, kind, value);
	if (!w && !(w = place_of(l->ws, object, kind)))
		return false; /* it holds here alone */
	/* whole or not at all: half a character is no text of JSON */
	snprintf(w->by, sizeof(w->by), "%s", strlen(it->by) < sizeof(w->by) ? it->by : "");
	snprintf(w->reason, sizeof(w->reason), "%s", strlen(it->reason) < sizeof(w->reason) ? it->reason : "");
	bool same = !w->gone && strcmp(w->value, value) == 0;
	if (same && w->set == it->set_wall_ms && w->expires == it->expires_wall_ms)
		return false;
	bool moved = same && !l->said;
	set_gone(l->ws, w, false);
	w->over = false;
	w->by_wall = it->by_wall;
	w->set = it->set_wall_ms;
	w->expires = it->expires_wall_ms;
	w->stamp = moved ? w->stamp + 1 : later(w->set, w->stamp + SAID_MS);
	memcpy(w->value, value, sizeof(w->value));
	return true;
}

static void look_one(const struct override *ov, void *arg)
{
	struct looking *l = arg;
	for (enum override_kind k = OVERRIDE_STATE; k < KINDS && !override_vrrp(ov->object); k++)
		l->n += look_at(l, ov, ov->object, k);
}

unsigned override_words_look(struct override_words *ws, const struct overrides *o, int64_t wall_ms)
{
	struct looking l = { ws, wall_ms, false, 0 };
	overrides_each(o, look_one, &l);
	lb_vec_foreach (w, &ws->v)
		l.n += look_at(&l, overrides_find(o, w->object), w->object, w->kind);
	return l.n;
}

bool override_words_said(struct override_words *ws, const struct overrides *o, const char *object,
	enum override_kind kind, int64_t wall_ms)
{
	const struct looking l = { ws, wall_ms, true, 0 };
	return look_at(&l, overrides_find(o, object), object, kind);
}

bool override_words_alone(
	const struct override_words *ws, const struct overrides *o, const char *object, enum override_kind kind)
{
	const struct override *ov = kind != OVERRIDE_PRIO ? overrides_find(o, object) : NULL;
	return ov && item_of(ov, kind)->set && !find(ws, object, kind);
}

/* ---- for the other node ---- */

static void put_item(struct lb_members *to, const struct word *w, const char *self)
{
	char by[WHO_MAX];
	bool elsewhere = strchr(w->by, '@') || !w->by[0] || !self[0];
	snprintf(by, sizeof(by), "%.62s%s%.63s", w->by, elsewhere ? "" : "@", elsewhere ? "" : self);
	lb_put_str(to, "value", w->value);
	lb_put_int(to, "set", w->set);
	lb_put_int(to, "expires", w->expires);
	lb_put_str(to, "by", elsewhere ? w->by : by);
	lb_put_str(to, "reason", w->reason);
}

/* What is over by our clock is told as it was: the other node has a clock, too, and one of them may be wrong. */
static json_t *tell_one(const struct word *w, const struct overrides *o, const char *self)
{
	const struct override *ov = overrides_find(o, w->object);
	struct lb_members to = { json_object(), false };
	lb_put_str(&to, "object", w->object);
	lb_put_str(&to, "item", kinds[w->kind]);
	lb_put_int(&to, "stamp", w->stamp);
	if (w->over || (!w->gone && ov && item_of(ov, w->kind)->set))
		put_item(&to, w, self);
	else
		lb_put_bool(&to, "gone", true);
	if (w->over)
		lb_put_bool(&to, "over", true);
	return lb_members_end(&to);
}

json_t *override_words_tell(
	const struct override_words *ws, const struct overrides *o, const char *object, const char *self)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ws->v.n; i++) {
		const struct word *w = &ws->v.v[i];
		if ((!object || strcmp(w->object, object) == 0) && !lb_list_add(list, tell_one(w, o, self)))
			return NULL;
	}
	return list;
}

/* ---- of the other node ---- */

/* A word as it came. */
struct heard {
	struct word w;
	struct override value; /* that item of it: what it says, not by whom */
};

static bool weight_read(const char *s, struct heard *h)
{
	struct lb_weight w;
	if (lb_weight_parse(s, &w) || w.kind == LB_WEIGHT_AUTO)
		return false;
	h->value.weight_kind = w.kind == LB_WEIGHT_SHARE ? OVERRIDE_WEIGHT_PERCENT : OVERRIDE_WEIGHT_VALUE;
	h->value.weight = w.value;
	return w.value <= (w.kind == LB_WEIGHT_SHARE ? PERCENT_MAX : CONFIG_WEIGHT_MAX);
}

static void value_read(struct lb_fields *f, struct heard *h)
{
	lb_field_text(f, "value", h->w.value, sizeof(h->w.value));
	switch (h->w.kind) {
	case OVERRIDE_STATE:
		h->value.state = (enum config_state)lb_field_word(f, "value", config_states, CONFIG_STATE_COUNT);
		break;
	case OVERRIDE_WEIGHT: f->bad |= !weight_read(h->w.value, h); break;
	case OVERRIDE_FORCE:
		h->value.force = (enum override_force)lb_field_word(f, "value", override_forces, OVERRIDE_FORCE_COUNT);
		break;
	case OVERRIDE_PRIO: break;
	}
	h->w.set = lb_field_int(f, "set", 0, STAMP_MAX);
	h->w.expires = lb_field_int(f, "expires", 0, STAMP_MAX);
	lb_field_line(f, "by", h->w.by, sizeof(h->w.by));
	lb_field_line(f, "reason", h->w.reason, sizeof(h->w.reason));
	h->w.by_wall = true;
}

static bool heard_read(const json_t *j, struct heard *h)
{
	struct lb_fields f = { j, false };
	char service[64], backend[64];
	memset(h, 0, sizeof(*h));
	lb_field_text(&f, "object", h->w.object, sizeof(h->w.object));
	h->w.kind = (enum override_kind)lb_field_word(&f, "item", kinds, KINDS);
	h->w.stamp = lb_field_int(&f, "stamp", 1, STAMP_MAX);
	h->w.gone = lb_field_has(&f, "gone");
	if (!h->w.gone)
		value_read(&f, h);
	if (override_service(h->w.object))
		f.bad |= h->w.kind != OVERRIDE_STATE || !h->w.object[strlen(OVERRIDE_SERVICE)];
	else
		f.bad |= lb_backend_parse(h->w.object, service, backend) != 0;
	return !f.bad;
}

/* Of words of one time the end of an override is more than it, unless that end is the opinion of a clock alone: it is
 * less than an override that holds still, which so can come back to a node whose clock was wrong. */
static int rank(const struct word *w)
{
	return !w->gone ? 1 : w->over ? 0 : 2;
}

/* Whether a replaces b. Both nodes must decide alike, and where nothing else tells the order of the words is as good as
 * any. */
static bool is_newer(const struct word *a, const struct word *b)
{
	if (a->stamp != b->stamp)
		return a->stamp > b->stamp;
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
	return !a->gone && strcmp(a->value, b->value) > 0;
}

/* As if it had been said here at that time: what is left of it is what is left there. */
static struct override_who said_then(const struct override_item *it, const struct override_merge *m)
{
	return (struct override_who){ it->by, it->reason, it->set_wall_ms,
		lb_time_add_ms(m->now, it->set_wall_ms - m->wall_ms),
		it->expires_wall_ms ? it->expires_wall_ms - it->set_wall_ms : 0, it->by_wall };
}

static int item_put(struct overrides *o, const char *object, enum override_kind kind, const struct override *value,
	const struct override_who *who)
{
	switch (kind) {
	case OVERRIDE_STATE: return overrides_set_state(o, object, value->state, who);
	case OVERRIDE_WEIGHT: return overrides_set_weight(o, object, value->weight_kind, value->weight, who);
	case OVERRIDE_FORCE: return overrides_set_force(o, object, value->force, who);
	case OVERRIDE_PRIO: break;
	}
	return 0;
}

static int heard_put(struct overrides *o, struct heard *h, const struct override_merge *m)
{
	const struct override_item it = { .set_wall_ms = h->w.set,
		.expires_wall_ms = h->w.expires,
		.by_wall = true,
		.by = h->w.by,
		.reason = h->w.reason };
	const struct override_who who = said_then(&it, m);
	return item_put(o, h->w.object, h->w.kind, &h->value, &who);
}

/* Whether there was one: there may be no word of it (OVERRIDE_WORDS_MAX), and whoever holds it must hear of it. */
static bool item_clear(struct overrides *o, const struct word *w)
{
	switch (w->kind) {
	case OVERRIDE_STATE: return overrides_clear_state(o, w->object);
	case OVERRIDE_WEIGHT: return overrides_clear_weight(o, w->object);
	case OVERRIDE_FORCE: return overrides_clear_force(o, w->object);
	case OVERRIDE_PRIO: break;
	}
	return false;
}

int override_words_merge(struct override_words *ws, struct overrides *o, const json_t *word,
	const struct override_merge *m, const char **object)
{
	struct heard h;
	if (!heard_read(word, &h) || (!h.w.gone && h.w.expires && h.w.expires < h.w.set))
		return -EBADMSG;
	*object = json_string_value(json_object_get(word, "object"));
	if (!h.w.gone && h.w.expires && h.w.expires <= m->wall_ms)
		h.w.gone = h.w.over = true; /* it is over here, at least */
	if (!m->known(h.w.object, m->arg))
		return 0;
	struct word *w = place_of(ws, h.w.object, h.w.kind);
	if (!w)
		return ws->v.n < OVERRIDE_WORDS_MAX ? -ENOMEM : -ENOSPC;
	if (!is_newer(&h.w, w))
		return 0;
	if (!h.w.gone && heard_put(o, &h, m))
		return -ENOMEM;
	bool was = !w->gone;
	set_gone(ws, w, h.w.gone);
	*w = h.w;
	bool cleared = h.w.gone && item_clear(o, w);
	return !h.w.gone || was || cleared;
}

/* ---- of the disk, late ---- */

struct backing {
	const struct override_words *ws;
	struct overrides *o;
	const struct override_merge *m;
	void (*fn)(const char *object, void *arg);
	void *arg;
	int err;
};

/* There are words of some only, and of an instance none: what was set meanwhile is newer. */
static void one_back(const struct override *ov, void *arg)
{
	struct backing *back = arg;
	struct overrides *o = back->o;
	bool any = false;
	const struct override *is = overrides_find(o, ov->object);
	int err = 0;
	for (enum override_kind k = OVERRIDE_STATE; k < KINDS && !err; k++) {
		const struct override_item *it = item_of(ov, k);
		if (!it->set || (is && item_of(is, k)->set) || find(back->ws, ov->object, k))
			continue;
		const struct override_who who = said_then(it, back->m);
		err = item_put(o, ov->object, k, ov, &who);
		any |= !err;
	}
	if (!err && ov->prio_item.set && !(is && is->prio_item.set)) {
		const struct override_who who = said_then(&ov->prio_item, back->m);
		err = overrides_set_prio(o, ov->object, ov->prio, &who);
		any |= !err;
	}
	back->err = err ? err : back->err;
	if (any)
		back->fn(ov->object, back->arg);
}

int override_words_back(struct override_words *ws, struct overrides *o, const struct override_words *words,
	const struct overrides *from, const struct override_merge *m, void (*fn)(const char *object, void *arg),
	void *arg)
{
	struct backing back = { ws, o, m, fn, arg, 0 };
	json_t *one, *list = override_words_tell(words, from, NULL, "");
	size_t i;
	const char *object;
	if (!list)
		return -ENOMEM;
	json_array_foreach (list, i, one) {
		int r = override_words_merge(ws, o, one, m, &object);
		if (r > 0)
			fn(object, arg);
		else if (r == -ENOMEM)
			back.err = r;
	}
	json_decref(list);
	if (!back.err)
		overrides_each(from, one_back, &back);
	return back.err;
}

void override_words_prune(
	struct override_words *ws, bool (*held)(const char *object, void *arg), void *arg, int64_t wall_ms)
{
	lb_vec_foreach (w, &ws->v) {
		int64_t age = wall_ms - w->stamp;
		if (w->gone ? age > INT64_C(86400000) * OVERRIDE_GONE_DAYS : !held(w->object, arg))
			w->stamp = 0;
	}
	keep_stamped(ws);
	if (ws->gone > OVERRIDE_GONE_MAX) {
		mark_oldest(ws, ws->gone - OVERRIDE_GONE_MAX);
		keep_stamped(ws);
	}
	index_all(ws);
}

json_t *override_words_to_json(const struct override_words *ws)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ws->v.n; i++) {
		const struct word *w = &ws->v.v[i];
		struct lb_members to = { json_object(), false };
		lb_put_str(&to, "object", w->object);
		lb_put_str(&to, "item", kinds[w->kind]);
		lb_put_int(&to, "stamp", w->stamp);
		lb_put_str(&to, "value", w->gone && !w->over ? "" : w->value);
		lb_put_int(&to, "set", w->set);
		lb_put_int(&to, "expires", w->expires);
		lb_put_str(&to, "by", w->by);
		lb_put_str(&to, "reason", w->reason);
		if (w->over)
			lb_put_bool(&to, "over", true);
		if (!lb_list_add(list, lb_members_end(&to)))
			return NULL;
	}
	return list;
}

/* A text that is none is missing; the word counts all the same. */
static void text_read(const json_t *word, const char *key, char *out, size_t max)
{
	struct lb_fields f = { word, false };
	if (lb_field_has(&f, key))
		lb_field_line(&f, key, out, max);
	if (f.bad)
		out[0] = '\0';
}

void override_words_from_json(struct override_words *ws, const json_t *list)
{
	size_t i;
	const json_t *one;
	json_array_foreach (list, i, one) {
		struct lb_fields f = { one, false };
		struct word got = { .kind = OVERRIDE_STATE };
		lb_field_text(&f, "object", got.object, sizeof(got.object));
		got.kind = (enum override_kind)lb_field_word(&f, "item", kinds, KINDS);
		got.stamp = lb_field_int(&f, "stamp", 1, STAMP_MAX);
		lb_field_text(&f, "value", got.value, sizeof(got.value));
		got.set = lb_field_int(&f, "set", 0, STAMP_MAX);
		got.expires = lb_field_int(&f, "expires", 0, STAMP_MAX);
		got.over = got.value[0] && lb_field_has(&f, "over");
		got.gone = got.over || !got.value[0];
		got.by_wall = true;
		text_read(one, "by", got.by, sizeof(got.by));
		text_read(one, "reason", got.reason, sizeof(got.reason));
		struct word *w = f.bad || !got.object[0] ? NULL : place_of(ws, got.object, got.kind);
		if (w) {
			set_gone(ws, w, got.gone);
			*w = got;
		}
	}
}

const char *override_word_value(const json_t *word, char buf[24])
{
	const char *value = json_string_value(json_object_get(word, "value"));
	if (!value || json_object_get(word, "gone") || json_object_get(word, "over"))
		return NULL;
	snprintf(buf, VALUE_MAX, "%s", value);
	return buf;
}
