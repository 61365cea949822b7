/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_tree.h"

#include "common/sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINIMAL "a minimal file has `services:` with one service"

int config_tree_no_memory(struct config_tree *t)
{
	t->report->oom = true;
	return -1;
}

/* Where the reader is now; buf holds the chain. */
static const struct config_path *path_here(const struct config_tree *t, struct config_path buf[CONFIG_DEPTH_MAX])
{
	const struct config_path *up = NULL;
	for (uint32_t i = 0; i < t->depth; i++) {
		const struct config_node *n = t->stack[i].node, *key = t->stack[i].key;
		bool inside = i + 1 < t->depth; /* what is open above has been counted as a child */
		if (n->kind == CONFIG_NODE_SEQ)
			buf[i] = (struct config_path){ .up = up, .item = inside ? n->len - 1 : n->len };
		else if (inside || n->len % 2)
			buf[i] =
				(struct config_path){ .up = up, .name = key->text, .len = (uint32_t)strlen(key->text) };
		else
			continue;
		up = &buf[i];
	}
	return up;
}

void config_tree_trap(struct config_tree *t, struct config_place at, const char *help, const char *text)
{
	t->doubt = true;
	if (t->silent || !config_report_wants(t->report, false, at))
		return;
	struct config_path buf[CONFIG_DEPTH_MAX];
	config_report_add(
		t->report, &(struct config_finding){ .at = at, .help = help, .path = path_here(t, buf) }, "%s", text);
}

/* Whether the next node is a key. */
static bool awaits_key(const struct config_tree *t)
{
	const struct config_node *n = t->depth ? t->stack[t->depth - 1].node : NULL;
	return n && n->kind == CONFIG_NODE_MAP && n->len % 2 == 0;
}

/* A new last child of what is open. NULL: stopped. */
static struct config_node *append(
	struct config_tree *t, enum config_node_kind kind, struct config_place at, const char *text, size_t n_text)
{
	t->own_nodes++;
	if (++*t->nodes > CONFIG_NODES_MAX) {
		config_tree_trap(t, at, NULL, "more than 1000000 keys and values");
		return NULL;
	}
	struct config_node *n = lb_arena_alloc(t->arena, sizeof(*n) + n_text + 1);
	if (!n) {
		config_tree_no_memory(t);
		return NULL;
	}
	n->line = at.line;
	n->column = at.column;
	n->width = at.width;
	n->file = t->file;
	n->kind = (uint8_t)kind;
	memcpy(n->text, text, n_text);
	if (kind == CONFIG_NODE_SCALAR)
		n->len = (uint32_t)n_text; /* a file is at most CONFIG_FILE_MAX */
	if (t->depth == 0) {
		t->root = n;
		return n;
	}
	struct config_frame *f = &t->stack[t->depth - 1];
	if (awaits_key(t))
		f->key = n;
	*(f->last ? &f->last->next : &f->node->child) = n;
	f->last = n;
	f->node->len++;
	return n;
}

static bool is_word(const struct config_scalar *s, const char *word)
{
	return s->n == strlen(word) && memcmp(s->text, word, s->n) == 0;
}

static bool is_null(const struct config_scalar *s)
{
	if (s->n > 4)
		return false;
	return s->n == 0 || is_word(s, "~") || is_word(s, "null") || is_word(s, "Null") || is_word(s, "NULL");
}

/* What no scalar may be; NULL when it is fine. */
static const char *scalar_fault(const struct config_scalar *s, bool key, const char **help)
{
	*help = NULL;
	if (memchr(s->text, '\0', s->n))
		return "the escape of a NUL character is not allowed";
	if (!s->quoted && is_null(s)) {
		*help = "write a value, {} for an empty mapping, or \"\" for an empty text";
		return s->n ? "null is not a value" : "the value is missing";
	}
	if (!s->quoted && key && is_word(s, "<<")) {
		*help = "write the keys out";
		return "a merge key ('<<') is not allowed";
	}
	return NULL;
}

struct config_node *config_tree_scalar(struct config_tree *t, struct config_place at, const struct config_scalar *s)
{
	const char *help, *fault = scalar_fault(s, awaits_key(t), &help);
	if (fault) {
		const struct config_frame *f = &t->stack[t->depth - 1];
		struct config_place where = at;
		/* a missing value has no extent: the caret goes under its key */
		if (!s->n && f->node->kind == CONFIG_NODE_MAP && f->last && f->node->len % 2)
			where = config_node_place(f->last);
		config_tree_trap(t, where, help, fault);
	}
	/* the text ends at a NUL, which was a fault */
	struct config_node *n = append(t, CONFIG_NODE_SCALAR, at, s->text, fault ? strnlen(s->text, s->n) : s->n);
	if (!n)
		return NULL;
	n->bad = fault;
	n->quoted = s->quoted;
	return n;
}

int config_tree_open(struct config_tree *t, enum config_node_kind kind, struct config_place at)
{
	if (t->depth == CONFIG_DEPTH_MAX) {
		config_tree_trap(t, at, NULL, "more than 32 levels");
		return -1;
	}
	bool key = awaits_key(t);
	if (key)
		config_tree_trap(t, at, NULL, "a key must be a word");
	if (t->depth == 0 && kind != CONFIG_NODE_MAP)
		config_tree_trap(t, at, MINIMAL, "the top level must be a mapping, this is a list");
	struct config_node *n = append(t, kind, at, "", 0);
	if (!n)
		return -1;
	n->bad = key;
	t->stack[t->depth++] = (struct config_frame){ .node = n };
	return 0;
}

/* ---- duplicate keys ---- */

static int key_cmp(const void *a, const void *b)
{
	const struct config_node *x = *(struct config_node *const *)a, *z = *(struct config_node *const *)b;
	if (x->len != z->len)
		return x->len < z->len ? -1 : 1;
	int d = memcmp(x->text, z->text, x->len);
	if (d || x == z)
		return d;
	if (x->line != z->line)
		return x->line < z->line ? -1 : 1;
	return x->column < z->column ? -1 : 1;
}

static void duplicate(struct config_tree *t, const struct config_node *first, struct config_node *again)
{
	again->bad = true;
	t->doubt = true;
	if (t->silent)
		return;
	struct config_finding f = { .at = config_node_place(again), .path_in_text = true };
	if (!config_report_wants(t->report, false, f.at))
		return;
	struct config_path buf[CONFIG_DEPTH_MAX];
	const struct config_path *up = path_here(t, buf), self = { up, again->text, again->len, 0 };
	char help[64];
	snprintf(help, sizeof(help), "first at line %u", first->line);
	f.path = &self;
	f.help = help;
	config_report_add(t->report, &f, "duplicate key '%s' in %s", config_shown(again->text, again->len).s,
		config_path_shown(up).s);
}

static bool same_key(const struct config_node *a, const struct config_node *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

#define FEW 8u /* keys, of which comparing each with each is faster than sorting */

static void find_among_few(struct config_tree *t)
{
	for (size_t i = 1; i < t->keys.n; i++)
		for (size_t k = 0; k < i; k++)
			if (same_key(t->keys.v[k], t->keys.v[i])) {
				duplicate(t, t->keys.v[k], t->keys.v[i]);
				break;
			}
}

/* Sorting, not hashing: n log n whatever the keys, and no secret seed is at hand here. */
static void find_among_many(struct config_tree *t)
{
	lb_sort(t->keys.v, t->keys.n, sizeof(t->keys.v[0]), key_cmp);
	const struct config_node *first = t->keys.v[0];
	for (size_t i = 1; i < t->keys.n; i++) {
		if (same_key(first, t->keys.v[i]))
			duplicate(t, first, t->keys.v[i]);
		else
			first = t->keys.v[i];
	}
}

static int find_duplicates(struct config_tree *t, const struct config_node *map)
{
	lb_vec_clear(&t->keys);
	for (struct config_node *k = map->child; k && k->next; k = k->next->next) {
		if (k->bad)
			continue;
		struct config_node **slot = lb_vec_push(&t->keys);
		if (!slot)
			return config_tree_no_memory(t);
		*slot = k;
	}
	if (t->keys.n > FEW)
		find_among_many(t);
	else
		find_among_few(t);
	return 0;
}

int config_tree_close(struct config_tree *t)
{
	const struct config_node *n = t->stack[t->depth - 1].node;
	int rc = n->kind == CONFIG_NODE_MAP ? find_duplicates(t, n) : 0;
	t->depth--;
	return rc;
}

void config_tree_reset(struct config_tree *t)
{
	*t->nodes -= t->own_nodes;
	t->own_nodes = 0;
	t->root = NULL;
	t->depth = 0;
	t->silent = t->doubt = false;
}

void config_tree_done(struct config_tree *t)
{
	lb_vec_done(&t->keys);
}
