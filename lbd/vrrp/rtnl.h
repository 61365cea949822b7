/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all messages of rtnetlink are made of: a header, a fixed part of their kind, attributes. As bytes, no socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vip_batch {
	uint8_t *buf;
	size_t cap, len;
};

/* False: no room; rtnl_end takes all of the message back then. */
bool rtnl_begin(struct vip_batch *b, uint32_t seq, uint16_t type, uint16_t flags, const void *head, size_t head_len);
bool rtnl_attr(struct vip_batch *b, uint16_t type, const void *data, size_t n);
bool rtnl_u32(struct vip_batch *b, uint16_t type, uint32_t value);

/* Sets the length of the message that began at `from`; 0, or -EMSGSIZE when it is not ok. */
int rtnl_end(struct vip_batch *b, size_t from, bool ok);

struct rtnl_attr {
	const uint8_t *data; /* NULL: it is not there */
	size_t n;
};

/* The attributes behind a header, by type; unknown types are skipped, as later kernels have more. False: not whole. */
bool rtnl_parse(const uint8_t *p, size_t len, struct rtnl_attr *by_type, size_t n_types);
