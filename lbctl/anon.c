/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/anon.h"

#include "common/addr.h"
#include "common/text.h"
#include "common/vec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define HIDDEN "(hidden)"

struct mac {
	char s[18];
};

struct anon {
	LB_VEC(struct lb_ip) ips; /* the place of one in its list is its number */
	uint32_t *slots;          /* numbers by address, 0 = free: a table may have a hundred thousand */
	size_t n_slots;           /* a power of two, at least twice as many as addresses */
	LB_VEC(struct mac) macs;
};

struct anon *anon_new(void)
{
	return calloc(1, sizeof(struct anon));
}

void anon_free(struct anon *a)
{
	if (!a)
		return;
	lb_vec_done(&a->ips);
	lb_vec_done(&a->macs);
	free(a->slots);
	free(a);
}

/* ---- addresses ---- */

static bool stays(const struct lb_ip *ip)
{
	static const uint8_t lo6[16] = { [15] = 1 };
	if (lb_ip_is_any(ip) || lb_ip_is_multicast(ip))
		return true;
	if (lb_ip_is_v6(ip))
		return memcmp(ip->b, lo6, 16) == 0;
	return ip->b[0] == 0 || ip->b[0] == 127 || ip->b[0] == 255; /* also masks */
}

/* Where it stands, or may stand. */
static uint32_t *slot_of(struct anon *a, const struct lb_ip *ip)
{
	size_t at = (size_t)lb_text_hash(ip->b, sizeof(ip->b)) & (a->n_slots - 1);
	while (a->slots[at] && lb_ip_cmp(&a->ips.v[a->slots[at] - 1], ip) != 0)
		at = (at + 1) & (a->n_slots - 1);
	return &a->slots[at];
}

static bool room(struct anon *a)
{
	size_t n = a->n_slots ? a->n_slots * 2 : 64;
	if (a->ips.n * 2 < a->n_slots)
		return true;
	uint32_t *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	free(a->slots);
	a->slots = slots;
	a->n_slots = n;
	for (size_t i = 0; i < a->ips.n; i++)
		*slot_of(a, &a->ips.v[i]) = (uint32_t)i + 1;
	return true;
}

/* Its number, from 1; 0: no memory. */
static size_t number_of(struct anon *a, const struct lb_ip *ip)
{
	if (!room(a))
		return 0;
	uint32_t *slot = slot_of(a, ip);
	struct lb_ip *place = *slot ? NULL : lb_vec_push(&a->ips);
	if (!*slot && !place)
		return 0;
	if (place) {
		*place = *ip;
		*slot = (uint32_t)a->ips.n;
	}
	return *slot;
}

static void put_ip(struct anon *a, const struct lb_ip *ip, const char *as, size_t n, struct lb_text *out)
{
	size_t k = stays(ip) ? 0 : number_of(a, ip);
	if (stays(ip))
		lb_text_put(out, as, n);
	else if (k == 0)
		out->bad = true;
	else if (lb_ip_is_v6(ip))
		lb_text_printf(out, "2001:db8::%zx:%zx", k >> 16, k & 0xffff);
	else
		lb_text_printf(out, "198.%zu.%zu.%zu", 18 + (k >> 16 & 1), k >> 8 & 255, k & 255);
}

static void put_mac(struct anon *a, const char *s, struct lb_text *out)
{
	static const char none[] = "00:00:00:00:00:00", all[] = "ff:ff:ff:ff:ff:ff";
	struct mac m;
	size_t k = 0;
	for (size_t i = 0; i < 17; i++)
		m.s[i] = (char)tolower((unsigned char)s[i]);
	m.s[17] = '\0';
	if (strcmp(m.s, none) == 0 || strcmp(m.s, all) == 0) {
		lb_text_puts(out, m.s);
		return;
	}
	while (k < a->macs.n && strcmp(a->macs.v[k].s, m.s) != 0)
		k++;
	struct mac *place = k == a->macs.n ? lb_vec_push(&a->macs) : &a->macs.v[k];
	if (!place) {
		out->bad = true;
		return;
	}
	*place = m;
	lb_text_printf(out, "02:00:00:%02zx:%02zx:%02zx", k >> 16 & 255, k >> 8 & 255, k & 255);
}

static bool is_mac(const char *s, size_t n)
{
	if (n != 17)
		return false;
	for (size_t i = 0; i < n; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

static bool of_address(char c)
{
	return isxdigit((unsigned char)c) || c == '.' || c == ':';
}

static bool of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether a word may begin at i: also behind the "\n" of a text in JSON. */
static bool begins(const char *text, size_t i)
{
	return i == 0 || !of_word(text[i - 1]) || (i > 1 && text[i - 2] == '\\');
}

/* A run of characters of addresses: one, with a port behind it, or none. */
static void run(struct anon *a, const char *s, size_t n, struct lb_text *out)
{
	struct lb_ip ip;
	size_t tail = 0;
	if (is_mac(s, n)) {
		put_mac(a, s, out);
		return;
	}
	/* what stands behind it in a text: "10.0.0.1:80", "10.0.0.1:", "at 10.0.0.1." */
	for (; tail < n; tail++) {
		size_t len = n - tail;
		bool cut = tail == 0 || s[len] == ':' || s[len] == '.';
		if (cut && lb_ip_parse(s, len, &ip) == 0 && (!lb_ip_is_v6(&ip) || memchr(s, ':', len) != NULL)) {
			put_ip(a, &ip, s, len, out);
			lb_text_put(out, s + len, tail);
			return;
		}
	}
	lb_text_put(out, s, n);
}

void anon_text(struct anon *a, const char *text, size_t n, struct lb_text *out)
{
	for (size_t i = 0; i < n;) {
		size_t from = i;
		if (of_address(text[i]) && begins(text, i)) {
			while (i < n && of_address(text[i]))
				i++;
			if (i < n && of_word(text[i])) /* a word that begins like one: "face", "deadbeefx" */
				lb_text_put(out, text + from, i - from);
			else
				run(a, text + from, i - from, out);
			continue;
		}
		while (i < n && (i == from || !of_address(text[i]) || !begins(text, i)))
			i++;
		lb_text_put(out, text + from, i - from);
	}
}

/* ---- secrets ---- */

static const char *const secret_words[] = { "password", "passwd", "secret", "token", "authorization", "cookie",
	"bind_password", "private", "passphrase", "api_key", "x-api-key", "apikey" };

/* A key of a map or a header whose value is hidden: the word ends with one of ours. */
static bool secret_key(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
		size_t w = strlen(secret_words[i]);
		if (n >= w && strncasecmp(s + n - w, secret_words[i], w) == 0)
			return true;
	}
	return false;
}

static size_t value_end(const char *s, size_t at, size_t n)
{
	if (at < n && (s[at] == '"' || s[at] == '\'')) {
		char quote = s[at++];
		while (at < n && s[at] != quote && s[at] != '\n')
			at += s[at] == '\\' && at + 1 < n ? 2 : 1;
		return at < n ? at + (s[at] == quote) : n;
	}
	while (at < n && !strchr("\n,}\"", s[at]))
		at++;
	return at;
}

void anon_secrets(const char *text, size_t n, struct lb_text *out)
{
	for (size_t i = 0; i < n;) {
		size_t from = i;
		while (i < n && (of_word(text[i]) || text[i] == '-'))
			i++;
		size_t word = i - from;
		if (word == 0) {
			lb_text_put(out, text + i++, 1);
			continue;
		}
		lb_text_put(out, text + from, word);
		size_t at = i;
		while (at < n && strchr("\"' ", text[at]) && text[at])
			at++;
		if (!secret_key(text + from, word) || at >= n || (text[at] != ':' && text[at] != '='))
			continue;
		for (at++; at < n && text[at] == ' ';)
			at++;
		lb_text_put(out, text + i, at - i);
		i = value_end(text, at, n);
		lb_text_puts(out, HIDDEN);
	}
}

/* ---- the configuration ---- */

/* What a probe says may be a password of whatever it asks, whatever it is called. Values and all that stands below. */
#define CHECK_INDENT 4u /* "checks:", "  NAME:", "    KEY:"; deeper these are names of backends */
static const char *const said_by_probes[] = { "headers", "send", "send_hex", "data", "args" };

/* The key of a line and where its value begins; NULL: a line without a key, "- x". */
static const char *key_of(const char *s, size_t n, size_t *key_n, size_t *value)
{
	const char *colon = memchr(s, ':', n);
	size_t indent = 0;
	while (indent < n && s[indent] == ' ')
		indent++;
	*value = n;
	if (indent < n && s[indent] == '-') {
		*value = indent + 2 < n ? indent + 2 : n;
		return NULL;
	}
	if (!colon)
		return NULL;
	*key_n = (size_t)(colon - s) - indent;
	*value = (size_t)(colon - s) + 2 < n ? (size_t)(colon - s) + 2 : n;
	return s + indent;
}

static bool said(const char *key, size_t n, size_t indent)
{
	for (size_t i = 0; indent == CHECK_INDENT && i < sizeof(said_by_probes) / sizeof(said_by_probes[0]); i++)
		if (n == strlen(said_by_probes[i]) && memcmp(key, said_by_probes[i], n) == 0)
			return true;
	return false;
}

void anon_config(const char *text, size_t n, struct lb_text *out)
{
	size_t below = SIZE_MAX; /* the indent of a key all below which is hidden */
	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n, indent = 0, key_n = 0, value;
		while (indent < len && text[indent] == ' ')
			indent++;
		if (below != SIZE_MAX && indent <= below)
			below = SIZE_MAX;
		const char *key = key_of(text, len, &key_n, &value);
		bool begin = key && said(key, key_n, indent), hide = begin || below != SIZE_MAX;
		below = begin ? indent : below;
		const char *query = key && key_n == 4 && memcmp(key, "path", 4) == 0 ? memchr(text, '?', len) : NULL;
		size_t keep = hide ? value : query ? (size_t)(query + 1 - text) : len;
		lb_text_put(out, text, keep);
		if (keep < len)
			lb_text_puts(out, query && !hide && text[len - 1] == '"' ? HIDDEN "\"" : HIDDEN);
		if (nl)
			lb_text_puts(out, "\n");
		len += nl != NULL;
		text += len;
		n -= len;
	}
}
