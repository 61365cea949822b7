/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check */
/* Any bytes as a reply: header lines up to an empty one, then a body, whole and cut at the place that the first byte
 * says. The verdict may not depend on the cut. */
#include "common/buf.h"
#include "lbd/check/check_http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct lb_text *t, enum check_param key, const char *value)
{
	if (check_param_put(t, key, value, strlen(value)))
		abort();
}

static bool judge(const struct check_params *p, const char *at, size_t n, size_t cut, struct check_result *r)
{
	struct check_http h;
	bool more = true;
	if (check_http_init(&h, p))
		abort();
	while (n && more && !(h.headers_done && h.status >= 200)) {
		const char *lf = memchr(at, '\n', n);
		size_t line = lf ? (size_t)(lf - at) + 1 : n;
		more = check_http_header(&h, at, line);
		at += line;
		n -= line;
	}
	while (n && more) {
		size_t piece = n < cut ? n : cut;
		more = check_http_body(&h, at, piece);
		at += piece;
		n -= piece;
	}
	char waiting[CHECK_TEXT_MAX];
	check_http_waiting(&h, waiting);
	bool known = check_http_judge(&h, true, r);
	check_http_done(&h);
	return known;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_result a = { 0 }, b = { 0 };
	struct lb_text t = LB_TEXT_INIT;
	if (size < 2)
		return 0;
	put(&t, CHECK_PARAM_STATUS, "200-299");
	if (data[0] & 1)
		put(&t, CHECK_PARAM_BODY, "ready");
	if (data[0] & 2)
		put(&t, CHECK_PARAM_BODY_REGEX, "r.*y");
	put(&t, CHECK_PARAM_MAX_BODY, "3000");
	put(&t, CHECK_PARAM_WEIGHT_FROM, data[0] & 4 ? "json" : "header");
	put(&t, CHECK_PARAM_WEIGHT_NAME, data[0] & 4 ? "load.free" : "X-Weight");
	const struct check_params p = { (const uint8_t *)t.s, (uint32_t)t.n };
	bool one = judge(&p, (const char *)data + 2, size - 2, SIZE_MAX, &a);
	bool two = judge(&p, (const char *)data + 2, size - 2, data[1] + 1u, &b);
	if (one != two || a.code != b.code || strcmp(a.text, b.text) != 0 || a.weight.value != b.weight.value)
		abort();
	lb_text_done(&t);
	return 0;
}
