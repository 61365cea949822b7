/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all parts of an import work with: the memory that it lives in, what is said, and the tree that grows. */
#pragma once

#include "common/arena.h"
#include "common/buf.h"
#include "common/vec.h"
#include "lbd/import/import.h"

#include <stdarg.h>
#include <stdint.h>

enum imp_level {
	IMP_NOTE, /* carried over, and worth a look */
	IMP_LOST, /* no counterpart */
	IMP_ERROR /* keepalived refuses it, too, or lbd cannot run it */
};

struct imp_place {
	const char *file; /* NULL: nowhere in particular */
	unsigned line;
	unsigned order; /* of the file */
};

struct imp_item {
	struct imp_place at;
	enum imp_level level;
	size_t order;
	const char *text;
	const struct imp_item *more; /* the next one that says the same; joined: it stands behind another */
	unsigned n_more;
	bool joined;
};

enum y_kind { Y_SCALAR, Y_MAP, Y_LIST };

struct y {                   /* a piece of YAML */
	const char *key;     /* NULL in a list */
	const char *value;   /* of a scalar, as it is: quoted when printed */
	const char *comment; /* behind it, or above it if it is a map; NULL = none */
	enum y_kind kind;
	bool flow; /* on one line */
	struct y *child, *last, *next;
};

struct imp {
	struct lb_arena arena;
	bool oom; /* sticky; everything goes on with what there is, and the result is thrown away */
	LB_VEC(struct imp_item) items;
	struct y root, spare;
	size_t order;
	size_t guesses;   /* what unknown words may have meant: dear, and nobody reads the thousandth */
	const char *file; /* the first one */
};

void imp_init(struct imp *im, const char *file);
void imp_done(struct imp *im);

/* Memory of the import, zeroed; NULL and im->oom when there is none. */
void *imp_alloc(struct imp *im, size_t n);
/* Text of the import; "" and im->oom when there is no memory. */
const char *imp_strn(struct imp *im, const char *s, size_t n);
__attribute__((format(printf, 2, 0))) const char *imp_vstr(struct imp *im, const char *fmt, va_list ap);
__attribute__((format(printf, 2, 3))) const char *imp_str(struct imp *im, const char *fmt, ...);

/* Says something about a place. Foreign bytes come through imp_shown. */
__attribute__((format(printf, 4, 5))) void imp_say(
	struct imp *im, const struct imp_place *at, enum imp_level level, const char *fmt, ...);

/* Bytes of a file made fit for a message. */
const char *imp_shown(struct imp *im, const char *s);

/* The leading ones of a mask as 255.255.255.0 is one; 0: it is none. */
unsigned imp_mask_bits(const char *mask);

/* A scheduler without flags, which lbd would give some where nothing is said. */
void imp_scheduler(struct imp *im, struct y *up, const char *name);

/* The name of a file as comments have it: without the folder that the first one is in. */
const char *imp_file(const struct imp *im, const char *file);

/* The tree, its comments, the items and the count. */
int imp_finish(struct imp *im, const char *what, struct import_result *out);

/* ---- the tree; none of these fails ---- */

struct y *y_map(struct imp *im, struct y *up, const char *key);
struct y *y_list(struct imp *im, struct y *up, const char *key);
/* key NULL: an element of a list. */
__attribute__((format(printf, 4, 5))) struct y *y_set(
	struct imp *im, struct y *up, const char *key, const char *fmt, ...);
/* The child of that key, made where there is none. */
struct y *y_at(struct imp *im, struct y *up, const char *key);
struct y *y_find(const struct y *up, const char *key);
/* Takes the last item of a list away where another one says the same. */
void y_once(struct y *list);
/* A duration, from microseconds: 2s, 1500ms, 1m. */
struct y *y_time(struct imp *im, struct y *up, const char *key, int64_t us);
/* The text of a tree whose first lines stand so many blanks to the right. */
void y_print(const struct y *y, unsigned indent, struct lb_text *out);

/* A name that lbd takes, made of any text. */
const char *imp_name(struct imp *im, const char *text);
/* The same, and unlike those of the children of `up`. */
const char *imp_name_in(struct imp *im, const struct y *up, const char *text);
