/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain functions of libcrypto for SHA-256 work in place. They are called deprecated there because they ask no
 * provider which implementation to take; what does ask allocates. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lbd/vrrp/hmac256.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

_Static_assert(HMAC256_SIZE == SHA256_DIGEST_LENGTH && HMAC256_KEY == SHA256_CBLOCK, "a key is one block");

static void half(uint8_t pad, const uint8_t *key, size_t key_n, const uint8_t *bytes, size_t n, uint8_t *out)
{
	uint8_t block[HMAC256_KEY];
	SHA256_CTX c;
	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key_n; i++)
		block[i] ^= key[i];
	SHA256_Init(&c);
	SHA256_Update(&c, block, sizeof(block));
	SHA256_Update(&c, bytes, n);
	SHA256_Final(out, &c);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(&c, sizeof(c));
}

void hmac256(const uint8_t *key, size_t key_n, const uint8_t *bytes, size_t n, uint8_t out[HMAC256_SIZE])
{
	uint8_t inner[HMAC256_SIZE];
	assert(key_n <= HMAC256_KEY);
	half(0x36, key, key_n, bytes, n, inner);
	half(0x5c, key, key_n, inner, sizeof(inner), out);
	OPENSSL_cleanse(inner, sizeof(inner));
}
