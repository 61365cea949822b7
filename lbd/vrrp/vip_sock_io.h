/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets of vip_io.c: they never wait. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A socket of rtnetlink that hears the groups (RTMGRP_*). Returns it and the size of its receive buffer; -errno. */
int vip_sock_netlink(uint32_t groups, size_t *rcvbuf);
/* Room to send for a socket between vip_io and vip_ask_io: their datagrams are larger than what a host may give to all
 * sockets (net.core.wmem_default). */
void vip_sock_room(int fd);
/* One datagram: to the kernel over such a socket, or over a socket that is connected. 0; -EAGAIN; -errno. */
int vip_sock_send(int fd, bool to_kernel, const void *bytes, size_t len);
/* One datagram of the kernel, or of whoever is connected. Its length; 0 = there is none; -ENOBUFS: some were lost;
 * -EPIPE: the other end is gone; -errno. */
ssize_t vip_sock_recv(int fd, void *bytes, size_t size);

/* One frame out of a card; *fd is the packet socket, opened for the first one when it is -1. 0; -EAGAIN; -errno. */
int vip_sock_frame(int *fd, int index, const uint8_t *frame, size_t len);
