/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A core without loop, kernel or disk: configurations as people write them, a clock owned by the test, and the whole
 * model as one text that a test compares. */
#pragma once

#include "lbd/model.h"
#include "lbd/plan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WALL     1700000000000 /* when every test begins */
#define MINUTE   60000

#define SHARED                                                                                                         \
	"services:\n"                                                                                                  \
	"  web: { listen: 203.0.113.1:80, backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"                                  \
	"  api: { listen: 203.0.113.2:80, backends: { x: 10.1.0.1:80, y: 10.1.0.1:81 } }\n"                            \
	"  dns: { listen: 203.0.113.3:80, backends: { n: 10.1.0.9 } }\n"

static inline int run_suite(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	tcase_set_timeout(tc, 100);
	suite_add_tcase(s, tc);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct rng {
	uint64_t s;
};

static inline uint32_t rnd(struct rng *r, uint32_t below)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) % below);
}

static inline struct config *config_of_node(const char *text, const char *node)
{
	struct config_source src = { "test.yaml", text, strlen(text) };
	struct lb_text report = LB_TEXT_INIT;
	struct config *c = config_load(&src, 1, node, &report);
	ck_assert_msg(c != NULL, "the test's own configuration:\n%s\n%s", text, report.s);
	lb_text_done(&report);
	return c;
}

static inline struct config *config_of(const char *text)
{
	return config_of_node(text, NULL);
}

struct world {
	struct overrides *ov;
	struct model *m;
	uint32_t next_id;
	struct lb_time now;
	int64_t wall;
	/* "203.0.113.1:80/tcp 10.1.0.1:80=5": destinations the kernel has with a weight; without one: as configured */
	const char *kernel[8];
	char changes[8192]; /* what model_settle told */
};

static inline uint32_t world_kernel(const struct ipvs_key *key, const struct lb_ip *addr, uint16_t port, void *arg)
{
	const struct world *w = arg;
	char k[IPVS_KEY_STRLEN], ep[LB_ENDPOINT_STRLEN], line[IPVS_KEY_STRLEN + LB_ENDPOINT_STRLEN + 1];
	snprintf(line, sizeof(line), "%s %s", ipvs_key_str(key, k), lb_endpoint_str(addr, port, ep));
	size_t n = strlen(line);
	for (size_t i = 0; i < COUNT(w->kernel) && w->kernel[i]; i++)
		if (strncmp(w->kernel[i], line, n) == 0 && (!w->kernel[i][n] || w->kernel[i][n] == '='))
			return w->kernel[i][n] ? (uint32_t)strtoul(w->kernel[i] + n + 1, NULL, 10) : CONFIG_WEIGHT_MAX;
	return 0;
}

static inline void world_changed(const struct model_change *ch, void *arg)
{
	struct world *w = arg;
	size_t at = strlen(w->changes);
	const char *svc = ch->m->services[ch->service].cfg->name;
	if (ch->backend == MODEL_NONE)
		snprintf(w->changes + at, sizeof(w->changes) - at, "%s %s->%s\n", svc,
			model_service_status_name((enum model_service_status)ch->old_state),
			model_service_status_name((enum model_service_status)ch->new_state));
	else
		snprintf(w->changes + at, sizeof(w->changes) - at, "%s/%s %s->%s %u->%u\n", svc,
			ch->m->backends[ch->backend].cfg->name,
			model_backend_state_name((enum model_backend_state)ch->old_state),
			model_backend_state_name((enum model_backend_state)ch->new_state), ch->old_weight,
			ch->new_weight);
}

/* A start, or a reload when there is a model; nothing is settled yet. */
static inline void world_load(struct world *w, const char *text)
{
	if (!w->ov) {
		w->ov = overrides_new();
		w->now = (struct lb_time){ 5000000000 };
		w->wall = WALL;
		w->next_id = 1;
	}
	struct model_input in = { .config = config_of(text),
		.old = w->m,
		.overrides = w->ov,
		.in_kernel = world_kernel,
		.arg = w,
		.next_id = &w->next_id,
		.now = w->now,
		.wall_ms = w->wall };
	struct model *m = model_new(&in);
	ck_assert_ptr_nonnull(m);
	model_free(w->m);
	w->m = m;
}

/* Settles what is dirty; the number of services. */
static inline unsigned world_settle(struct world *w)
{
	unsigned n = 0;
	for (uint32_t s; (s = model_next_dirty(w->m)) != MODEL_NONE; n++)
		model_settle(w->m, s, w->now, w->wall, world_changed, w);
	return n;
}

static inline void world_start(struct world *w, const char *text)
{
	world_load(w, text);
	world_settle(w);
}

static inline void world_end(struct world *w)
{
	model_free(w->m);
	overrides_free(w->ov);
}

static inline void world_wait(struct world *w, int64_t ms)
{
	w->now = lb_time_add_ms(w->now, ms);
	w->wall += ms;
}

/* What the loop does when a timer fires. */
static inline unsigned world_tick(struct world *w)
{
	model_tick(w->m, w->now);
	return world_settle(w);
}

static inline uint32_t backend_at(const struct world *w, const char *object)
{
	struct lb_err e;
	uint32_t b = model_object_find(w->m, object, &e);
	ck_assert_msg(b != MODEL_NONE, "%s: %s", object, e.text);
	return b;
}

static inline uint32_t target_id(const struct world *w, const char *object, uint32_t check)
{
	return model_backend_target(w->m, backend_at(w, object), check)->id;
}

static inline void world_health(struct world *w, const char *object, uint32_t check, bool up)
{
	struct check_state st = { .n = up ? 4 : 0,
		.judged = true,
		.up = up,
		.last = { .code = up ? CHECK_CODE_L4OK : CHECK_CODE_L4CON, .latency_us = 700 } };
	strcpy(st.last.text, up ? "" : "connection refused");
	ck_assert(model_health(w->m, target_id(w, object, check), &st, w->now, w->wall));
}

/* It is up, and the last probe could not be made. */
static inline void world_paused(struct world *w, const char *object, uint32_t check)
{
	struct check_state st = { .n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_SOCKERR } };
	strcpy(st.last.text, "eth1 has no link: paused");
	ck_assert(model_health(w->m, target_id(w, object, check), &st, w->now, w->wall));
}

/* A stage after one that failed: nothing is known of it. */
static inline void world_rests(struct world *w, const char *object, uint32_t check)
{
	const struct check_state st = { .last = { .code = CHECK_CODE_INI } };
	ck_assert(model_health(w->m, target_id(w, object, check), &st, w->now, w->wall));
}

static inline struct override_who who_of(const struct world *w, int64_t for_ms)
{
	return (struct override_who){ "alice", "because", w->wall, w->now, for_ms, false };
}

static inline void world_state(struct world *w, const char *object, enum config_state state, int64_t for_ms)
{
	struct override_who who = who_of(w, for_ms);
	ck_assert_int_eq(overrides_set_state(w->ov, object, state, &who), 0);
	model_override_changed(w->m, object);
}

static inline void world_weight(
	struct world *w, const char *object, enum override_weight kind, uint32_t weight, int64_t for_ms)
{
	struct override_who who = who_of(w, for_ms);
	ck_assert_int_eq(overrides_set_weight(w->ov, object, kind, weight, &who), 0);
	model_override_changed(w->m, object);
}

/* What the rooms are told now, by id: "+1 +2 -3". */
static inline const char *world_tell(struct world *w)
{
	static char text[1024];
	size_t at = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < w->m->n_targets; i++) {
		enum model_tell what = model_target_tell(w->m, i);
		if (what != MODEL_TELL_NOTHING)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%c%u", at ? " " : "",
				what == MODEL_TELL_SET ? '+' : '-', w->m->targets[i].id);
	}
	return text;
}

/* An override whose time is over. */
static inline void lost(const struct override *ov, void *arg)
{
	model_override_changed(arg, ov->object); /* the obvious thing to do when told */
}

/* "web degraded 1: a=up:1 b=down:0!check_failed c=maint:0-!admin_maint": '-' = no row in the kernel, '!' = reasons. */
static inline const char *world_text(const struct world *w)
{
	static char text[32768];
	size_t at = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < w->m->n_services; i++) {
		const struct model_service *s = &w->m->services[i];
		at += (size_t)sprintf(text + at, "%s %s %u:", s->cfg->name,
			model_service_status_name((enum model_service_status)s->status), s->in_pool);
		for (uint32_t k = 0; k < s->cfg->n_backends; k++) {
			const struct model_backend *b = &w->m->backends[s->first_backend + k];
			ck_assert_int_eq(b->in_pool, b->weight > 0);
			at += (size_t)sprintf(text + at, " %s=%s:%u%s", b->cfg->name,
				model_backend_state_name((enum model_backend_state)b->state), b->weight,
				b->in_table ? "" : "-");
			for (size_t r = 0; r < model_reasons_n; r++)
				if (b->reasons & model_reasons[r].bit)
					at += (size_t)sprintf(text + at, "!%s", model_reasons[r].name);
		}
		at += (size_t)sprintf(text + at, "\n");
	}
	return text;
}

#define EXPECT(w, want) ck_assert_str_eq(world_text(w), want)

static inline const char *world_changes(struct world *w)
{
	static char text[sizeof(w->changes)];
	strcpy(text, w->changes);
	w->changes[0] = '\0';
	return text;
}

/* Every row of the plan as text. */
static inline const char *plan_text(const struct world *w)
{
	static char text[65536];
	size_t at = 0;
	struct ipvs_row row = { 0 };
	text[0] = '\0';
	for (uint32_t i = 0; i < w->m->n_services; i++)
		for (uint32_t l = 0; l < w->m->services[i].cfg->n_listens; l++) {
			char k[IPVS_KEY_STRLEN], ep[LB_ENDPOINT_STRLEN];
			ck_assert_int_eq(plan_listener(w->m, i, l, &row), 0);
			at += (size_t)sprintf(text + at, "%s %s flags=%x", ipvs_key_str(&row.svc.key, k),
				row.svc.scheduler, row.svc.flags);
			if (row.svc.flags & IPVS_FLAG_PERSISTENT)
				at += (size_t)sprintf(text + at, " persist=%u/%u", row.svc.timeout, row.svc.prefix);
			if (row.svc.engine[0])
				at += (size_t)sprintf(text + at, " pe=%s", row.svc.engine);
			lb_vec_foreach (d, &row.dests)
				at += (size_t)sprintf(
					text + at, " %s=%u", lb_endpoint_str(&d->addr, d->port, ep), d->weight);
			at += (size_t)sprintf(text + at, "\n");
		}
	ipvs_row_done(&row);
	return text;
}
