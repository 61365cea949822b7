/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vmac.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *what;
	uint8_t family, vrid;
	const char *card, *name; /* name NULL: not known beforehand */
} names[] = {
	{ "as people read it", AF_INET, 51, "eth0", "lbd4-51-eth0" },
	{ "IPv6 has its own: one VRID may be both", AF_INET6, 51, "eth0", "lbd6-51-eth0" },
	{ "just fits", AF_INET, 255, "enp3s0", "lbd4-255-enp3s0" },
	{ "too long: a digest", AF_INET, 255, "enp13s0", NULL },
	{ "the longest", AF_INET6, 255, "abcdefghijklmno", NULL },
};

START_TEST(names_of_devices)
{
	char name[16], other[16];
	vmac_name(names[_i].family, names[_i].vrid, names[_i].card, name);
	ck_assert_msg(memchr(name, 0, sizeof(name)), "%s", names[_i].what);
	if (names[_i].name) {
		ck_assert_str_eq(name, names[_i].name);
		return;
	}
	/* another card has another name, and the same card the same */
	char card[16];
	strcpy(card, names[_i].card);
	vmac_name(names[_i].family, names[_i].vrid, card, other);
	ck_assert_str_eq(name, other);
	card[strlen(card) - 1]++;
	vmac_name(names[_i].family, names[_i].vrid, card, other);
	ck_assert_str_ne(name, other);
}
END_TEST

static const struct {
	const char *what, *name;
	bool macvlan;
	uint8_t mac[6];
	bool ours;
} devices[] = {
	{ "ours", "lbd4-51-eth0", true, { 0, 0, 0x5e, 0, 1, 51 }, true },
	{ "ours, of IPv6", "lbd6-51-eth0", true, { 0, 0, 0x5e, 0, 2, 51 }, true },
	{ "the address of the other family", "lbd6-51-eth0", true, { 0, 0, 0x5e, 0, 1, 51 }, false },
	{ "another VRID", "lbd4-51-eth0", true, { 0, 0, 0x5e, 0, 1, 52 }, false },
	{ "VRID 5 is not 51", "lbd4-51-eth0", true, { 0, 0, 0x5e, 0, 1, 5 }, false },
	{ "another kind", "lbd4-51-eth0", false, { 0, 0, 0x5e, 0, 1, 51 }, false },
	{ "that of keepalived", "vrrp.51", true, { 0, 0, 0x5e, 0, 1, 51 }, false },
	{ "a name that only begins so", "lbd4", true, { 0, 0, 0x5e, 0, 1, 51 }, false },
	{ "any address", "lbd4-51-eth0", true, { 2, 0, 0x5e, 0, 1, 51 }, false },
};

START_TEST(whose_it_is)
{
	ck_assert_msg(vmac_is_ours(devices[_i].name, devices[_i].macvlan, devices[_i].mac) == devices[_i].ours, "%s",
		devices[_i].what);
}
END_TEST

/* What it should be is: VRID 51 on card 7, made at life 1. */
static const struct {
	const char *what;
	int card, index, link;
	bool macvlan, mac, on;
	uint32_t life;
	bool master, may_stay;
	enum vmac_word word;
} looks[] = {
	{ "no card: it went with it", 0, 9, 7, true, true, true, 1, true, false, VMAC_WORD_NOTHING },
	{ "none yet", 7, 0, 0, false, false, false, 0, false, false, VMAC_WORD_MAKE },
	{ "a master has none", 7, 0, 0, false, false, false, 1, true, false, VMAC_WORD_MAKE },
	{ "there, seen for the first time", 7, 9, 7, true, true, true, 0, false, true, VMAC_WORD_ADOPT },
	{ "made anew by somebody", 7, 9, 7, true, true, false, 2, true, false, VMAC_WORD_ADOPT },
	{ "on the card that had this name before", 7, 9, 5, true, true, false, 0, false, false, VMAC_WORD_REMOVE },
	{ "a card with its name", 7, 9, 7, false, true, true, 0, false, false, VMAC_WORD_TAKEN },
	{ "a macvlan of somebody with its name", 7, 9, 7, true, false, true, 0, false, false, VMAC_WORD_TAKEN },
	{ "its address was changed", 7, 9, 7, true, false, true, 1, true, false, VMAC_WORD_TAKEN },
	{ "backup, down", 7, 9, 7, true, true, false, 1, false, false, VMAC_WORD_NOTHING },
	{ "backup, up", 7, 9, 7, true, true, true, 1, false, false, VMAC_WORD_DOWN },
	{ "not decided, up", 7, 9, 7, true, true, true, 1, false, true, VMAC_WORD_NOTHING },
	{ "master, up", 7, 9, 7, true, true, true, 1, true, false, VMAC_WORD_NOTHING },
	{ "master, down", 7, 9, 7, true, true, false, 1, true, false, VMAC_WORD_UP },
};

START_TEST(what_is_to_be_done)
{
	const uint8_t mac[6] = { 0, 0, 0x5e, 0, 1, 51 };
	const struct vip_card card = { .index = looks[_i].card };
	struct vip_card own = { .index = looks[_i].index,
		.link = looks[_i].link,
		.macvlan = looks[_i].macvlan,
		.has_mac = true,
		.on = looks[_i].on,
		.life = looks[_i].life ? 1 : 3 };
	if (looks[_i].mac)
		memcpy(own.mac, mac, sizeof(mac));
	const struct vmac_seen s = { .card = &card,
		.own = &own,
		.mac = mac,
		.life = looks[_i].life,
		.master = looks[_i].master,
		.may_stay = looks[_i].may_stay };
	enum vmac_word word = vmac_look(&s);
	ck_assert_msg(word == looks[_i].word, "%s: %d", looks[_i].what, word);
}
END_TEST

/* Of a device that is else as it should be. */
static const struct {
	const char *what;
	uint32_t card, own;
	bool asked, on, master, may_stay;
	enum vmac_word word;
} mtus[] = {
	{ "that of its card", 1500, 1500, false, true, true, false, VMAC_WORD_NOTHING },
	{ "smaller: the card's was for a moment", 1500, 1200, false, true, true, false, VMAC_WORD_MTU },
	{ "on a backup, too", 9000, 1500, false, false, false, false, VMAC_WORD_MTU },
	{ "where it is not decided", 1500, 1200, false, true, false, true, VMAC_WORD_MTU },
	{ "it was asked for a moment ago", 1500, 1200, true, true, true, false, VMAC_WORD_NOTHING },
	{ "before it goes up", 1500, 1200, false, false, true, false, VMAC_WORD_MTU },
	{ "which it does meanwhile", 1500, 1200, true, false, true, false, VMAC_WORD_UP },
	{ "no macvlan has one as large", 100000, 65535, false, true, true, false, VMAC_WORD_NOTHING },
	{ "but one that is to go down does that first", 1500, 1200, false, true, false, false, VMAC_WORD_DOWN },
	{ "the kernel has not told yet that it is lowered", 1200, 1500, false, true, true, false, VMAC_WORD_NOTHING },
};

START_TEST(its_mtu)
{
	const uint8_t mac[6] = { 0, 0, 0x5e, 0, 1, 51 };
	const struct vip_card card = { .index = 7, .mtu = mtus[_i].card };
	struct vip_card own = { .index = 9, .link = 7, .macvlan = true, .has_mac = true, .life = 1 };
	own.on = mtus[_i].on;
	own.mtu = mtus[_i].own;
	memcpy(own.mac, mac, sizeof(mac));
	const struct vmac_seen s = { .card = &card,
		.own = &own,
		.mac = mac,
		.life = 1,
		.master = mtus[_i].master,
		.may_stay = mtus[_i].may_stay,
		.mtu_asked = mtus[_i].asked };
	enum vmac_word word = vmac_look(&s);
	ck_assert_msg(word == mtus[_i].word, "%s: %d", mtus[_i].what, word);
}
END_TEST

START_TEST(addresses)
{
	uint8_t mac[6];
	vmac_address(AF_INET, 51, mac);
	ck_assert_mem_eq(mac, "\0\0\x5e\0\1\x33", 6);
	vmac_address(AF_INET6, 255, mac);
	ck_assert_mem_eq(mac, "\0\0\x5e\0\2\xff", 6);
	struct vip local = { { AF_INET6, { 0xfe, 0x80, [15] = 1 } }, 128 }, wide = local, global = local, v4 = local;
	global.ip.b[0] = 0xfd;
	v4.ip.family = AF_INET;
	v4.prefix = 32;
	wide.prefix = 10;
	vmac_fit(&local);
	vmac_fit(&wide);
	vmac_fit(&global);
	vmac_fit(&v4);
	ck_assert(local.prefix == 64 && wide.prefix == 10 && global.prefix == 128 && v4.prefix == 32);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vmac");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, names_of_devices, 0, LEN(names));
	tcase_add_loop_test(tc, whose_it_is, 0, LEN(devices));
	tcase_add_loop_test(tc, its_mtu, 0, LEN(mtus));
	tcase_add_loop_test(tc, what_is_to_be_done, 0, LEN(looks));
	tcase_add_test(tc, addresses);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
