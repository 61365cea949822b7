/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two nodes that tell each other what operators said: whatever the order, the clocks and who was away, both hold the
 * same in the end. */
#include "lbd/override_word.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL INT64_C(1790000000000)

struct node {
	const char *name;
	struct overrides *o;
	struct override_words *ws;
	int64_t ahead_ms; /* of its clock */
	bool knows_app2, knows_any;
};

static struct node a, b;
static int64_t now_ms; /* true time since WALL */

static int64_t wall(const struct node *x)
{
	return WALL + now_ms + x->ahead_ms;
}

static struct lb_time mono(void)
{
	return (struct lb_time){ (1000 + now_ms) * 1000 };
}

static bool known(const char *object, void *arg)
{
	const struct node *x = arg;
	return x->knows_any || strcmp(object, "web/app1") == 0 || strcmp(object, "service:web") == 0 ||
	       (x->knows_app2 && strcmp(object, "web/app2") == 0);
}

static void none(const struct override *ov, void *arg)
{
	(void)ov, (void)arg;
}

static void expire(struct node *x)
{
	(void)overrides_clock(x->o, wall(x), mono());
	(void)overrides_expire(x->o, mono(), none, NULL);
	(void)override_words_look(x->ws, x->o, wall(x));
}

static struct override_who who(const struct node *x, int64_t for_ms)
{
	return (struct override_who){ strcmp(x->name, "lb-a") == 0 ? "alice" : "bob", "why", wall(x), mono(), for_ms,
		false };
}

static void drain(struct node *x, const char *object, enum config_state state, int64_t for_ms)
{
	struct override_who w = who(x, for_ms);
	ck_assert_int_eq(overrides_set_state(x->o, object, state, &w), 0);
	ck_assert(override_words_said(x->ws, x->o, object, OVERRIDE_STATE, wall(x)));
	ck_assert(!override_words_said(x->ws, x->o, object, OVERRIDE_STATE, wall(x)));
}

static void enable(struct node *x, const char *object)
{
	(void)overrides_clear_state(x->o, object);
	(void)override_words_said(x->ws, x->o, object, OVERRIDE_STATE, wall(x));
}

static int merge(struct node *x, const json_t *word)
{
	const char *object;
	const struct override_merge m = { known, x, wall(x), mono() };
	return override_words_merge(x->ws, x->o, word, &m, &object);
}

/* What x has goes to y. Returns how much of it was new. */
static unsigned tell(struct node *x, struct node *y)
{
	size_t i;
	json_t *one, *words = override_words_tell(x->ws, x->o, NULL, x->name);
	unsigned n = 0;
	ck_assert_ptr_nonnull(words);
	json_array_foreach (words, i, one) {
		int r = merge(y, one);
		ck_assert_int_ge(r, 0);
		n += (unsigned)r;
	}
	json_decref(words);
	ck_assert_uint_eq(override_words_look(y->ws, y->o, wall(y)), 0); /* no echo */
	return n;
}

static const char *state(const struct node *x, const char *object)
{
	static const char *const words[] = { "enabled", "drain", "maint" };
	const struct override *ov = overrides_find(x->o, object);
	return ov && ov->state_item.set ? words[ov->state] : "-";
}

static void begin(struct node *x, const char *name)
{
	*x = (struct node){ name, overrides_new(), override_words_new(), 0, true, false };
	ck_assert(x->o && x->ws);
}

static void end(struct node *x)
{
	overrides_free(x->o);
	override_words_free(x->ws);
}

static void setup(void)
{
	now_ms = 0;
	begin(&a, "lb-a");
	begin(&b, "lb-b");
}

static void teardown(void)
{
	end(&a);
	end(&b);
}

/* As from the disk. */
static void restart(struct node *x)
{
	struct lb_err e = { 0 };
	json_t *o = overrides_to_json(x->o), *w = override_words_to_json(x->ws);
	end(x);
	x->o = overrides_from_json(o, wall(x), mono(), &e);
	x->ws = override_words_new();
	ck_assert_msg(x->o && x->ws && w, "%s", e.text);
	override_words_from_json(x->ws, w);
	(void)override_words_look(x->ws, x->o, wall(x));
	json_decref(o);
	json_decref(w);
}

START_TEST(it_holds_on_both)
{
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 60000);
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_uint_eq(tell(&a, &b), 0); /* the same again is no news */
	ck_assert_uint_eq(tell(&b, &a), 0);
	const struct override *ov = overrides_find(b.o, "web/app1");
	ck_assert_str_eq(state(&b, "web/app1"), "drain");
	ck_assert_str_eq(ov->state_item.by, "alice@lb-a");
	ck_assert_str_eq(ov->state_item.reason, "why");
	ck_assert_int_eq(ov->state_item.expires_wall_ms, WALL + 60000);
	ck_assert_str_eq(overrides_find(a.o, "web/app1")->state_item.by, "alice");
	now_ms = 59000;
	expire(&b);
	ck_assert_str_eq(state(&b, "web/app1"), "drain");
	now_ms = 60001;
	expire(&b);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

START_TEST(what_was_taken_away_stays_away)
{
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 0);
	tell(&a, &b);
	now_ms = 1000; /* b is away */
	enable(&a, "web/app1");
	restart(&a);
	restart(&b);
	now_ms = 2000;
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&a, "web/app1"), "-");
	ck_assert_str_eq(state(&b, "web/app1"), "-");
	/* one that was said later is more than that */
	now_ms = 3000;
	drain(&b, "web/app1", CONFIG_STATE_MAINT, 0);
	ck_assert_uint_eq(tell(&b, &a), 1);
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_str_eq(state(&a, "web/app1"), "maint");
}
END_TEST

static void maint_why(struct node *x, const char *why, int64_t for_ms)
{
	struct override_who w = who(x, for_ms);
	w.reason = why;
	ck_assert_int_eq(overrides_set_state(x->o, "web/app1", CONFIG_STATE_MAINT, &w), 0);
	ck_assert(override_words_said(x->ws, x->o, "web/app1", OVERRIDE_STATE, wall(x)));
}

/* What was taken away is remembered, whatever had been its reason. */
START_TEST(a_reason_in_any_language)
{
	maint_why(&a, "why", 0);
	tell(&a, &b);
	now_ms = 1000; /* b is away */
	maint_why(&a, "f\xc3\xbcr den Umbau", 0);
	enable(&a, "web/app1");
	restart(&a);
	(void)tell(&b, &a);
	(void)tell(&a, &b);
	ck_assert_str_eq(state(&a, "web/app1"), "-");
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

/* A word of the disk counts also when its texts are none. */
START_TEST(a_text_of_the_disk_that_is_none)
{
	json_t *list = json_pack("[{s:s,s:s,s:I,s:s,s:I,s:i,s:s,s:s}]", "object", "web/app1", "item", "state", "stamp",
		(json_int_t)WALL + 1, "value", "", "set", (json_int_t)WALL, "expires", 0, "by", "\xc2\x9b", "reason",
		"two\nlines");
	ck_assert_ptr_nonnull(list);
	maint_why(&b, "why", 0);
	override_words_from_json(a.ws, list);
	json_decref(list);
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

START_TEST(what_expired_is_not_brought_back_by_what_is_older)
{
	drain(&a, "web/app1", CONFIG_STATE_MAINT, 0);
	tell(&a, &b);
	now_ms = 1000; /* b is away */
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 5000);
	now_ms = 7000;
	expire(&a);
	restart(&a);
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
	/* also when it expired while nobody was there */
	drain(&b, "web/app1", CONFIG_STATE_MAINT, 0);
	tell(&b, &a);
	now_ms = 8000;
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 5000);
	now_ms = 20000;
	restart(&a);
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

START_TEST(what_expired_is_no_word_of_now)
{
	tell(&a, &b);
	now_ms = 1000;
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 5000);
	now_ms = 3000;
	drain(&b, "web/app1", CONFIG_STATE_MAINT, 0); /* they do not hear each other */
	now_ms = 7000;
	expire(&a);
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_uint_eq(tell(&b, &a), 1);
	ck_assert_str_eq(state(&a, "web/app1"), "maint");
}
END_TEST

START_TEST(it_is_over_for_a_clock_that_is_behind_too)
{
	b.ahead_ms = -3000;
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 5000);
	tell(&a, &b);
	now_ms = 6000;
	expire(&a);
	ck_assert_str_eq(state(&b, "web/app1"), "drain");
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

START_TEST(the_last_operator_is_right_whatever_the_clocks_say)
{
	b.ahead_ms = 60000;
	drain(&b, "web/app1", CONFIG_STATE_DRAIN, 0);
	tell(&b, &a);
	now_ms = 1000;
	drain(&a, "web/app1", CONFIG_STATE_MAINT, 0); /* saw what it replaces */
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "maint");
	now_ms = 2000;
	enable(&a, "web/app1");
	restart(&a);
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

START_TEST(both_at_once)
{
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 0);
	drain(&b, "web/app1", CONFIG_STATE_MAINT, 0);
	unsigned n = tell(&a, &b);
	n += tell(&b, &a);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(state(&a, "web/app1"), state(&b, "web/app1"));
	/* another item of the same backend has nothing to do with it */
	struct override_who w = who(&a, 0);
	ck_assert_int_eq(overrides_set_force(a.o, "web/app1", OVERRIDE_FORCE_UP, &w), 0);
	ck_assert_int_eq(overrides_set_weight(a.o, "web/app1", OVERRIDE_WEIGHT_PERCENT, 50, &w), 0);
	ck_assert_int_eq(overrides_set_prio(a.o, "vrrp:wan", 7, &w), 0);
	ck_assert_uint_eq(override_words_look(a.ws, a.o, wall(&a)), 2); /* a priority is no word */
	ck_assert_uint_eq(tell(&a, &b), 2);
	const struct override *ov = overrides_find(b.o, "web/app1");
	ck_assert(ov->force == OVERRIDE_FORCE_UP && ov->weight_kind == OVERRIDE_WEIGHT_PERCENT && ov->weight == 50);
	ck_assert_ptr_null(overrides_find(b.o, "vrrp:wan"));
}
END_TEST

START_TEST(a_backend_that_one_node_has)
{
	b.knows_app2 = false;
	drain(&a, "web/app2", CONFIG_STATE_DRAIN, 0);
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_ptr_null(overrides_find(b.o, "web/app2"));
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_str_eq(state(&a, "web/app2"), "drain");
	b.knows_app2 = true;
	ck_assert_uint_eq(tell(&a, &b), 1);
	/* its configuration lost it: nobody has taken it away */
	b.knows_app2 = false;
	(void)overrides_clear_state(b.o, "web/app2");
	override_words_prune(b.ws, known, &b, wall(&b));
	ck_assert_uint_eq(override_words_look(b.ws, b.o, wall(&b)), 0);
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_str_eq(state(&a, "web/app2"), "drain");
}
END_TEST

/* There was no room for a word of it. Who looks at the override must be told that there is none. */
START_TEST(what_is_taken_away_there_ends_here_also_without_a_word)
{
	struct override_who w = who(&b, 0);
	ck_assert_int_eq(overrides_set_state(b.o, "web/app1", CONFIG_STATE_DRAIN, &w), 0);
	ck_assert_int_eq(overrides_set_weight(b.o, "web/app1", OVERRIDE_WEIGHT_VALUE, 5, &w), 0);
	ck_assert_int_eq(overrides_set_force(b.o, "web/app1", OVERRIDE_FORCE_UP, &w), 0);
	for (size_t i = 0; i < 3; i++) {
		static const char *const items[] = { "state", "weight", "force" };
		json_t *word = json_pack("{s:s, s:s, s:I, s:b}", "object", "web/app1", "item", items[i], "stamp",
			(json_int_t)wall(&a), "gone", 1);
		ck_assert_int_eq(merge(&b, word), 1);
		ck_assert_int_eq(merge(&b, word), 0);
		json_decref(word);
	}
	ck_assert_ptr_null(overrides_find(b.o, "web/app1"));
}
END_TEST

START_TEST(not_for_ever)
{
	char object[64];
	struct override_who w;
	for (int i = 0; i < OVERRIDE_GONE_MAX + 10; i++) {
		now_ms = i / 4; /* several at a time */
		w = who(&a, 0);
		snprintf(object, sizeof(object), "web/n%d", i);
		ck_assert_int_eq(overrides_set_state(a.o, object, CONFIG_STATE_DRAIN, &w), 0);
		(void)override_words_said(a.ws, a.o, object, OVERRIDE_STATE, wall(&a));
		enable(&a, object);
	}
	json_t *words = override_words_to_json(a.ws);
	ck_assert_uint_eq(json_array_size(words), OVERRIDE_GONE_MAX + 10);
	json_decref(words);
	override_words_prune(a.ws, known, &a, wall(&a));
	words = override_words_to_json(a.ws);
	ck_assert_uint_eq(json_array_size(words), OVERRIDE_GONE_MAX);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(words, 0), "object")), "web/n10");
	json_decref(words);
	drain(&a, "web/n20", CONFIG_STATE_DRAIN, 0); /* one of these, and not one more */
	enable(&a, "web/n20");
	words = override_words_to_json(a.ws);
	ck_assert_uint_eq(json_array_size(words), OVERRIDE_GONE_MAX);
	json_decref(words);
	now_ms += INT64_C(86400000) * OVERRIDE_GONE_DAYS + 1000;
	override_words_prune(a.ws, known, &a, wall(&a));
	words = override_words_to_json(a.ws);
	ck_assert_uint_eq(json_array_size(words), 0);
	json_decref(words);
}
END_TEST

/* A drain of each of many backends, one after the other, as by a script that installs something on them: what is over
 * does not take the place of what is said. */
START_TEST(what_is_over_makes_room)
{
	char object[64];
	b.knows_any = true;
	for (int i = 0; i < _i; i++) {
		now_ms = i;
		snprintf(object, sizeof(object), "web/held%d", i);
		drain(&a, object, CONFIG_STATE_MAINT, 0);
	}
	for (int i = 0; i < 2 * (OVERRIDE_WORDS_MAX - _i); i++) {
		now_ms++;
		snprintf(object, sizeof(object), "web/n%d", i);
		drain(&a, object, CONFIG_STATE_DRAIN, 0); /* fails where there is no word */
		ck_assert(!override_words_alone(a.ws, a.o, object, OVERRIDE_STATE));
		enable(&a, object);
	}
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, 0);
	(void)tell(&a, &b);
	ck_assert_str_eq(state(&b, "web/app1"), "drain");
	ck_assert_uint_eq(overrides_count(b.o), (size_t)_i + 1);
	restart(&a);
	ck_assert_str_eq(state(&a, "web/app1"), "drain");
}
END_TEST

/* After a clock was set a node tells itself what it has. */
static unsigned set_clock(struct node *x, int64_t ahead_ms)
{
	size_t i;
	json_t *one, *words;
	unsigned n = 0;
	x->ahead_ms = ahead_ms;
	expire(x);
	words = override_words_tell(x->ws, x->o, NULL, "");
	json_array_foreach (words, i, one)
		n += merge(x, one) == 1;
	json_decref(words);
	return n;
}

#define HOUR INT64_C(3600000)

/* b said it for an hour; a comes up from a reboot a minute later, with a clock that is two hours ahead. */
static void boot_ahead(void)
{
	drain(&b, "web/app1", CONFIG_STATE_MAINT, HOUR);
	tell(&b, &a);
	now_ms = 60000;
	a.ahead_ms = 2 * HOUR;
	restart(&a);
	ck_assert_str_eq(state(&a, "web/app1"), "-");
}

static void ck_until_the_hour(struct node *x)
{
	ck_assert_str_eq(state(x, "web/app1"), "maint");
	now_ms = HOUR - 1;
	expire(x);
	ck_assert_str_eq(state(x, "web/app1"), "maint");
	now_ms = HOUR;
	expire(x);
	ck_assert_str_eq(state(x, "web/app1"), "-");
}

START_TEST(a_boot_with_a_clock_ahead_ends_nothing)
{
	boot_ahead();
	ck_assert_uint_eq(tell(&a, &b), 0); /* the link comes up before the clock is right */
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_str_eq(state(&b, "web/app1"), "maint");
	restart(&a); /* and again */
	ck_assert_uint_eq(set_clock(&a, 0), 1);
	ck_assert_uint_eq(set_clock(&a, 0), 0);
	ck_assert_str_eq(overrides_find(a.o, "web/app1")->state_item.by, "bob@lb-b");
	ck_assert_str_eq(overrides_find(a.o, "web/app1")->state_item.reason, "why");
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_until_the_hour(&a);
	expire(&b);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

START_TEST(the_other_node_knows_what_a_clock_ahead_ended)
{
	boot_ahead();
	a.ahead_ms = 0; /* nobody looked */
	ck_assert_uint_eq(tell(&b, &a), 1);
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_str_eq(state(&b, "web/app1"), "maint");
	ck_until_the_hour(&a);
}
END_TEST

START_TEST(what_was_taken_away_meanwhile_does_not_come_back)
{
	boot_ahead();
	enable(&b, "web/app1");
	ck_assert_uint_eq(tell(&b, &a), 0); /* nothing held there */
	ck_assert_uint_eq(set_clock(&a, 0), 0);
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_str_eq(state(&a, "web/app1"), "-");
	ck_assert_str_eq(state(&b, "web/app1"), "-");
}
END_TEST

/* Where it is over by a clock that is ahead, it can still be ended for both nodes; and nobody speaks of the weight. */
START_TEST(what_is_over_here_can_be_ended_there)
{
	struct override_who w = who(&b, HOUR);
	ck_assert_int_eq(overrides_set_weight(b.o, "web/app1", OVERRIDE_WEIGHT_PERCENT, 50, &w), 0);
	ck_assert(override_words_said(b.ws, b.o, "web/app1", OVERRIDE_WEIGHT, wall(&b)));
	boot_ahead();
	enable(&a, "web/app1");
	ck_assert_uint_eq(tell(&a, &b), 1);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
	ck_assert_uint_eq(tell(&b, &a), 0);
	ck_assert_uint_eq(set_clock(&a, 0), 1); /* the weight */
	ck_assert_str_eq(state(&a, "web/app1"), "-");
	ck_assert_uint_eq(overrides_find(a.o, "web/app1")->weight, 50);
	ck_assert_uint_eq(overrides_find(b.o, "web/app1")->weight, 50);
}
END_TEST

START_TEST(a_boot_with_a_clock_behind_prolongs_nothing)
{
	drain(&a, "web/app1", CONFIG_STATE_MAINT, HOUR);
	now_ms = 60000;
	a.ahead_ms = -10 * HOUR;
	restart(&a);
	ck_assert_uint_eq(set_clock(&a, 0), 0);
	ck_until_the_hour(&a);
}
END_TEST

/* What is said before the clock is right has so many minutes all the same, on both nodes. */
START_TEST(said_with_a_wrong_clock)
{
	a.ahead_ms = _i ? 2 * HOUR : -10 * HOUR;
	expire(&a);
	drain(&a, "web/app1", CONFIG_STATE_MAINT, HOUR);
	tell(&a, &b);
	now_ms = 1000;
	(void)set_clock(&a, 0);
	ck_assert_int_eq(overrides_find(a.o, "web/app1")->state_item.expires_wall_ms, WALL + HOUR);
	tell(&a, &b);
	now_ms = 2000;
	restart(&a);
	expire(&b);
	ck_until_the_hour(&a);
	now_ms = 3000;
	ck_until_the_hour(&b);
}
END_TEST

static bool all(const char *object, void *arg)
{
	(void)object, (void)arg;
	return true;
}

static void count(const char *object, void *arg)
{
	(void)object;
	++*(unsigned *)arg;
}

/* What `from` has on its disk is read by x late. How many objects have others now. */
static unsigned read_late(struct node *x, const struct node *from)
{
	unsigned n = 0;
	const struct override_merge m = { all, NULL, wall(x), mono() };
	ck_assert_int_eq(override_words_back(x->ws, x->o, from->ws, from->o, &m, count, &n), 0);
	ck_assert_uint_eq(override_words_look(x->ws, x->o, wall(x)), 0);
	return n;
}

#define MANY (OVERRIDE_WORDS_MAX + 1000)

/* More than there are words: those without one come back as well, but for what an operator said meanwhile. */
START_TEST(what_is_read_late_holds_with_a_word_and_without)
{
	static const char last[] = "web/b9191";
	for (unsigned i = 0; i < MANY; i++) {
		char object[32];
		struct override_who w = who(&a, i == 5 || i == MANY - 2 ? 60000 : 0);
		snprintf(object, sizeof(object), "web/b%u", i);
		ck_assert_int_eq(overrides_set_state(a.o, object, CONFIG_STATE_MAINT, &w), 0);
	}
	struct override_who w = who(&a, 0);
	ck_assert_int_eq(overrides_set_weight(a.o, last, OVERRIDE_WEIGHT_PERCENT, 50, &w), 0);
	ck_assert_int_eq(overrides_set_force(a.o, last, OVERRIDE_FORCE_DOWN, &w), 0);
	ck_assert_int_eq(overrides_set_prio(a.o, "vrrp:wan", 7, &w), 0);
	ck_assert_int_eq(overrides_set_prio(a.o, "vrrp:lan", 7, &w), 0);
	(void)override_words_look(a.ws, a.o, wall(&a));
	ck_assert(!override_words_alone(a.ws, a.o, last, OVERRIDE_PRIO));
	ck_assert(!override_words_alone(a.ws, a.o, "web/nobody", OVERRIDE_STATE));
	unsigned alone = 0;
	for (unsigned i = 0; i < MANY; i++) {
		char object[32];
		snprintf(object, sizeof(object), "web/b%u", i);
		alone += override_words_alone(a.ws, a.o, object, OVERRIDE_STATE);
	}
	ck_assert_uint_ge(alone, MANY - OVERRIDE_WORDS_MAX);
	restart(&a);
	now_ms = 1000;
	w = who(&b, 0);
	ck_assert_int_eq(overrides_set_prio(b.o, "vrrp:lan", 9, &w), 0);
	drain(&b, "web/app1", CONFIG_STATE_DRAIN, 0);
	drain(&b, "web/b0", CONFIG_STATE_DRAIN, 0); /* one that has a word there, too */
	drain(&b, last, CONFIG_STATE_DRAIN, 0);
	drain(&b, "web/b2", CONFIG_STATE_DRAIN, 0);
	enable(&b, "web/b2"); /* what was taken away meanwhile does not come back */
	(void)read_late(&b, &a);
	ck_assert_str_eq(state(&b, "web/b2"), "-");
	ck_assert_uint_eq(overrides_count(b.o), MANY + 2); /* app1, wan, lan, and not b2 */
	ck_assert_str_eq(state(&b, "web/app1"), "drain");
	ck_assert_str_eq(state(&b, "web/b0"), "drain");
	ck_assert_str_eq(state(&b, "web/b1"), "maint");
	const struct override *ov = overrides_find(b.o, last);
	ck_assert_str_eq(state(&b, last), "drain");
	ck_assert(ov->weight_item.set && ov->weight_kind == OVERRIDE_WEIGHT_PERCENT && ov->weight == 50);
	ck_assert(ov->force_item.set && ov->force == OVERRIDE_FORCE_DOWN);
	ck_assert_str_eq(ov->force_item.by, "alice");
	ck_assert_str_eq(ov->force_item.reason, "why");
	ck_assert_int_eq(ov->force_item.set_wall_ms, WALL);
	ck_assert_uint_eq(overrides_find(b.o, "vrrp:wan")->prio, 7);
	ck_assert_uint_eq(overrides_find(b.o, "vrrp:lan")->prio, 9);
	ck_assert_uint_eq(read_late(&b, &a), 0); /* the same again is no news */
	now_ms = 60001;
	expire(&b);
	ck_assert_str_eq(state(&b, "web/b5"), "-");
	ck_assert_str_eq(state(&b, "web/b9190"), "-");
	ck_assert_uint_eq(overrides_count(b.o), MANY);
}
END_TEST

/* An operator who says the same again says it now. */
START_TEST(said_again_is_newer_than_what_was_said_between)
{
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, HOUR);
	(void)tell(&a, &b);
	now_ms = 1000; /* they do not hear each other */
	enable(&b, "web/app1");
	now_ms = 2000;
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, HOUR);
	(void)tell(&b, &a);
	(void)tell(&a, &b);
	ck_assert_str_eq(state(&a, "web/app1"), "drain");
	ck_assert_str_eq(state(&b, "web/app1"), "drain");
}
END_TEST

/* What was heard ends by the wall clock, and so by that clock's opinion; said here as well it just ends. */
START_TEST(what_was_said_here_too_ends_for_sure)
{
	json_t *words;
	drain(&a, "web/app1", CONFIG_STATE_DRAIN, HOUR);
	(void)tell(&a, &b);
	now_ms = 1000;
	if (_i)
		drain(&b, "web/app1", CONFIG_STATE_DRAIN, HOUR);
	now_ms = 2 * HOUR;
	expire(&b);
	ck_assert_str_eq(state(&b, "web/app1"), "-");
	words = override_words_tell(b.ws, b.o, NULL, b.name);
	ck_assert_uint_eq(json_array_size(words), 1);
	ck_assert((json_object_get(json_array_get(words, 0), "over") != NULL) == !_i);
	json_decref(words);
}
END_TEST

/* The times of what was said here follow a clock that is set. What the other node, whose clock is behind, said since is
 * newer all the same. */
START_TEST(what_follows_the_clock_is_not_said_again)
{
	b.ahead_ms = -HOUR;
	expire(&a);
	drain(&a, "web/app1", CONFIG_STATE_MAINT, HOUR);
	tell(&a, &b);
	now_ms = 1000; /* they do not hear each other */
	if (_i)
		drain(&b, "web/app1", CONFIG_STATE_DRAIN, 0);
	else
		enable(&b, "web/app1");
	(void)set_clock(&a, HOUR);
	(void)set_clock(&a, 2 * HOUR);
	ck_assert_int_eq(overrides_find(a.o, "web/app1")->state_item.expires_wall_ms, WALL + 3 * HOUR);
	(void)tell(&a, &b);
	(void)tell(&b, &a);
	ck_assert_str_eq(state(&a, "web/app1"), _i ? "drain" : "-");
	ck_assert_str_eq(state(&b, "web/app1"), _i ? "drain" : "-");
}
END_TEST

#define WORD "\"object\":\"web/app1\",\"item\":\"state\",\"stamp\":1790000000000"
#define SAID ",\"set\":1790000000000,\"expires\":0,\"by\":\"x\",\"reason\":\"\"}"

START_TEST(hostile_words)
{
	static const struct {
		const char *what, *text;
		int r;
	} rows[] = {
		{ "as it should be", "{" WORD ",\"value\":\"drain\"" SAID, 1 },
		{ "gone", "{" WORD ",\"gone\":true}", 0 },
		{ "no object", "{}", -EBADMSG },
		{ "a list", "[]", -EBADMSG },
		{ "no value", "{" WORD SAID, -EBADMSG },
		{ "no such value", "{" WORD ",\"value\":\"up\"" SAID, -EBADMSG },
		{ "of an instance", "{\"object\":\"vrrp:wan\",\"item\":\"state\",\"stamp\":1,\"gone\":true}",
			-EBADMSG },
		{ "a priority", "{\"object\":\"web/app1\",\"item\":\"priority\",\"stamp\":1,\"gone\":true}", -EBADMSG },
		{ "a stamp of the end of time",
			"{\"object\":\"web/app1\",\"item\":\"state\",\"stamp\":9223372036854775807,\"gone\":true}",
			-EBADMSG },
		{ "an end before its beginning",
			"{" WORD
			",\"value\":\"drain\",\"set\":1790000000000,\"expires\":1,\"by\":\"x\",\"reason\":\"\"}",
			-EBADMSG },
		{ "a terminal's words",
			"{" WORD ",\"value\":\"drain\",\"set\":1,\"expires\":0,\"by\":\"\\u001b[2J\",\"reason\":\"\"}",
			-EBADMSG },
		{ "a weight", "{\"object\":\"web/app1\",\"item\":\"weight\",\"stamp\":1,\"value\":\"50%\"" SAID, 1 },
		{ "a weight that is too much",
			"{\"object\":\"web/app1\",\"item\":\"weight\",\"stamp\":1,\"value\":\"99999\"" SAID, -EBADMSG },
		{ "a weight of its own",
			"{\"object\":\"web/app1\",\"item\":\"weight\",\"stamp\":1,\"value\":\"auto\"" SAID, -EBADMSG },
		{ "forced", "{\"object\":\"web/app1\",\"item\":\"force\",\"stamp\":1,\"value\":\"down\"" SAID, 1 },
		{ "of a service", "{\"object\":\"service:web\",\"item\":\"state\",\"stamp\":1,\"value\":\"maint\"" SAID,
			1 },
		{ "the weight of a service",
			"{\"object\":\"service:web\",\"item\":\"weight\",\"stamp\":1,\"value\":\"50%\"" SAID,
			-EBADMSG },
		{ "of a service without a name",
			"{\"object\":\"service:\",\"item\":\"state\",\"stamp\":1,\"gone\":true}", -EBADMSG },
		{ "not known here", "{\"object\":\"web/app9\",\"item\":\"force\",\"stamp\":1,\"value\":\"down\"" SAID,
			0 },
	};
	end(&a); /* each begins anew */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *j = json_loads(rows[i].text, 0, NULL);
		ck_assert_msg(j != NULL, "%s", rows[i].what);
		begin(&a, "lb-a");
		int r = merge(&a, j);
		ck_assert_msg(r == rows[i].r, "%s: %d", rows[i].what, r);
		end(&a);
		json_decref(j);
	}
	begin(&a, "lb-a");
}
END_TEST

/* Two nodes, any order of words and meetings, clocks that differ: in the end they meet and hold the same. */
START_TEST(they_agree)
{
	uint64_t s = (uint64_t)_i * 2654435761u + 1;
	a.ahead_ms = _i % 3 == 1 ? 30000 : 0;
	for (unsigned step = 0; step < 60; step++) {
		s = s * UINT64_C(6364136223846793005) + 1442695040888963407u;
		unsigned r = (unsigned)(s >> 33);
		struct node *x = r & 1 ? &a : &b;
		const char *object = r & 2 ? "web/app1" : "web/app2";
		now_ms += r / 4 % 3000;
		expire(&a);
		expire(&b);
		switch (r / 16 % 7) {
		case 0:
		case 1: drain(x, object, r & 256 ? CONFIG_STATE_DRAIN : CONFIG_STATE_MAINT, 0); break;
		case 2: drain(x, object, CONFIG_STATE_DRAIN, 1 + r % 5000); break;
		case 3: enable(x, object); break;
		case 4: restart(x); break;
		default: (void)tell(x, x == &a ? &b : &a); break;
		}
	}
	now_ms += 100000;
	expire(&a);
	expire(&b);
	(void)tell(&a, &b);
	(void)tell(&b, &a);
	ck_assert_str_eq(state(&a, "web/app1"), state(&b, "web/app1"));
	ck_assert_str_eq(state(&a, "web/app2"), state(&b, "web/app2"));
	ck_assert_uint_eq(tell(&a, &b), 0);
	ck_assert_uint_eq(tell(&b, &a), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("override_word");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, it_holds_on_both);
	tcase_add_test(t, what_was_taken_away_stays_away);
	tcase_add_test(t, a_reason_in_any_language);
	tcase_add_test(t, a_text_of_the_disk_that_is_none);
	tcase_add_test(t, what_expired_is_not_brought_back_by_what_is_older);
	tcase_add_test(t, what_expired_is_no_word_of_now);
	tcase_add_test(t, it_is_over_for_a_clock_that_is_behind_too);
	tcase_add_test(t, the_last_operator_is_right_whatever_the_clocks_say);
	tcase_add_test(t, both_at_once);
	tcase_add_test(t, a_backend_that_one_node_has);
	tcase_add_test(t, what_is_taken_away_there_ends_here_also_without_a_word);
	tcase_add_test(t, not_for_ever);
	tcase_add_loop_test(t, what_is_over_makes_room, 0, 1);
	tcase_add_loop_test(
		t, what_is_over_makes_room, 6000, 6001); /* more than the words that are gone leave places for */
	tcase_add_test(t, a_boot_with_a_clock_ahead_ends_nothing);
	tcase_add_test(t, the_other_node_knows_what_a_clock_ahead_ended);
	tcase_add_test(t, what_was_taken_away_meanwhile_does_not_come_back);
	tcase_add_test(t, what_is_over_here_can_be_ended_there);
	tcase_add_test(t, a_boot_with_a_clock_behind_prolongs_nothing);
	tcase_add_loop_test(t, said_with_a_wrong_clock, 0, 2);
	tcase_add_test(t, what_is_read_late_holds_with_a_word_and_without);
	tcase_add_test(t, said_again_is_newer_than_what_was_said_between);
	tcase_add_loop_test(t, what_was_said_here_too_ends_for_sure, 0, 2);
	tcase_add_loop_test(t, what_follows_the_clock_is_not_said_again, 0, 2);
	tcase_add_test(t, hostile_words);
	tcase_add_loop_test(t, they_agree, 0, 300);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
