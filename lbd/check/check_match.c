/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int check_match_init(struct check_match *m, const char *want, size_t want_len)
{
	if (want_len == 0 || want_len > CHECK_BYTES_MAX)
		return -EINVAL;
	uint16_t *back = calloc(want_len, sizeof(*back));
	if (!back)
		return -ENOMEM;
	*m = (struct check_match){ .want = want, .want_len = (uint16_t)want_len, .back = back };
	/* back[i]: length of the longest proper prefix of want that also ends at want[i] */
	uint16_t k = 0;
	for (size_t i = 1; i < want_len; i++) {
		while (k && want[i] != want[k])
			k = back[k - 1];
		if (want[i] == want[k])
			k++;
		back[i] = k;
	}
	return 0;
}

static void keep_head(struct check_match *m, const char *piece, size_t n)
{
	size_t room = sizeof(m->head) - m->head_n;
	size_t take = n < room ? n : room;
	if (take)
		memcpy(m->head + m->head_n, piece, take);
	m->head_n = (uint8_t)(m->head_n + take);
}

bool check_match_feed(struct check_match *m, const char *piece, size_t n)
{
	keep_head(m, piece, n);
	for (size_t i = 0; i < n && m->at < m->want_len && m->seen < CHECK_REPLY_MAX; i++, m->seen++) {
		while (m->at && piece[i] != m->want[m->at])
			m->at = m->back[m->at - 1];
		if (piece[i] == m->want[m->at])
			m->at++;
	}
	return m->at == m->want_len;
}

void check_match_done(struct check_match *m)
{
	free(m->back);
	*m = (struct check_match){ 0 };
}
