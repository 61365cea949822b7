/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/ustar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512u

struct header { /* all text; numbers are octal */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static void zeros(struct lb_text *out, size_t n)
{
	static const char block[BLOCK];
	for (; n > BLOCK; n -= BLOCK)
		lb_text_put(out, block, BLOCK);
	lb_text_put(out, block, n);
}

static void octal(char *to, size_t size, unsigned long long v)
{
	char text[24];
	snprintf(text, sizeof(text), "%0*llo", (int)size - 1, v);
	memcpy(to, text, size);
}

int ustar_file(struct lb_text *out, const char *name, const char *text, size_t n, int64_t mtime_s)
{
	struct header h = { .type = '0', .magic = "ustar", .version = { '0', '0' }, .user = "root", .group = "root" };
	unsigned sum = 0;
	size_t len = strlen(name);
	if (len == 0 || len >= sizeof(h.name) || n > 077777777777ull)
		return -EINVAL;
	memcpy(h.name, name, len);
	octal(h.mode, sizeof(h.mode), 0600);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), n);
	octal(h.mtime, sizeof(h.mtime), mtime_s > 0 ? (unsigned long long)mtime_s : 0);
	memset(h.sum, ' ', sizeof(h.sum)); /* as blanks it is part of its own sum */
	for (size_t i = 0; i < BLOCK; i++)
		sum += ((const unsigned char *)&h)[i];
	octal(h.sum, 7, sum);
	lb_text_put(out, (const char *)&h, sizeof(h));
	lb_text_put(out, text, n);
	if (n % BLOCK)
		zeros(out, BLOCK - n % BLOCK);
	return 0;
}

void ustar_end(struct lb_text *out)
{
	zeros(out, 2 * BLOCK);
}
