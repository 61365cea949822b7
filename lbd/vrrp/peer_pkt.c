/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/peer_pkt.h"

#include "common/buf.h"
#include "lbd/vrrp/hmac256.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

#define MAGIC         "LBDP"
#define MAGIC_N       4u
#define VERSION       1u
#define TEXT_N        22u /* of the version of lbd */
#define ADDRESS_N     16u
#define HEARTBEAT_MIN 10u /* ms */
#define HEARTBEAT_MAX 10000u
#define FLAGS         PEER_FLAG_ASK
#define ENTRY_FLAGS   (PEER_ENTRY_ARM | PEER_ENTRY_ARMED | PEER_ENTRY_WANT | PEER_ENTRY_OUT)

_Static_assert(TEXT_N + 1 == PEER_VERSION_MAX, "a text that fills its field still has a NUL in the struct");

const char *const peer_refusals[] = {
	[PEER_OK] = "",
	[PEER_LENGTH] = "length",
	[PEER_FORMAT] = "format",
	[PEER_VERSION] = "version",
	[PEER_CLUSTER] = "cluster",
	[PEER_KEY] = "key",
	[PEER_REPLAY] = "replay",
	[PEER_SOURCE] = "source",
};
_Static_assert(sizeof(peer_refusals) / sizeof(peer_refusals[0]) == PEER_REFUSAL_COUNT, "one word per reason");

uint64_t peer_name_id(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return h ? h : 1;
}

_Static_assert(PEER_SIGNATURE == HMAC256_SIZE && PEER_KEY_MAX <= HMAC256_KEY, "a whole HMAC");

static void sign(const struct peer_key *key, const uint8_t *bytes, size_t n, uint8_t out[PEER_SIGNATURE])
{
	assert(key->n >= PEER_KEY_MIN && key->n <= PEER_KEY_MAX);
	hmac256(key->bytes, key->n, bytes, n, out);
}

/* ---- what is legal, for both ways ---- */

static bool is_printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

static bool is_zero(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at[i])
			return false;
	return true;
}

/* As lb_ip wants it: what does not belong to the family is zero. */
static bool address_is_legal(const struct lb_ip *ip)
{
	switch ((int)ip->family) {
	case 0: return is_zero(ip->b, ADDRESS_N);
	case AF_INET: return is_zero(ip->b + 4, ADDRESS_N - 4);
	case AF_INET6: return true;
	default: return false;
	}
}

static bool entry_is_legal(const struct peer_beat *b, size_t i)
{
	const struct peer_entry *e = &b->v[i];
	for (size_t k = 0; k < i; k++)
		if (b->v[k].id == e->id)
			return false;
	return e->id && (unsigned)e->state < VRRP_STATE_COUNT && !(e->flags & ~ENTRY_FLAGS) &&
	       e->interval_cs <= VRRP_INTERVAL_CS_MAX && address_is_legal(&e->source);
}

static bool is_legal(const struct peer_beat *b)
{
	bool heard = b->echo_session != 0;
	size_t text_n = strnlen(b->version, sizeof(b->version));
	if (b->cluster == 0 || b->flags & ~FLAGS || b->heartbeat_ms < HEARTBEAT_MIN || b->heartbeat_ms > HEARTBEAT_MAX)
		return false;
	if (b->node == 0 || b->session == 0 || b->seq == 0 || b->wall_us < 0 || b->wall_us > PEER_WALL_MAX_US)
		return false;
	if (heard ? b->echo_seq == 0 : b->echo_seq || b->echo_held_us)
		return false;
	if (text_n > TEXT_N || !is_printable(b->version, text_n))
		return false;
	if (b->n > PEER_ENTRIES_MAX || b->instances < b->n || b->instances > UINT16_MAX)
		return false;
	for (size_t i = 0; i < b->n; i++)
		if (!entry_is_legal(b, i))
			return false;
	return true;
}

/* ---- writing ---- */

static uint8_t family_number(uint8_t family)
{
	return family == AF_INET6 ? 6 : family == AF_INET ? 4 : 0;
}

static void write_entry(struct lb_writer *w, const struct peer_entry *e)
{
	lb_write_u64(w, e->id);
	lb_write_u8(w, (uint8_t)e->state);
	lb_write_u8(w, e->prio);
	lb_write_u8(w, e->flags);
	lb_write_u8(w, family_number(e->source.family));
	lb_write_u16(w, (uint16_t)e->interval_cs);
	lb_write_zero(w, 2);
	lb_write(w, e->source.b, ADDRESS_N);
}

size_t peer_pkt_write(const struct peer_beat *b, const struct peer_key *key, uint8_t out[PEER_PKT_MAX])
{
	struct lb_writer w = { out, out + PEER_PKT_MAX, false };
	size_t text_n = strnlen(b->version, TEXT_N);
	assert(is_legal(b));
	lb_write(&w, MAGIC, MAGIC_N);
	lb_write_u8(&w, VERSION);
	lb_write_u8(&w, b->flags);
	lb_write_u8(&w, b->cluster);
	lb_write_u8(&w, (uint8_t)b->n);
	lb_write_u16(&w, (uint16_t)b->heartbeat_ms);
	lb_write_zero(&w, 2);
	lb_write_u64(&w, b->node);
	lb_write_u64(&w, b->session);
	lb_write_u64(&w, b->seq);
	lb_write_u64(&w, b->echo_session);
	lb_write_u64(&w, b->echo_seq);
	lb_write_u32(&w, b->echo_held_us);
	lb_write_u64(&w, (uint64_t)b->wall_us);
	lb_write_u64(&w, b->config);
	lb_write_u16(&w, (uint16_t)b->instances);
	lb_write(&w, b->version, text_n);
	lb_write_zero(&w, TEXT_N - text_n);
	for (size_t i = 0; i < b->n; i++)
		write_entry(&w, &b->v[i]);
	size_t n = (size_t)(w.p - out);
	uint8_t *signature = lb_room(&w, PEER_SIGNATURE);
	assert(signature && n == PEER_HEAD + b->n * PEER_ENTRY);
	sign(key, out, n, signature);
	return n + PEER_SIGNATURE;
}

/* ---- reading ---- */

/* What is read before it is known who wrote it. *n: of the entries. */
static enum peer_refusal read_front(struct lb_reader *r, size_t len, uint8_t cluster, struct peer_beat *b)
{
	const uint8_t *magic = lb_take(r, MAGIC_N);
	uint8_t version = lb_read_u8(r);
	b->flags = lb_read_u8(r);
	b->cluster = lb_read_u8(r);
	b->n = lb_read_u8(r);
	if (r->bad)
		return PEER_LENGTH;
	if (memcmp(magic, MAGIC, MAGIC_N) != 0)
		return PEER_FORMAT;
	if (version != VERSION)
		return PEER_VERSION;
	if (b->n > PEER_ENTRIES_MAX || len != PEER_HEAD + b->n * PEER_ENTRY + PEER_SIGNATURE)
		return PEER_LENGTH;
	return b->cluster == cluster ? PEER_OK : PEER_CLUSTER;
}

/* Constant time in key and signature. */
static bool signature_fits(const struct peer_key *key, const uint8_t *bytes, size_t n)
{
	uint8_t want[PEER_SIGNATURE];
	sign(key, bytes, n, want);
	bool fits = CRYPTO_memcmp(want, bytes + n, PEER_SIGNATURE) == 0;
	OPENSSL_cleanse(want, sizeof(want)); /* what a forger would have to know */
	return fits;
}

/* False: another family than there is. */
static bool read_entry(struct lb_reader *r, struct peer_entry *e)
{
	static const struct {
		uint8_t number, family;
	} families[] = { { 0, 0 }, { 4, AF_INET }, { 6, AF_INET6 } };
	bool known = false;
	e->id = lb_read_u64(r);
	e->state = (enum vrrp_state)lb_read_u8(r);
	e->prio = lb_read_u8(r);
	e->flags = lb_read_u8(r);
	uint8_t number = lb_read_u8(r);
	e->interval_cs = lb_read_u16(r);
	uint16_t zero = lb_read_u16(r);
	const uint8_t *address = lb_take(r, ADDRESS_N);
	for (size_t i = 0; address && i < sizeof(families) / sizeof(families[0]); i++) {
		if (families[i].number != number)
			continue;
		e->source.family = families[i].family;
		memcpy(e->source.b, address, ADDRESS_N);
		known = true;
	}
	return known && zero == 0;
}

/* False: what the struct cannot hold or is_legal cannot see. */
static bool read_body(struct lb_reader *r, struct peer_beat *b)
{
	b->heartbeat_ms = lb_read_u16(r);
	bool ok = lb_read_u16(r) == 0;
	b->node = lb_read_u64(r);
	b->session = lb_read_u64(r);
	b->seq = lb_read_u64(r);
	b->echo_session = lb_read_u64(r);
	b->echo_seq = lb_read_u64(r);
	b->echo_held_us = lb_read_u32(r);
	b->wall_us = (int64_t)lb_read_u64(r);
	b->config = lb_read_u64(r);
	b->instances = lb_read_u16(r);
	const uint8_t *text = lb_take(r, TEXT_N);
	if (!text)
		return false;
	memcpy(b->version, text, TEXT_N);
	size_t text_n = strlen(b->version); /* the struct was zero */
	ok &= is_zero(text + text_n, TEXT_N - text_n);
	for (size_t i = 0; i < b->n; i++)
		ok &= read_entry(r, &b->v[i]);
	return ok && !r->bad;
}

enum peer_refusal peer_pkt_read(
	const uint8_t *bytes, size_t len, uint8_t cluster, const struct peer_key *key, struct peer_beat *b)
{
	struct lb_reader r = { bytes, bytes + len, false };
	memset(b, 0, sizeof(*b));
	enum peer_refusal why = read_front(&r, len, cluster, b);
	if (why != PEER_OK)
		return why;
	if (!signature_fits(key, bytes, len - PEER_SIGNATURE))
		return PEER_KEY;
	return read_body(&r, b) && is_legal(b) ? PEER_OK : PEER_FORMAT;
}

/* ---- the key ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

#define NO_DIGIT 0xffu

static uint8_t hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint8_t)(c - 'a' + 10);
	return c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 10) : NO_DIGIT;
}

static bool is_hex(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (hex_digit(at[i]) == NO_DIGIT)
			return false;
	return n > 0;
}

int peer_key_read(struct peer_key *key, const uint8_t *text, size_t n)
{
	const uint8_t *at = text;
	size_t left = n;
	while (left && is_blank(*at)) {
		at++;
		left--;
	}
	while (left && is_blank(at[left - 1]))
		left--;
	bool hex = is_hex(at, left);
	size_t key_n = hex ? left / 2 : n;
	if (key_n < PEER_KEY_MIN || key_n > PEER_KEY_MAX || (hex && left % 2))
		return -1;
	OPENSSL_cleanse(key, sizeof(*key)); /* a longer one may have been there */
	key->n = key_n;
	if (!hex)
		memcpy(key->bytes, text, n);
	for (size_t i = 0; hex && i < key_n; i++)
		key->bytes[i] = (uint8_t)(hex_digit(at[2 * i]) << 4 | hex_digit(at[2 * i + 1]));
	return 0;
}
