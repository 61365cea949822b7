/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving in: the configuration of another balancer as lbd.yaml. Text in, text out; what files an `include` means is
 * asked of the caller, so the language itself touches nothing.
 *
 *   ka_lang, ka_line   keepalived's lines: comments, includes, conditions, variables, repetitions -> words
 *   ka_read            words -> statements, each with its row of the table
 *   ka_words           THE table of keepalived's keywords: where each may stand, what becomes of it
 *   ka_service, ka_persist, ka_listen, ka_check, ka_script; ka_vrrp, ka_track, ka_way, ka_sync
 *                      statements -> a tree of YAML; import_ipvsadm the same from rules of ipvsadm
 *   import_yaml        the tree -> text;  import_item what is to be said about the lines, and where
 *
 * Nothing is dropped in silence: a line that has no counterpart is an item, with its file and its number.
 */
#pragma once

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes one file that an include means. 0, or -1: no more of them. */
typedef int import_take_fn(void *to, const char *name, const char *text, size_t len);

struct import_source {
	const char *name; /* as it stands in messages */
	const char *text;
	size_t len;
	const char *id; /* which lines with @id count; NULL = of no known one */
	/* Hands the files that `pattern` means, as it stands in the file `from`, to take. Returns how many there are,
	 * or -errno when one of them cannot be read. NULL: there are none. */
	int (*include)(void *arg, const char *from, const char *pattern, import_take_fn *take, void *to);
	void *arg;
};

struct import_result {
	struct lb_text yaml;    /* with what is to be said as comments on top */
	struct lb_text summary; /* a line for each that is lost or wrong, then a count */
	size_t notes, lost, errors;
	bool empty; /* nothing in it that lbd could run */
};

/* Both: 0, or -ENOMEM. The caller ends with import_result_done, also after a failure. */
int import_keepalived(const struct import_source *source, struct import_result *out);
int import_ipvsadm(const struct import_source *source, struct import_result *out);
void import_result_done(struct import_result *r);

/* keepalived's keywords and what becomes of them, as a part of a manual page. */
void import_print_keywords(struct lb_text *out);
