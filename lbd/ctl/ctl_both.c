/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_both.h"

#include "common/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ctl_both_init(struct ctl_both *b, const char *here, const char *there, uint32_t generation, int64_t confirm_ms)
{
	memset(b, 0, sizeof(*b));
	snprintf(b->here, sizeof(b->here), "%s", here);
	snprintf(b->there, sizeof(b->there), "%s", there);
	ctl_both_here(b, generation);
	b->confirm_ms = confirm_ms;
	b->now = CTL_BOTH_CHECK_THERE;
}

__attribute__((format(printf, 3, 4))) static void say(struct ctl_both *b, enum lb_code code, const char *fmt, ...)
{
	size_t n = strlen(b->text);
	va_list ap;
	if (!n)
		b->code = code; /* the first thing that went wrong is what it is about */
	va_start(ap, fmt);
	vsnprintf(b->text + n, sizeof(b->text) - n, fmt, ap);
	va_end(ap);
}

static enum ctl_both_do next(struct ctl_both *b, enum ctl_both_do what)
{
	b->now = what;
	return what;
}

/* The last line: what each of them runs. */
static enum ctl_both_do end_failed(struct ctl_both *b)
{
	say(b, LB_CODE_FAILED, "%s runs generation %u%s. ", b->here, b->runs_here,
		b->runs_here == b->before_here ? " as before" : "");
	if (b->broken && b->runs_there != b->before_there)
		say(b, LB_CODE_FAILED,
			"%s goes back to generation %u by itself; when the link is up again `lbctl peer diff` tells",
			b->there, b->before_there);
	else if (b->broken)
		say(b, LB_CODE_FAILED, "%s was not told to change anything", b->there);
	else
		say(b, LB_CODE_FAILED, "%s runs generation %u%s", b->there, b->runs_there,
			b->runs_there == b->before_there ? " as before" : "");
	return next(b, CTL_BOTH_END);
}

/* Nothing has been changed anywhere. */
static enum ctl_both_do refused(struct ctl_both *b, const char *node, const struct ctl_both_said *said)
{
	say(b, said->code, "%s: %s\nnothing was applied, on either node", node, said->text);
	return next(b, CTL_BOTH_END);
}

static enum ctl_both_do back_there(struct ctl_both *b)
{
	return b->broken ? end_failed(b) : next(b, CTL_BOTH_BACK_THERE);
}

static enum ctl_both_do applied_there(struct ctl_both *b, const struct ctl_both_said *said)
{
	b->runs_there = said->generation;
	if (said->code == LB_CODE_OK)
		return next(b, CTL_BOTH_APPLY_HERE);
	say(b, LB_CODE_FAILED, "%s: %s\n", b->there, said->text);
	return b->runs_there == b->before_there ? end_failed(b) : next(b, CTL_BOTH_BACK_THERE);
}

static enum ctl_both_do applied_here(struct ctl_both *b, const struct ctl_both_said *said)
{
	b->made_here = b->runs_here = said->generation;
	snprintf(b->notes, sizeof(b->notes), "%s", said->notes ? said->notes : "");
	if (said->code == LB_CODE_OK && !b->broken)
		return next(b, CTL_BOTH_KEEP_THERE);
	if (said->code == LB_CODE_OK)
		say(b, LB_CODE_FAILED, "the link to %s broke before it could be told to keep what was applied\n",
			b->there);
	else
		say(b, LB_CODE_FAILED, "%s: %s\n", b->here, said->text);
	return b->made_here == b->before_here ? back_there(b) : next(b, CTL_BOTH_BACK_HERE);
}

static enum ctl_both_do kept(struct ctl_both *b, const struct ctl_both_said *said)
{
	char for_[LB_DURATION_STRLEN];
	if (said->code != LB_CODE_OK) {
		say(b, LB_CODE_FAILED, "%s: %s\n", b->there, said->text);
		b->runs_there = said->generation;
		return next(b, CTL_BOTH_BACK_HERE);
	}
	bool here = b->made_here != b->before_here, there = b->runs_there != b->before_there;
	say(b, LB_CODE_OK, "both nodes %s: generation %u on %s, %u on %s%s",
		here || there ? "run it" : "ran it already", b->made_here, b->here, b->runs_there, b->there, b->notes);
	if (b->confirm_ms && (here || there))
		say(b, LB_CODE_OK, "; %s %s back in %s unless you say: lbctl config confirm",
			!there ? b->here
			: here ? "both"
			       : b->there,
			here && there ? "go" : "goes", lb_duration_str(b->confirm_ms, for_));
	return next(b, CTL_BOTH_END);
}

static enum ctl_both_do went_back(struct ctl_both *b, bool here, const struct ctl_both_said *said)
{
	const char *node = here ? b->here : b->there;
	uint32_t before = here ? b->before_here : b->before_there;
	if (said->code == LB_CODE_OK && said->generation == before)
		say(b, LB_CODE_FAILED, "%s went back to generation %u\n", node, before);
	else if (said->code == LB_CODE_OK)
		say(b, LB_CODE_FAILED, "%s was changed by somebody else meanwhile, and that stays\n", node);
	else
		say(b, LB_CODE_FAILED, "%s could not go back to generation %u: %s\n", node, before, said->text);
	if (here)
		b->runs_here = said->generation;
	else
		b->runs_there = said->generation;
	return here && b->runs_there != b->before_there ? back_there(b) : end_failed(b);
}

void ctl_both_here(struct ctl_both *b, uint32_t generation)
{
	b->runs_here = generation;
	if (!b->begun) /* what others applied until then is what is gone back to */
		b->before_here = generation;
}

enum ctl_both_do ctl_both_begin(struct ctl_both *b, uint32_t generation)
{
	const struct ctl_both_said others = { LB_CODE_OK, "", generation, NULL };
	ctl_both_here(b, generation);
	b->begun |= b->now == CTL_BOTH_APPLY_HERE;
	if (b->now == CTL_BOTH_BACK_HERE && generation != b->made_here)
		return ctl_both_done(b, &others);
	return b->now;
}

enum ctl_both_do ctl_both_done(struct ctl_both *b, const struct ctl_both_said *said)
{
	switch (b->now) {
	case CTL_BOTH_CHECK_THERE:
		b->before_there = b->runs_there = said->generation;
		return said->code > LB_CODE_NO ? refused(b, b->there, said) : next(b, CTL_BOTH_CHECK_HERE);
	case CTL_BOTH_CHECK_HERE:
		if (said->code > LB_CODE_NO)
			return refused(b, b->here, said);
		if (!b->broken)
			return next(b, CTL_BOTH_APPLY_THERE);
		say(b, LB_CODE_UNREACHABLE, "the link to %s broke: nothing was applied, on either node", b->there);
		return next(b, CTL_BOTH_END);
	case CTL_BOTH_APPLY_THERE: return applied_there(b, said);
	case CTL_BOTH_APPLY_HERE: return applied_here(b, said);
	case CTL_BOTH_KEEP_THERE: return kept(b, said);
	case CTL_BOTH_BACK_HERE: return went_back(b, true, said);
	case CTL_BOTH_BACK_THERE: return went_back(b, false, said);
	case CTL_BOTH_END: break;
	}
	return CTL_BOTH_END;
}

enum ctl_both_do ctl_both_broke(struct ctl_both *b)
{
	b->broken = true;
	switch (b->now) {
	case CTL_BOTH_CHECK_THERE:
		say(b, LB_CODE_UNREACHABLE, "the link to %s broke: nothing was applied, on either node", b->there);
		return next(b, CTL_BOTH_END);
	case CTL_BOTH_APPLY_THERE:
		say(b, LB_CODE_FAILED, "the link to %s broke while it was applying\n", b->there);
		b->runs_there = 0; /* it may have been faster */
		return end_failed(b);
	case CTL_BOTH_KEEP_THERE:
		say(b, LB_CODE_FAILED,
			"%s runs generation %u. The link to %s broke before it said that it keeps its generation %u: "
			"if it "
			"did not hear that it goes back to %u; when the link is up again `lbctl peer diff` tells",
			b->here, b->runs_here, b->there, b->runs_there, b->before_there);
		return next(b, CTL_BOTH_END);
	case CTL_BOTH_BACK_THERE: return end_failed(b);
	case CTL_BOTH_CHECK_HERE:
	case CTL_BOTH_APPLY_HERE:
	case CTL_BOTH_BACK_HERE:
	case CTL_BOTH_END: break;
	}
	return b->now;
}
