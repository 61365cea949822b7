/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our table of nftables as a text for nft(8), which replaces whatever was in it in one transaction: table inet lbd. No
 * other table is touched, and what others drop stays dropped.
 *
 * Closed addresses (`accept: false`, RFC 9568 Accept_Mode): what is sent to one is dropped unless a service listens
 * there, or IPv6 needs it to find the address, or it is an error about a flow of a service. The rules do not know who
 * is master: there is no moment of a takeover at which they are not there. They stand before IPVS, which takes its
 * packets at the same hook with a higher number of priority, and ask nothing of connection tracking.
 */
#pragma once

#include "common/addr.h"
#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

struct nft_port { /* where a service listens */
	struct lb_ip ip;
	uint8_t protocol; /* IPPROTO_* */
	uint16_t port;    /* 0 = every port */
};

struct nft_want {
	const struct lb_ip *closed;
	size_t n_closed;
	const struct nft_port *open; /* on whatever address */
	size_t n_open;
	const uint32_t *marks; /* of services that are known by a mark of the firewall */
	size_t n_marks;
};

/* With nothing closed: the table goes. Sticky error in out. */
void nft_text(const struct nft_want *w, struct lb_text *out);
