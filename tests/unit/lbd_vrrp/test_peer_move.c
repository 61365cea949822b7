/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planned hand-over. Stories first: what one instance hears and is told, and what comes out. Then two whole nodes with
 * beats and adverts between them that are lost, doubled and late: who leaves has somebody who is ready, each word ends
 * once and in time, and where nothing is lost it succeeds.
 *
 * A story is events with their time in ms, then what must come out of each that says something:
 *
 *   1000 master; 1100 handover 500; 1150 hear 0 backup armed 1120       "1100 say | 1150 resign"
 *
 *   backup, master, fault, init, held     our state from now on             resigned  BACKUP, as after RESIGN
 *   handover MS, take MS [quiet]          an operator's word                look      nothing but time
 *   hear NODE STATE [FLAGS] [AFTER]       FLAGS arm armed want out with +   gone NODE
 *   advert PRIO
 */
#include "lbd/vrrp/peer_link.h"
#include "lbd/vrrp/peer_move.h"
#include "lbd/vrrp/vrrp_pkt.h"
#include "tests/unit/lbd_vrrp/frames.h"

#include <stdio.h>

#define MS    INT64_C(1000)
#define T0    INT64_C(1000000000)
#define SEEDS 100
#define PARTS 20 /* so many tests of SEEDS each: one is short enough for a busy machine */

static struct lb_time at(int64_t ms)
{
	return (struct lb_time){ T0 + ms * MS };
}

/* ---- stories ---- */

static const struct {
	const char *what, *story, *want;
} stories[] = {
	{ "nobody is ready", "0 master; 10 handover 500; 400 look; 510 look; 600 look",
		"10 say | 400 say | 510 failed away no node is ready, say" },
	{ "not master", "0 backup; 10 handover 500; 20 look", "10 failed away this node is not master" },
	{ "in fault", "0 fault; 10 handover 500; 20 take 500; 30 look",
		"10 failed away this node is not master | 20 failed here this node cannot be master" },
	{ "a node that is ready: resign, and the new master is heard",
		"0 master; 10 handover 500; 40 hear 0 backup armed 12; 40 resigned; 45 advert 100; 50 look",
		"10 say | 40 resign | 40 say | 45 done away 5000" },
	{ "the new master is heard over the second path",
		"0 master; 10 handover 500; 40 hear 0 backup armed 12; 40 resigned; 60 hear 0 master - 39; "
		"61 hear 0 master - 40",
		"10 say | 40 resign | 40 say | 61 done away 21000" },
	{ "ready before we said that we leave: not for us",
		"0 master; 10 handover 500; 12 hear 0 backup armed 9; 20 hear 0 backup armed 10",
		"10 say | 20 resign" },
	{ "a word that is too old does not count, and is asked back",
		"0 master; 10 handover 2000; 600 hear 0 backup armed 100; 601 hear 0 backup armed 101; "
		"601 hear 0 backup armed 102",
		"10 say | 600 say | 601 say | 601 resign" },
	{ "ready, but in fault; ready, but gone; ready, but master, too",
		"0 master; 10 handover 500; 20 hear 0 fault armed 15; 30 gone 0; 31 hear 1 master armed 20; 32 look",
		"10 say" },
	{ "ready, then not any more, then again: said as long as it holds",
		"0 master; 10 handover 500; 20 hear 0 backup armed 15; 25 look; 30 hear 0 backup - 18; 31 look; "
		"40 hear 1 backup armed 20; 41 gone 1; 42 look",
		"10 say | 20 resign | 25 resign | 40 resign" },
	{ "ready for a word that has ended is not ready for the next one",
		"0 master; 10 handover 100; 110 look; 120 handover 500; 130 hear 0 backup armed 100; "
		"140 hear 0 backup armed 120",
		"10 say | 110 failed away no node is ready, say | 120 say | 140 resign" },
	{ "not of our own accord", "0 master; 10 handover 500; 50 backup; 60 look; 900 look",
		"10 say | 50 failed away no longer master, say" },
	{ "fault while leaving", "0 master; 10 handover 500; 50 fault; 900 look",
		"10 say | 50 failed away no longer master, say" },
	{ "nobody took it",
		"0 master; 10 handover 500; 40 hear 0 backup armed 12; 40 resigned; 2039 look; 2040 look; 2100 look",
		"10 say | 40 resign | 40 say | 2040 failed away no node took over" },
	{ "we had to take it again", "0 master; 10 handover 500; 40 hear 0 backup armed 12; 40 resigned; 300 master",
		"10 say | 40 resign | 40 say | 300 failed away no node took over, say" },
	{ "it was given away, came back, and is to be given away again",
		"0 master; 10 handover 500; 40 hear 0 backup armed 12; 40 resigned; 45 advert 100; 1000 master; "
		"1010 handover 500; 1020 hear 0 backup armed 1015",
		"10 say | 40 resign | 40 say | 45 done away 5000 | 1000 say | 1010 say | 1020 resign" },
	{ "two words: the later one counts", "0 master; 10 handover 500; 20 handover 200; 219 look; 220 look; 510 look",
		"10 say | 20 failed away replaced by another word | 219 say | 220 failed away no node is ready, say" },
	{ "a quiet word says nothing of its end",
		"0 master; 10 handover 50 quiet; 60 look; 70 backup; 80 take 50 quiet; "
		"2000 look",
		"10 say | 60 say | 80 say | 2000 say" },
	{ "take: and it comes", "0 backup; 10 take 500; 20 hear 0 master arm 12; 30 advert 0; 35 master; 40 look",
		"10 say | 20 arm, say | 35 done here 5000, say" },
	{ "take: here already", "0 master; 10 take 500; 20 look", "10 done here 0" },
	{ "take: it does not come; what was ready may still be told so",
		"0 backup; 10 take 500; 100 look; 110 look; 510 look; 1509 look; 1510 look; 1600 look",
		"10 say | 110 say | 510 say | 1510 failed here the master did not hand over" },
	{ "take: at the last moment", "0 backup; 10 take 500; 510 look; 600 master",
		"10 say | 510 say | 600 done here 0" },
	{ "take: fault", "0 backup; 10 take 500; 20 fault; 600 look",
		"10 say | 20 failed here this node cannot be master, say" },
	{ "take: twice", "0 backup; 10 take 500; 20 take 500; 30 master",
		"10 say | 20 failed here replaced by another word | 30 done here 0, say" },
	{ "an old priority 0 is not the last word of this move", "0 backup; 10 advert 0; 20 take 500; 30 master",
		"20 say | 30 done here 0, say" },
	{ "asked to be ready: as long as it is asked, and half a second",
		"0 backup; 10 hear 0 master arm 5; 60 hear 0 master arm 55; 110 look; 554 look; 555 look; 700 look",
		"10 arm, say | 60 arm | 110 say | 554 say | 555 say" },
	{ "an old word asks nobody; it is asked back",
		"0 backup; 600 hear 0 master arm 100; 601 hear 0 master arm 102; 700 hear 0 master - 650",
		"600 say | 601 arm, say | 700 say" },
	{ "who is no master gives nothing away", "0 backup; 10 hear 0 backup arm 5; 20 hear 0 fault arm 15", "" },
	{ "in fault nobody is ready; back from it while asked, at once",
		"0 fault; 10 hear 0 master arm 5; 20 backup; 30 fault; 40 look", "20 arm, say | 30 say" },
	{ "held by its group it is not ready either", "0 held; 10 hear 0 master arm 5; 20 backup; 30 held",
		"20 arm, say | 30 say" },
	{ "the master that asked is gone", "0 backup; 10 hear 0 master arm 5; 20 gone 0; 30 look",
		"10 arm, say | 20 say" },
	{ "one that resigned says so, and is ready when asked", "0 resigned; 10 hear 0 master arm 5; 20 gone 0",
		"0 say | 10 arm, say | 20 say" },
	{ "somebody wants it: a second long, and only he counts",
		"0 master; 10 hear 0 backup want 5; 20 hear 1 backup armed 15; 30 hear 0 backup armed 15; "
		"40 hear 0 backup armed+want 20",
		"10 say | 40 resign" },
	{ "who wants it gives up",
		"0 master; 10 hear 0 backup want 5; 50 hear 0 backup - 45; 1009 look; 1010 look; "
		"1200 look",
		"10 say | 1009 say | 1010 say" },
	{ "who is in fault may want", "0 master; 10 hear 0 fault want 5; 20 hear 0 master want 15", "" },
	{ "wants it, long ago: asked back", "0 master; 600 hear 0 backup want 99; 610 hear 0 backup want 200",
		"600 say | 610 say" },
	{ "wanted, and lost otherwise: nothing to tell", "0 master; 10 hear 0 backup want 5; 20 backup; 30 look",
		"10 say | 20 say" },
	{ "nor does it count when we are master again",
		"0 master; 10 hear 0 backup want 5; 20 backup; 30 master; 40 look", "10 say | 20 say" },
	{ "one with a better claim is before us",
		"0 backup; 5 hear 1 backup - 1; 10 hear 0 master arm 5; 209 look; "
		"210 look; 300 hear 1 master arm 290",
		"210 arm, say | 300 arm" },
	{ "but not one that is in fault", "0 backup; 5 hear 1 fault - 1; 10 hear 0 master arm 5", "10 arm, say" },
	{ "nor one that resigned", "0 backup; 5 hear 1 backup out 1; 10 hear 0 master arm 5", "10 arm, say" },
	{ "one that resigned is behind a weaker one",
		"0 resigned; 5 hear 2 backup - 1; 10 hear 0 master arm 5; 209 look; 210 look", "0 say | 210 arm, say" },
	{ "asked anew, the turn begins anew",
		"0 backup; 5 hear 1 backup - 1; 10 hear 0 master arm 5; 100 hear 0 master - 95; 1000 hear 0 master arm "
		"995; "
		"1199 look; 1200 look",
		"1200 arm, say" },
	{ "who wants it is first, whoever he is", "0 backup; 5 take 900; 6 hear 1 backup - 1; 10 hear 0 master arm 6",
		"5 say | 10 arm, say" },
	{ "and if it is not us we wait", "0 backup; 5 hear 2 backup want 1; 10 hear 0 master arm 6; 209 look; 210 look",
		"210 arm, say" },
	{ "behind two it is two turns",
		"0 backup; 5 hear 2 backup want 1; 6 hear 1 backup - 1; 10 hear 0 master arm 6; "
		"209 look; 380 hear 0 master arm 370; 409 look; 410 look",
		"410 arm, say" },
};

static const char *const flag_names[] = { "arm", "armed", "want", "out" };

struct telling {
	struct vrrp v;
	struct peer_move m;
	char got[512];
};

static void tell(struct telling *t, int64_t ms, const struct peer_move_acts *out)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct peer_move_act *a = &out->v[i];
		char text[96] = "?";
		switch (a->type) {
		case PEER_MOVE_ARM: snprintf(text, sizeof(text), "arm"); break;
		case PEER_MOVE_RESIGN: snprintf(text, sizeof(text), "resign"); break;
		case PEER_MOVE_SAY: snprintf(text, sizeof(text), "say"); break;
		case PEER_MOVE_MOVED:
			ck_assert(a->reason == PEER_MOVE_DONE || a->outage_us == 0);
			if (a->reason)
				snprintf(text, sizeof(text), "failed %s %s", a->away ? "away" : "here",
					peer_move_reasons[a->reason]);
			else
				snprintf(text, sizeof(text), "done %s %u", a->away ? "away" : "here", a->outage_us);
			break;
		}
		size_t n = strlen(t->got);
		if (i)
			snprintf(t->got + n, sizeof(t->got) - n, ", %s", text);
		else
			snprintf(t->got + n, sizeof(t->got) - n, "%s%d %s", n ? " | " : "", (int)ms, text);
	}
}

static uint8_t flags_of(const char *text)
{
	uint8_t flags = 0;
	char copy[32], *save = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, "+", &save); w; w = strtok_r(NULL, "+", &save))
		for (size_t i = 0; i < LEN(flag_names); i++)
			if (strcmp(w, flag_names[i]) == 0)
				flags |= (uint8_t)(1u << i);
	return flags;
}

/* False and untouched: it is no state. */
static bool take_state(struct vrrp *v, const char *word)
{
	bool held = strcmp(word, "held") == 0, resigned = strcmp(word, "resigned") == 0;
	if (held || resigned)
		word = "backup";
	for (unsigned i = 0; i < VRRP_STATE_COUNT; i++) {
		if (strcmp(word, vrrp_state_names[i]) != 0)
			continue;
		v->state = (enum vrrp_state)i;
		v->held = held;
		v->resigned = resigned;
		return true;
	}
	return false;
}

static void tell_event(struct telling *t, const char *event)
{
	int ms, node, after = 0;
	unsigned n = 0;
	char word[16], a[16] = "", b[16] = "-";
	struct peer_move_acts out;
	struct peer_entry e = { .id = 1 };
	ck_assert_msg(sscanf(event, " %d %15s", &ms, word) == 2, "%s", event);
	if (take_state(&t->v, word) || strcmp(word, "look") == 0) {
		peer_move_look(&t->m, &t->v, at(ms), &out);
	} else if (strcmp(word, "handover") == 0 || strcmp(word, "take") == 0) {
		ck_assert_msg(sscanf(event, " %*d %*s %u %15s", &n, a) >= 1, "%s", event);
		peer_move_do(&t->m, &t->v, word[0] == 't' ? PEER_MOVE_TAKE : PEER_MOVE_HANDOVER, n,
			strcmp(a, "quiet") == 0, at(ms), &out);
	} else if (strcmp(word, "advert") == 0) {
		ck_assert_msg(sscanf(event, " %*d %*s %u", &n) == 1, "%s", event);
		peer_move_advert(&t->m, &t->v, (uint8_t)n, at(ms), &out);
	} else if (strcmp(word, "gone") == 0) {
		ck_assert_msg(sscanf(event, " %*d %*s %d", &node) == 1, "%s", event);
		peer_move_hear(&t->m, &t->v, (size_t)node, NULL, at(0), at(ms), &out);
	} else {
		struct vrrp of = { 0 };
		ck_assert_msg(sscanf(event, " %*d hear %d %15s %15s %d", &node, a, b, &after) == 4, "%s", event);
		ck_assert_msg(take_state(&of, a), "%s", event);
		e.state = of.state;
		e.flags = flags_of(b);
		e.prio = node == 1 ? 200 : 50;
		peer_move_hear(&t->m, &t->v, (size_t)node, &e, at(after), at(ms), &out);
	}
	ck_assert_msg(t->m.deadline.us > at(ms).us, "%s: it is due again at once", event);
	tell(t, ms, &out);
}

START_TEST(stories_are_told)
{
	struct telling t = { .v = { .prio = 100 } };
	char text[512], *save = NULL;
	snprintf(text, sizeof(text), "%s", stories[_i].story);
	for (char *w = strtok_r(text, ";", &save); w; w = strtok_r(NULL, ";", &save))
		tell_event(&t, w);
	ck_assert_msg(
		strcmp(t.got, stories[_i].want) == 0, "%s\n%s\nis not\n%s", stories[_i].what, t.got, stories[_i].want);
}
END_TEST

/* A beat may be sent before anybody looked: it must not say what does not hold any more. */
START_TEST(flags_between_two_looks)
{
	struct telling t = { .v = { .prio = 100 } };
	tell_event(&t, "0 backup");
	tell_event(&t, "10 hear 0 master arm 5");
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(504)), PEER_ENTRY_ARMED);
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(505)), 0);
	t.v.held = true;
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(20)), 0);
	t.v = (struct vrrp){ .prio = 100, .state = VRRP_STATE_FAULT };
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(20)), 0);
	tell_event(&t, "30 backup");
	tell_event(&t, "40 take 500");
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(100)), PEER_ENTRY_ARMED | PEER_ENTRY_WANT);
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(539)), PEER_ENTRY_WANT);
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(540)), 0);

	t = (struct telling){ .v = { .prio = 100 } };
	tell_event(&t, "0 master");
	tell_event(&t, "10 handover 500");
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(509)), PEER_ENTRY_ARM);
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(510)), 0);
	tell_event(&t, "20 hear 0 backup armed 15");
	ck_assert(peer_move_ready(&t.m, &t.v, at(509)) && !peer_move_ready(&t.m, &t.v, at(510)));
	t.v.state = VRRP_STATE_BACKUP;
	t.v.resigned = true;
	ck_assert(!peer_move_ready(&t.m, &t.v, at(30)));
	ck_assert_uint_eq(peer_move_flags(&t.m, &t.v, at(30)), PEER_ENTRY_OUT);
}
END_TEST

/* It is told at once that the word has ended, and not with the next repetition. */
START_TEST(a_short_word_is_taken_back_in_time)
{
	struct peer_move m = { 0 };
	struct peer_move_acts acts;
	const struct vrrp v = { .state = VRRP_STATE_BACKUP };
	peer_move_do(&m, &v, PEER_MOVE_TAKE, 10, false, at(0), &acts);
	ck_assert(peer_move_flags(&m, &v, at(9)) & PEER_ENTRY_WANT);
	ck_assert_int_eq(m.deadline.us, at(10).us);
	ck_assert(!(peer_move_flags(&m, &v, at(10)) & PEER_ENTRY_WANT));
}
END_TEST

START_TEST(each_reason_has_its_text)
{
	for (size_t i = 0; i < PEER_MOVE_REASON_COUNT; i++) {
		ck_assert_msg(peer_move_reasons[i] && (i == 0) == (peer_move_reasons[i][0] == '\0'), "row %zu", i);
		ck_assert_uint_lt(strlen(peer_move_reasons[i]), 80);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(peer_move_reasons[i], peer_move_reasons[j]);
	}
}
END_TEST

/* ---- two nodes ---- */

#define DEAD       1000 /* ms */
#define FLIGHT_MAX 512

/* The check library writes something for each assertion: too slow for millions. */
#define MUST(condition, what)                                                                                          \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			ck_abort_msg("seed %d at %d ms: %s", w->seed, (int)((w->now.us - T0) / MS), what);             \
	} while (0)

struct node {
	struct vrrp v;
	struct peer_move m;
	struct peer_self self;
	struct peer_link link;
	struct lb_time beat_at;
	struct lb_time word_until[2]; /* of a word that is out, by away; us 0 = none is */
	unsigned done[2], failed[2], resigned;
	bool beat_due;
};

struct flight {
	int to;
	struct lb_time due;
	bool advert;
	struct peer_beat b;
	struct vrrp_event ev;
};

struct world {
	int seed;
	uint64_t s;
	struct lb_time now;
	struct node n[2];
	struct flight air[FLIGHT_MAX];
	size_t n_air;
	uint32_t heartbeat_ms;
	unsigned loss, doubled, delay_ms; /* percent, percent, at most */
};

static void fly(struct world *w, const struct flight *f)
{
	for (unsigned copies = 1 + (random_of(&w->s) % 100 < w->doubled); copies > 0; copies--) {
		if (random_of(&w->s) % 100 < w->loss)
			continue;
		MUST(w->n_air < FLIGHT_MAX, "too much in the air");
		struct flight *to = &w->air[w->n_air++];
		*to = *f;
		to->due.us = w->now.us + (int64_t)(random_of(&w->s) % (w->delay_ms * 1000 + 1));
	}
}

static void do_moves(struct world *w, int me, const struct peer_move_acts *out);

static void look(struct world *w, int me)
{
	struct peer_move_acts out;
	peer_move_look(&w->n[me].m, &w->n[me].v, w->now, &out);
	MUST(w->n[me].m.deadline.us > w->now.us, "due again at once");
	do_moves(w, me, &out);
}

static void step(struct world *w, int me, const struct vrrp_event *ev)
{
	struct node *n = &w->n[me];
	struct vrrp_acts out;
	enum vrrp_state was = n->v.state;
	vrrp_step(&n->v, ev, w->now, &out);
	for (size_t i = 0; i < out.n; i++) {
		if (out.v[i].type != VRRP_ACT_ADVERT)
			continue;
		struct flight f = { .to = 1 - me, .advert = true };
		f.ev = (struct vrrp_event){ .type = VRRP_EVENT_ADVERT,
			.prio = out.v[i].prio,
			.interval_cs = n->v.rules.interval_cs,
			.from = n->v.source };
		fly(w, &f);
	}
	if (n->v.state != was)
		look(w, me);
}

static void do_moves(struct world *w, int me, const struct peer_move_acts *out)
{
	struct node *n = &w->n[me], *other = &w->n[1 - me];
	for (size_t i = 0; i < out->n; i++) {
		const struct peer_move_act *a = &out->v[i];
		switch (a->type) {
		case PEER_MOVE_ARM:
			step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_ARM, .for_ms = PEER_MOVE_ARM_MS });
			break;
		case PEER_MOVE_RESIGN:
			MUST(n->v.state == VRRP_STATE_MASTER, "who is no master resigns");
			MUST(peer_move_ready(&n->m, &n->v, w->now), "not ready");
			/* it said that it is, and has been master, in fault or started again since, or still is */
			MUST(other->v.state != VRRP_STATE_BACKUP || lb_time_cmp(other->v.armed_until, w->now) >= 0 ||
					w->now.us - other->v.since.us < PEER_MOVE_WORD_MS * MS,
				"nobody is ready");
			n->resigned++;
			step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_RESIGN });
			break;
		case PEER_MOVE_SAY: n->beat_due = true; break;
		case PEER_MOVE_MOVED:
			MUST(n->word_until[a->away].us, "a second outcome, or one without a word");
			n->word_until[a->away].us = 0;
			if (a->reason)
				n->failed[a->away]++;
			else
				n->done[a->away]++;
			break;
		}
	}
}

static void word(struct world *w, int me, enum peer_move_word what)
{
	struct node *n = &w->n[me];
	struct peer_move_acts out;
	bool away = what == PEER_MOVE_HANDOVER;
	uint32_t for_ms = (uint32_t)(1 + random_of(&w->s) % 2000);
	if (n->word_until[away].us) /* the older one ends first, and then this one is out */
		n->word_until[away] = w->now;
	peer_move_do(&n->m, &n->v, what, for_ms, false, w->now, &out);
	if (out.n && out.v[0].type == PEER_MOVE_MOVED && out.v[0].reason == PEER_MOVE_REPLACED) {
		struct peer_move_acts first = { .n = 1, .v = { out.v[0] } };
		do_moves(w, me, &first);
		out.n--;
		memmove(&out.v[0], &out.v[1], out.n * sizeof(out.v[0]));
	}
	MUST(!n->word_until[away].us, "a word that was replaced did not end");
	n->word_until[away] = lb_time_add_ms(w->now, for_ms + PEER_MOVE_AFTER_MS);
	do_moves(w, me, &out);
}

static void send_beat(struct world *w, int me, const struct peer_beat *to)
{
	struct node *n = &w->n[me];
	struct flight f = { .to = 1 - me };
	f.b = (struct peer_beat){ .node = (uint64_t)me + 1, .session = n->self.session, .n = 1 };
	f.b.seq = peer_self_next(&n->self, w->now);
	peer_link_echo(&n->link, w->now, &f.b);
	if (to) {
		f.b.echo_session = to->session;
		f.b.echo_seq = to->seq;
	}
	f.b.v[0] = (struct peer_entry){ .id = 1, .state = n->v.state, .prio = n->v.prio, .source = n->v.source };
	f.b.v[0].flags = peer_move_flags(&n->m, &n->v, w->now);
	MUST(!(f.b.v[0].flags & PEER_ENTRY_ARMED) ||
			lb_time_diff_us(n->v.armed_until, w->now) >= PEER_MOVE_WORD_MS * MS,
		"says that it is ready, and is not for as long as that may be believed");
	fly(w, &f);
}

static void arrive_beat(struct world *w, int me, const struct peer_beat *b)
{
	struct node *n = &w->n[me];
	struct peer_move_acts out;
	struct peer_change change;
	enum peer_refusal why;
	switch (peer_link_take(&n->link, &n->self, b, 0, w->now, 0, &why, &change)) {
	case PEER_TAKE_ASK: send_beat(w, me, b); break;
	case PEER_TAKE_NEWS:
		peer_move_hear(&n->m, &n->v, 0, &b->v[0], n->link.said_after, w->now, &out);
		do_moves(w, me, &out);
		break;
	case PEER_TAKE_OLD: break;
	}
}

static void arrive_advert(struct world *w, int me, const struct vrrp_event *ev)
{
	struct node *n = &w->n[me];
	struct peer_move_acts out;
	peer_move_advert(&n->m, &n->v, ev->prio, w->now, &out);
	do_moves(w, me, &out);
	step(w, me, ev);
}

static void turn(struct world *w, int me)
{
	struct node *n = &w->n[me];
	struct peer_move_acts out;
	struct peer_change change;
	if (lb_time_cmp(w->now, n->v.deadline) >= 0)
		step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER });
	if (lb_time_cmp(w->now, n->m.deadline) >= 0)
		look(w, me);
	(void)peer_link_time(&n->link, w->now, &change);
	if (change.node && !n->link.up) {
		peer_move_hear(&n->m, &n->v, 0, NULL, w->now, w->now, &out);
		do_moves(w, me, &out);
	}
	if (n->beat_due || lb_time_cmp(w->now, n->beat_at) >= 0) {
		n->beat_due = false;
		n->beat_at = lb_time_add_ms(w->now, w->heartbeat_ms);
		send_beat(w, me, NULL);
	}
	for (int away = 0; away < 2; away++)
		MUST(!n->word_until[away].us || lb_time_cmp(w->now, n->word_until[away]) <= 0, "a word does not end");
}

static void run(struct world *w, int ms)
{
	for (; ms > 0; ms--) {
		w->now.us += MS;
		for (size_t i = 0; i < w->n_air;) {
			if (lb_time_cmp(w->air[i].due, w->now) > 0) {
				i++;
				continue;
			}
			struct flight f = w->air[i]; /* its place is taken by another */
			w->air[i] = w->air[--w->n_air];
			if (f.advert)
				arrive_advert(w, f.to, &f.ev);
			else
				arrive_beat(w, f.to, &f.b);
		}
		turn(w, 0);
		turn(w, 1);
	}
}

static void begin(struct world *w, int seed)
{
	w->seed = seed;
	w->s = (uint64_t)seed * 1000003;
	w->now = at(0);
	w->heartbeat_ms = 200;
	w->loss = w->doubled = 0;
	w->delay_ms = 2;
	w->n_air = 0;
	for (int me = 0; me < 2; me++) {
		struct node *n = &w->n[me];
		*n = (struct node){ .self.session = (uint64_t)me + 77, .beat_at = at(me) };
		n->v = (struct vrrp){ .rules = { .version = 3, .interval_cs = 10, .preempt = true } };
		n->v.prio = (uint8_t)(150 - 50 * me);
		n->v.source = (struct lb_ip){ .family = AF_INET, .b = { 10, 9, 0, (uint8_t)(me + 1) } };
		n->link.node = (uint64_t)(2 - me);
		n->link.dead_after_ms = DEAD;
		n->link.n_paths = 1;
		peer_link_init(&n->link, w->now);
		n->m.deadline = LB_TIME_NEVER;
		step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_START });
	}
}

/* Nothing is lost: it goes there and back, at any heartbeat, within some round trips and no advert interval. */
START_TEST(goes_over_and_comes_back)
{
	static struct world world;
	struct world *w = &world;
	static const uint32_t heartbeats[] = { 10, 200, 1000, 10000 };
	begin(w, 1);
	w->heartbeat_ms = heartbeats[_i];
	for (int me = 0; me < 2; me++)
		w->n[me].link.dead_after_ms = heartbeats[_i] > 400 ? 3 * heartbeats[_i] : DEAD;
	run(w, 12000);
	MUST(w->n[0].v.state == VRRP_STATE_MASTER && w->n[0].link.up && w->n[1].link.up, "no beginning");
	for (int round = 0; round < 4; round++) {
		int from = round % 2, to = 1 - from, actor = round < 2 ? from : to;
		struct peer_move_acts out;
		unsigned before = w->n[actor].done[actor == from];
		w->n[actor].word_until[actor == from] = lb_time_add_ms(w->now, 5000);
		peer_move_do(&w->n[actor].m, &w->n[actor].v, actor == from ? PEER_MOVE_HANDOVER : PEER_MOVE_TAKE, 5000,
			false, w->now, &out);
		do_moves(w, actor, &out);
		/* say, be asked back, say again, ready: some trips of at most 2 ms, or two repeats */
		run(w, 2 * PEER_MOVE_REPEAT_MS + 50);
		MUST(w->n[from].v.state == VRRP_STATE_BACKUP && w->n[to].v.state == VRRP_STATE_MASTER,
			"it did not move");
		MUST(w->n[actor].done[actor == from] == before + 1, "it is not told");
		run(w, 3000);
		MUST(w->n[to].v.state == VRRP_STATE_MASTER, "it did not stay");
	}
	MUST(w->n[0].resigned == 2 && w->n[1].resigned == 2, "it went without a word");
}
END_TEST

static void disturb(struct world *w)
{
	int me = (int)(random_of(&w->s) % 2);
	switch (random_of(&w->s) % 8) {
	case 0:
	case 1:
	case 2: word(w, me, PEER_MOVE_HANDOVER); break;
	case 3:
	case 4:
	case 5: word(w, me, PEER_MOVE_TAKE); break;
	case 6: step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT, .on = true }); break;
	default: step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT }); break;
	}
}

START_TEST(whatever_is_lost)
{
	static struct world world;
	struct world *w = &world;
	unsigned done = 0, failed = 0;
	for (int seed = _i * SEEDS + 1; seed <= (_i + 1) * SEEDS; seed++) {
		begin(w, seed);
		w->heartbeat_ms = (uint32_t)(10 + random_of(&w->s) % 490);
		run(w, 1500);
		w->loss = random_of(&w->s) % 60;
		w->doubled = random_of(&w->s) % 30;
		w->delay_ms = (unsigned)(1 + random_of(&w->s) % (seed % 3 ? 40 : 700));
		for (int i = 0; i < 12; i++) {
			disturb(w);
			run(w, (int)(random_of(&w->s) % 700));
		}
		for (int me = 0; me < 2; me++)
			step(w, me, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT });
		run(w, 2000 + PEER_MOVE_AFTER_MS + 100); /* the longest word, and what may come behind it */
		w->loss = w->doubled = 0;
		w->delay_ms = 2;
		run(w, 1500);
		MUST((w->n[0].v.state == VRRP_STATE_MASTER) != (w->n[1].v.state == VRRP_STATE_MASTER),
			"not one master");
		for (int me = 0; me < 2; me++)
			for (int away = 0; away < 2; away++) {
				MUST(!w->n[me].word_until[away].us, "a word is still out");
				done += w->n[me].done[away];
				failed += w->n[me].failed[away];
			}
	}
	ck_assert_msg(done > SEEDS && failed > SEEDS, "%u done, %u failed: this tests nothing", done, failed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer_move");
	TCase *t = tcase_create("moves");
	tcase_set_timeout(t, 100);
	tcase_add_loop_test(t, stories_are_told, 0, LEN(stories));
	tcase_add_test(t, flags_between_two_looks);
	tcase_add_test(t, a_short_word_is_taken_back_in_time);
	tcase_add_test(t, each_reason_has_its_text);
	tcase_add_loop_test(t, goes_over_and_comes_back, 0, 4);
	tcase_add_loop_test(t, whatever_is_lost, 0, PARTS);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
