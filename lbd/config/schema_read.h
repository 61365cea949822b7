/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From nodes to typed values, by the rows of the schema. Everything wrong becomes a finding; what was wrong keeps its
 * default, so that reading goes on and later rules have something to look at. */
#pragma once

#include "lbd/config/schema.h"

/* Up to this length a list is searched for repetitions; of longer ones the rules across keys must see to it. */
#define SCHEMA_REPEATS_MAX 64u

struct schema_object;

struct schema_value {
	const struct config_node *at; /* where it was written; NULL = a default */
	const char *text; /* of every type that is text, and of MAP's items "Name: value"; the node's or a row's, not
			     copied */
	union {
		const struct schema_value *list; /* of n values, when the row is a list or a MAP, or by_node */
		const struct schema_object *obj; /* OBJECT */
		const struct config_node *named; /* NAMED: a map whose keys are good names (others are bad) */
	};
	int64_t num; /* BOOL, UINT, INT, DURATION, WORD, SIZE, RATE, SHARE, PERCENT; PREFIX: its bits */
	uint32_t n;  /* bytes of text; values in list */
	uint16_t port;
	struct lb_ip ip;
	const struct config_node *node; /* of the values in a list that is by_node: the key that names it */
	bool percent;                   /* SHARE, PERCENT */
	bool by_node;                   /* list has one value for each node that is named */
	bool set;
	bool off;   /* not set, and that was written */
	bool wrong; /* refused, wholly or in part: rules across keys keep quiet about it */
};

struct schema_object {
	enum schema_kind_id kind;
	struct schema_value *v; /* one per row of the kind */
};

struct schema_reader {
	struct config_report *report;
	struct lb_arena *arena;                       /* objects and lists come from here */
	struct schema_object base[SCHEMA_KIND_COUNT]; /* the fallbacks */
};

/* Fills in base. 0 or -ENOMEM. */
int schema_reader_init(struct schema_reader *rd);

/* An object with the fallbacks of its kind; NULL: no memory (the report knows). */
struct schema_object *schema_object_new(struct schema_reader *rd, enum schema_kind_id kind);

/* dst becomes a copy of src, of the same kind; nested values are shared. A default has no place in the file. */
void schema_object_reset(struct schema_object *dst, const struct schema_object *src);

/* Reads a mapping, or what may stand in its place, over the values in obj. where: the key that names it. In defaults
 * nothing is required and keys that only one object can have are refused. false: nothing usable. */
bool schema_read(struct schema_reader *rd, const struct config_node *node, const struct config_node *where,
	const struct config_path *path, bool in_defaults, struct schema_object *obj);

/* The same for one key of a mapping and its value, key->next. */
void schema_read_key(struct schema_reader *rd, const struct config_node *key, const struct config_path *path,
	bool in_defaults, struct schema_object *obj);

/* Keys of the map that are not names are reported and marked bad. */
void schema_check_names(struct schema_reader *rd, const struct config_node *map, const struct config_path *path);

/* One value from text: 0, or -EINVAL and what to say in text and help (each of SCHEMA_SAY bytes). */
#define SCHEMA_SAY 640
int schema_parse(const struct schema_row *row, const char *s, size_t n, bool quoted, struct schema_value *out,
	char text[SCHEMA_SAY], char help[SCHEMA_SAY]);

/* "did you mean 'x'?" or the list of at most 12 words. */
void schema_suggest(const char *got, size_t got_len, const char *const *words, size_t n, char help[SCHEMA_SAY]);
