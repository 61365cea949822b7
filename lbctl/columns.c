/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/columns.h"

#include "common/buf.h"
#include "common/text.h"
#include "common/time.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word, *colour;
} colours[] = {
	{ "up", "\033[32m" },
	{ "master", "\033[32m" },
	{ "passed", "\033[32m" },
	{ "moved", "\033[32m" },
	{ "enabled", "\033[32m" },
	{ "in-sync", "\033[32m" },
	{ "ready", "\033[32m" },
	{ "degraded", "\033[33m" },
	{ "sorry", "\033[33m" },
	{ "drain", "\033[33m" },
	{ "maint", "\033[33m" },
	{ "unchecked", "\033[33m" },
	{ "unknown", "\033[33m" },
	{ "error", "\033[33m" },
	{ "resigned", "\033[33m" },
	{ "waiting", "\033[33m" },
	{ "bulk", "\033[33m" },
	{ "paused", "\033[33m" },
	{ "pending", "\033[33m" },
	{ "rolled_back", "\033[33m" },
	{ "down", "\033[31m" },
	{ "failed", "\033[31m" },
	{ "damaged", "\033[31m" },
	{ "fault", "\033[31m" },
	{ "alarm", "\033[31m" },
};

const char *columns_colour(const char *word)
{
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].word, word) == 0)
			return colours[i].colour;
	return "";
}

bool columns_overridden(const json_t *row, const char *key)
{
	/* state is what becomes of admin, and of what it is forced to */
	const json_t *overrides = json_object_get(row, "overrides");
	return json_object_get(overrides, key) ||
	       (strcmp(key, "state") == 0 &&
		       (json_object_get(overrides, "admin") || json_object_get(overrides, "force")));
}

size_t columns_width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void columns_number(double v, const struct columns_look *look, struct lb_text *out)
{
	static const char units[] = "KMGTPE";
	double step = look->iec ? 1024 : 1000;
	if (look->unscaled || v < 10000) {
		lb_text_printf(out, v == floor(v) ? "%.0f" : "%.1f", v);
		return;
	}
	unsigned u = 0;
	v /= step;
	while (v >= step * 0.9995 && u + 2 < sizeof(units)) {
		v /= step;
		u++;
	}
	lb_text_printf(out,
		v < 9.995   ? "%.2f%c%s"
		: v < 99.95 ? "%.1f%c%s"
			    : "%.0f%c%s",
		v, units[u], look->iec ? "i" : "");
}

/* "4m12s", "4m"; a blank before hours, "12d 4h" */
static void two_units(
	int64_t v, int64_t step, const char *large, const char *small, const char *sep, struct lb_text *out)
{
	lb_text_printf(out, "%lld%s", (long long)(v / step), large);
	if (v % step)
		lb_text_printf(out, *sep ? "%s%lld%s" : "%s%02lld%s", sep, (long long)(v % step), small);
}

int64_t columns_seconds(double seconds)
{
	return seconds < 0 ? 0 : seconds < COLUMNS_SECONDS_MAX ? (int64_t)seconds : COLUMNS_SECONDS_MAX;
}

void columns_duration(double seconds, struct lb_text *out)
{
	if (seconds < 0)
		seconds = 0;
	int64_t whole = columns_seconds(seconds);
	if (seconds < 0.001)
		lb_text_printf(out, seconds > 0 ? "%.2fms" : "0s", seconds * 1000);
	else if (seconds < 1)
		lb_text_printf(out, "%.3gms", seconds * 1000);
	else if (seconds < 10 && seconds != floor(seconds))
		lb_text_printf(out, "%.1fs", floor(seconds * 10) / 10);
	else if (whole < 60)
		lb_text_printf(out, "%ds", (int)whole);
	else if (whole < 3600)
		two_units(whole, 60, "m", "s", "", out);
	else if (whole < 86400)
		two_units(whole / 60, 60, "h", "m", "", out);
	else
		two_units(whole / 3600, 24, "d", "h", " ", out);
}

/* Days from 1970 to a civil date: the reverse of what common/time.c does, for dates after 1970. */
static int64_t days_from_civil(int y, int m, int d)
{
	y -= m <= 2;
	int era = y / 400, yoe = y - era * 400;
	int doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return (int64_t)era * 146097 + (yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

/* n digits at *s, which moves on; -1 when they are not. */
static int digits(const char **s, unsigned n)
{
	int v = 0;
	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

int columns_time_parse(const char *s, int64_t *wall_ms)
{
	static const char between[] = "--T::";
	static const unsigned widths[] = { 4, 2, 2, 2, 2, 2 };
	static const int most[] = { 9999, 12, 31, 23, 59, 60 };
	int v[6], ms = 0, unit = 100;
	for (unsigned i = 0; i < 6; i++) {
		v[i] = digits(&s, widths[i]);
		if (v[i] < 0 || v[i] > most[i] || (i < 5 && *s++ != between[i]))
			return -EINVAL;
	}
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			ms += (*s - '0') * unit;
	if (s[0] != 'Z' || s[1] || v[0] < 1970 || v[1] < 1 || v[2] < 1)
		return -EINVAL;
	*wall_ms = (((days_from_civil(v[0], v[1], v[2]) * 24 + v[3]) * 60 + v[4]) * 60 + v[5]) * 1000 + ms;
	return 0;
}

static void age(const char *s, const struct columns_look *look, struct lb_text *out)
{
	int64_t t;
	if (columns_time_parse(s, &t))
		lb_text_escape(out, s, strlen(s), 32);
	else
		columns_duration(floor((double)(look->now_wall_ms - t) / 1000), out);
}

static void list_cell(const json_t *list, size_t most, const char *sep, struct lb_text *out)
{
	size_t n = json_array_size(list);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));
		if (most && i >= most && n > most) {
			lb_text_printf(out, " +%zu", n - i);
			return;
		}
		if (i)
			lb_text_puts(out, sep);
		if (s)
			lb_text_escape(out, s, strlen(s), 0);
	}
}

static void counts_cell(const json_t *counts, struct lb_text *out)
{
	json_t *obj = (json_t *)(uintptr_t)counts; /* iterating does not change it */
	bool first = true;
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
		long long n = json_integer_value(json_object_iter_value(it));
		if (n == 0)
			continue;
		lb_text_printf(out, "%s%lld ", first ? "" : ", ", n);
		lb_text_escape(out, json_object_iter_key(it), strlen(json_object_iter_key(it)), 0);
		first = false;
	}
	if (first)
		lb_text_puts(out, "0");
}

static void keys_cell(const json_t *object, struct lb_text *out)
{
	json_t *obj = (json_t *)(uintptr_t)object;
	bool first = true;
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
		lb_text_puts(out, first ? "" : ",");
		lb_text_escape(out, json_object_iter_key(it), strlen(json_object_iter_key(it)), 0);
		first = false;
	}
}

void columns_cell(const struct lb_field *f, const json_t *row, const struct columns_look *look, struct lb_text *out)
{
	const json_t *v = json_object_get(row, f->key);
	if (!v)
		return;
	switch (f->kind) {
	case LB_FIELD_TEXT:
	case LB_FIELD_WORDS:
	case LB_FIELD_STATE:
		if (json_is_string(v))
			lb_text_escape(out, json_string_value(v), json_string_length(v), 0);
		break;
	case LB_FIELD_BOOL: lb_text_puts(out, json_is_true(v) ? "yes" : "no"); break;
	case LB_FIELD_NUMBER: lb_text_printf(out, "%lld", (long long)json_integer_value(v)); break;
	case LB_FIELD_COUNTER:
	case LB_FIELD_BYTES:
	case LB_FIELD_RATE: columns_number(json_number_value(v), look, out); break;
	case LB_FIELD_SECONDS:
		lb_text_puts(out, json_number_value(v) < 0 ? "-" : "");
		columns_duration(fabs(json_number_value(v)), out);
		break;
	case LB_FIELD_TIME:
		if (json_is_string(v))
			age(json_string_value(v), look, out);
		break;
	case LB_FIELD_LIST: list_cell(v, look->full ? 0 : 1, ", ", out); break;
	case LB_FIELD_OVERRIDES: keys_cell(v, out); break;
	case LB_FIELD_COUNTS: counts_cell(v, out); break;
	case LB_FIELD_OBJECT:
	case LB_FIELD_ROWS:
		lb_text_printf(out, "%zu", json_is_array(v) ? json_array_size(v) : json_object_size(v));
		break;
	}
	if ((f->kind == LB_FIELD_STATE || f->kind == LB_FIELD_NUMBER) && columns_overridden(row, f->key))
		lb_text_puts(out, "*");
}

/* It can be undone; other control bytes are shown, for a terminal may be at the end of it all the same. */
static void raw_string(const char *s, struct lb_text *out)
{
	while (*s) {
		size_t n = strcspn(s, "\t\n\r\\");
		lb_text_escape(out, s, n, 0);
		s += n;
		switch (*s) {
		case '\0': return;
		case '\t': lb_text_puts(out, "\\t"); break;
		case '\n': lb_text_puts(out, "\\n"); break;
		case '\r': lb_text_puts(out, "\\r"); break;
		default: lb_text_puts(out, "\\\\"); break;
		}
		s++;
	}
}

void columns_raw(const struct lb_field *f, const json_t *row, struct lb_text *out)
{
	const json_t *v = json_object_get(row, f->key);
	if (json_is_string(v)) {
		raw_string(json_string_value(v), out);
	} else if (json_is_boolean(v)) {
		lb_text_puts(out, json_is_true(v) ? "true" : "false");
	} else if (json_is_integer(v)) {
		lb_text_printf(out, "%lld", (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		lb_text_printf(out, "%.9g", json_real_value(v));
	} else if (f->kind == LB_FIELD_LIST && v) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			const char *s = json_string_value(json_array_get(v, i));
			lb_text_puts(out, i ? "," : "");
			raw_string(s ? s : "", out);
		}
	} else if (f->kind == LB_FIELD_OVERRIDES && v) {
		keys_cell(v, out);
	} else if (v) {
		char *s = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
		if (s)
			raw_string(s, out);
		else
			out->bad = true;
		free(s);
	}
}
