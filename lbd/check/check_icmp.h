/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Echo requests as a ping socket of Linux takes and gives them: from the ICMP header on, without an IP header; the
 * kernel fills in the identifier and the checksum and drops what is for another identifier. What is left to do is to
 * tell our reply from an old one: by sequence number and by payload, both random (RFC 792, RFC 4443 4.1).
 */
#pragma once

#include "lbd/check/check_types.h"

#define CHECK_ICMP_PAYLOAD 16u
#define CHECK_ICMP_LEN     (8u + CHECK_ICMP_PAYLOAD)

struct check_icmp {
	bool v6;
	uint16_t seq;
	uint8_t payload[CHECK_ICMP_PAYLOAD];
};

void check_icmp_request(const struct check_icmp *e, uint8_t out[CHECK_ICMP_LEN]);

/* Whether these bytes, any bytes, are the reply to e. */
bool check_icmp_is_reply(const struct check_icmp *e, const uint8_t *bytes, size_t n);

/* Whether these bytes, as the error queue quotes them (perhaps only the header), are the request e. */
bool check_icmp_is_request(const struct check_icmp *e, const uint8_t *bytes, size_t n);

/* What the network said of our request: L3CON with a text such as "host unreachable, says 10.0.0.1". type and code are
 * those of ICMP or ICMPv6, from is who sent it (family 0 = nobody: err, a local error, is the text). False, and *out
 * untouched, when that does not say that the request is lost: the kernel tells of redirects and source quench, too. */
bool check_icmp_error(struct check_result *out, bool v6, uint8_t type, uint8_t code, const struct lb_ip *from, int err);

/* An errno of a call on a ping socket: as check_result_connect, on layer 3. */
void check_icmp_errno(struct check_result *out, int err);
