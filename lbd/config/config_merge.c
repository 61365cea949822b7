/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several files are one configuration: services, checks and VRRP instances of all of them, everything else in one of
 * them only. */
#include "lbd/config/config_build.h"

#include "common/sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void twice(struct config_builder *b, const struct config_node *again, const struct config_node *first,
	const struct config_path *up)
{
	struct config_path self = { up, again->text, again->len, 0 };
	struct config_finding f = { .at = config_node_place(again), .path = &self, .path_in_text = true };
	char help[300];
	snprintf(help, sizeof(help), "first at %.200s:%u:%u", b->report->sources[first->file].name, first->line,
		first->column);
	f.help = help;
	config_report_add(b->report, &f, "duplicate key '%s' in %s", config_shown(again->text, again->len).s,
		config_path_shown(up).s);
}

static config_entries *entries_of(struct config_builder *b, int row)
{
	return row == ROOT_CHECKS ? &b->checks : row == ROOT_VRRP ? &b->vrrp : &b->services;
}

static void collect(struct config_builder *b, const struct config_node *map, int row)
{
	struct config_path path = { NULL, schema_kinds[SCHEMA_ROOT].rows[row].name, 0, 0 };
	path.len = (uint32_t)strlen(path.name);
	schema_check_names(&b->rd, map, &path);
	for (const struct config_node *k = map->child; k && k->next; k = k->next->next) {
		if (k->bad)
			continue;
		struct config_entry *e = lb_vec_push(entries_of(b, row));
		if (!e) {
			b->report->oom = true;
			return;
		}
		*e = (struct config_entry){ k, k->next };
	}
}

void config_merge_file(struct config_builder *b, const struct config_node *root)
{
	const struct schema_kind *kind = &schema_kinds[SCHEMA_ROOT];
	for (const struct config_node *k = root->child; k && k->next; k = k->next->next) {
		int row = k->bad ? -1 : schema_find(kind, k->text, k->len);
		bool named = row >= 0 && kind->rows[row].type == SCHEMA_TYPE_NAMED;
		if (row >= 0 && !named && b->root_keys[row])
			twice(b, k, b->root_keys[row], NULL);
		else
			schema_read_key(&b->rd, k, NULL, false, b->root);
		if (row >= 0 && !b->root_keys[row])
			b->root_keys[row] = k;
		if (named && b->root->v[row].set) {
			collect(b, b->root->v[row].named, row);
			b->root->v[row] = (struct schema_value){ 0 };
		}
	}
}

static int entry_cmp(const void *x, const void *y)
{
	const struct config_node *a = ((const struct config_entry *)x)->key, *b = ((const struct config_entry *)y)->key;
	int d = strcmp(a->text, b->text);
	if (d)
		return d;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

/* Sorts and drops duplicates. */
static void settle(struct config_builder *b, int row)
{
	config_entries *all = entries_of(b, row);
	struct config_entry *v = all->v;
	size_t n = all->n;
	if (n == 0)
		return;
	struct config_path path = { NULL, schema_kinds[SCHEMA_ROOT].rows[row].name, 0, 0 };
	path.len = (uint32_t)strlen(path.name);
	lb_sort(v, n, sizeof(*v), entry_cmp);
	size_t kept = 1;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(v[i].key->text, v[kept - 1].key->text) == 0)
			twice(b, v[i].key, v[kept - 1].key, &path);
		else
			v[kept++] = v[i];
	}
	all->n = kept;
}

void config_merge_finish(struct config_builder *b)
{
	settle(b, ROOT_CHECKS);
	settle(b, ROOT_VRRP);
	settle(b, ROOT_SERVICES);
}
