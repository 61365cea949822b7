/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two sockets of ipvs_tap_io.c: neither waits. */
#pragma once

#include "common/addr.h"

#include <sys/types.h>

#define TAP_BYTES_MAX 1600u /* of a packet: the device has room for 1500 */
#define TAP_AT_ONCE   32u   /* packets per turn of the loop */

struct tap_packets { /* what one call received */
	size_t n;
	size_t len[TAP_AT_ONCE];
	uint8_t bytes[TAP_AT_ONCE][TAP_BYTES_MAX]; /* from the IP header on */
};

/* Hears whole UDP datagrams that leave by the device from this address of it. The socket; -errno. */
int tap_sock_listen(int index, const struct lb_ip *from);
/* 0, p->n = 0 there are none; -errno. */
int tap_sock_read(int fd, struct tap_packets *p);
/* Packets that were lost since the last call, because the buffer was full. */
uint32_t tap_sock_lost(int fd);

/* Sends to a group on the device, to this host alone, with this mark. The socket; -errno. */
int tap_sock_sender(int index, uint32_t mark);
/* 0; -EAGAIN; -errno. */
int tap_sock_send(int fd, const struct lb_ip *group, uint16_t port, const void *bytes, size_t n);
