/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words as statements and blocks, each held against the table of keywords. */
#include "lbd/import/ka.h"

#include <errno.h>
#include <string.h>

#define STATEMENTS_MAX 1000000u
#define WORDS_MAX      1024u /* of one statement: a line has not more */
#define GUESSES_MAX    1000u
#define SECOND         INT64_C(1000000)

struct reader {
	struct imp *im;
	struct ka_node *root, *open; /* where statements go */
	struct ka_node *last;        /* the statement that a { would belong to; NULL = none */
	size_t n;
};

static struct ka_node *node(struct reader *r, const struct imp_place *at, const char **w, size_t n)
{
	struct ka_node *k = r->n++ < STATEMENTS_MAX ? imp_alloc(r->im, sizeof(*k)) : NULL;
	const char **copy = k ? imp_alloc(r->im, n * sizeof(*copy)) : NULL;
	if (!copy) {
		if (r->n == STATEMENTS_MAX + 1)
			imp_say(r->im, at, IMP_ERROR, "more than %u statements; the rest is left out", STATEMENTS_MAX);
		return NULL;
	}
	if (n)
		memcpy(copy, w, n * sizeof(*copy));
	*k = (struct ka_node){ .at = *at, .w = copy, .n = n, .up = r->open };
	if (r->open->last)
		r->open->last->next = k;
	else
		r->open->child = k;
	r->open->last = k;
	return k;
}

static void open_block(struct reader *r, const struct imp_place *at)
{
	if (!r->last || r->last->block) {
		imp_say(r->im, at, IMP_ERROR, "a { without a keyword in front of it");
		r->last = node(r, at, NULL, 0);
		if (!r->last)
			return;
	}
	r->last->block = true;
	r->open = r->last;
	r->last = NULL;
}

static void close_block(struct reader *r, const struct imp_place *at)
{
	if (!r->open->up)
		imp_say(r->im, at, IMP_ERROR, "a } too many");
	else
		r->open = r->open->up;
	r->last = NULL;
}

static void take_line(void *arg, const struct imp_place *at, const char *line)
{
	struct reader *r = arg;
	const char *w[WORDS_MAX];
	size_t n = 0;
	struct ka_token t;
	while (!r->im->oom && ka_token(r->im, at, &line, &t)) {
		if (!t.brace) {
			if (n < WORDS_MAX)
				w[n++] = t.s;
			continue;
		}
		if (n)
			r->last = node(r, at, w, n);
		n = 0;
		if (t.brace == '{')
			open_block(r, at);
		else
			close_block(r, at);
	}
	if (n)
		r->last = node(r, at, w, n);
}

/* ---- arguments ---- */

int ka_parse_num(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool minus = *s == '-';
	int64_t v = 0;
	s += minus || *s == '+';
	if (!*s || strlen(s) > 18)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		v = v * 10 + (*s - '0');
	}
	v = minus ? -v : v;
	if (v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

int ka_parse_time(const char *s, int64_t *us)
{
	int64_t v = 0, unit = SECOND;
	bool any = false, dot = false;
	if (strlen(s) > 18)
		return -EINVAL;
	for (; *s; s++) {
		if (*s == '.' && !dot) {
			dot = true;
			continue;
		}
		if (*s < '0' || *s > '9' || v > INT64_MAX / SECOND / 100)
			return -EINVAL;
		any = true;
		if (dot)
			v += (*s - '0') * (unit /= 10);
		else
			v = v * 10 + (*s - '0') * SECOND;
	}
	if (!any)
		return -EINVAL;
	*us = v;
	return 0;
}

static int word_bool(const char *s, bool *out)
{
	static const char *const on[] = { "on", "true", "yes" }, *const off[] = { "off", "false", "no" };
	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(s, on[i]) == 0 || strcasecmp(s, off[i]) == 0) {
			*out = strcasecmp(s, on[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *seconds(struct imp *im, int64_t us)
{
	if (us % SECOND == 0)
		return imp_str(im, "%lld", (long long)(us / SECOND));
	return imp_str(im, "%lld.%02lld", (long long)(us / SECOND), (long long)(us % SECOND / 10000));
}

/* What is wrong with the arguments, or NULL. */
static const char *wrong(struct imp *im, const struct ka_node *k)
{
	const struct ka_row *row = k->row;
	const char *word = k->n > 1 ? k->w[1] : NULL;
	struct lb_ip ip;
	int64_t v;
	bool b;
	if (!word && row->arg != KA_ARG_NONE && row->arg != KA_ARG_MAYBE && row->arg != KA_ARG_BOOL &&
		row->arg != KA_ARG_BLOCK)
		return "without a value: keepalived does not start with it";
	if (row->arg == KA_ARG_BLOCK && !k->block && row->does == KA_TAKES)
		return "without a block";
	if (!word)
		return NULL;
	if (row->arg == KA_ARG_NUM && ka_parse_num(word, row->min, row->max, &v))
		return imp_str(im, "%s is not a number %lld to %lld", imp_shown(im, word), (long long)row->min,
			(long long)row->max);
	if (row->arg == KA_ARG_TIME && (ka_parse_time(word, &v) || v < row->min || v > row->max))
		return imp_str(im, "%s is not a time of %s to %s seconds", imp_shown(im, word), seconds(im, row->min),
			seconds(im, row->max));
	if (row->arg == KA_ARG_BOOL && row->does == KA_TAKES && word_bool(word, &b))
		return imp_str(im, "%s is neither on nor off", imp_shown(im, word));
	if (row->arg == KA_ARG_IP && lb_ip_parse(word, strlen(word), &ip))
		return imp_str(im, "%s is not an IP address", imp_shown(im, word));
	return NULL;
}

/* ---- the table ---- */

static void say_unknown(struct imp *im, const struct ka_node *k, enum ka_in in)
{
	const char *near = im->guesses++ < GUESSES_MAX ? ka_word_near(k->w[0], in) : NULL;
	const char *shown = imp_shown(im, k->w[0]);
	if (in == KA_IN_SYNC && !near)
		imp_say(im, &k->at, IMP_ERROR, "'%s': members of a group stand in `group { }`", shown);
	else if (near)
		imp_say(im, &k->at, IMP_ERROR, "unknown keyword '%s'; did you mean '%s'?", shown, near);
	else if (ka_word_anywhere(k->w[0]))
		imp_say(im, &k->at, IMP_ERROR, "'%s' does not stand in this place", shown);
	else
		imp_say(im, &k->at, IMP_ERROR, "unknown keyword '%s'", shown);
}

/* The words from the i'th on, fit for a message. */
static const char *words_from(struct imp *im, const struct ka_node *k, size_t i)
{
	struct lb_text t = LB_TEXT_INIT;
	for (size_t first = i; i < k->n; i++)
		lb_text_printf(&t, "%s%s", i > first ? " " : "", k->w[i]);
	const char *p = t.bad || !t.s ? "" : imp_shown(im, t.s);
	im->oom = im->oom || t.bad;
	lb_text_done(&t);
	return p;
}

/* A block belongs to the word that begins its line. Behind one that takes none it would be lost in silence, and what
 * most often stands so is a check. */
static void say_block(struct imp *im, const struct ka_node *k, enum ka_in in)
{
	const struct ka_row *last = k->n > 1 ? ka_word_find(k->w[k->n - 1], in) : NULL;
	bool meant = last && last->inside != KA_IN_NOTHING;
	if (k->row->inside != KA_IN_NOTHING || (!meant && k->row->does != KA_TAKES)) /* which is said as a whole */
		return;
	imp_say(im, &k->at, IMP_ERROR, "a block behind '%s': keepalived does not read this%s%s%s", words_from(im, k, 0),
		meant ? "; write " : "", meant ? last->name : "", meant ? " on a line of its own" : "");
}

/* Words behind the one value that a keyword has, which may be meant as statements. */
static void say_extra(struct imp *im, const struct ka_node *k)
{
	static const uint8_t takes[] = { [KA_ARG_NONE] = 1,
		[KA_ARG_NUM] = 2,
		[KA_ARG_TIME] = 2,
		[KA_ARG_BOOL] = 2,
		[KA_ARG_IP] = 2,
		[KA_ARG_BLOCK] = 1 };
	size_t most = takes[k->row->arg];
	if (most && k->n > most && k->row->does == KA_TAKES)
		imp_say(im, &k->at, IMP_NOTE, "'%s' behind '%s': neither keepalived nor the import reads it",
			words_from(im, k, most), imp_shown(im, k->w[most - 1]));
}

static void hold(struct imp *im, struct ka_node *up, enum ka_in in);

static void hold_one(struct imp *im, struct ka_node *k, enum ka_in in)
{
	if (!k->n) /* a block without a keyword: has been said */
		return;
	const struct ka_row *row = ka_word_find(k->w[0], in);
	if (!row) {
		say_unknown(im, k, in);
		return;
	}
	k->row = row;
	if (k->block)
		say_block(im, k, in);
	else
		say_extra(im, k);
	const char *what = wrong(im, k);
	if (what) {
		imp_say(im, &k->at, IMP_ERROR, "%s: %s", row->name, what);
		k->row = NULL;
		return;
	}
	if (row->does == KA_LOST)
		imp_say(im, &k->at, IMP_LOST, "%s: %s", row->name, row->text);
	if (row->does == KA_SAME)
		imp_say(im, &k->at, IMP_NOTE, "%s: %s", row->name, row->text);
	if (row->does == KA_TAKES && k->block)
		hold(im, k, row->inside);
}

static void hold(struct imp *im, struct ka_node *up, enum ka_in in)
{
	if (in == KA_IN_LIST || in == KA_IN_NOTHING)
		return;
	for (struct ka_node *k = up->child; k && !im->oom; k = k->next)
		hold_one(im, k, in);
}

struct ka_node *ka_read(struct imp *im, const struct import_source *source)
{
	struct reader r = { .im = im, .root = imp_alloc(im, sizeof(*r.root)) };
	if (!r.root)
		return NULL;
	r.open = r.root;
	ka_lines(im, source, take_line, &r);
	for (; r.open->up; r.open = r.open->up)
		imp_say(im, &r.open->at, IMP_ERROR, "the block that begins here is not closed");
	hold(im, r.root, KA_IN_ROOT);
	return im->oom ? NULL : r.root;
}

/* ---- asking ---- */

static const struct ka_node *from(const struct ka_node *n, enum ka_word word)
{
	while (n && !(n->row && n->row->word == word))
		n = n->next;
	return n;
}

const struct ka_node *ka_first(const struct ka_node *up, enum ka_word word)
{
	return up ? from(up->child, word) : NULL;
}

const struct ka_node *ka_next(const struct ka_node *n)
{
	return from(n->next, n->row->word);
}

const struct ka_node *ka_get(const struct ka_node *up, enum ka_word word)
{
	const struct ka_node *found = NULL;
	for (const struct ka_node *n = ka_first(up, word); n; n = ka_next(n))
		found = n;
	return found;
}

const struct ka_node *ka_find(const struct ka_chain *c, enum ka_word word)
{
	for (size_t i = 0; i < 4; i++) {
		const struct ka_node *n = ka_get(c->of[i], word);
		if (n)
			return n;
	}
	return NULL;
}

const struct ka_node *ka_global(const struct ka *k, enum ka_word word)
{
	const struct ka_node *found = NULL;
	for (const struct ka_node *g = ka_first(k->root, KA_GLOBAL_DEFS); g; g = ka_next(g)) {
		const struct ka_node *n = ka_get(g, word);
		found = n ? n : found;
	}
	return found;
}

const struct ka_node *ka_named_node(const struct ka *k, enum ka_word word, const char *name)
{
	const struct ka_node *n = ka_first(k->root, word);
	while (n && strcmp(ka_arg(n, 1), name) != 0)
		n = ka_next(n);
	return n;
}

const char *ka_name_of(const struct y *names, const char *text)
{
	const struct y *y = names->child;
	while (y && strcmp(y->value, text) != 0)
		y = y->next;
	return y ? y->key : NULL;
}

int64_t ka_num(const struct ka_node *n, int64_t absent)
{
	int64_t v = absent;
	if (n && n->n > 1)
		(void)ka_parse_num(n->w[1], n->row->min, n->row->max, &v);
	return v;
}

int64_t ka_time(const struct ka_node *n, int64_t absent)
{
	int64_t v = absent;
	if (n && n->n > 1)
		(void)ka_parse_time(n->w[1], &v);
	return v;
}

bool ka_bool(const struct ka_node *n)
{
	bool b = n != NULL;
	if (n && n->n > 1)
		(void)word_bool(n->w[1], &b);
	return b;
}

const char *ka_arg(const struct ka_node *n, size_t i)
{
	return n && i < n->n ? n->w[i] : "";
}
