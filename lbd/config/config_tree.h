/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grows the tree of a document from what a reader of YAML comes across: open, scalar, close, in their order. Reports
 * what no document may have (duplicate keys, nulls, merge keys, too many levels) with its place.
 *
 * A reader that only tries (config_plain) makes it silent: then nothing is reported and `doubt` tells that something
 * would have been.
 */
#pragma once

#include "common/vec.h"
#include "lbd/config/config_node.h"

struct config_frame {
	struct config_node *node; /* an open map or list */
	struct config_node *last; /* its last child */
	struct config_node *key;  /* of a map: the last key */
};

struct config_tree { /* zero, then the first four, before use */
	uint16_t file;
	struct lb_arena *arena;
	struct config_report *report;
	size_t *nodes; /* of all files */
	bool silent, doubt;
	struct config_node *root;
	struct config_frame stack[CONFIG_DEPTH_MAX];
	uint32_t depth;
	size_t own_nodes;
	LB_VEC(struct config_node *) keys; /* scratch of the search for duplicates */
};

struct config_scalar {
	const char *text; /* n bytes, not terminated */
	size_t n;
	bool quoted; /* or a block scalar */
};

/* Reports with the path of where the reader is now. */
void config_tree_trap(struct config_tree *t, struct config_place at, const char *help, const char *text);

/* A scalar. NULL: stopped (too many nodes, no memory). */
struct config_node *config_tree_scalar(struct config_tree *t, struct config_place at, const struct config_scalar *s);

/* A map or a list begins; it ends. 0 or -1: stopped. */
int config_tree_open(struct config_tree *t, enum config_node_kind kind, struct config_place at);
int config_tree_close(struct config_tree *t);

/* Forgets what has grown and begins anew, no longer silent. The arena keeps the memory. */
void config_tree_reset(struct config_tree *t);
void config_tree_done(struct config_tree *t);

/* Memory is out: says so to the report. Always -1. */
int config_tree_no_memory(struct config_tree *t);
