/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a backend says of itself in words: a weight, or the line of an agent. The words of the agent protocol are those
 * of HAProxy's agent-check, so that agents written for it can be used as they are.
 */
#pragma once

#include "lbd/check/check_types.h"

/* "12" (0-65535) or "75%" (a share of the configured weight; more than all of it is allowed, up to 65535%), with
 * blanks, CR and LF around it. Anything else, also a number that is too large, gives false and leaves *out alone. */
bool check_weight_parse(const char *text, size_t n, struct check_weight *out);

enum check_word { CHECK_WORD_NONE, CHECK_WORD_UP, CHECK_WORD_DOWN, CHECK_WORD_DRAIN };

struct check_agent {
	enum check_word word;       /* NONE: only a weight was given */
	struct check_weight weight; /* kind NONE: none was given */
	char text[48];              /* what followed '#': printable, cut to what fits */
};

/* One line of an agent; what follows its first CR or LF is ignored. Words are separated by blanks and commas, in any
 * case and order: "up" or "ready"; "down", "fail", "failed", "stopped" or "maint"; "drain"; a weight as above, of
 * several the last; "maxconn:30", which changes nothing. Of several states the most careful one counts (down, drain,
 * up); drain is weight 0 whatever else was said. '#' begins a remark. With neither state nor weight it is up.
 * Accepts any bytes. False, and *out untouched: an unknown word, or no word at all. */
bool check_agent_parse(const char *line, size_t n, struct check_agent *out);

/* What a probe says of such a line: L7OK, L7OKC with the weight, L7STS with the remark of a "down", L7RSP with the
 * beginning of a line that is none. */
void check_agent_judge(const char *line, size_t n, struct check_result *out);

/* The average of the last values a backend gave, about WEIGHT_SMOOTH of them. Zero-filled at the start. */
struct check_smooth {
	uint8_t kind; /* of the values so far; another kind begins anew */
	uint32_t avg; /* in 1/256 */
};

/* What becomes of a weight that a probe brought: held between WEIGHT_MIN and WEIGHT_MAX, then averaged. NONE is NONE
 * and forgets what was. A weight of 0 is taken at once, in both directions: who asks for no more flows means it now.
 * The word drain is 0 whatever WEIGHT_MIN is: that is the least share of one that takes part. */
struct check_weight check_weight_smooth(
	struct check_smooth *s, const struct check_params *params, const struct check_weight *in);
