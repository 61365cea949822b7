/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vrrp process: its loop, its sockets, its timers. It waits for nothing: not for the core, not for netlink, not for
 * a burst of announcements. What it decides is decided in vrrp_fsm and vrrp_group.
 *   vrrp_io       the loop and the channel
 *   vrrp_set_io   instances come, change and go
 *   vrrp_inst_io  instances: events in, actions out
 *   vrrp_lost_io  what others do to their addresses
 *   vrrp_sock_io  adverts in and out
 *   peer_io       beats of the second path in and out, vrrp_move_io what they mean for an instance
 */
#pragma once

/* Before the filter of system calls. helper: see vip_ask_io.h. */
void vrrp_worker_prepare(int helper);

/* The main of the worker, see worker.h. */
int vrrp_worker_main(int channel_fd, void (*alive)(void));
