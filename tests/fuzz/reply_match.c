/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check lb_common */
/*
 * Any reply against any pattern and any bytes to be found. Byte 0: what is wanted and how the reply is cut; byte 1: the
 * length of the pattern; byte 2: that of the bytes. However it is cut, the end says the same, and the search for bytes
 * says what memmem says.
 */
#include "common/buf.h"
#include "lbd/check/check_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_MOST 65536u /* CHECK_REPLY_MAX: behind it nothing is looked at */

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The answer at the end of a reply that came in pieces of `cut`. */
static enum check_reply_say answer(const struct check_params *p, const uint8_t *reply, size_t n, size_t cut)
{
	struct check_reply r = { 0 };
	if (check_reply_init(&r, p))
		return CHECK_REPLY_NOMEM;
	enum check_reply_say say = CHECK_REPLY_OPEN;
	while (n && say == CHECK_REPLY_OPEN) {
		size_t piece = n > cut ? cut : n;
		say = check_reply_feed(&r, (const char *)reply, piece, n == piece);
		reply += piece;
		n -= piece;
	}
	if (say == CHECK_REPLY_OPEN)
		say = check_reply_search(&r);
	check_reply_done(&r);
	check_reply_done(&r);
	return say;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	size_t n_regex = data[0] & 1 ? data[1] : 0, n_bytes = data[0] & 2 ? data[2] : 0, cut = 1u + (data[0] >> 2);
	const char *at = (const char *)data + 3;
	if (size - 3 < n_regex + n_bytes)
		return 0;
	struct lb_text t = LB_TEXT_INIT;
	bool fits = true;
	if (n_bytes)
		fits = check_param_put(&t, CHECK_PARAM_EXPECT, at, n_bytes) == 0;
	if (fits && n_regex)
		fits = check_param_put(&t, CHECK_PARAM_EXPECT_REGEX, at + n_bytes, n_regex) == 0;
	struct check_params p = { (const uint8_t *)t.s, (uint32_t)t.n };
	if (fits && t.n && check_reply_wanted(&p)) {
		const uint8_t *reply = (const uint8_t *)at + n_bytes + n_regex;
		size_t n = size - 3 - n_bytes - n_regex;
		must(check_params_ok(p.bytes, p.n));
		enum check_reply_say one = answer(&p, reply, n, REPLY_MOST), two = answer(&p, reply, n, cut);
		/* a pattern may match before all is there, and reach its limit only on the whole */
		if (!n_regex)
			must(one == two);
		if (!n_regex && n < REPLY_MOST)
			must((one == CHECK_REPLY_SEEN) == (memmem(reply, n, at, n_bytes) != NULL));
	}
	lb_text_done(&t);
	return 0;
}
