/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VRRP instance may track of this host. Asked from time to time: nobody tells. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum host_word { HOST_UNKNOWN, HOST_UP, HOST_DOWN };

/* Whether a network interface is up and has carrier; one that does not exist is down. Of the network namespace of this
 * process, unlike /sys/class/net, which is of whoever mounted it. */
enum host_word host_interface(const char *name);

struct host_process {
	const char *name; /* as in /proc/PID/comm; borrowed */
	pid_t pid;        /* where it was last found, 0 = nowhere: keep it for the next look, which then is one read */
	enum host_word is;
};

/* Fills `is` (and pid) of each. All of /proc is read only when one is not where it was. A process that has ended but
 * was not reaped does not run. UNKNOWN: other users' processes are hidden from us (hidepid, ProtectProc); or -errno is
 * returned: for want of a descriptor or of memory not all could be looked at. Else 0. */
int host_processes(struct host_process *v, size_t n);
