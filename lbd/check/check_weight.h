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
 * case and order: "up" or "ready", "down", "fail" or "stopped", "drain", and a weight as above. Of several states the
 * most careful one counts (down, drain, up); drain is weight 0 whatever else was said. '#' begins a remark.
 * Accepts any bytes. False, and *out untouched: an unknown word, two weights, or no word at all. */
bool check_agent_parse(const char *line, size_t n, struct check_agent *out);
