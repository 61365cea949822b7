/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the kernel's connection tracking, by libnetfilter_conntrack: no socket. */
#pragma once

#include "lbd/sync/ct_order.h"

#include <linux/netlink.h>

#define CT_NL_MAX 512u /* bytes of one request: IPv6, both translations and all details are 352 */

/* One that the kernel tells, NEW, UPDATE or DESTROY. 0; -EINVAL none that could be copied: another protocol, a zone for
 * one direction only. The timeout of one that goes is not told: it is 1. */
int ct_nl_read(const struct nlmsghdr *m, struct flow *out);

/* A request, into CT_NL_MAX aligned bytes. Its length; 0: no memory. */
size_t ct_nl_write(enum ct_order order, const struct flow *f, uint32_t seq, void *out);

/* The whole table, entry by entry; how many there are, and may be. Their length. */
size_t ct_nl_write_dump(uint32_t seq, void *out);
size_t ct_nl_write_stats(uint32_t seq, void *out);
/* The answer to the latter. 0 or -EBADMSG. */
int ct_nl_read_stats(const struct nlmsghdr *m, uint32_t *count, uint32_t *max);

bool ct_nl_is_entry(const struct nlmsghdr *m, bool *gone);

/* Only what could be copied is told to that socket: TCP, UDP and SCTP, and nothing of this host to itself. -errno. */
int ct_nl_filter(int fd);
