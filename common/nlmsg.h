/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all messages of netlink are made of: a header, a fixed part of their kind, attributes. As bytes, no socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_nl_batch { /* the caller owns buf */
	uint8_t *buf;
	size_t cap, len;
};

/* False: no room; lb_nl_end takes all of the message back then. */
bool lb_nl_begin(struct lb_nl_batch *b, uint32_t seq, uint16_t type, uint16_t flags, const void *head, size_t head_len);
bool lb_nl_attr(struct lb_nl_batch *b, uint16_t type, const void *data, size_t n);
bool lb_nl_u32(struct lb_nl_batch *b, uint16_t type, uint32_t value);
bool lb_nl_text(struct lb_nl_batch *b, uint16_t type, const char *s); /* with its NUL */

/* An attribute of attributes: opened, filled, closed with what opening it gave. */
bool lb_nl_nest(struct lb_nl_batch *b, uint16_t type, size_t *at);
bool lb_nl_nest_end(struct lb_nl_batch *b, size_t at);

/* Sets the length of the message that began at `from`; 0, or -EMSGSIZE when it is not ok. */
int lb_nl_end(struct lb_nl_batch *b, size_t from, bool ok);

struct lb_nl_attr {
	const uint8_t *data; /* NULL: it is not there */
	size_t n;
};

/* The attributes behind a header, by type; unknown types are skipped, as later kernels have more. False: not whole. */
bool lb_nl_parse(const uint8_t *p, size_t len, struct lb_nl_attr *by_type, size_t n_types);
/* A number of that width, in its own byte order; `otherwise` when the attribute is not there or short. */
uint32_t lb_nl_get_u32(const struct lb_nl_attr *a, uint32_t otherwise);
uint16_t lb_nl_get_u16(const struct lb_nl_attr *a, uint16_t otherwise);
/* A text that fits, its NUL included; "" otherwise. */
void lb_nl_get_text(const struct lb_nl_attr *a, char *out, size_t size);

struct lb_nl_msg { /* one message of a datagram; body points into it */
	uint16_t type, flags;
	uint32_t seq;
	const uint8_t *body;
	size_t n;
};

/* Reads the next message. *at is the offset, start with 0. 1 and *out; 0 at the end; -EBADMSG. */
int lb_nl_next(const uint8_t *buf, size_t len, size_t *at, struct lb_nl_msg *out);
/* Of a message of type NLMSG_ERROR or NLMSG_DONE: 0 or a negative errno in *err. 0; -EBADMSG. */
int lb_nl_status(const struct lb_nl_msg *m, int *err);
