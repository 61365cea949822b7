/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What went up and down: kept when it flips, in order, bounded, and still told when the configuration has moved on. */
#include "lbd/history.h"
#include "tests/unit/lbd_model/fixture.h"

#define WEB                                                                                                            \
	"services:\n"                                                                                                  \
	"  web:\n"                                                                                                     \
	"    listen: 203.0.113.1:80\n"                                                                                 \
	"    backends:\n"                                                                                              \
	"      a: 10.1.0.1:80\n"                                                                                       \
	"      b: 10.1.0.2:80\n"
#define API                                                                                                            \
	"  api:\n"                                                                                                     \
	"    listen: 203.0.113.1:81\n"                                                                                 \
	"    backends:\n"                                                                                              \
	"      a: 10.1.0.1:80\n"

static struct check_state verdict(bool judged, bool up)
{
	struct check_state s = { .judged = judged, .up = up };
	s.last.code = up ? CHECK_CODE_L4OK : CHECK_CODE_L4CON;
	s.last.latency_us = 700;
	strcpy(s.last.text, up ? "connected" : "connection refused");
	return s;
}

/* As the daemon does: the record first, then the model. */
static void hear(struct history *h, struct world *w, const char *object, bool judged, bool up)
{
	struct check_state s = verdict(judged, up);
	uint32_t id = target_id(w, object, 0);
	history_add(h, w->m, id, &s, w->wall);
	ck_assert(model_health(w->m, id, &s, w->now, w->wall));
}

/* "0 tcp 10.1.0.1:80 unchecked->up L4OK/connected web/a,api/a(2)\n" */
static void one(const struct history_record *r, void *arg)
{
	char *out = (char *)arg + strlen(arg), ep[LB_ENDPOINT_STRLEN];
	out += sprintf(out, "%lld %s %s %s->%s %s/%s ", (long long)(r->wall_ms - WALL), r->check,
		lb_endpoint_str(&r->addr, r->port, ep), history_state_name((enum history_state)r->old_state),
		history_state_name((enum history_state)r->new_state), check_codes[r->result.code].name, r->result.text);
	const char *name = r->names;
	for (uint8_t i = 0; i < r->n_names; i++, name += strlen(name) + 1)
		out += sprintf(out, "%s%s", i ? "," : "", name);
	sprintf(out, "(%u)\n", r->n_backends);
}

static const char *text_of(
	const struct history *h, const struct world *w, const char *check, const char *backend, uint32_t last)
{
	static char text[65536];
	struct history_filter f = { check, backend, w->m, last };
	text[0] = '\0';
	history_each(h, &f, one, text);
	return text;
}

START_TEST(what_flips_is_kept_and_nothing_else)
{
	struct world w = { 0 };
	struct history *h = history_new(8);
	world_start(&w, WEB);
	hear(h, &w, "web/a", false, false); /* our own fault: nobody was judged */
	hear(h, &w, "web/a", true, true);
	hear(h, &w, "web/a", true, true);
	world_wait(&w, 5);
	hear(h, &w, "web/b", true, false);
	hear(h, &w, "web/a", true, false);
	world_wait(&w, 5);
	hear(h, &w, "web/a", true, true);
	struct check_state s = verdict(true, true);
	history_add(h, w.m, 4711, &s, w.wall); /* removed while its verdict was on its way */
	ck_assert_str_eq(text_of(h, &w, NULL, NULL, 0),
		"0 tcp 10.1.0.1:80 unchecked->up L4OK/connected web/a(1)\n"
		"5 tcp 10.1.0.2:80 unchecked->down L4CON/connection refused web/b(1)\n"
		"5 tcp 10.1.0.1:80 up->down L4CON/connection refused web/a(1)\n"
		"10 tcp 10.1.0.1:80 down->up L4OK/connected web/a(1)\n");
	history_free(h);
	world_end(&w);
}
END_TEST

START_TEST(the_newest_win)
{
	struct world w = { 0 };
	struct history *h = history_new(4);
	world_start(&w, WEB);
	ck_assert_str_eq(text_of(h, &w, NULL, NULL, 0), "");
	for (int i = 0; i < 11; i++) {
		hear(h, &w, "web/a", true, i & 1);
		world_wait(&w, 1);
	}
	char text[65536];
	strcpy(text, text_of(h, &w, NULL, NULL, 0));
	ck_assert_int_eq(strncmp(text, "7 ", 2), 0);
	ck_assert_str_eq(text_of(h, &w, NULL, NULL, 4), text);
	ck_assert_str_eq(text_of(h, &w, NULL, NULL, 100), text);
	ck_assert_str_eq(text_of(h, &w, NULL, NULL, 2),
		"9 tcp 10.1.0.1:80 down->up L4OK/connected web/a(1)\n"
		"10 tcp 10.1.0.1:80 up->down L4CON/connection refused web/a(1)\n");
	history_free(h);
	world_end(&w);
}
END_TEST

START_TEST(who_is_asked_for_is_found)
{
	struct world w = { 0 };
	struct history *h = history_new(8);
	world_start(&w, WEB API);
	hear(h, &w, "web/a", true, true); /* of both services: one target */
	hear(h, &w, "web/b", true, true);
	const char *a = "0 tcp 10.1.0.1:80 unchecked->up L4OK/connected web/a,api/a(2)\n";
	const char *a2 = "0 tcp 10.1.0.1:80 unchecked->up L4OK/connected api/a,web/a(2)\n";
	const char *b = "0 tcp 10.1.0.2:80 unchecked->up L4OK/connected web/b(1)\n";
	const char *got = text_of(h, &w, NULL, "api/a", 0);
	ck_assert_msg(strcmp(got, a) == 0 || strcmp(got, a2) == 0, "%s", got);
	ck_assert_str_eq(text_of(h, &w, NULL, "web/b", 0), b);
	ck_assert_str_eq(text_of(h, &w, NULL, "web/none", 0), "");
	ck_assert_str_eq(text_of(h, &w, "none", NULL, 0), "");
	ck_assert_str_eq(text_of(h, &w, "tcp", "web/b", 0), b);
	/* the newest of those, not of all */
	hear(h, &w, "web/a", true, false);
	ck_assert_str_eq(text_of(h, &w, NULL, "web/b", 1), b);
	/* a backend that is gone, and its target with it */
	world_start(&w, "services:\n  web:\n    listen: 203.0.113.1:80\n    backends:\n      a: 10.1.0.1:80\n");
	ck_assert_str_eq(text_of(h, &w, NULL, "web/b", 0), b);
	history_free(h);
	world_end(&w);
}
END_TEST

START_TEST(more_users_than_names)
{
	struct world w = { 0 };
	struct history *h = history_new(2);
	char text[8192] = "services:\n";
	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text),
			"  s%d:\n    listen: 203.0.113.1:%d\n    backends:\n      a: 10.1.0.1:80\n", i, 1000 + i);
	world_start(&w, text);
	hear(h, &w, "s0/a", true, true);
	const char *got = text_of(h, &w, NULL, NULL, 0);
	ck_assert_msg(strstr(got, "(20)") != NULL, "%s", got);
	/* found by any of them as long as the model has it */
	for (int i = 0; i < 20; i++) {
		char name[16];
		sprintf(name, "s%d/a", i);
		ck_assert_msg(*text_of(h, &w, NULL, name, 0), "%s", name);
	}
	history_free(h);
	history_free(NULL);
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { what_flips_is_kept_and_nothing_else, the_newest_win, who_is_asked_for_is_found,
		more_users_than_names };
	return run_suite("history", tests, COUNT(tests));
}
