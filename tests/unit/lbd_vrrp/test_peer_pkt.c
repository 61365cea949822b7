/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Beats as bytes: two whole ones, every field at and behind its limits (signed by the test, so that what stands behind
 * the signature is reached), every cut, every bit; and key files. */
#include "lbd/vrrp/peer_pkt.h"
#include "tests/unit/lbd_vrrp/frames.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define SEEDS 3000

/* key_of(32) and key_of(64) signed these, with another HMAC than ours. */
static const char full[] = "4c4244500101070300c800001261c119 1dbe4bee112233445566778800000000"
			   "00000009a1a2a3a4a5a6a7a801020304 050607080001234500060a2418202240"
			   "c0ffee00c0ffee110003302e312e3000 00000000000000000000000000000000"
			   "5ea0e11948721ef10296010400640000 0a090001000000000000000000000000"
			   "3d7d44f619ea4c25016408060fff0000 fe800000000000000000000000000054"
			   "08914e07b53ba1e303fe000000000000 00000000000000000000000000000000"
			   "3b37860e4203a10ec05c8ee1b9fdf4c0 f2819624d19858e4d5844723d01f4c3e";
static const char least[] = "4c42445001000700000a0000af63dc4c 8601ec8c000000000000000100000000"
			    "00000001000000000000000000000000 00000000000000000000000000000000"
			    "0000000000000000ffff767676767676 76767676767676767676767676767676"
			    "d1214ae59ffdbcef4a6dd2e090747a18 2cdf1e3a87afd214b567043893ad4fb3";

static struct peer_key key_of(size_t n)
{
	struct peer_key k = { .n = n };
	for (size_t i = 0; i < n; i++)
		k.bytes[i] = (uint8_t)i;
	return k;
}

static struct peer_beat full_beat(void)
{
	struct peer_beat b = { .cluster = 7,
		.flags = PEER_FLAG_ASK,
		.heartbeat_ms = 200,
		.node = peer_name_id("lb1"),
		.session = UINT64_C(0x1122334455667788),
		.seq = 9,
		.echo_session = UINT64_C(0xa1a2a3a4a5a6a7a8),
		.echo_seq = UINT64_C(0x0102030405060708),
		.echo_held_us = 0x12345,
		.wall_us = INT64_C(1700000000123456),
		.config = UINT64_C(0xc0ffee00c0ffee11),
		.instances = 3,
		.version = "0.1.0",
		.n = 3 };
	b.v[0] =
		(struct peer_entry){ peer_name_id("web"), VRRP_STATE_MASTER, 150, PEER_ENTRY_ARM, 100, ip("10.9.0.1") };
	b.v[1] = (struct peer_entry){ peer_name_id("web6"), VRRP_STATE_BACKUP, 100, PEER_ENTRY_OUT, 4095,
		ip("fe80::54") };
	b.v[2] = (struct peer_entry){ peer_name_id("db"), VRRP_STATE_FAULT, 254, 0, 0, ip(NULL) };
	return b;
}

static struct peer_beat least_beat(void)
{
	return (struct peer_beat){ .cluster = 7,
		.heartbeat_ms = 10,
		.node = peer_name_id("a"),
		.session = 1,
		.seq = 1,
		.instances = 65535,
		.version = "vvvvvvvvvvvvvvvvvvvvvv" };
}

static void ck_same(const struct peer_beat *a, const struct peer_beat *b, const char *what)
{
	ck_assert_msg(
		a->cluster == b->cluster && a->flags == b->flags && a->heartbeat_ms == b->heartbeat_ms, "%s", what);
	ck_assert_msg(a->node == b->node && a->session == b->session && a->seq == b->seq, "%s", what);
	ck_assert_msg(a->echo_session == b->echo_session && a->echo_seq == b->echo_seq, "%s", what);
	ck_assert_msg(a->echo_held_us == b->echo_held_us && a->wall_us == b->wall_us, "%s", what);
	ck_assert_msg(a->config == b->config && a->instances == b->instances && a->n == b->n, "%s", what);
	ck_assert_msg(memcmp(a->version, b->version, sizeof(a->version)) == 0, "%s", what);
	for (size_t i = 0; i < a->n; i++) {
		const struct peer_entry *x = &a->v[i], *y = &b->v[i];
		ck_assert_msg(x->id == y->id && x->state == y->state && x->prio == y->prio && x->flags == y->flags &&
				      x->interval_cs == y->interval_cs && lb_ip_cmp(&x->source, &y->source) == 0,
			"%s: entry %zu", what, i);
	}
}

static void sign(uint8_t *bytes, size_t len, const struct peer_key *k)
{
	uint8_t out[EVP_MAX_MD_SIZE];
	size_t n = len - PEER_SIGNATURE;
	ck_assert(HMAC(EVP_sha256(), k->bytes, (int)k->n, bytes, n, out, NULL) != NULL);
	memcpy(bytes + n, out, PEER_SIGNATURE);
}

/* From a copy that is exactly as large. */
static enum peer_refusal read_exact(const uint8_t *bytes, size_t n, const struct peer_key *k, struct peer_beat *b)
{
	uint8_t *copy = exact(bytes, n);
	memset(b, 0x5a, sizeof(*b));
	enum peer_refusal why = peer_pkt_read(copy, n, 7, k, b);
	free(copy);
	return why;
}

/* ---- the golden ones ---- */

static const struct {
	const char *what, *bytes;
	size_t key_n;
	struct peer_beat (*beat)(void);
} golden[] = {
	{ "three instances, an echo", full, 32, full_beat },
	{ "nothing heard, no instance in it, a text that fills its field", least, 64, least_beat },
};

START_TEST(is_written_as_it_should_be)
{
	uint8_t want[PEER_PKT_MAX], out[PEER_PKT_MAX];
	size_t n = hex(golden[_i].bytes, want, sizeof(want));
	struct peer_key k = key_of(golden[_i].key_n);
	struct peer_beat b = golden[_i].beat();
	memset(out, 0xee, sizeof(out));
	ck_assert_uint_eq(peer_pkt_write(&b, &k, out), n);
	for (size_t i = 0; i < sizeof(out); i++)
		ck_assert_msg(out[i] == (i < n ? want[i] : 0xee), "%s: byte %zu is %02x", golden[_i].what, i, out[i]);
}
END_TEST

START_TEST(is_read_as_it_was_meant)
{
	uint8_t bytes[PEER_PKT_MAX];
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes));
	struct peer_key k = key_of(golden[_i].key_n);
	struct peer_beat b, want = golden[_i].beat();
	ck_assert_int_eq(read_exact(bytes, n, &k, &b), PEER_OK);
	ck_same(&b, &want, golden[_i].what);
}
END_TEST

START_TEST(is_cut_at_every_byte)
{
	uint8_t bytes[PEER_PKT_MAX];
	struct peer_key k = key_of(golden[_i].key_n);
	struct peer_beat b;
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes));
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(read_exact(bytes, cut, &k, &b) == PEER_LENGTH, "%s: %zu", golden[_i].what, cut);
	for (size_t more = 1; more <= 64; more++) {
		bytes[n + more - 1] = 0;
		ck_assert_msg(read_exact(bytes, n + more, &k, &b) == PEER_LENGTH, "%s: +%zu", golden[_i].what, more);
	}
}
END_TEST

START_TEST(each_bit_counts)
{
	uint8_t bytes[PEER_PKT_MAX];
	struct peer_key k = key_of(golden[_i].key_n);
	struct peer_beat b;
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes));
	for (size_t bit = 0; bit < n * 8; bit++) {
		size_t at = bit / 8;
		enum peer_refusal want = at < 4    ? PEER_FORMAT
					 : at == 4 ? PEER_VERSION
					 : at == 6 ? PEER_CLUSTER
					 : at == 7 ? PEER_LENGTH
						   : PEER_KEY;
		bytes[at] ^= (uint8_t)(1u << bit % 8);
		enum peer_refusal why = read_exact(bytes, n, &k, &b);
		ck_assert_msg(why == want, "%s: bit %zu: %s", golden[_i].what, bit, peer_refusals[why]);
		bytes[at] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(another_key_is_no_key)
{
	uint8_t bytes[PEER_PKT_MAX];
	struct peer_key k = key_of(golden[_i].key_n);
	struct peer_beat b;
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes));
	for (size_t bit = 0; bit < k.n * 8; bit++) {
		k.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(read_exact(bytes, n, &k, &b), PEER_KEY);
		k.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	k.n = k.n == PEER_KEY_MIN ? PEER_KEY_MIN + 1 : PEER_KEY_MAX - 1;
	ck_assert_int_eq(read_exact(bytes, n, &k, &b), golden[_i].key_n == 32 ? PEER_OK : PEER_KEY);
}
END_TEST

/* ---- fields ---- */

#define E(n) (PEER_HEAD + PEER_ENTRY * (n))

static const struct {
	const char *what;
	size_t at; /* in the full beat */
	const char *bytes;
	enum peer_refusal want;
} fields[] = {
	{ "as it is", 0, "4c", PEER_OK },
	{ "no flag", 5, "00", PEER_OK },
	{ "a flag without a name", 5, "02", PEER_FORMAT },
	{ "the highest one", 5, "80", PEER_FORMAT },
	{ "heartbeat 9", 8, "0009", PEER_FORMAT },
	{ "heartbeat 10", 8, "000a", PEER_OK },
	{ "heartbeat 10000", 8, "2710", PEER_OK },
	{ "heartbeat 10001", 8, "2711", PEER_FORMAT },
	{ "heartbeat 0", 8, "0000", PEER_FORMAT },
	{ "zero is not: high", 10, "0100", PEER_FORMAT },
	{ "zero is not: low", 10, "0001", PEER_FORMAT },
	{ "no node", 12, "0000000000000000", PEER_FORMAT },
	{ "the last node", 12, "ffffffffffffffff", PEER_OK },
	{ "no session", 20, "0000000000000000", PEER_FORMAT },
	{ "the least session", 20, "0000000000000001", PEER_OK },
	{ "no number", 28, "0000000000000000", PEER_FORMAT },
	{ "the last number", 28, "ffffffffffffffff", PEER_OK },
	{ "an echo without a session", 36, "0000000000000000", PEER_FORMAT },
	{ "an echo without a number", 44, "0000000000000000", PEER_FORMAT },
	{ "no echo at all, but held", 36, "0000000000000000 0000000000000000 00000001", PEER_FORMAT },
	{ "no echo at all", 36, "0000000000000000 0000000000000000 00000000", PEER_OK },
	{ "held for as long as can be said", 52, "ffffffff", PEER_OK },
	{ "held for no time", 52, "00000000", PEER_OK },
	{ "1970", 56, "0000000000000000", PEER_OK },
	{ "before 1970", 56, "ffffffffffffffff", PEER_FORMAT },
	{ "the last clock", 56, "4000000000000000", PEER_OK },
	{ "behind the last clock", 56, "4000000000000001", PEER_FORMAT },
	{ "the end of time", 56, "7fffffffffffffff", PEER_FORMAT },
	{ "any configuration", 64, "0000000000000000", PEER_OK },
	{ "fewer instances than are in it", 72, "0002", PEER_FORMAT },
	{ "as many as can be said", 72, "ffff", PEER_OK },
	{ "no version", 74, "0000000000", PEER_OK },
	{ "blank and tilde", 74, "207e", PEER_OK },
	{ "a control character", 74, "1f", PEER_FORMAT },
	{ "DEL", 75, "7f", PEER_FORMAT },
	{ "not ASCII", 76, "c3", PEER_FORMAT },
	{ "something behind the text", 80, "31", PEER_FORMAT },
	{ "in its last byte", 95, "31", PEER_FORMAT },
	{ "an entry of no instance", E(0), "0000000000000000", PEER_FORMAT },
	{ "one entry twice, the first and the last", E(2), "5ea0e11948721ef1", PEER_FORMAT },
	{ "one entry twice, the last two", E(2), "3d7d44f619ea4c25", PEER_FORMAT },
	{ "init", E(0) + 8, "00", PEER_OK },
	{ "fault", E(0) + 8, "03", PEER_OK },
	{ "a state that is none", E(0) + 8, "04", PEER_FORMAT },
	{ "far from one", E(2) + 8, "ff", PEER_FORMAT },
	{ "any priority", E(1) + 9, "ff", PEER_OK },
	{ "all flags", E(1) + 10, "0f", PEER_OK },
	{ "one more", E(1) + 10, "1f", PEER_FORMAT },
	{ "the highest", E(2) + 10, "80", PEER_FORMAT },
	{ "a family that is none", E(0) + 11, "05", PEER_FORMAT },
	{ "AF_INET of this kernel", E(0) + 11, "02", PEER_FORMAT },
	{ "an address without a family", E(0) + 11, "00", PEER_FORMAT },
	{ "an IPv6 address of IPv4", E(1) + 11, "04", PEER_FORMAT },
	{ "an IPv4 address of IPv6 is one", E(0) + 11, "06", PEER_OK },
	{ "interval 4095", E(0) + 12, "0fff", PEER_OK },
	{ "interval 4096, of version 2", E(0) + 12, "1000", PEER_OK },
	{ "interval 25500, its longest", E(0) + 12, "639c", PEER_OK },
	{ "interval 25501", E(0) + 12, "639d", PEER_FORMAT },
	{ "interval 0", E(0) + 12, "0000", PEER_OK },
	{ "zero of an entry is not: high", E(1) + 14, "8000", PEER_FORMAT },
	{ "zero of an entry is not: low", E(2) + 14, "0001", PEER_FORMAT },
	{ "behind an IPv4 address: first", E(0) + 20, "01", PEER_FORMAT },
	{ "behind an IPv4 address: last", E(0) + 31, "01", PEER_FORMAT },
	{ "where there is no address", E(2) + 31, "80", PEER_FORMAT },
	{ "another version", 4, "02", PEER_VERSION },
	{ "another cluster", 6, "08", PEER_CLUSTER },
	{ "no cluster", 6, "00", PEER_CLUSTER },
	{ "an entry more than there is", 7, "04", PEER_LENGTH },
	{ "an entry less", 7, "02", PEER_LENGTH },
	{ "as many as a byte can say", 7, "ff", PEER_LENGTH },
};

START_TEST(each_field_has_its_limits)
{
	uint8_t bytes[PEER_PKT_MAX], put[32], again[PEER_PKT_MAX];
	struct peer_key k = key_of(32);
	struct peer_beat b;
	size_t n = hex(full, bytes, sizeof(bytes));
	memcpy(bytes + fields[_i].at, put, hex(fields[_i].bytes, put, sizeof(put)));
	sign(bytes, n, &k);
	enum peer_refusal why = read_exact(bytes, n, &k, &b);
	ck_assert_msg(why == fields[_i].want, "%s: %s", fields[_i].what, peer_refusals[why]);
	if (why)
		return;
	ck_assert_uint_eq(peer_pkt_write(&b, &k, again), n);
	ck_assert_msg(memcmp(again, bytes, n) == 0, "%s: written differently", fields[_i].what);
}
END_TEST

/* Nothing of a beat is looked at before it is known who wrote it, but for what must be. */
START_TEST(the_first_broken_rule_is_the_reason)
{
	static const struct {
		size_t at;
		uint8_t is;
		enum peer_refusal want;
	} rules[] = { { 8, 0xff, PEER_FORMAT }, { 190, 0xff, PEER_KEY }, { 6, 8, PEER_CLUSTER }, { 7, 1, PEER_LENGTH },
		{ 4, 2, PEER_VERSION }, { 0, 'l', PEER_FORMAT } };
	uint8_t bytes[PEER_PKT_MAX];
	struct peer_key k = key_of(32);
	struct peer_beat b;
	size_t n = hex(full, bytes, sizeof(bytes));
	bytes[11] = 1; /* behind the signature, from the beginning */
	sign(bytes, n, &k);
	for (size_t i = 0; i < LEN(rules); i++) {
		bytes[rules[i].at] = rules[i].is;
		if (i == 0)
			sign(bytes, n, &k);
		enum peer_refusal why = read_exact(bytes, n, &k, &b);
		ck_assert_msg(why == rules[i].want, "rule %zu: %s", i, peer_refusals[why]);
	}
	ck_assert_int_eq(read_exact(bytes, 8, &k, &b), PEER_FORMAT);
	ck_assert_int_eq(read_exact(bytes, 7, &k, &b), PEER_LENGTH);
	ck_assert_int_eq(read_exact(bytes, 0, &k, &b), PEER_LENGTH);
}
END_TEST

/* A later version may have another length, and is still told as that. */
START_TEST(another_version_of_another_length)
{
	uint8_t bytes[PEER_PKT_MAX];
	struct peer_key k = key_of(32);
	struct peer_beat b;
	size_t n = hex(full, bytes, sizeof(bytes));
	bytes[4] = 2;
	for (size_t len = 8; len <= n; len++)
		ck_assert_int_eq(read_exact(bytes, len, &k, &b), PEER_VERSION);
}
END_TEST

/* ---- as many as there can be, and random ones ---- */

static struct peer_beat random_beat(uint64_t *s)
{
	struct peer_beat b = { .cluster = 7, .flags = random_of(s) % 2 };
	b.heartbeat_ms = (uint32_t)(10 + random_of(s) % 9991);
	b.node = random_of(s) | 1;
	b.session = random_of(s) | 1;
	b.seq = random_of(s) | 1;
	if (random_of(s) % 4) {
		b.echo_session = random_of(s) | 1;
		b.echo_seq = random_of(s) | 1;
		b.echo_held_us = (uint32_t)random_of(s);
	}
	b.wall_us = (int64_t)(random_of(s) >> 2);
	b.config = random_of(s);
	b.n = random_of(s) % (PEER_ENTRIES_MAX + 1);
	b.instances = (uint32_t)(b.n + random_of(s) % 1000);
	for (size_t i = 0, n = random_of(s) % PEER_VERSION_MAX; i < n; i++)
		b.version[i] = (char)(0x20 + random_of(s) % 95);
	for (size_t i = 0; i < b.n; i++) {
		static const uint8_t families[] = { 0, AF_INET, AF_INET6 };
		struct peer_entry *e = &b.v[i];
		e->id = random_of(s) << 8 | (i + 1);
		e->state = (enum vrrp_state)(random_of(s) % VRRP_STATE_COUNT);
		e->prio = (uint8_t)random_of(s);
		e->flags = random_of(s) % 16;
		e->interval_cs = random_of(s) % (VRRP_INTERVAL_CS_MAX + 1);
		e->source.family = families[random_of(s) % 3];
		size_t width = e->source.family == AF_INET6 ? 16 : e->source.family == AF_INET ? 4 : 0;
		for (size_t k = 0; k < width; k++)
			e->source.b[k] = (uint8_t)random_of(s);
	}
	return b;
}

START_TEST(what_is_written_is_read)
{
	char what[32];
	for (int seed = 0; seed < SEEDS; seed++) {
		uint64_t s = (uint64_t)seed * 1000003;
		uint8_t bytes[PEER_PKT_MAX], again[PEER_PKT_MAX];
		struct peer_key k = key_of(PEER_KEY_MIN + random_of(&s) % (PEER_KEY_MAX - PEER_KEY_MIN + 1));
		struct peer_beat b = random_beat(&s), got;
		snprintf(what, sizeof(what), "seed %d", seed);
		size_t n = peer_pkt_write(&b, &k, bytes);
		ck_assert_msg(n == PEER_HEAD + b.n * PEER_ENTRY + PEER_SIGNATURE && n <= PEER_PKT_MAX, "%s", what);
		ck_assert_msg(read_exact(bytes, n, &k, &got) == PEER_OK, "%s", what);
		ck_same(&got, &b, what);
		ck_assert_msg(peer_pkt_write(&got, &k, again) == n && memcmp(again, bytes, n) == 0, "%s", what);
	}
}
END_TEST

START_TEST(as_many_entries_as_there_can_be)
{
	uint8_t bytes[PEER_PKT_MAX + PEER_ENTRY];
	struct peer_key k = key_of(32);
	struct peer_beat b = full_beat(), got;
	b.n = b.instances = PEER_ENTRIES_MAX;
	for (size_t i = 0; i < b.n; i++)
		b.v[i] = (struct peer_entry){ .id = i + 1 };
	ck_assert_uint_eq(peer_pkt_write(&b, &k, bytes), PEER_PKT_MAX);
	ck_assert_int_eq(read_exact(bytes, PEER_PKT_MAX, &k, &got), PEER_OK);
	ck_assert_uint_eq(got.n, PEER_ENTRIES_MAX);
	/* one more, as long as it says, and signed */
	memset(bytes + PEER_PKT_MAX - PEER_SIGNATURE, 0, PEER_ENTRY);
	bytes[7] = PEER_ENTRIES_MAX + 1;
	sign(bytes, sizeof(bytes), &k);
	ck_assert_int_eq(read_exact(bytes, sizeof(bytes), &k, &got), PEER_LENGTH);
}
END_TEST

START_TEST(words_and_names)
{
	for (size_t i = 0; i < PEER_REFUSAL_COUNT; i++) {
		ck_assert_msg(peer_refusals[i] && (i == 0) == (peer_refusals[i][0] == '\0'), "row %zu", i);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(peer_refusals[i], peer_refusals[j]);
	}
	ck_assert_str_eq(peer_refusals[PEER_REPLAY], "replay");
	/* the vectors of its authors */
	ck_assert_uint_eq(peer_name_id(""), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(peer_name_id("a"), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(peer_name_id("foobar"), UINT64_C(0x85944171f73967e8));
	/* the 64-bit zero of FNV-1a, from the same page */
	ck_assert_uint_eq(peer_name_id("\xd5\x6b\xb9\x53\x42\x87\x08\x36"), 1);
}
END_TEST

/* ---- key files ---- */

#define D16 "00112233445566778899aabbccddeeff" /* digits of 16 bytes */
#define R16 "sixteen letters!"

static const struct {
	const char *what, *text;
	int n; /* of the key; 0 = it is none; the text is as long as a string */
} keys[] = {
	{ "32 bytes in hexadecimal", D16 D16, 32 },
	{ "64 bytes", D16 D16 D16 D16, 64 },
	{ "33", D16 D16 "0A", 33 },
	{ "a byte too few: not taken as 62 letters", D16 "00112233445566778899aabbccddee", 0 },
	{ "a byte too many", D16 D16 D16 D16 "00", 0 },
	{ "half a byte too few", D16 "00112233445566778899aabbccddeef", 0 },
	{ "half a byte too many: not taken as 65 letters", D16 D16 "0", 0 },
	{ "16 bytes in hexadecimal are not 32 letters", D16, 0 },
	{ "blanks and newlines around it", " \t\r\n" D16 D16 " \r\n\n", 32 },
	{ "a newline in the middle: they are bytes, too many", D16 "\n" D16, 0 },
	{ "32 bytes as they are", R16 R16, 32 },
	{ "64 of them", R16 R16 R16 R16, 64 },
	{ "31", R16 "sixteen letters", 0 },
	{ "65", R16 R16 R16 R16 "!", 0 },
	{ "a newline is one of them", R16 "sixteen letters\n", 32 },
	{ "and may be one too many", R16 R16 R16 R16 "\n", 0 },
	{ "blanks alone are bytes, as bad as they are", "                                ", 32 },
	{ "nothing", "", 0 },
	{ "a newline", "\n", 0 },
	{ "nearly digits", D16 "00112233445566778899aabbccddeefg", 64 },
};

START_TEST(key_files)
{
	struct peer_key k = key_of(64), before = k;
	size_t n = strlen(keys[_i].text);
	uint8_t *text = exact((const uint8_t *)keys[_i].text, n);
	int rc = peer_key_read(&k, text, n);
	ck_assert_msg(rc == (keys[_i].n ? 0 : -1), "%s: %d", keys[_i].what, rc);
	if (rc)
		ck_assert_msg(memcmp(&k, &before, sizeof(k)) == 0, "%s: touched", keys[_i].what);
	else
		ck_assert_msg(k.n == (size_t)keys[_i].n, "%s: %zu", keys[_i].what, k.n);
	free(text);
}
END_TEST

START_TEST(what_a_key_file_means)
{
	struct peer_key k = key_of(64);
	uint8_t bytes[PEER_KEY_MAX] = { 0 }, zero[PEER_KEY_MAX] = { 0 };
	const char *text = " 000102030405060708090A0b0C0d0e0f101112131415161718191a1b1c1d1e1f\n";
	ck_assert_int_eq(peer_key_read(&k, (const uint8_t *)text, strlen(text)), 0);
	struct peer_key want = key_of(32);
	ck_assert_mem_eq(k.bytes, want.bytes, 32);
	ck_assert_mem_eq(k.bytes + 32, zero, 32); /* of the longer one that was there nothing is left */
	bytes[0] = bytes[39] = 0xff;
	ck_assert_int_eq(peer_key_read(&k, bytes, 40), 0);
	ck_assert_uint_eq(k.n, 40);
	ck_assert_mem_eq(k.bytes, bytes, 40);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer_pkt");
	TCase *t = tcase_create("beats");
	tcase_add_loop_test(t, is_written_as_it_should_be, 0, LEN(golden));
	tcase_add_loop_test(t, is_read_as_it_was_meant, 0, LEN(golden));
	tcase_add_loop_test(t, is_cut_at_every_byte, 0, LEN(golden));
	tcase_add_loop_test(t, each_bit_counts, 0, LEN(golden));
	tcase_add_loop_test(t, another_key_is_no_key, 0, LEN(golden));
	tcase_add_loop_test(t, each_field_has_its_limits, 0, LEN(fields));
	tcase_add_test(t, the_first_broken_rule_is_the_reason);
	tcase_add_test(t, another_version_of_another_length);
	tcase_add_test(t, as_many_entries_as_there_can_be);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, words_and_names);
	tcase_add_loop_test(t, key_files, 0, LEN(keys));
	tcase_add_test(t, what_a_key_file_means);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
