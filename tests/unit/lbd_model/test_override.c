/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What operators decided by hand: set, cleared, expired, kept on disk. */
#include "tests/unit/lbd_model/fixture.h"

#include <limits.h>

static const struct lb_time t0 = { 5000000000 };

static struct override_who who(const char *by, const char *reason, int64_t for_ms)
{
	return (struct override_who){ by, reason, WALL, t0, for_ms, false };
}

/* "web/a state=drain by=alice reason= set=0 expires=60000 | weight=50% ...": times relative to the beginning. */
static void one_text(const struct override *ov, void *arg)
{
	static const char *const states[] = { "enabled", "drain", "maint" };
	char *out = (char *)arg + strlen(arg);
	out += sprintf(out, "%s", ov->object);
	const struct override_item *items[] = { &ov->state_item, &ov->weight_item, &ov->force_item, &ov->prio_item };
	for (size_t i = 0; i < COUNT(items); i++) {
		const struct override_item *it = items[i];
		if (!it->set)
			continue;
		if (i == 0)
			out += sprintf(out, " state=%s", states[ov->state]);
		else if (i == 2)
			out += sprintf(out, " force=%s", override_forces[ov->force]);
		else if (i == 3)
			out += sprintf(out, " prio=%u", ov->prio);
		else
			out += sprintf(
				out, " weight=%u%s", ov->weight, ov->weight_kind == OVERRIDE_WEIGHT_PERCENT ? "%" : "");
		out += sprintf(out, "(%s,%s,%lld", it->by, it->reason, (long long)(it->set_wall_ms - WALL));
		if (it->expires_wall_ms)
			out += sprintf(out, ",%lld,%lld", (long long)(it->expires_wall_ms - WALL),
				(long long)(lb_time_diff_us(it->deadline, t0) / 1000));
		else
			ck_assert_int_eq(it->deadline.us, INT64_MAX);
		out += sprintf(out, ")");
	}
	sprintf(out, "\n");
}

static const char *text_of(const struct overrides *o)
{
	static char text[16384];
	text[0] = '\0';
	overrides_each(o, one_text, text);
	return text;
}

static struct overrides *some(void)
{
	struct overrides *o = overrides_new();
	struct override_who a = who("alice", "disk", 0), b = who("bob", "", 10 * MINUTE),
			    c = who(NULL, NULL, 5 * MINUTE);
	ck_assert_int_eq(overrides_set_state(o, "web/a", CONFIG_STATE_DRAIN, &a), 0);
	ck_assert_int_eq(overrides_set_weight(o, "web/a", OVERRIDE_WEIGHT_PERCENT, 50, &b), 0);
	ck_assert_int_eq(overrides_set_weight(o, "dns/n", OVERRIDE_WEIGHT_VALUE, 0, &a), 0);
	ck_assert_int_eq(overrides_set_state(o, "web/b", CONFIG_STATE_ENABLED, &c), 0);
	ck_assert_int_eq(overrides_set_state(o, "web/c", CONFIG_STATE_MAINT, &b), 0);
	return o;
}

#define SOME_TEXT                                                                                                      \
	"web/a state=drain(alice,disk,0) weight=50%(bob,,0,600000,600000)\n"                                           \
	"dns/n weight=0(alice,disk,0)\n"                                                                               \
	"web/b state=enabled(,,0,300000,300000)\n"                                                                     \
	"web/c state=maint(bob,,0,600000,600000)\n"

START_TEST(what_was_set_is_found_in_the_order_of_setting)
{
	struct overrides *o = some();
	ck_assert_str_eq(text_of(o), SOME_TEXT);
	ck_assert_uint_eq(overrides_count(o), 4);
	ck_assert_int_eq(overrides_find(o, "web/c")->state, CONFIG_STATE_MAINT);
	ck_assert_ptr_null(overrides_find(o, "web"));
	ck_assert_ptr_null(overrides_find(o, "web/a "));
	overrides_free(o);
	overrides_free(NULL);
}
END_TEST

START_TEST(setting_again_replaces_that_item_alone)
{
	struct overrides *o = some();
	struct override_who c = who("carol", "back", MINUTE);
	ck_assert_int_eq(overrides_set_state(o, "web/a", CONFIG_STATE_MAINT, &c), 0);
	ck_assert_int_eq(overrides_set_weight(o, "dns/n", OVERRIDE_WEIGHT_PERCENT, 7, &c), 0);
	ck_assert_str_eq(text_of(o), "web/a state=maint(carol,back,0,60000,60000) weight=50%(bob,,0,600000,600000)\n"
				     "dns/n weight=7%(carol,back,0,60000,60000)\n"
				     "web/b state=enabled(,,0,300000,300000)\n"
				     "web/c state=maint(bob,,0,600000,600000)\n");
	overrides_free(o);
}
END_TEST

START_TEST(clearing_takes_one_item_and_the_object_with_its_last)
{
	struct overrides *o = some();
	ck_assert(!overrides_clear_state(o, "dns/n")); /* it has a weight only */
	ck_assert(!overrides_clear_weight(o, "web/b"));
	ck_assert(!overrides_clear_state(o, "nobody/x"));
	ck_assert_uint_eq(overrides_count(o), 4);
	ck_assert(overrides_clear_state(o, "web/a"));
	ck_assert(!overrides_clear_state(o, "web/a"));
	ck_assert_uint_eq(overrides_count(o), 4);
	ck_assert(overrides_clear_weight(o, "web/a"));
	ck_assert_ptr_null(overrides_find(o, "web/a"));
	ck_assert(overrides_clear_state(o, "web/c")); /* the last of the list: what is set next must still hang on */
	struct override_who a = who("alice", "", 0);
	ck_assert_int_eq(overrides_set_state(o, "new/x", CONFIG_STATE_DRAIN, &a), 0);
	ck_assert_str_eq(text_of(o), "dns/n weight=0(alice,disk,0)\nweb/b state=enabled(,,0,300000,300000)\n"
				     "new/x state=drain(alice,,0)\n");
	ck_assert_uint_eq(overrides_count(o), 3);
	overrides_free(o);
}
END_TEST

static void count_one(const struct override *ov, void *arg)
{
	(void)ov;
	++*(unsigned *)arg;
}

START_TEST(a_force_lives_and_ends_by_itself)
{
	struct overrides *o = overrides_new();
	struct override_who a = who("alice", "", 0), b = who("bob", "flaky check", 5 * MINUTE);
	ck_assert_int_eq(overrides_set_weight(o, "web/a", OVERRIDE_WEIGHT_VALUE, 3, &a), 0);
	ck_assert_int_eq(overrides_set_force(o, "web/a", OVERRIDE_FORCE_UP, &b), 0);
	ck_assert_int_eq(overrides_set_force(o, "web/b", OVERRIDE_FORCE_UP, &a), 0);
	ck_assert_int_eq(overrides_set_force(o, "web/b", OVERRIDE_FORCE_DOWN, &a), 0);
	ck_assert_str_eq(text_of(o), "web/a weight=3(alice,,0) force=up(bob,flaky check,0,300000,300000)\n"
				     "web/b force=down(alice,,0)\n");
	ck_assert(!overrides_clear_state(o, "web/b"));
	ck_assert(overrides_clear_force(o, "web/b"));
	ck_assert(!overrides_clear_force(o, "web/b"));
	ck_assert_ptr_null(overrides_find(o, "web/b"));
	unsigned told = 0;
	struct lb_time next = overrides_expire(o, lb_time_add_ms(t0, 5 * MINUTE - 1), count_one, &told);
	ck_assert_uint_eq(told, 0);
	ck_assert_int_eq(lb_time_diff_us(next, t0), 5 * MINUTE * 1000);
	next = overrides_expire(o, next, count_one, &told);
	ck_assert_uint_eq(told, 1);
	ck_assert_int_eq(next.us, INT64_MAX);
	ck_assert_str_eq(text_of(o), "web/a weight=3(alice,,0)\n");
	overrides_free(o);
}
END_TEST

struct told {
	const struct overrides *o;
	char text[512];
};

static void tell(const struct override *ov, void *arg)
{
	struct told *t = arg;
	/* whoever is told looks the object up, and must not be given what is about to be freed */
	const struct override *found = overrides_find(t->o, ov->object);
	sprintf(t->text + strlen(t->text), "%s:%s ", ov->object,
		!found                  ? "gone"
		: found->state_item.set ? found->weight_item.set ? "both" : "state"
					: "weight");
}

START_TEST(what_is_due_goes_and_nothing_else)
{
	struct overrides *o = some();
	struct told t = { .o = o };
	struct lb_time next = overrides_expire(o, t0, tell, &t);
	ck_assert_int_eq(next.us, lb_time_add_ms(t0, 5 * MINUTE).us);
	next = overrides_expire(o, lb_time_add_ms(t0, 5 * MINUTE - 1), tell, &t);
	ck_assert_str_eq(t.text, "");
	next = overrides_expire(o, lb_time_add_ms(t0, 5 * MINUTE), tell, &t);
	ck_assert_str_eq(t.text, "web/b:gone ");
	ck_assert_int_eq(next.us, lb_time_add_ms(t0, 10 * MINUTE).us);
	next = overrides_expire(o, lb_time_add_ms(t0, 1000 * MINUTE), tell, &t);
	ck_assert_str_eq(t.text, "web/b:gone web/a:state web/c:gone ");
	ck_assert_int_eq(next.us, INT64_MAX);
	ck_assert_str_eq(text_of(o), "web/a state=drain(alice,disk,0)\ndns/n weight=0(alice,disk,0)\n");
	ck_assert_uint_eq(overrides_count(o), 2);
	struct override_who d = who("dave", "", 2000 * MINUTE); /* a weight alone has an end too */
	ck_assert_int_eq(overrides_set_weight(o, "dns/n", OVERRIDE_WEIGHT_VALUE, 1, &d), 0);
	next = overrides_expire(o, lb_time_add_ms(t0, 1000 * MINUTE), tell, &t);
	ck_assert_int_eq(next.us, lb_time_add_ms(t0, 2000 * MINUTE).us);
	overrides_free(o);
}
END_TEST

static bool keep_web(const char *object, void *arg)
{
	(void)arg;
	return strncmp(object, "web/", 4) == 0;
}

static void note(const struct override *ov, void *arg)
{
	strcat(arg, ov->object);
	ck_assert(ov->state_item.set || ov->weight_item.set); /* told before they go: the log says what went */
}

/* It is asked after each change: none is looked at before the first of them can be due. That one of them is due is said
 * behind its back here, and it does not see it. */
START_TEST(nothing_is_looked_at_before_it_can_be_due)
{
	struct overrides *o = some();
	struct told t = { .o = o };
	struct override_item *it = (void *)(uintptr_t)&overrides_find(o, "web/a")->weight_item; /* 10 minutes */
	ck_assert_int_eq(overrides_expire(o, t0, tell, &t).us, lb_time_add_ms(t0, 5 * MINUTE).us);
	it->deadline = t0;
	ck_assert_int_eq(overrides_expire(o, lb_time_add_ms(t0, 5 * MINUTE - 1), tell, &t).us,
		lb_time_add_ms(t0, 5 * MINUTE).us);
	ck_assert_str_eq(t.text, "");
	/* one that is set meanwhile may be the next */
	struct override_who w = who("carol", "", MINUTE);
	ck_assert_int_eq(overrides_set_force(o, "web/z", OVERRIDE_FORCE_DOWN, &w), 0);
	(void)overrides_expire(o, lb_time_add_ms(t0, MINUTE - 1), tell, &t);
	ck_assert_str_eq(t.text, "");
	(void)overrides_expire(o, lb_time_add_ms(t0, MINUTE), tell, &t);
	ck_assert_str_eq(t.text, "web/a:state web/z:gone ");
	overrides_free(o);
}
END_TEST

/* What is from a disk ends by the wall clock, and sooner when that is set. */
START_TEST(a_clock_that_is_set_may_bring_an_end)
{
	struct overrides *o = overrides_new();
	struct told t = { .o = o };
	struct override_who w = { "alice", "", WALL, t0, 10 * MINUTE, true };
	struct lb_time later = lb_time_add_ms(t0, MINUTE);
	(void)overrides_clock(o, WALL, t0);
	ck_assert_int_eq(overrides_set_state(o, "web/a", CONFIG_STATE_DRAIN, &w), 0);
	ck_assert_int_eq(overrides_expire(o, later, tell, &t).us, lb_time_add_ms(t0, 10 * MINUTE).us);
	ck_assert(overrides_clock(o, WALL + 8 * MINUTE, later));
	ck_assert_int_eq(overrides_expire(o, later, tell, &t).us, lb_time_add_ms(later, 2 * MINUTE).us);
	(void)overrides_expire(o, lb_time_add_ms(later, 2 * MINUTE), tell, &t);
	ck_assert_str_eq(t.text, "web/a:gone ");
	overrides_free(o);
}
END_TEST

START_TEST(pruning_keeps_what_exists)
{
	struct overrides *o = some();
	char dropped[256] = "";
	overrides_prune(o, keep_web, note, dropped);
	ck_assert_str_eq(dropped, "dns/n");
	ck_assert_uint_eq(overrides_count(o), 3);
	ck_assert_ptr_null(overrides_find(o, "dns/n"));
	overrides_free(o);
}
END_TEST

/* ---- on disk ---- */

START_TEST(the_file_gives_back_what_was_written)
{
	struct overrides *o = some();
	json_t *j = overrides_to_json(o);
	ck_assert_ptr_nonnull(j);
	/* through text, as the disk does it */
	char *text = json_dumps(j, 0);
	json_decref(j);
	j = json_loads(text, 0, NULL);
	free(text);
	struct lb_err e;
	struct overrides *back = overrides_from_json(j, WALL, t0, &e);
	ck_assert_msg(back != NULL, "%s", e.text);
	ck_assert_str_eq(text_of(back), SOME_TEXT);
	overrides_free(back);
	/* a restart seven minutes later, on another monotonic clock: what is over is left out, the rest keeps its end
	 */
	struct lb_time later = { 77000000 };
	back = overrides_from_json(j, WALL + 7 * MINUTE, later, &e);
	ck_assert_uint_eq(overrides_count(back), 3);
	ck_assert_ptr_null(overrides_find(back, "web/b"));
	const struct override *a = overrides_find(back, "web/a");
	ck_assert_int_eq(a->state_item.set_wall_ms, WALL);
	ck_assert_int_eq(a->weight_item.set_wall_ms, WALL);
	ck_assert_int_eq(a->weight_item.expires_wall_ms, WALL + 10 * MINUTE);
	ck_assert_int_eq(a->weight_item.deadline.us, later.us + 3 * MINUTE * 1000);
	overrides_free(back);
	json_decref(j);
	overrides_free(o);
}
END_TEST

#define ITEM          "\"set_ms\":1700000000000,\"expires_ms\":0,\"by\":\"a\",\"reason\":\"r\""
#define FILE_OF(list) "{\"version\":1,\"overrides\":[" list "]}"

static const struct {
	const char *what, *json;
	const char *text; /* NULL = refused */
} files[] = {
	{ "nothing set", FILE_OF(""), "" },
	{ "an unknown key is of a later minor and no fault", "{\"version\":1,\"overrides\":[],\"more\":1}", "" },
	{ "an object without items", FILE_OF("{\"object\":\"web/a\"}"), "" },
	{ "a state", FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\"," ITEM "}}"),
		"web/a state=maint(a,r,0)\n" },
	{ "a weight", FILE_OF("{\"object\":\"web/a\",\"weight\":{\"value\":65535,\"percent\":false," ITEM "}}"),
		"web/a weight=65535(a,r,0)\n" },
	{ "the largest percentage",
		FILE_OF("{\"object\":\"web/a\",\"weight\":{\"value\":1000,\"percent\":true," ITEM "}}"),
		"web/a weight=1000%(a,r,0)\n" },
	{ "forced up", FILE_OF("{\"object\":\"web/a\",\"force\":{\"value\":\"up\"," ITEM "}}"),
		"web/a force=up(a,r,0)\n" },
	{ "everything at once",
		FILE_OF("{\"object\":\"web/a\",\"force\":{\"value\":\"down\"," ITEM
			"},\"state\":{\"value\":\"drain\"," ITEM "},\"weight\":{\"value\":3," ITEM "}}"),
		"web/a state=drain(a,r,0) weight=3(a,r,0) force=down(a,r,0)\n" },
	{ "forced to nothing that is", FILE_OF("{\"object\":\"web/a\",\"force\":{\"value\":\"auto\"," ITEM "}}"),
		NULL },
	{ "forced without who and when", FILE_OF("{\"object\":\"web/a\",\"force\":{\"value\":\"up\"}}"), NULL },
	{ "a force that is no object", FILE_OF("{\"object\":\"web/a\",\"force\":\"up\"}"), NULL },
	{ "a percentage out of range",
		FILE_OF("{\"object\":\"web/a\",\"weight\":{\"value\":1001,\"percent\":true," ITEM "}}"), NULL },
	{ "the same object twice: the later entry",
		FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\"," ITEM
			"}},{\"object\":\"web/a\",\"state\":{\"value\":\"drain\"," ITEM "}}"),
		"web/a state=drain(a,r,0)\n" },
	{ "an end a millisecond away",
		FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\",\"set_ms\":1700000000000,"
			"\"expires_ms\":1700000000001,\"by\":\"a\",\"reason\":\"r\"}}"),
		"web/a state=maint(a,r,0,1,1)\n" },
	{ "another version", "{\"version\":2,\"overrides\":[]}", NULL },
	{ "no version", "{\"overrides\":[]}", NULL },
	{ "a version that is no number", "{\"version\":\"1\",\"overrides\":[]}", NULL },
	{ "no list", "{\"version\":1}", NULL },
	{ "a list that is none", "{\"version\":1,\"overrides\":{}}", NULL },
	{ "no object but a list", "[]", NULL },
	{ "an entry that is no object", FILE_OF("1"), NULL },
	{ "an entry without a name", FILE_OF("{}"), NULL },
	{ "a name that is no text", FILE_OF("{\"object\":1}"), NULL },
	{ "an unknown state", FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"asleep\"," ITEM "}}"), NULL },
	{ "a state that is no object", FILE_OF("{\"object\":\"web/a\",\"state\":\"maint\"}"), NULL },
	{ "a state without who and when", FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\"}}"), NULL },
	{ "a negative time",
		FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\",\"set_ms\":-1,\"expires_ms\":0,"
			"\"by\":\"a\",\"reason\":\"r\"}}"),
		NULL },
	{ "a negative end",
		FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\",\"set_ms\":1,\"expires_ms\":-1,"
			"\"by\":\"a\",\"reason\":\"r\"}}"),
		NULL },
	{ "a weight below 0", FILE_OF("{\"object\":\"web/a\",\"weight\":{\"value\":-1," ITEM "}}"), NULL },
	{ "a weight above its range", FILE_OF("{\"object\":\"web/a\",\"weight\":{\"value\":65536," ITEM "}}"), NULL },
	{ "a weight that is a fraction", FILE_OF("{\"object\":\"web/a\",\"weight\":{\"value\":1.5," ITEM "}}"), NULL },
	{ "a good entry before a bad one: the file is refused as a whole",
		FILE_OF("{\"object\":\"web/a\",\"state\":{\"value\":\"maint\"," ITEM
			"}},{\"object\":\"web/b\",\"state\":1}"),
		NULL },
};

START_TEST(a_file_is_read_as_a_whole_or_refused_as_a_whole)
{
	for (size_t i = 0; i < COUNT(files); i++) {
		json_t *j = json_loads(files[i].json, 0, NULL);
		ck_assert_msg(j != NULL, "%s: the test's own JSON: %s", files[i].what, files[i].json);
		struct lb_err e = { .text = "" };
		struct overrides *o = overrides_from_json(j, WALL, t0, &e);
		if (files[i].text)
			ck_assert_msg(o && strcmp(text_of(o), files[i].text) == 0, "%s: %s", files[i].what,
				o ? text_of(o) : e.text);
		else
			ck_assert_msg(!o && e.code == LB_CODE_INVALID && e.text[0], "%s: taken, or without a word",
				files[i].what);
		overrides_free(o);
		json_decref(j);
	}
	struct lb_err e;
	ck_assert_ptr_null(overrides_from_json(NULL, WALL, t0, &e));
}
END_TEST

START_TEST(names_longer_than_any_object_are_refused)
{
	for (int n = 126; n <= 129; n++) {
		char name[200];
		memset(name, 'a', sizeof(name));
		name[n] = '\0';
		json_t *j = json_pack("{s:i, s:[{s:s}]}", "version", 1, "overrides", "object", name);
		struct lb_err e;
		struct overrides *o = overrides_from_json(j, WALL, t0, &e);
		ck_assert_msg((o != NULL) == (n <= 127), "%d characters", n);
		overrides_free(o);
		json_decref(j);
	}
}
END_TEST

START_TEST(an_end_far_away_is_no_overflow)
{
	/* a host that woke up in 1970 reads a file of today, and a file may hold any number */
	static const long long ends[] = { LLONG_MAX, LLONG_MAX / 1000 + WALL, 9999999999999, WALL + 1 };
	for (size_t i = 0; i < COUNT(ends); i++)
		for (int64_t wall = 0; wall <= WALL; wall += WALL / 2) {
			json_t *j = json_pack("{s:i, s:[{s:s, s:{s:s, s:I, s:I, s:s, s:s}}]}", "version", 1,
				"overrides", "object", "web/a", "state", "value", "drain", "set_ms", (json_int_t)WALL,
				"expires_ms", (json_int_t)ends[i], "by", "", "reason", "");
			struct lb_err e;
			struct overrides *o = overrides_from_json(j, wall, t0, &e);
			ck_assert_msg(o != NULL, "%s", e.text);
			const struct override *ov = overrides_find(o, "web/a");
			ck_assert_int_eq(ov->state_item.expires_wall_ms, ends[i]);
			ck_assert_msg(lb_time_cmp(ov->state_item.deadline, t0) > 0, "end %lld at %lld: over already",
				ends[i], (long long)wall);
			overrides_free(o);
			json_decref(j);
		}
}
END_TEST

/* A clock that is set is no end of what has none; and one that is over right now is none without an end. */
START_TEST(no_end_stays_no_end)
{
	struct overrides *o = overrides_new();
	struct override_who w = who("alice", "", 0);
	(void)overrides_clock(o, WALL, t0);
	ck_assert_int_eq(overrides_set_state(o, "web/a", CONFIG_STATE_DRAIN, &w), 0);
	w.by_wall = true; /* as it was read, or heard */
	ck_assert_int_eq(overrides_set_weight(o, "web/a", OVERRIDE_WEIGHT_VALUE, 7, &w), 0);
	for (int64_t to = WALL - MINUTE; to <= WALL + MINUTE; to += 2 * MINUTE) {
		ck_assert(overrides_clock(o, to, t0));
		ck_assert_str_eq(text_of(o), "web/a state=drain(alice,,0) weight=7(alice,,0)\n");
	}
	overrides_free(o);
	/* the first look at it is no step, whatever was set before */
	o = overrides_new();
	w = who("alice", "", 10 * MINUTE);
	ck_assert_int_eq(overrides_set_state(o, "web/a", CONFIG_STATE_DRAIN, &w), 0);
	ck_assert(!overrides_clock(o, WALL, t0));
	ck_assert_str_eq(text_of(o), "web/a state=drain(alice,,0,600000,600000)\n");
	overrides_free(o);
	json_t *j = json_pack("{s:i, s:[{s:s, s:{s:s, s:I, s:I, s:s, s:s}}]}", "version", 1, "overrides", "object",
		"web/a", "state", "value", "drain", "set_ms", (json_int_t)(WALL - 1), "expires_ms", (json_int_t)WALL,
		"by", "", "reason", "");
	struct lb_err e;
	o = overrides_from_json(j, WALL, t0, &e);
	ck_assert_uint_eq(overrides_count(o), 0);
	overrides_free(o);
	json_decref(j);
}
END_TEST

START_TEST(a_priority_is_of_an_instance)
{
	struct overrides *o = some();
	struct override_who w = who("bob", "", 10 * MINUTE);
	ck_assert_int_eq(overrides_set_prio(o, "vrrp:wan4", 50, &w), 0);
	ck_assert_str_eq(text_of(o), SOME_TEXT "vrrp:wan4 prio=50(bob,,0,600000,600000)\n");
	ck_assert_str_eq(override_vrrp("vrrp:wan4"), "wan4");
	ck_assert_ptr_null(override_vrrp("vrrp/wan4")); /* a backend wan4 of a service vrrp */
	ck_assert(overrides_clear_prio(o, "vrrp:wan4"));
	ck_assert(!overrides_clear_prio(o, "vrrp:wan4"));
	ck_assert(!overrides_clear_prio(o, "web/a"));
	ck_assert_str_eq(text_of(o), SOME_TEXT);
	overrides_free(o);
}
END_TEST

START_TEST(a_priority_of_a_file_is_one_of_vrrp)
{
	static const struct {
		const char *value;
		bool taken;
	} rows[] = { { "1", true }, { "254", true }, { "0", false }, { "255", false }, { "-1", false },
		{ "300", false }, { "\"50\"", false }, { "1.5", false } };
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[300];
		struct lb_err e;
		snprintf(text, sizeof(text),
			"{\"version\":1,\"overrides\":[{\"object\":\"vrrp:a\",\"priority\":{\"value\":%s,"
			"\"set_ms\":0,\"expires_ms\":0,\"by\":\"a\",\"reason\":\"\"}}]}",
			rows[i].value);
		json_t *j = json_loads(text, 0, NULL);
		struct overrides *o = overrides_from_json(j, WALL, t0, &e);
		ck_assert_msg((o != NULL) == rows[i].taken, "%s", rows[i].value);
		overrides_free(o);
		json_decref(j);
	}
}
END_TEST

START_TEST(what_cannot_be_written_is_not_left_out_in_silence)
{
	struct overrides *o = some();
	struct override_who bad = who("alice", "\xff\xfe", 0); /* not UTF-8: JSON cannot hold it */
	ck_assert_int_eq(overrides_set_state(o, "web/a", CONFIG_STATE_DRAIN, &bad), 0);
	ck_assert_ptr_null(overrides_to_json(o));
	overrides_free(o);
}
END_TEST

START_TEST(random_sets_survive_the_disk)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct rng r = { seed };
		struct overrides *o = overrides_new();
		for (uint32_t n = rnd(&r, 20); n > 0; n--) {
			char object[32];
			snprintf(object, sizeof(object), "s%u/b%u", rnd(&r, 3), rnd(&r, 4));
			struct override_who w = who(rnd(&r, 2) ? "älice" : "", rnd(&r, 2) ? "quote \" and \\" : "",
				rnd(&r, 2) * 1000 * rnd(&r, 99));
			switch (rnd(&r, 8)) {
			case 0: overrides_set_state(o, object, (enum config_state)rnd(&r, 3), &w); break;
			case 1:
				overrides_set_weight(o, object, (enum override_weight)rnd(&r, 2), rnd(&r, 1001), &w);
				break;
			case 2: overrides_clear_state(o, object); break;
			case 3: overrides_set_force(o, object, (enum override_force)rnd(&r, 2), &w); break;
			case 4: overrides_clear_force(o, object); break;
			case 5: overrides_set_prio(o, object, (uint8_t)(1 + rnd(&r, 254)), &w); break;
			case 6: overrides_clear_prio(o, object); break;
			default: overrides_clear_weight(o, object); break;
			}
		}
		json_t *j = overrides_to_json(o);
		struct lb_err e;
		struct overrides *back = overrides_from_json(j, WALL, t0, &e);
		ck_assert_msg(back != NULL, "seed %u: %s", seed, e.text);
		char before[16384];
		strcpy(before, text_of(o));
		ck_assert_msg(
			strcmp(before, text_of(back)) == 0, "seed %u: wrote\n%sread\n%s", seed, before, text_of(back));
		ck_assert_uint_eq(overrides_count(o), overrides_count(back));
		json_decref(j);
		overrides_free(back);
		overrides_free(o);
	}
}
END_TEST

/* What an apply tells of: a value that it sets and that does not hold. */
START_TEST(what_an_override_hides_is_its_own_key_of_its_own_object)
{
	static const struct {
		const char *what, *object, *key, *by; /* by NULL = nothing is hidden */
	} rows[] = {
		{ "a state", "backend/web/a", "state", "alice" },
		{ "a weight of the same backend, by another", "backend/web/a", "weight", "bob" },
		{ "another key of it", "backend/web/a", "address", NULL },
		{ "a weight that nobody overrides", "backend/web/c", "weight", NULL },
		{ "what comes or goes as a whole", "backend/web/a", "", NULL },
		{ "a forced verdict hides no key", "backend/web/f", "state", NULL },
		{ "a priority", "vrrp/wan4", "priority", "alice" },
		{ "of another instance", "vrrp/wan6", "priority", NULL },
		{ "of a node", "peer/wan4", "priority", NULL },
		{ "a service of a name that is alike", "service/web/a", "state", NULL },
	};
	struct overrides *o = some();
	struct override_who a = who("alice", "", 0);
	ck_assert_int_eq(overrides_set_force(o, "web/f", OVERRIDE_FORCE_UP, &a), 0);
	ck_assert_int_eq(overrides_set_prio(o, OVERRIDE_VRRP "wan4", 20, &a), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct override_item *it = overrides_hide(o, rows[i].object, rows[i].key);
		ck_assert_msg((it != NULL) == (rows[i].by != NULL), "%s", rows[i].what);
		ck_assert_msg(!it || strcmp(it->by, rows[i].by) == 0, "%s", rows[i].what);
	}
	overrides_free(o);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { what_was_set_is_found_in_the_order_of_setting, setting_again_replaces_that_item_alone,
		clearing_takes_one_item_and_the_object_with_its_last, a_force_lives_and_ends_by_itself,
		what_is_due_goes_and_nothing_else, nothing_is_looked_at_before_it_can_be_due,
		a_clock_that_is_set_may_bring_an_end, pruning_keeps_what_exists, the_file_gives_back_what_was_written,
		no_end_stays_no_end, a_priority_is_of_an_instance, a_priority_of_a_file_is_one_of_vrrp,
		a_file_is_read_as_a_whole_or_refused_as_a_whole, names_longer_than_any_object_are_refused,
		an_end_far_away_is_no_overflow, what_cannot_be_written_is_not_left_out_in_silence,
		random_sets_survive_the_disk, what_an_override_hides_is_its_own_key_of_its_own_object };
	return run_suite("override", tests, COUNT(tests));
}
