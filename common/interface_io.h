/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a network interface exists. if_nametoindex and the other ioctls that take a name make the kernel run modprobe
 * for a name that it does not know, and wait for it (dev_load, net/core/dev_ioctl.c): 5 ms to 100 ms in which a loop
 * stands still. RTM_GETLINK waits for the lock that every change of a link takes. This does neither. */
#pragma once

/* Its index, of this process' network namespace; 0: there is none of that name; -errno: that could not be asked. */
int lb_interface(const char *name);
