/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of rtnetlink about routes and rules (linux/rtnetlink.h, fib_rules.h) as bytes. All have our number
 * (WAY_PROTO): the kernel then removes nothing of somebody else's, and a dump can be of ours alone.
 */
#pragma once

#include "lbd/vrrp/rtnl.h"
#include "lbd/vrrp/way.h"

/* Acknowledged. Adds it where nothing stands in its place (else EEXIST, whoever's that is; some kernels have equal
 * rules of two owners beside each other): asked again and again, it changes nothing. index: of the route's card. 0;
 * -EMSGSIZE: full, nothing written. */
int way_msg_add(struct vip_batch *b, uint32_t seq, int index, const struct way *w);
/* Removes what stands in its place and is ours, whatever its next hop. ESRCH, ENOENT: nothing of ours is there. */
int way_msg_del(struct vip_batch *b, uint32_t seq, const struct way *w);

/* Routes of ours of one family (AF_INET, AF_INET6); the kernel looks through them where it is asked to be strict, older
 * ones send those of others, too. All rules. */
int way_msg_dump_routes(struct vip_batch *b, uint32_t seq, uint8_t family);
int way_msg_dump_rules(struct vip_batch *b, uint32_t seq);

/* What is behind the header of RTM_NEWROUTE, RTM_NEWRULE. True: it is of ours and in *out (a route without its dev: the
 * message has a number). *ok false: not whole. */
bool way_msg_route(const uint8_t *p, size_t n, struct way *out, bool *ok);
bool way_msg_rule(const uint8_t *p, size_t n, struct way *out, bool *ok);
