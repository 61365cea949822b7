/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of netlink as hex, as written on a little-endian machine; requests have number 7. */
#pragma once

#include "common/nlmsg.h"
#include "tests/unit/lbd_sync/flows.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQ 7u

typedef int write_fn(struct lb_nl_batch *b);

struct request_row {
	const char *what;
	write_fn *write;
	const char *hex;
};

static inline void hex_of(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02x", p[i]);
}

/* As it should be; and in every buffer that is too short it is refused and leaves nothing. */
static inline void check_request(const struct request_row *r)
{
	static _Alignas(8) uint8_t buf[512];
	char hex[1025] = "";
	struct lb_nl_batch b = { .buf = buf, .cap = sizeof(buf) };
	memset(buf, 0xee, sizeof(buf));
	ck_assert_int_eq(r->write(&b), 0);
	hex_of(buf, b.len, hex);
	ck_assert_msg(strcmp(hex, r->hex) == 0, "%s:\n%s, not\n%s", r->what, hex, r->hex);
	size_t whole = b.len;
	for (size_t cap = 0; cap < whole; cap++) {
		uint8_t *small = malloc(cap + 1);
		ck_assert_ptr_nonnull(small);
		b = (struct lb_nl_batch){ .buf = small, .cap = cap };
		ck_assert_msg(r->write(&b) == -EMSGSIZE && b.len == 0, "%s in %zu bytes", r->what, cap);
		free(small);
	}
}

/* The first message of a datagram of n bytes; the bytes are the caller's to free, and end where they end. */
static inline uint8_t *answer(const char *hex, size_t n, struct lb_nl_msg *m, int *r)
{
	uint8_t *p = malloc(n ? n : 1);
	size_t at = 0;
	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++) {
		unsigned byte = 0;
		sscanf(hex + 2 * i, "%2x", &byte);
		p[i] = (uint8_t)byte;
	}
	*r = lb_nl_next(p, n, &at, m);
	return p;
}

typedef int read_fn(const struct lb_nl_msg *m);

/* Cut anywhere, with its length made to match, and with random bytes: nothing is read past the end. */
static inline void check_hostile(const char *hex, read_fn *read)
{
	size_t n = strlen(hex) / 2;
	struct lb_nl_msg m;
	int r;
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *p = answer(hex, cut, &m, &r);
		ck_assert_msg(r <= 0, "cut to %zu", cut);
		if (cut >= 16) {
			size_t at = 0;
			uint32_t len = (uint32_t)cut;
			memcpy(p, &len, sizeof(len));
			if (lb_nl_next(p, cut, &at, &m) == 1)
				(void)read(&m);
		}
		free(p);
	}
	for (unsigned seed = 0; seed < 2000; seed++) {
		uint64_t s = seed;
		uint8_t *p = answer(hex, n, &m, &r);
		size_t at = 0;
		for (int k = 0; k < 3; k++)
			p[random_of(&s) % n] = (uint8_t)random_of(&s);
		while (lb_nl_next(p, n, &at, &m) == 1)
			(void)read(&m);
		free(p);
	}
}

static inline int run_tests(const char *name, void (*add)(TCase *t))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create("all");
	add(t);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
