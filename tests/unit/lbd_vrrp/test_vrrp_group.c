/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_group.h"
#include "tests/unit/lbd_vrrp/vrrp_words.h"

#include <check.h>

/*
 * Members are a, b, c: one for each part of `members` between '/', which says how it differs from the instance of
 * words_vrrp (priority 100, 1 s: down interval 3609.375 ms). `before` is what happened before the story, unjudged.
 * A step is TIME MEMBER EVENT; what came out begins with the member it is for: "a advert 100, a addrs on". `to` is a
 * letter per member: i, b, m, f.
 */
#define ALL_BACKUP   "0 a start; 0 b start"
#define THREE_MASTER ALL_BACKUP "; 0 c start; 0 a join"
#define ALL_MASTER   ALL_BACKUP "; 0 a join"
#define TAKE_OVER    "advert 100, a addrs on, a announce, a "
#define JOINS        "b advert 100, b addrs on, b announce, b backup group"

static const struct row {
	const char *what, *members, *before, *steps, *want, *to;
} rows[] = {
	{ "one alone is as without a group", "", "0 a start", "3609.375 a timer", "a " TAKE_OVER "backup no_advert",
		"m" },
	{ "who becomes master takes the others with it", "/", ALL_BACKUP, "3609.375 b timer",
		"b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "three of them", "//", ALL_BACKUP "; 0 c start", "3609.375 a timer",
		"a " TAKE_OVER "backup no_advert, " JOINS ", c advert 100, c addrs on, c announce, c backup group",
		"mmm" },
	{ "armed, and the master of one leaves", "/", ALL_BACKUP "; 0 b arm 5000", "1000 b advert 0 1",
		"b advert 100, b addrs on, b announce, b backup planned, a " TAKE_OVER "backup group", "mm" },
	{ "an owner among them begins", "/prio=255", "0 a start", "0 b start",
		"b advert 255, b addrs on, b announce, b init started, a " TAKE_OVER "backup group", "mm" },
	{ "a better advert at one: the others go without a word", "/", ALL_MASTER, "500 a advert 150 1",
		"a advert 100, a addrs off, a master better, b addrs off, b master group", "bb" },
	{ "the peer's word", "/", ALL_MASTER, "500 b peer 2000 150 1",
		"b advert 100, b addrs off, b master peer, a addrs off, a master group", "bb" },
	{ "late at one", "/interval=1000", ALL_MASTER, "4610 a timer",
		"a addrs off, a master late, b addrs off, b master group", "bb" },
	{ "late at all: each for itself", "/", ALL_MASTER, "9000 a timer",
		"a addrs off, a master late, b addrs off, b master late", "bb" },
	{ "the machine slept: all of them, each for itself", "/", ALL_MASTER, "500 b slept 9000; 1750 a timer",
		"b addrs off, b master late, a addrs off, a master late; a " TAKE_OVER "backup resumed, " JOINS, "mm" },
	{ "a fault of one: priority 0 for all", "/", ALL_MASTER, "500 b fault",
		"b advert 0, b addrs off, b master fault, a advert 0, a addrs off, a master fault", "ff" },
	{ "one recovers while another is ill", "/", ALL_MASTER "; 500 b fault; 501 a fault", "600 b ok; 700 a ok",
		"-; a fault recovered, b fault recovered", "bb" },
	{ "the same fault twice", "/", ALL_MASTER "; 500 b fault", "501 b fault; 600 b ok",
		"-; b fault recovered, a fault recovered", "bb" },
	{ "no fault is no event", "/", ALL_MASTER, "500 b ok", "-", "mm" },
	{ "resigning: all, for good", "/", ALL_MASTER, "500 b resign; 1000 a advert 50 1; 4500 a timer",
		"b advert 0, b addrs off, b master resigned, a advert 0, a addrs off, a master resigned; -; -", "bb" },
	{ "and all as before when one is master again", "/", ALL_MASTER "; 500 b resign; 4109.375 a timer",
		"4500 b yield 0; 4501 b advert 50 1; 8110 b timer",
		"b addrs off, b master group, a addrs off, a master group; -; "
		"b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group",
		"mm" },
	{ "stopping one: priority 0 for all", "/", ALL_MASTER, "500 b stop; 501 a stop",
		"b advert 0, b addrs off, b master stopped, a advert 0, a addrs off, a master group; a backup stopped",
		"ii" },
	{ "another master met by one: all announce", "/", ALL_MASTER, "500 a advert 50 3",
		"a advert 100, a announce, b announce", "mm" },
	{ "an advert of our own is not that", "/", ALL_MASTER, "1000 a timer", "a advert 100", "mm" },
	{ "while a member has its startup delay the others wait", "/startup=5000", ALL_BACKUP,
		"3609.375 a timer; 5000 b timer; 7218.75 a timer",
		"-; b init started; a " TAKE_OVER "backup no_advert, " JOINS, "mm" },
	{ "an owner, too", "prio=255/startup=5000", "",
		"0 a start; 0 b start; 3003.906 a timer; 5000 b timer; 6007.812 a timer",
		"a init started; -; -; b init started; "
		"a advert 255, a addrs on, a announce, a backup no_advert, " JOINS,
		"mm" },
	{ "one who is armed, too", "/startup=5000", ALL_BACKUP "; 0 a arm 9000", "1000 a advert 0 1; 1609.375 a timer",
		"-; -", "bi" },
	{ "a member that came later follows when it begins", "//startup=5000", ALL_MASTER,
		"500 c start; 1000 a timer; 5500 c timer",
		"-; a advert 100; c init started, c advert 100, c addrs on, c announce, c backup group", "mmm" },
	{ "it does not hold a group that is master already", "//startup=5000", ALL_MASTER "; 1 c start",
		"500 a timer; 600 a advert 50 1", "-; a advert 100, a announce, b announce", "mmi" },
	{ "one that came later finds the fault", "//", ALL_MASTER "; 1 a fault", "500 c start", "c init fault", "fff" },
	{ "a fault before anybody began", "/", "0 b fault", "1 a start; 2 b start; 3 b ok",
		"a init fault; b init fault; b fault recovered, a fault recovered", "bb" },
	{ "faults end while one has its startup delay", "/startup=5000", ALL_BACKUP "; 1 a fault",
		"2 a ok; 5000 b timer", "a fault recovered; b init started", "bb" },
	{ "silence at one, while the other one hears the master: the group goes on to follow", "/", ALL_BACKUP,
		"1000 a advert 150 1; 2000 a advert 150 1; 3000 a advert 150 1; 3609.375 b timer; 4000 a advert 150 1; "
		"6609.375 b timer",
		"-; -; -; b vrrp_path_down on; -; -", "bb" },
	{ "and takes over when that master is gone", "/",
		ALL_BACKUP "; 1000 a advert 150 1; 2000 a advert 150 1; 3000 a advert 150 1; 3609.375 b timer",
		"6609.375 b timer",
		"b advert 100, b addrs on, b announce, b backup no_advert, b vrrp_path_down off, a " TAKE_OVER
		"backup group",
		"mm" },
	{ "a master that dies costs no longer, whoever heard its last advert", "/", ALL_BACKUP,
		"1000 a advert 150 1; 1900 b advert 150 1; 4609.375 a timer",
		"-; -; a " TAKE_OVER "backup no_advert, " JOINS, "mm" },
	{ "nor where the other one has a long interval", "/interval=1000", ALL_BACKUP,
		"1000 b advert 150 1 1000; 1500 a advert 150 1; 5109.375 a timer",
		"-; -; a " TAKE_OVER "backup no_advert, " JOINS, "mm" },
	{ "nor where one began when it was about to die", "/startup=2000", ALL_BACKUP "; 2000 b timer",
		"2500 a advert 150 1; 5609.375 b timer",
		"-; b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "nor where one obeys since then whom it was to preempt", "/", ALL_BACKUP,
		"1000 b advert 90 3; 3000 b prio 80; 3500 a advert 150 1; 6687.5 b timer",
		"-; -; -; b advert 80, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "one obeys whom it was to preempt: it holds who hears nothing", "/", ALL_BACKUP,
		"1000 a advert 90 3; 2000 a advert 90 3; 3000 a advert 90 3; 3600 a prio 80; 3600 b prio 80; "
		"3687.5 b timer; 4000 a advert 90 3",
		"-; -; -; -; -; b vrrp_path_down on; -", "bb" },
	{ "the second path hears for it, too", "/", ALL_BACKUP,
		"3000 a peer 2000 150 1; 3609.375 b timer; 5000 b timer",
		"-; b vrrp_path_down on; b advert 100, b addrs on, b announce, b backup no_advert, b vrrp_path_down "
		"off, a " TAKE_OVER "backup group",
		"mm" },
	{ "also when a third node says so, and takes it back", "/", ALL_BACKUP,
		"3000 a peer 3000 150 1; 3100 a peer 2000 90 3; 3115 a nopeer 90 3; 3609.375 b timer; 5000 b timer",
		"-; -; -; b vrrp_path_down on; -", "bb" },
	{ "who is to be preempted holds nobody", "/", ALL_BACKUP, "1500 a advert 50 1; 3609.375 b timer",
		"-; b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "nor one that was better until a moment ago", "/", ALL_BACKUP,
		"2000 a advert 150 1; 2100 a advert 50 1; 3609.375 b timer",
		"-; -; b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "who preempts is held by nobody", "/", ALL_BACKUP,
		"3000 a advert 150 1; 3100 b advert 50 3; 3609.375 b timer",
		"-; -; b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "who left holds nobody, and who was left does not wait", "/", ALL_BACKUP,
		"3000 a advert 150 1; 3100 b advert 0 1; 3709.375 b timer",
		"-; -; b advert 100, b addrs on, b announce, b backup left, a " TAKE_OVER "backup group", "mm" },
	{ "nor does it hold where only another one heard it leave", "/", ALL_BACKUP,
		"3000 a advert 150 1; 3100 a advert 0 1; 3609.375 b timer",
		"-; -; b advert 100, b addrs on, b announce, b backup no_advert, a " TAKE_OVER "backup group", "mm" },
	{ "an owner is held by nobody", "prio=255/", "",
		"0 a start; 0 b start; 500 a yield 0; 3000 b advert 200 1; 3503.906 a timer",
		"a init started; b init started; -; -; a advert 255, a addrs on, a announce, a backup "
		"no_advert, " JOINS,
		"mm" },
	{ "one that has resigned is", "prio=255/", "0 a resign; 0 a start; 0 b start",
		"3000 b advert 200 1; 3003.906 a timer", "-; a vrrp_path_down on", "bb" },
	{ "one that was killed does not go on where another one hears a master", "/", "0 a resume; 0 b resume",
		"900 a advert 150 1; 1250 b timer; 4509.375 a timer", "-; -; a " TAKE_OVER "backup no_advert, " JOINS,
		"mm" },
	{ "for as long as the slowest of the two", "interval=1000/", ALL_MASTER,
		"500 b advert 150 1 2000; 37000 a timer",
		"b advert 100, b addrs off, b master better, a addrs off, a master group; -", "bb" },
	{ "and no moment less, though times are told in whole milliseconds", "/prio=200", ALL_MASTER,
		"500 a advert 150 1; 4109.1 b timer",
		"a advert 100, a addrs off, a master better, b addrs off, b master group; -", "bb" },
	{ "but not of a third one, that only went along", "interval=1000//", THREE_MASTER,
		"500 b advert 150 1; 4110 c timer",
		"b advert 100, b addrs off, b master better, a addrs off, a master group, c addrs off, c master group; "
		"c advert 100, c addrs on, c announce, c backup no_advert, a " TAKE_OVER "backup group, " JOINS,
		"mmm" },
};

struct story {
	struct vrrp v[3];
	struct vrrp_group g;
	const struct row *row;
};

static void setup(struct story *s, const struct row *r)
{
	*s = (struct story){ .row = r };
	const char *at = r->members;
	for (;;) {
		char words[64];
		size_t n = strcspn(at, "/");
		snprintf(words, sizeof(words), "%.*s", (int)n, at);
		ck_assert_msg(words_vrrp(&s->v[s->g.n], words), "%s: not understood: %s", r->what, words);
		s->g.v[s->g.n] = &s->v[s->g.n];
		s->g.n++;
		if (!at[n])
			return;
		at += n + 1;
	}
}

static void tell(struct story *s, const char *steps, char *got, size_t size)
{
	static struct vrrp_group_acts acts;
	char text[256], *save = NULL;
	snprintf(text, sizeof(text), "%s", steps);
	for (char *p = strtok_r(text, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
		struct vrrp_event ev;
		struct lb_time now = words_time(strtod(p, &p));
		p += strspn(p, " ");
		size_t member = (size_t)(*p - 'a');
		ck_assert_msg(member < s->g.n && words_event(p + 1, &s->v[member], &ev), "%s: not understood: %s",
			s->row->what, p);
		vrrp_group_step(&s->g, member, &ev, now, &acts);
		if (got[0])
			strncat(got, "; ", size - strlen(got) - 1);
		for (size_t i = 0; i < acts.n; i++) {
			char one[64] = "";
			words_act(&acts.v[i].act, one, sizeof(one));
			size_t n = strlen(got);
			snprintf(got + n, size - n, "%s%c %s", i ? ", " : "", (char)('a' + acts.v[i].member), one);
		}
		if (acts.n == 0)
			strncat(got, "-", size - strlen(got) - 1);
	}
}

START_TEST(stories)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct story s;
		char got[1024] = "", ignored[2048] = "", to[4] = "";
		setup(&s, r);
		tell(&s, r->before, ignored, sizeof(ignored));
		tell(&s, r->steps, got, sizeof(got));
		ck_assert_msg(
			strcmp(got, r->want) == 0, "%s: %s gave\n  %s\nnot\n  %s", r->what, r->steps, got, r->want);
		for (size_t k = 0; k < s.g.n; k++)
			to[k] = vrrp_state_names[s.v[k].state][0];
		ck_assert_msg(strcmp(to, r->to) == 0, "%s: ended as %s, not %s", r->what, to, r->to);
	}
}
END_TEST

START_TEST(a_group_has_one_priority)
{
	static const struct {
		const char *what;
		uint8_t configured[3], set[3], want;
	} prios[] = {
		{ "the mean of what is configured", { 150, 120, 251 }, { 0 }, 174 },
		{ "one that orders the nodes among others that do not", { 150, 100, 100 }, { 0 }, 117 },
		{ "the same on the other node", { 100, 100, 100 }, { 0 }, 100 },
		{ "and on one that is below the default", { 50, 100, 100 }, { 0 }, 83 },
		{ "the highest", { 254, 254, 254 }, { 0 }, 254 },
		{ "an operator's word at one of them", { 150, 120, 254 }, { 0, 0, 200 }, 200 },
		{ "the least of two such words", { 150, 120, 254 }, { 200, 0, 90 }, 90 },
		{ "next to an owner", { 150, 255, 120 }, { 90, 0, 0 }, 254 },
	};
	for (size_t i = 0; i < sizeof(prios) / sizeof(prios[0]); i++)
		ck_assert_msg(vrrp_group_prio(prios[i].configured, prios[i].set, 3) == prios[i].want, "%s: %u",
			prios[i].what, vrrp_group_prio(prios[i].configured, prios[i].set, 3));
	ck_assert_uint_eq(vrrp_group_prio((const uint8_t[]){ 100 }, (const uint8_t[]){ 0 }, 1), 100);
	ck_assert_uint_eq(vrrp_effective_prio(100, -253), 1);
	ck_assert_uint_eq(vrrp_effective_prio(100, -100), 1); /* 0 would say that it leaves */
	ck_assert_uint_eq(vrrp_effective_prio(100, 253), 254);
	ck_assert_uint_eq(vrrp_effective_prio(255, -253), 255);
}
END_TEST

/* A reload adds a member to a group that has a fault: the newcomer has never heard of it. */
START_TEST(a_newcomer_finds_the_fault)
{
	static struct vrrp_group_acts acts;
	struct story s;
	setup(&s, &(struct row){ .members = "/" });
	s.g.n = 1;
	vrrp_group_step(&s.g, 0, &(struct vrrp_event){ .type = VRRP_EVENT_START }, words_time(0), &acts);
	vrrp_group_step(&s.g, 0, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT, .on = true }, words_time(1), &acts);
	s.g.n = 2;
	vrrp_group_step(&s.g, 1, &(struct vrrp_event){ .type = VRRP_EVENT_START }, words_time(2), &acts);
	ck_assert_int_eq(s.v[1].state, VRRP_STATE_FAULT);
	vrrp_group_step(&s.g, 0, &(struct vrrp_event){ .type = VRRP_EVENT_FAULT }, words_time(3), &acts);
	ck_assert(s.v[0].state == VRRP_STATE_BACKUP && s.v[1].state == VRRP_STATE_BACKUP);
}
END_TEST

/* A reload adds a member to a group, and one of the two had resigned: neither takes the addresses from somebody less.
 */
START_TEST(a_newcomer_and_who_has_resigned)
{
	static struct vrrp_group_acts acts;
	const struct vrrp_event less = {
		.type = VRRP_EVENT_ADVERT, .prio = 50, .interval_cs = 100, .from = words_ip(1)
	};
	for (size_t who = 0; who < 2; who++) {
		struct story s;
		setup(&s, &(struct row){ .members = "/" });
		s.v[who].resigned = true;
		s.g.n = 1;
		vrrp_group_step(&s.g, 0, &(struct vrrp_event){ .type = VRRP_EVENT_START }, words_time(0), &acts);
		s.g.n = 2;
		vrrp_group_step(&s.g, 1, &(struct vrrp_event){ .type = VRRP_EVENT_START }, words_time(1), &acts);
		ck_assert(s.v[0].resigned && s.v[1].resigned);
		for (unsigned ms = 100; ms <= 8000; ms += 100) {
			vrrp_group_step(&s.g, ms / 100 % 2, &less, words_time(ms), &acts);
			vrrp_group_step(&s.g, ms / 100 % 2, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER },
				words_time(ms), &acts);
		}
		ck_assert(s.v[0].state == VRRP_STATE_BACKUP && s.v[1].state == VRRP_STATE_BACKUP);
	}
}
END_TEST

/* A group that is master since then has nothing to leave to others. */
START_TEST(who_has_resigned_joins_a_master)
{
	static struct vrrp_group_acts acts;
	char ignored[2048] = "";
	struct story s;
	setup(&s, &(struct row){ .members = "//" });
	s.v[2].resigned = true;
	tell(&s, THREE_MASTER, ignored, sizeof(ignored));
	ck_assert(s.v[0].state == VRRP_STATE_MASTER && s.v[2].state == VRRP_STATE_MASTER && !s.v[2].resigned);
	setup(&s, &(struct row){ .members = "//" });
	s.g.n = 2;
	tell(&s, ALL_MASTER, ignored, sizeof(ignored));
	s.v[2].resigned = true;
	s.g.n = 3;
	vrrp_group_step(&s.g, 2, &(struct vrrp_event){ .type = VRRP_EVENT_START }, words_time(1), &acts);
	for (size_t k = 0; k < s.g.n; k++)
		ck_assert(s.v[k].state == VRRP_STATE_MASTER && !s.v[k].resigned);
}
END_TEST

/* A reload takes a member away, or makes another one of it (its interface was wrong): what it ailed is not the others'
 * any more, and what somebody else ails still is. */
START_TEST(a_fault_leaves_with_its_member)
{
	static const struct {
		const char *what, *before;
		size_t leaves;
		const char *to, *later; /* the states of those who stay, and when they have waited long enough */
	} leaving[] = {
		{ "the only one that was ill", THREE_MASTER "; 1 a fault", 0, "bb", "mm" },
		{ "in the middle", THREE_MASTER "; 1 b fault", 1, "bb", "mm" },
		{ "the last", THREE_MASTER "; 1 c fault", 2, "bb", "mm" },
		{ "one of two", THREE_MASTER "; 1 a fault; 2 c fault", 0, "ff", "ff" },
		{ "one that was well", THREE_MASTER "; 1 b fault", 2, "ff", "ff" },
		{ "nobody was ill", THREE_MASTER, 1, "bb", "mm" },
	};
	static struct vrrp_group_acts acts;
	for (size_t r = 0; r < sizeof(leaving) / sizeof(leaving[0]); r++) {
		struct story s;
		char got[2048] = "", to[4] = "", later[4] = "";
		const struct row row = { .what = leaving[r].what, .members = "//" };
		setup(&s, &row);
		tell(&s, leaving[r].before, got, sizeof(got));
		vrrp_group_step(&s.g, leaving[r].leaves, &(struct vrrp_event){ .type = VRRP_EVENT_STOP },
			words_time(10), &acts);
		vrrp_group_leave(&s.g, leaving[r].leaves, words_time(10), &acts);
		ck_assert_uint_eq(s.g.n, 2);
		for (size_t i = 0; i < acts.n; i++)
			ck_assert_uint_lt(acts.v[i].member, 2);
		for (size_t k = 0; k < s.g.n; k++)
			to[k] = vrrp_state_names[s.g.v[k]->state][0];
		for (unsigned ms = 100; ms <= 8000; ms += 100) /* nobody stands still meanwhile */
			vrrp_group_step(&s.g, ms / 100 % 2, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER },
				words_time(ms), &acts);
		for (size_t k = 0; k < s.g.n; k++)
			later[k] = vrrp_state_names[s.g.v[k]->state][0];
		ck_assert_msg(strcmp(to, leaving[r].to) == 0, "%s: %s, not %s", row.what, to, leaving[r].to);
		ck_assert_msg(
			strcmp(later, leaving[r].later) == 0, "%s: then %s, not %s", row.what, later, leaving[r].later);
	}
}
END_TEST

/* From every mix of states that two and three members can be in, every event at every member: the states afterwards are
 * all master or none (but for INIT), and nobody changed more than three times. A mix is what a reload can leave. */
START_TEST(every_mix_settles_in_one_step)
{
	static const char *const events[] = { "start", "timer", "advert 0 1", "advert 50 1", "advert 150 1", "prio 120",
		"source 7", "fault", "ok", "resign", "arm 1000", "peer 1000 150 1", "nopeer 150 1", "join", "yield 0",
		"leave 0", "rules interval=50", "slept 9000", "stop" };
	static const double times[] = { 1, 3609.375, 9000 }; /* early, in time for a backup, late for a master */
	static struct vrrp_group_acts acts;
	for (unsigned mix = 0; mix < 64; mix++)
		for (size_t e = 0; e < sizeof(events) / sizeof(events[0]) * 3; e++)
			for (size_t member = 0; member < 3; member++) {
				struct story s;
				struct vrrp_acts ignored;
				struct vrrp_event ev;
				setup(&s, &(struct row){ .members = "//" });
				for (size_t i = 0; i < 3; i++) {
					unsigned state = mix >> 2 * i & 3;
					if (state != VRRP_STATE_INIT)
						vrrp_step(&s.v[i], &(struct vrrp_event){ .type = VRRP_EVENT_START },
							words_time(0), &ignored);
					if (state == VRRP_STATE_MASTER)
						vrrp_step(&s.v[i], &(struct vrrp_event){ .type = VRRP_EVENT_JOIN },
							words_time(0), &ignored);
					if (state == VRRP_STATE_FAULT) {
						s.g.own_fault[i] = true;
						vrrp_step(&s.v[i],
							&(struct vrrp_event){ .type = VRRP_EVENT_FAULT, .on = true },
							words_time(0), &ignored);
					}
				}
				ck_assert(words_event(events[e / 3], &s.v[member], &ev));
				vrrp_group_step(&s.g, member, &ev, words_time(times[e % 3]), &acts);
				unsigned masters = 0, backups = 0, changes[3] = { 0, 0, 0 };
				for (size_t i = 0; i < 3; i++) {
					masters += s.v[i].state == VRRP_STATE_MASTER;
					backups += s.v[i].state == VRRP_STATE_BACKUP;
				}
				for (size_t i = 0; i < acts.n; i++)
					changes[acts.v[i].member] += acts.v[i].act.type == VRRP_ACT_REPORT;
				ck_assert_msg(!masters || !backups, "mix %u, %s at %zu: %u masters, %u backups", mix,
					events[e / 3], member, masters, backups);
				for (size_t i = 0; i < 3; i++)
					ck_assert_msg(changes[i] <= 3, "mix %u, %s at %zu: member %zu changed %u times",
						mix, events[e / 3], member, i, changes[i]);
			}
}
END_TEST

/* The largest group, all of them late masters, in every kind of step: the actions fit. */
START_TEST(the_largest_group_fits)
{
	static struct vrrp v[VRRP_GROUP_MAX];
	static struct vrrp_group_acts acts;
	for (int type = 0; type < VRRP_EVENT_COUNT; type++)
		for (double at = 10; at < 100000; at *= 3) {
			struct vrrp_group g = { .n = VRRP_GROUP_MAX };
			struct vrrp_event ev = { .type = VRRP_EVENT_START };
			for (size_t i = 0; i < VRRP_GROUP_MAX; i++) {
				ck_assert(words_vrrp(&v[i], ""));
				g.v[i] = &v[i];
			}
			for (size_t i = 0; i < VRRP_GROUP_MAX; i++)
				vrrp_group_step(&g, i, &ev, words_time(0), &acts);
			ev.type = VRRP_EVENT_JOIN;
			vrrp_group_step(&g, 7, &ev, words_time(0), &acts);
			for (size_t i = 0; i < VRRP_GROUP_MAX; i++) {
				ck_assert_int_eq(v[i].state, VRRP_STATE_MASTER);
				/* another with our address: one more action when that ends */
				ev = (struct vrrp_event){ .type = VRRP_EVENT_ADVERT, .prio = 100, .from = words_ip(2) };
				vrrp_group_step(&g, i, &ev, words_time(1), &acts);
			}
			ev = (struct vrrp_event){
				.type = (enum vrrp_event_type)type, .on = true, .prio = 50, .from = words_ip(1)
			};
			vrrp_group_step(&g, 31, &ev, words_time(at), &acts);
			ck_assert_uint_le(acts.n, sizeof(acts.v) / sizeof(acts.v[0]));
			for (size_t i = 1; i < VRRP_GROUP_MAX; i++)
				ck_assert_msg((v[i].state == VRRP_STATE_MASTER) == (v[0].state == VRRP_STATE_MASTER) ||
						      v[i].state == VRRP_STATE_INIT,
					"event %d at %.0f", type, at);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_group");
	TCase *t = tcase_create("all");
	tcase_add_test(t, a_fault_leaves_with_its_member);
	tcase_add_test(t, stories);
	tcase_add_test(t, a_group_has_one_priority);
	tcase_add_test(t, a_newcomer_finds_the_fault);
	tcase_add_test(t, a_newcomer_and_who_has_resigned);
	tcase_add_test(t, who_has_resigned_joins_a_master);
	tcase_add_test(t, every_mix_settles_in_one_step);
	tcase_add_test(t, the_largest_group_fits);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
