/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of many objects, as a glob means them: a request for each. */
#pragma once

#include "lbctl/session_io.h"

/* The command of s with each name of found (an array of strings) as its object. The daemon stores what has come at once
 * (all overrides, and each time) in one go, so several are under way; no more than an eighth of those that have been
 * answered, so that who interrupts a mistake is not left with much more of it. Rows go to fn, ends and errors to s. The
 * worst code; after one that ends all it has been said how far it came. */
int many_change(struct session *s, const json_t *found, session_row_fn *fn, void *arg);
