/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two to five nodes with one to three instances each, on a virtual clock, over a virtual network that loses, delays,
 * doubles and reorders, and is cut; with a second path between the nodes; and people who reload, resign and kill.
 *
 * A run is a row of worlds, each made of its own seed. A world is a row of phases: chaos, then quiet. What must hold is
 * checked after each step and at the end of each quiet time (sim_vrrp_check.c).
 */
#pragma once

#include "lbd/vrrp/vrrp_group.h"

#define SIM_NODES     5
#define SIM_INSTANCES 3
#define SIM_QUEUE     8192
#define SIM_HISTORY   40

struct sim_node {
	bool alive;
	struct vrrp v[SIM_INSTANCES];
	struct vrrp_group g;
	/* of each member: configured, set by an operator (0 = not), added by tracking */
	uint8_t configured[SIM_INSTANCES], set[SIM_INSTANCES];
	int add[SIM_INSTANCES];
	int64_t paused_until;
	unsigned waiting;               /* messages in the socket of one who is paused */
	int64_t fire_at[SIM_INSTANCES]; /* of its timer: the deadline, and how late the loop is */
	int64_t fire_for[SIM_INSTANCES];
	int64_t peer_at[SIM_INSTANCES]; /* when the peers are told next */
	/* what the actions amount to */
	bool addrs[SIM_INSTANCES];
	enum vrrp_state told[SIM_INSTANCES];
	int64_t may_send_at[SIM_INSTANCES], must_send_by[SIM_INSTANCES];
};

struct sim_msg {
	int64_t at;
	uint64_t order; /* of two at the same time */
	uint8_t from, to, inst;
	struct vrrp_event ev;
};

struct sim_past { /* one step, for the last words of a failing world */
	int64_t now;
	uint8_t node, inst;
	enum vrrp_state was, is;
	struct vrrp_event ev;
	size_t n;
	struct {
		size_t member;
		struct vrrp_act act;
	} acts[16];
};

struct sim {
	uint64_t seed, world, random;
	unsigned want_nodes;
	int64_t now;
	unsigned n_nodes, n_inst;
	struct sim_node node[SIM_NODES];
	struct lb_ip ip[SIM_NODES];
	uint32_t base_cs[SIM_INSTANCES];
	uint8_t version[SIM_INSTANCES];
	uint8_t levels[SIM_INSTANCES][SIM_NODES]; /* priorities from low to high: nodes are in the same order at all */
	unsigned owned;                           /* members that an owner owns, as a set */
	bool second;                              /* there is a second path */
	bool guarded;                             /* it never fails, and nobody stands still: two masters do not last */
	bool chaos;
	/* the network: now */
	unsigned mute;                                     /* members whose adverts are lost, as a set */
	unsigned loss_pct, twice_pct, delay_pct, late_pct; /* the last two of an interval */
	bool link[SIM_NODES][SIM_NODES], link2[SIM_NODES][SIM_NODES];
	int64_t last2[SIM_NODES][SIM_NODES]; /* the second path keeps the order */
	struct sim_msg queue[SIM_QUEUE];
	size_t n_queue;
	uint64_t order;
	int64_t change_at, change_gap, quiet_from;
	/* two masters of an instance since then; 0 = no */
	int64_t two_since[SIM_INSTANCES];
	uint64_t reports, same_time;
	/* of the whole run */
	uint64_t steps, member_steps, worlds, quiets, mutes, causes[VRRP_CAUSE_COUNT], alarms[VRRP_ALARM_COUNT];
	uint64_t cells[VRRP_STATE_COUNT][VRRP_EVENT_COUNT], nobody, allocations;
	size_t acts_max;
	struct sim_past past[SIM_HISTORY];
	uint64_t n_past;
};

/* One for the run: the wrapped functions have no argument to find it by. */
extern struct sim sim;

/* Prints why, the last steps, and how to have it again; ends the program. */
__attribute__((format(printf, 1, 2), noreturn)) void sim_fail(const char *fmt, ...);

/* The longest interval and down interval that anybody has for an instance now. */
int64_t sim_interval_us(unsigned inst);
int64_t sim_down_us(unsigned inst);

/* A step through the group, with everything that must hold of it; out is what came out. */
void sim_step(unsigned node, unsigned inst, const struct vrrp_event *ev, struct vrrp_group_acts *out);
/* After a step: how long have there been two masters? */
void sim_check_masters(void);
/* At the end of a quiet time: one master, and the right one. */
void sim_check_quiet(void);
/* Somebody who is up, has begun and has no fault. */
bool sim_can(unsigned node);
/* The counter of allocations counts. */
void sim_check_counter(void);
void sim_summary(void);
