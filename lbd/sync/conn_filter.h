/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which connections of the kernel are meant: those of listeners, of backends behind them, of clients.
 *
 * What /proc says of a connection does not tell to which listener it belongs: one of an address does where it goes,
 * one of a mark is known only when the kernel told of it itself. Where nothing is known of the mark, the backend
 * decides alone, unless a listener of an address is where the connection goes: those that may be meant are told along
 * with the matches. A mark that no listener has is only that of its packets: then the address decides, as in the
 * kernel.
 */
#pragma once

#include "lbd/sync/flow.h"

#define CONN_MATCH_MAX 8192u /* the longest texts of so many are one line (LB_PROTO_LINE_MAX) */
#define CONN_MATCH_STRLEN                                                                                              \
	(5 + 2 * LB_ENDPOINT_STRLEN) /* "sctp [2001:db8::1]:443 [2001:db8::2]:8443", a mark is shorter */

/* A listener, and a backend behind it. Or unmarked: a listener of an address that is not meant itself. What goes there
 * has no mark, where nothing is known of that. */
struct conn_match {
	bool unmarked;         /* without a mark and a backend */
	uint8_t protocol;      /* IPPROTO_TCP, _UDP, _SCTP; 0 = any, with a mark only */
	uint32_t fwmark;       /* 0 = none */
	struct lb_ip virtual;  /* family only, with a mark */
	uint16_t virtual_port; /* 0 = all */
	struct lb_ip dest;     /* family 0 = all backends */
	uint16_t dest_port;    /* 0 = all */
};

struct conn_filter {
	struct lb_ip client; /* family 0 = all */
	uint8_t prefix;
	uint16_t client_port; /* 0 = all */
	bool some;            /* only what one of the matches says */
	uint32_t n;
	struct conn_match *v; /* owned where it was read; sorted by conn_match_cmp, no two alike */
};

/* Order of matches, like memcmp; unmarked ones are the last. */
int conn_match_cmp(const struct conn_match *a, const struct conn_match *b);
/* Sorts them, and leaves each once. Returns how many there are. */
uint32_t conn_match_sort(struct conn_match *v, uint32_t n);

/* "tcp 203.0.113.10:80 10.0.0.1:8080", "any fwmark:10/ipv4 -", "tcp 203.0.113.10:80 unmarked". Returns out. */
const char *conn_match_str(const struct conn_match *m, char out[CONN_MATCH_STRLEN]);
bool conn_match_parse(const char *s, size_t n, struct conn_match *out);

/* What f->fwmark is. */
enum conn_mark {
	CONN_MARK_UNKNOWN, /* nothing: the kernel did not tell it */
	CONN_MARK_PACKET,  /* no listener has it now */
	CONN_MARK_LISTENER /* one has it */
};

bool conn_filter_takes(const struct conn_filter *c, const struct flow *f, enum conn_mark mark);
