/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out while a message is written, or read from what was parsed, is an error: never half a message,
 * never one that is called broken, and nothing stays behind. The n-th allocation fails, and all after it.
 */
#pragma once

#include "tests/unit/channel.h"
#include "tests/unit/memory.h"

typedef void write_fn(const void *m, struct lb_text *out);

/* With the sanitizer only jansson's allocations fail, and it is the sanitizer that finds what stays behind. */
static inline void *json_memory(size_t n)
{
	return out_of_memory() ? NULL : malloc(n);
}

static inline void memory_init(void)
{
	if (!REPLACED)
		json_set_alloc_funcs(json_memory, free);
}

/* -ENOMEM: memory was out somewhere. */
static inline int there_and_back(const struct channel *c, int type, const void *m, write_fn *write)
{
	struct lb_text line = LB_TEXT_INIT;
	int rc = -ENOMEM;
	write(m, &line);
	if (!line.bad) {
		long limit = left;
		left = -1; /* the parser of jansson 2.14 ends the process by an assertion when its buffer cannot grow */
		json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
		left = limit;
		rc = c->read(type, o);
		json_decref(o);
	}
	lb_text_done(&line);
	return rc;
}

static inline void sweep(const struct channel *c, int type, const void *m, write_fn *write)
{
	long n = 0, before;
	int rc;
	do {
		before = live;
		left = n;
		rc = there_and_back(c, type, m, write);
		bool spare = left > 0;
		left = -1;
		long after = live;
		ck_assert_msg(rc == 0 || rc == -ENOMEM, "%s: called broken: %d, allocation %ld", c->name(type), rc, n);
		ck_assert_msg(after == before, "%s: %ld left behind, allocation %ld", c->name(type), after - before, n);
		ck_assert_msg(rc == 0 || !spare, "%s: gave up at %ld although there was memory", c->name(type), n);
		n++;
	} while (rc && n < 100000);
	ck_assert_msg(rc == 0 && n > 4, "%s: %ld allocations", c->name(type), n);
}

/* A line that turns out to be broken: what was read before that is freed, too. Takes over the line. */
static inline void broken(const struct channel *c, int type, json_t *o)
{
	long before = live;
	int rc = c->read(type, o);
	long after = live;
	ck_assert_int_eq(rc, -EBADMSG);
	ck_assert_int_eq(before, after);
	json_decref(o);
}
