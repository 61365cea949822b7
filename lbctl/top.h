/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of `lbctl top`: counters in, as the daemon's lines; rates, sorted, as text out. Two looks make a rate;
 * what was there at one of them only has none, and a counter that went back (`service zero`, a new row in the kernel)
 * begins anew. Pure: no terminal and no clock.
 */
#pragma once

#include "common/buf.h"
#include "common/time.h"
#include "lbctl/columns.h"

#include <stdbool.h>
#include <stdint.h>

enum top_column { TOP_NAME, TOP_CONNS, TOP_INPKTS, TOP_OUTPKTS, TOP_INBYTES, TOP_OUTBYTES, TOP_ACTIVE };
#define TOP_COLUMNS  7
#define TOP_COUNTERS 5
extern const char *const top_columns[TOP_COLUMNS]; /* words of --sort */

struct top; /* all rows of the last two looks */

struct top *top_new(bool backends); /* NULL: no memory */
void top_free(struct top *t);

/* A look begins; lines of it, as they come, cut anywhere between lines; and ends. What is no line of ours is left out.
 */
void top_begin(struct top *t, struct lb_time now);
void top_lines(struct top *t, const char *text, size_t n);
/* Rates are there from the second look on. False: no memory; what is shown is not complete. */
bool top_end(struct top *t);
bool top_has_rates(const struct top *t);

void top_sort(struct top *t, enum top_column by, bool reverse);
size_t top_count(const struct top *t);

/* The name of the service of a row, in the order of sorting; for asking about the busiest. Returns its length. */
size_t top_service(const struct top *t, size_t at, char out[64]);

/* Head and rows [from, from + n) as text lines no wider than width (0 = any). by: whose head is marked. */
void top_print(const struct top *t, size_t from, size_t n, enum top_column by, const struct columns_look *look,
	struct lb_text *out);
/* A row as LB_ROW_SERVICE_RATE or _BACKEND_RATE: new reference. */
json_t *top_row(const struct top *t, size_t at);

/* What a person has chosen with the keyboard. */
struct top_view {
	enum top_column by;
	bool reverse, backends;
	size_t from; /* first row on the screen */
};

/* Keys as a terminal sends them, escape sequences of arrows and pages among them. page: rows on the screen, count: all
 * rows. False: quit. */
bool top_keys(struct top_view *v, const char *typed, size_t n, size_t page, size_t count);
#define TOP_HELP "q quit  s < > sort  r reverse  v services  b backends  up down page"
