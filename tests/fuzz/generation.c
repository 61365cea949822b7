/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_state */
/* A generation file: what is accepted is written again byte for byte. */
#include "lbd/state/generation.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct generation g;
	struct lb_err e;
	struct lb_text out = LB_TEXT_INIT, fixed = LB_TEXT_INIT;
	/* the checksum is repaired, so that the reader behind it is reached */
	lb_text_put(&fixed, (const char *)data, size);
	lb_text_printf(&fixed, "end %016llx\n",
		(unsigned long long)generation_hash((const char *)data, size, GENERATION_HASH_INIT));
	if (!fixed.bad && generation_read(fixed.s, fixed.n, &g, &e) == 0) {
		struct generation again = { 0 };
		generation_write(&g, &out);
		if (!out.bad && (generation_read(out.s, out.n, &again, &e) || !generation_same_text(&g, &again)))
			abort();
		generation_done(&again);
		generation_done(&g);
	}
	lb_text_done(&fixed);
	lb_text_done(&out);
	return 0;
}
