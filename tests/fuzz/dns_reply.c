/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check */
/* The first line is a query, the rest a reply to it, with the id of the reply so that all of it is read. A verdict is
 * within its limits and fit to be shown, and what the query parses to is read back as the same. */
#include "common/buf.h"
#include "lbd/check/check_dns.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Made once, kept for all inputs. */
static struct check_params wanted(void)
{
	static struct lb_text t;
	if (!t.n) {
		must(check_param_put(&t, CHECK_PARAM_ANSWER, "192.0.2.1", 9) == 0);
		must(check_param_put(&t, CHECK_PARAM_ANSWER, "10 mx.example.com", 17) == 0);
	}
	return (struct check_params){ (const uint8_t *)t.s, (uint32_t)t.n };
}

static void judge(const struct check_dns_question *q, const struct check_params *want, const uint8_t *reply, size_t n,
	bool stream)
{
	struct check_result r = { 0 };
	enum check_dns_say say = check_dns_reply(q, want, reply, n, stream, &r);
	must(say != CHECK_DNS_CUT || !stream);
	must((say == CHECK_DNS_JUDGED) == (r.text[0] != '\0'));
	must(memchr(r.text, '\0', sizeof(r.text)) != NULL);
	for (const char *s = r.text; *s; s++)
		must(*s >= 0x20 && *s < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct check_params none = { NULL, 0 }, some = wanted();
	const uint8_t *end = memchr(data, '\n', size);
	char query[300] = "";
	struct check_dns_question q;
	uint8_t out[CHECK_DNS_QUERY_MAX];
	size_t n, query_n = end ? (size_t)(end - data) : 0;
	if (!end || query_n >= sizeof(query))
		return 0;
	memcpy(query, data, query_n);
	const uint8_t *reply = end + 1;
	size_t reply_n = size - query_n - 1;
	uint16_t id = reply_n > 1 ? (uint16_t)(reply[0] << 8 | reply[1]) : 0;
	if (check_dns_query(query, id, &q, out, &n))
		return 0;
	must(n == 12 + q.n && n <= sizeof(out));
	judge(&q, &none, reply, reply_n, false);
	judge(&q, &some, reply, reply_n, true);
	/* its own question, sent back as a reply without answers */
	struct check_result r = { 0 };
	out[2] |= 0x80;
	must(check_dns_reply(&q, &none, out, n, false, &r) == CHECK_DNS_JUDGED && r.code == CHECK_CODE_L7STS);
	return 0;
}
