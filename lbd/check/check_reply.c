/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_reply.h"

#include "lbd/check/check_regex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP ((size_t)1024)

bool check_reply_wanted(const struct check_params *p)
{
	return check_param(p, CHECK_PARAM_EXPECT) || check_param(p, CHECK_PARAM_EXPECT_REGEX);
}

int check_reply_init(struct check_reply *r, const struct check_params *p)
{
	size_t want_n = 0, pattern_n = 0;
	const char *want = check_param_next(p, CHECK_PARAM_EXPECT, NULL, &want_n);
	const char *pattern = check_param_next(p, CHECK_PARAM_EXPECT_REGEX, NULL, &pattern_n);
	int rc = 0;
	*r = (struct check_reply){ .by_bytes = want_n != 0, .by_regex = pattern != NULL };
	if (r->by_bytes)
		rc = check_match_init(&r->match, want, want_n);
	if (rc == 0 && r->by_regex)
		rc = check_regex_new(pattern, pattern_n, &r->regex, NULL, NULL);
	if (rc)
		check_reply_done(r);
	return rc;
}

static bool keep(struct check_reply *r, const char *piece, size_t n)
{
	size_t cap = r->cap ? r->cap : FIRST_CAP;
	while (cap < r->seen + n)
		cap *= 2;
	if (cap != r->cap) {
		char *more = realloc(r->kept, cap);
		if (!more)
			return false;
		r->kept = more;
		r->cap = cap;
	}
	memcpy(r->kept + r->seen, piece, n);
	return true;
}

static void keep_head(struct check_reply *r, const char *piece, size_t n)
{
	size_t room = sizeof(r->head) - r->head_n;
	size_t take = n < room ? n : room;
	if (take)
		memcpy(r->head + r->head_n, piece, take);
	r->head_n = (uint8_t)(r->head_n + take);
}

static enum check_reply_say verdict(const struct check_reply *r)
{
	if ((!r->by_bytes || r->bytes_seen) && (!r->by_regex || r->regex_seen))
		return CHECK_REPLY_SEEN;
	return r->seen >= CHECK_REPLY_MAX ? CHECK_REPLY_FULL : CHECK_REPLY_OPEN;
}

bool check_reply_unsearched(const struct check_reply *r)
{
	return r->by_regex && !r->regex_seen && r->searched < r->seen;
}

enum check_reply_say check_reply_search(struct check_reply *r)
{
	if (!check_reply_unsearched(r))
		return verdict(r);
	int found = check_regex_search(r->regex, r->kept, r->seen);
	r->searched = r->seen;
	if (found < 0)
		return found == -ENOMEM ? CHECK_REPLY_NOMEM : CHECK_REPLY_COSTLY;
	r->regex_seen = found == 1;
	return verdict(r);
}

enum check_reply_say check_reply_feed(struct check_reply *r, const char *piece, size_t n, bool drained)
{
	if (n > CHECK_REPLY_MAX - r->seen)
		n = CHECK_REPLY_MAX - r->seen;
	keep_head(r, piece, n);
	if (r->by_bytes && !r->bytes_seen)
		r->bytes_seen = check_match_feed(&r->match, piece, n);
	if (r->by_regex && !r->regex_seen && !keep(r, piece, n))
		return CHECK_REPLY_NOMEM;
	r->seen += n;
	bool grown = r->seen - r->searched > r->searched / 8;
	if (r->seen == CHECK_REPLY_MAX || (drained && grown))
		return check_reply_search(r);
	return verdict(r);
}

void check_reply_again(struct check_reply *r)
{
	r->bytes_seen = r->regex_seen = false;
	r->seen = r->searched = 0;
	r->head_n = 0;
	r->match.at = 0;
	r->match.seen = 0;
	r->match.head_n = 0;
}

void check_reply_done(struct check_reply *r)
{
	check_match_done(&r->match);
	check_regex_free(r->regex);
	free(r->kept);
	*r = (struct check_reply){ 0 };
}
