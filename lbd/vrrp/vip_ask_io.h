/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that asks the kernel for addresses on behalf of the vrrp process (`lbd: vip`). The kernel handles such a
 * request inside sendmsg, under a lock that others may hold for as long as they like (a thousand interfaces that are
 * removed, say): whoever sends it waits. Adverts must not, so somebody else does.
 *
 * It knows nothing: what arrives on its socket (SOCK_SEQPACKET, one datagram of rtnetlink requests each) goes to the
 * kernel, and the kernel's answers go back, in their order, several in one datagram. When the socket ends, everything
 * that was written to it before is still asked for: addresses that are let go of do go.
 */
#pragma once

/* The main of the helper, see worker.h. */
void vip_ask_main(int fd);
