/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbctl_core */
/* Any bytes as what lbctl makes a screen, an archive without secrets, or one with other addresses of. */
#include "lbctl/anon.h"
#include "lbctl/top.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct lb_text out = LB_TEXT_INIT;
	struct anon *a = anon_new();
	struct top *t = top_new(size & 1);
	struct top_view v = { .by = TOP_INBYTES };
	const struct columns_look look = { .width = 80 };
	if (a && t) {
		anon_secrets(text, size, &out);
		anon_config(text, size, &out);
		anon_text(a, text, size, &out);
		for (int i = 0; i < 2; i++) {
			top_begin(t, (struct lb_time){ 1000000 * (i + 1) });
			top_lines(t, text, size / 2);
			top_lines(t, text + size / 2, size - size / 2);
			(void)top_end(t);
		}
		(void)top_keys(&v, text, size, 10, top_count(t));
		top_sort(t, v.by, v.reverse);
		top_print(t, v.from, 10, v.by, &look, &out);
	}
	top_free(t);
	anon_free(a);
	lb_text_done(&out);
	return 0;
}
