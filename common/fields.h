/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of a message read with a sticky error, like struct lb_reader over bytes: a column of reads and one test of
 * `bad` at the end. Whatever is missing, of another type or out of range makes it bad and gives a harmless value.
 */
#pragma once

#include "common/addr.h"
#include "common/log.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_fields {
	const json_t *from; /* borrowed; NULL or no object: everything is missing */
	bool bad;
};

bool lb_field_has(const struct lb_fields *f, const char *key);
uint32_t lb_field_u32(struct lb_fields *f, const char *key, uint32_t min, uint32_t max);
int64_t lb_field_int(struct lb_fields *f, const char *key, int64_t min, int64_t max);
bool lb_field_bool(struct lb_fields *f, const char *key);
/* At most max bytes. Never NULL, borrowed. */
const char *lb_field_str(struct lb_fields *f, const char *key, size_t max);
/* Printable ASCII of at most max - 1 bytes, with its NUL. */
void lb_field_text(struct lb_fields *f, const char *key, char *out, size_t max);
enum lb_log_level lb_field_level(struct lb_fields *f, const char *key);
struct lb_ip lb_field_ip(struct lb_fields *f, const char *key);
/* An array of at most max items; NULL when it is none (and bad). */
const json_t *lb_field_list(struct lb_fields *f, const char *key, size_t max);

/* n bytes in hexadecimal; NULL when memory is out. */
json_t *lb_hex_write(const uint8_t *bytes, size_t n);
/* n digits to n / 2 bytes; false when that is not hexadecimal. */
bool lb_hex_read(const char *hex, size_t n, uint8_t *out);
