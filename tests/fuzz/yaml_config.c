/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_config */
/* Any bytes: refused with errors that lie inside the file, or accepted and then print(c) means the same as c. */
#include "lbd/config/config_diff.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(const struct config_change *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

static void check_place(const struct config_error *e, const char *s, size_t n)
{
	uint32_t line = 1, column = 1;
	size_t off = 0;
	for (; off < n && line < e->line; off++)
		line += s[off] == '\n' || (s[off] == '\r' && (off + 1 == n || s[off + 1] != '\n'));
	for (; off < n && column < e->column; off++)
		column++;
	if (e->line && (line != e->line || column != e->column || e->column == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_source source = { "fuzz", (const char *)data, size };
	struct lb_text text = LB_TEXT_INIT;
	/* some of the seeds have a node of that name */
	struct config_load *l = config_load_new(&source, 1, size % 3 ? NULL : "a");
	while (config_load_step(l, size % 7 + 1) > 0)
		;
	size_t n, more;
	const struct config_error *e = config_load_errors(l, &n, &more);
	for (size_t i = 0; i < n; i++)
		check_place(&e[i], source.text, size);
	size_t errors = config_load_report(l, &text);
	struct config *c = config_load_take(l), *d = NULL;
	if (!c != !!errors)
		abort();
	if (c) {
		lb_text_clear(&text);
		config_print(c, &text);
		d = config_load(&(struct config_source){ "printed", text.s, text.n }, 1, NULL, NULL);
		if (!d || config_diff(c, d, ignore, NULL) != 0 || config_diff(d, c, ignore, NULL) != 0)
			abort();
		for (uint32_t i = 0; i < c->n_services; i++)
			if (c->services[i].digest != d->services[i].digest)
				abort();
		for (uint32_t i = 0; i < c->n_vrrp; i++)
			if (c->vrrp[i].digest != d->vrrp[i].digest)
				abort();
	}
	config_free(c);
	config_free(d);
	config_load_free(l);
	lb_text_done(&text);
	return 0;
}
