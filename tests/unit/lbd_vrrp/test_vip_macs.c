/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vip_macs.h"

#include <check.h>
#include <string.h>

/* 02:00:00:00:00:last */
static const uint8_t *mac(uint8_t last)
{
	static uint8_t m[6] = { 2 };
	m[5] = last;
	return m;
}

static void link_is(struct vip_macs *m, int index, uint8_t last)
{
	struct vip_heard h = { .type = VIP_HEARD_LINK, .index = index, .mac_said = true, .has_mac = true };
	memcpy(h.mac, mac(last), 6);
	ck_assert_int_eq(vip_macs_hear(m, &h), 0);
}

static void said(struct vip_macs *m, enum vip_heard_type type, int index, bool mac_said)
{
	const struct vip_heard h = { .type = type, .index = index, .mac_said = mac_said };
	ck_assert_int_eq(vip_macs_hear(m, &h), 0);
}

/* Which of 1..9 are known. */
static const char *known(const struct vip_macs *m)
{
	static char out[10];
	size_t n = 0;
	for (uint8_t i = 1; i <= 9; i++)
		if (vip_macs_has(m, mac(i)))
			out[n++] = (char)('0' + i);
	out[n] = '\0';
	return out;
}

START_TEST(cards_come_and_go)
{
	struct vip_macs m = { 0 };
	ck_assert_str_eq(known(&m), "");
	link_is(&m, 7, 1);
	link_is(&m, 3, 2);
	link_is(&m, 5, 3);
	link_is(&m, 9, 3); /* that of a VLAN is its card's */
	ck_assert_str_eq(known(&m), "123");
	link_is(&m, 7, 4);
	ck_assert_str_eq(known(&m), "234");
	said(&m, VIP_HEARD_LINK_GONE, 5, false);
	ck_assert_str_eq(known(&m), "234");
	said(&m, VIP_HEARD_LINK_GONE, 9, false);
	ck_assert_str_eq(known(&m), "24");
	said(&m, VIP_HEARD_LINK_GONE, 9, false);
	said(&m, VIP_HEARD_LINK, 7, false); /* nothing about it */
	ck_assert_str_eq(known(&m), "24");
	said(&m, VIP_HEARD_LINK, 7, true); /* it has none */
	said(&m, VIP_HEARD_ADDR_GONE, 3, false);
	ck_assert_str_eq(known(&m), "2");
	vip_macs_done(&m);
}
END_TEST

START_TEST(what_a_dump_does_not_mention_is_gone)
{
	struct vip_macs m = { 0 };
	for (int i = 1; i <= 5; i++)
		link_is(&m, i, (uint8_t)i);
	vip_macs_dump_begin(&m);
	link_is(&m, 2, 2);
	said(&m, VIP_HEARD_LINK, 4, false);
	link_is(&m, 8, 8);
	vip_macs_dump_end(&m);
	ck_assert_str_eq(known(&m), "248");
	link_is(&m, 9, 9);
	ck_assert_str_eq(known(&m), "2489");
	vip_macs_dump_begin(&m); /* and an interrupted one takes nothing away */
	link_is(&m, 2, 2);
	ck_assert_str_eq(known(&m), "2489");
	vip_macs_done(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vip_macs");
	TCase *t = tcase_create("all");
	tcase_add_test(t, cards_come_and_go);
	tcase_add_test(t, what_a_dump_does_not_mention_is_gone);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
