/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keepalived's lines. Of a line: the comment goes, an include is followed, a condition decides, a definition is kept;
 * in what is left variables and repetitions are replaced, which may make several lines of one. In this order: an
 * include behind a condition or in a variable is none.
 */
#include "lbd/import/ka.h"

#include <errno.h>
#include <string.h>

#define LINE_MAX_     1023 /* keepalived takes the rest of a longer one for another line */
#define INCLUDE_DEPTH 16
#define FEED_DEPTH    64
#define WORK_MAX      (64u * 1024u * 1024u) /* bytes looked at: files may include each other many times */
#define LINE_WORK_MAX                                                                                                  \
	(4u * 1024u * 1024u) /* for one line: definitions may double each other, or contain themselves                 \
			      */
#define REPLACE_MAX 1000     /* variables of one line */
#define REPEAT_MAX  65536    /* lines that one becomes */
#define MADE_MAX    262144 /* lines beyond the first of each, over all files: a line of each backend of a big balancer */

struct def {
	const char *name, *value;
};

struct lang {
	struct imp *im;
	const struct import_source *source;
	ka_line_fn *give;
	void *arg;
	LB_VEC(struct def) defs;
	struct imp_place at;
	unsigned files, depth;
	size_t work, line_work, given, made;
	bool over, line_over;   /* a limit was reached, and it was said */
	bool open, open_wanted; /* a definition goes on on the next line; it counts */
	const char *open_name;
	struct lb_text open_value;
};

static void line(struct lang *l, const char *text, unsigned depth);

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool works(struct lang *l, size_t n)
{
	l->work += n + 1;
	l->line_work += n + 1;
	if (l->work > WORK_MAX && !l->over) {
		l->over = true;
		imp_say(l->im, &l->at, IMP_ERROR,
			"this includes too much; the rest is left out: import the files that are included one by one");
	}
	if (l->made > MADE_MAX && !l->over) {
		l->over = true;
		imp_say(l->im, &l->at, IMP_ERROR,
			"definitions and repetitions have made %d lines by here; the rest is left out: split the file, "
			"and import its parts",
			MADE_MAX);
	}
	if ((l->line_work > LINE_WORK_MAX || l->given > REPEAT_MAX) && !l->over && !l->line_over) {
		l->line_over = true;
		imp_say(l->im, &l->at, IMP_ERROR,
			"definitions or repetitions in this line never end; the rest of it is left out");
	}
	return !l->over && !l->line_over && !l->im->oom;
}

/* ---- definitions ---- */

static const char *lookup(struct lang *l, const char *name, size_t n)
{
	for (size_t i = l->defs.n; i-- > 0;)
		if (strlen(l->defs.v[i].name) == n && memcmp(l->defs.v[i].name, name, n) == 0)
			return l->defs.v[i].value;
	return NULL;
}

static void define(struct lang *l, const char *name, const char *value)
{
	for (size_t i = 0; i < l->defs.n; i++)
		if (strcmp(l->defs.v[i].name, name) == 0) {
			l->defs.v[i].value = value;
			return;
		}
	struct def *d = lb_vec_push(&l->defs);
	if (d)
		*d = (struct def){ name, value };
	else
		l->im->oom = true;
}

/* What keepalived knows by itself; NULL: it has no such name, or one whose value nobody knows here. */
static const char *builtin(struct lang *l, const char *s, size_t n)
{
	if (n == 5 && memcmp(s, "_BANG", n) == 0)
		return "!";
	if (n == 5 && memcmp(s, "_HASH", n) == 0)
		return "#";
	if (n == 4 && memcmp(s, "_PWD", n) == 0) {
		const char *slash = strrchr(l->at.file, '/');
		return slash ? imp_strn(l->im, l->at.file, (size_t)(slash - l->at.file)) : ".";
	}
	if (n == 9 && memcmp(s, "_INSTANCE", n) == 0) {
		if (!l->source->id)
			imp_say(l->im, &l->at, IMP_LOST, "${_INSTANCE} is the id of a node: say it with --id");
		return l->source->id;
	}
	if ((n >= 4 && memcmp(s, "_ENV", 4) == 0) || (n >= 7 && memcmp(s, "_RANDOM", 7) == 0))
		imp_say(l->im, &l->at, IMP_LOST, "${%s} has no value here; write it yourself",
			imp_shown(l->im, imp_strn(l->im, s, n)));
	return NULL;
}

/* The variable at s, which is a $. Its value, or NULL; *len: what it takes of the text. */
static const char *variable(struct lang *l, const char *s, size_t *len)
{
	if (s[1] == '{') {
		const char *end = strchr(s, '}');
		if (!end)
			return NULL;
		*len = (size_t)(end - s) + 1;
		const char *value = lookup(l, s + 2, *len - 3);
		return value ? value : builtin(l, s + 2, *len - 3);
	}
	size_t n = 1;
	while (is_name(s[n]))
		n++;
	if (n == 1 || (s[n] && s[n] != '\n' && !is_blank(s[n])))
		return NULL;
	*len = n;
	return lookup(l, s + 1, n - 1);
}

/* "$NAME=value": whether it is one, and it has been taken. The value ends with the line. */
static bool definition(struct lang *l, const char *s, bool wanted)
{
	size_t n = 1, len = strlen(s);
	if (s[0] != '$')
		return false;
	while (is_name(s[n]))
		n++;
	if (n == 1 || s[n] != '=')
		return false;
	const char *name = imp_strn(l->im, s + 1, n - 1), *value = s + n + 1;
	while (is_blank(*value))
		value++;
	if (s[len - 1] == '\\') {
		l->open = true;
		l->open_wanted = wanted;
		l->open_name = name;
		lb_text_clear(&l->open_value);
		lb_text_put(&l->open_value, value, strlen(value) - 1);
		return true;
	}
	if (wanted)
		define(l, name, imp_strn(l->im, value, strlen(value)));
	return true;
}

/* A further line of a definition. */
static void definition_goes_on(struct lang *l, const char *s, size_t n)
{
	bool more = n && s[n - 1] == '\\';
	if (l->open_value.n)
		lb_text_puts(&l->open_value, "\n");
	lb_text_put(&l->open_value, s, n - more);
	l->im->oom = l->im->oom || l->open_value.bad;
	if (more)
		return;
	l->open = false;
	if (l->open_wanted)
		define(l, l->open_name, imp_strn(l->im, l->open_value.s ? l->open_value.s : "", l->open_value.n));
}

/* ---- repetitions ---- */

/* Variables in the arguments of a repetition, all replaced; one level, as values there are words. */
static const char *replaced(struct lang *l, const char *s, size_t n)
{
	struct lb_text t = LB_TEXT_INIT;
	const char *text = imp_strn(l->im, s, n);
	while (*text) {
		size_t len = 0;
		const char *value = *text == '$' ? variable(l, text, &len) : NULL;
		if (value)
			lb_text_puts(&t, value);
		else
			lb_text_put(&t, text, 1);
		text += value ? len : 1;
	}
	l->im->oom = l->im->oom || t.bad;
	const char *p = imp_strn(l->im, t.s ? t.s : "", t.n);
	lb_text_done(&t);
	return p;
}

static const char *trimmed(struct imp *im, const char *s, size_t n)
{
	while (n && is_blank(*s)) {
		s++;
		n--;
	}
	while (n && is_blank(s[n - 1]))
		n--;
	return imp_strn(im, s, n);
}

/* Cuts "a, {b,c}, d" at the commas outside of braces. At most max parts; returns how many there are. */
static size_t parts(struct imp *im, const char *s, const char **out, size_t max)
{
	size_t n = 0, depth = 0;
	const char *from = s;
	for (;; s++) {
		if (*s == '{')
			depth++;
		else if (*s == '}' && depth)
			depth--;
		if (*s && (*s != ',' || depth))
			continue;
		if (n < max)
			out[n] = trimmed(im, from, (size_t)(s - from));
		n++;
		from = s + 1;
		if (!*s)
			return n;
	}
}

struct repeat {
	struct lang *l;
	const char *before; /* of the line */
	const char *after;
	unsigned depth;
};

static const char *feed(struct lang *l, const char *before, const char *rest, unsigned depth);

/* The line once more, with what has just been bound; then its variables go. */
static void once(const struct repeat *r, size_t mark)
{
	const char *rest = feed(r->l, r->before, r->after, r->depth + 1);
	if (rest)
		line(r->l, rest, r->depth + 1);
	if (r->l->defs.n > mark)
		r->l->defs.n = mark;
}

/* Variables of a repetition stand last among the definitions, so they are found first, and go again. */
static void bind(struct lang *l, const char *name, const char *value)
{
	struct def *d = lb_vec_push(&l->defs);
	if (d)
		*d = (struct def){ name, value };
	else
		l->im->oom = true;
}

/* A number of a repetition: -3, 0x1f. 0 or -EINVAL. */
static int repeat_num(const char *s, int64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	bool minus = *s == '-';
	int64_t v = 0;
	s += minus;
	bool in_hex = s[0] == '0' && (s[1] | 0x20) == 'x';
	s += in_hex ? 2 : 0;
	if (!*s || strlen(s) > 9)
		return -EINVAL;
	for (; *s; s++) {
		const char *d = strchr(digits, *s >= 'A' && *s <= 'F' ? *s | 0x20 : *s);
		if (!d || (!in_hex && d - digits > 9))
			return -EINVAL;
		v = v * (in_hex ? 16 : 10) + (d - digits);
	}
	*out = minus ? -v : v;
	return 0;
}

static bool sequence(const struct repeat *r, const char *args, bool in_hex)
{
	struct lang *l = r->l;
	const char *p[5];
	size_t n = parts(l->im, args, p, 5);
	int64_t v[3] = { 1, 0, 1 }; /* start, step, end */
	static const int place[3][3] = { { 2 }, { 0, 2 }, { 0, 1, 2 } };
	if (n < 2 || n > 4)
		return false;
	for (size_t i = 1; i < n; i++)
		if (repeat_num(p[i], &v[place[n - 2][i - 1]]))
			return false;
	if (n < 4)
		v[1] = v[0] <= v[2] ? 1 : -1;
	if (v[1] == 0 || (v[2] - v[0]) / v[1] > REPEAT_MAX)
		return false;
	size_t mark = l->defs.n;
	for (int64_t i = v[0]; v[1] > 0 ? i <= v[2] : i >= v[2]; i += v[1]) {
		bind(l, p[0], imp_str(l->im, in_hex ? "%llx" : "%lld", (long long)i));
		if (!works(l, strlen(r->after)))
			break;
		once(r, mark);
	}
	return true;
}

static void bind_tuple(struct lang *l, const char *names, const char *values)
{
	const char *n[16], *v[16];
	if (*names != '{') {
		bind(l, names, values);
		return;
	}
	size_t nn = parts(l->im, imp_strn(l->im, names + 1, strlen(names) - 2), n, 16);
	size_t nv = parts(l->im, *values == '{' ? imp_strn(l->im, values + 1, strlen(values) - 2) : values, v, 16);
	for (size_t i = 0; i < nn && i < 16; i++)
		bind(l, n[i], i < nv ? v[i] : "");
}

static bool list(const struct repeat *r, const char *args)
{
	struct lang *l = r->l;
	const char *few[1];
	size_t n = parts(l->im, args, few, 0);
	const char **p = imp_alloc(l->im, n * sizeof(*p));
	if (n < 2 || !p)
		return false;
	parts(l->im, args, p, n);
	if (strlen(p[0]) < 1 || (p[0][0] == '{' && strlen(p[0]) < 3))
		return false;
	size_t mark = l->defs.n;
	for (size_t i = 1; i < n && works(l, strlen(r->after)); i++) {
		if (p[i][0] == '{' && strlen(p[i]) < 2)
			return false;
		bind_tuple(l, p[0], p[i]);
		once(r, mark);
	}
	return true;
}

/* The ) that belongs to the ( before s; NULL = none on this line. */
static const char *closing(const char *s)
{
	for (size_t depth = 1; *s && *s != '\n'; s++) {
		depth += *s == '(';
		depth -= *s == ')';
		if (!depth)
			return s;
	}
	return NULL;
}

/* ~SEQ(...), ~SEQx(...), ~LST(...) at s: the rest of the line once per value. Whether it was one; *more: the lines
 * behind it, NULL = none. */
static bool repetition(struct lang *l, const char *before, const char *s, unsigned depth, const char **more)
{
	static const char *const words[] = { "~SEQ(", "~SEQx(", "~LST(" };
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);
		if (strncmp(s, words[i], n) != 0)
			continue;
		const char *end = closing(s + n), *eol = strchr(s, '\n');
		size_t rest = end ? (eol ? (size_t)(eol - end) - 1 : strlen(end + 1)) : 0;
		struct repeat r = { l, before, end ? imp_strn(l->im, end + 1, rest) : "", depth };
		const char *args = end ? replaced(l, s + n, (size_t)(end - s) - n) : "";
		if (!end || !(i == 2 ? list(&r, args) : sequence(&r, args, i == 1)))
			imp_say(l->im, &l->at, IMP_ERROR, "this repetition is not understood: %s", imp_shown(l->im, s));
		*more = eol ? eol + 1 : NULL;
		return true;
	}
	return false;
}

static bool is_all_blank(const struct lb_text *t)
{
	size_t n = 0;
	while (n < t->n && is_blank(t->s[n]))
		n++;
	return n == t->n;
}

/* Replaces what is in the first line of `rest`, and gives what comes of it. Returns the lines behind it, NULL = none.
 */
static const char *feed(struct lang *l, const char *before, const char *rest, unsigned depth)
{
	struct lb_text t = LB_TEXT_INIT;
	const char *more = NULL;
	bool given = false;
	lb_text_puts(&t, before);
	if (depth > FEED_DEPTH) {
		imp_say(l->im, &l->at, IMP_ERROR, "definitions that contain themselves; the line is left out");
		rest = "";
		given = true;
	}
	for (unsigned n = 0; *rest && !given && !more && works(l, 0);) {
		size_t len = 0;
		const char *value = *rest == '$' ? variable(l, rest, &len) : NULL;
		if (value && ++n > REPLACE_MAX) {
			l->line_work = LINE_WORK_MAX;
			continue;
		}
		if (value && *value && works(l, strlen(value) + strlen(rest))) {
			rest = imp_str(l->im, "%s%s", value, rest + len);
			if (strchr(value, '\n') && is_all_blank(&t)) { /* lines of their own, with conditions */
				more = rest;
				given = true;
			}
		} else if (value)
			rest += len;
		else if (*rest == '~')
			given = repetition(l, t.s ? t.s : "", rest, depth, &more);
		else if (*rest == '\n')
			more = rest + 1;
		if (!value && !given && !more)
			lb_text_put(&t, rest++, 1);
	}
	l->im->oom = l->im->oom || t.bad;
	if (!given && t.n && !l->over && !l->line_over && !t.bad) {
		l->made += l->given++ > 0;
		l->give(l->arg, &l->at, t.s);
	}
	lb_text_done(&t);
	return more;
}

/* ---- conditions ---- */

/* "@id rest", "@^id rest". Returns the rest; *wanted: whether the line counts. */
static const char *condition(struct lang *l, const char *s, bool *wanted)
{
	const char *id = l->source->id;
	bool not = s[1] == '^';
	size_t from = 1 + not, n = from;
	while (s[n] && s[n] != '\n' && !is_blank(s[n]))
		n++;
	const char *rest = s + n;
	while (is_blank(*rest))
		rest++;
	bool same = id && strlen(id) == n - from && memcmp(id, s + from, n - from) == 0;
	*wanted = same != not ;
	if (!id)
		imp_say(l->im, &l->at, IMP_LOST, "the line depends on the id of the node: %s without --id; see --id %s",
			*wanted ? "taken" : "left out", imp_shown(l->im, imp_strn(l->im, s + from, n - from)));
	return rest;
}

/* One line, or several of a definition, from where conditions and definitions are looked at. */
static void line(struct lang *l, const char *text, unsigned depth)
{
	while (*text && works(l, 0)) {
		bool wanted = true;
		while (is_blank(*text))
			text++;
		if (*text == '@')
			text = condition(l, text, &wanted);
		const char *eol = strchr(text, '\n'), *next = eol ? eol + 1 : "";
		const char *one = eol ? imp_strn(l->im, text, (size_t)(eol - text)) : text;
		if (*one && !definition(l, one, wanted) && wanted)
			next = feed(l, "", text, depth);
		text = next ? next : "";
	}
}

/* ---- files ---- */

static void file(struct lang *l, const char *name, const char *text, size_t len);

static int take_file(void *to, const char *name, const char *text, size_t len)
{
	struct lang *l = to;
	file(l, name, text, len);
	return l->over || l->im->oom ? -1 : 0;
}

/* The line, if it is an include, is done with. */
static bool include(struct lang *l, const char *s)
{
	static const char *const words[] = { "include", "includer", "includem", "includew", "includeb", "includea" };
	size_t n = strcspn(s, " \t"), i = 0;
	while (i < 6 && (strlen(words[i]) != n || memcmp(words[i], s, n) != 0))
		i++;
	if (i == 6)
		return false;
	struct imp_place at = l->at;
	struct ka_token pattern;
	const char *rest = s + n, *word = trimmed(l->im, rest, strlen(rest));
	if (*word == '"' || *word == '\'')
		word = ka_token(l->im, &at, &rest, &pattern) ? pattern.s : "";
	if (!*word) {
		imp_say(l->im, &at, IMP_ERROR, "%s without a file; keepalived does not start with it", words[i]);
		return true;
	}
	if (l->depth >= INCLUDE_DEPTH) {
		imp_say(l->im, &at, IMP_ERROR, "files that include each other, more than %d deep", INCLUDE_DEPTH);
		return true;
	}
	l->depth++;
	int found = l->source->include ? l->source->include(l->source->arg, at.file, word, take_file, l) : 0;
	l->depth--;
	l->at = at;
	if (found < 0)
		imp_say(l->im, &at, IMP_ERROR, "%s: %s", imp_shown(l->im, word), strerror(-found));
	else if (found == 0)
		imp_say(l->im, &at, i ? IMP_ERROR : IMP_LOST, "no file matches %s", imp_shown(l->im, word));
	return true;
}

/* Where the comment begins, or the end. */
static size_t without_comment(const char *s, size_t n)
{
	char quote = 0;
	for (size_t i = 0; i < n; i++) {
		if (quote && s[i] == '\\')
			i++;
		else if (quote)
			quote = s[i] == quote ? 0 : quote;
		else if (s[i] == '"' || s[i] == '\'')
			quote = s[i];
		else if (s[i] == '#' || s[i] == '!')
			return i;
	}
	return n;
}

static void one_line(struct lang *l, const char *s, size_t n)
{
	if (n > LINE_MAX_) {
		imp_say(l->im, &l->at, IMP_ERROR,
			"a line of %zu bytes: keepalived takes what is behind %d for another line", n, LINE_MAX_);
		return;
	}
	if (memchr(s, '\0', n)) {
		imp_say(l->im, &l->at, IMP_ERROR, "a NUL byte; the line is left out");
		return;
	}
	const char *text = trimmed(l->im, s, without_comment(s, n));
	if (l->open)
		definition_goes_on(l, text, strlen(text));
	else if (*text && !include(l, text))
		line(l, text, 0);
}

static void file(struct lang *l, const char *name, const char *text, size_t len)
{
	struct imp_place before = l->at;
	l->at = (struct imp_place){ imp_strn(l->im, name, strlen(name)), 0, l->files++ };
	while (len && !l->over && !l->im->oom) {
		const char *eol = memchr(text, '\n', len);
		size_t n = eol ? (size_t)(eol - text) : len;
		l->at.line++;
		l->line_work = l->given = 0;
		l->line_over = false;
		if (works(l, n < LINE_MAX_ ? n : LINE_MAX_))
			one_line(l, text, n);
		text += n + (eol != NULL);
		len -= n + (eol != NULL);
	}
	if (before.file)
		l->at = before;
}

void ka_lines(struct imp *im, const struct import_source *source, ka_line_fn *give, void *arg)
{
	struct lang l = { .im = im, .source = source, .give = give, .arg = arg };
	file(&l, source->name, source->text, source->len);
	if (l.open)
		imp_say(im, &l.at, IMP_ERROR, "the definition of $%s has no end", imp_shown(im, l.open_name));
	lb_vec_done(&l.defs);
	lb_text_done(&l.open_value);
}
