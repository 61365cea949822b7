/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells and what was asked, as stories; what the owner hears of it behind them. */
#include "common/buf.h"
#include "lbd/vrrp/vip_book.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The addresses of the stories, by their letter; v, w and s are virtual. */
static const struct {
	char letter;
	const char *ip;
	uint8_t prefix, scope;
	bool secondary, unfit, label;
} addrs[] = {
	{ 'v', "10.0.0.100", 32, 0, false, false, false },
	{ 'V', "10.0.0.100", 24, 0, false, false, false }, /* the same with another prefix */
	{ 'w', "fd00::100", 128, 0, false, false, false },
	{ 's', "fe80::64", 128, 253, false, false, false },
	{ 'p', "10.0.0.1", 24, 0, false, false, false },
	{ 'q', "10.0.0.2", 24, 0, true, false, false },
	{ 'r', "10.0.1.1", 24, 0, false, false, false },
	{ 'z', "10.0.2.1", 24, 253, false, false, false }, /* of the link only */
	{ 'o', "10.0.3.1", 24, 0, false, false, true },    /* with our label, but of another configuration */
	{ 'O', "10.0.3.1", 24, 0, false, false, false },   /* the same without it */
	{ 'l', "fe80::1", 64, 253, false, false, false },
	{ 't', "fe80::1", 64, 253, false, true, false }, /* the same, tentative */
	{ 'm', "fe80::2", 64, 253, false, false, false },
	{ 'g', "2001:db8::1", 64, 0, false, false, false },
};

static size_t by_letter(char c)
{
	size_t i = 0;
	while (addrs[i].letter != c)
		ck_assert(++i < LEN(addrs));
	return i;
}

static struct vip vip(char c)
{
	struct vip v = { 0 };
	size_t i = by_letter(c);
	ck_assert_int_eq(lb_ip_parse(addrs[i].ip, strlen(addrs[i].ip), &v.ip), 0);
	v.prefix = addrs[i].prefix;
	return v;
}

static char letter(const struct lb_ip *ip)
{
	char s[LB_IP_STRLEN];
	lb_ip_str(ip, s);
	for (size_t i = 0; i < LEN(addrs); i++)
		if (strcmp(addrs[i].ip, s) == 0)
			return addrs[i].letter;
	return '-';
}

static char letter_of(const struct vip *v)
{
	char s[LB_IP_STRLEN];
	lb_ip_str(&v->ip, s);
	for (size_t i = 0; i < LEN(addrs); i++)
		if (strcmp(addrs[i].ip, s) == 0 && addrs[i].prefix == v->prefix)
			return addrs[i].letter;
	return '-';
}

static bool mine(const struct lb_ip *ip, void *arg)
{
	(void)arg;
	return strchr("vws", letter(ip)) != NULL;
}

static struct vip_book book;
static struct vip_slot *slot;

static uint32_t mtu;

static void link_is(int index, const char *name, bool up, uint8_t mac)
{
	struct vip_heard h = { .type = VIP_HEARD_LINK, .index = index, .up = up, .mac_said = mac, .has_mac = mac };
	memcpy(h.name, name, strlen(name));
	h.mac[5] = mac;
	h.mtu = mtu;
	vip_book_hear(&book, &h);
}

static void addr_is(char c, int index, bool gone)
{
	size_t i = by_letter(c);
	struct vip_heard h = { .type = gone ? VIP_HEARD_ADDR_GONE : VIP_HEARD_ADDR,
		.index = index,
		.addr = vip(c),
		.secondary = addrs[i].secondary,
		.unfit = addrs[i].unfit,
		.scope = addrs[i].scope,
		.proto = addrs[i].label ? VIP_LABEL_PROTO : 0 };
	vip_book_hear(&book, &h);
}

/* One word of a story: what, and an address or a number behind it. */
static void act(const char *w)
{
	size_t n = strcspn(w, ":");
	char c = w[n] ? w[n + 1] : '\0';
	struct vip v =
		strncmp(w, "link", 4) && c && strchr("abcdefghijklmnopqrstuvwxyzVO", c) ? vip(c) : (struct vip){ 0 };
#define WORD(s) (n == strlen(s) && strncmp(w, s, n) == 0)
	if (WORD("link"))
		link_is(c - '0', "a", true, 1);
	else if (WORD("down"))
		link_is(c - '0', "a", false, 1);
	else if (WORD("mac"))
		link_is(c - '0', "a", true, 2);
	else if (WORD("nomac")) /* says nothing of it */
		link_is(c - '0', "a", true, 0);
	else if (WORD("other"))
		link_is(c - '0', "b", true, 3);
	else if (WORD("mtu"))
		mtu = (uint32_t)(c - '0'), link_is(slot->card.index, "a", true, 1);
	else if (WORD("gone"))
		vip_book_hear(&book, &(struct vip_heard){ .type = VIP_HEARD_LINK_GONE, .index = c - '0' });
	else if (WORD("+"))
		addr_is(c, slot->card.index, false);
	else if (WORD("-"))
		addr_is(c, slot->card.index, true);
	else if (WORD("want") || WORD("free"))
		ck_assert_int_eq(vip_book_ask(&book, slot, &v, 1, WORD("want")), 0);
	else if (WORD("ok+") || WORD("ok-"))
		vip_book_answer(&book, slot, &v, WORD("ok+"), 0);
	else if (WORD("no+") || WORD("no-"))
		vip_book_answer(&book, slot, &v, WORD("no+"), EPERM);
	else if (WORD("absent-"))
		vip_book_answer(&book, slot, &v, false, EADDRNOTAVAIL);
	else if (WORD("nodev-"))
		vip_book_answer(&book, slot, &v, false, ENODEV);
	else if (WORD("lost+") || WORD("lost-"))
		vip_book_answer(&book, slot, &v, WORD("lost+"), -1);
	else if (WORD("dump"))
		vip_book_dump_begin(&book);
	else if (WORD("half"))
		vip_book_links_end(&book);
	else if (WORD("end") || WORD("cut"))
		vip_book_dump_end(&book, WORD("end"));
	else if (WORD("look"))
		vip_book_look(&book, slot, &v.ip);
	else if (WORD("overrun"))
		vip_book_overrun(&book);
	else
		ck_abort_msg("what is %s", w);
}

static void hear(struct lb_text *out)
{
	static const char *const types[] = { "left", "came", "add refused", "del refused" };
	if (vip_book_tell(&book, slot)) {
		const struct vip_card *c = &slot->card;
		lb_text_printf(out, " card %d%s", c->index, c->up ? " up" : "");
		if (c->has_mac)
			lb_text_printf(out, " mac%u", c->mac[5]);
		if (c->mtu)
			lb_text_printf(out, " mtu%u", c->mtu);
		if (c->source4.family)
			lb_text_printf(out, " %c", letter(&c->source4));
		if (c->source6.family)
			lb_text_printf(out, " %c", letter(&c->source6));
		lb_text_puts(out, ";");
	}
	for (size_t i = 0; i < book.events.n; i++)
		lb_text_printf(out, " %s %c;", types[book.events.v[i].type], letter_of(&book.events.v[i].v));
	lb_vec_clear(&book.events);
}

#define BEGIN "dump link:5 half +:p end | "
#define TOLD  " card 5 up mac1 p;"

static const struct {
	const char *what, *story /* '|': the owner is told */, *want;
} rows[] = {
	/* cards */
	{ "there is none of that name, and that is told, too", "dump half end |", " card 0;" },
	{ "one with an address", "dump link:5 half +:p end |", TOLD },
	{ "nothing before the first dump is over", "dump | link:5 | half | +:p | end |", TOLD },
	{ "nothing new, nothing told", BEGIN "link:5 | +:p |", TOLD },
	{ "down, and up", BEGIN "down:5 | link:5 |", TOLD " card 5 mac1 p;" TOLD },
	{ "down and up in one batch", BEGIN "down:5 link:5 |", TOLD },
	{ "IPv6 ends on it and begins anew in one batch", BEGIN "+:l | -:l +:l |",
		TOLD " card 5 up mac1 p l;"
		     " card 5 up mac1 p l;" },
	{ "of which only a dump tells", BEGIN "+:l | dump link:5 half +:p end +:l |",
		TOLD " card 5 up mac1 p l;"
		     " card 5 up mac1 p l;" },
	{ "it does not end: another address stays", BEGIN "+:l +:g | -:l +:l |", TOLD " card 5 up mac1 p l;" },
	{ "another MAC", BEGIN "mac:5 |", TOLD " card 5 up mac2 p;" },
	{ "a message that does not speak of it", BEGIN "nomac:5 |", TOLD },
	{ "another MTU", BEGIN "mtu:2 | mtu:3 mtu:2 | mtu:3 |", TOLD " card 5 up mac1 mtu2 p; card 5 up mac1 mtu3 p;" },
	{ "deleted", BEGIN "gone:5 |", TOLD " card 0;" },
	{ "another one is deleted", BEGIN "gone:6 |", TOLD },
	{ "deleted, and created again: told when its addresses are known",
		BEGIN "gone:5 link:6 | dump link:6 half +:r end |", TOLD " card 6 up mac1 r;" },
	{ "created anew without a word of the end", BEGIN "link:6 | dump link:6 half +:r end |",
		TOLD " card 6 up mac1 r;" },
	{ "with an address that was asked for on the old one", BEGIN "want:v link:6 dump link:6 half +:p end ok+:v |",
		TOLD " card 6 up mac1 p; left v;" },
	{ "renamed away", BEGIN "other:5 |", TOLD " card 0;" },
	{ "renamed away and back: its addresses are read again, and it may be another card",
		BEGIN "other:5 link:5 | dump link:5 half +:p end |", TOLD TOLD },
	{ "deleted and created again with the same index, in one batch: what was opened on it is dead",
		BEGIN "gone:5 link:5 | dump link:5 half +:p end |", TOLD TOLD },
	{ "gone without a word: the next dump knows", BEGIN "dump half end |", TOLD " card 0;" },
	{ "a dump that was cut takes nothing away", BEGIN "dump link:5 half cut |", TOLD },
	{ "a card that appears in a dump is known at its end", "dump half end | dump link:5 half +:p end |",
		" card 0;" TOLD },
	/* sources */
	{ "the first primary address", "dump link:5 half +:q +:p +:r end |", TOLD },
	{ "then the second", BEGIN "+:r -:p |", TOLD " card 5 up mac1 r;" },
	{ "one of the link comes last", "dump link:5 half +:z +:p end |", TOLD },
	{ "but it is one", "dump link:5 half +:z end |", " card 5 up mac1 z;" },
	{ "never a virtual one", "dump link:5 half +:v +:p +:s +:l end |", " card 5 up mac1 p l; came v; came s;" },
	{ "nor one with our label", "dump link:5 half +:o end |", " card 5 up mac1;" },
	{ "nor one that we wanted", "dump link:5 half end | want:v ok+:v +:v |", " card 5 up mac1;" },
	{ "but one that an owner wanted is the host's own", BEGIN "want:p ok+:p +:p | +:g | +:p |", TOLD },
	{ "until it goes", BEGIN "want:p ok+:p +:p | -:p | +:p |", TOLD " card 5 up mac1; left p;" TOLD },
	{ "where it was not there before", "dump link:5 half end | want:r ok+:r | +:r |",
		" card 5 up mac1; card 5 up mac1 r;" },
	{ "where it had our label", "dump link:5 half +:o end | want:o ok+:o | +:O |",
		" card 5 up mac1; card 5 up mac1 o;" },
	{ "link-local, too", BEGIN "+:l | want:l ok+:l +:l | +:g | +:l |", TOLD " card 5 up mac1 p l;" },
	{ "no global IPv6 address", "dump link:5 half +:g end |", " card 5 up mac1;" },
	{ "link-local after duplicate detection", "dump link:5 half +:t end | +:l |",
		" card 5 up mac1; card 5 up mac1 l;" },
	{ "one that failed it", "dump link:5 half +:t +:m end |", " card 5 up mac1 m;" },
	{ "the first of them", "dump link:5 half +:l +:m end | -:l | +:l |", " card 5 up mac1 l; card 5 up mac1 m;" },
	/* our own changes */
	{ "added, renewed, removed: not a word", BEGIN "want:v ok+:v +:v | want:v +:v ok+:v | free:v -:v ok-:v |",
		TOLD },
	{ "IPv6, of which the kernel tells later", BEGIN "want:w ok+:w | +:w | free:w -:w ok-:w |", TOLD },
	{ "somebody removes it, or its lease ends", BEGIN "want:v +:v ok+:v | -:v |", TOLD " left v;" },
	{ "told once", BEGIN "want:v +:v ok+:v | -:v | -:v | dump link:5 half +:p end |", TOLD " left v;" },
	{ "and puts it back", BEGIN "want:v +:v ok+:v | -:v | +:v |", TOLD " left v; came v;" },
	{ "wanted again after that", BEGIN "want:v +:v ok+:v | -:v | want:v +:v ok+:v | -:v |",
		TOLD " left v; left v;" },
	{ "somebody adds what was removed", BEGIN "want:v +:v ok+:v free:v -:v ok-:v | +:v | +:v |", TOLD " came v;" },
	{ "or what is virtual and was never asked for", BEGIN "+:v | -:v | +:v |", TOLD " came v; came v;" },
	{ "with another prefix", BEGIN "want:v +:v ok+:v | +:V |", TOLD " came V;" },
	{ "an address of another kind", BEGIN "+:r | -:r |", TOLD },
	{ "removed and wanted again before the first word comes",
		BEGIN "want:v +:v ok+:v | free:v want:v | -:v +:v ok-:v ok+:v |", TOLD },
	{ "and then somebody removes it", BEGIN "want:v +:v ok+:v free:v want:v -:v +:v ok-:v ok+:v | -:v |",
		TOLD " left v;" },
	{ "wanted and removed before the first word comes", BEGIN "want:v free:v | +:v -:v ok+:v ok-:v |", TOLD },
	{ "many times", BEGIN "want:v free:v want:v free:v | +:v -:v +:v -:v ok+:v ok-:v ok+:v ok-:v | +:v |",
		TOLD " came v;" },
	{ "its card is deleted", BEGIN "want:v +:v ok+:v | -:v gone:5 |", TOLD " card 0; left v;" },
	{ "without a word of the address", BEGIN "want:v +:v ok+:v | gone:5 |", TOLD " card 0; left v;" },
	{ "its card is renamed", BEGIN "want:v +:v ok+:v | other:5 |", TOLD " card 0; left v;" },
	{ "and comes back with it", BEGIN "want:v +:v ok+:v | other:5 | link:5 dump link:5 half +:p +:v end |",
		TOLD " card 0; left v;" TOLD " came v;" },
	{ "what is virtual from now on is there already", BEGIN "+:r | look:r |", TOLD " came r;" },
	{ "with another prefix", BEGIN "+:V | look:v |", TOLD " came V; came V;" },
	{ "also where it was wanted: the owner knows", BEGIN "want:v +:v ok+:v | look:v |", TOLD " came v;" },
	{ "it is not there", BEGIN "look:r |", TOLD },
	{ "it is about to go", BEGIN "want:v +:v ok+:v free:v look:v | -:v ok-:v |", TOLD },
	/* answers */
	{ "refused", BEGIN "want:v no+:v | dump link:5 half +:p end |", TOLD " add refused v;" },
	{ "a renewal is refused, and its lease ends", BEGIN "want:v +:v ok+:v want:v no+:v | -:v |",
		TOLD " add refused v; left v;" },
	{ "a removal is refused", BEGIN "want:v +:v ok+:v free:v no-:v |", TOLD " del refused v;" },
	{ "what is not there is removed", BEGIN "free:v absent-:v |", TOLD },
	{ "it is there with another prefix", BEGIN "+:V free:v absent-:v |", TOLD " came V; del refused v;" },
	{ "its card is not there", BEGIN "free:v nodev-:v |", TOLD },
	{ "removed where there is no card", "dump half end free:v | dump link:5 half +:v end |",
		" card 0; card 5 up mac1; came v;" },
	/* dumps */
	{ "a dump without a wanted address", BEGIN "want:v +:v ok+:v | dump link:5 half +:p end |", TOLD " left v;" },
	{ "of which nothing had been heard", BEGIN "want:v ok+:v | dump link:5 half +:p end |", TOLD " left v;" },
	{ "asked for while it ran", BEGIN "dump link:5 half +:p want:v ok+:v end | +:v |", TOLD },
	{ "asked for, and not yet answered", BEGIN "want:v dump link:5 half +:p end | ok+:v +:v |", TOLD },
	{ "a dump with an address that was removed", BEGIN "free:v absent-:v | dump link:5 half +:p +:v end |",
		TOLD " came v;" },
	{ "removed while it ran", BEGIN "want:v +:v ok+:v | dump link:5 half +:p +:v free:v ok-:v end | -:v |", TOLD },
	{ "after an overrun nothing of ours is expected",
		BEGIN "want:v +:v ok+:v | free:v ok-:v overrun dump link:5 half +:p end | +:v |", TOLD " came v;" },
	{ "but an answer that is still to come", BEGIN "want:v free:v overrun +:v -:v ok+:v ok-:v |", TOLD },
	{ "asked for twice, and refused once", BEGIN "want:v want:v no+:v | ok+:v +:v |", TOLD " add refused v;" },
	{ "wanted again before it went, and then its card goes", BEGIN "want:v +:v ok+:v free:v want:v | gone:5 |",
		TOLD " card 0; left v;" },
	{ "nobody knows how it ended: the dump does", BEGIN "want:v lost+:v | dump link:5 half +:p end |",
		TOLD " left v;" },
	{ "it went well", BEGIN "want:v lost+:v | dump link:5 half +:p +:v end |", TOLD },
};

static void begin(void)
{
	book = (struct vip_book){ .mine = mine };
	mtu = 0;
	slot = vip_book_get(&book, "a");
	ck_assert_ptr_nonnull(slot);
	ck_assert(vip_book_wants_dump(&book));
}

START_TEST(stories)
{
	char story[256], *save = NULL;
	struct lb_text out = LB_TEXT_INIT;
	lb_text_puts(&out, "");
	begin();
	snprintf(story, sizeof(story), "%s", rows[_i].story);
	for (char *w = strtok_r(story, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (*w == '|')
			hear(&out);
		else
			act(w);
	ck_assert_msg(strcmp(out.s, rows[_i].want) == 0, "%s: %s\ntold%s\nwanted%s", rows[_i].what, rows[_i].story,
		out.s, rows[_i].want);
	ck_assert(!vip_book_wants_dump(&book));
	vip_book_put(&book, slot);
	vip_book_sweep(&book);
	ck_assert_ptr_null(book.slots);
	vip_book_done(&book);
	lb_text_done(&out);
}
END_TEST

START_TEST(users_of_a_card)
{
	begin();
	ck_assert_ptr_eq(vip_book_get(&book, "a"), slot);
	struct vip_slot *other = vip_book_get(&book, "b");
	ck_assert_ptr_ne(other, slot);
	ck_assert_ptr_null(vip_book_get(&book, "a-name-of-16-ch."));
	struct vip_slot *longest = vip_book_get(&book, "a-name-of-15-ch");
	ck_assert_str_eq(longest->card.name, "a-name-of-15-ch");
	vip_book_put(&book, other);
	ck_assert(!vip_book_tell(&book, other));
	ck_assert_ptr_eq(vip_book_get(&book, "b"), other); /* before the sweep: it lives on */
	vip_book_sweep(&book);
	ck_assert_ptr_eq(vip_book_find(&book, &other->card), other);
	vip_book_put(&book, slot);
	vip_book_sweep(&book);
	ck_assert_ptr_eq(vip_book_find(&book, &slot->card), slot);
	struct vip_event *ev = lb_vec_push(&book.events);
	ev->slot = slot;
	vip_book_put(&book, slot);
	ck_assert_ptr_null(book.events.v[0].slot);
	vip_book_done(&book);
}
END_TEST

/* What is neither there nor wanted nor virtual is forgotten: entries do not pile up. */
START_TEST(nothing_piles_up)
{
	begin();
	act("dump"), act("link:5"), act("half"), act("end");
	for (int i = 0; i < 1000; i++) {
		struct vip_heard h = { .type = VIP_HEARD_ADDR, .index = 5 };
		h.addr = (struct vip){ { AF_INET, { 10, 9, (uint8_t)(i >> 8), (uint8_t)i } }, 32 };
		vip_book_hear(&book, &h);
		ck_assert_int_eq(vip_book_ask(&book, slot, &h.addr, 1, true), 0);
		ck_assert_int_eq(vip_book_ask(&book, slot, &h.addr, 1, false), 0);
		vip_book_answer(&book, slot, &h.addr, true, 0);
		vip_book_answer(&book, slot, &h.addr, false, 0);
		h.type = VIP_HEARD_ADDR_GONE;
		vip_book_hear(&book, &h);
	}
	ck_assert_uint_eq(HASH_COUNT(slot->entries), 0);
	vip_book_done(&book);
}
END_TEST

static const struct {
	const char *what, *story;
	char of;
	bool left;
} lefts[] = {
	{ "with our label, and not asked for", "dump link:5 half +:p +:o end", 'o', true },
	{ "without it", "dump link:5 half +:p +:v end", 'v', false },
	{ "that of the other prefix is another", "dump link:5 half +:V end", 'v', false },
	{ "not there", "dump link:5 half +:p end", 'o', false },
	{ "gone again", "dump link:5 half +:o end -:o", 'o', false },
	{ "wanted: it is ours now", "dump link:5 half +:o end want:o", 'o', false },
	{ "given up by us", "dump link:5 half +:o end free:o", 'o', false },
};

START_TEST(what_a_process_before_us_left)
{
	char story[80];
	begin();
	snprintf(story, sizeof(story), "%s", lefts[_i].story);
	for (char *at = NULL, *w = strtok_r(story, " ", &at); w; w = strtok_r(NULL, " ", &at))
		act(w);
	struct vip v = vip(lefts[_i].of);
	ck_assert_msg(vip_book_left(slot, &v) == lefts[_i].left, "%s", lefts[_i].what);
	vip_book_done(&book);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vip_book");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, stories, 0, LEN(rows));
	tcase_add_loop_test(tc, what_a_process_before_us_left, 0, LEN(lefts));
	tcase_add_test(tc, users_of_a_card);
	tcase_add_test(tc, nothing_piles_up);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
