/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of netlink: nests, lengths, what is cut. */
#include "common/nlmsg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(8) uint8_t buf[256];

/* A message of 36 bytes: head 16, fixed part 4, a nest of 16 with a number and an empty text. */
static int write_one(struct lb_nl_batch *b)
{
	size_t from = b->len, nest;
	return lb_nl_end(b, from,
		lb_nl_begin(b, 7, 20, 4, "abcd", 4) && lb_nl_nest(b, 3, &nest) && lb_nl_u32(b, 1, 0x01020304) &&
			lb_nl_text(b, 2, "") && lb_nl_nest_end(b, nest));
}

START_TEST(a_nest)
{
	struct lb_nl_batch b = { .buf = buf, .cap = sizeof(buf) };
	struct lb_nl_msg m;
	struct lb_nl_attr top[4] = { 0 }, inner[4] = { 0 };
	char text[4] = "x";
	size_t at = 0;
	ck_assert_int_eq(write_one(&b), 0);
	ck_assert_int_eq(write_one(&b), 0);
	ck_assert_int_eq(lb_nl_next(buf, b.len, &at, &m), 1);
	ck_assert(m.type == 20 && m.seq == 7 && m.flags == 5 && m.n == 24 && memcmp(m.body, "abcd", 4) == 0);
	ck_assert(lb_nl_parse(m.body + 4, m.n - 4, top, 4));
	ck_assert(top[3].data && top[3].n == 16 && !top[1].data);
	ck_assert(lb_nl_parse(top[3].data, top[3].n, inner, 4));
	ck_assert_uint_eq(lb_nl_get_u32(&inner[1], 9), 0x01020304);
	ck_assert_uint_eq(lb_nl_get_u32(&inner[2], 9), 9); /* too short */
	ck_assert_uint_eq(lb_nl_get_u16(&inner[3], 8), 8); /* not there */
	lb_nl_get_text(&inner[2], text, sizeof(text));
	ck_assert_str_eq(text, "");
	lb_nl_get_text(&inner[1], text, 4); /* four letters and no room for the end */
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(lb_nl_next(buf, b.len, &at, &m), 1);
	ck_assert_int_eq(lb_nl_next(buf, b.len, &at, &m), 0);
}
END_TEST

START_TEST(no_room)
{
	struct lb_nl_batch whole = { .buf = buf, .cap = sizeof(buf) };
	ck_assert_int_eq(write_one(&whole), 0);
	for (size_t cap = 0; cap < whole.len; cap++) {
		struct lb_nl_batch b = { .buf = malloc(cap + 1), .cap = cap };
		ck_assert_int_eq(write_one(&b), -EMSGSIZE);
		ck_assert_uint_eq(b.len, 0);
		free(b.buf);
	}
}
END_TEST

static const struct {
	const char *what;
	uint32_t len; /* that the head says, of a datagram of 20 bytes */
	int result;
} heads[] = {
	{ "as it is", 20, 1 },
	{ "shorter than a head", 15, -EBADMSG },
	{ "nothing", 0, -EBADMSG },
	{ "longer than the datagram", 21, -EBADMSG },
	{ "much longer", UINT32_MAX, -EBADMSG },
	{ "a head alone; the padding behind it is not", 16, 1 },
};

START_TEST(lengths)
{
	struct lb_nl_msg m;
	size_t at = 0;
	memset(buf, 0, sizeof(buf));
	memcpy(buf, &heads[_i].len, 4);
	ck_assert_msg(lb_nl_next(buf, 20, &at, &m) == heads[_i].result, "%s", heads[_i].what);
}
END_TEST

START_TEST(second_is_cut)
{
	struct lb_nl_batch b = { .buf = buf, .cap = sizeof(buf) };
	struct lb_nl_msg m;
	size_t at = 0;
	ck_assert_int_eq(write_one(&b), 0);
	ck_assert_int_eq(write_one(&b), 0);
	ck_assert_int_eq(lb_nl_next(buf, b.len - 1, &at, &m), 1);
	ck_assert_int_eq(lb_nl_next(buf, b.len - 1, &at, &m), -EBADMSG);
}
END_TEST

START_TEST(status)
{
	int32_t v = -17;
	struct lb_nl_msg m = { .type = 2, .body = (const uint8_t *)&v, .n = 4 };
	int err = 5;
	ck_assert(lb_nl_status(&m, &err) == 0 && err == -17);
	v = 1;
	ck_assert(lb_nl_status(&m, &err) == -EBADMSG && err == -17);
	m.n = 0;
	ck_assert_int_eq(lb_nl_status(&m, &err), -EBADMSG);
	m.type = 3; /* the end of a dump need not say more */
	ck_assert(lb_nl_status(&m, &err) == 0 && err == 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nlmsg");
	TCase *t = tcase_create("all");
	tcase_add_test(t, a_nest);
	tcase_add_test(t, no_room);
	tcase_add_test(t, second_is_cut);
	tcase_add_loop_test(t, lengths, 0, sizeof(heads) / sizeof(heads[0]));
	tcase_add_test(t, status);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
