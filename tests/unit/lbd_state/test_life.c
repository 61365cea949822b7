/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a generation. A life is told as a list of events with what has to be done after each. */
#include "lbd/state/life.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The disk: a letter per generation, from 1 on. - is none, ? one that cannot be read. */
static const char letters[GENERATION_STATE_COUNT + 1] = "pcrf";

static void disk(const char *states, struct life_heads *heads)
{
	const char *last = strrchr(states, '?');
	heads->n = 0;
	heads->unread = last ? (uint32_t)(last - states) + 1 : 0;
	for (uint32_t i = 0; states[i]; i++) {
		if (states[i] == '-' || states[i] == '?')
			continue;
		struct life_head *h = &heads->v[heads->n++];
		*h = (struct life_head){ .number = i + 1,
			.state = (enum generation_state)(strchr(letters, states[i]) - letters) };
		snprintf(h->sha256, sizeof(h->sha256), "sha of %u", i + 1);
		snprintf(h->why, sizeof(h->why), "why of %u", i + 1);
	}
}

/* ? is behind a mark that may fail. */
static void told(const struct life_acts *acts, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < acts->n; i++) {
		const struct life_act *a = &acts->v[i];
		const char *sep = n ? ", " : "";
		if (a->type == LIFE_ACT_MARK)
			n += (size_t)snprintf(out + n, size - n, "%s%u %s%s", sep, a->number,
				generation_states[a->state], a->must ? "" : "?");
		else
			n += (size_t)snprintf(out + n, size - n, "%s%s %u", sep,
				a->type == LIFE_ACT_RUN ? "run" : "look at", a->number);
	}
	if (acts->said)
		snprintf(out + n, size - n, "%s(%d) %s", n ? ", " : "", (int)acts->code, acts->text);
}

#define APPLY     .type = LIFE_EVENT_APPLY
#define TAKEN     .type = LIFE_EVENT_TAKEN, .number
#define CONFIRM   .type = LIFE_EVENT_CONFIRM
#define ROLLBACK  .type = LIFE_EVENT_ROLLBACK, .text = "by alice", .number
#define TIMER     .type = LIFE_EVENT_TIMER
#define MARKED    .type = LIFE_EVENT_MARKED, .text = "disk full", .failed
#define LOADED    .type = LIFE_EVENT_LOADED, .text = "no key", .failed
#define LOOKED    .type = LIFE_EVENT_LOOKED, .text = "no IPVS", .differences
#define KEEP      .type = LIFE_EVENT_KEEP
#define THERE     .type = LIFE_EVENT_CONFIRMED_THERE
#define ASK       .type = LIFE_EVENT_ASK
#define ASK_ENDED .type = LIFE_EVENT_ASK_ENDED
#define SAME      .type = LIFE_EVENT_SAME
#define FOUND     .type = LIFE_EVENT_FOUND, .number

#define STUCK                                                                                                          \
	"(8) generation 2 could not be rolled back and still runs: no key; lbd tries again, a working configuration "  \
	"can be applied"

/* In every life generation 2 runs and is confirmed at first; 1 is, too. */
static const struct {
	const char *what;
	struct {
		int64_t at_s;
		struct life_event ev;
		const char *disk; /* NULL = as before */
		const char *done;
	} v[14];
	uint32_t runs, gave_up; /* at the end */
	enum life_phase phase;
} lives[] = {
	{ "an apply without a confirm is confirmed, and there may be the next one",
		{ { 0, { APPLY }, "cc", "" }, { 0, { TAKEN = 3 }, "ccc", "" }, { 1, { APPLY }, 0, "" },
			{ 9999, { TIMER }, 0, "" },
			{ 0, { CONFIRM }, 0, "(7) nothing waits for a confirm: generation 3 is running" } },
		3, 0, LIFE_RUNS },
	{ "nobody confirms: it goes back at the deadline and not before",
		{ { 0, { TAKEN = 3, .confirm_ms = 120000 }, "ccp", "" }, { 119, { TIMER }, 0, "" },
			{ 100, { APPLY }, 0,
				"(7) generation 3 waits for a confirm, 20 s are left: `lbctl config confirm` keeps it, "
				"`lbctl config rollback` goes back to 2" },
			{ 120, { TIMER }, 0, "3 rolled_back?" }, { 120, { MARKED = false }, "ccr", "run 2" },
			{ 120, { APPLY }, 0, "(7) generation 3 is being rolled back to 2: try again in a moment" },
			{ 120, { ROLLBACK = 0 }, 0, "(7) generation 3 is being rolled back to 2 already" },
			{ 121, { LOADED = false }, 0, "look at 2" },
			{ 121, { LOOKED = 0 }, 0, "(0) rolled back to 2, verified" },
			{ 122, { CONFIRM }, 0, "(7) too late: generation 3 was rolled back (not confirmed in 2m)" },
			{ 9999, { TIMER }, 0, "" } },
		2, 3, LIFE_RUNS },
	{ "it is confirmed in time: the deadline means nothing any more",
		{ { 0, { TAKEN = 3, .confirm_ms = 120000 }, "ccp", "" }, { 119, { CONFIRM }, 0, "3 confirmed" },
			{ 119, { MARKED = false }, "ccc", "(0) generation 3 is confirmed" }, { 121, { TIMER }, 0, "" },
			{ 130, { ROLLBACK = 0 }, 0, "3 rolled_back" }, { 130, { MARKED = false }, "ccr", "run 2" },
			{ 130, { LOADED = false }, 0, "look at 2" },
			{ 130, { LOOKED = 2 }, 0,
				"(8) rolled back to 2, but the kernel differs in 2 places (lbctl kernel diff)" } },
		2, 3, LIFE_RUNS },
	{ "a confirm that the disk does not take confirms nothing, and can be said again",
		{ { 0, { TAKEN = 3, .confirm_ms = 120000 }, "ccp", "" }, { 10, { CONFIRM }, 0, "3 confirmed" },
			{ 10, { MARKED = true }, 0, "(8) generation 3 is not confirmed (110 s are left): disk full" },
			{ 20, { CONFIRM }, 0, "3 confirmed" },
			{ 20, { MARKED = false }, 0, "(0) generation 3 is confirmed" } },
		3, 0, LIFE_RUNS },
	{ "a rollback that the disk does not take leaves what is confirmed running",
		{ { 0, { ROLLBACK = 1 }, "cc", "2 rolled_back" },
			{ 0, { MARKED = true }, 0, "(8) not rolled back, generation 2 is running: disk full" } },
		2, 0, LIFE_RUNS },
	{ "nor is one that stayed pending needed: a trial goes back at its deadline whatever the disk takes",
		{ { 0, { TAKEN = 4, .confirm_ms = 1000 }, "ccpp", "" },
			{ 1, { TIMER }, 0, "3 rolled_back?, 4 rolled_back?" }, { 1, { MARKED = false }, 0, "run 2" } },
		4, 4, LIFE_BACK },
	{ "and what was confirmed before the trial, and did not run, stays so",
		{ { 0, { TAKEN = 4, .confirm_ms = 1000 }, "cccp", "" }, { 0, { ROLLBACK = 0 }, 0, "4 rolled_back?" },
			{ 0, { MARKED = false }, 0, "run 2" } },
		4, 4, LIFE_BACK },
	{ "the disk took the confirm of a trial, and said that it did not: it is marked all the same",
		{ { 0, { TAKEN = 4, .confirm_ms = 1000 }, "cccp", "" }, { 0, { CONFIRM }, 0, "4 confirmed" },
			{ 0, { MARKED = true }, "cccc", "(8) generation 4 is not confirmed (1 s are left): disk full" },
			{ 1, { TIMER }, 0, "4 rolled_back?" }, { 1, { MARKED = false }, "cccr", "run 2" } },
		4, 4, LIFE_BACK },
	{ "a newer one that the start could not read runs now",
		{ { 0, { FOUND = 4 }, "cc-c", "run 4" },
			{ 0, { APPLY }, 0, "(7) generation 4 is being loaded: try again in a moment" },
			{ 0, { ROLLBACK = 1 }, 0, "(7) generation 4 is being loaded: try again in a moment" },
			{ 0, { CONFIRM }, 0, "(7) nothing waits for a confirm: generation 2 is running" },
			{ 0, { LOADED = false }, 0, "" }, { 9999, { TIMER }, 0, "" },
			{ 0, { ROLLBACK = 0 }, 0, "4 rolled_back" } },
		4, 0, LIFE_RUNS },
	{ "where it does not load the one before it does, or what runs goes on",
		{ { 0, { FOUND = 4 }, "cccc", "run 4" }, { 0, { LOADED = true }, 0, "run 3" },
			{ 0, { LOADED = true }, 0, "" }, { 0, { APPLY }, 0, "" }, { 0, { FOUND = 2 }, 0, "" } },
		2, 0, LIFE_RUNS },
	{ "nothing goes forward while something else is under way",
		{ { 0, { TAKEN = 4, .confirm_ms = 1000 }, "cc-p", "" }, { 0, { FOUND = 9 }, 0, "" } }, 4, 0,
		LIFE_PENDING },
	{ "further back than where the trial began, what is confirmed must be marked",
		{ { 0, { TAKEN = 4, .confirm_ms = 1000 }, "ccpp", "" },
			{ 0, { ROLLBACK = 1 }, 0, "2 rolled_back, 3 rolled_back?, 4 rolled_back?" },
			{ 0, { MARKED = true }, 0, "(8) not rolled back, generation 4 is running: disk full" },
			{ 1, { TIMER }, 0, "3 rolled_back?, 4 rolled_back?" } },
		4, 0, LIFE_PENDING },
	{ "what runs is marked last: until then the disk says to run it",
		{ { 0, { TAKEN = 5 }, "ccccc", "" }, { 0, { ROLLBACK = 2 }, "ccrcc", "4 rolled_back, 5 rolled_back" },
			{ 0, { MARKED = false }, "ccrrr", "run 2" } },
		5, 5, LIFE_BACK },
	{ "only to one that is confirmed, and older",
		{ { 0, { TAKEN = 4 }, "crfc-", "" },
			{ 0, { ROLLBACK = 9 }, 0, "(4) there is no generation 9 (lbctl config history)" },
			{ 0, { ROLLBACK = 4 }, 0, "(7) generation 4 is running" },
			{ 0, { ROLLBACK = 2 }, 0,
				"(7) generation 2 is not one to go back to (rolled_back): `lbctl config show 2 | lbctl "
				"config "
				"apply -` applies its text anew; of several files put each back (--file)" },
			{ 0, { ROLLBACK = 3 }, 0,
				"(7) generation 3 is not one to go back to (failed): `lbctl config show 3 | lbctl "
				"config "
				"apply -` applies its text anew; of several files put each back (--file)" },
			{ 0, { ROLLBACK = 0 }, 0, "4 rolled_back" } },
		4, 0, LIFE_RUNS },
	{ "there is nothing before the first one",
		{ { 0, { ROLLBACK = 0 }, "rc",
			"(4) there is no confirmed generation before 2 (lbctl config history)" } },
		2, 0, LIFE_RUNS },
	{ "one that does not load any more: the one before it, and in the end the one that was given up, again and "
	  "again",
		{ { 0, { TAKEN = 3, .confirm_ms = 1000 }, "ccp", "" }, { 1, { TIMER }, 0, "3 rolled_back?" },
			{ 1, { MARKED = false }, "ccr", "run 2" }, { 1, { LOADED = true }, 0, "run 1" },
			{ 1, { LOADED = true }, 0,
				"(8) generation 3 could not be rolled back and still runs: no key; lbd tries again, a "
				"working "
				"configuration can be applied" },
			{ 10, { TIMER }, 0, "" }, { 11, { TIMER }, 0, "run 2" }, { 11, { LOADED = true }, 0, "run 1" },
			{ 11, { LOADED = false }, 0, "look at 1" },
			{ 11, { LOOKED = 0 }, 0, "(0) rolled back to 1, verified" } },
		1, 3, LIFE_RUNS },
	{ "an apply is the way out of that",
		{ { 0, { TAKEN = 3, .confirm_ms = 1000 }, "-cp", "" }, { 1, { TIMER }, 0, "3 rolled_back?" },
			{ 1, { MARKED = false }, 0, "run 2" },
			{ 1, { LOADED = true }, 0,
				"(8) generation 3 could not be rolled back and still runs: no key; lbd tries again, a "
				"working "
				"configuration can be applied" },
			{ 2, { APPLY }, 0, "" }, { 2, { TAKEN = 4 }, "-crc", "" }, { 99, { TIMER }, 0, "" } },
		4, 0, LIFE_RUNS },
	{ "when there is no older one any more, or no memory to look for one, it waits for an apply",
		{ { 0, { ROLLBACK = 1 }, "cc", "2 rolled_back" }, { 0, { MARKED = false }, "-r", "run 1" },
			{ 0, { LOADED = true }, 0, STUCK }, { 10, { TIMER }, 0, "" }, { 11, { APPLY }, 0, "" },
			{ 19, { TIMER }, "cr", "" }, { 20, { TIMER }, 0, "run 1" },
			{ 20, { LOADED = true }, "-r", STUCK }, { 31, { TIMER }, 0, "" },
			{ 31, { TAKEN = 3 }, "-rc", "" }, { 99, { TIMER }, 0, "" } },
		3, 0, LIFE_RUNS },
	{ "what could not be rolled back is applied again: it is kept after all, as soon as the disk says so",
		{ { 0, { ROLLBACK = 1 }, "cc", "2 rolled_back" }, { 0, { MARKED = false }, "-r", "run 1" },
			{ 0, { LOADED = true }, 0, STUCK }, { 1, { SAME }, 0, "2 confirmed" },
			{ 1, { MARKED = true }, 0,
				"(8) generation 2 stays rolled back, lbd tries again to go back: disk full" },
			{ 2, { CONFIRM }, 0, "(7) too late: generation 2 was rolled back (by alice)" },
			{ 3, { SAME }, 0, "2 confirmed" },
			{ 3, { MARKED = false }, "-c", "(0) generation 2 is confirmed" }, { 99, { TIMER }, 0, "" } },
		2, 0, LIFE_RUNS },
	{ "the kernel cannot be compared: that is said",
		{ { 0, { ROLLBACK = 1 }, "cc", "2 rolled_back" }, { 0, { MARKED = false }, 0, "run 1" },
			{ 0, { LOADED = false }, 0, "look at 1" },
			{ 0, { LOOKED = 0, .failed = true }, 0, "(8) rolled back to 1, not verified: no IPVS" } },
		1, 2, LIFE_RUNS },
	{ "held: until the other node has it, too, no deadline counts, and then it is confirmed",
		{ { 0, { TAKEN = 3, .held = true, .both = true }, "ccp", "" }, { 99999, { TIMER }, 0, "" },
			{ 0, { APPLY }, 0,
				"(7) generation 3 waits for a confirm, it is being applied on the other node: `lbctl "
				"config "
				"confirm` keeps it, `lbctl config rollback` goes back to 2" },
			{ 0, { KEEP }, 0, "3 confirmed" },
			{ 0, { MARKED = false }, 0, "(0) generation 3 is confirmed" } },
		3, 0, LIFE_RUNS },
	{ "held, with a confirm: kept is not confirmed",
		{ { 0, { TAKEN = 3, .held = true, .both = true, .confirm_ms = 1000 }, "ccp", "" },
			{ 0, { KEEP }, 0, "(0) kept" }, { 1, { TIMER }, 0, "3 rolled_back?" } },
		3, 0, LIFE_PENDING },
	{ "a confirm that is on its way to the other node holds the deadline",
		{ { 0, { TAKEN = 3, .both = true, .confirm_ms = 1000 }, "ccp", "" }, { 0, { ASK }, 0, "" },
			{ 5, { TIMER }, 0, "" }, { 6, { ASK_ENDED }, 0, "" }, { 6, { TIMER }, 0, "3 rolled_back?" } },
		3, 0, LIFE_PENDING },
	{ "the other node has confirmed what it was asked about",
		{ { 0, { TAKEN = 3, .both = true, .confirm_ms = 1000 }, "ccp", "" }, { 0, { ASK }, 0, "" },
			{ 5, { THERE }, 0, "3 confirmed" },
			{ 5, { MARKED = false }, "ccc", "(0) generation 3 is confirmed" },
			{ 5, { ASK_ENDED }, 0, "" } },
		3, 0, LIFE_RUNS },
	{ "it was asked while nothing waited here: a trial that began since is not confirmed by its answer",
		{ { 0, { ASK }, "cc", "" }, { 1, { TAKEN = 3, .confirm_ms = 5000 }, "ccp", "" },
			{ 2, { THERE }, 0,
				"(7) generation 3 was applied meanwhile and is not confirmed: `lbctl config confirm` "
				"keeps "
				"it" },
			{ 2, { ASK_ENDED }, 0, "" }, { 7, { TIMER }, 0, "3 rolled_back?" } },
		3, 0, LIFE_PENDING },
	{ "nor is the one after the trial that it was asked about",
		{ { 0, { TAKEN = 3, .both = true, .confirm_ms = 60000 }, "ccp", "" }, { 1, { ASK }, 0, "" },
			{ 2, { ROLLBACK = 0 }, 0, "3 rolled_back?" }, { 2, { MARKED = false }, "ccr", "run 2" },
			{ 2, { LOADED = false }, 0, "look at 2" },
			{ 2, { LOOKED = 0 }, 0, "(0) rolled back to 2, verified" },
			{ 3, { THERE }, 0, "(7) generation 3 was rolled back meanwhile (by alice)" },
			{ 4, { TAKEN = 4, .confirm_ms = 5000 }, "ccrp", "" },
			{ 5, { THERE }, 0,
				"(7) generation 4 was applied meanwhile and is not confirmed: `lbctl config confirm` "
				"keeps "
				"it" } },
		4, 0, LIFE_PENDING },
	{ "only there something waited", { { 0, { ASK }, "cc", "" }, { 1, { THERE }, 0, "(0) nothing waited for it" } },
		2, 0, LIFE_RUNS },
	{ "going back is tried again also while the other node is asked about what was given up",
		{ { 0, { TAKEN = 3, .both = true, .confirm_ms = 60000 }, "rcp", "" }, { 1, { ASK }, 0, "" },
			{ 2, { ROLLBACK = 0 }, 0, "3 rolled_back?" }, { 2, { MARKED = false }, "rcr", "run 2" },
			{ 2, { LOADED = true }, 0,
				"(8) generation 3 could not be rolled back and still runs: no key; lbd tries again, a "
				"working configuration can be applied" },
			{ 12, { TIMER }, 0, "run 2" } },
		3, 3, LIFE_BACK },
	{ "what was applied runs already: the alarm is over",
		{ { 0, { ROLLBACK = 1 }, "cc", "2 rolled_back" }, { 0, { MARKED = false }, "cr", "run 1" },
			{ 0, { LOADED = false }, 0, "look at 1" },
			{ 0, { LOOKED = 0 }, 0, "(0) rolled back to 1, verified" }, { 0, { SAME }, 0, "" } },
		1, 0, LIFE_RUNS },
	{ "words that nobody waits for change nothing",
		{ { 0, { LOADED = false }, "cc", "" }, { 0, { LOOKED = 1 }, 0, "" }, { 0, { MARKED = true }, 0, "" },
			{ 0, { ASK }, 0, "" }, { 0, { TIMER }, 0, "" } },
		2, 0, LIFE_RUNS },
};

START_TEST(lives_end_as_they_should)
{
	struct life_acts acts;
	struct life_heads heads = { 0 };
	char got[1000];
	struct life l = { .runs = 2 };
	for (size_t i = 0; i < sizeof(lives[0].v) / sizeof(lives[0].v[0]) && lives[_i].v[i].done; i++) {
		struct life_event ev = lives[_i].v[i].ev;
		if (lives[_i].v[i].disk)
			disk(lives[_i].v[i].disk, &heads);
		ev.heads = &heads;
		life_step(&l, &ev, (struct lb_time){ 1 + lives[_i].v[i].at_s * 1000000 }, &acts);
		told(&acts, got, sizeof(got));
		ck_assert_msg(strcmp(got, lives[_i].v[i].done) == 0, "%s: step %zu: %s", lives[_i].what, i, got);
	}
	ck_assert_msg(l.runs == lives[_i].runs && l.gave_up == lives[_i].gave_up && l.phase == lives[_i].phase,
		"%s: %u runs, %u was given up, phase %d", lives[_i].what, l.runs, l.gave_up, (int)l.phase);
}
END_TEST

/* file: the generation whose text it has; 0 = one that is new, -1 = it is broken. */
static const struct {
	const char *what, *disk;
	int file;
	const char *marks;
	bool runs_file;
	uint32_t same, gave_up;
	const char *why;
} starts[] = {
	{ "the first start", "", 0, "", true, 0, 0, "" },
	{ "as it was", "cc", 2, "", true, 2, 0, "" },
	{ "a new file", "cc", 0, "", true, 0, 0, "" },
	{ "an older file is a new generation", "cc", 1, "", true, 0, 0, "" },
	{ "a broken file", "cc", -1, "", false, 0, 0, "" },
	{ "one was pending, and is the file", "ccp", 3, "3 rolled_back?", false, 0, 3,
		"lbd was started before it was confirmed" },
	{ "one was pending, and the file is the one before", "ccp", 2, "3 rolled_back?", true, 2, 3,
		"lbd was started before it was confirmed" },
	{ "one was pending, and the file is broken", "ccp", -1, "3 rolled_back?", false, 0, 3,
		"lbd was started before it was confirmed" },
	{ "the file was rolled back", "ccr", 3, "", false, 0, 3, "why of 3" },
	{ "another one was rolled back", "ccr", 2, "", true, 2, 0, "" },
	{ "the file failed: it may work now", "ccf", 3, "", true, 0, 0, "" },
	{ "nothing else can run than what was rolled back", "r-r", 3, "", true, 0, 3, "why of 3" },
	{ "nothing else can run than what is pending", "p", 1, "1 rolled_back?", true, 0, 1,
		"lbd was started before it was confirmed" },
};

START_TEST(a_start_runs_what_it_may)
{
	struct life_acts acts;
	struct life_heads heads;
	struct life_choice c;
	struct life l;
	char sha[80], got[1000];
	disk(starts[_i].disk, &heads);
	snprintf(sha, sizeof(sha), "sha of %d", starts[_i].file);
	life_start(&l, &heads, starts[_i].file < 0 ? NULL : sha, &c, &acts);
	told(&acts, got, sizeof(got));
	ck_assert_msg(strcmp(got, starts[_i].marks) == 0, "%s: marks %s", starts[_i].what, got);
	ck_assert_msg(c.file == starts[_i].runs_file && c.same == starts[_i].same && c.gave_up == starts[_i].gave_up &&
			      strcmp(c.why, starts[_i].why) == 0,
		"%s: file %d, same %u, gave up %u (%s)", starts[_i].what, c.file, c.same, c.gave_up, c.why);
	ck_assert_msg(!c.unsure, "%s: unsure", starts[_i].what);
	for (size_t i = 0; i < heads.n; i++)
		ck_assert_msg(heads.v[i].state != GENERATION_PENDING, "%s: one is pending still", starts[_i].what);
}
END_TEST

/* What cannot be read may be about the file. */
static const struct {
	const char *what, *disk;
	int file;
	bool runs_file, unsure;
	uint32_t same, gave_up;
} unread[] = {
	{ "it may have been rolled back", "c?", 2, false, true, 0, 0 },
	{ "the same, and nothing else is known", "??", 2, true, true, 0, 0 },
	{ "it may work now, or have been rolled back since", "cf?", 2, false, true, 0, 0 },
	{ "it is known", "?c", 2, true, false, 2, 0 },
	{ "it is known, and another one may be newer: it is stored again, and is", "c?", 1, true, false, 0, 0 },
	{ "it is known as an older one", "c?c", 1, true, false, 0, 0 },
	{ "it is known to be rolled back", "cr?", 2, false, true, 0, 2 },
	{ "nothing else is known than what was rolled back", "?r", 2, true, true, 0, 2 },
	{ "it is broken", "c?", -1, false, false, 0, 0 },
};

START_TEST(a_start_runs_nothing_that_may_have_been_rolled_back)
{
	struct life_acts acts;
	struct life_heads heads;
	struct life_choice c;
	struct life l;
	char sha[80];
	disk(unread[_i].disk, &heads);
	snprintf(sha, sizeof(sha), "sha of %d", unread[_i].file);
	life_start(&l, &heads, unread[_i].file < 0 ? NULL : sha, &c, &acts);
	ck_assert_msg(c.file == unread[_i].runs_file && c.unsure == unread[_i].unsure && c.same == unread[_i].same &&
			      c.gave_up == unread[_i].gave_up,
		"%s: file %d, unsure %d, same %u, gave up %u", unread[_i].what, c.file, c.unsure, c.same, c.gave_up);
	const char *why = unread[_i].gave_up ? "why of 2" : "not every generation can be read";
	ck_assert_msg(!c.unsure == !c.why[0] && strncmp(c.why, why, c.unsure ? strlen(why) : 0) == 0, "%s: %s",
		unread[_i].what, c.why);
}
END_TEST

START_TEST(a_text_that_was_applied_again_counts_by_its_last_time)
{
	struct life_acts acts;
	struct life_heads heads;
	struct life_choice c;
	struct life l;
	disk("crcc", &heads);
	strcpy(heads.v[3].sha256, "sha of 2");
	life_start(&l, &heads, "sha of 2", &c, &acts);
	ck_assert(c.file && c.same == 4 && !c.gave_up);
	heads.v[3].state = GENERATION_ROLLED_BACK;
	heads.v[1].state = GENERATION_CONFIRMED;
	life_start(&l, &heads, "sha of 2", &c, &acts);
	ck_assert(!c.file && c.gave_up == 4);
	heads.v[2].state = GENERATION_ROLLED_BACK;
	life_start(&l, &heads, "sha of 2", &c, &acts);
	ck_assert_msg(c.file && c.same == 2 && !c.gave_up, "it is what one went back to");
}
END_TEST

/* Whatever happens in whatever order, with a disk that takes what it likes: what runs is what a start would run, unless
 * it is known not to be. In every other world old ones may not load any more; there it is enough that something is
 * left. */
START_TEST(at_any_moment_the_disk_says_what_to_run)
{
	static const struct life_heads none;
	unsigned seed = (unsigned)_i + 1;
	struct life_heads heads;
	struct life l = { .runs = 1 };
	int64_t now = 1;
	disk("c", &heads);
	for (int step = 0; step < 400 && heads.n < LIFE_HEADS_MAX - 1; step++) {
		struct life_acts acts;
		struct life_event ev = { .type = (enum life_event_type)(rand_r(&seed) % (LIFE_EVENT_LOOKED + 1)),
			.heads = rand_r(&seed) % 8 ? &heads : &none, /* without memory */
			.text = "x",
			.failed = rand_r(&seed) % 4 == 0,
			.number = (uint32_t)(rand_r(&seed) % 3) };
		bool loads = _i % 2 == 0;
		now += rand_r(&seed) % 3 * 1000000;
		if (ev.type == LIFE_EVENT_LOADED && loads)
			ev.failed = false;
		if (ev.type == LIFE_EVENT_MARKED)
			continue; /* comes with the marks only */
		if (ev.type == LIFE_EVENT_FOUND)
			ev.number = life_older(&heads, UINT32_MAX);
		if (ev.type == LIFE_EVENT_TAKEN) {
			const struct life_event ask = { .type = LIFE_EVENT_APPLY };
			life_step(&l, &ask, (struct lb_time){ now }, &acts);
			if (acts.said)
				continue;
			ev.confirm_ms = rand_r(&seed) % 2 ? 2000 : 0;
			heads.v[heads.n] = (struct life_head){ .number = heads.v[heads.n - 1].number + 1,
				.state = ev.confirm_ms ? GENERATION_PENDING : GENERATION_CONFIRMED };
			ev.number = heads.v[heads.n++].number;
		}
		do {
			bool failed = false;
			life_step(&l, &ev, (struct lb_time){ now }, &acts);
			for (size_t i = 0; i < acts.n && !failed; i++) {
				ck_assert_msg(acts.v[i].number, "seed %d step %d: of no generation", _i + 1, step);
				if (acts.v[i].type != LIFE_ACT_MARK)
					continue;
				if (rand_r(&seed) % 5 == 0)
					failed = acts.v[i].must;
				else
					heads.v[acts.v[i].number - 1].state = acts.v[i].state;
			}
			ev = (struct life_event){
				.type = LIFE_EVENT_MARKED, .failed = failed, .text = "x", .heads = &heads
			};
		} while (l.doing != LIFE_NOTHING);
		uint32_t newest = life_older(&heads, UINT32_MAX);
		ck_assert_msg(newest, "seed %d step %d: nothing is left to run", _i + 1, step);
		if (l.phase == LIFE_RUNS && !l.gave_up && loads)
			ck_assert_msg(l.runs == newest, "seed %d step %d: %u runs, a start would run %u", _i + 1, step,
				l.runs, newest);
		if (l.phase == LIFE_PENDING && loads)
			ck_assert_msg(l.base == newest, "seed %d step %d: back to %u, a start to %u", _i + 1, step,
				l.base, newest);
	}
}
END_TEST

START_TEST(what_waits_for_nobody_is_over_in_a_moment)
{
	static const struct {
		enum life_phase phase;
		int64_t confirm_ms;
		bool moment;
	} rows[] = {
		{ LIFE_RUNS, 0, false },
		{ LIFE_STUCK, 0, false },
		{ LIFE_PENDING, 120000, false },
		{ LIFE_PENDING, 0, true },
		{ LIFE_BACK, 0, true },
		{ LIFE_BACK, 120000, true },
		{ LIFE_LOOK, 0, true },
		{ LIFE_FORWARD, 0, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct life l = { .phase = rows[i].phase, .confirm_ms = rows[i].confirm_ms };
		ck_assert_msg(life_is_moment(&l) == rows[i].moment, "row %zu", i);
	}
}
END_TEST

START_TEST(what_is_left_is_never_negative)
{
	struct life l = { .phase = LIFE_PENDING, .deadline = { 5000000 } };
	ck_assert(life_left(&l, (struct lb_time){ 2000000 }) == 3);
	ck_assert(life_left(&l, (struct lb_time){ 9000000 }) == 0);
	l.deadline = LB_TIME_NEVER;
	ck_assert(life_left(&l, (struct lb_time){ 9000000 }) < 0);
	l.phase = LIFE_RUNS;
	ck_assert(life_left(&l, (struct lb_time){ 0 }) < 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("life");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, lives_end_as_they_should, 0, (int)(sizeof(lives) / sizeof(lives[0])));
	tcase_add_loop_test(t, a_start_runs_what_it_may, 0, (int)(sizeof(starts) / sizeof(starts[0])));
	tcase_add_loop_test(
		t, a_start_runs_nothing_that_may_have_been_rolled_back, 0, (int)(sizeof(unread) / sizeof(unread[0])));
	tcase_add_test(t, a_text_that_was_applied_again_counts_by_its_last_time);
	tcase_add_loop_test(t, at_any_moment_the_disk_says_what_to_run, 0, 300);
	tcase_add_test(t, what_waits_for_nobody_is_over_in_a_moment);
	tcase_add_test(t, what_is_left_is_never_negative);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
