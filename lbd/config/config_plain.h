/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plain part of YAML: block mappings, lists with one value per line, flow collections within a line, one-line
 * scalars of ASCII without escapes. That is how configurations of ten thousand services look, and reading them through
 * libyaml was three quarters of the time of a start or a reload: the only reason why this exists.
 *
 * It knows no errors. What is not certainly plain and right makes it give up, and libyaml reads the file from its
 * beginning. So messages have one source, and where this succeeds the tree is the very same, places included; a fuzz
 * target compares the two on any input.
 */
#pragma once

#include "lbd/config/config_tree.h"

struct config_plain {
	const char *at, *end;              /* at: the beginning of a line */
	uint32_t line;                     /* its number, from 1 */
	bool pending;                      /* the last key has no value yet: it is on the following lines */
	uint32_t indent[CONFIG_DEPTH_MAX]; /* of the open collections, by their depth in the tree */
};

/* Borrows the text, which has passed config_scan. */
void config_plain_init(struct config_plain *p, const char *text, size_t len);

/* Reads up to so many lines into a silent tree. 1 more is left, 0 done, -1 not plain (or memory is out). */
int config_plain_step(struct config_plain *p, struct config_tree *t, unsigned lines);
