/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_state */
/* A generation file: what is accepted is written again and means the same, and its head says the same without the
 * rest. */
#include "lbd/state/generation.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void hash_line(struct lb_text *out, const char *word)
{
	if (!out->bad)
		lb_text_printf(out, "%s %016llx\n", word,
			(unsigned long long)generation_hash(out->s ? out->s : "", out->n, GENERATION_HASH_INIT));
}

/* Length and checksums are repaired, so that the readers behind them are reached: the input is the fields, a line that
 * begins with "length", and the rest. */
static void repair(const char *data, size_t size, struct lb_text *out)
{
	const char *at = size ? memmem(data, size, "\nlength", 7) : NULL;
	const char *line_end = at ? memchr(at + 1, '\n', size - (size_t)(at + 1 - data)) : NULL;
	if (!line_end) {
		lb_text_put(out, data, size);
		return;
	}
	size_t body = size - (size_t)(line_end + 1 - data);
	lb_text_put(out, data, (size_t)(at + 1 - data));
	lb_text_printf(out, "length %zu\n", body);
	hash_line(out, "head");
	lb_text_put(out, line_end + 1, body);
	hash_line(out, "end");
}

static int same(const struct generation *a, const struct generation *b)
{
	return a->number == b->number && a->wall_ms == b->wall_ms && a->state == b->state &&
	       strcmp(a->by, b->by) == 0 && strcmp(a->message, b->message) == 0 && strcmp(a->why, b->why) == 0 &&
	       strcmp(a->sha256, b->sha256) == 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct generation g, head, again = { 0 };
	struct lb_err e;
	struct lb_text out = LB_TEXT_INIT, fixed = LB_TEXT_INIT;
	repair((const char *)data, size, &fixed);
	const char *s = fixed.s ? fixed.s : "";
	int of_head = generation_read_head(
		s, fixed.n < GENERATION_HEAD_MAX ? fixed.n : GENERATION_HEAD_MAX, fixed.n, &head, &e);
	if (!fixed.bad && generation_read(s, fixed.n, &g, &e) == 0) {
		generation_write(&g, &out);
		if (!out.bad && (generation_read(out.s, out.n, &again, &e) || !generation_same_text(&g, &again) ||
					!same(&g, &again)))
			abort();
		if (generation_is_newer(s, fixed.n))
			abort();
		/* leading zeros may make a head longer than any that is written */
		if (of_head == 0 && !same(&g, &head))
			abort();
		generation_done(&again);
		generation_done(&g);
	}
	lb_text_done(&fixed);
	lb_text_done(&out);
	return 0;
}
