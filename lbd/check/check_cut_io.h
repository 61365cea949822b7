/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces without a link, as the core tells of them, and the way of a probe, as the kernel does. */
#pragma once

#include "common/time.h"
#include "lbd/check/check_cut.h"
#include "lbd/check/check_types.h"

struct check_cut_watch {
	int fd;                 /* to ask the kernel; negative = nobody can be asked, and nothing pauses */
	bool on;                /* cuts are of now; false: of before `until` */
	struct lb_time until;   /* who began before that was cut off when it began */
	struct check_cuts cuts; /* the last ones */
};

/* Before the process gives its rights away: afterwards the room of the network may open no such socket. */
void check_cut_prepare(void);
void check_cut_open(struct check_cut_watch *c);
void check_cut_close(struct check_cut_watch *c);

/* What the core says. */
void check_cut_set(struct check_cut_watch *c, const struct check_cuts *now_cut, struct lb_time now);

/* The interface by which a probe leaves now: its index, 0 = nobody can say, or it is known by name. Asks the kernel. */
uint32_t check_cut_way(const struct check_cut_watch *c, const struct check_spec *s);

/* A probe of what is up has failed: whether it began, or ended, while no link led to its server, which was reached by
 * the interface `passed` (0 = unknown). Then *r says so, as a fault of our own. Asks the kernel only while there are
 * such interfaces, and for probes that began then. */
void check_cut_distrust(const struct check_cut_watch *c, const struct check_spec *s, uint32_t passed,
	struct lb_time began, struct check_result *r);

/* A call that would reach the server ended in what a blackhole or prohibit route says, or a fault of our own
 * (ask_route). Where it is the route, *r says so and counts against the server. Asks the kernel for that result alone,
 * and for the route of the packets of clients: what only we may not reach stays our fault. */
void check_cut_route(const struct check_cut_watch *c, const struct check_spec *s, struct check_result *r);
