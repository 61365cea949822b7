/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1 /* uthash would end the process when memory runs out */
#include "lbd/override.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERCENT_MAX   1000
#define PRIO_MAX      254
#define FOR_MS_MAX    (INT64_MAX / 1000 / 4) /* a file may hold any time; microseconds of it must not overflow */
#define CLOCK_STEP_MS 1000

/* A person sets tens of them, a script one for each backend; and each backend is looked up in every new model. */
struct overrides {
	struct override *head; /* uthash by object: a list in the order of setting, too */
	bool clocked;
	int64_t ahead_ms;    /* the wall clock, of the one of deadlines */
	struct lb_time next; /* no deadline is before it; one that was taken away may have been */
};

struct overrides *overrides_new(void)
{
	struct overrides *o = calloc(1, sizeof(*o));
	if (o)
		o->next = LB_TIME_NEVER;
	return o;
}

static void item_clear(struct override_item *it)
{
	free(it->by);
	free(it->reason);
	*it = (struct override_item){ 0 };
}

/* Everything an object may have, for what is done to all of them alike. */
#define ITEMS 4
static struct override_item *item_of(struct override *ov, size_t i)
{
	struct override_item *const items[ITEMS] = { &ov->state_item, &ov->weight_item, &ov->force_item,
		&ov->prio_item };
	return items[i];
}

static bool has_any(const struct override *ov)
{
	return ov->state_item.set || ov->weight_item.set || ov->force_item.set || ov->prio_item.set;
}

static void items_clear(struct override *ov)
{
	for (size_t i = 0; i < ITEMS; i++)
		item_clear(item_of(ov, i));
}

static void override_free(struct override *ov)
{
	items_clear(ov);
	free(ov->object);
	free(ov);
}

static void drop(struct overrides *o, struct override *ov)
{
	HASH_DEL(o->head, ov); /* NOLINT(clang-analyzer-*): it does not see that ov is in the table */
	override_free(ov);
}

void overrides_free(struct overrides *o)
{
	if (!o)
		return;
	struct override *ov, *next;
	HASH_ITER (hh, o->head, ov, next)
		drop(o, ov);
	free(o);
}

size_t overrides_count(const struct overrides *o)
{
	return HASH_COUNT(o->head);
}

static struct override *find(const struct overrides *o, const char *object)
{
	struct override *ov;
	HASH_FIND_STR(o->head, object, ov);
	return ov;
}

const struct override *overrides_find(const struct overrides *o, const char *object)
{
	/* while overrides_expire tells of an object that lost its last item, it is still in the list but about to go */
	const struct override *ov = find(o, object);
	return ov && has_any(ov) ? ov : NULL;
}

static struct override *get(struct overrides *o, const char *object)
{
	struct override *ov = find(o, object);
	if (ov)
		return ov;
	ov = calloc(1, sizeof(*ov));
	if (!ov || !(ov->object = strdup(object))) {
		free(ov);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, o->head, ov->object, strlen(ov->object), ov);
	if (!ov->hh.tbl) { /* how uthash tells of no memory */
		override_free(ov);
		return NULL;
	}
	return ov;
}

static void unlink_empty(struct overrides *o)
{
	struct override *ov, *next;
	HASH_ITER (hh, o->head, ov, next)
		if (!has_any(ov))
			drop(o, ov);
}

static struct lb_time deadline_in(int64_t left_ms, struct lb_time now)
{
	return left_ms < FOR_MS_MAX ? lb_time_add_ms(now, left_ms) : LB_TIME_NEVER;
}

static int item_set(struct overrides *o, struct override_item *it, const struct override_who *who)
{
	char *by = strdup(who->by ? who->by : "");
	char *reason = strdup(who->reason ? who->reason : "");
	if (!by || !reason) {
		free(by);
		free(reason);
		return -ENOMEM;
	}
	item_clear(it);
	*it = (struct override_item){
		.set = true,
		.set_wall_ms = who->wall_ms,
		.expires_wall_ms = who->for_ms ? who->wall_ms + who->for_ms : 0,
		.deadline = who->for_ms ? deadline_in(who->for_ms, who->now) : LB_TIME_NEVER,
		.by_wall = who->by_wall,
		.by = by,
		.reason = reason,
	};
	o->next = lb_time_min(o->next, it->deadline);
	return 0;
}

int overrides_set_state(
	struct overrides *o, const char *object, enum config_state state, const struct override_who *who)
{
	struct override *ov = get(o, object);
	if (!ov || item_set(o, &ov->state_item, who)) {
		unlink_empty(o);
		return -ENOMEM;
	}
	ov->state = state;
	return 0;
}

int overrides_set_weight(struct overrides *o, const char *object, enum override_weight kind, uint32_t weight,
	const struct override_who *who)
{
	struct override *ov = get(o, object);
	if (!ov || item_set(o, &ov->weight_item, who)) {
		unlink_empty(o);
		return -ENOMEM;
	}
	ov->weight_kind = kind;
	ov->weight = weight;
	return 0;
}

int overrides_set_force(
	struct overrides *o, const char *object, enum override_force force, const struct override_who *who)
{
	struct override *ov = get(o, object);
	if (!ov || item_set(o, &ov->force_item, who)) {
		unlink_empty(o);
		return -ENOMEM;
	}
	ov->force = force;
	return 0;
}

int overrides_set_prio(struct overrides *o, const char *object, uint8_t prio, const struct override_who *who)
{
	struct override *ov = get(o, object);
	if (!ov || item_set(o, &ov->prio_item, who)) {
		unlink_empty(o);
		return -ENOMEM;
	}
	ov->prio = prio;
	return 0;
}

static bool clear_item(struct overrides *o, struct override *ov, struct override_item *it)
{
	bool was = it->set;
	item_clear(it);
	if (!has_any(ov))
		drop(o, ov);
	return was;
}

bool overrides_clear_state(struct overrides *o, const char *object)
{
	struct override *ov = find(o, object);
	return ov && clear_item(o, ov, &ov->state_item);
}

bool overrides_clear_weight(struct overrides *o, const char *object)
{
	struct override *ov = find(o, object);
	return ov && clear_item(o, ov, &ov->weight_item);
}

bool overrides_clear_force(struct overrides *o, const char *object)
{
	struct override *ov = find(o, object);
	return ov && clear_item(o, ov, &ov->force_item);
}

bool overrides_clear_prio(struct overrides *o, const char *object)
{
	struct override *ov = find(o, object);
	return ov && clear_item(o, ov, &ov->prio_item);
}

const char *override_vrrp(const char *object)
{
	size_t n = strlen(OVERRIDE_VRRP);
	return strncmp(object, OVERRIDE_VRRP, n) == 0 ? object + n : NULL;
}

const char *override_service(const char *object)
{
	size_t n = strlen(OVERRIDE_SERVICE);
	return strncmp(object, OVERRIDE_SERVICE, n) == 0 ? object + n : NULL;
}

const char *override_label(const char *object, char out[OVERRIDE_LABEL_MAX])
{
	const char *vrrp = override_vrrp(object), *service = override_service(object);
	snprintf(out, OVERRIDE_LABEL_MAX, "%s/%.140s",
		vrrp      ? "vrrp"
		: service ? "service"
			  : "backend",
		vrrp      ? vrrp
		: service ? service
			  : object);
	return out;
}

static const struct {
	const char *kind, *key;
	size_t item;
	const char *object; /* in front of the name */
} hiding[] = {
	{ "backend/", "state", offsetof(struct override, state_item), "" },
	{ "backend/", "weight", offsetof(struct override, weight_item), "" },
	{ "vrrp/", "priority", offsetof(struct override, prio_item), OVERRIDE_VRRP },
};

const struct override_item *overrides_hide(const struct overrides *o, const char *object, const char *key)
{
	char name[160];
	for (size_t i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++) {
		size_t n = strlen(hiding[i].kind);
		if (strcmp(key, hiding[i].key) != 0 || strncmp(object, hiding[i].kind, n) != 0)
			continue;
		snprintf(name, sizeof(name), "%s%s", hiding[i].object, object + n);
		const struct override *ov = overrides_find(o, name);
		const struct override_item *it = ov ? (const void *)((const char *)ov + hiding[i].item) : NULL;
		return it && it->set ? it : NULL;
	}
	return NULL;
}

static bool due(const struct override_item *it, struct lb_time now)
{
	return it->set && lb_time_cmp(it->deadline, now) <= 0;
}

static struct lb_time earliest(struct lb_time t, const struct override_item *it)
{
	return it->set ? lb_time_min(t, it->deadline) : t;
}

struct lb_time overrides_expire(struct overrides *o, struct lb_time now, override_fn *fn, void *arg)
{
	/* asked after each change, of which there may be thousands in a turn */
	if (lb_time_cmp(now, o->next) < 0)
		return o->next;
	o->next = LB_TIME_NEVER;
	for (struct override *ov = o->head; ov; ov = ov->hh.next) {
		bool any = false;
		for (size_t i = 0; i < ITEMS; i++) {
			struct override_item *it = item_of(ov, i);
			if (due(it, now)) {
				item_clear(it);
				any = true;
			}
			o->next = earliest(o->next, it);
		}
		if (any)
			fn(ov, arg);
	}
	unlink_empty(o);
	return o->next;
}

static int64_t ahead_of(int64_t wall_ms, struct lb_time now)
{
	return wall_ms - now.us / 1000;
}

static void item_clock(struct override_item *it, int64_t step_ms, int64_t wall_ms, struct lb_time now)
{
	if (!it->set || !it->expires_wall_ms)
		return;
	if (it->by_wall) {
		it->deadline = deadline_in(it->expires_wall_ms - wall_ms, now);
		return;
	}
	it->set_wall_ms += step_ms;
	it->expires_wall_ms += step_ms;
}

bool overrides_clock(struct overrides *o, int64_t wall_ms, struct lb_time now)
{
	int64_t ahead_ms = ahead_of(wall_ms, now), step_ms = ahead_ms - o->ahead_ms;
	bool first = !o->clocked;
	if (!first && llabs(step_ms) < CLOCK_STEP_MS) /* it is slewed, too */
		return false;
	o->clocked = true;
	o->ahead_ms = ahead_ms;
	if (first)
		return false;
	o->next = LB_TIME_NEVER;
	for (struct override *ov = o->head; ov; ov = ov->hh.next)
		for (size_t i = 0; i < ITEMS; i++) {
			item_clock(item_of(ov, i), step_ms, wall_ms, now);
			o->next = earliest(o->next, item_of(ov, i));
		}
	return true;
}

void overrides_each(const struct overrides *o, override_fn *fn, void *arg)
{
	for (const struct override *ov = o->head; ov; ov = ov->hh.next)
		fn(ov, arg);
}

void overrides_prune(struct overrides *o, bool (*keep)(const char *object, void *arg), override_fn *dropped, void *arg)
{
	for (struct override *ov = o->head; ov; ov = ov->hh.next) {
		if (keep(ov->object, arg))
			continue;
		dropped(ov, arg);
		items_clear(ov);
	}
	unlink_empty(o);
}

/* ---- the form on disk ---- */

const char *const override_forces[OVERRIDE_FORCE_COUNT] = { "up", "down" };

/* The place of a word, -1 when it is none of them. */
static int word_index(const json_t *value, const char *const *words, int n)
{
	const char *word = json_string_value(value);
	for (int i = 0; word && i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

static json_t *item_to_json(const struct override_item *it)
{
	return json_pack("{s:I, s:I, s:s, s:s}", "set_ms", (json_int_t)it->set_wall_ms, "expires_ms",
		(json_int_t)it->expires_wall_ms, "by", it->by, "reason", it->reason);
}

/* Setting into NULL fails and setting NULL fails, so one test at the end is enough: an override that cannot be written
 * must not be missing from the file in silence. */
static json_t *override_to_json(const struct override *ov)
{
	json_t *j = json_pack("{s:s}", "object", ov->object);
	int bad = !j;
	if (ov->state_item.set) {
		json_t *it = item_to_json(&ov->state_item);
		bad |= json_object_set_new(it, "value", json_string(config_states[ov->state]));
		bad |= json_object_set_new(j, "state", it);
	}
	if (ov->weight_item.set) {
		json_t *it = item_to_json(&ov->weight_item);
		bad |= json_object_set_new(it, "value", json_integer(ov->weight));
		bad |= json_object_set_new(it, "percent", json_boolean(ov->weight_kind == OVERRIDE_WEIGHT_PERCENT));
		bad |= json_object_set_new(j, "weight", it);
	}
	if (ov->force_item.set) {
		json_t *it = item_to_json(&ov->force_item);
		bad |= json_object_set_new(it, "value", json_string(override_forces[ov->force]));
		bad |= json_object_set_new(j, "force", it);
	}
	if (ov->prio_item.set) {
		json_t *it = item_to_json(&ov->prio_item);
		bad |= json_object_set_new(it, "value", json_integer(ov->prio));
		bad |= json_object_set_new(j, "priority", it);
	}
	if (!bad)
		return j;
	json_decref(j);
	return NULL;
}

json_t *overrides_to_json(const struct overrides *o)
{
	json_t *list = json_array();
	for (const struct override *ov = o->head; ov; ov = ov->hh.next)
		if (json_array_append_new(list, override_to_json(ov))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:i, s:o}", "version", OVERRIDES_VERSION, "overrides", list);
}

struct reading {
	int64_t wall_ms;
	struct lb_time now;
	struct lb_err *e;
};

/* 1 read, 0 over already, -1 and *e. */
static int item_from_json(const json_t *j, const struct reading *rd, struct override_who *who)
{
	json_int_t set = 0, expires = 0;
	const char *by = NULL, *reason = NULL;
	json_error_t err;
	/* json_unpack_ex only reads, but its prototype is not const */
	if (json_unpack_ex((json_t *)(uintptr_t)j, &err, 0, "{s:I, s:I, s:s, s:s}", "set_ms", &set, "expires_ms",
		    &expires, "by", &by, "reason", &reason))
		return lb_err_set(rd->e,
			json_error_code(&err) == json_error_out_of_memory ? LB_CODE_FAILED : LB_CODE_INVALID, "%s",
			err.text);
	if (set < 0 || expires < 0)
		return lb_err_set(rd->e, LB_CODE_INVALID, "a time is negative");
	if (expires && expires <= rd->wall_ms)
		return 0;
	*who = (struct override_who){ by, reason, rd->wall_ms, rd->now, expires ? expires - rd->wall_ms : 0, true };
	return 1;
}

static int state_from_json(struct overrides *o, const char *object, const json_t *j, const struct reading *rd)
{
	struct override_who who;
	int state = word_index(json_object_get(j, "value"), config_states, CONFIG_STATE_COUNT);
	if (state < 0)
		return lb_err_set(rd->e, LB_CODE_INVALID, "'%s': no such state", object);
	int r = item_from_json(j, rd, &who);
	if (r <= 0)
		return r;
	if (overrides_set_state(o, object, (enum config_state)state, &who))
		return lb_err_set(rd->e, LB_CODE_FAILED, "out of memory");
	find(o, object)->state_item.set_wall_ms = json_integer_value(json_object_get(j, "set_ms"));
	return 0;
}

static int weight_from_json(struct overrides *o, const char *object, const json_t *j, const struct reading *rd)
{
	struct override_who who;
	const json_t *value = json_object_get(j, "value");
	json_int_t w = json_integer_value(value);
	enum override_weight kind =
		json_is_true(json_object_get(j, "percent")) ? OVERRIDE_WEIGHT_PERCENT : OVERRIDE_WEIGHT_VALUE;
	unsigned max = kind == OVERRIDE_WEIGHT_PERCENT ? PERCENT_MAX : CONFIG_WEIGHT_MAX;
	if (!json_is_integer(value) || w < 0 || w > (json_int_t)max)
		return lb_err_set(rd->e, LB_CODE_INVALID, "'%s': the weight is outside 0..%u", object, max);
	int r = item_from_json(j, rd, &who);
	if (r <= 0)
		return r;
	if (overrides_set_weight(o, object, kind, (uint32_t)w, &who))
		return lb_err_set(rd->e, LB_CODE_FAILED, "out of memory");
	find(o, object)->weight_item.set_wall_ms = json_integer_value(json_object_get(j, "set_ms"));
	return 0;
}

static int force_from_json(struct overrides *o, const char *object, const json_t *j, const struct reading *rd)
{
	struct override_who who;
	int force = word_index(json_object_get(j, "value"), override_forces, OVERRIDE_FORCE_COUNT);
	if (force < 0)
		return lb_err_set(rd->e, LB_CODE_INVALID, "'%s': forced to what?", object);
	int r = item_from_json(j, rd, &who);
	if (r <= 0)
		return r;
	if (overrides_set_force(o, object, (enum override_force)force, &who))
		return lb_err_set(rd->e, LB_CODE_FAILED, "out of memory");
	find(o, object)->force_item.set_wall_ms = json_integer_value(json_object_get(j, "set_ms"));
	return 0;
}

static int prio_from_json(struct overrides *o, const char *object, const json_t *j, const struct reading *rd)
{
	struct override_who who;
	const json_t *value = json_object_get(j, "value");
	json_int_t prio = json_integer_value(value);
	if (!json_is_integer(value) || prio < 1 || prio > PRIO_MAX)
		return lb_err_set(rd->e, LB_CODE_INVALID, "'%s': the priority is outside 1..%d", object, PRIO_MAX);
	int r = item_from_json(j, rd, &who);
	if (r <= 0)
		return r;
	if (overrides_set_prio(o, object, (uint8_t)prio, &who))
		return lb_err_set(rd->e, LB_CODE_FAILED, "out of memory");
	find(o, object)->prio_item.set_wall_ms = json_integer_value(json_object_get(j, "set_ms"));
	return 0;
}

static int read_all(struct overrides *o, const json_t *j, const struct reading *rd)
{
	const json_t *list = json_object_get(j, "overrides"), *one;
	size_t i;
	json_int_t version = json_integer_value(json_object_get(j, "version"));
	if (version != OVERRIDES_VERSION)
		return lb_err_set(rd->e, LB_CODE_INVALID, "version %lld: this lbd reads version %d", (long long)version,
			OVERRIDES_VERSION);
	if (!json_is_array(list))
		return lb_err_set(rd->e, LB_CODE_INVALID, "no list of overrides");
	json_array_foreach (list, i, one) {
		const char *object = json_string_value(json_object_get(one, "object"));
		const json_t *state = json_object_get(one, "state"), *weight = json_object_get(one, "weight"),
			     *force = json_object_get(one, "force"), *prio = json_object_get(one, "priority");
		if (!object || strlen(object) > 127)
			return lb_err_set(rd->e, LB_CODE_INVALID, "entry %zu names no object", i);
		if ((state && state_from_json(o, object, state, rd)) ||
			(weight && weight_from_json(o, object, weight, rd)) ||
			(force && force_from_json(o, object, force, rd)) ||
			(prio && prio_from_json(o, object, prio, rd)))
			return -1;
	}
	return 0;
}

struct overrides *overrides_from_json(const json_t *j, int64_t wall_ms, struct lb_time now, struct lb_err *e)
{
	struct overrides *o = overrides_new();
	struct reading rd = { wall_ms, now, e };
	if (!o) {
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
		return NULL;
	}
	(void)overrides_clock(o, wall_ms, now);
	if (read_all(o, j, &rd)) {
		overrides_free(o);
		return NULL;
	}
	return o;
}
