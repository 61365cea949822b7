/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_param.h"

#include "common/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 3u /* key and length */

int check_param_put(struct lb_text *out, enum check_param key, const char *value, size_t n)
{
	if (n > CHECK_PARAM_VALUE_MAX || out->n + HEAD + n + 1 > CHECK_PARAMS_MAX)
		return -EINVAL;
	const char head[HEAD] = { (char)key, (char)(n & 0xff), (char)(n >> 8) };
	lb_text_put(out, head, HEAD);
	lb_text_put(out, value, n);
	lb_text_put(out, "", 1);
	return out->bad ? -ENOMEM : 0;
}

static size_t length_at(const uint8_t *p)
{
	return (size_t)p[1] | (size_t)p[2] << 8;
}

bool check_params_ok(const uint8_t *bytes, size_t n)
{
	uint8_t last = CHECK_PARAM_NONE;
	if (n > CHECK_PARAMS_MAX)
		return false;
	for (size_t at = 0; at < n;) {
		if (n - at < HEAD + 1)
			return false;
		size_t len = length_at(bytes + at);
		uint8_t key = bytes[at];
		if (key == CHECK_PARAM_NONE || key >= CHECK_PARAM_COUNT || key < last || len > CHECK_PARAM_VALUE_MAX ||
			n - at - HEAD < len + 1 || bytes[at + HEAD + len])
			return false;
		last = key;
		at += HEAD + len + 1;
	}
	return true;
}

const char *check_param_next(const struct check_params *p, enum check_param key, const char *from, size_t *n)
{
	size_t at = 0;
	if (from) {
		at = (size_t)((const uint8_t *)from - p->bytes);
		at += length_at(p->bytes + at - HEAD) + 1;
	}
	for (; at < p->n && p->bytes[at] <= key; at += HEAD + length_at(p->bytes + at) + 1) {
		if (p->bytes[at] != key)
			continue;
		if (n)
			*n = length_at(p->bytes + at);
		return (const char *)p->bytes + at + HEAD;
	}
	return NULL;
}

uint32_t check_param_num(const struct check_params *p, enum check_param key, uint32_t absent)
{
	const char *s = check_param(p, key);
	return s ? (uint32_t)strtoul(s, NULL, 10) : absent;
}

bool check_params_equal(const struct check_params *a, const struct check_params *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->bytes, b->bytes, a->n) == 0);
}
