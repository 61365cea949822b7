/* SPDX-License-Identifier: GPL-2.0-or-later */
/* YAML text to nodes, in slices. The plain part of YAML, which is nearly all that people write, is read here
 * (config_plain); everything else, and everything that is wrong, by libyaml. Every trap of YAML is an error here
 * (aliases, anchors, tags, merge keys, nulls, duplicate keys, NUL, further documents), with its place; reading goes on
 * where that makes sense. */
#pragma once

#include "lbd/config/config_node.h"

struct config_yaml;

/* *nodes counts over all files of the load. Borrows everything. NULL: no memory. */
struct config_yaml *config_yaml_new(uint32_t file, const struct config_source *source, struct lb_arena *arena,
	struct config_report *r, size_t *nodes);

/* Does about `budget` nodes or plain lines of work. 1 more is left, 0 done, -1 stopped: the tree is not usable (or
 * memory is out). */
int config_yaml_step(struct config_yaml *y, unsigned budget);

/* The top level, a map; in the arena. After config_yaml_step returned 0. */
struct config_node *config_yaml_root(const struct config_yaml *y);

/* For tests that compare: libyaml reads all of it (before the first step); whether it did not have to. */
void config_yaml_no_plain(struct config_yaml *y);
bool config_yaml_was_plain(const struct config_yaml *y);

void config_yaml_free(struct config_yaml *y);
