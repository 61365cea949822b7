/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `ip route get` asks. No right is needed for it, and no lock of the kernel is waited for. */
#pragma once

#include "common/addr.h"

#include <stdbool.h>

struct lb_way {
	bool local;       /* it is an address of this host */
	struct lb_ip via; /* family 0 = without a gateway */
	unsigned index;   /* of the card */
};

/* Whose packet it is: what rules may ask for. */
struct lb_packet {
	const struct lb_ip *to;
	const struct lb_ip *from; /* NULL, family 0 = the kernel's choice */
	unsigned oif;             /* bound to that card, 0 = to none */
	bool owned;
	unsigned uid;   /* of who sends, where it is owned */
	uint8_t proto;  /* 0 = not said */
	uint16_t dport; /* with proto TCP or UDP */
};

int lb_route_open(void); /* a descriptor, or -errno, which lb_route takes */
/* 0 and *out; -errno: the kernel's word (-ENETUNREACH, -EINVAL of a blackhole, -EACCES of a prohibit route), or that it
 * could not be asked: never one of these, whatever does not let us. */
int lb_route(int fd, const struct lb_packet *p, struct lb_way *out);
