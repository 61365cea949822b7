/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_import lbd_config */
/* Any bytes as a configuration of keepalived, and as rules of ipvsadm. The import ends, and what it prints is a file
 * that lbd reads, or says of it what is wrong in words: never that it is not YAML. Included files are the input itself.
 */
#include "lbd/config/config.h"
#include "lbd/import/import.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *text;
	size_t len;
	unsigned left;
};

static int include(void *arg, const char *from, const char *pattern, import_take_fn *take, void *to)
{
	struct input *in = arg;
	if (!*from || !*pattern)
		abort();
	if (in->left == 0)
		return 0;
	in->left--;
	take(to, "dir/included", in->text, in->len / 2);
	return 1;
}

/* Every byte that is not a line break can be seen. */
static void readable(const struct lb_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (((uint8_t)t->s[i] < 0x20 && t->s[i] != '\n') || t->s[i] == 0x7f)
			abort();
}

static void check(const struct import_result *r)
{
	struct config_source made = { "made", r->yaml.s, r->yaml.n };
	struct lb_text report = LB_TEXT_INIT;
	struct config *c = config_load(&made, 1, NULL, &report);
	readable(&r->yaml);
	readable(&r->summary);
	if (!c && !report.n)
		abort();
	/* what libyaml and the rules of plain documents say */
	static const char *const never[] = { "did not find", "found unexpected", "found character", "duplicate key",
		"could not find", "mapping values", "unknown key", "UTF-8", "must be a mapping", "control character" };
	for (size_t i = 0; !c && i < sizeof(never) / sizeof(never[0]); i++)
		if (memmem(report.s, report.n, never[i], strlen(never[i])))
			abort();
	config_free(c);
	lb_text_done(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const imports[])(
		const struct import_source *source, struct import_result *out) = { import_keepalived, import_ipvsadm };
	char *text = malloc(size ? size : 1);
	memcpy(text, data, size);
	for (size_t i = 0; i < 2; i++) {
		struct input in = { text, size, 4 };
		struct import_source source = { "dir/input", text, size, size % 3 ? "a" : NULL, include, &in };
		struct import_result r = { 0 };
		if (imports[i](&source, &r) == 0)
			check(&r);
		import_result_done(&r);
	}
	free(text);
	return 0;
}
