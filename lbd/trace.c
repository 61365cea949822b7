/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/trace.h"

#include <stdio.h>
#include <string.h>

enum { WAITED = 2, PLANNED, KERNEL }; /* parts of those that go to the kernel */

#define TO_KERNEL                                                                                                      \
	{ "waited", "for its turn, behind what was being done" }, { "planned", "decided and compared with what is" },  \
	{                                                                                                              \
		"kernel", "until the kernel had answered"                                                              \
	}

const struct trace_row trace_rows[TRACE_KINDS] = {
	[TRACE_FLIP] = { "flip", { { "probed", "the probe that decided, from its start" },
					 { "told", "from its process to the core" }, TO_KERNEL } },
	[TRACE_CONFIG] = { "config", { { "loaded", "read and checked" },
					     { "stored", "compared, written down and swapped in" }, TO_KERNEL } },
	[TRACE_TAKEOVER] = { "takeover",
		{ { "silent", "from the last word of the old master until it counts as gone" },
			{ "woke", "how late we saw that" }, { "advert", "until the first advert was sent" },
			{ "addresses", "until the kernel had all of them" },
			{ "announced", "until the switches and neighbours were told, where that was later" } } },
};

static struct trace *next(struct traces *t)
{
	struct trace *one = &t->v[t->n++ % TRACE_RECORDS];
	if (one->open)
		t->open--;
	return one;
}

void traces_add(struct traces *t, enum trace_kind kind, const char *object, const uint32_t *us, int64_t wall_ms)
{
	struct trace *one = next(t);
	*one = (struct trace){ .kind = kind, .wall_ms = wall_ms };
	memcpy(one->us, us, sizeof(one->us));
	snprintf(one->object, sizeof(one->object), "%s", object);
}

void traces_open(struct traces *t, enum trace_kind kind, const char *object, uint32_t first_us, uint32_t second_us,
	struct lb_time now, int64_t wall_ms)
{
	const uint32_t us[TRACE_PARTS] = { first_us, second_us };
	traces_add(t, kind, object, us, wall_ms);
	struct trace *one = &t->v[(t->n - 1) % TRACE_RECORDS];
	one->open = true;
	one->from = now;
	t->open++;
}

void traces_begin(struct traces *t, struct lb_time now)
{
	if (!t->open || t->turn.us)
		return;
	t->turn = now;
	t->kernel_us = 0;
}

void traces_kernel(struct traces *t, int64_t us)
{
	t->kernel_us += us;
}

static void over(struct traces *t)
{
	t->open = 0;
	t->turn = (struct lb_time){ 0 };
}

void traces_close(struct traces *t, struct lb_time now)
{
	if (!t->open)
		return;
	traces_begin(t, now);
	int64_t whole = lb_time_diff_us(now, t->turn), kernel = t->kernel_us < whole ? t->kernel_us : whole;
	for (size_t i = 0; i < TRACE_RECORDS; i++) {
		struct trace *one = &t->v[i];
		if (!one->open)
			continue;
		one->open = false;
		one->us[WAITED] = lb_time_span_us(one->from, t->turn);
		one->us[PLANNED] = (uint32_t)(whole - kernel);
		one->us[KERNEL] = (uint32_t)kernel;
	}
	over(t);
}

void traces_failed(struct traces *t)
{
	for (size_t i = 0; t->open && i < TRACE_RECORDS; i++)
		if (t->v[i].open)
			t->v[i] = (struct trace){ 0 };
	over(t);
}

void traces_each(const struct traces *t, void (*fn)(const struct trace *one, void *arg), void *arg)
{
	for (uint64_t i = t->n > TRACE_RECORDS ? t->n - TRACE_RECORDS : 0; i < t->n; i++) {
		const struct trace *one = &t->v[i % TRACE_RECORDS];
		if (!one->open && one->object[0])
			fn(one, arg);
	}
}
