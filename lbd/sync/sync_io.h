/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sync process: what this node's kernel says of its connections goes to the peer, and what the peer says goes to
 * the kernel.
 *
 *   kernel -> ipvs_tap_io -> flow table -> sync_link -> tls_io -> peer        FLOW_LOCAL
 *   peer   -> tls_io -> sync_link -> flow table -> ipvs_tap_io -> kernel      FLOW_PEER
 *
 *   and the same for connection tracking, with ct_io in the place of ipvs_tap_io: sync_ct_io
 *
 * The tables are the only memory: what the peer has not got yet stands in them behind what it has, and so does what the
 * kernel has not taken yet (a second cursor). Nothing is queued but what fits into a socket.
 *
 *   sync_io, sync_tell_io   the room: channel, configuration; what the core hears of it
 *   flow, flow_table        a connection or template as a value; all that are known, by key, by number, by expiry
 *   sync_kernel_io          flows of IPVS: from the kernel and into it; sync_copy: which of them
 *   ipvs_tap_io, tap_*      its side of the kernel: ipvs_sync_msg over two private devices; sync_look_io, conn_look:
 *                           what a look at all connections adds; sync_multicast_io: the kernel's own way instead
 *   sync_ct_io, ct_book     entries of connection tracking, and who is believed about them; ct_flow: one as a value
 *   ct_io, ct_nl_io         the kernel's side of these; ct_order: which requests bring one in
 *   sync_link, sync_msg     the link as far as it is no transport, and its frames; sync_out, sync_in: one stream, each
 *                           way; sync_talk: what the two cores say over it
 *   tls_io, tls_*           the transport
 *   sync_conn_io, conn_*    single connections, also without a peer: which (filter), shown (row), ended (kill, over),
 *                           read so that none is missed (read_io, whole), their messages (msg)
 */
#pragma once

/* Before the filter of system calls. */
void sync_worker_prepare(int helper);

/* The main of the worker, see worker.h. */
int sync_worker_main(int channel_fd, void (*alive)(void));
