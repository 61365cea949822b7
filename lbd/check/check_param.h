/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only some check types have: path, headers, query and so on. A spec carries them as one string of bytes, so that
 * comparing, hashing, copying and sending a spec is the same for every type, and a new key of a new type is a row of
 * the schema and a line here. The values are texts in the form of the table below; numbers are decimal, times are in
 * milliseconds. A key that may be repeated has several entries, in the order of the file.
 *
 * The string: for each entry, in ascending order of the key, 1 byte key, 2 bytes length (little endian), the bytes of
 * the value and a NUL, which the length does not count: values are C strings in place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_text;

/* The order is part of the channel's protocol only within one version of lbd: both ends are the same binary. */
enum check_param {
	CHECK_PARAM_NONE,
	CHECK_PARAM_INTERFACE,
	CHECK_PARAM_SEND,         /* bytes */
	CHECK_PARAM_EXPECT,       /* bytes that must occur */
	CHECK_PARAM_EXPECT_REGEX, /* PCRE2 */
	CHECK_PARAM_METHOD,
	CHECK_PARAM_PATH,   /* of a URL, or of the program, or of the file */
	CHECK_PARAM_HOST,   /* Host header, SNI, name in the certificate */
	CHECK_PARAM_HEADER, /* "Name: value", repeated */
	CHECK_PARAM_DATA,   /* body of the request */
	CHECK_PARAM_STATUS, /* "200" or "200-299", repeated */
	CHECK_PARAM_BODY,   /* must occur in the body */
	CHECK_PARAM_BODY_REGEX,
	CHECK_PARAM_MAX_BODY,     /* bytes that are looked at */
	CHECK_PARAM_HTTP_VERSION, /* 1.1, 2 */
	CHECK_PARAM_TLS_MODE,     /* off, starttls, implicit */
	CHECK_PARAM_TLS_VERIFY,   /* 0, 1 */
	CHECK_PARAM_TLS_CA,       /* files */
	CHECK_PARAM_TLS_CERT,
	CHECK_PARAM_TLS_KEY,
	CHECK_PARAM_TLS_MIN,     /* 1.2, 1.3 */
	CHECK_PARAM_QUERY,       /* "example.com A" */
	CHECK_PARAM_ANSWER,      /* repeated: each must occur */
	CHECK_PARAM_RCODE,       /* NOERROR, NXDOMAIN ... */
	CHECK_PARAM_TRANSPORT,   /* udp, tcp */
	CHECK_PARAM_ARG,         /* of the program, repeated; %a address, %p port */
	CHECK_PARAM_WEIGHT_FROM, /* exit, output, header, json, line, file */
	CHECK_PARAM_WEIGHT_NAME, /* of the header, or path of the JSON field: load.free */
	CHECK_PARAM_WEIGHT_MIN,
	CHECK_PARAM_WEIGHT_MAX,
	CHECK_PARAM_WEIGHT_SMOOTH /* number of values that are averaged */
};
#define CHECK_PARAM_COUNT     31
#define CHECK_PARAMS_MAX      16384u /* bytes of one spec */
#define CHECK_PARAM_VALUE_MAX 4096u

struct check_params {
	const uint8_t *bytes; /* borrowed */
	uint32_t n;
};

/* Appends one entry; the caller keeps the order. 0; -EINVAL: too long, or all of it would be; -ENOMEM. */
int check_param_put(struct lb_text *out, enum check_param key, const char *value, size_t n);

/* Whether these bytes are what check_param_put wrote: every key known, ascending, terminated, within the limits. */
bool check_params_ok(const uint8_t *bytes, size_t n);

/* The next value of key after `from` (NULL = the first); NULL when there is none. *n (may be NULL) is its length. Of
 * params that are ok. */
const char *check_param_next(const struct check_params *p, enum check_param key, const char *from, size_t *n);

/* The only value, or NULL. */
static inline const char *check_param(const struct check_params *p, enum check_param key)
{
	return check_param_next(p, key, NULL, NULL);
}

/* A decimal value, or what to take when it is not there. */
uint32_t check_param_num(const struct check_params *p, enum check_param key, uint32_t absent);

bool check_params_equal(const struct check_params *a, const struct check_params *b);
