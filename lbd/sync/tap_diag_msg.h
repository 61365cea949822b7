/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says of UDP sockets, its own included (include/uapi/linux/inet_diag.h): messages as bytes. Two uses:
 *   - how full the receive queue of the backup daemon is, and what it has dropped: so nothing is sent that would be
 * lost;
 *   - which source port the master daemon sends from: whatever comes from another port is not the kernel's word.
 */
#pragma once

#include "common/addr.h"
#include "common/nlmsg.h"

struct tap_diag {
	struct lb_ip local, remote;
	uint16_t local_port, remote_port;
	uint32_t uid;                 /* of who made it */
	bool has_memory;              /* the next three were told */
	uint32_t queued, size, drops; /* bytes in the receive queue, bytes it takes, datagrams dropped ever */
};

/* The one socket that a datagram to this address and port, coming in by this device, would reach. */
int tap_diag_msg_receiver(struct lb_nl_batch *b, uint32_t seq, const struct lb_ip *to, uint16_t port, int index);
/* All of IPv4. */
int tap_diag_msg_all(struct lb_nl_batch *b, uint32_t seq);
/* Reads one answer. 0 and *out; -EBADMSG. */
int tap_diag_read(const struct lb_nl_msg *m, struct tap_diag *out);
