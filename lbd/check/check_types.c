/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_types.h"

#include <string.h>

const struct check_type_row check_types[] = {
	[CHECK_TYPE_TCP] = { "tcp", 0, "passes when a connection opens and, with expect, the bytes come" },
};
_Static_assert(sizeof(check_types) / sizeof(check_types[0]) == CHECK_TYPE_COUNT, "one row per check type");

const struct check_code_row check_codes[] = {
	[CHECK_CODE_INI] = { "INI", CHECK_VERDICT_NONE, "not probed yet" },
	[CHECK_CODE_UNK] = { "UNK", CHECK_VERDICT_NONE, "no check configured" },
	[CHECK_CODE_SOCKERR] = { "SOCKERR", CHECK_VERDICT_ERROR, "our own fault: it never counts against a backend" },
	[CHECK_CODE_L4OK] = { "L4OK", CHECK_VERDICT_PASS, "connected" },
	[CHECK_CODE_L4TOUT] = { "L4TOUT", CHECK_VERDICT_FAIL, "no answer to the connection request" },
	[CHECK_CODE_L4CON] = { "L4CON", CHECK_VERDICT_FAIL, "connection refused or target unreachable" },
	[CHECK_CODE_L7OK] = { "L7OK", CHECK_VERDICT_PASS, "reply as wanted" },
	[CHECK_CODE_L7TOUT] = { "L7TOUT", CHECK_VERDICT_FAIL, "connected, but no such reply before the deadline" },
	[CHECK_CODE_L7RSP] = { "L7RSP", CHECK_VERDICT_FAIL, "the reply is not what was expected" },
};
_Static_assert(sizeof(check_codes) / sizeof(check_codes[0]) == CHECK_CODE_COUNT, "one row per code");

int check_code_parse(const char *word)
{
	for (int i = 0; i < CHECK_CODE_COUNT; i++)
		if (strcmp(check_codes[i].name, word) == 0)
			return i;
	return -1;
}

static bool bytes_equal(const char *a, size_t an, const char *b, size_t bn)
{
	return an == bn && (an == 0 || memcmp(a, b, an) == 0);
}

bool check_spec_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->type == b->type && lb_ip_cmp(&a->addr, &b->addr) == 0 && a->port == b->port &&
	       a->interval_ms == b->interval_ms && a->interval_down_ms == b->interval_down_ms &&
	       a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall &&
	       bytes_equal(a->send, a->send_len, b->send, b->send_len) &&
	       bytes_equal(a->expect, a->expect_len, b->expect, b->expect_len);
}

/* FNV-1a, 32 bit: the table of targets is private to the daemon, nobody outside can choose its keys freely. */
static uint32_t mix(uint32_t h, const void *data, size_t n)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

uint32_t check_spec_hash(const struct check_spec *s)
{
	/* field by field: the padding of the struct has no defined content */
	const uint32_t words[] = { (uint32_t)s->type, s->addr.family, s->port, s->interval_ms, s->interval_down_ms,
		s->timeout_ms, s->rise, s->fall, (uint32_t)s->send_len, (uint32_t)s->expect_len };
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		h = (h ^ words[i]) * 16777619u;
	h = mix(h, s->addr.b, sizeof(s->addr.b));
	h = mix(h, s->send, s->send_len);
	return mix(h, s->expect, s->expect_len);
}
