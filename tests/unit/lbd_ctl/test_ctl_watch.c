/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who watches: records as they come, at the reader's own pace, and what a slow one is told. */
#include "lbd/ctl/ctl_watch.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/fixture.h"

static struct {
	struct ctl_env env;
	struct events *events;
	struct ctl_watches *watches;
	struct ctl_reply reply;
	bool full;
	char got[4096]; /* "1 backend.health, lost 3, end 0" */
	unsigned ended;
} k;

static void line(void *arg, const char *s, size_t n)
{
	(void)arg;
	json_t *msg = json_loadb(s, n, 0, NULL), *row = json_object_get(msg, "row"), *end = json_object_get(msg, "end");
	size_t at = strlen(k.got);
	ck_assert_msg(msg != NULL, "%s", s);
	const char *event = lb_proto_str(row, "event"), *comma = at ? ", " : "";
	if (end)
		snprintf(k.got + at, sizeof(k.got) - at, "%send %lld", comma, lb_proto_int(end, "code", -1));
	else if (strcmp(event, "events.lost") == 0)
		snprintf(k.got + at, sizeof(k.got) - at, "%slost %lld", comma,
			lb_proto_int(json_object_get(row, "data"), "count", 0));
	else
		snprintf(k.got + at, sizeof(k.got) - at, "%s%lld %s", comma, lb_proto_int(row, "seq", 0), event);
	json_decref(msg);
}

static bool full(void *arg)
{
	(void)arg;
	return k.full;
}

static void over(void *arg)
{
	(void)arg;
	k.ended++;
}

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return (struct lb_time){ 100000000 };
}

static int64_t op_wall_ms(void *arg)
{
	(void)arg;
	return WALL;
}

static const struct ctl_ops ops = { .now = op_now, .wall_ms = op_wall_ms };
static const struct ctl_sink sink = { .line = line, .full = full, .ended = over };

static void setup(void)
{
	memset(&k, 0, sizeof(k));
	k.events = events_new(4);
	k.watches = ctl_watches_new();
	k.env = (struct ctl_env){ .events = k.events, .watches = k.watches, .node = "lb-a", .ops = &ops };
	ctl_reply_init(&k.reply, &sink, NULL);
}

static void teardown(void)
{
	ctl_reply_done(&k.reply);
	ctl_watches_free(k.watches);
	events_free(k.events);
}

static void happens(enum lb_event_id id, int64_t second)
{
	const struct event e = { .id = id };
	const struct event_stamp at = { events_next(k.events), WALL, { second * 1000000 }, "lb-a" };
	events_add(k.events, id, at.now, event_text(&e, "x: y", &at));
}

static void watch(struct ctl_reply *r, const char *args)
{
	static const struct ctl_peer peer = { .user = "olga" };
	struct lb_err e;
	json_t *a = json_loads(args, 0, NULL);
	struct ctl_request rq = { .cmd = lb_command_wire("watch"), .args = a, .peer = &peer, .fd = -1 };
	ck_assert(a && lb_command_check_args(rq.cmd, a, &e) == 0);
	ctl_reply_begin(r, 1, 0);
	ctl_watch(&k.env, &rq, r);
	ctl_reply_settle(r);
	json_decref(a);
}

static void got(const char *what, const char *expect)
{
	ck_assert_msg(strcmp(k.got, expect) == 0, "%s: '%s' instead of '%s'", what, k.got, expect);
	k.got[0] = '\0';
}

START_TEST(records_come_as_they_happen)
{
	setup();
	happens(LB_EVENT_VRRP_STATE, 90);
	watch(&k.reply, "{}");
	got("nothing of before", "");
	happens(LB_EVENT_VRRP_STATE, 100);
	happens(LB_EVENT_BACKEND_HEALTH, 100);
	got("not before it is woken", "");
	ctl_watches_wake(k.watches);
	got("both", "2 vrrp.state, 3 backend.health");
	ctl_watches_wake(k.watches);
	got("each once", "");
	ctl_watches_end(k.watches);
	got("an end of its own", "end 0");
	ck_assert_uint_eq(k.ended, 1);
	teardown();
}
END_TEST

START_TEST(only_what_was_asked_for)
{
	setup();
	happens(LB_EVENT_VRRP_STATE, 50);
	happens(LB_EVENT_BACKEND_HEALTH, 91);
	happens(LB_EVENT_BACKEND_WEIGHT, 92);
	watch(&k.reply, "{\"since\": 10, \"kind\": \"backend.weight\", \"or\": \"vrrp\"}");
	got("of the last ten seconds", "3 backend.weight");
	happens(LB_EVENT_BACKEND_HEALTH, 100);
	happens(LB_EVENT_VRRP_TRACK, 100);
	ctl_watches_wake(k.watches);
	got("a whole kind", "5 vrrp.track");
	teardown();
}
END_TEST

START_TEST(a_slow_one_is_told_what_it_missed)
{
	setup();
	watch(&k.reply, "{}");
	happens(LB_EVENT_VRRP_STATE, 100);
	k.full = true;
	ctl_watches_wake(k.watches);
	got("it does not read", "");
	for (unsigned i = 0; i < 6; i++) {
		happens(LB_EVENT_PEER_STATE, 100);
		ctl_watches_wake(k.watches);
	}
	got("nor later", "");
	k.full = false;
	ck_assert_int_eq(ctl_reply_pump(&k.reply), 0);
	got("of seven there are four", "lost 3, 4 peer.state, 5 peer.state, 6 peer.state, 7 peer.state");
	events_add(k.events, LB_EVENT_PEER_STATE, op_now(NULL), NULL);
	ctl_watches_wake(k.watches);
	got("memory was out", "lost 1");
	teardown();
}
END_TEST

START_TEST(there_are_not_too_many)
{
	struct ctl_reply r[CTL_WATCHERS_MAX + 1];
	setup();
	for (size_t i = 0; i < COUNT(r); i++) {
		ctl_reply_init(&r[i], &sink, NULL);
		watch(&r[i], "{}");
	}
	got("one too many", "end 7");
	ctl_reply_done(&r[3]); /* one hangs up */
	ctl_reply_done(&r[0]);
	watch(&k.reply, "{}");
	got("there is room again", "");
	for (size_t i = 0; i < COUNT(r); i++)
		ctl_reply_done(&r[i]);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { records_come_as_they_happen, only_what_was_asked_for,
		a_slow_one_is_told_what_it_missed, there_are_not_too_many };
	return run_suite("ctl_watch", tests, COUNT(tests));
}
