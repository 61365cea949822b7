/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two nodes of a pair say of overrides (override_word.h), item by item. Pure. */
#pragma once

#include <jansson.h>

/* Calls fn once for each item of an object that a word of either list is about, with the words of both; one may be
 * NULL: that list has none. In the order of ours, then what theirs alone has, in its order. Of several words of a list
 * about one item the first counts; one that does not say what it is about is left out. Each word is looked up, not
 * searched for: there may be thousands on each side. 0, or -ENOMEM: fn was not called. */
int override_pairs(const json_t *ours, const json_t *theirs,
	void (*fn)(const json_t *here, const json_t *there, void *arg), void *arg);
