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
 *   sync_io         the room: channel, configuration, what is said of it
 *   sync_kernel_io  flows: from the kernel and into it
 *   sync_conn_io    single connections: shown, and ended; also without a peer
 */
#pragma once

/* Before the filter of system calls. */
void sync_worker_prepare(int helper);

/* The main of the worker, see worker.h. */
int sync_worker_main(int channel_fd, void (*alive)(void));
