/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of events: their text, and the last ones in memory. */
#include "lbd/event.h"
#include "tests/unit/lbd_model/fixture.h"

#include <ctype.h>

static const struct event_stamp at = { 7, WALL, { 93811204411 }, "lb-a" };

START_TEST(a_record_is_one_json_object)
{
	static const struct {
		const char *what;
		struct event e;
		const char *data, *line, *expect;
	} rows[] = {
		{ "all of it",
			{ .id = LB_EVENT_BACKEND_HEALTH,
				.level = LB_LOG_WARNING,
				.old = "up",
				.new = "down",
				.reason = "check_failed" },
			"{\"code\":\"L7STS\",\"latency\":0.0015}", "backend/web/app1: up -> down (check_failed)",
			"\"event\":\"backend.health\",\"level\":\"warning\",\"object\":\"backend/web/"
			"app1\",\"old\":\"up\","
			"\"new\":\"down\",\"reason\":\"check_failed\",\"data\":{\"code\":\"L7STS\",\"latency\":0.0015},"
			"\"line\":\"backend/web/app1: up -> down (check_failed)\"" },
		{ "the level of the table, and nothing that is not said", { .id = LB_EVENT_ALARM_RAISED, .reason = "" },
			NULL, "sync: x: y",
			"\"event\":\"alarm.raised\",\"level\":\"error\",\"object\":\"sync\",\"line\":\"sync: x: y\"" },
		{ "bytes that are no text are shown", { .id = LB_EVENT_OVERRIDE_SET, .object = "o", .user = "a\xff\"" },
			NULL, "l",
			"\"event\":\"override.set\",\"level\":\"notice\",\"object\":\"o\","
			"\"user\":\"a\\\\xff\\\"\",\"line\":\"l\"" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event e = rows[i].e;
		char expect[1024];
		e.data = rows[i].data ? json_loads(rows[i].data, 0, NULL) : NULL;
		char *text = event_text(&e, rows[i].line, &at);
		snprintf(expect, sizeof(expect),
			"{\"schema\":1,\"seq\":7,\"time\":\"2023-11-14T22:13:20.000Z\",\"mono\":93811.204411,"
			"\"node\":\"lb-a\",%s}",
			rows[i].expect);
		ck_assert_msg(text && strcmp(text, expect) == 0, "%s:\n%s\n%s", rows[i].what, text, expect);
		free(text);
	}
}
END_TEST

START_TEST(what_is_lost_has_a_count_and_no_number)
{
	char *text = event_lost(312, &at);
	ck_assert(text && strstr(text, "\"event\":\"events.lost\"") && strstr(text, "\"data\":{\"count\":312}"));
	ck_assert(!strstr(text, "\"seq\""));
	free(text);
}
END_TEST

static struct lb_time t(int64_t us)
{
	return (struct lb_time){ us };
}

START_TEST(the_last_ones_are_kept)
{
	for (uint32_t size = 1; size <= 200; size += 99) {
		struct events *es = events_new(size);
		ck_assert(es && events_first(es) == 1 && events_next(es) == 1 && !events_get(es, 1) &&
			  !events_get(es, 0));
		ck_assert_uint_eq(events_since(es, t(0)), 1);
		for (uint64_t n = 1; n <= 450; n++) {
			char text[24];
			snprintf(text, sizeof(text), "%u", (unsigned)n);
			events_add(es, LB_EVENT_VRRP_STATE, t((int64_t)n * 10), n % 7 ? strdup(text) : NULL);
			uint64_t first = n > size ? n - size + 1 : 1;
			ck_assert_uint_eq(events_first(es), first);
			ck_assert_uint_eq(events_next(es), n + 1);
			ck_assert(!events_get(es, first - 1) && !events_get(es, n + 1));
			const struct event_record *r = events_get(es, n), *old = events_get(es, first);
			ck_assert(r && r->seq == n && (n % 7 ? strcmp(r->text, text) == 0 : !r->text));
			ck_assert(old && old->seq == first);
			ck_assert_uint_eq(events_since(es, t((int64_t)first * 10 - 5)), first);
			ck_assert_uint_eq(events_since(es, t((int64_t)n * 10)), n);
			ck_assert_uint_eq(events_since(es, t((int64_t)n * 10 + 1)), n + 1);
		}
		events_free(es);
	}
}
END_TEST

START_TEST(the_table_is_whole)
{
	size_t words = 0;
	for (size_t i = 0; i < LB_EVENT_COUNT; i++) {
		const struct lb_event *e = &lb_events[i];
		ck_assert_msg(e->name && strchr(e->name, '.') && e->help && e->level, "row %zu", i);
		ck_assert_msg(strlen(e->id) == 32 && strspn(e->id, "0123456789abcdef") == 32, "%s: its id", e->name);
		bool word = false, kind = false;
		for (const char *const *w = lb_event_words; *w; w++) {
			word |= strcmp(*w, e->name) == 0;
			kind |= !strchr(*w, '.') && lb_event_is((enum lb_event_id)i, *w);
		}
		ck_assert_msg(word == (i != LB_EVENT_LOST) && kind == word, "%s: cannot be asked for", e->name);
		for (size_t k = 0; k < i; k++)
			ck_assert(strcmp(e->name, lb_events[k].name) != 0 && strcmp(e->id, lb_events[k].id) != 0);
	}
	for (const char *const *w = lb_event_words; *w; w++, words++) {
		bool any = false;
		for (size_t i = 0; i < LB_EVENT_COUNT; i++)
			any |= lb_event_is((enum lb_event_id)i, *w);
		ck_assert_msg(any, "%s is nothing", *w);
	}
	ck_assert_uint_gt(words, LB_EVENT_COUNT);
	ck_assert(!lb_event_is(LB_EVENT_BACKEND_HEALTH, "back") &&
		  !lb_event_is(LB_EVENT_BACKEND_HEALTH, "backend.healt"));
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_record_is_one_json_object, what_is_lost_has_a_count_and_no_number,
		the_last_ones_are_kept, the_table_is_whole };
	return run_suite("event", tests, COUNT(tests));
}
