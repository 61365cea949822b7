/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of a document as it is read, and whether two of them are the same, places included. */
#pragma once

#include "lbd/config/config_yaml.h"

#include <string.h>

struct tree {
	struct config_source source;
	struct config_report report;
	struct lb_arena arena;
	size_t nodes;
	struct config_yaml *yaml;
	struct config_node *root; /* NULL: not read */
};

/* Reads it; libyaml: all of it by libyaml. */
static inline void tree_read(struct tree *t, const char *text, size_t n, bool libyaml)
{
	*t = (struct tree){ .source = { "tree.yaml", text, n } };
	config_report_init(&t->report, &t->source, 1);
	t->yaml = config_yaml_new(0, &t->source, &t->arena, &t->report, &t->nodes);
	if (libyaml)
		config_yaml_no_plain(t->yaml);
	int rc;
	while ((rc = config_yaml_step(t->yaml, 3)) > 0)
		;
	t->root = rc == 0 && t->report.errors.n == 0 ? config_yaml_root(t->yaml) : NULL;
}

static inline void tree_done(struct tree *t)
{
	config_yaml_free(t->yaml);
	config_report_done(&t->report);
	lb_arena_done(&t->arena);
}

static inline bool tree_same(const struct config_node *a, const struct config_node *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (a->kind != b->kind || a->len != b->len || a->line != b->line || a->column != b->column ||
			a->width != b->width || a->file != b->file || a->quoted != b->quoted || a->bad != b->bad ||
			strcmp(a->text, b->text) || !tree_same(a->child, b->child))
			return false;
	return !a && !b;
}
