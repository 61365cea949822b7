/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a connection of the kernel is ended. There is no such request; what the kernel takes is a record of its own
 * synchronisation (ip_vs_proc_conn of net/netfilter/ipvs/ip_vs_sync.c).
 *
 * TCP and SCTP: a record with another destination takes the place of the connection at once, whatever its client does
 * meanwhile. That destination is this host itself (the virtual address, LOCALNODE): the client's next packet comes to
 * the host's own stack, which knows of no such connection and answers with a reset. A record that only says CLOSE
 * would let each packet through, and be renewed by it.
 *
 * All others (UDP, templates): the connection itself, closed, with a second left. A client that speaks before that
 * renews it, unless its backend has left the kernel's table: then the kernel drops the packet and renews nothing. So a
 * backend is taken from the table first.
 */
#pragma once

#include "lbd/sync/flow.h"

#define CONN_OVER_S      1u /* what an ended one has left in this node's kernel */
/* For how long the other node is told of it, if it is (conn_kill_tells). By the first way: so that one of before does
 * not come back; it is a reset there, too. By the second only as long as that may take, as it goes on there until then.
 */
#define CONN_OVER_PEER_S 60u
#define CONN_OVER_TOLD_S 3u

/* Whether it is ended by the first of the two ways. */
bool conn_ends_at_once(const struct flow *f);
/* The record that ends it. f: what is known of it. */
void conn_over(const struct flow *f, struct flow *out);
/* Such a record, or what became of it in the kernel. (That a connection to a server on this host, on the same port, is
 * just closing looks the same, and is as good.) */
bool conn_is_over(const struct flow *f);
/* The same of what the kernel itself tells: with the method of the record, which no server of this host has. */
bool conn_is_record(const struct flow *f);
/* lbd has ended it. Of UDP the kernel itself says nothing INACTIVE. */
bool conn_was_ended(const struct flow *f);
