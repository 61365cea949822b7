/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and policy rules that follow an instance, as values: both are a `way`. What is zero in them is not said. */
#pragma once

#include "common/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* rtm_protocol and FRA_PROTOCOL of ours ('l' with the highest bit): what has it in the kernel was made by us, and
 * whoever does not want it removes it. Not in use by others; people may name it in /etc/iproute2/rt_protos. */
#define WAY_PROTO 0xec

#define WAY_TABLE_MAIN 254

/* No padding in either: they are compared as bytes. */
struct route {
	uint32_t table, metric;   /* metric 0 = as the kernel likes */
	struct lb_ip to;          /* its family is that of the route */
	struct lb_ip via, source; /* family 0 = none */
	uint8_t prefix;           /* of to; 0: everything */
	char dev[16];             /* IFNAMSIZ */
};

struct rule {
	uint32_t table, priority, fwmark; /* fwmark 0 = any packet */
	struct lb_ip from, to;            /* both have the family of the rule */
	uint8_t from_prefix, to_prefix;   /* 0: any address */
};

_Static_assert(sizeof(struct route) == 76 && sizeof(struct rule) == 48, "no padding");

enum way_kind { WAY_ROUTE, WAY_RULE };

struct way {
	enum way_kind kind;
	union {
		struct route route;
		struct rule rule;
	} u;
};

struct way way_of_route(const struct route *r);
struct way way_of_rule(const struct rule *r);

/* Whether the kernel has room for only one of them: routes to the same place in one table with one metric, rules that
 * are equal. */
bool way_same(const struct way *a, const struct way *b);

/* As the kernel has it: IPv6 knows no metric 0. */
uint32_t way_metric(const struct route *r);

/* As ip(8) writes it: "route default via 192.0.2.1 dev eth0 table 100", "rule from 192.0.2.0/24 table 100 priority 9".
 */
#define WAY_STRLEN 256
const char *way_str(const struct way *w, char out[WAY_STRLEN]);
