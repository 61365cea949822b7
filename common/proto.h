/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire form of every conversation in lbd, the control sockets and the channels to the workers alike: one JSON
 * object per line, UTF-8, at most LB_PROTO_LINE_MAX bytes and LB_PROTO_DEPTH_MAX levels. Everything that arrives is
 * hostile until it passed lb_proto_parse; each topic keeps the writer and the reader of its own messages side by side.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct lb_err;
struct lb_text;

#define LB_PROTO_VERSION   1
#define LB_PROTO_SCHEMA    1 /* of the rows: keys are only added within a number */
#define LB_PROTO_LINE_MAX  (1024u * 1024u)
#define LB_PROTO_DEPTH_MAX 16u

/* One line without its newline. Returns a new reference to an object (duplicate keys, NUL in strings, anything but an
 * object at the top: refused), or NULL with *e set to LB_CODE_USAGE. */
json_t *lb_proto_parse(const char *line, size_t n, struct lb_err *e);

/* Appends the compact form and a newline. Sticky error in out. */
void lb_proto_dump(const json_t *msg, struct lb_text *out);

/* Reads of one member with a type and a default; a member of another type counts as absent. */
const char *lb_proto_str(const json_t *msg, const char *key); /* NULL when absent; borrowed */
long long lb_proto_int(const json_t *msg, const char *key, long long absent);
int lb_proto_bool(const json_t *msg, const char *key, int absent);
