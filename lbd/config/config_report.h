/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a load found, collected in any order and kept in line order: at most CONFIG_ERRORS_MAX errors and as many
 * warnings, the first ones of the files. The rest is counted, so a file full of mistakes costs no memory. */
#pragma once

#include "lbd/config/config.h"

struct config_place {
	uint32_t file;         /* index of the source */
	uint32_t line, column; /* from 1; line 0 = the file as a whole */
	uint32_t width;        /* characters; cut to the line when shown */
};

/* Where a value stands in the tree, as a chain on the stack of the reader. */
struct config_path {
	const struct config_path *up; /* NULL = top level */
	const char *name;             /* NULL = the item'th element of a list */
	uint32_t len;
	uint32_t item;
};

struct config_finding {
	struct config_place at;
	const struct config_path *path;
	const char *help; /* copied; NULL = none */
	bool warning;
	bool path_in_text; /* see struct config_error */
};

struct config_found {
	struct config_error e;
	uint32_t file;
	uint32_t order;
};

struct config_found_list {
	struct config_found v[CONFIG_ERRORS_MAX];
	size_t n, more;
};

struct config_report {
	const struct config_source *sources;
	size_t n_sources;
	struct lb_arena arena;
	struct config_found_list errors, warnings;
	uint32_t order;
	bool oom;
	struct config_error *out; /* both lists in line order, with excerpts; set by config_report_finish */
	size_t n_out;
};

void config_report_init(struct config_report *r, const struct config_source *sources, size_t n);
void config_report_done(struct config_report *r);

/* Whether a finding there would be kept. If not it has been counted: the caller builds no text and does not add it. */
bool config_report_wants(struct config_report *r, bool warning, struct config_place at);

/* Adds one finding. Texts are copied; bytes of the file must come through config_shown. Asks config_report_wants
 * itself, so calling that first is only about the cost of the text. */
__attribute__((format(printf, 3, 4))) void config_report_add(
	struct config_report *r, const struct config_finding *f, const char *fmt, ...);

/* Sorts, and cuts the excerpts out of the files. Once, after the last config_report_add. */
void config_report_finish(struct config_report *r);

/* Bytes of a file made fit for a message: escaped and cut. Use as config_shown(s, n).s within one expression. */
struct config_shown {
	char s[272];
};
struct config_shown config_shown(const char *s, size_t n);

/* "services.web", or "the file" for NULL. */
struct config_shown config_path_shown(const struct config_path *path);

/* A UTF-8 byte order mark at the start is legal and stands on no column. */
static inline size_t config_bom_len(const char *text, size_t len)
{
	return len >= 3 && (uint8_t)text[0] == 0xef && (uint8_t)text[1] == 0xbb && (uint8_t)text[2] == 0xbf ? 3 : 0;
}

/* Line and column of a byte of a file. Lines end with LF, CR or CR LF. */
struct config_place config_place_of(const struct config_report *r, uint32_t file, size_t offset);
