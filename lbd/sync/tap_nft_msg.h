/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard at the exit of a device, as one message of nf_tables (include/uapi/linux/netfilter/nf_tables.h):
 *
 *   table ip lbd-tap { chain exit { type filter hook postrouting priority 300
 *           oifname DEVICE skuid != 4294967295 drop } }
 *
 * What a process sends bears the user of its socket, which no process can hide. A socket of the kernel itself has no
 * file, and so no user: the rule does not match (net/netfilter/nft_meta.c, nft_meta_get_eval_skugid). Hence only the
 * kernel sends out of the device; and who has CAP_NET_RAW, who passes all filters. No user has the number that is left
 * out; it is there so that nft can show the rule.
 *
 * The table belongs to the socket that made it (Linux 5.12): nobody else can change it, `nft flush ruleset` passes it
 * by, and it goes with the socket.
 */
#pragma once

#include "common/nlmsg.h"

#define TAP_NFT_TABLE "lbd-tap"

/* Makes the table, answered once. -EEXIST or -EPERM: there is one of that name. */
int tap_nft_msg_guard(struct lb_nl_batch *b, uint32_t seq, const char *device);
