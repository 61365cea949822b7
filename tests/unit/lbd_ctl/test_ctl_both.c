/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration on both nodes or on neither: what is done one after the other, whatever goes wrong, and that the
 * last word is true of both. */
#include "lbd/ctl/ctl_both.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A letter for each thing that is done: small ones there, capitals here. */
static const char letters[] = { [CTL_BOTH_CHECK_THERE] = 'c',
	[CTL_BOTH_CHECK_HERE] = 'C',
	[CTL_BOTH_APPLY_THERE] = 'a',
	[CTL_BOTH_APPLY_HERE] = 'A',
	[CTL_BOTH_KEEP_THERE] = 'k',
	[CTL_BOTH_BACK_HERE] = 'B',
	[CTL_BOTH_BACK_THERE] = 'b',
	[CTL_BOTH_END] = '.' };

/* Two nodes as they are: what they run, and whether the other one would go back by itself. */
static struct {
	uint32_t here, there, before_there, others; /* others: what somebody else applied here */
	bool new_here, new_there, kept;
} is;

/* That somebody applies another one while the command is under way: here, or there, before that is begun. */
struct others {
	char here, there;
};

static bool on_this_node(enum ctl_both_do what)
{
	return what == CTL_BOTH_CHECK_HERE || what == CTL_BOTH_APPLY_HERE || what == CTL_BOTH_BACK_HERE;
}

/* Does it; works: it could be done. */
static void perform(const struct ctl_both *b, enum ctl_both_do what, bool works)
{
	switch (what) {
	case CTL_BOTH_APPLY_THERE:
		is.before_there = is.there;
		is.there += works;
		is.new_there |= works;
		break;
	case CTL_BOTH_APPLY_HERE:
		is.here += works;
		is.new_here |= works;
		break;
	case CTL_BOTH_BACK_HERE:
		is.here = works ? b->before_here : is.here;
		is.new_here &= !works;
		break;
	case CTL_BOTH_BACK_THERE:
		is.there = works && is.new_there ? is.before_there : is.there;
		is.new_there &= !works;
		break;
	case CTL_BOTH_KEEP_THERE: is.kept |= works; break;
	case CTL_BOTH_CHECK_THERE:
	case CTL_BOTH_CHECK_HERE:
	case CTL_BOTH_END: break;
	}
}

static enum ctl_both_do begin(struct ctl_both *b, struct others others)
{
	char c = letters[b->now];
	if (c == others.here)
		is.others = ++is.here;
	is.there += c == others.there;
	return ctl_both_begin(b, is.here);
}

static struct ctl_both_said said(enum ctl_both_do what, bool works)
{
	bool check = what == CTL_BOTH_CHECK_THERE || what == CTL_BOTH_CHECK_HERE;
	return (struct ctl_both_said){ works   ? what == CTL_BOTH_CHECK_HERE ? LB_CODE_NO : LB_CODE_OK
				       : check ? LB_CODE_INVALID
					       : LB_CODE_FAILED,
		works ? "" : "it does not want to", on_this_node(what) ? is.here : is.there, NULL };
}

/* While this is done the link breaks. */
static void cut(struct ctl_both *b, enum ctl_both_do what, bool heard, bool works)
{
	if (on_this_node(what) || heard)
		perform(b, what, works);
	ctl_both_here(b, is.here);
	(void)ctl_both_broke(b);
	if (!is.kept && is.new_there) { /* by itself */
		is.there = is.before_there;
		is.new_there = false;
	}
}

/* fail: letters that cannot be done; x: the other one applies it, and its kernel does not take all of it. broken: while
 * this is done the link breaks (heard: and it is done all the same). Returns what was done, in order. */
static const char *go(struct ctl_both *b, const char *fail, char broken, bool heard, struct others others)
{
	static char done[20];
	size_t n = 0;
	bool link = true;
	memset(&is, 0, sizeof(is));
	is.here = 17;
	is.there = 12;
	ctl_both_init(b, "lb-a", "lb-b", 17, 0);
	for (enum ctl_both_do what = begin(b, others); what != CTL_BOTH_END; what = begin(b, others)) {
		char c = letters[what];
		bool works = !strchr(fail, c);
		ck_assert_uint_lt(n, sizeof(done) - 2);
		done[n++] = c;
		if (c == broken) {
			link = false;
			cut(b, what, heard, works);
			if (!on_this_node(what))
				continue;
		} else {
			ck_assert(link || on_this_node(what)); /* nobody is asked who is not there */
			perform(b, what, works);
			if (c == 'a' && strchr(fail, 'x'))
				works = false;
		}
		const struct ctl_both_said end = said(what, works);
		ctl_both_here(b, is.here);
		(void)ctl_both_done(b, &end);
	}
	done[n] = '\0';
	return done;
}

static const struct {
	const char *what, *fail;
	char broken;
	bool heard;
	const char *done;
	enum lb_code code;
	bool new_here, new_there;
	const char *says;
} rows[] = {
	{ "all is well", "", 0, false, "cCaAk", LB_CODE_OK, true, true,
		"both nodes run it: generation 18 on lb-a, 13 on lb-b" },
	{ "the other one refuses it", "c", 0, false, "c", LB_CODE_INVALID, false, false,
		"lb-b: it does not want to\nnothing was applied, on either node" },
	{ "this one refuses it", "C", 0, false, "cC", LB_CODE_INVALID, false, false,
		"lb-a: it does not want to\nnothing was applied, on either node" },
	{ "the other one cannot", "a", 0, false, "cCa", LB_CODE_FAILED, false, false,
		"lb-b: it does not want to\nlb-a runs generation 17 as before. lb-b runs generation 12 as before" },
	{ "the kernel of the other one cannot", "x", 0, false, "cCab", LB_CODE_FAILED, false, false,
		"lb-b: it does not want to\nlb-b went back to generation 12\nlb-a runs generation 17 as before" },
	{ "this one cannot", "A", 0, false, "cCaAb", LB_CODE_FAILED, false, false,
		"lb-a: it does not want to\nlb-b went back to generation 12\nlb-a runs generation 17 as before. lb-b "
		"runs generation 12 as before" },
	{ "and the other one cannot go back", "Ab", 0, false, "cCaAb", LB_CODE_FAILED, false, true,
		"lb-b could not go back to generation 12: it does not want to\n" },
	{ "it is not kept", "k", 0, false, "cCaAkBb", LB_CODE_FAILED, false, false,
		"lb-a went back to generation 17\nlb-b went back to generation 12\n" },
	{ "the link breaks at the check", "", 'c', false, "c", LB_CODE_UNREACHABLE, false, false,
		"the link to lb-b broke: nothing was applied, on either node" },
	{ "at the check here", "", 'C', false, "cC", LB_CODE_UNREACHABLE, false, false,
		"the link to lb-b broke: nothing was applied, on either node" },
	{ "while it applies, and it had not heard of it", "", 'a', false, "cCa", LB_CODE_FAILED, false, false,
		"lb-a runs generation 17 as before. lb-b goes back to generation 12 by itself" },
	{ "while it applies, and it has", "", 'a', true, "cCa", LB_CODE_FAILED, false, false,
		"lb-a runs generation 17 as before. lb-b goes back to generation 12 by itself" },
	{ "while this one applies", "", 'A', false, "cCaAB", LB_CODE_FAILED, false, false,
		"lb-a went back to generation 17\nlb-a runs generation 17 as before. lb-b goes back to generation 12 "
		"by itself" },
	{ "while this one cannot", "A", 'A', false, "cCaA", LB_CODE_FAILED, false, false,
		"lb-a: it does not want to\nlb-a runs generation 17 as before. lb-b goes back to generation 12 by "
		"itself" },
	{ "before it heard to keep it", "", 'k', false, "cCaAk", LB_CODE_FAILED, true, false,
		"lb-a runs generation 18. The link to lb-b broke before it said that it keeps its generation 13" },
	{ "before it could say that it keeps it", "", 'k', true, "cCaAk", LB_CODE_FAILED, true, true,
		"lb-a runs generation 18. The link to lb-b broke before it said that it keeps its generation 13" },
	{ "while it goes back", "A", 'b', false, "cCaAb", LB_CODE_FAILED, false, false,
		"lb-a runs generation 17 as before. lb-b goes back to generation 12 by itself" },
	{ "while this one goes back", "k", 'B', false, "cCaAkB", LB_CODE_FAILED, false, false,
		"lb-a went back to generation 17\n" },
};

START_TEST(in_this_order)
{
	struct ctl_both b;
	const char *done = go(&b, rows[_i].fail, rows[_i].broken, rows[_i].heard, (struct others){ 0 });
	ck_assert_msg(strcmp(done, rows[_i].done) == 0, "%s: %s", rows[_i].what, done);
	ck_assert_msg(b.code == rows[_i].code, "%s: %d %s", rows[_i].what, b.code, b.text);
	ck_assert_msg(strstr(b.text, rows[_i].says) != NULL, "%s: %s", rows[_i].what, b.text);
	ck_assert_msg(is.new_here == rows[_i].new_here && is.new_there == rows[_i].new_there, "%s: %s", rows[_i].what,
		b.text);
}
END_TEST

static const struct {
	const char *what, *fail;
	char broken;
	struct others others;
	const char *done;
	uint32_t here, there; /* run at the end */
	const char *says;
} meanwhile[] = {
	{ "another one is applied before ours: it is what ours goes back to", "k", 0, { 'A', 0 }, "cCaAkBb", 18, 12,
		"lb-a went back to generation 18\nlb-b went back to generation 12\nlb-a runs generation 18 as "
		"before. " },
	{ "and when the link breaks", "", 'A', { 'a', 0 }, "cCaAB", 18, 12, "lb-a went back to generation 18\n" },
	{ "another one is on trial, and ours is refused", "A", 0, { 'A', 0 }, "cCaAb", 18, 12,
		"lb-b went back to generation 12\nlb-a runs generation 18 as before. " },
	{ "another one is applied after ours: it stays", "k", 0, { 'k', 0 }, "cCaAkb", 19, 12,
		"lb-a was changed by somebody else meanwhile, and that stays\nlb-b went back to generation 12\n"
		"lb-a runs generation 19. lb-b runs generation 12 as before" },
	{ "while the other one applies", "", 'a', { 'a', 0 }, "cCa", 18, 12, "lb-a runs generation 18 as before. " },
	{ "another one is applied there before ours", "A", 0, { 0, 'a' }, "cCaAb", 17, 13,
		"lb-b was changed by somebody else meanwhile, and that stays\n"
		"lb-a runs generation 17 as before. lb-b runs generation 13" },
	{ "another one is on trial there", "a", 0, { 0, 'a' }, "cCab", 17, 13,
		"lb-b was changed by somebody else meanwhile, and that stays\n"
		"lb-a runs generation 17 as before. lb-b runs generation 13" },
};

START_TEST(what_others_apply_meanwhile_stays)
{
	struct ctl_both b;
	const char *done = go(&b, meanwhile[_i].fail, meanwhile[_i].broken, false, meanwhile[_i].others);
	ck_assert_msg(strcmp(done, meanwhile[_i].done) == 0, "%s: %s", meanwhile[_i].what, done);
	ck_assert_msg(
		b.code == LB_CODE_FAILED && strstr(b.text, meanwhile[_i].says), "%s: %s", meanwhile[_i].what, b.text);
	ck_assert_msg(is.here == meanwhile[_i].here && is.there == meanwhile[_i].there, "%s: %u and %u run",
		meanwhile[_i].what, is.here, is.there);
}
END_TEST

/* Generations 17 and 12 ran; a trial is of the nodes that run another one. */
static const struct {
	uint32_t here, there;
	const char *says, *notes;
} trials[] = {
	{ 18, 13,
		"both nodes run it: generation 18 on lb-a, 13 on lb-b; both go back in 2m unless you say: lbctl config "
		"confirm",
		NULL },
	{ 18, 12,
		"both nodes run it: generation 18 on lb-a, 12 on lb-b; lb-a goes back in 2m unless you say: lbctl "
		"config confirm",
		NULL },
	{ 17, 13,
		"both nodes run it: generation 17 on lb-a, 13 on lb-b; lb-b goes back in 2m unless you say: lbctl "
		"config confirm",
		NULL },
	{ 17, 12, "both nodes ran it already: generation 17 on lb-a, 12 on lb-b", NULL },
	{ 18, 13,
		"both nodes run it: generation 18 on lb-a, 13 on lb-b; hidden by overrides: a; both go back in 2m "
		"unless you say: lbctl config confirm",
		"; hidden by overrides: a" },
};

START_TEST(only_what_is_new_is_on_trial)
{
	struct ctl_both b;
	const struct ctl_both_said there = { LB_CODE_OK, "", trials[_i].there, NULL };
	const struct ctl_both_said here = { LB_CODE_OK, "", trials[_i].here, trials[_i].notes };
	ctl_both_init(&b, "lb-a", "lb-b", 17, 120000);
	(void)ctl_both_done(&b, &(struct ctl_both_said){ LB_CODE_OK, "", 12, NULL });
	(void)ctl_both_done(&b, &(struct ctl_both_said){ LB_CODE_OK, "", 17, NULL });
	ck_assert_int_eq(ctl_both_begin(&b, 17), CTL_BOTH_APPLY_THERE);
	(void)ctl_both_done(&b, &there);
	ck_assert_int_eq(ctl_both_begin(&b, 17), CTL_BOTH_APPLY_HERE);
	(void)ctl_both_done(&b, &here);
	ck_assert_int_eq(ctl_both_done(&b, &there), CTL_BOTH_END);
	ck_assert_str_eq(b.text, trials[_i].says);
}
END_TEST

/* Whatever fails, wherever the link breaks and whoever else applies something: it ends, it says something, success is
 * only what is on both, and what others applied is not taken back. */
START_TEST(never_silent)
{
	static const char all[] = "cCaAkBb";
	const struct others others = { _i < 7 ? all[_i] : 0, 0 };
	struct ctl_both b;
	for (unsigned bits = 0; bits < 1u << 7; bits++)
		for (unsigned where = 0; where <= 7; where++)
			for (unsigned heard = 0; heard < 2; heard++) {
				char fail[8] = "";
				for (unsigned i = 0; i < 7; i++)
					if (bits >> i & 1)
						strncat(fail, &all[i], 1);
				(void)go(&b, fail, where < 7 ? all[where] : '!', heard, others);
				ck_assert_msg(b.text[0] && strlen(b.text) < sizeof(b.text) - 1, "%s", fail);
				ck_assert_msg((b.code == LB_CODE_OK) <= (is.new_here && is.new_there), "%s: %s", fail,
					b.text);
				if (is.new_here != is.new_there)
					ck_assert_msg(strstr(b.text, "could not go back") || strstr(b.text, "tells") ||
							      strstr(b.text, "and that stays"),
						"%s %u: %s", fail, where, b.text);
				ck_assert_msg(is.here >= is.others, "%s %u: %s", fail, where, b.text);
			}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_both");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, in_this_order, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(t, what_others_apply_meanwhile_stays, 0, sizeof(meanwhile) / sizeof(meanwhile[0]));
	tcase_add_loop_test(t, only_what_is_new_is_on_trial, 0, sizeof(trials) / sizeof(trials[0]));
	tcase_add_loop_test(t, never_silent, 0, 8);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
