/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * golden_config DIR [--update]: every configuration below DIR against what is expected of it.
 *   config/ok/X.yaml   accepted; X.effective is the printed form, which must read back as the same
 *   config/bad/X.yaml  refused; X.report is the report
 *   hostile/X.yaml     the first line of its report, or "accepted", stands in hostile/expected
 * A directory in place of X.yaml is a configuration of several files.
 * and, made here because they are large, the files of `huge`.
 */
#include "common/vec.h"
#include "lbd/config/config_diff.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool update;
static unsigned failures, cases;

struct set { /* the files of one configuration */
	struct config_source *v;
	size_t n, cap;
};

static void fail(const char *what, const char *name, const char *got, const char *want)
{
	failures++;
	printf("FAIL %s: %s\n--- got\n%s\n--- want\n%s\n", name, what, got, want);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	struct lb_text t = LB_TEXT_INIT;
	char buf[4096];
	size_t n;
	lb_text_put(&t, "", 0);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		lb_text_put(&t, buf, n);
	fclose(f);
	*len = t.n;
	return t.s;
}

/* As slurp, in a block of exactly that size, so that the sanitizer sees a read past the end. */
static char *slurp_exact(const char *path, size_t *len)
{
	char *s = slurp(path, len), *exact = malloc(*len ? *len : 1);
	memcpy(exact, s, *len);
	free(s);
	return exact;
}

static void spill(const char *path, const char *s, size_t n)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(s, 1, n, f) != n || fclose(f)) {
		perror(path);
		exit(2);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of a directory, sorted; 0 when there is none of that name. */
static size_t list(const char *dir, char ***out)
{
	LB_VEC(char *) names = { 0 };
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			*lb_vec_push(&names) = strdup(e->d_name);
	if (d)
		closedir(d);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	*out = names.v;
	return names.n;
}

static void add_file(struct set *set, const char *dir, const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	struct config_source *s = lb_vec_push(set);
	s->name = strdup(name);
	s->text = slurp_exact(path, &s->len);
}

static void set_done(struct set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		free((void *)(uintptr_t)set->v[i].name);
		free((void *)(uintptr_t)set->v[i].text);
	}
	lb_vec_done(set);
}

/* A file, or a directory of files. False: neither. */
static bool open_case(const char *dir, const char *name, struct set *set, char stem[256])
{
	size_t n = strlen(name);
	char path[1024];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (n > 5 && strcmp(name + n - 5, ".yaml") == 0) {
		snprintf(stem, 256, "%.*s", (int)(n - 5), name);
		add_file(set, dir, name);
		return true;
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return false;
	snprintf(stem, 256, "%s", name);
	char **names;
	size_t count = list(path, &names);
	for (size_t i = 0; i < count; i++) {
		add_file(set, path, names[i]);
		free(names[i]);
	}
	free(names);
	return true;
}

/* Every error must point into its file: people and editors jump there. */
static void check_places(const char *name, const struct set *set, const struct config_load *l)
{
	size_t n, more;
	const struct config_error *e = config_load_errors(l, &n, &more);
	for (size_t i = 0; i < n; i++) {
		const struct config_source *s = set->v;
		while (s < set->v + set->n - 1 && strcmp(s->name, e[i].file) != 0)
			s++;
		uint32_t line = 1, column = 1;
		size_t off = 0;
		for (; off < s->len && line < e[i].line; off++)
			line += s->text[off] == '\n' ||
				(s->text[off] == '\r' && (off + 1 == s->len || s->text[off + 1] != '\n'));
		for (; off < s->len && column < e[i].column && s->text[off] != '\n'; off++)
			column++;
		char place[64];
		snprintf(place, sizeof(place), "%u:%u", e[i].line, e[i].column);
		/* the column after the last character is where something is missing */
		if (e[i].line && (line != e[i].line || column < e[i].column || off > s->len || e[i].column == 0))
			fail("a place outside the file", name, place, e[i].text);
		if (strlen(e[i].excerpt) && e[i].caret > strlen(e[i].excerpt))
			fail("a caret outside the excerpt", name, place, e[i].excerpt);
	}
}

static struct config *load_as(
	const char *node, const char *name, const struct set *set, struct lb_text *report, unsigned budget)
{
	struct config_load *l = config_load_new(set->v, set->n, node);
	while (config_load_step(l, budget) > 0)
		;
	lb_text_put(report, "", 0);
	size_t errors = config_load_report(l, report);
	check_places(name, set, l);
	struct config *c = config_load_take(l);
	if (!c != !!errors)
		fail("a tree and errors, or neither", name, report->s, "");
	config_load_free(l);
	return c;
}

static struct config *load(const char *name, const struct set *set, struct lb_text *report, unsigned budget)
{
	return load_as(NULL, name, set, report, budget);
}

static void count_change(const struct config_change *ch, void *arg)
{
	printf("  changed: %s %s: %s -> %s\n", ch->object, ch->key, ch->before, ch->after);
	(void)arg;
}

static void expect(const char *path, const char *name, const struct lb_text *got)
{
	size_t len = 0;
	char *want = slurp(path, &len);
	if (update)
		spill(path, got->s, got->n);
	else if (!want || len != got->n || memcmp(want, got->s, len) != 0)
		fail("differs", name, got->s, want ? want : "(no file)");
	free(want);
}

/* parse(print(c)) == c */
static void check_print(const char *name, const struct config *c, const struct lb_text *printed)
{
	struct lb_text report = LB_TEXT_INIT;
	struct set again = { 0 };
	*(struct config_source *)lb_vec_push(&again) = (struct config_source){ "printed", printed->s, printed->n };
	struct config *d = load(name, &again, &report, 4096);
	if (!d)
		fail("its effective form is refused", name, report.s, printed->s);
	else if (config_diff(c, d, count_change, NULL) != 0 || config_diff(d, c, count_change, NULL) != 0)
		fail("its effective form means something else", name, printed->s, "");
	for (uint32_t i = 0; d && i < c->n_services && i < d->n_services; i++)
		if (c->services[i].digest != d->services[i].digest)
			fail("its effective form has another digest", name, c->services[i].name, "");
	for (uint32_t i = 0; d && i < c->n_vrrp && i < d->n_vrrp; i++)
		if (c->vrrp[i].digest != d->vrrp[i].digest)
			fail("its effective form has another digest", name, c->vrrp[i].name, "");
	config_free(d);
	lb_vec_done(&again);
	lb_text_done(&report);
}

/* On each of its nodes it is accepted, too, and prints to something that means what it is there. */
static void check_nodes(const char *name, const struct config *c, const struct set *set)
{
	for (uint32_t i = 0; i < c->cluster.n_nodes; i++) {
		struct lb_text report = LB_TEXT_INIT, printed = LB_TEXT_INIT;
		struct config *here = load_as(c->cluster.nodes[i].name, name, set, &report, 4096);
		if (!here) {
			fail("refused by a node", name, report.s, c->cluster.nodes[i].name);
		} else {
			config_print(here, &printed);
			check_print(name, here, &printed);
		}
		config_free(here);
		lb_text_done(&report);
		lb_text_done(&printed);
	}
}

static void run_ok(const char *dir, const char *entry)
{
	struct set set = { 0 };
	struct lb_text report = LB_TEXT_INIT, printed = LB_TEXT_INIT;
	char stem[256], path[1024];
	if (open_case(dir, entry, &set, stem)) {
		struct config *c = load(entry, &set, &report, 4096), *slow = load(entry, &set, &report, 1);
		cases++;
		if (!c || !slow) {
			fail("refused", entry, report.s, "");
		} else {
			config_print(c, &printed);
			snprintf(path, sizeof(path), "%s/%s.effective", dir, stem);
			expect(path, entry, &printed);
			check_print(entry, c, &printed);
			check_nodes(entry, c, &set);
			if (config_diff(c, slow, count_change, NULL) != 0)
				fail("small slices give something else", entry, "", "");
		}
		config_free(c);
		config_free(slow);
	}
	set_done(&set);
	lb_text_done(&report);
	lb_text_done(&printed);
}

static void run_bad(const char *dir, const char *entry)
{
	struct set set = { 0 };
	struct lb_text report = LB_TEXT_INIT, slow = LB_TEXT_INIT;
	char stem[256], path[1024];
	if (open_case(dir, entry, &set, stem)) {
		struct config *c = load(entry, &set, &report, 4096), *d = load(entry, &set, &slow, 1);
		cases++;
		if (c)
			fail("accepted", entry, report.s, "");
		if (strcmp(report.s, slow.s) != 0)
			fail("small slices report something else", entry, slow.s, report.s);
		snprintf(path, sizeof(path), "%s/%s.report", dir, stem);
		expect(path, entry, &report);
		config_free(c);
		config_free(d);
	}
	set_done(&set);
	lb_text_done(&report);
	lb_text_done(&slow);
}

/* The first error of a report, or "accepted". */
static void first_line(const char *name, const struct set *set, struct lb_text *out)
{
	struct lb_text report = LB_TEXT_INIT, printed = LB_TEXT_INIT;
	struct config *c = load(name, set, &report, 4096);
	cases++;
	if (c) {
		config_print(c, &printed);
		check_print(name, c, &printed);
		lb_text_puts(out, "accepted");
	} else {
		const char *line = report.s;
		while (strchr(line, '\n') && (*line == ' ' || memmem(line, strcspn(line, "\n"), ": warning: ", 11)))
			line = strchr(line, '\n') + 1;
		lb_text_put(out, line, strcspn(line, "\n"));
	}
	config_free(c);
	lb_text_done(&report);
	lb_text_done(&printed);
}

static void run_hostile(const char *dir)
{
	struct lb_text got = LB_TEXT_INIT;
	char **names, path[1100];
	size_t n = list(dir, &names);
	for (size_t i = 0; i < n; i++) {
		struct set set = { 0 };
		char stem[256];
		if (open_case(dir, names[i], &set, stem)) {
			struct lb_text line = LB_TEXT_INIT;
			first_line(names[i], &set, &line);
			/* an error starts with the name of its file */
			if (strcmp(line.s, "accepted") == 0)
				lb_text_printf(&got, "%s: ", names[i]);
			lb_text_printf(&got, "%s\n", line.s);
			lb_text_done(&line);
		}
		set_done(&set);
		free(names[i]);
	}
	free(names);
	snprintf(path, sizeof(path), "%.1000s/expected", dir);
	expect(path, "hostile", &got);
	lb_text_done(&got);
}

static void repeat(struct lb_text *t, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		lb_text_puts(t, s);
}

/* Inputs on which libyaml alone is slow, deep or large: what counts is that an answer comes at all. */
static const struct {
	const char *what;
	const char *head, *body;
	size_t times;
	const char *tail, *want; /* the beginning of the first error */
} huge[] = {
	{ "100,000 lists in one line", "a: ", "[", 100000, "", "huge:1:35: error: more than 32 levels (a" },
	{ "100,000 mappings in one line", "a: ", "{a: ", 100000, "", "huge:1:128: error: more than 32 levels (a.a" },
	{ "100,000 lists by dashes", "a:\n ", "- ", 100000, "x", "huge:2:64: error: more than 32 levels (a" },
	{ "100,000 explicit keys", "", "? ", 100000, "x", "huge:1:3: error: a key must be a word" },
	{ "300,000 directives", "", "%TAG !a! b\n", 300000, "---\na: b",
		"huge:1:1: error: a directive is not allowed" },
	{ "300,000 directives after the document", "a: b\n...\n", "%TAG !a! b\n", 300000, "---\n",
		"huge:3:1: error: a directive is not allowed" },
	{ "a word of 4 MB", "services: {a: {mode: ", "0123456789abcdef", 250000, "}}",
		"huge:1:12: error: this service has no backends" },
	{ "a key of 4 MB", "", "0123456789abcdef", 250000, ": b", "huge:1:1: error: the top level must be a mapping" },
	{ "a comment of 4 MB", "#", "0123456789abcdef", 250000, "\nservices: {}", "accepted" },
	{ "4 MB of blanks", "services: {}", "                ", 250000, "", "accepted" },
	{ "4 MB of blank lines", "services: {}", "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 250000, "", "accepted" },
	{ "one byte too large", "services: {}#", "0123456789abcde\n", 1048576, "",
		"huge: error: the file is larger than 16 MiB" },
	{ "too many nodes", "a: [", "a,", 1100000, "]", "huge:1:1999999: error: more than 1000000 keys and values" },
	{ "500,000 unknown keys", "services: {a: {", "{x: y}: 1,\n", 300000, "}}",
		"huge:1:16: error: a key must be a word" },
	{ "500,000 equal keys", "", "abc: 1\n", 400000, "", "huge:1:1: error: unknown key 'abc' in the file" },
	{ "500,000 nulls", "a: [", "~,", 490000, "]", "huge:1:1: error: unknown key 'a' in the file" },
	{ "400,000 aliases", "services: [", "*a,", 400000, "]", "huge:1:11: error: services is a list" },
	{ "200,000 anchors", "services: [", "&a b,", 200000, "]", "huge:1:11: error: services is a list" },
	{ "one quote and 4 MB", "a: '", "''''''''''''''''", 250000, "", "huge:1:4000005: error: found unexpected end" },
	{ "escapes without end", "a: \"", "\\\"\\\"\\\"\\\"", 475000, "",
		"huge:1:3800005: error: found unexpected end" },
	{ "a folded scalar of 4 MB", "a: >\n", "  0123456789abc\n", 250000, "", "huge:1:1: error: unknown key 'a'" },
	{ "a literal of empty lines", "a: |\n", "\n\n\n\n\n\n\n\n", 475000, "  x", "huge:1:1: error: unknown key 'a'" },
};

static void run_made(const char *what, const struct lb_text *t, const char *want)
{
	struct lb_text line = LB_TEXT_INIT;
	struct set set = { 0 };
	*(struct config_source *)lb_vec_push(&set) = (struct config_source){ "huge", t->s, t->n };
	first_line(what, &set, &line);
	if (strncmp(line.s, want, strlen(want)) != 0)
		fail("another first line", what, line.s, want);
	lb_vec_done(&set);
	lb_text_done(&line);
}

static void run_huge(void)
{
	struct lb_text t = LB_TEXT_INIT;
	for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
		lb_text_clear(&t);
		lb_text_puts(&t, huge[i].head);
		repeat(&t, huge[i].body, huge[i].times);
		lb_text_puts(&t, huge[i].tail);
		run_made(huge[i].what, &t, huge[i].want);
	}
	lb_text_clear(&t);
	lb_text_puts(&t, "a: \"x\n");
	repeat(&t, "\n", 8000000);
	repeat(&t, "y\n", 4000000);
	run_made("many blank lines and then many words in one text", &t,
		"huge:8000001:1: error: 8000001 blanks or blank");
	lb_text_clear(&t);
	lb_text_puts(&t, "a: x");
	repeat(&t, "        ", 1000000);
	repeat(&t, "y ", 4000000);
	run_made("many blanks and then many words in one text", &t, "huge:1:8000004: error: 8000000 blanks or blank");
	lb_text_clear(&t);
	lb_text_puts(&t, "a: \"x");
	repeat(&t, "\n", 256);
	repeat(&t, "y ", 8000000);
	run_made("as many as are allowed", &t, "huge:257:16000001: error: found unexpected end of stream");
	lb_text_done(&t);
}

static void each(const char *dir, void (*run)(const char *dir, const char *entry))
{
	char **names;
	size_t n = list(dir, &names);
	if (!n)
		fail("no cases", dir, "", "");
	for (size_t i = 0; i < n; i++) {
		run(dir, names[i]);
		free(names[i]);
	}
	free(names);
}

static int end(void)
{
	printf("%u cases, %u failures\n", cases, failures);
	return failures || !cases ? 1 : 0;
}

int main(int argc, char **argv)
{
	char path[1024];
	if (argc < 2) {
		fprintf(stderr, "usage: golden_config DIR [--update]\n       golden_config DIR --huge\n");
		return 2;
	}
	if (argc > 2 && strcmp(argv[2], "--huge") == 0) {
		run_huge();
		return end();
	}
	update = argc > 2 && strcmp(argv[2], "--update") == 0;
	snprintf(path, sizeof(path), "%s/config/ok", argv[1]);
	each(path, run_ok);
	snprintf(path, sizeof(path), "%s/config/bad", argv[1]);
	each(path, run_bad);
	snprintf(path, sizeof(path), "%s/hostile", argv[1]);
	run_hostile(path);
	return end();
}
