/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our table of nftables as a text for nft(8), which replaces whatever was in it in one transaction: table inet lbd. No
 * other table is touched, and what others drop stays dropped. Nothing in it knows who is master: there is no moment of
 * a takeover at which it is not there. What a packet costs is a look into a set, however many services there are.
 *
 * Closed addresses (`accept: false`, RFC 9568 Accept_Mode): what is sent to one is dropped unless a service listens
 * there, or IPv6 needs it to find the address, or it is an error about a flow of a service. The rules stand before
 * IPVS, which takes its packets at the same hook with a higher number of priority, and ask nothing of connection
 * tracking.
 *
 * Services whose backends do not see the client (`source_nat`): IPVS sends a packet on with its new destination, and
 * with net.ipv4.vs.conntrack=1 the connection is tracked under the destination that the client asked for. By that it is
 * known again where the packet leaves, and gets its source. Two do not: what still has an address of such a service as
 * destination did not come from IPVS but only passes through to the node that is master; and what this node asks itself
 * has a source that answers find, which on a backup that of the service is not.
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

struct nft_snat { /* who listens there, and is seen as `to` by its backends; of one family */
	struct nft_port at;
	struct lb_ip to;
};

/* Sorted: closed by lb_ip_cmp, the others by nft_port_cmp. */
struct nft_want {
	const struct lb_ip *closed;
	size_t n_closed;
	const struct nft_port *open; /* of all services, on whatever address */
	size_t n_open;
	const uint32_t *marks; /* of services that are known by a mark of the firewall */
	size_t n_marks;
	const struct nft_snat *snats;
	size_t n_snats;
};

/* By address, protocol and port. */
int nft_port_cmp(const struct nft_port *a, const struct nft_port *b);

/* With nothing closed and nothing translated: the table goes. Sticky error in out. */
void nft_text(const struct nft_want *w, struct lb_text *out);
