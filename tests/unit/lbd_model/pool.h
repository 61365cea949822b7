/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools as the file writes them, and what their checks say. */
#pragma once

#include "tests/unit/lbd_model/fixture.h"

#define WEB(rest) "services:\n  web:\n    listen: 203.0.113.1:80\n" rest
#define THREE     "    backends: { a: 10.1.0.1, b: 10.1.0.2, c: 10.1.0.3 }\n"
#define CHECKS                                                                                                         \
	"checks:\n  one: { type: tcp, port: 1 }\n  two: { type: tcp, port: 2 }\n  three: { type: tcp, port: 3 }\n"

#define TEN                                                                                                            \
	"    backends: { a: 10.1.0.1, b: 10.1.0.2, c: 10.1.0.3, d: 10.1.0.4, e: 10.1.0.5,\n"                           \
	"                f: 10.1.0.6, g: 10.1.0.7, h: 10.1.0.8, i: 10.1.0.9, j: 10.1.0.10 }\n"

#define WEIGHTY                                                                                                        \
	"      a: { address: 10.1.0.1, weight: 10 }, b: { address: 10.1.0.2, weight: 10 },\n"                          \
	"      c: { address: 10.1.0.3, weight: 10 }, d: { address: 10.1.0.4, weight: 10 },\n"                          \
	"      e: { address: 10.1.0.5, weight: 10 }, f: { address: 10.1.0.6, weight: 10 },\n"                          \
	"      g: { address: 10.1.0.7, weight: 10 }, h: { address: 10.1.0.8, weight: 10 },\n"                          \
	"      i: { address: 10.1.0.9, weight: 10 }, j: { address: 10.1.0.10, weight: 10 } }\n"

/* For .kernel of a world. */
#define FOUND(weight_a, weight_b, weight_c)                                                                            \
	{                                                                                                              \
		"203.0.113.1:80/tcp 10.1.0.1:80=" weight_a, "203.0.113.1:80/tcp 10.1.0.2:80=" weight_b,                \
			"203.0.113.1:80/tcp 10.1.0.3:80=" weight_c                                                     \
	}

static inline void all_up(struct world *w, const char *names)
{
	char object[16] = "web/?";
	for (; *names; names++) {
		object[4] = *names;
		world_health(w, object, 0, true);
	}
	world_settle(w);
	world_changes(w);
}

static inline void word(struct world *w, const char *object, bool up)
{
	world_health(w, object, 0, up);
	world_settle(w);
}

/* A FAIL that is counted and does not yet take it down. */
static inline void stumble(struct world *w, const char *object)
{
	struct check_state st = { .n = 3, .judged = true, .up = true, .last = { .code = CHECK_CODE_L4TOUT } };
	ck_assert(model_health(w->m, target_id(w, object, 0), &st, w->now, w->wall));
}

/* The counter is full again without ever having run out. */
static inline void recover(struct world *w, const char *object)
{
	struct check_state st = { .n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_L4OK } };
	ck_assert(model_health(w->m, target_id(w, object, 0), &st, w->now, w->wall));
}

static inline void ask(struct world *w, const char *object, enum check_weight_kind kind, uint16_t value)
{
	struct check_state st = { .n = 4, .judged = true, .up = true, .last = { .code = CHECK_CODE_L7OKC } };
	st.last.weight = (struct check_weight){ (uint8_t)kind, value };
	ck_assert(model_health(w->m, target_id(w, object, 0), &st, w->now, w->wall));
	world_settle(w);
}
