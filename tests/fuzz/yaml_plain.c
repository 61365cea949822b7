/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_config */
/* Any bytes: where the plain reader succeeds, libyaml makes the same tree of them and has nothing to say. */
#include "tests/unit/lbd_config/tree.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree a, b;
	tree_read(&a, (const char *)data, size, false);
	if (a.root && config_yaml_was_plain(a.yaml)) {
		tree_read(&b, (const char *)data, size, true);
		if (!b.root || a.nodes != b.nodes || !tree_same(a.root, b.root))
			abort();
		tree_done(&b);
	}
	tree_done(&a);
	return 0;
}
