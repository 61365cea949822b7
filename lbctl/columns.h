/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One value of a row as text: for eyes (scaled, aged, coloured) or for machines (as it is). */
#pragma once

#include "common/rows.h"

#include <stdbool.h>
#include <stdint.h>

struct lb_text;

/* Writes a wall-clock time for people: "14:02", "31 Jan 14:02". The caller knows the time zone. */
typedef void columns_clock_fn(int64_t wall_ms, char *out, unsigned size);

struct columns_look {
	bool unscaled, iec;
	bool colour;
	bool full;           /* lists as a whole, not "first +2" */
	unsigned width;      /* of the terminal: tables are made to fit as far as their rows allow; 0 = they are not */
	int64_t now_wall_ms; /* what an age is counted from */
	columns_clock_fn *clock; /* NULL: times as they are on the wire */
};

/* The cell of a field for eyes, without colour and padding. Nothing is appended when the row has no such key. */
void columns_cell(const struct lb_field *f, const json_t *row, const struct columns_look *look, struct lb_text *out);

/* The cell of a field as it is: TSV. Tabs, newlines and backslashes are escaped, other control
 * bytes are shown as \x1b. */
void columns_raw(const struct lb_field *f, const json_t *row, struct lb_text *out);

/* The escape sequence a word is shown in, "" = none: green up, yellow degraded, red down. */
const char *columns_colour(const char *word);
#define COLUMNS_RESET "\033[0m"

bool columns_overridden(const json_t *row, const char *key);

/* Whole seconds of what an answer says, whatever it says: 0 to COLUMNS_SECONDS_MAX. */
int64_t columns_seconds(double seconds);
#define COLUMNS_SECONDS_MAX 999999999999

/* "4m12s", "12d 4h": the two largest units. */
void columns_duration(double seconds, struct lb_text *out);

/* "1.23M"; base 1000 or 1024 ("1.2Mi"). */
void columns_number(double v, const struct columns_look *look, struct lb_text *out);

/* RFC 3339 UTC to milliseconds since the epoch. 0 or -EINVAL. */
int columns_time_parse(const char *s, int64_t *wall_ms);

/* The width in columns of a terminal, for text that has passed lb_text_escape: one per character. */
size_t columns_width(const char *s);
