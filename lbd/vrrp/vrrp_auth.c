/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_auth.h"

#include "lbd/vrrp/hmac256.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

#define TYPE_HMAC    1u
#define PSEUDO       20u /* bytes in front of what is signed */
#define STAMP        12u /* bytes of the trailer in front of the HMAC */
#define MAC          16u /* bytes that are left of the HMAC */
#define SUM_AT       6u  /* the checksum in the message */
#define SECOND_US    1000000
#define FRACTION_BIT 16 /* bits of the counter below the fraction */
/* What a peer may send: more addresses than we ever do. */
#define MESSAGE_MAX  (8u + 16u * UINT8_MAX)

_Static_assert(VRRP_KEY_MAX <= HMAC256_KEY, "a key of HMAC-SHA256");
_Static_assert(STAMP + MAC == VRRP_TRAILER, "a trailer is a stamp and a HMAC");

static void put_u64(uint8_t *at, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | at[i];
	return v;
}

/* ---- numbers: a clock of 2^-32 s, of which the low half of the fraction counts ---- */

static uint64_t number_of(int64_t wall_us)
{
	uint64_t us = wall_us > 0 ? (uint64_t)wall_us : 0;
	uint64_t fraction = ((us % SECOND_US) << 16) / SECOND_US;
	return us / SECOND_US << 32 | fraction << FRACTION_BIT;
}

/* Serial arithmetic (RFC 1982): the seconds begin again in 2106. */
static bool is_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static uint64_t window(const struct vrrp_auth *a)
{
	return ((uint64_t)a->window_ms << 32) / 1000;
}

static bool in_window(const struct vrrp_auth *a, uint64_t number, uint64_t clock)
{
	return number - clock + window(a) <= 2 * window(a);
}

/* max(clock, last + 1). But where our clock was ahead and has been set right, last + 1 would be refused by everybody
 * until time has caught up, and there would be two masters: more than a window ahead, the clock is believed. */
static uint64_t next_number(const struct vrrp_auth *a, int64_t wall_us)
{
	uint64_t clock = number_of(wall_us);
	bool restart = a->sent == 0 || is_after(clock, a->sent) || !in_window(a, a->sent, clock);
	uint64_t number = restart ? clock : a->sent + 1;
	return number ? number : 1; /* 0 is "none" */
}

/* ---- the HMAC ---- */

static const struct vrrp_key *key_of(const struct vrrp_auth *a, uint8_t id)
{
	for (size_t i = 0; i < a->n_keys; i++)
		if (a->keys[i].id == id)
			return &a->keys[i];
	return NULL;
}

static void hmac(const struct vrrp_key *k, const struct lb_ip *source, const uint8_t *msg, size_t len,
	const uint8_t *stamp, uint8_t out[MAC])
{
	uint8_t in[PSEUDO + MESSAGE_MAX + VRRP_TRAILER], whole[HMAC256_SIZE];
	uint8_t *at = in + PSEUDO;
	assert(len >= SUM_AT + 2 && len <= MESSAGE_MAX);
	in[0] = lb_ip_is_v6(source) ? 6 : 4;
	in[1] = (uint8_t)(msg[0] >> 4);
	in[2] = msg[1];
	in[3] = 0;
	memcpy(in + 4, source->b, 16);
	memcpy(at, msg, len);
	memset(at + SUM_AT, 0, 2);
	memcpy(at + len, stamp, STAMP);
	memset(at + len + STAMP, 0, MAC);
	hmac256(k->bytes, k->n, in, PSEUDO + len + VRRP_TRAILER, whole);
	memcpy(out, whole, MAC);
	OPENSSL_cleanse(whole, sizeof(whole)); /* the half that is not sent is nobody's business */
}

/* ---- sending ---- */

static bool signs(const struct vrrp_auth *a)
{
	return a->mode == VRRP_AUTH_PERMISSIVE || a->mode == VRRP_AUTH_ENFORCE;
}

size_t vrrp_auth_sign(struct vrrp_auth *a, const struct lb_ip *source, int64_t wall_us, uint8_t *room, size_t len)
{
	uint8_t *trailer = room + len;
	if (!signs(a))
		return len;
	assert(a->n_keys);
	uint64_t number = next_number(a, wall_us);
	trailer[0] = TYPE_HMAC;
	trailer[1] = a->keys[0].id;
	trailer[2] = trailer[3] = 0;
	put_u64(trailer + 4, number);
	hmac(&a->keys[0], source, room, len, trailer, trailer + STAMP);
	a->sent = number;
	return len + VRRP_TRAILER;
}

/* ---- receiving ---- */

/* Where the mark of a sender is, or may be made: of those that protect nothing (free, or outside the window: what such
 * a mark would refuse does not get this far), and else of all, that of who was silent longest. */
static size_t place_of(const struct vrrp_auth *a, const struct lb_ip *from, uint64_t clock)
{
	size_t best = 0;
	bool best_void = false;
	for (size_t i = 0; i < VRRP_SENDERS_MAX; i++) {
		if (lb_ip_cmp(&a->senders[i].from, from) == 0)
			return i;
		bool is_void = a->senders[i].from.family == 0 || !in_window(a, a->senders[i].seen, clock);
		bool longer = a->senders[i].wall_us < a->senders[best].wall_us; /* 0 of a free one */
		if (is_void == best_void ? longer : is_void) {
			best = i;
			best_void = is_void;
		}
	}
	return best;
}

/* A mark that lies outside the window has expired: it was set while a clock was wrong, and would refuse everything that
 * is right for as long as that clock was ahead. */
static bool is_replay(
	const struct vrrp_auth *a, size_t place, const struct lb_ip *from, uint64_t number, uint64_t clock)
{
	uint64_t seen = a->senders[place].seen;
	if (lb_ip_cmp(&a->senders[place].from, from) != 0 || !in_window(a, seen, clock))
		return false;
	return !is_after(number, seen);
}

enum vrrp_discard vrrp_auth_verify(
	struct vrrp_auth *a, const struct vrrp_datagram *d, const struct vrrp_advert *advert, int64_t wall_us)
{
	uint8_t want[MAC];
	if (advert->trailer == 0)
		return a->mode == VRRP_AUTH_ENFORCE ? VRRP_DISCARD_AUTH : VRRP_DISCARD_NONE;
	const uint8_t *trailer = d->msg + advert->trailer;
	uint64_t number = get_u64(trailer + 4), clock = number_of(wall_us);
	if (trailer[0] != TYPE_HMAC || trailer[2] || trailer[3])
		return VRRP_DISCARD_AUTH;
	if (!in_window(a, number, clock)) /* before the HMAC: a flood of old packets costs nothing */
		return VRRP_DISCARD_AUTH;
	const struct vrrp_key *k = key_of(a, trailer[1]);
	if (!k)
		return VRRP_DISCARD_AUTH;
	hmac(k, &d->from, d->msg, advert->trailer, trailer, want);
	bool good = CRYPTO_memcmp(want, trailer + STAMP, MAC) == 0;
	OPENSSL_cleanse(want, sizeof(want)); /* what a forger would have to know */
	if (!good)
		return VRRP_DISCARD_AUTH;
	size_t place = place_of(a, &d->from, clock);
	if (is_replay(a, place, &d->from, number, clock))
		return VRRP_DISCARD_REPLAY;
	a->senders[place].from = d->from;
	a->senders[place].seen = number;
	a->senders[place].wall_us = wall_us;
	return VRRP_DISCARD_NONE;
}

/* ---- key files ---- */

struct keys {
	size_t n;
	struct vrrp_key v[VRRP_KEYS_MAX];
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 1..255, in at most three digits; 0: it is none. */
static uint8_t read_id(const char *s, size_t n)
{
	unsigned id = 0;
	if (n > 3)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		id = id * 10 + (unsigned)(s[i] - '0');
	}
	return id <= UINT8_MAX ? (uint8_t)id : 0;
}

/* NULL: read. What is wrong with it otherwise, in words that tell nothing of it. */
static const char *read_bytes(struct vrrp_key *k, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (hex_digit(s[i]) < 0)
			return "a key is written in hexadecimal digits";
	if (n % 2 || n < 2 * VRRP_KEY_MIN || n > 2 * VRRP_KEY_MAX)
		return "a key has 32 to 64 bytes, two hexadecimal digits each";
	for (size_t i = 0; i < n / 2; i++)
		k->bytes[i] = (uint8_t)(hex_digit(s[2 * i]) << 4 | hex_digit(s[2 * i + 1]));
	k->n = (uint8_t)(n / 2);
	return NULL;
}

/* One line without its end and its comment; NULL: fine. */
static const char *read_line(struct keys *keys, const char *s, size_t n)
{
	size_t id_n = 0, key_at;
	while (n && is_blank(s[n - 1]))
		n--;
	while (n && is_blank(*s)) {
		s++;
		n--;
	}
	if (n == 0)
		return NULL;
	while (id_n < n && !is_blank(s[id_n]))
		id_n++;
	for (key_at = id_n; key_at < n && is_blank(s[key_at]);)
		key_at++;
	uint8_t id = read_id(s, id_n);
	if (id == 0)
		return "a line is 'ID HEX', and an ID is a number from 1 to 255";
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].id == id)
			return "two keys have the same ID";
	if (keys->n == VRRP_KEYS_MAX)
		return "there are more than 8 keys";
	keys->v[keys->n].id = id;
	const char *why = read_bytes(&keys->v[keys->n], s + key_at, n - key_at);
	keys->n += !why;
	return why;
}

int vrrp_auth_keys(struct vrrp_auth *a, const char *text, size_t n, struct lb_err *e)
{
	_Static_assert(VRRP_KEYS_MAX == 8 && VRRP_KEY_MIN == 32 && VRRP_KEY_MAX == 64, "as the texts above say");
	struct keys keys = { .n = 0 };
	const char *at = text, *end = text + n, *why = NULL;
	unsigned line = 0;
	while (at < end && !why) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t whole = (size_t)((lf ? lf : end) - at);
		const char *comment = memchr(at, '#', whole);
		why = read_line(&keys, at, comment ? (size_t)(comment - at) : whole);
		at += whole + (lf != NULL);
		line++;
	}
	if (!why && keys.n) {
		a->n_keys = keys.n;
		memcpy(a->keys, keys.v, sizeof(a->keys)); /* all: what was there is gone */
	}
	bool found = keys.n > 0;
	OPENSSL_cleanse(&keys, sizeof(keys));
	if (why)
		return lb_err_set(e, LB_CODE_INVALID, "line %u: %s", line, why);
	return found ? 0 : lb_err_set(e, LB_CODE_INVALID, "line %u: there is no key in it", line ? line : 1);
}
