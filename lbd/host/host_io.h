/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lbd/host/host.h"

/* Reads every sysctl that is judged and fills at most max findings. Returns how many there are. */
size_t host_read(const struct host_needs *needs, struct host_finding *out, size_t max);

/* The first number of a sysctl by its name ("net.ipv4.ip_forward"), and of a file. False: it cannot be read. */
bool host_sysctl(const char *name, long *value);
bool host_number(const char *path, long *value);

/* The release of the kernel that runs, "" = it cannot be had. */
void host_kernel(char out[HOST_KERNEL_MAX]);

/* The boot id of the running kernel; "unknown" when it cannot be read. */
void host_boot_id(char out[40]);
