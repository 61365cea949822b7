/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regular expressions (PCRE2) over replies of backends. The pattern is the operator's, the subject is a stranger's:
 * matching is limited in steps, depth and memory, so that no reply can hold up the other probes.
 * Bytes, not UTF-8; a dot is not a newline; ^ and $ are the ends of the reply unless the pattern says (?m).
 */
#pragma once

#include <stddef.h>

struct check_regex;

/* Compiles n bytes of pattern. 0, and *out is to be freed with check_regex_free; -EINVAL: why says what is wrong and
 * *at is the offset of the place; -ENOMEM. On failure *out is untouched. why and at may be NULL. */
int check_regex_new(const char *pattern, size_t n, struct check_regex **out, char why[96], size_t *at);

/* Whether the pattern matches anywhere in n bytes: 1 yes, 0 no, -EOVERFLOW a limit was reached before that was known,
 * -ENOMEM. Not for two searches at a time with the same re. */
int check_regex_search(struct check_regex *re, const char *bytes, size_t n);

void check_regex_free(struct check_regex *re);
