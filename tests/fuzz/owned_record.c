/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_state */
/* Any bytes as the record of the listeners that are ours, after a first line that is right: what is read is in order,
 * is there once, and written anew it reads as the same. */
#include "lbd/state/owned.h"

#include <stdlib.h>

#define BOOT "0d1f6c1e-5d0e-4b8e-9d53-0e3f0d6f3a11"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lb_text text = LB_TEXT_INIT;
	struct owned_keys keys, back, none;
	if (owned_read((const char *)data, size, BOOT, &none))
		abort();
	owned_done(&none);
	owned_write_head(&text, BOOT);
	lb_text_put(&text, (const char *)data, size);
	if (text.bad || owned_read(text.s, text.n, BOOT, &keys))
		abort();
	for (size_t i = 1; i < keys.keys.n; i++)
		if (ipvs_key_cmp(&keys.keys.v[i - 1], &keys.keys.v[i]) >= 0)
			abort();
	lb_text_clear(&text);
	owned_write_head(&text, BOOT);
	for (size_t i = keys.keys.n; i; i--)
		owned_write_add(&text, &keys.keys.v[i - 1]);
	if (owned_read(text.s, text.n, BOOT, &back) || back.keys.n != keys.keys.n)
		abort();
	for (size_t i = 0; i < keys.keys.n; i++)
		if (ipvs_key_cmp(&back.keys.v[i], &keys.keys.v[i]) != 0)
			abort();
	owned_done(&keys);
	owned_done(&back);
	lb_text_done(&text);
	return 0;
}
