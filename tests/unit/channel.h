/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of a channel, those of any topic: each member of each is there, of its type and within its ends. */
#pragma once

#include "common/addr.h"
#include "common/buf.h"
#include "common/proto.h"
#include "tests/unit/data.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

/* What may stand there. INT: from min to max. TEXT, CARD (a name that the kernel takes): so many bytes; HEX: so many
 * digits. Members of a list are those of its first item. */
enum kind { INT, BOOL, WORD, TEXT, CARD, IP, NET, HEX, OBJECT, LIST };
#define OPTIONAL 0x100 /* with a kind: it may be missing */

struct member {
	int msg;
	const char *path;
	unsigned kind;
	int64_t min, max;
};

struct channel {
	const char *const *bases; /* a line of each message, with all its members */
	const char *(*name)(int type);
	/* As the side reads it that receives this type; what was read is freed. */
	int (*read)(int type, const json_t *line);
};

/* ---- random values ---- */

/* Printable, quotes and backslashes included, of min to size - 1 bytes. */
static inline void msgs_text(uint64_t *s, char *out, uint32_t min, uint32_t size)
{
	uint32_t n = among(s, min, size - 1);
	for (uint32_t i = 0; i < n; i++)
		out[i] = (char)among(s, 0x20, 0x7e);
	out[n] = '\0';
}

/* last: makes it unlike the others. */
static inline struct lb_ip msgs_ip(uint64_t *s, uint8_t family, uint32_t last)
{
	struct lb_ip out = { .family = family };
	uint32_t n = family == AF_INET ? 4 : 16;
	for (uint32_t k = 0; k + 2 < n; k++)
		out.b[k] = (uint8_t)random_of(s);
	out.b[n - 2] = (uint8_t)(last >> 8);
	out.b[n - 1] = (uint8_t)last;
	return out;
}

/* ---- lines ---- */

static inline json_t *parse(const char *text, const char *what)
{
	json_t *o = lb_proto_parse(text, strlen(text), NULL);
	ck_assert_msg(o != NULL, "%s: no JSON: %s", what, text);
	return o;
}

/* What was written is one line; it is freed. */
static inline json_t *parse_written(struct lb_text *line)
{
	ck_assert(!line->bad && line->n > 1 && line->s[line->n - 1] == '\n');
	ck_assert_ptr_null(memchr(line->s, '\n', line->n - 1));
	json_t *o = lb_proto_parse(line->s, line->n - 1, NULL);
	ck_assert_ptr_nonnull(o);
	lb_text_done(line);
	return o;
}

/* The object that the last part of a path is a member of; *key is that part. */
static inline json_t *parent_of(json_t *o, const char *path, const char **key)
{
	for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
		char name[32];
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		o = json_object_get(o, name);
		if (json_is_array(o))
			o = json_array_get(o, 0);
	}
	ck_assert_msg(json_object_get(o, path) != NULL, "there is no member %s", path);
	*key = path;
	return o;
}

/* The base with another value (NULL: without the member) is read as expected. Takes over the value. */
static inline void expect(const struct channel *c, const struct member *row, json_t *value, int rc)
{
	const char *key;
	json_t *o = parse(c->bases[row->msg], row->path), *parent = parent_of(o, row->path, &key);
	char *shown = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	ck_assert_int_eq(value ? json_object_set_new(parent, key, value) : json_object_del(parent, key), 0);
	int is = c->read(row->msg, o);
	ck_assert_msg(is == rc, "%s: %s is %s: %d", c->name(row->msg), row->path, shown ? shown : "missing", is);
	free(shown);
	json_decref(o);
}

static inline json_t *repeated(char c, int64_t n)
{
	char text[256];
	ck_assert_int_lt(n, sizeof(text));
	memset(text, c, (size_t)n);
	return json_stringn(text, (size_t)n);
}

static inline void other_types(const struct channel *c, const struct member *row, enum kind kind)
{
	expect(c, row, json_null(), -EBADMSG);
	expect(c, row, json_real(100.0), -EBADMSG);
	expect(c, row, json_object(), -EBADMSG);
	expect(c, row, json_pack("{s:i}", "later", 1), -EBADMSG);
	if (kind != INT)
		expect(c, row, json_integer(1), -EBADMSG);
	if (kind != BOOL)
		expect(c, row, json_true(), -EBADMSG);
	if (kind == INT || kind == BOOL || kind == OBJECT || kind == LIST)
		expect(c, row, json_string("1"), -EBADMSG);
	if (kind != LIST)
		expect(c, row, json_array(), -EBADMSG);
	expect(c, row, json_pack("[i]", 5), -EBADMSG);
	expect(c, row, json_pack("[n]"), -EBADMSG);
	expect(c, row, json_pack("[[]]"), -EBADMSG);
	expect(c, row, json_pack("[{}]"), -EBADMSG);
	expect(c, row, json_pack("[s]", "x"), -EBADMSG);
	expect(c, row, json_pack("[s]", ""), -EBADMSG);
}

/* Texts that none of that kind is; NULL ends them. */
static inline void no_texts(const struct channel *c, const struct member *row, const char *const *texts)
{
	for (; *texts; texts++)
		expect(c, row, json_string(*texts), -EBADMSG);
}

static inline void beyond_its_ends(const struct channel *c, const struct member *row, enum kind kind)
{
	static const char *const words[] = { "", "nonsense", "a word that is longer than any that there is", NULL };
	static const char *const texts[] = { "\033[2J", "a\nb", "\177", NULL };
	static const char *const ips[] = { "", "-", "eth0", "203.0.113.1/24", NULL };
	static const char *const nets[] = { "203.0.113.7/31", "203.0.113.0/", "203.0.113.0/024", "203.0.113.0/33",
		"203.0.113.0", "default", "::/0", NULL }; /* what stands beside the last is IPv4 */
	switch (kind) {
	case INT:
		expect(c, row, json_integer(row->min), 0);
		expect(c, row, json_integer(row->max), 0);
		if (row->min > INT64_MIN)
			expect(c, row, json_integer(row->min - 1), -EBADMSG);
		if (row->max < INT64_MAX)
			expect(c, row, json_integer(row->max + 1), -EBADMSG);
		break;
	case WORD: no_texts(c, row, words); break;
	case TEXT:
		expect(c, row, json_string("\xc2\x9b"), -EBADMSG); /* moves a cursor */
								   /* fall through */
	case CARD:
		expect(c, row, repeated('x', row->min), 0);
		expect(c, row, repeated('x', row->max), 0);
		expect(c, row, repeated('x', row->max + 1), -EBADMSG);
		if (row->min)
			expect(c, row, repeated('x', row->min - 1), -EBADMSG);
		no_texts(c, row, texts);
		break;
	case IP: no_texts(c, row, ips); break;
	case NET:
		expect(c, row, json_string("0.0.0.0/0"), 0);
		expect(c, row, json_string("128.0.0.0/1"), 0);
		expect(c, row, json_string("203.0.113.7/32"), 0);
		no_texts(c, row, nets);
		break;
	case HEX:
		expect(c, row, repeated('a', row->min), 0);
		expect(c, row, repeated('a', row->max), 0);
		expect(c, row, repeated('a', row->min - 2), -EBADMSG);
		expect(c, row, repeated('a', row->max + 2), -EBADMSG);
		expect(c, row, repeated('a', row->max - 1), -EBADMSG);
		expect(c, row, repeated('g', row->min), -EBADMSG);
		expect(c, row, repeated('A', row->min), -EBADMSG);
		break;
	case BOOL:
		expect(c, row, json_true(), 0);
		expect(c, row, json_false(), 0);
		break;
	case OBJECT:
	case LIST: break;
	}
}

static inline void member_counts(const struct channel *c, const struct member *row)
{
	enum kind kind = (enum kind)(row->kind & ~(unsigned)OPTIONAL);
	expect(c, row, NULL, row->kind & OPTIONAL ? 0 : -EBADMSG);
	other_types(c, row, kind);
	beyond_its_ends(c, row, kind);
}

/* The table has each member that is in a line. prefix: "" */
static inline void has_rows(const struct member *members, size_t n, int type, const char *prefix, json_t *o)
{
	const char *key;
	json_t *value;
	json_object_foreach (o, key, value) {
		char path[80];
		bool found = strcmp(key, "msg") == 0;
		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", key);
		for (size_t i = 0; i < n; i++)
			found |= members[i].msg == type && strcmp(members[i].path, path) == 0;
		ck_assert_msg(found, "message %d: no row for %s", type, path);
		json_t *inner = json_is_array(value) ? json_array_get(value, 0) : value;
		if (json_is_object(inner))
			has_rows(members, n, type, path, inner);
	}
}

/* The base with other members is read as expected: rules across members, and the insides of lists. */
static inline void changed_line(
	const struct channel *c, int type, const char *what, const char *base, const char *change, int rc)
{
	json_t *o = parse(base, what), *other = parse(change, what);
	ck_assert_int_eq(json_object_update_recursive(o, other), 0);
	int is = c->read(type, o);
	ck_assert_msg(is == rc, "%s: %d", what, is);
	json_decref(other);
	json_decref(o);
}
