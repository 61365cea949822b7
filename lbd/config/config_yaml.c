/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_yaml.h"

#include "common/vec.h"
#include "lbd/config/config_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MINIMAL    "a minimal file has `services:` with one service"
#define SCAN_BYTES 4096u /* looking at so many bytes costs about as much as one node */

enum stage { STAGE_SCAN, STAGE_PARSE, STAGE_DONE, STAGE_FAILED };

struct frame {
	struct config_node *node; /* an open map or list */
	struct config_node *last; /* its last child */
	struct config_node *key;  /* of a map: the last key */
};

struct config_yaml {
	enum stage stage;
	struct config_scan scan;
	yaml_parser_t parser;
	bool started;
	uint16_t file;
	struct lb_arena *arena;
	struct config_report *report;
	size_t *nodes;
	struct config_node *root;
	struct frame stack[CONFIG_DEPTH_MAX];
	uint32_t depth;
	LB_VEC(struct config_node *) keys; /* scratch of the search for duplicates */
};

struct config_yaml *config_yaml_new(uint32_t file, const struct config_source *source, struct lb_arena *arena,
	struct config_report *r, size_t *nodes)
{
	struct config_yaml *y = calloc(1, sizeof(*y));
	if (!y)
		return NULL;
	y->file = (uint16_t)file;
	y->arena = arena;
	y->report = r;
	y->nodes = nodes;
	config_scan_init(&y->scan, file, source);
	return y;
}

void config_yaml_free(struct config_yaml *y)
{
	if (!y)
		return;
	if (y->started)
		yaml_parser_delete(&y->parser);
	lb_vec_done(&y->keys);
	free(y);
}

struct config_node *config_yaml_root(const struct config_yaml *y)
{
	return y->root;
}

static int no_memory(struct config_yaml *y)
{
	y->report->oom = true;
	return -1;
}

/* Where the reader is now; buf holds the chain. */
static const struct config_path *path_here(const struct config_yaml *y, struct config_path buf[CONFIG_DEPTH_MAX])
{
	const struct config_path *up = NULL;
	for (uint32_t i = 0; i < y->depth; i++) {
		const struct config_node *n = y->stack[i].node, *key = y->stack[i].key;
		bool inside = i + 1 < y->depth; /* what is open above has been counted as a child */
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

static void trap(struct config_yaml *y, struct config_place at, const char *help, const char *text)
{
	if (!config_report_wants(y->report, false, at))
		return;
	struct config_path buf[CONFIG_DEPTH_MAX];
	config_report_add(
		y->report, &(struct config_finding){ .at = at, .help = help, .path = path_here(y, buf) }, "%s", text);
}

static uint32_t small(size_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static struct config_place place_of(const struct config_yaml *y, const yaml_event_t *ev)
{
	struct config_place at = { .file = y->file,
		.line = small(ev->start_mark.line) + 1,
		.column = small(ev->start_mark.column) + 1,
		.width = 1 };
	if (ev->type == YAML_SCALAR_EVENT || ev->type == YAML_ALIAS_EVENT)
		at.width = ev->end_mark.line > ev->start_mark.line ? UINT32_MAX
								   : small(ev->end_mark.column - ev->start_mark.column);
	return at;
}

static bool awaits_key(const struct config_yaml *y)
{
	const struct config_node *n = y->depth ? y->stack[y->depth - 1].node : NULL;
	return n && n->kind == CONFIG_NODE_MAP && n->len % 2 == 0;
}

/* A new last child of what is open, with room for text. NULL: stopped. */
static struct config_node *append(
	struct config_yaml *y, enum config_node_kind kind, const yaml_event_t *ev, const char *text, size_t len)
{
	struct config_place at = place_of(y, ev);
	if (++*y->nodes > CONFIG_NODES_MAX) {
		trap(y, at, NULL, "more than 1000000 keys and values");
		return NULL;
	}
	struct config_node *n = lb_arena_alloc(y->arena, sizeof(*n) + len + 1);
	if (!n) {
		no_memory(y);
		return NULL;
	}
	n->line = at.line;
	n->column = at.column;
	n->width = at.width;
	n->file = y->file;
	n->kind = (uint8_t)kind;
	memcpy(n->text, text, len);
	if (kind == CONFIG_NODE_SCALAR)
		n->len = small(len);
	if (y->depth == 0) {
		y->root = n;
		return n;
	}
	struct frame *f = &y->stack[y->depth - 1];
	if (awaits_key(y))
		f->key = n;
	*(f->last ? &f->last->next : &f->node->child) = n;
	f->last = n;
	f->node->len++;
	return n;
}

/* Reports what no node may have. The node stays: what it says is still checked. */
static void on_properties(
	struct config_yaml *y, const yaml_event_t *ev, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct config_place at = place_of(y, ev);
	at.width = 1;
	if (anchor)
		trap(y, at, "write the value out where it is needed", "an anchor ('&name') is not allowed");
	if (tag)
		trap(y, at, "the key decides the type of its value", "a tag ('!name') is not allowed");
}

static bool is_null(const char *s)
{
	if (*s && *s != '~' && *s != 'n' && *s != 'N')
		return false;
	return !*s || !strcmp(s, "~") || !strcmp(s, "null") || !strcmp(s, "Null") || !strcmp(s, "NULL");
}

/* What no scalar may be; NULL when it is fine. */
static const char *scalar_fault(const yaml_event_t *ev, bool key, const char **help)
{
	const char *text = (const char *)ev->data.scalar.value;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	*help = NULL;
	if (memchr(text, '\0', ev->data.scalar.length))
		return "the escape of a NUL character is not allowed";
	if (plain && is_null(text)) {
		*help = "write a value, {} for an empty mapping, or \"\" for an empty text";
		return *text ? "null is not a value" : "the value is missing";
	}
	if (plain && key && !strcmp(text, "<<")) {
		*help = "write the keys out";
		return "a merge key ('<<') is not allowed";
	}
	return NULL;
}

static int on_scalar(struct config_yaml *y, const yaml_event_t *ev)
{
	const char *help, *fault = scalar_fault(ev, awaits_key(y), &help);
	const char *text = (const char *)ev->data.scalar.value;
	if (fault) {
		struct config_place at = place_of(y, ev);
		const struct frame *f = &y->stack[y->depth - 1];
		/* a missing value has no extent: the caret goes under its key */
		if (!*text && f->node->kind == CONFIG_NODE_MAP && f->last && f->node->len % 2)
			at = config_node_place(f->last);
		trap(y, at, help, fault);
	}
	on_properties(y, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	/* the text ends at a NUL, which was a fault */
	struct config_node *n = append(y, CONFIG_NODE_SCALAR, ev, text, strlen(text));
	if (!n)
		return -1;
	n->bad = fault;
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static int on_alias(struct config_yaml *y, const yaml_event_t *ev)
{
	trap(y, place_of(y, ev), "write the value out", "an alias ('*name') is not allowed");
	struct config_node *n = append(y, CONFIG_NODE_SCALAR, ev, "", 0);
	if (!n)
		return -1;
	n->bad = true;
	return 0;
}

static int on_open(struct config_yaml *y, const yaml_event_t *ev)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	if (y->depth == CONFIG_DEPTH_MAX) {
		trap(y, place_of(y, ev), NULL, "more than 32 levels");
		return -1;
	}
	bool key = awaits_key(y);
	if (key)
		trap(y, place_of(y, ev), NULL, "a key must be a word");
	if (map)
		on_properties(y, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	else
		on_properties(y, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	if (y->depth == 0 && !map)
		trap(y, place_of(y, ev), MINIMAL, "the top level must be a mapping, this is a list");
	struct config_node *n = append(y, map ? CONFIG_NODE_MAP : CONFIG_NODE_SEQ, ev, "", 0);
	if (!n)
		return -1;
	n->bad = key;
	y->stack[y->depth++] = (struct frame){ .node = n };
	return 0;
}

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

static void duplicate(struct config_yaml *y, const struct config_node *first, struct config_node *again)
{
	again->bad = true;
	struct config_finding f = { .at = config_node_place(again), .path_in_text = true };
	if (!config_report_wants(y->report, false, f.at))
		return;
	struct config_path buf[CONFIG_DEPTH_MAX];
	const struct config_path *up = path_here(y, buf), self = { up, again->text, again->len, 0 };
	char help[64];
	snprintf(help, sizeof(help), "first at line %u", first->line);
	f.path = &self;
	f.help = help;
	config_report_add(y->report, &f, "duplicate key '%s' in %s", config_shown(again->text, again->len).s,
		config_path_shown(up).s);
}

static bool same_key(const struct config_node *a, const struct config_node *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

#define FEW 8u /* keys, of which comparing each with each is faster than sorting */

static void find_among_few(struct config_yaml *y)
{
	for (size_t i = 1; i < y->keys.n; i++)
		for (size_t k = 0; k < i; k++)
			if (same_key(y->keys.v[k], y->keys.v[i])) {
				duplicate(y, y->keys.v[k], y->keys.v[i]);
				break;
			}
}

/* Sorting, not hashing: n log n whatever the keys, and no secret seed is at hand here. */
static void find_among_many(struct config_yaml *y)
{
	qsort(y->keys.v, y->keys.n, sizeof(y->keys.v[0]), key_cmp);
	const struct config_node *first = y->keys.v[0];
	for (size_t i = 1; i < y->keys.n; i++) {
		if (same_key(first, y->keys.v[i]))
			duplicate(y, first, y->keys.v[i]);
		else
			first = y->keys.v[i];
	}
}

static int find_duplicates(struct config_yaml *y, const struct config_node *map)
{
	lb_vec_clear(&y->keys);
	for (struct config_node *k = map->child; k && k->next; k = k->next->next) {
		if (k->bad)
			continue;
		struct config_node **slot = lb_vec_push(&y->keys);
		if (!slot)
			return no_memory(y);
		*slot = k;
	}
	if (y->keys.n > FEW)
		find_among_many(y);
	else
		find_among_few(y);
	return 0;
}

static int on_close(struct config_yaml *y)
{
	const struct config_node *n = y->stack[y->depth - 1].node;
	int rc = n->kind == CONFIG_NODE_MAP ? find_duplicates(y, n) : 0;
	y->depth--;
	return rc;
}

/* What people usually did when libyaml says this. */
static const char *syntax_help(const char *problem)
{
	if (strstr(problem, "cannot start any token"))
		return "put the text in quotes";
	if (strstr(problem, "mapping values are not allowed"))
		return "quote a text that contains ': ', or check the indentation";
	if (strstr(problem, "did not find expected key") || strstr(problem, "could not find expected ':'"))
		return "check the indentation, and that a ':' and a blank follow each key";
	return NULL;
}

static int syntax_error(struct config_yaml *y)
{
	const yaml_parser_t *p = &y->parser;
	if (p->error == YAML_MEMORY_ERROR || !p->problem)
		return no_memory(y);
	size_t len = y->scan.len;
	/* the end of the file may be counted as a line of its own: the mark must lie inside */
	struct config_place last = config_place_of(y->report, y->file, len), at = last;
	if (last.column == 1 && last.line > 1)
		last = at = config_place_of(y->report, y->file, len - 1);
	if (p->problem_mark.line + 1 <= last.line) {
		at.line = small(p->problem_mark.line) + 1;
		at.column = small(p->problem_mark.column) + 1;
	}
	struct config_finding f = { .at = at, .help = syntax_help(p->problem) };
	char also[128] = "";
	if (p->context && p->context_mark.line != p->problem_mark.line)
		snprintf(also, sizeof(also), ", %s that starts at line %zu", p->context, p->context_mark.line + 1);
	else if (p->context)
		snprintf(also, sizeof(also), ", %s", p->context);
	bool token = strstr(p->problem, "cannot start any token");
	if (token && config_scan_byte(&y->scan, p->problem_mark.index) == '\t') {
		f.help = "indent with spaces";
		config_report_add(y->report, &f, "a tab is not allowed here");
	} else {
		config_report_add(y->report, &f, "%s%s", p->problem, also);
	}
	return -1;
}

static int on_document_start(struct config_yaml *y, const yaml_event_t *ev)
{
	if (!ev->data.document_start.version_directive &&
		ev->data.document_start.tag_directives.start == ev->data.document_start.tag_directives.end)
		return 0;
	trap(y, place_of(y, ev), NULL, "a directive is not allowed");
	return -1;
}

static int on_event(struct config_yaml *y, const yaml_event_t *ev)
{
	switch ((int)ev->type) {
	case YAML_DOCUMENT_START_EVENT: return on_document_start(y, ev);
	case YAML_DOCUMENT_END_EVENT:
		y->stage = STAGE_DONE;
		return config_scan_rest(&y->scan, ev->end_mark.index, y->report);
	case YAML_STREAM_END_EVENT: y->stage = STAGE_DONE; return 0;
	case YAML_SCALAR_EVENT:
		if (y->depth)
			return on_scalar(y, ev);
		if (*ev->data.scalar.value == '\0')
			trap(y, (struct config_place){ .file = y->file }, MINIMAL, "the file is empty");
		else
			trap(y, place_of(y, ev), MINIMAL, "the top level must be a mapping, this is one value");
		return -1;
	case YAML_ALIAS_EVENT: return on_alias(y, ev);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT: return on_open(y, ev);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT: return on_close(y);
	default: return 0;
	}
}

static int begin(struct config_yaml *y)
{
	if (!yaml_parser_initialize(&y->parser))
		return no_memory(y);
	y->started = true;
	/* an explicit encoding keeps libyaml from guessing; without its BOM the columns are those of an editor */
	size_t bom = config_bom_len(y->scan.text, y->scan.len);
	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)y->scan.text + bom, y->scan.len - bom);
	y->stage = STAGE_PARSE;
	return 0;
}

static int parse_one(struct config_yaml *y)
{
	yaml_event_t ev;
	if (!yaml_parser_parse(&y->parser, &ev))
		return syntax_error(y);
	int rc = on_event(y, &ev);
	yaml_event_delete(&ev);
	return rc;
}

static int failed(struct config_yaml *y)
{
	y->stage = STAGE_FAILED;
	return -1;
}

int config_yaml_step(struct config_yaml *y, unsigned budget)
{
	if (y->stage == STAGE_SCAN) {
		int rc = config_scan_step(&y->scan, (size_t)budget * SCAN_BYTES, y->report);
		if (rc > 0)
			return 1;
		return rc || begin(y) ? failed(y) : 1;
	}
	for (; budget && y->stage == STAGE_PARSE; budget--)
		if (parse_one(y))
			return failed(y);
	if (y->stage == STAGE_PARSE)
		return 1;
	if (y->stage == STAGE_DONE && y->root && !y->report->oom)
		return y->root->kind == CONFIG_NODE_MAP ? 0 : failed(y);
	return failed(y);
}
