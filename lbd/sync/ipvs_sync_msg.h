/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own connection synchronisation, version 1: datagrams as its master daemon sends them and its backup
 * daemon takes them (net/netfilter/ipvs/ip_vs_sync.c). Reading and writing; all bytes may be hostile.
 */
#pragma once

#include "lbd/sync/flow.h"

#include <stddef.h>
#include <stdint.h>

#define IPVS_SYNC_PAYLOAD_MAX 1448u /* what a writer fills: 1500 less IP, UDP, and the kernel's own bound */

typedef void ipvs_sync_fn(const struct flow *f, void *arg);

/* Reads one datagram. Calls fn for each record that is whole and valid (as the kernel's receiver judges: known protocol
 * tcp, udp, sctp, or a template; state below the protocol's count; options without duplicates and of right length;
 * sizes inside the buffer). Returns the number of records given, or -EBADMSG header or framing is wrong (records before
 * it were given), -EPROTONOSUPPORT other version. *skipped counts records that were well framed and refused; it is set
 * in any case. Flags that are not FLOW_x and options that are skippable are dropped, as the kernel does. sync_id: the
 * one that is wanted; -1 any. Another one: 0 records. */
int ipvs_sync_read(const uint8_t *p, size_t n, int sync_id, ipvs_sync_fn *fn, void *arg, unsigned *skipped);

struct ipvs_sync_writer { /* one datagram being filled */
	uint8_t bytes[IPVS_SYNC_PAYLOAD_MAX];
	size_t n;
	unsigned count;
	uint8_t sync_id;
};

void ipvs_sync_begin(struct ipvs_sync_writer *w, uint8_t sync_id);
/* 0; -ENOSPC it does not fit: send what is there, begin again (an empty one takes any record); -EINVAL the kernel would
 * refuse it, see flow_is_valid. Nothing was written then. */
int ipvs_sync_add(struct ipvs_sync_writer *w, const struct flow *f);
/* Completes the header (size, count); the datagram is w->bytes, w->n. Without records n is 0. */
void ipvs_sync_end(struct ipvs_sync_writer *w);
