/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations of one node among others, and the file with their key. */
#pragma once

#include "tests/unit/lbd_model/fixture.h"

#define KEY       "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define OTHER_KEY "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define KEY_FILE  ", key_file: /k"

static const char *key_text; /* NULL: it cannot be read */
static unsigned reads;

static inline int read_key(const char *path, struct lb_text *out, struct lb_err *e, void *arg)
{
	(void)arg;
	reads++;
	if (!key_text)
		return lb_err_set(e, LB_CODE_INVALID, "%s: No such file", path);
	lb_text_puts(out, key_text);
	return 0;
}
