/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/top.h"

#include "common/text.h"
#include "common/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const top_columns[TOP_COLUMNS] = { "name", "conns", "inpkts", "outpkts", "inbytes", "outbytes", "active" };
static const char *const heads[TOP_COLUMNS] = { "SERVICE", "CPS", "INPPS", "OUTPPS", "INBPS", "OUTBPS", "ACTIVE" };
static const char *const keys[TOP_COUNTERS] = { "connections_per_second", "incoming_packets_per_second",
	"outgoing_packets_per_second", "incoming_bytes_per_second", "outgoing_bytes_per_second" };

struct row {
	uint32_t key, key_len; /* "NAME\tLISTEN" in the text of its look */
	uint32_t name_len;
	uint32_t active;
	bool has_rate;
	uint64_t count[TOP_COUNTERS];
	double rate[TOP_COUNTERS];
};

/* What one look has seen: rows in the order of the daemon, which is that of the look before unless something changed.
 */
struct look {
	struct lb_time at;
	struct lb_text keys;
	LB_VEC(struct row) rows;
};

struct top {
	bool backends, rates;
	struct look now, before;
	struct lb_text part; /* a line that was cut */
	enum top_column by;
	bool reverse, bad;
	uint32_t *slots; /* of rows of the look before, by key; used where the order differs */
	size_t n_slots;
};

struct top *top_new(bool backends)
{
	struct top *t = calloc(1, sizeof(*t));
	if (t)
		t->backends = backends;
	return t;
}

static void look_done(struct look *l)
{
	lb_text_done(&l->keys);
	lb_vec_done(&l->rows);
}

void top_free(struct top *t)
{
	if (!t)
		return;
	look_done(&t->now);
	look_done(&t->before);
	lb_text_done(&t->part);
	free(t->slots);
	free(t);
}

void top_begin(struct top *t, struct lb_time now)
{
	struct look old = t->before;
	t->before = t->now;
	t->now = old; /* its memory is used again */
	lb_text_clear(&t->now.keys);
	lb_vec_clear(&t->now.rows);
	lb_text_clear(&t->part);
	t->now.at = now;
	t->bad = false;
}

static bool number(const char **at, const char *end, uint64_t *out)
{
	const char *s = *at;
	uint64_t v = 0;
	if (s >= end || *s != '\t')
		return false;
	for (s++; s < end && *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	*at = s;
	*out = v;
	return true;
}

static void line(struct top *t, const char *s, size_t n)
{
	const char *end = s + n, *name = memchr(s, '\t', n);
	const char *listen = name ? memchr(name + 1, '\t', (size_t)(end - name - 1)) : NULL;
	struct row r = { .key = (uint32_t)t->now.keys.n };
	uint64_t active = 0;
	if (!listen)
		return;
	const char *at = listen;
	for (size_t i = 0; i < TOP_COUNTERS; i++)
		if (!number(&at, end, &r.count[i]))
			return;
	if (t->backends && !number(&at, end, &active))
		return;
	r.active = (uint32_t)active;
	r.name_len = (uint32_t)(name - s);
	r.key_len = (uint32_t)(listen - s);
	lb_text_put(&t->now.keys, s, r.key_len);
	struct row *place = t->now.keys.bad ? NULL : lb_vec_push(&t->now.rows);
	if (place)
		*place = r;
	else
		t->bad = true;
}

void top_lines(struct top *t, const char *text, size_t n)
{
	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;
		if (nl && !t->part.n) {
			line(t, text, len);
		} else {
			lb_text_put(&t->part, text, len);
			if (nl && !t->part.bad && t->part.n)
				line(t, t->part.s, t->part.n);
			if (nl)
				lb_text_clear(&t->part);
		}
		len += nl != NULL;
		text += len;
		n -= len;
	}
}

/* ---- rates ---- */

static bool same_key(const struct look *a, const struct row *x, const struct look *b, const struct row *y)
{
	return x->key_len == y->key_len && memcmp(a->keys.s + x->key, b->keys.s + y->key, x->key_len) == 0;
}

static size_t slot_of(const struct top *t, const struct look *l, const struct row *r)
{
	return (size_t)lb_text_hash(l->keys.s + r->key, r->key_len) & (t->n_slots - 1);
}

static bool index_before(struct top *t)
{
	size_t n = 16;
	while (n < t->before.rows.n * 2)
		n *= 2;
	if (n > t->n_slots) {
		free(t->slots);
		t->slots = malloc(n * sizeof(*t->slots));
		t->n_slots = t->slots ? n : 0;
	}
	if (!t->slots)
		return false;
	memset(t->slots, 0xff, t->n_slots * sizeof(*t->slots));
	for (size_t i = 0; i < t->before.rows.n; i++) {
		size_t at = slot_of(t, &t->before, &t->before.rows.v[i]);
		while (t->slots[at] != UINT32_MAX)
			at = (at + 1) & (t->n_slots - 1);
		t->slots[at] = (uint32_t)i;
	}
	return true;
}

static const struct row *find_before(const struct top *t, const struct row *r)
{
	for (size_t at = slot_of(t, &t->now, r); t->slots[at] != UINT32_MAX; at = (at + 1) & (t->n_slots - 1))
		if (same_key(&t->now, r, &t->before, &t->before.rows.v[t->slots[at]]))
			return &t->before.rows.v[t->slots[at]];
	return NULL;
}

static void rate(struct row *r, const struct row *before, double seconds)
{
	r->has_rate = before != NULL;
	for (size_t i = 0; before && i < TOP_COUNTERS; i++) {
		/* one that is smaller was set to 0 in between: what it has counted since is the least that was */
		uint64_t more = r->count[i] >= before->count[i] ? r->count[i] - before->count[i] : r->count[i];
		r->rate[i] = (double)more / seconds;
	}
}

bool top_end(struct top *t)
{
	double seconds = (double)lb_time_diff_us(t->now.at, t->before.at) / 1e6;
	t->rates = t->before.at.us && seconds > 0;
	if (t->rates && !index_before(t))
		t->bad = true;
	for (size_t i = 0; t->rates && !t->bad && i < t->now.rows.n; i++)
		rate(&t->now.rows.v[i], find_before(t, &t->now.rows.v[i]), seconds);
	return !t->bad;
}

bool top_has_rates(const struct top *t)
{
	return t->rates;
}

size_t top_count(const struct top *t)
{
	return t->now.rows.n;
}

/* ---- order ---- */

static double value_of(const struct row *r, enum top_column by)
{
	if (by == TOP_ACTIVE)
		return r->active;
	return by == TOP_NAME ? 0 : r->rate[by - TOP_CONNS];
}

static int row_cmp(const void *a, const void *b, void *arg)
{
	const struct top *t = arg;
	const struct row *x = a, *y = b;
	double vx = value_of(x, t->by), vy = value_of(y, t->by);
	int c = vx > vy ? -1 : vx < vy ? 1 : 0; /* the busiest first */
	if (c == 0) {
		uint32_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
		c = memcmp(t->now.keys.s + x->key, t->now.keys.s + y->key, n);
		if (c == 0)
			c = x->key_len < y->key_len ? -1 : x->key_len > y->key_len;
	}
	return t->reverse ? -c : c;
}

void top_sort(struct top *t, enum top_column by, bool reverse)
{
	t->by = by;
	t->reverse = reverse;
	if (t->now.rows.n)
		qsort_r(t->now.rows.v, t->now.rows.n, sizeof(struct row), row_cmp, t);
}

size_t top_service(const struct top *t, size_t at, char out[64])
{
	const struct row *r = &t->now.rows.v[at];
	const char *s = t->now.keys.s + r->key, *slash = memchr(s, '/', r->name_len);
	size_t n = slash ? (size_t)(slash - s) : r->name_len;
	n = n < 63 ? n : 63;
	memcpy(out, s, n);
	out[n] = '\0';
	return n;
}

/* ---- as text ---- */

static void cell(const struct row *r, size_t i, const struct columns_look *look, struct lb_text *out)
{
	lb_text_clear(out);
	if (i >= TOP_COUNTERS)
		columns_number(r->active, look, out);
	else if (r->has_rate)
		columns_number(r->rate[i] < 10 ? floor(r->rate[i] * 10 + 0.5) / 10 : floor(r->rate[i]), look, out);
	else
		lb_text_puts(out, "-");
}

#define NUMBER_WIDTH 8
#define NAME_LEAST   12u

void top_print(const struct top *t, size_t from, size_t n, enum top_column by, const struct columns_look *look,
	struct lb_text *out)
{
	size_t columns = TOP_COUNTERS + t->backends, numbers = columns * (NUMBER_WIDTH + 1), width = NAME_LEAST,
	       name = strlen("SERVICE"), listen = strlen("LISTEN");
	struct lb_text text = LB_TEXT_INIT;
	if (from + n > t->now.rows.n)
		n = from < t->now.rows.n ? t->now.rows.n - from : 0;
	for (size_t i = from; i < from + n; i++) {
		const struct row *r = &t->now.rows.v[i];
		name = r->name_len > name ? r->name_len : name;
		listen = r->key_len - r->name_len - 1 > listen ? r->key_len - r->name_len - 1 : listen;
	}
	width = name + 2 + listen > width ? name + 2 + listen : width;
	if (look->width && width + numbers > look->width)
		width = look->width > numbers + NAME_LEAST ? look->width - numbers : NAME_LEAST;
	lb_text_printf(&text, "%-*s  LISTEN", (int)name, t->backends ? "BACKEND" : "SERVICE");
	if (text.n > width)
		text.s[width] = '\0';
	lb_text_printf(out, "%-*s", (int)width, text.bad ? "" : text.s);
	for (size_t i = 1; i <= columns; i++)
		lb_text_printf(out, " %s%*s%s", look->colour && i == by ? "\033[7m" : "", NUMBER_WIDTH, heads[i],
			look->colour && i == by ? COLUMNS_RESET : "");
	lb_text_puts(out, "\n");
	for (size_t i = from; i < from + n; i++) {
		const struct row *r = &t->now.rows.v[i];
		const char *s = t->now.keys.s + r->key;
		lb_text_clear(&text);
		lb_text_printf(&text, "%-*.*s  %.*s", (int)name, (int)r->name_len, s,
			(int)(r->key_len - r->name_len - 1), s + r->name_len + 1);
		if (text.n > width) {
			text.s[width] = '\0';
			text.s[width - 1] = '~';
		}
		lb_text_printf(out, "%-*s", (int)width, text.bad ? "" : text.s);
		for (size_t k = 0; k < columns; k++) {
			cell(r, k, look, &text);
			lb_text_printf(out, " %*s", NUMBER_WIDTH, text.bad ? "" : text.s);
		}
		lb_text_puts(out, "\n");
	}
	lb_text_done(&text);
}

json_t *top_row(const struct top *t, size_t at)
{
	const struct row *r = &t->now.rows.v[at];
	const char *s = t->now.keys.s + r->key, *slash = memchr(s, '/', r->name_len);
	size_t service = slash ? (size_t)(slash - s) : r->name_len;
	json_t *row = json_object();
	int bad = !row || json_object_set_new(row, "service", json_stringn(s, service));
	if (slash)
		bad |= json_object_set_new(row, "backend", json_stringn(slash + 1, r->name_len - service - 1));
	bad |= json_object_set_new(row, "listen", json_stringn(s + r->name_len + 1, r->key_len - r->name_len - 1));
	for (size_t i = 0; r->has_rate && i < TOP_COUNTERS; i++)
		bad |= json_object_set_new(row, keys[i], json_real(r->rate[i]));
	if (!bad)
		return row;
	json_decref(row);
	return NULL;
}

/* ---- the keyboard ---- */

static void scroll(struct top_view *v, long by, size_t page, size_t count)
{
	long last = count > page ? (long)(count - page) : 0, to = (long)v->from + by;
	v->from = (size_t)(to < 0 ? 0 : to > last ? last : to);
}

static void next_column(struct top_view *v, int step)
{
	int n = v->backends ? TOP_COLUMNS : TOP_COLUMNS - 1;
	v->by = (enum top_column)(((int)v->by + step + n) % n);
	v->from = 0;
}

static void of_kind(struct top_view *v, bool backends)
{
	v->backends = backends;
	v->from = 0;
	if (!backends && v->by == TOP_ACTIVE)
		v->by = TOP_CONNS;
}

/* Of "ESC [ A", "ESC O A", "ESC [ 5 ~". */
static size_t escape(struct top_view *v, const char *s, size_t n, size_t page, size_t count)
{
	size_t i = 2;
	while (i < n && s[i] >= '0' && s[i] <= ';')
		i++;
	char what = i < n ? s[i] : '\0';
	if (what == '~' && i == 3)
		what = s[2];
	switch (what) {
	case 'A': scroll(v, -1, page, count); break;
	case 'B': scroll(v, 1, page, count); break;
	case 'C': next_column(v, 1); break;
	case 'D': next_column(v, -1); break;
	case '5': scroll(v, -(long)page, page, count); break;
	case '6': scroll(v, (long)page, page, count); break;
	default: break; /* another key of a terminal */
	}
	return i < n ? i + 1 : n;
}

bool top_keys(struct top_view *v, const char *typed, size_t n, size_t page, size_t count)
{
	for (size_t i = 0; i < n;) {
		if (typed[i] == '\033' && i + 1 < n && (typed[i + 1] == '[' || typed[i + 1] == 'O')) {
			i += escape(v, typed + i, n - i, page, count);
			continue;
		}
		switch (typed[i++]) {
		case 'q':
		case 'Q': return false;
		case 's':
		case '>': next_column(v, 1); break;
		case '<': next_column(v, -1); break;
		case 'r': v->reverse = !v->reverse; break;
		case 'b': of_kind(v, true); break;
		case 'v': of_kind(v, false); break;
		case 'k': scroll(v, -1, page, count); break;
		case 'j': scroll(v, 1, page, count); break;
		case ' ': scroll(v, (long)page, page, count); break;
		default: break; /* no key of ours */
		}
	}
	return true;
}
