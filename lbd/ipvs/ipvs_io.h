/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel behind ipvs_reconcile.h: a generic netlink socket in the network namespace of the process. It decides
 * nothing. A kernel without IPVS is no end: every call then answers -ENOPROTOOPT and looks again, so that loading
 * the module later is enough, also when it was there and has been unloaded meanwhile. Where the kernel could not be
 * asked (no descriptor, no memory) that is another error, and says nothing of what is in it.
 */
#pragma once

#include "lbd/ipvs/ipvs_reconcile.h"

struct ipvs_io;

struct ipvs_io *ipvs_io_new(void); /* NULL: no memory. Connects at the first use. */
void ipvs_io_free(struct ipvs_io *io);

/* The function pointers for ipvs_new; io stays the caller's. */
struct ipvs_kernel ipvs_io_kernel(struct ipvs_io *io);

/* IPVS version as the kernel packs it (0x010201) and the number of connection hash buckets. 0 or -errno. */
int ipvs_io_info(struct ipvs_io *io, uint32_t *version, uint32_t *table_size);
