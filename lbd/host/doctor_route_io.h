/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `ip route get` asks. */
#pragma once

#include "common/addr.h"

#include <stdbool.h>

struct doctor_way {
	bool local;       /* it is an address of this host */
	struct lb_ip via; /* family 0 = without a gateway */
	unsigned index;   /* of the card */
};

int doctor_route_open(void); /* a descriptor, or -errno, which doctor_route takes */
/* 0 and *out; -errno: the kernel's word (-ENETUNREACH), or that it could not be asked. */
int doctor_route(int fd, const struct lb_ip *to, struct doctor_way *out);
