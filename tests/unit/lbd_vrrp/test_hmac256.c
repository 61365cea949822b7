/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HMAC-SHA256: the vectors of RFC 4231 that have a key of one block at most, and whatever libcrypto says; and that
 * nothing is allocated for it, as adverts leave while memory is out, too. */
#include "lbd/vrrp/hmac256.h"
#include "lbd/vrrp/peer_pkt.h"
#include "lbd/vrrp/vrrp_auth.h"
#include "tests/unit/data.h"
#include "tests/unit/memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>

static const struct {
	const char *what, *key, *bytes, *want;
} vectors[] = {
	{ "case 1", "0b0b0b0b 0b0b0b0b 0b0b0b0b 0b0b0b0b 0b0b0b0b", "48692054 68657265",
		"b0344c61 d8db3853 5ca8afce af0bf12b 881dc200 c9833da7 26e9376c 2e32cff7" },
	{ "case 2, a key that is shorter", "4a656665", "77686174 20646f20 79612077 616e7420 666f7220 6e6f7468 696e673f",
		"5bdcc146 bf60754e 6a042426 089575c7 5a003f08 9d273983 9dec58b9 64ec3843" },
	{ "case 4", "01020304 05060708 090a0b0c 0d0e0f10 11121314 15161718 19",
		"cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd cdcdcdcd "
		"cdcdcdcd "
		"cdcd",
		"82558a38 9a443c0e a4cc8198 99f2083a 85f0faa3 e578f807 7a2e3ff4 6729665b" },
};

START_TEST(vectors_of_the_rfc)
{
	uint8_t key[64], bytes[64], want[HMAC256_SIZE], got[HMAC256_SIZE];
	size_t key_n = hex(vectors[_i].key, key, sizeof(key)), n = hex(vectors[_i].bytes, bytes, sizeof(bytes));
	ck_assert_uint_eq(hex(vectors[_i].want, want, sizeof(want)), HMAC256_SIZE);
	hmac256(key, key_n, bytes, n, got);
	ck_assert_msg(memcmp(got, want, sizeof(want)) == 0, "%s", vectors[_i].what);
}
END_TEST

START_TEST(as_libcrypto_says)
{
	uint64_t s = 1;
	for (int i = 0; i < 3000; i++) {
		uint8_t key[HMAC256_KEY], bytes[300], got[HMAC256_SIZE], want[EVP_MAX_MD_SIZE];
		size_t key_n = among(&s, 1, HMAC256_KEY), n = among(&s, 0, sizeof(bytes));
		unsigned want_n = 0;
		for (size_t k = 0; k < key_n; k++)
			key[k] = (uint8_t)random_of(&s);
		for (size_t k = 0; k < n; k++)
			bytes[k] = (uint8_t)random_of(&s);
		hmac256(key, key_n, bytes, n, got);
		ck_assert_ptr_nonnull(HMAC(EVP_sha256(), key, (int)key_n, bytes, n, want, &want_n));
		ck_assert_msg(
			want_n == HMAC256_SIZE && memcmp(got, want, want_n) == 0, "round %d: %zu, %zu", i, key_n, n);
	}
}
END_TEST

/* An advert is signed and believed, a beat is made and believed, and there is no memory at all. */
START_TEST(nothing_is_allocated)
{
	static const uint8_t message[] = { 0x31, 51, 100, 1, 0, 100, 0, 0, 10, 0, 0, 100 };
	struct vrrp_auth a = { .mode = VRRP_AUTH_ENFORCE, .window_ms = 1000, .n_keys = 1 };
	const struct lb_ip from = { .family = AF_INET, .b = { 10, 0, 0, 1 } };
	struct peer_key key = { .n = PEER_KEY_MIN };
	const struct peer_beat beat = {
		.cluster = 7, .node = 1, .session = 2, .seq = 3, .wall_us = 4, .heartbeat_ms = 100
	};
	struct peer_beat read;
	uint8_t room[64], bytes[PEER_PKT_MAX];
	memcpy(room, message, sizeof(message));
	a.keys[0].id = 1;
	a.keys[0].n = VRRP_KEY_MIN;
	left = 0;
	size_t n = vrrp_auth_sign(&a, &from, 5000000, room, sizeof(message));
	const struct vrrp_datagram d = { .from = from, .msg = room, .len = n };
	const struct vrrp_advert advert = { .trailer = sizeof(message) };
	enum vrrp_discard why = vrrp_auth_verify(&a, &d, &advert, 5000000);
	size_t beat_n = peer_pkt_write(&beat, &key, bytes);
	enum peer_refusal refusal = peer_pkt_read(bytes, beat_n, 7, &key, &read);
	left = -1;
	ck_assert_uint_eq(n, sizeof(message) + VRRP_TRAILER);
	ck_assert_int_eq(why, VRRP_DISCARD_NONE);
	ck_assert_uint_gt(beat_n, PEER_SIGNATURE);
	ck_assert_int_eq(refusal, PEER_OK);
	ck_assert_uint_eq(read.seq, 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hmac256");
	TCase *t = tcase_create("hmac256");
	tcase_add_loop_test(t, vectors_of_the_rfc, 0, LEN(vectors));
	tcase_add_test(t, as_libcrypto_says);
	tcase_add_test(t, nothing_is_allocated);
	suite_add_tcase(s, t);
	return suite_run(s);
}
