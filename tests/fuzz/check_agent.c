/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check */
/* Any bytes as the line of an agent, and as a weight. What is accepted is within its limits and fit to be shown. */
#include "lbd/check/check_weight.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_agent a = { .word = CHECK_WORD_NONE };
	struct check_weight w = { .kind = CHECK_WEIGHT_NONE };
	if (check_weight_parse((const char *)data, size, &w))
		must(w.kind == CHECK_WEIGHT_VALUE || w.kind == CHECK_WEIGHT_PERCENT);
	if (!check_agent_parse((const char *)data, size, &a))
		return 0;
	must(a.word != CHECK_WORD_NONE || a.weight.kind != CHECK_WEIGHT_NONE);
	must(a.word != CHECK_WORD_DRAIN || (a.weight.kind == CHECK_WEIGHT_DRAIN && a.weight.value == 0));
	must(memchr(a.text, '\0', sizeof(a.text)) != NULL);
	for (const char *s = a.text; *s; s++)
		must(*s >= 0x20 && *s < 0x7f);
	return 0;
}
