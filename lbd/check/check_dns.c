/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_dns.h"

#include "common/buf.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define HEAD_SIZE  12u
#define LABEL_MAX  63u
#define JUMPS_MAX  (CHECK_DNS_NAME_MAX / 2) /* as many as a name has labels: between two, one pointer is enough */
#define CLASS_IN   1u
#define FLAG_REPLY 0x8000u
#define FLAG_CUT   0x0200u
#define FLAG_RD    0x0100u /* a resolver is asked to look; an authoritative server does not mind */
#define OPCODE     0x7800u
#define RCODE      0x000fu
#define NOERROR    0u

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33
};

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
	{ TYPE_A, "A" },
	{ TYPE_AAAA, "AAAA" },
	{ TYPE_MX, "MX" },
	{ TYPE_NS, "NS" },
	{ TYPE_TXT, "TXT" },
	{ TYPE_SOA, "SOA" },
	{ TYPE_CNAME, "CNAME" },
	{ TYPE_PTR, "PTR" },
	{ TYPE_SRV, "SRV" },
};

/* RFC 1035 4.1.1, RFC 2136 2.2 */
static const char *const rcodes[16] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN",
	"YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "RCODE11", "RCODE12", "RCODE13", "RCODE14", "RCODE15" };

/* ---- the question ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static void put_u16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The length of the name in the message, or 0: it is none. */
static size_t put_name(uint8_t out[CHECK_DNS_NAME_MAX], const char *name, size_t n)
{
	size_t at = 0;
	if (n && name[n - 1] == '.')
		n--; /* "." alone is the root */
	else if (n == 0)
		return 0;
	if (n > CHECK_DNS_NAME_MAX - 2)
		return 0;
	while (n) {
		const char *dot = memchr(name, '.', n);
		size_t label = dot ? (size_t)(dot - name) : n;
		if (label == 0 || label > LABEL_MAX || (dot && label + 1 == n))
			return 0;
		for (size_t i = 0; i < label; i++)
			if (name[i] <= ' ' || name[i] > '~' || name[i] == '\\')
				return 0;
		out[at++] = (uint8_t)label;
		memcpy(out + at, name, label);
		at += label;
		name += dot ? label + 1 : label;
		n -= dot ? label + 1 : label;
	}
	out[at] = 0;
	return at + 1;
}

/* 0: there is no such type. */
static uint16_t type_of(const char *word, size_t n)
{
	if (n == 0)
		return TYPE_A;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == n && strncasecmp(types[i].name, word, n) == 0)
			return types[i].type;
	return 0;
}

int check_dns_query(
	const char *query, uint16_t id, struct check_dns_question *q, uint8_t out[CHECK_DNS_QUERY_MAX], size_t *n)
{
	const char *name = query + strspn(query, " \t");
	size_t name_n = strcspn(name, " \t");
	const char *word = name + name_n + strspn(name + name_n, " \t");
	size_t word_n = strcspn(word, " \t");
	struct check_dns_question made = { .id = id, .type = type_of(word, word_n) };
	made.n = put_name(made.bytes, name, name_n);
	if (!made.n || !made.type || word[word_n + strspn(word + word_n, " \t")])
		return -EINVAL;
	put_u16(made.bytes + made.n, made.type);
	put_u16(made.bytes + made.n + 2, CLASS_IN);
	made.n += 4;
	if (q)
		*q = made;
	if (out && n) {
		memset(out, 0, HEAD_SIZE);
		put_u16(out, id);
		put_u16(out + 2, FLAG_RD);
		put_u16(out + 4, 1); /* questions */
		memcpy(out + HEAD_SIZE, made.bytes, made.n);
		*n = HEAD_SIZE + made.n;
	}
	return 0;
}

/* ---- answers as text ---- */

/* Room for a name whose every byte is written "\255", and the numbers before it. A text that is longer is cut, and
 * then it is equal to nothing. */
struct text {
	size_t n;
	bool cut;
	char s[1100];
};

static void add(struct text *t, const void *bytes, size_t n)
{
	if (n > sizeof(t->s) - t->n) {
		t->cut = true;
		return;
	}
	memcpy(t->s + t->n, bytes, n);
	t->n += n;
}

static void add_number(struct text *t, uint16_t v)
{
	char s[8];
	int n = snprintf(s, sizeof(s), "%u ", v);
	add(t, s, (size_t)n);
}

/* RFC 1035 5.1 for what is special; lower case. */
static void add_label(struct text *t, const uint8_t *label, size_t n)
{
	if (t->n && t->s[t->n - 1] != ' ')
		add(t, ".", 1);
	for (size_t i = 0; i < n; i++) {
		char s[8] = { lower((char)label[i]) };
		int len = 1;
		if (label[i] <= ' ' || label[i] > '~')
			len = snprintf(s, sizeof(s), "\\%03u", label[i]);
		else if (label[i] == '.' || label[i] == '\\')
			len = snprintf(s, sizeof(s), "\\%c", label[i]);
		add(t, s, (size_t)len);
	}
}

/* Reads a name; the reader goes on after it, or after the first pointer of it. whole: the message, as far as pointers
 * may lead. t may be NULL. Every pointer leads to before the bytes that were read last, so there are no loops; their
 * number is bounded, too, or each of thousands of answers could begin with a walk through the whole message. */
static void take_name(struct lb_reader *r, const uint8_t *whole, struct text *t)
{
	struct lb_reader at = *r;
	const uint8_t *low = r->p;
	size_t size = 0;
	unsigned jumps = 0;
	for (;;) {
		uint8_t n = lb_read_u8(&at);
		if (n > LABEL_MAX) {
			size_t to = (size_t)(n & LABEL_MAX) << 8 | lb_read_u8(&at);
			if (jumps++ == 0)
				r->p = at.p;
			if (at.bad || n < 0xc0 || to >= (size_t)(low - whole) || jumps > JUMPS_MAX)
				break;
			at.p = low = whole + to;
			continue;
		}
		const uint8_t *label = lb_take(&at, n);
		size += 1u + n;
		if (!label || size > CHECK_DNS_NAME_MAX)
			break;
		if (n == 0) {
			if (t && size == 1)
				add(t, ".", 1);
			if (jumps == 0)
				r->p = at.p;
			return;
		}
		if (t)
			add_label(t, label, n);
	}
	r->bad = true;
}

static void take_address(struct lb_reader *r, uint8_t family, struct text *t)
{
	struct lb_ip ip = { .family = family };
	char s[LB_IP_STRLEN];
	size_t n = family == AF_INET ? 4 : 16;
	const uint8_t *at = lb_take(r, n);
	if (!at)
		return;
	memcpy(ip.b, at, n);
	lb_ip_str(&ip, s);
	add(t, s, strlen(s));
}

/* The data of one answer, which must be as long as it says. */
static bool take_data(struct lb_reader r, const uint8_t *whole, uint16_t type, struct text *t)
{
	*t = (struct text){ .n = 0 };
	switch (type) {
	case TYPE_A: take_address(&r, AF_INET, t); break;
	case TYPE_AAAA: take_address(&r, AF_INET6, t); break;
	case TYPE_SRV:
		add_number(t, lb_read_u16(&r));
		add_number(t, lb_read_u16(&r)); /* priority and weight; then a number and a name, as MX */
		__attribute__((fallthrough));
	case TYPE_MX: add_number(t, lb_read_u16(&r)); __attribute__((fallthrough));
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR: take_name(&r, whole, t); break;
	case TYPE_SOA:
		take_name(&r, whole, t);
		take_name(&r, whole, NULL);
		lb_take(&r, 20);
		break;
	default: /* TXT: strings, one after the other */
		do {
			size_t n = lb_read_u8(&r);
			const uint8_t *at = lb_take(&r, n);
			if (at)
				add(t, at, n);
		} while (!r.bad && r.p < r.end);
	}
	return !r.bad && r.p == r.end;
}

/* ---- what was wanted ---- */

/* Names may end with a dot, as in a zone file; the root is nothing else. */
static size_t without_dot(const char *s, size_t n)
{
	return n > 1 && s[n - 1] == '.' && s[n - 2] != ' ' && s[n - 2] != '\\' ? n - 1 : n;
}

static bool is_wanted(const char *want, size_t n, uint16_t type, const struct text *t)
{
	struct lb_ip a, b;
	if (t->cut)
		return false;
	if (type == TYPE_A || type == TYPE_AAAA)
		return lb_ip_parse(want, n, &a) == 0 && lb_ip_parse(t->s, t->n, &b) == 0 && lb_ip_cmp(&a, &b) == 0;
	if (type == TYPE_TXT)
		return n == t->n && memcmp(want, t->s, n) == 0;
	n = without_dot(want, n);
	return n == t->n && strncasecmp(want, t->s, n) == 0;
}

/* One bit for each answer that is wanted; an entry of the params has five bytes and more. */
struct seen {
	uint8_t bits[CHECK_PARAMS_MAX / 5 / 8 + 1];
	uint16_t answers; /* as many as a message can count */
};

static void note(struct seen *seen, const struct check_params *want, uint16_t type, const struct text *t)
{
	const char *w = NULL;
	size_t n, i = 0;
	while ((w = check_param_next(want, CHECK_PARAM_ANSWER, w, &n))) {
		bool known = seen->bits[i / 8] >> i % 8 & 1;
		if (!known && is_wanted(w, n, type, t))
			seen->bits[i / 8] |= (uint8_t)(1u << i % 8);
		i++;
	}
}

/* The answers of the type that was asked for; what led there (CNAME) and what came along is passed over. */
static bool take_answers(struct lb_reader *r, const uint8_t *whole, size_t count, uint16_t type,
	const struct check_params *want, struct seen *seen)
{
	struct text t;
	for (size_t i = 0; i < count; i++) {
		take_name(r, whole, NULL);
		uint16_t its = lb_read_u16(r), class = lb_read_u16(r);
		lb_read_u32(r); /* how long it may be kept */
		size_t n = lb_read_u16(r);
		const uint8_t *data = lb_take(r, n);
		if (!data)
			return false;
		if (its != type || class != CLASS_IN)
			continue;
		if (!take_data((struct lb_reader){ data, data + n, false }, whole, type, &t))
			return false;
		seen->answers++;
		note(seen, want, type, &t);
	}
	return true;
}

static void missing(struct check_result *r, const char *want, size_t n, uint16_t answers)
{
	char s[39];
	size_t cut = n < sizeof(s) ? n : sizeof(s) - sizeof("...");
	for (size_t i = 0; i < cut; i++)
		s[i] = want[i] >= ' ' && want[i] <= '~' ? want[i] : '?';
	if (cut < n)
		memcpy(s + cut, "...", sizeof("..."));
	else
		s[cut] = '\0';
	r->code = CHECK_CODE_L7STS;
	snprintf(r->text, sizeof(r->text), "no answer %s among %u", s, answers);
}

static void judge(struct check_result *r, const struct check_params *want, unsigned rcode, const struct seen *seen)
{
	const char *w = NULL;
	size_t n, i = 0;
	for (; (w = check_param_next(want, CHECK_PARAM_ANSWER, w, &n)); i++)
		if (!(seen->bits[i / 8] >> i % 8 & 1)) {
			missing(r, w, n, seen->answers);
			return;
		}
	if (rcode == NOERROR && seen->answers == 0) {
		check_result_set(r, CHECK_CODE_L7STS, "no answers");
		return;
	}
	r->code = CHECK_CODE_L7OK;
	if (seen->answers)
		snprintf(r->text, sizeof(r->text), "%s, %u answer%s", rcodes[rcode], seen->answers,
			seen->answers == 1 ? "" : "s");
	else
		snprintf(r->text, sizeof(r->text), "%s", rcodes[rcode]);
}

/* ---- the reply ---- */

/* Case may differ: some servers write names as they know them. Type and class may not. */
static bool same_question(const struct check_dns_question *q, const uint8_t *at)
{
	for (size_t i = 0; i < q->n - 4; i++)
		if (lower((char)q->bytes[i]) != lower((char)at[i]))
			return false;
	return memcmp(q->bytes + q->n - 4, at + q->n - 4, 4) == 0;
}

static enum check_dns_say garbage(struct check_result *r)
{
	check_result_set(r, CHECK_CODE_L7RSP, "not a DNS reply");
	return CHECK_DNS_JUDGED;
}

enum same { SAME_YES, SAME_NO, SAME_BROKEN };

/* The question of the reply, at the front of r. */
static enum same take_question(struct lb_reader *r, const struct check_dns_question *q)
{
	const uint8_t *at = r->p;
	take_name(r, at, NULL); /* a pointer has nowhere to lead: there is no name before it */
	lb_take(r, 4);
	if (r->bad)
		return SAME_BROKEN;
	return (size_t)(r->p - at) == q->n && same_question(q, at) ? SAME_YES : SAME_NO;
}

enum check_dns_say check_dns_reply(const struct check_dns_question *q, const struct check_params *want,
	const uint8_t *bytes, size_t n, bool stream, struct check_result *r)
{
	struct lb_reader in = { bytes, bytes + n, false };
	uint16_t id = lb_read_u16(&in), flags = lb_read_u16(&in), questions = lb_read_u16(&in);
	uint16_t answers = lb_read_u16(&in);
	lb_read_u32(&in); /* the other sections are not looked at */
	if (in.bad)
		return garbage(r);
	if (id != q->id)
		return CHECK_DNS_OTHER;
	unsigned rcode = flags & RCODE;
	/* who refuses or does not understand a question may leave it out */
	if (!(flags & FLAG_REPLY) || flags & OPCODE || questions > 1 || (questions == 0 && rcode == NOERROR))
		return garbage(r);
	enum same same = questions ? take_question(&in, q) : SAME_YES;
	if (same != SAME_YES)
		return same == SAME_NO ? CHECK_DNS_OTHER : garbage(r);
	if (flags & FLAG_CUT && !stream)
		return CHECK_DNS_CUT;
	const char *wanted = check_param(want, CHECK_PARAM_RCODE);
	if (strcasecmp(wanted ? wanted : rcodes[NOERROR], rcodes[rcode]) != 0) {
		check_result_set(r, CHECK_CODE_L7STS, rcodes[rcode]);
		return CHECK_DNS_JUDGED;
	}
	struct seen seen = { .answers = 0 };
	if (!take_answers(&in, bytes, answers, q->type, want, &seen))
		return garbage(r);
	judge(r, want, rcode, &seen);
	return CHECK_DNS_JUDGED;
}
