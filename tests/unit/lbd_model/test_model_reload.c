/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reload keeps and what it touches; and configurations at random. */
#include "lbd/model_track.h"
#include "tests/unit/lbd_model/pool.h"

/* What a reload costs is counted in names that are looked at, not in time. */
static size_t looked;

int strcmp(const char *a, const char *b)
{
	looked++;
	for (; *a && *a == *b; a++, b++)
		;
	return *(const unsigned char *)a - *(const unsigned char *)b;
}

size_t strlen(const char *s)
{
	const volatile char *end = s; /* or a compiler knows this loop, and makes it a call of strlen */
	looked++;
	while (*end)
		end++;
	return (size_t)(end - (const volatile char *)s);
}

/* ---- reload ---- */

START_TEST(a_reload_of_the_same_touches_nothing)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_health(&w, "dns/n", 0, false);
	world_settle(&w);
	world_changes(&w);
	char before[2048];
	strcpy(before, world_text(&w));
	uint32_t next = w.next_id;
	world_wait(&w, 60000);
	world_load(&w, SHARED);
	ck_assert_uint_eq(w.m->n_dirty, 0);
	ck_assert_str_eq(world_text(&w), before); /* known without settling anything */
	ck_assert_uint_eq(w.next_id, next);
	const struct model_target *t = model_backend_target(w.m, backend_at(&w, "dns/n"), 0);
	ck_assert(t->judged && !t->up && t->since_wall_ms == WALL);
	ck_assert_str_eq(t->text, "connection refused");
	ck_assert_int_eq(w.m->services[0].since_wall_ms, WALL);
	for (uint32_t i = 0; i < 3; i++)
		model_dirty(w.m, i);
	world_settle(&w);
	ck_assert_str_eq(world_text(&w), before);
	ck_assert_str_eq(world_changes(&w), "");
	world_end(&w);
}
END_TEST

START_TEST(a_reload_marks_what_changed_and_only_that)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_health(&w, "web/b", 0, true);
	world_settle(&w);
	world_health(&w, "dns/n", 0, true); /* dirty when the reload comes */
	world_load(&w, "services:\n"
		       "  web: { listen: 203.0.113.1:80, backends: { b: 10.1.0.2, a: 10.1.0.1 } }\n" /* another order */
		       "  api: { listen: 203.0.113.2:80, backends: { x: 10.1.0.1:80, y: 10.1.0.1:81 } }\n"
		       "  new: { listen: 203.0.113.4:80, backends: { z: 10.1.0.2:80 } }\n"
		       "  dns: { listen: 203.0.113.3:80, backends: { n: 10.1.0.9 } }\n");
	ck_assert(!w.m->services[model_service_find(w.m, "api")].dirty);
	ck_assert(w.m->services[model_service_find(w.m, "dns")].dirty);
	ck_assert(w.m->services[model_service_find(w.m, "new")].dirty);
	world_settle(&w);
	EXPECT(&w, "api degraded 1: x=up:1 y=unchecked:0!not_checked\n"
		   "dns up 1: n=up:1\n"
		   "new up 1: z=up:1\n" /* b's target: judged long ago */
		   "web up 2: b=up:1 a=up:1\n");
	world_end(&w);
}
END_TEST

enum names { AS_THEY_WERE, TURNED_ROUND, ALL_NEW };

/* A service of n backends; free it. */
static char *large(uint32_t n, enum names names, const char *weight)
{
	char *text = malloc(64 * (size_t)n + 256);
	ck_assert_ptr_nonnull(text);
	size_t at = (size_t)sprintf(text, WEB("    backends:\n"));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = names == TURNED_ROUND ? n - 1 - i : i;
		at += (size_t)sprintf(text + at, "      %s%05u: { address: 10.1.%u.%u, weight: %s }\n",
			names == ALL_NEW ? "new" : "app", k, k >> 8, k & 255, k == n / 2 ? weight : "1");
	}
	return text;
}

START_TEST(a_large_service_is_reloaded_in_less_than_the_square_of_its_size)
{
	enum { N = 10000 };
	static const struct {
		const char *what;
		enum names names;
		uint32_t known; /* from before */
	} rows[] = {
		{ "one weight is another", AS_THEY_WERE, N },
		{ "the file is written from its end", TURNED_ROUND, N },
		{ "all have other names", ALL_NEW, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		char *before = large(N, AS_THEY_WERE, "1"), *after = large(N, rows[i].names, "2");
		world_start(&w, before);
		for (uint32_t k = 0; k < N; k++)
			w.m->backends[k].since_wall_ms = 7;
		looked = 0;
		world_load(&w, after);
		size_t cost = looked;
		ck_assert_msg(cost < 100 * N, "%s: %zu names were looked at", rows[i].what, cost);
		uint32_t same = 0;
		for (uint32_t k = 0; k < N; k++)
			same += w.m->backends[k].since_wall_ms == 7;
		ck_assert_msg(same == rows[i].known, "%s: %u were known", rows[i].what, same);
		free(before);
		free(after);
		world_end(&w);
	}
}
END_TEST

/* What operators said of backends is asked about when the file no longer has them. */
START_TEST(nobody_looks_for_what_is_like_a_backend_that_is_gone)
{
	enum { N = 4000 };
	struct world w = { 0 };
	char *text = large(N, ALL_NEW, "1");
	world_start(&w, text);
	looked = 0;
	for (unsigned i = 0; i < N; i++) {
		char object[32];
		snprintf(object, sizeof(object), "web/app%05u", i);
		ck_assert(!model_override_known(w.m, object));
		ck_assert(!model_override_known(w.m, "gone/app"));
	}
	ck_assert_msg(looked < 100 * N, "%zu names were looked at", looked);
	free(text);
	world_end(&w);
}
END_TEST

START_TEST(ids_of_targets_stay_and_new_ones_come_after)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	uint32_t a = target_id(&w, "web/a", 0), b = target_id(&w, "web/b", 0), n = target_id(&w, "dns/n", 0),
		 next = w.next_id;
	ck_assert_uint_eq(next, 5);
	/* sorted before all others, so that old and new ids are mixed in the building */
	world_start(&w, "services:\n"
			"  aaa: { listen: 203.0.113.9:80, backends: { q: 10.9.0.1, r: 10.9.0.2 } }\n"
			"  web: { listen: 203.0.113.1:80, backends: { new: 10.1.0.7, b: 10.1.0.2, a: 10.1.0.1 } }\n"
			"  dns: { listen: 203.0.113.3:80, backends: { n: 10.1.0.9 } }\n");
	ck_assert_uint_eq(target_id(&w, "web/a", 0), a);
	ck_assert_uint_eq(target_id(&w, "web/b", 0), b);
	ck_assert_uint_eq(target_id(&w, "dns/n", 0), n);
	ck_assert_uint_ge(target_id(&w, "aaa/q", 0), next);
	ck_assert_uint_ge(target_id(&w, "aaa/r", 0), next);
	ck_assert_uint_ge(target_id(&w, "web/new", 0), next);
	/* another interval is another probe */
	world_start(&w, "defaults: { check: { interval: 9s } }\nservices: { dns: { listen: 203.0.113.3:80, backends: { "
			"n: 10.1.0.9 } } }");
	ck_assert_uint_gt(target_id(&w, "dns/n", 0), n);
	world_end(&w);
}
END_TEST

START_TEST(a_check_that_changed_takes_nobody_out_who_serves)
{
	struct world w = { 0 };
	world_start(&w, "services: { web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1, b: 10.1.0.2 } } }");
	world_health(&w, "web/a", 0, true);
	world_health(&w, "web/b", 0, false);
	world_settle(&w);
	world_changes(&w);
	w.kernel[0] = "203.0.113.1:80/tcp 10.1.0.1:80"; /* b is there with weight 0 */
	world_start(&w,
		"checks: { tcp2: { type: tcp, interval: 9s } }\n"
		"services: { web: { listen: 203.0.113.1:80, check: tcp2, backends: { a: 10.1.0.1, b: 10.1.0.2 } } }");
	EXPECT(&w, "web degraded 1: a=up:1!not_checked b=down:0!not_checked\n");
	/* another reload before the first verdict, and one that cannot look at the kernel */
	w.kernel[0] = NULL;
	world_start(&w, "checks: { tcp2: { type: tcp, interval: 9s } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: tcp2, backends: { a: { address: 10.1.0.1, "
			"weight: 3 }, b: 10.1.0.2 } } }");
	EXPECT(&w, "web degraded 1: a=up:3!not_checked b=down:0!not_checked\n");
	world_health(&w, "web/a", 0, false);
	world_settle(&w);
	EXPECT(&w, "web down 0: a=down:0!check_failed b=down:0!not_checked\n");
	/* judged ill since: that it served once is no reason any more */
	world_start(&w, "checks: { tcp3: { type: tcp, interval: 8s } }\n"
			"services: { web: { listen: 203.0.113.1:80, check: tcp3, backends: { a: 10.1.0.1 } } }");
	EXPECT(&w, "web down 0: a=down:0!not_checked\n");
	world_changes(&w);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w), "web/a down->up 0->1\nweb down->up\n");
	world_end(&w);
}
END_TEST

#define APP(interval) "checks: { app: { type: tcp, interval: " interval " } }\n"
#define OPEN          "    check: app\n    quorum: { up: 2, on_loss: open }\n"
#define KERNEL(a, b)  "203.0.113.1:80/tcp 10.1.0." a ":80=" b

/* Nobody was probed: that a lost quorum left them in is no word for them, and whoever tracks that looks at it. */
START_TEST(a_check_that_changed_brings_nobody_back_who_was_down)
{
	static const struct config_share one = { .value = 1 };
	struct world w = { .kernel = { KERNEL("1", "1"), KERNEL("2", "1"), KERNEL("3", "1") } };
	static const char down[] = "web down 3: a=down:1!not_checked!quorum_open b=down:1!not_checked!quorum_open "
				   "c=down:1!not_checked!quorum_open\n";
	world_start(&w, APP("500ms") WEB(OPEN THREE));
	for (const char *o = "abc"; *o; o++)
		word(&w, (char[]){ 'w', 'e', 'b', '/', *o, 0 }, false);
	ck_assert_int_eq(model_seen_services(w.m, &one), MODEL_SEEN_DOWN);
	world_changes(&w);
	world_start(&w, APP("10s") WEB(OPEN THREE));
	EXPECT(&w, down);
	ck_assert_int_eq(model_seen_services(w.m, &one), MODEL_SEEN_DOWN);
	world_start(&w, APP("9s") WEB(OPEN THREE)); /* once more before the first word */
	EXPECT(&w, down);
	ck_assert_str_eq(world_changes(&w), "");
	/* under other names, too */
	world_start(&w, APP("8s") WEB(OPEN "    backends: { x: 10.1.0.1, b: 10.1.0.2, c: 10.1.0.3 }\n"));
	ck_assert_ptr_nonnull(strstr(world_text(&w), " x=down:1!not_checked!quorum_open "));
	ck_assert_str_eq(world_changes(&w), "");
	word(&w, "web/x", true);
	word(&w, "web/b", true);
	EXPECT(&w, "web degraded 2: x=up:1 b=up:1 c=down:0!not_checked\n");
	/* after maintenance nobody knows */
	world_state(&w, "web/c", CONFIG_STATE_MAINT, 0);
	world_settle(&w);
	world_state(&w, "web/c", CONFIG_STATE_ENABLED, 0);
	world_settle(&w);
	EXPECT(&w, "web degraded 2: x=up:1 b=up:1 c=unchecked:0!not_checked\n");
	world_end(&w);
}
END_TEST

START_TEST(who_was_not_judged_yet_is_not_trusted_for_a_quorum_that_is_open)
{
	struct world w = { 0 };
	world_start(&w, APP("500ms") WEB(OPEN THREE));
	static const char open[] = "web down 3: a=unchecked:1!not_checked!quorum_open "
				   "b=unchecked:1!not_checked!quorum_open c=unchecked:1!not_checked!quorum_open\n";
	EXPECT(&w, open);
	w.kernel[0] = KERNEL("1", "1");
	world_start(&w, APP("10s") WEB(OPEN THREE));
	EXPECT(&w, open);
	world_end(&w);
}
END_TEST

/* Another server is none that anybody has asked, whatever it is called. */
START_TEST(another_address_or_port_is_another_server)
{
	static const struct {
		const char *what, *backends, *found, *held;
	} rows[] = {
		{ "another address", "{ a: 10.1.0.77, b: 10.1.0.2, c: 10.1.0.3 }",
			"web degraded 2: a=unchecked:0!not_checked b=up:1!not_checked c=up:1!not_checked\n",
			"web degraded 2: a=unchecked:0!not_checked b=up:1!fail_open c=up:1!fail_open\n" },
		{ "another port", "{ a: 10.1.0.1:81, b: 10.1.0.2, c: 10.1.0.3 }",
			"web degraded 2: a=unchecked:0!not_checked b=up:1!not_checked c=up:1!not_checked\n",
			"web degraded 2: a=unchecked:0!not_checked b=up:1!fail_open c=up:1!fail_open\n" },
		{ "the port it had, by its number", "{ a: 10.1.0.1:80, b: 10.1.0.2, c: 10.1.0.3 }",
			"web up 3: a=up:1!not_checked b=up:1!not_checked c=up:1!not_checked\n",
			"web degraded 3: a=up:1!fail_open b=up:1!fail_open c=up:1!fail_open\n" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { .kernel = { KERNEL("1", "1"), KERNEL("2", "1"), KERNEL("3", "1") } };
		char text[400];
		snprintf(text, sizeof(text), WEB("    fail_open: 50%%\n    backends: %s\n"), rows[i].backends);
		world_start(&w, WEB("    fail_open: 50%\n" THREE));
		world_start(&w, text);
		ck_assert_msg(strcmp(world_text(&w), rows[i].found) == 0, "%s: %s", rows[i].what, world_text(&w));
		world_start(&w, WEB("    fail_open: 50%\n" THREE));
		all_up(&w, "abc");
		for (const char *o = "abc"; *o; o++)
			word(&w, (char[]){ 'w', 'e', 'b', '/', *o, 0 }, false);
		world_start(&w, text);
		ck_assert_msg(strcmp(world_text(&w), rows[i].held) == 0, "held, %s: %s", rows[i].what, world_text(&w));
		world_end(&w);
	}
}
END_TEST

/* It is known of another service to fail, and was never in this pool: fail_open does not put it there. */
START_TEST(fail_open_holds_nobody_at_an_address_that_is_new)
{
	struct world w = { 0 };
	static const char other[] = "  zoo: { listen: 203.0.113.2:80, backends: { z: 10.1.0.77 } }\n";
	char text[400];
	snprintf(text, sizeof(text), "%s%s", WEB("    fail_open: 50%\n" THREE), other);
	world_start(&w, text);
	all_up(&w, "abc");
	world_health(&w, "zoo/z", 0, true);
	for (const char *o = "bc"; *o; o++)
		word(&w, (char[]){ 'w', 'e', 'b', '/', *o, 0 }, false);
	word(&w, "zoo/z", false);
	snprintf(text, sizeof(text), "%s%s",
		WEB("    fail_open: 50%\n    backends: { a: 10.1.0.77, b: 10.1.0.2, c: 10.1.0.3 }\n"), other);
	world_start(&w, text);
	ck_assert_ptr_nonnull(
		strstr(world_text(&w), "web degraded 2: a=down:0!check_failed b=up:1!fail_open c=up:1!fail_open\n"));
	world_end(&w);
}
END_TEST

START_TEST(a_candidate_can_be_planned_and_thrown_away)
{
	struct world w = { 0 };
	world_start(&w, SHARED);
	world_health(&w, "web/a", 0, true);
	world_settle(&w);
	world_changes(&w);
	char before[2048], plan[2048];
	strcpy(before, world_text(&w));
	strcpy(plan, plan_text(&w));
	struct model_input in = {
		.config = config_of(
			"services: { web: { listen: 203.0.113.1:80, scheduler: mh, backends: { a: 10.1.0.1 } } }"),
		.old = w.m,
		.overrides = w.ov,
		.next_id = &w.next_id,
		.now = w.now,
		.wall_ms = w.wall
	};
	struct model *candidate = model_new(&in);
	for (uint32_t s; (s = model_next_dirty(candidate)) != MODEL_NONE;)
		model_settle(candidate, s, w.now, w.wall, NULL, NULL);
	ck_assert_uint_eq(candidate->services[0].in_pool, 1);
	model_free(candidate);
	EXPECT(&w, before);
	ck_assert_str_eq(plan_text(&w), plan);
	world_health(&w, "web/a", 0, false);
	world_settle(&w);
	ck_assert_str_eq(world_changes(&w),
		"web/a up->down 1->0\nweb degraded->down\napi/x up->down 1->0\napi degraded->down\n");
	model_free(NULL);
	world_end(&w);
}
END_TEST

/* A random configuration over few names and addresses, so that reloads meet again what they knew. */
static void random_yaml(struct rng *r, char *out)
{
	static const char *const checks[] = { "none", "tcp", "x", "[tcp, x]" };
	static const char *const states[] = { "enabled", "enabled", "drain", "maint" };
	out += sprintf(out, "checks: { x: { type: tcp, port: %u } }\nservices:\n", 7000 + rnd(r, 2));
	bool any = false;
	for (unsigned s = 0; s < 5; s++) {
		if (rnd(r, 3) == 0)
			continue;
		any = true;
		out += sprintf(out,
			"  s%u: { listen: [203.0.113.%u:80, 203.0.113.%u:81], check: %s, drain: { timeout: 5m, then: "
			"%s }, backends: {",
			s, s, s, checks[rnd(r, 4)], rnd(r, 2) ? "cut" : "keep");
		for (unsigned b = 0, n = 0; b < 5; b++)
			if (rnd(r, 3))
				out += sprintf(out, "%s b%u: { address: 10.1.0.%u, port: %u, weight: %u, state: %s }",
					n++ ? "," : "", b, b + 1, 80 + s % 2, rnd(r, 3), states[rnd(r, 4)]);
		out += sprintf(out, " } }\n");
	}
	if (!any)
		sprintf(out, "  {}\n");
}

/* What the test itself remembers of a probe: by what it probes, not by id. */
struct memory {
	struct check_spec spec;
	uint32_t id;
	bool judged, up;
};

static struct memory *recall(struct memory *mem, size_t *n, const struct check_spec *spec)
{
	for (size_t i = 0; i < *n; i++)
		if (mem[i].spec.port == spec->port && lb_ip_cmp(&mem[i].spec.addr, &spec->addr) == 0)
			return &mem[i];
	mem[*n] = (struct memory){ .spec = *spec };
	return &mem[(*n)++];
}

static void check_links(const struct world *w, unsigned seed)
{
	const struct model *m = w->m;
	uint32_t links = 0;
	for (uint32_t t = 0; t < m->n_targets; t++) {
		ck_assert_msg(
			t == 0 || m->targets[t - 1].id < m->targets[t].id, "seed %u: targets are not sorted", seed);
		ck_assert_msg(model_target_by_id(m, m->targets[t].id) == &m->targets[t], "seed %u: id %u", seed,
			m->targets[t].id);
		for (uint32_t l = m->targets[t].first_link; l != MODEL_NONE; l = m->links[l].next, links++)
			ck_assert_msg(m->links[l].target == t, "seed %u: a link of target %u leads to %u", seed, t,
				m->links[l].target);
		ck_assert_msg(m->targets[t].first_link != MODEL_NONE, "seed %u: a target for nobody", seed);
	}
	ck_assert_msg(links == m->n_links, "seed %u: %u of %u links hang on a target", seed, links, m->n_links);
	for (uint32_t b = 0; b < m->n_backends; b++) {
		const struct config_service *s = m->services[m->backends[b].service].cfg;
		for (uint32_t k = 0; k < s->n_checks; k++) {
			const struct model_target *t = model_backend_target(m, b, k);
			uint16_t port = s->checks[k]->spec.port ? s->checks[k]->spec.port : m->backends[b].cfg->port;
			ck_assert_msg(m->links[m->backends[b].first_link + k].backend == b && t->port == port &&
					      lb_ip_cmp(&t->addr, &m->backends[b].cfg->addr) == 0,
				"seed %u: backend %u check %u probes another target", seed, b, k);
		}
	}
}

START_TEST(reloads_at_random_keep_health_ids_and_sense)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct rng r = { seed };
		struct world w = { 0 };
		struct memory mem[64];
		size_t n_mem = 0;
		char yaml[8192];
		for (unsigned round = 0; round < 12; round++) {
			random_yaml(&r, yaml);
			world_load(&w, yaml);
			check_links(&w, seed);
			bool seen[64] = { false };
			for (uint32_t t = 0; t < w.m->n_targets; t++) {
				const struct model_target *t1 = &w.m->targets[t];
				struct check_spec spec;
				model_target_spec(t1, &spec);
				struct memory *k = recall(mem, &n_mem, &spec);
				seen[k - mem] = true;
				ck_assert_msg(k->id == 0 || k->id == t1->id,
					"seed %u: the id of a target went from %u to %u", seed, k->id, t1->id);
				ck_assert_msg(k->judged == t1->judged && k->up == t1->up,
					"seed %u: round %u forgot the health of a target", seed, round);
				k->id = t1->id;
			}
			for (size_t i = 0; i < n_mem; i++)
				if (!seen[i])
					mem[i] = mem[--n_mem], seen[i] = seen[n_mem],
					i--; /* gone: nobody may remember it */
			world_settle(&w);
			for (uint32_t k = rnd(&r, 6); k > 0 && w.m->n_targets; k--) {
				const struct model_target *t1 = &w.m->targets[rnd(&r, w.m->n_targets)];
				struct check_spec spec;
				model_target_spec(t1, &spec);
				struct memory *m = recall(mem, &n_mem, &spec);
				struct check_state st = { .judged = true, .up = rnd(&r, 2) };
				ck_assert(model_health(w.m, t1->id, &st, w.now, w.wall));
				m->judged = true;
				m->up = st.up;
			}
			world_settle(&w);
			world_wait(&w, (int64_t)rnd(&r, 4) * MINUTE);
			world_tick(&w);
			/* nothing was forgotten to be marked: deciding all of it again changes nothing */
			char before[8192];
			strcpy(before, world_text(&w));
			for (uint32_t i = 0; i < w.m->n_services; i++)
				model_dirty(w.m, i);
			world_settle(&w);
			ck_assert_msg(strcmp(world_text(&w), before) == 0,
				"seed %u: round %u: stood at\n%sand should be\n%s", seed, round, before,
				world_text(&w));
		}
		world_end(&w);
	}
}
END_TEST

START_TEST(after_an_overrides_expiry_the_plan_is_as_without_it)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct rng r = { seed };
		struct world with = { 0 }, without = { 0 };
		char yaml[8192], object[32];
		random_yaml(&r, yaml);
		world_start(&with, yaml);
		world_start(&without, yaml);
		for (unsigned step = 0; step < 12; step++) {
			for (uint32_t t = 0; t < with.m->n_targets; t++)
				if (rnd(&r, 4) == 0) {
					struct check_state st = { .judged = true, .up = rnd(&r, 2) };
					model_health(with.m, with.m->targets[t].id, &st, with.now, with.wall);
					model_health(
						without.m, without.m->targets[t].id, &st, without.now, without.wall);
				}
			snprintf(object, sizeof(object), "s%u/b%u", rnd(&r, 5), rnd(&r, 5));
			if (step < 8 && rnd(&r, 2))
				world_state(
					&with, object, (enum config_state)rnd(&r, 3), 1 + (int64_t)rnd(&r, 3 * MINUTE));
			else if (step < 8)
				world_weight(&with, object, (enum override_weight)rnd(&r, 2), rnd(&r, 200),
					1 + (int64_t)rnd(&r, 3 * MINUTE));
			struct world *const both[] = { &with, &without };
			for (int i = 0; i < 2; i++) {
				world_wait(both[i], MINUTE);
				overrides_expire(both[i]->ov, both[i]->now, lost, both[i]->m);
				world_tick(both[i]);
			}
		}
		ck_assert_uint_eq(overrides_count(with.ov), 0);
		/* the drain of the configuration may have begun later where an override held it up: let all of them end
		 */
		world_wait(&with, 10 * MINUTE);
		world_wait(&without, 10 * MINUTE);
		world_tick(&with);
		world_tick(&without);
		char a[8192];
		strcpy(a, plan_text(&with));
		ck_assert_msg(strcmp(a, plan_text(&without)) == 0, "seed %u:\n%s\nafter the overrides, and without\n%s",
			seed, a, plan_text(&without));
		strcpy(a, world_text(&with));
		ck_assert_msg(strcmp(a, world_text(&without)) == 0,
			"seed %u:\n%s\nafter the overrides, and without\n%s", seed, a, world_text(&without));
		world_end(&with);
		world_end(&without);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_reload_of_the_same_touches_nothing, a_reload_marks_what_changed_and_only_that,
		a_large_service_is_reloaded_in_less_than_the_square_of_its_size,
		nobody_looks_for_what_is_like_a_backend_that_is_gone, ids_of_targets_stay_and_new_ones_come_after,
		a_check_that_changed_takes_nobody_out_who_serves, a_check_that_changed_brings_nobody_back_who_was_down,
		who_was_not_judged_yet_is_not_trusted_for_a_quorum_that_is_open,
		another_address_or_port_is_another_server, fail_open_holds_nobody_at_an_address_that_is_new,
		a_candidate_can_be_planned_and_thrown_away, reloads_at_random_keep_health_ids_and_sense,
		after_an_overrides_expiry_the_plan_is_as_without_it };
	return run_suite("model_reload", tests, COUNT(tests));
}
