/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of a message read with a sticky error, like struct lb_reader over bytes: a column of reads and one test of
 * `bad` at the end. Whatever is missing, of another type or out of range makes it bad and gives a harmless value.
 * And members of a message put with a sticky error, like struct lb_text.
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
uint64_t lb_field_counter(struct lb_fields *f, const char *key); /* of 63 bits */
/* At most max bytes. Never NULL, borrowed. */
const char *lb_field_str(struct lb_fields *f, const char *key, size_t max);
/* Printable ASCII of at most max - 1 bytes, with its NUL. */
void lb_field_text(struct lb_fields *f, const char *key, char *out, size_t max);
void lb_field_name(struct lb_fields *f, const char *key, char *out, size_t max); /* the same, not empty */
/* UTF-8 without control characters of at most max - 1 bytes, with its NUL: what people or the host have named. */
void lb_field_line(struct lb_fields *f, const char *key, char *out, size_t max);
/* What the kernel takes as the name of a network device (dev_valid_name in net/core/dev.c), of at most LB_DEVICE_MAX -
 * 1 bytes, with its NUL: more than ASCII is legal. */
#define LB_DEVICE_MAX 16 /* IFNAMSIZ */
void lb_field_device(struct lb_fields *f, const char *key, char out[LB_DEVICE_MAX]);
/* min to max bytes in hexadecimal; how many there are. */
size_t lb_field_bytes(struct lb_fields *f, const char *key, uint8_t *out, size_t min, size_t max);
/* A number of 64 bits, which no number of JSON holds for certain: 16 hexadecimal digits. */
uint64_t lb_field_u64(struct lb_fields *f, const char *key);
/* The number of a word among n; 0 when it is none of them (and bad). */
#define LB_FIELD_WORD_MAX 32 /* bytes */
unsigned lb_field_word(struct lb_fields *f, const char *key, const char *const *words, size_t n);
enum lb_log_level lb_field_level(struct lb_fields *f, const char *key);
struct lb_ip lb_field_ip(struct lb_fields *f, const char *key);
/* A list of at most max paths, none of them to ourselves; how many there are. */
uint32_t lb_field_paths(struct lb_fields *f, const char *key, struct lb_path *out, size_t max);
/* An array of at most max items; NULL when it is none (and bad). */
const json_t *lb_field_list(struct lb_fields *f, const char *key, size_t max);

/* n bytes in hexadecimal; NULL when memory is out. */
json_t *lb_hex_write(const uint8_t *bytes, size_t n);
/* n digits to n / 2 bytes; false when that is not hexadecimal. */
bool lb_hex_read(const char *hex, size_t n, uint8_t *out);

struct lb_members {
	json_t *to; /* owned until lb_members_end. NULL is a place where nothing can be put */
	bool bad;   /* memory was out, or a text is not UTF-8 */
};

/* Takes over the value; NULL makes it bad. */
void lb_put(struct lb_members *o, const char *key, json_t *value);
void lb_put_int(struct lb_members *o, const char *key, int64_t value);
void lb_put_bool(struct lb_members *o, const char *key, bool value);
void lb_put_str(struct lb_members *o, const char *key, const char *value);
void lb_put_ip(struct lb_members *o, const char *key, const struct lb_ip *ip); /* family 0: no such member */
void lb_put_u64(struct lb_members *o, const char *key, uint64_t value);        /* as lb_field_u64 reads it */
void lb_put_paths(struct lb_members *o, const char *key, const struct lb_path *paths, size_t n);
/* Appends to a list; takes over the item. False: memory was out (one of them is NULL), and the list is gone. */
bool lb_list_add(json_t *list, json_t *item);
/* What was put, the caller's now; NULL when it was bad, and everything is gone. */
json_t *lb_members_end(struct lb_members *o);
