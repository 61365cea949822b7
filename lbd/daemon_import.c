/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The edge of lbd/import: which files an include means; and what was made is checked as any configuration is. */
#include "lbd/daemon.h"
#include "lbd/import/import.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int give(const char *path, import_take_fn *take, void *to)
{
	struct lb_text raw = LB_TEXT_INIT;
	int err = state_read_path(path, CONFIG_FILE_MAX, &raw);
	if (!err && take(to, path, raw.s ? raw.s : "", raw.n))
		err = -ECANCELED; /* it wants no more, and has said why */
	lb_text_done(&raw);
	return err;
}

/* A pattern is relative to the file that it stands in. A folder that matches is none of the files. */
static int include(void *arg, const char *from, const char *pattern, import_take_fn *take, void *to)
{
	(void)arg;
	char full[8192];
	const char *slash = strrchr(from, '/');
	int dir = *pattern == '/' || !slash ? 0 : (int)(slash + 1 - from);
	if (snprintf(full, sizeof(full), "%.*s%s", dir, from, pattern) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	glob_t found;
	int err = glob(full, GLOB_BRACE | GLOB_MARK, NULL, &found), n = 0;
	if (err)
		return err == GLOB_NOMATCH ? 0 : err == GLOB_NOSPACE ? -ENOMEM : -EACCES;
	for (size_t i = 0; !err && i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		if (*path && path[strlen(path) - 1] == '/')
			continue;
		err = give(path, take, to);
		n++;
	}
	globfree(&found);
	return err && err != -ECANCELED ? err : n;
}

/* Returns whether it is one that lbd would run. */
static bool is_good(const struct import_result *r, struct lb_text *report)
{
	struct config_source made = { "the result", r->yaml.s, r->yaml.n };
	struct config *c = config_load(&made, 1, NULL, report);
	bool good = c != NULL;
	config_free(c);
	return good;
}

static int say(const struct import_result *r)
{
	struct lb_text report = LB_TEXT_INIT;
	bool good = is_good(r, &report);
	if (fwrite(r->yaml.s, 1, r->yaml.n, stdout) != r->yaml.n || fflush(stdout))
		good = false;
	if (r->summary.n)
		(void)fwrite(r->summary.s, 1, r->summary.n, stderr);
	if (report.n)
		(void)fwrite(report.s, 1, report.n, stderr);
	if (!good)
		fputs("lbd would not start with the result as it is: mend what is said above in it.\n", stderr);
	else if (r->empty)
		fputs("Nothing was found that lbd could run.\n", stderr);
	lb_text_done(&report);
	return !good || r->empty ? LB_CODE_INVALID : r->lost || r->errors ? LB_CODE_NO : LB_CODE_OK;
}

int daemon_import(const char *what, const char *path, const char *id)
{
	static const struct {
		const char *word;
		int (*fn)(const struct import_source *source, struct import_result *out);
	} rows[] = { { "keepalived", import_keepalived }, { "ipvsadm", import_ipvsadm } };
	size_t i = 0, n = sizeof(rows) / sizeof(rows[0]);
	while (i < n && strcmp(rows[i].word, what) != 0)
		i++;
	if (i == n) {
		fprintf(stderr, "lbd: cannot import '%s': keepalived, ipvsadm\n", what);
		return LB_CODE_USAGE;
	}
	struct lb_text raw = LB_TEXT_INIT;
	struct import_result r = { 0 };
	struct lb_err e;
	const char *name;
	int err = state_read_word(path, CONFIG_FILE_MAX, &raw, &name), code = LB_CODE_INVALID;
	if (err == -ENOENT) {
		fprintf(stderr, "%s: no such file; check the name, or give - for standard input\n", name);
	} else if (err) {
		lb_err_file(&e, LB_CODE_INVALID, name, -err);
		fprintf(stderr, "%s\n", e.text);
	} else {
		struct import_source source = { name, raw.s ? raw.s : "", raw.n, id, include, NULL };
		err = rows[i].fn(&source, &r);
		if (err)
			fprintf(stderr, "lbd: %s\n", strerror(-err));
		code = err ? LB_CODE_FAILED : say(&r);
	}
	import_result_done(&r);
	lb_text_done(&raw);
	return code;
}
