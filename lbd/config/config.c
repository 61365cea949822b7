/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config.h"

#include "lbd/config/config_build.h"
#include "lbd/config/config_yaml.h"

#include <stdlib.h>
#include <string.h>

const char *const config_states[CONFIG_STATE_COUNT] = {
	[CONFIG_STATE_ENABLED] = "enabled",
	[CONFIG_STATE_DRAIN] = "drain",
	[CONFIG_STATE_MAINT] = "maint",
};

enum stage { STAGE_FILES, STAGE_DIGEST, STAGE_MERGE, STAGE_SERVICES, STAGE_RULES, STAGE_DONE };

struct config_load {
	enum stage stage;
	struct config_report report;
	struct config_source *sources;
	struct config_node **roots; /* per source; NULL where reading failed */
	struct config_yaml *yaml;   /* of the file being read */
	size_t file, bytes;         /* it, and what was read up to it */
	struct config_walk walk;    /* over the tree of that file */
	size_t nodes;
	bool unread; /* some file has no tree: rules across keys would complain about what it may hold */
	struct lb_arena tree;
	struct config_builder b;
	struct config *c;
};

static const struct config_error no_memory = {
	.file = "", .width = 1, .text = "out of memory", .path = "", .help = "", .excerpt = ""
};

struct config_load *config_load_new(const struct config_source *sources, size_t n, const char *node)
{
	struct config_load *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->sources = calloc(n ? n : 1, sizeof(*l->sources));
	l->roots = calloc(n ? n : 1, sizeof(*l->roots));
	l->c = calloc(1, sizeof(*l->c));
	if (!l->sources || !l->roots || !l->c) {
		config_load_free(l);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		l->sources[i] = sources[i];
	config_report_init(&l->report, l->sources, n);
	if (config_builder_init(&l->b, &l->report, &l->tree, l->c)) {
		config_load_free(l);
		return NULL;
	}
	l->b.node = node && node[0] ? node : NULL;
	return l;
}

void config_load_ran(struct config_load *l)
{
	l->b.ran = true;
}

void config_load_free(struct config_load *l)
{
	if (!l)
		return;
	config_yaml_free(l->yaml);
	config_builder_done(&l->b);
	config_report_done(&l->report);
	lb_arena_done(&l->tree);
	config_free(l->c);
	free(l->sources);
	free(l->roots);
	free(l);
}

static void next_file(struct config_load *l)
{
	config_yaml_free(l->yaml);
	l->yaml = NULL;
	l->file++;
}

/* Whether the file that comes is one more than there may be, or too much. */
static bool too_many(struct config_load *l)
{
	struct config_finding f = { .at = { .file = (uint32_t)l->file } };
	if (l->file >= CONFIG_SOURCES_MAX) {
		f.help = "put several services into one file";
		config_report_add(&l->report, &f, "more than %u files", CONFIG_SOURCES_MAX);
		return true;
	}
	l->bytes += l->yaml ? 0 : l->sources[l->file].len;
	if (l->bytes <= CONFIG_TEXTS_MAX)
		return false;
	f.help = "take out comments, or what is there twice";
	config_report_add(&l->report, &f, "with this file they are larger than %u MiB", CONFIG_TEXTS_MAX >> 20);
	return true;
}

static void step_file(struct config_load *l, unsigned budget)
{
	if (l->file == l->report.n_sources) {
		l->stage = l->unread ? STAGE_DONE : STAGE_DIGEST;
		l->file = 0;
		config_walk_init(&l->walk, l->file < l->report.n_sources ? l->roots[l->file] : NULL);
		return;
	}
	if (too_many(l)) {
		l->stage = STAGE_DONE;
		return;
	}
	if (!l->yaml)
		l->yaml = config_yaml_new((uint32_t)l->file, &l->sources[l->file], &l->tree, &l->report, &l->nodes);
	if (!l->yaml) {
		l->report.oom = true;
		return;
	}
	int rc = config_yaml_step(l->yaml, budget);
	if (rc > 0)
		return;
	l->roots[l->file] = rc == 0 ? config_yaml_root(l->yaml) : NULL;
	l->unread |= rc != 0;
	next_file(l);
}

/* A sum: in which order the files come is a matter of their names. */
static void step_digest(struct config_load *l, unsigned budget)
{
	if (l->file < l->report.n_sources && config_walk_step(&l->walk, budget))
		return;
	l->c->digest += l->walk.h;
	if (++l->file < l->report.n_sources)
		config_walk_init(&l->walk, l->roots[l->file]);
	else
		l->stage = STAGE_MERGE;
}

static void merge(struct config_load *l)
{
	for (size_t i = 0; i < l->report.n_sources; i++)
		config_merge_file(&l->b, l->roots[i]);
	config_merge_finish(&l->b);
	config_build_settings(&l->b);
	config_build_cluster(&l->b);
	config_build_checks(&l->b);
	config_build_vrrp(&l->b);
	config_build_multicast(&l->b);
	config_build_hooks(&l->b);
}

static void finish(struct config_load *l)
{
	if (!l->report.oom && l->report.errors.n == 0)
		config_build_finish(&l->b);
	config_report_finish(&l->report);
	config_builder_done(&l->b);
	lb_arena_done(&l->tree);
	l->stage = STAGE_DONE;
}

int config_load_step(struct config_load *l, unsigned budget)
{
	if (l->stage == STAGE_DONE)
		return 0;
	switch (l->stage) {
	case STAGE_FILES: step_file(l, budget ? budget : 1); break;
	case STAGE_DIGEST: step_digest(l, budget ? budget : 1); break;
	case STAGE_MERGE:
		merge(l);
		l->stage = STAGE_SERVICES;
		break;
	case STAGE_SERVICES:
		if (!config_build_services(&l->b, budget ? budget : 1))
			l->stage = STAGE_RULES;
		break;
	case STAGE_RULES:
		config_rules_all(&l->b);
		config_rules_sync(&l->b);
		config_rules_sources(&l->b);
		config_rules_tracks(&l->b);
		l->stage = STAGE_DONE;
		break;
	case STAGE_DONE: break;
	}
	if (l->report.oom || l->stage == STAGE_DONE) {
		finish(l);
		return 0;
	}
	return 1;
}

struct config *config_load_take(struct config_load *l)
{
	if (l->stage != STAGE_DONE || l->report.oom || l->report.errors.n)
		return NULL;
	struct config *c = l->c;
	l->c = NULL;
	return c;
}

const struct config_error *config_load_errors(const struct config_load *l, size_t *n, size_t *more)
{
	*more = l->report.errors.more + l->report.warnings.more;
	*n = l->report.oom ? 1 : l->report.n_out;
	return l->report.oom ? &no_memory : l->report.out;
}

size_t config_load_report(const struct config_load *l, struct lb_text *out)
{
	size_t n, more, errors = l->report.errors.n + l->report.errors.more;
	const struct config_error *e = config_load_errors(l, &n, &more);
	for (size_t i = 0; i < n; i++)
		config_error_print(&e[i], out);
	if (l->report.errors.more)
		lb_text_printf(out, "%zu more error%s\n", l->report.errors.more, l->report.errors.more == 1 ? "" : "s");
	if (l->report.warnings.more)
		lb_text_printf(
			out, "%zu more warning%s\n", l->report.warnings.more, l->report.warnings.more == 1 ? "" : "s");
	return l->report.oom ? 1 : errors;
}

static struct config *load_all(
	const struct config_source *sources, size_t n, const char *node, bool ran, struct lb_text *report)
{
	struct config_load *l = config_load_new(sources, n, node);
	if (!l) {
		if (report)
			config_error_print(&no_memory, report);
		return NULL;
	}
	if (ran)
		config_load_ran(l);
	while (config_load_step(l, 4096) > 0)
		;
	if (report)
		config_load_report(l, report);
	struct config *c = config_load_take(l);
	config_load_free(l);
	return c;
}

struct config *config_load(const struct config_source *sources, size_t n, const char *node, struct lb_text *report)
{
	return load_all(sources, n, node, false, report);
}

struct config *config_load_again(
	const struct config_source *sources, size_t n, const char *node, struct lb_text *report)
{
	return load_all(sources, n, node, true, report);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	lb_arena_done(&c->arena);
	free(c);
}

static int service_cmp(const void *x, const void *y)
{
	return strcmp(x, ((const struct config_service *)y)->name);
}

const struct config_service *config_service_find(const struct config *c, const char *name)
{
	return c->n_services ? bsearch(name, c->services, c->n_services, sizeof(*c->services), service_cmp) : NULL;
}

static int vrrp_cmp(const void *x, const void *y)
{
	return strcmp(x, ((const struct config_vrrp *)y)->name);
}

const struct config_vrrp *config_vrrp_find(const struct config *c, const char *name)
{
	return c->n_vrrp ? bsearch(name, c->vrrp, c->n_vrrp, sizeof(*c->vrrp), vrrp_cmp) : NULL;
}

static int backend_cmp(const void *x, const void *y)
{
	return strcmp(x, (*(const struct config_backend *const *)y)->name);
}

const struct config_backend *config_backend_find(const struct config_service *s, const char *name)
{
	const struct config_backend *const *at = NULL;
	if (s->n_backends)
		at = bsearch(name, s->by_name, s->n_backends, sizeof(const struct config_backend *), backend_cmp);
	return at ? *at : NULL;
}
