/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which words may stand next. Pure: names of objects are asked for by the caller, who knows the daemon. */
#pragma once

#include "common/commands.h"

struct lb_text;

enum complete_objects {
	COMPLETE_NONE,
	COMPLETE_SERVICES,
	COMPLETE_BACKENDS,
	COMPLETE_WAIT_OBJECTS,
	COMPLETE_VRRP,
	COMPLETE_CHECKS,
	COMPLETE_CHECKS_AND_BACKENDS
};

/* words: those after "lbctl"; the last one, maybe "", is being written. Appends one candidate per line, "word" or
 * "word\thelp", and ":files" where a file name fits. Returns what names of objects would fit too. */
enum complete_objects complete_words(char *const *words, int n, struct lb_text *out);

/* Adds the objects named by the rows of service.list, backend.list, check.list or vrrp.list that begin with `prefix`.
 */
void complete_objects(enum complete_objects what, const char *prefix, const json_t *row, struct lb_text *out);

/* The script of a shell ("bash", "zsh", "fish"); NULL for another word. */
const char *complete_script(const char *shell);
