/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances that fail over together: a group is master with all its members or with none. An instance of its own is a
 * group of one. Pure, like the steps it drives.
 */
#pragma once

#include "lbd/vrrp/vrrp_fsm.h"

#define VRRP_GROUP_MAX 32 /* members */

struct vrrp_group { /* members are borrowed; order is that of the configuration */
	size_t n;
	struct vrrp *v[VRRP_GROUP_MAX];
	bool own_fault[VRRP_GROUP_MAX]; /* what the edge last said of each: a member's fault is the fault of all */
};

/* What came out, in the order in which it is to be done. */
struct vrrp_group_acts {
	size_t n;
	struct {
		size_t member;
		struct vrrp_act act;
	} v[VRRP_GROUP_MAX * VRRP_ACTS_MAX];
};

/* Steps one member and then, as long as something follows from it, the others: who became master takes the others with
 * it (JOIN), who stopped being master as well (YIELD), a fault of one is a fault of all (FAULT), a resignation and
 * sleep, too. Who meets another master announces, and the other members with it. While a member is INIT the group does
 * not become master; where it is already, the newcomer follows when it begins. A member that was stopped holds the
 * group until it is taken out of it. Where one of them has resigned when a member begins all have, unless the group is
 * master. A member that hears nobody (its network is cut, or the master does not have it
 * yet) does not take the group over while others of it follow a master that they hear. Terminates: the event once for
 * those it concerns, then at most one JOIN or YIELD for each member.
 */
void vrrp_group_step(struct vrrp_group *g, size_t member, const struct vrrp_event *ev, struct lb_time now,
	struct vrrp_group_acts *out);

/* The one priority that members of a group begin with: with one each, a node could beat another one at this member and
 * be beaten at that one, for ever. The least that an operator has set (set[i]; 0 = none), else the mean of the
 * configuration, rounded: each member moves it, so it keeps the order of the nodes also where only one member has one
 * (the least would not), but for what is lost in rounding. Next to an owner, who keeps 255: the highest that others may
 * have. n is 1..VRRP_GROUP_MAX.
 */
uint8_t vrrp_group_prio(const uint8_t *configured, const uint8_t *set, size_t n);

/* Takes a member out that was stopped; who came after it moves up. A fault that only it had is over for the others.
 * What came out names members as they are counted afterwards. */
void vrrp_group_leave(struct vrrp_group *g, size_t member, struct lb_time now, struct vrrp_group_acts *out);
