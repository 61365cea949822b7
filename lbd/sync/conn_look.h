/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a look at the kernel's connections (/proc/net/ip_vs_conn_sync) adds to what is known of them. The kernel's
 * synchronisation says a connection again with its packets only: what was there before somebody listened and is idle
 * now, and what is younger than two seconds, is in that file and nowhere else.
 *
 * The file says neither the forwarding method nor the mark nor the full timeout. So the core tells the ways of its
 * listeners: of most, one for all backends; where backends differ, one for each. What they do not decide is left out.
 *
 * Pure.
 */
#pragma once

#include "lbd/sync/conn_filter.h"
#include "lbd/sync/flow_table.h"

#define CONN_WAYS_MAX    4096u /* in one message: some milliseconds of the core's time */
#define CONN_WAY_STRLEN  (18 + CONN_MATCH_STRLEN)
#define CONN_WAY_PERSIST (31u * 86400u) /* seconds, at most */

#define CONN_WAY_MIXED 7u /* in place of a method: each backend has its own row */

struct conn_way {
	struct conn_match match; /* dest.family 0: all backends of that listener that have no row */
	uint8_t method;          /* of FLOW_METHOD, or CONN_WAY_MIXED */
	uint32_t persist_s;      /* of its templates; 0 = it has none */
};

/* Order of matches: for a search. */
int conn_way_cmp(const struct conn_way *a, const struct conn_way *b);

/* "nat 0 tcp 203.0.113.10:80 -", "dr 300 any fwmark:10/ipv4 -", "mixed 0 tcp [2001:db8::1]:80 -". Returns out. */
const char *conn_way_str(const struct conn_way *w, char out[CONN_WAY_STRLEN]);
bool conn_way_parse(const char *s, size_t n, struct conn_way *out);

enum conn_look {
	CONN_LOOK_TOLD,    /* filled: as the kernel would tell it */
	CONN_LOOK_FOREIGN, /* of no listener of ours; or of a mark, which nobody can tell */
	CONN_LOOK_UNSURE,  /* of ours, by which way is not known */
	CONN_LOOK_ENDING   /* it has no time left, or lbd is ending it */
};

/* f: as the file says it. ways: n of them, in their order. */
enum conn_look conn_look_fill(const struct conn_way *ways, size_t n, struct flow *f);

/* Whether it goes into the table, where *have (NULL = nothing) is: what was told wins, the other node's word always.
 * Only where the kernel has begun the connection anew since this node's was told is the look newer. of_peer: the file
 * says that it was put into the kernel by somebody. */
bool conn_look_takes(const struct flow_entry *have, const struct flow *seen, bool of_peer);

/* How old its word counts, in milliseconds: older than whatever was told, and of two looks the one that has seen the
 * later packet is younger. */
int64_t conn_look_age_ms(const struct flow_entry *have, const struct flow *seen);
