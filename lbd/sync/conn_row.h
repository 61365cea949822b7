/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection as people are shown it: what /proc says, and who told the kernel of it. */
#pragma once

#include "lbd/sync/flow.h"

enum conn_origin {
	CONN_LOCAL,   /* "local": this node's kernel made it */
	CONN_PEER,    /* "peer": the other node told of it */
	CONN_TEMPLATE /* "template": no connection; where the next one of this client goes */
};
#define CONN_ORIGIN_COUNT (CONN_TEMPLATE + 1)
extern const char *const conn_origins[CONN_ORIGIN_COUNT];

struct conn_row {
	uint8_t protocol;
	enum conn_origin origin;
	uint16_t client_port, virtual_port, dest_port, state;
	struct lb_ip client, virtual, dest;
	uint32_t expires_s;
	uint32_t fwmark; /* 0 = none, or not known */
};

#define CONN_ROW_STRLEN (3 * LB_ENDPOINT_STRLEN + 48)
/* "6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local". Returns out. */
const char *conn_row_str(const struct conn_row *r, char out[CONN_ROW_STRLEN]);
bool conn_row_parse(const char *s, size_t n, struct conn_row *out);

void conn_row_of(const struct flow *f, enum conn_origin origin, struct conn_row *out);

/* The kernel's words: "ESTABLISHED"; of a template "NONE" or "ASSURED"; "ERR!" for what it has no word for. */
const char *conn_state_name(uint8_t protocol, bool template, uint16_t state);
#define CONN_PROTOCOL_STRLEN 8
/* "TCP", "IP_50". Returns out. */
const char *conn_protocol_name(uint8_t protocol, char out[CONN_PROTOCOL_STRLEN]);
