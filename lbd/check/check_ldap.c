/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_ldap.h"

#include "common/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	BER_INTEGER = 0x02,
	BER_OCTETS = 0x04,
	BER_ENUM = 0x0a,
	BER_SEQUENCE = 0x30,
	LDAP_UNBIND = 0x42,
	LDAP_SEARCH = 0x63,
	LDAP_EXTENDED_REQUEST = 0x77
};

/* ---- writing: from the inside out, since a length stands before what it counts ---- */

struct back {
	uint8_t *buf;
	size_t at; /* what is written is buf[at..CHECK_LDAP_OUT_MAX) */
};

static void put(struct back *b, const void *bytes, size_t n)
{
	b->at -= n;
	memcpy(b->buf + b->at, bytes, n);
}

static void put_head(struct back *b, uint8_t tag, size_t n)
{
	const uint8_t small[] = { tag, (uint8_t)n }, large[] = { tag, 0x82, (uint8_t)(n >> 8), (uint8_t)n };
	if (n < 128)
		put(b, small, sizeof(small));
	else
		put(b, large, sizeof(large));
}

/* Closes a construct that reaches to the end of what has been written since `end`. */
static void wrap(struct back *b, uint8_t tag, size_t end)
{
	put_head(b, tag, end - b->at);
}

static size_t finish(struct back *b, uint8_t id)
{
	const uint8_t number[] = { BER_INTEGER, 1, id };
	put(b, number, sizeof(number));
	wrap(b, BER_SEQUENCE, CHECK_LDAP_OUT_MAX);
	size_t n = CHECK_LDAP_OUT_MAX - b->at;
	memmove(b->buf, b->buf + b->at, n);
	return n;
}

size_t check_ldap_search(uint8_t out[CHECK_LDAP_OUT_MAX], uint8_t id, const char *base)
{
	/* scope base, aliases never, at most 1 entry, no time limit of the server, values too; (objectClass=*); the
	 * attribute "1.1" is "none" */
	static const uint8_t tail[] = { BER_ENUM, 1, 0, BER_ENUM, 1, 0, BER_INTEGER, 1, 1, BER_INTEGER, 1, 0, 0x01, 1,
		0, 0x87, 11, 'o', 'b', 'j', 'e', 'c', 't', 'C', 'l', 'a', 's', 's', BER_SEQUENCE, 5, BER_OCTETS, 3, '1',
		'.', '1' };
	struct back b = { out, CHECK_LDAP_OUT_MAX };
	size_t n = strlen(base);
	if (n > CHECK_LDAP_BASE_MAX)
		return 0;
	put(&b, tail, sizeof(tail));
	put(&b, base, n);
	put_head(&b, BER_OCTETS, n);
	wrap(&b, LDAP_SEARCH, CHECK_LDAP_OUT_MAX);
	return finish(&b, id);
}

size_t check_ldap_starttls(uint8_t out[CHECK_LDAP_OUT_MAX], uint8_t id)
{
	static const char oid[] = "1.3.6.1.4.1.1466.20037"; /* RFC 4511 4.14 */
	struct back b = { out, CHECK_LDAP_OUT_MAX };
	put(&b, oid, strlen(oid));
	put_head(&b, 0x80, strlen(oid));
	wrap(&b, LDAP_EXTENDED_REQUEST, CHECK_LDAP_OUT_MAX);
	return finish(&b, id);
}

size_t check_ldap_unbind(uint8_t out[CHECK_LDAP_OUT_MAX], uint8_t id)
{
	struct back b = { out, CHECK_LDAP_OUT_MAX };
	put_head(&b, LDAP_UNBIND, 0);
	return finish(&b, id);
}

/* ---- reading ---- */

/* Tag and length. Lengths may be in more bytes than needed: Active Directory writes them so. */
static size_t take_head(struct lb_reader *r, uint8_t *tag)
{
	*tag = lb_read_u8(r);
	uint8_t first = lb_read_u8(r);
	if (first < 0x80)
		return first;
	size_t n = 0;
	if (first == 0x80 || first > 0x84)
		r->bad = true; /* indefinite, or longer than anything we read */
	for (int i = 0; i < (first & 0x7f) && !r->bad; i++)
		n = n << 8 | lb_read_u8(r);
	return n;
}

static const uint8_t *take(struct lb_reader *r, uint8_t want, size_t *n)
{
	uint8_t tag;
	*n = take_head(r, &tag);
	if (tag != want)
		r->bad = true;
	return lb_take(r, *n);
}

static uint32_t take_number(struct lb_reader *r, uint8_t tag)
{
	size_t n;
	uint32_t v = 0;
	const uint8_t *at = take(r, tag, &n);
	if (!at || n == 0 || n > 4 || at[0] & 0x80) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | at[i];
	return v;
}

/* How many bytes the message at the front has with its head; 0: not known yet. */
static long whole(const uint8_t *bytes, size_t n, size_t max)
{
	if (n && bytes[0] != BER_SEQUENCE)
		return -EBADMSG;
	if (n > 1 && (bytes[1] == 0x80 || bytes[1] > 0x84))
		return -EBADMSG;
	struct lb_reader r = { bytes, bytes + n, false };
	uint8_t tag;
	size_t len = take_head(&r, &tag);
	if (r.bad)
		return 0;
	size_t head = (size_t)(r.p - bytes);
	return len > max || head + len > max ? -EMSGSIZE : (long)(head + len);
}

long check_ldap_read(const uint8_t *bytes, size_t n, size_t max, struct check_ldap_msg *out)
{
	long len = whole(bytes, n, max);
	if (len < 0 || len == 0 || (size_t)len > n)
		return len < 0 ? len : 0;
	struct lb_reader r = { bytes, bytes + len, false };
	struct check_ldap_msg m = { 0 };
	uint8_t tag;
	take_head(&r, &tag);
	m.id = take_number(&r, BER_INTEGER);
	size_t body = take_head(&r, &m.op);
	const uint8_t *at = lb_take(&r, body); /* controls may follow */
	if (!at)
		return -EBADMSG;
	if (m.op == CHECK_LDAP_DONE || m.op == CHECK_LDAP_EXTENDED) {
		struct lb_reader in = { at, at + body, false };
		size_t skip;
		m.result = take_number(&in, BER_ENUM);
		take(&in, BER_OCTETS, &skip); /* matchedDN, diagnosticMessage */
		take(&in, BER_OCTETS, &skip);
		r.bad |= in.bad;
	}
	if (r.bad)
		return -EBADMSG;
	*out = m;
	return len;
}

const char *check_ldap_result(uint32_t result, char buf[24])
{
	static const struct {
		uint32_t n;
		const char *name;
	} names[] = {
		{ 0, "success" },
		{ 1, "operationsError" },
		{ 2, "protocolError" },
		{ 3, "timeLimitExceeded" },
		{ 7, "authMethodNotSupported" },
		{ 8, "strongerAuthRequired" },
		{ 10, "referral" },
		{ 11, "adminLimitExceeded" },
		{ 13, "confidentialityRequired" },
		{ 32, "noSuchObject" },
		{ 34, "invalidDNSyntax" },
		{ 48, "inappropriateAuthentication" },
		{ 49, "invalidCredentials" },
		{ 50, "insufficientAccessRights" },
		{ 51, "busy" },
		{ 52, "unavailable" },
		{ 53, "unwillingToPerform" },
		{ 80, "other" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].n == result)
			return names[i].name;
	snprintf(buf, 24, "result %u", result);
	return buf;
}
