/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HMAC-SHA256 (RFC 2104, RFC 4231) over bytes in memory, that cannot fail: nothing is allocated and nothing is set up.
 * Adverts and beats leave while memory is out, too; the HMAC of libcrypto wants 13 allocations for each, and two even
 * where its context is kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HMAC256_SIZE 32u
#define HMAC256_KEY  64u /* bytes of a key, at most */

void hmac256(const uint8_t *key, size_t key_n, const uint8_t *bytes, size_t n, uint8_t out[HMAC256_SIZE]);
