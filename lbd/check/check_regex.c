/* SPDX-License-Identifier: GPL-2.0-or-later */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "lbd/check/check_regex.h"

#include <errno.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* PCRE2's own match limit starts again at each place of the subject, so [a-z]+[0-9] over 64 KiB of letters takes more
 * than a second and never meets it. What we count is the work of the whole search: the pattern is compiled with a
 * callout before each item, and a callout costs 1 and the bytes that were run over since the last one. Measured: the
 * limit is reached in some 20 ms, and plain patterns over a plain text of 64 KiB stay below a fortieth of it. */
#define WORK_MAX          4000000u
#define BYTES_PER_WORK    8u
#define BYTES_PER_COMPARE 64u
#define STEPS_MAX         1000000u
#define DEPTH_MAX         20000u
#define HEAP_MAX_KIB      4096u
#define PATTERN_NESTING   100u

struct check_regex {
	pcre2_compile_context *compile;
	pcre2_code *code;
	pcre2_match_context *limits;
	pcre2_match_data *data;
	uint32_t back_refs; /* the highest group that is referred to */
	/* of the search that runs */
	size_t work, place;
};

static int count(pcre2_callout_block *b, void *arg)
{
	struct check_regex *re = arg;
	size_t ran = b->current_position > re->place ? b->current_position - re->place : 0, again = 0;
	/* what a back reference would compare now and, when it differs, not run over */
	if (re->back_refs && b->capture_last) {
		const PCRE2_SIZE *group = b->offset_vector + (size_t)2 * b->capture_last;
		if (group[0] != PCRE2_UNSET && group[1] > group[0])
			again = group[1] - group[0];
	}
	re->place = b->current_position;
	re->work += 1 + ran / BYTES_PER_WORK + again / BYTES_PER_COMPARE;
	return re->work > WORK_MAX ? PCRE2_ERROR_MATCHLIMIT : 0;
}

void check_regex_free(struct check_regex *re)
{
	if (!re)
		return;
	pcre2_match_data_free(re->data);
	pcre2_match_context_free(re->limits);
	pcre2_code_free(re->code);
	pcre2_compile_context_free(re->compile);
	free(re);
}

static int compile(struct check_regex *re, const char *pattern, size_t n, char why[96], size_t *at)
{
	/* \C would be the only way to look into the middle of a character; a pattern must not switch UTF-8 on either,
	 * or a reply that is none would be an error instead of an answer. */
	const uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
	int err = 0;
	PCRE2_SIZE place = 0;
	re->compile = pcre2_compile_context_create(NULL);
	if (!re->compile)
		return -ENOMEM;
	pcre2_set_parens_nest_limit(re->compile, PATTERN_NESTING);
	re->code = pcre2_compile((PCRE2_SPTR)pattern, n, options, &err, &place, re->compile);
	if (re->code) {
		(void)pcre2_pattern_info(re->code, PCRE2_INFO_BACKREFMAX, &re->back_refs);
		return 0;
	}
	if (err == PCRE2_ERROR_HEAP_FAILED)
		return -ENOMEM;
	if (why && pcre2_get_error_message(err, (PCRE2_UCHAR *)why, 96) == PCRE2_ERROR_BADDATA)
		snprintf(why, 96, "error %d", err);
	if (at)
		*at = place;
	return -EINVAL;
}

int check_regex_new(const char *pattern, size_t n, struct check_regex **out, char why[96], size_t *at)
{
	struct check_regex *re = calloc(1, sizeof(*re));
	if (!re)
		return -ENOMEM;
	int rc = compile(re, pattern, n, why, at);
	if (rc == 0) {
		re->limits = pcre2_match_context_create(NULL);
		re->data = pcre2_match_data_create(1, NULL); /* nobody asks where it matched */
		rc = re->limits && re->data ? 0 : -ENOMEM;
	}
	if (rc) {
		check_regex_free(re);
		return rc;
	}
	/* A pattern may lower these, (*LIMIT_MATCH=), and cannot raise them. */
	pcre2_set_match_limit(re->limits, STEPS_MAX);
	pcre2_set_depth_limit(re->limits, DEPTH_MAX);
	pcre2_set_heap_limit(re->limits, HEAP_MAX_KIB);
	pcre2_set_callout(re->limits, count, re);
	*out = re;
	return 0;
}

int check_regex_search(struct check_regex *re, const char *bytes, size_t n)
{
	re->work = re->place = 0;
	/* Not the JIT: it needs memory that is writable and executable, which the probe process may not have. */
	int rc = pcre2_match(re->code, (PCRE2_SPTR)bytes, n, 0, PCRE2_NO_JIT, re->data, re->limits);
	if (rc >= 0)
		return 1;
	switch (rc) {
	case PCRE2_ERROR_NOMATCH: return 0;
	case PCRE2_ERROR_NOMEMORY: return -ENOMEM;
	/* The three limits, and what else stops a match of a good pattern (recursion that goes nowhere). */
	default: return -EOVERFLOW;
	}
}
