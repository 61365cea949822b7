/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_yaml.h"

#include "lbd/config/config_plain.h"
#include "lbd/config/config_scan.h"
#include "lbd/config/config_tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MINIMAL    "a minimal file has `services:` with one service"
#define SCAN_BYTES 4096u /* looking at so many bytes costs about as much as one node */

enum stage { STAGE_SCAN, STAGE_PLAIN, STAGE_PARSE, STAGE_DONE, STAGE_FAILED };

struct config_yaml {
	enum stage stage;
	struct config_scan scan;
	struct config_plain plain;
	bool no_plain;
	yaml_parser_t parser;
	bool started;
	struct config_tree tree;
};

struct config_yaml *config_yaml_new(uint32_t file, const struct config_source *source, struct lb_arena *arena,
	struct config_report *r, size_t *nodes)
{
	struct config_yaml *y = calloc(1, sizeof(*y));
	if (!y)
		return NULL;
	y->tree.file = (uint16_t)file;
	y->tree.arena = arena;
	y->tree.report = r;
	y->tree.nodes = nodes;
	config_scan_init(&y->scan, file, source);
	return y;
}

void config_yaml_free(struct config_yaml *y)
{
	if (!y)
		return;
	if (y->started)
		yaml_parser_delete(&y->parser);
	config_tree_done(&y->tree);
	free(y);
}

struct config_node *config_yaml_root(const struct config_yaml *y)
{
	return y->tree.root;
}

void config_yaml_no_plain(struct config_yaml *y)
{
	y->no_plain = true;
}

bool config_yaml_was_plain(const struct config_yaml *y)
{
	return !y->started;
}

/* ---- what libyaml comes across ---- */

static uint32_t small(size_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static struct config_place place_of(const struct config_yaml *y, const yaml_event_t *ev)
{
	struct config_place at = { .file = y->tree.file,
		.line = small(ev->start_mark.line) + 1,
		.column = small(ev->start_mark.column) + 1,
		.width = 1 };
	if (ev->type == YAML_SCALAR_EVENT || ev->type == YAML_ALIAS_EVENT)
		at.width = ev->end_mark.line > ev->start_mark.line ? UINT32_MAX
								   : small(ev->end_mark.column - ev->start_mark.column);
	return at;
}

/* Reports what no node may have. The node stays: what it says is still checked. */
static void on_properties(
	struct config_yaml *y, const yaml_event_t *ev, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct config_place at = place_of(y, ev);
	at.width = 1;
	if (anchor)
		config_tree_trap(
			&y->tree, at, "write the value out where it is needed", "an anchor ('&name') is not allowed");
	if (tag)
		config_tree_trap(
			&y->tree, at, "the key decides the type of its value", "a tag ('!name') is not allowed");
}

static int on_scalar(struct config_yaml *y, const yaml_event_t *ev)
{
	const struct config_scalar s = { (const char *)ev->data.scalar.value, ev->data.scalar.length,
		ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE };
	on_properties(y, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	return config_tree_scalar(&y->tree, place_of(y, ev), &s) ? 0 : -1;
}

static int on_alias(struct config_yaml *y, const yaml_event_t *ev)
{
	config_tree_trap(&y->tree, place_of(y, ev), "write the value out", "an alias ('*name') is not allowed");
	struct config_node *n =
		config_tree_scalar(&y->tree, place_of(y, ev), &(struct config_scalar){ .text = "", .quoted = true });
	if (!n)
		return -1;
	n->bad = true;
	n->quoted = false;
	return 0;
}

static int on_open(struct config_yaml *y, const yaml_event_t *ev)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	if (map)
		on_properties(y, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	else
		on_properties(y, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	return config_tree_open(&y->tree, map ? CONFIG_NODE_MAP : CONFIG_NODE_SEQ, place_of(y, ev));
}

/* Brackets are a list, and what begins with a colon is no text in braces. */
static const char *address_help(const struct config_yaml *y)
{
	size_t at = y->parser.problem_mark.index;
	char before = at ? config_scan_byte(&y->scan, at - 1) : '\0';
	if (config_scan_byte(&y->scan, at) != ':')
		return NULL;
	if (before == '[' || before == ']')
		return "an address in brackets has to stand in quotes: \"[2001:db8::2]:80\"";
	return strstr(y->parser.problem, "did not find expected node content") ? "put the text in quotes" : NULL;
}

/* What people usually did when libyaml says this. */
static const char *syntax_help(const struct config_yaml *y)
{
	const char *problem = y->parser.problem, *address = address_help(y);
	if (address)
		return address;
	if (strstr(problem, "cannot start any token"))
		return "put the text in quotes";
	if (strstr(problem, "mapping values are not allowed"))
		return "quote a text with ': ', or check the indentation and the line above";
	if (strstr(problem, "did not find expected key") || strstr(problem, "could not find expected ':'"))
		return "check the indentation, and that a ':' and a blank follow each key";
	return NULL;
}

static int syntax_error(struct config_yaml *y)
{
	const yaml_parser_t *p = &y->parser;
	if (p->error == YAML_MEMORY_ERROR || !p->problem)
		return config_tree_no_memory(&y->tree);
	size_t len = y->scan.len;
	/* the end of the file may be counted as a line of its own: the mark must lie inside */
	struct config_place last = config_place_of(y->tree.report, y->tree.file, len), at = last;
	if (last.column == 1 && last.line > 1)
		last = at = config_place_of(y->tree.report, y->tree.file, len - 1);
	if (p->problem_mark.line + 1 <= last.line) {
		at.line = small(p->problem_mark.line) + 1;
		at.column = small(p->problem_mark.column) + 1;
	}
	struct config_finding f = { .at = at, .help = syntax_help(y) };
	char also[128] = "";
	if (p->context && p->context_mark.line != p->problem_mark.line)
		snprintf(also, sizeof(also), ", %s that starts at line %zu", p->context, p->context_mark.line + 1);
	else if (p->context)
		snprintf(also, sizeof(also), ", %s", p->context);
	bool token = strstr(p->problem, "cannot start any token");
	if (token && config_scan_byte(&y->scan, p->problem_mark.index) == '\t') {
		f.help = "indent with spaces";
		config_report_add(y->tree.report, &f, "a tab is not allowed here");
	} else {
		config_report_add(y->tree.report, &f, "%s%s", p->problem, also);
	}
	return -1;
}

static int on_document_start(struct config_yaml *y, const yaml_event_t *ev)
{
	if (!ev->data.document_start.version_directive &&
		ev->data.document_start.tag_directives.start == ev->data.document_start.tag_directives.end)
		return 0;
	config_tree_trap(&y->tree, place_of(y, ev), NULL, "a directive is not allowed");
	return -1;
}

static int on_event(struct config_yaml *y, const yaml_event_t *ev)
{
	switch ((int)ev->type) {
	case YAML_DOCUMENT_START_EVENT: return on_document_start(y, ev);
	case YAML_DOCUMENT_END_EVENT:
		y->stage = STAGE_DONE;
		return config_scan_rest(&y->scan, ev->end_mark.index, y->tree.report);
	case YAML_STREAM_END_EVENT: y->stage = STAGE_DONE; return 0;
	case YAML_SCALAR_EVENT:
		if (y->tree.depth)
			return on_scalar(y, ev);
		if (*ev->data.scalar.value == '\0')
			config_tree_trap(
				&y->tree, (struct config_place){ .file = y->tree.file }, MINIMAL, "the file is empty");
		else
			config_tree_trap(&y->tree, place_of(y, ev), MINIMAL,
				"the top level must be a mapping, this is one value");
		return -1;
	case YAML_ALIAS_EVENT: return on_alias(y, ev);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT: return on_open(y, ev);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT: return config_tree_close(&y->tree);
	default: return 0;
	}
}

static int begin(struct config_yaml *y)
{
	if (!yaml_parser_initialize(&y->parser))
		return config_tree_no_memory(&y->tree);
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

/* ---- stages ---- */

static int step_scan(struct config_yaml *y, unsigned budget)
{
	int rc = config_scan_step(&y->scan, (size_t)budget * SCAN_BYTES, y->tree.report);
	if (rc)
		return rc;
	if (y->no_plain)
		return begin(y) ? -1 : 1;
	config_plain_init(&y->plain, y->scan.text, y->scan.len);
	y->tree.silent = true;
	y->stage = STAGE_PLAIN;
	return 1;
}

/* Reads on by itself as long as there is no doubt; else libyaml reads everything, and says what there is to say. */
static int step_plain(struct config_yaml *y, unsigned budget)
{
	int rc = config_plain_step(&y->plain, &y->tree, budget);
	if (y->tree.report->oom)
		return -1;
	if (rc < 0) {
		config_tree_reset(&y->tree);
		return begin(y) ? -1 : 1;
	}
	if (rc == 0)
		y->stage = STAGE_DONE;
	return 1;
}

static int step_libyaml(struct config_yaml *y, unsigned budget)
{
	for (; budget && y->stage == STAGE_PARSE; budget--)
		if (parse_one(y))
			return -1;
	return 1;
}

static int step(struct config_yaml *y, unsigned budget)
{
	const struct config_node *root = y->tree.root;
	switch (y->stage) {
	case STAGE_SCAN: return step_scan(y, budget);
	case STAGE_PLAIN: return step_plain(y, budget);
	case STAGE_PARSE: return step_libyaml(y, budget);
	case STAGE_DONE: return root && !y->tree.report->oom && root->kind == CONFIG_NODE_MAP ? 0 : -1;
	case STAGE_FAILED: break;
	}
	return -1;
}

int config_yaml_step(struct config_yaml *y, unsigned budget)
{
	int rc = step(y, budget);
	if (rc < 0)
		y->stage = STAGE_FAILED;
	return rc;
}
