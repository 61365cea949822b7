/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes written as text, buffers without a byte behind them, numbers that are the same in every run; the run. */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Blanks are for the reader. Returns the number of bytes. */
static inline size_t hex(const char *text, uint8_t *out, size_t room)
{
	size_t n = 0;
	for (; *text; text++) {
		if (*text == ' ')
			continue;
		char two[3] = { text[0], text[1] }, *end;
		ck_assert_msg(n < room, "too long: %s", text);
		out[n++] = (uint8_t)strtoul(two, &end, 16);
		ck_assert_msg(*end == '\0' && two[1], "no bytes: %s", text);
		text++;
	}
	return n;
}

/* Exactly as large as it says, so that a read behind its end is seen. */
static inline uint8_t *exact(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	ck_assert_ptr_nonnull(copy);
	if (n)
		memcpy(copy, bytes, n);
	return copy;
}

/* splitmix64 */
static inline uint64_t random_of(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint32_t among(uint64_t *s, uint32_t min, uint32_t max)
{
	return min + (uint32_t)(random_of(s) % ((uint64_t)max - min + 1));
}

static inline bool coin(uint64_t *s)
{
	return random_of(s) & 1;
}

static inline int suite_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
