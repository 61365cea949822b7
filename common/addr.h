/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP addresses as values: literals only, no name is ever resolved. Ports are in host byte order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* b holds the address in network order: 4 bytes (AF_INET, the rest zero) or 16 (AF_INET6). family 0 = unset.
 * Values are always zero-filled, so lb_ip_cmp may compare all 16 bytes. */
struct lb_ip {
	uint8_t family;
	uint8_t b[16];
};

struct lb_path { /* between two nodes, of one family */
	struct lb_ip ours, theirs;
};

#define LB_IP_STRLEN       46 /* INET6_ADDRSTRLEN */
#define LB_ENDPOINT_STRLEN 56 /* "[v6]:65535" */

/* Parses a literal of either family, n bytes, not necessarily terminated. 0, or -EINVAL with *out untouched.
 * IPv4 must be four decimal parts without leading zeros; a zone ("%eth0") is refused. */
int lb_ip_parse(const char *s, size_t n, struct lb_ip *out);

/* Order: family, then bytes; like memcmp. */
int lb_ip_cmp(const struct lb_ip *a, const struct lb_ip *b);

/* Writes the canonical text (RFC 5952 for IPv6) into out and returns out; "-" for family 0. */
const char *lb_ip_str(const struct lb_ip *ip, char out[LB_IP_STRLEN]);

bool lb_ip_is_v6(const struct lb_ip *ip);
bool lb_ip_is_any(const struct lb_ip *ip); /* 0.0.0.0 or :: */
/* Whether all bits behind the prefix are 0; the prefix is not longer than the address. */
bool lb_ip_is_net(const struct lb_ip *ip, unsigned prefix);
bool lb_ip_is_multicast(const struct lb_ip *ip); /* 224/4 or ff00::/8 */

/* "10.0.0.1", "10.0.0.1:80", "2001:db8::1", "[2001:db8::1]:80", "[2001:db8::1]". *port is 0 when absent; a written
 * port must be 1..65535 ("10.0.0.1:0" is refused unless allow_zero). 0 or -EINVAL, outputs untouched on failure. */
int lb_endpoint_parse(const char *s, size_t n, bool allow_zero, struct lb_ip *ip, uint16_t *port);

/* The reverse: brackets for IPv6 with a port; port 0 = address alone. Returns out. */
const char *lb_endpoint_str(const struct lb_ip *ip, uint16_t port, char out[LB_ENDPOINT_STRLEN]);
