/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of schedulers: one row per scheduler of the kernel (net/netfilter/ipvs/ip_vs_*.c) with its flags. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipvs_sched_flag {
	const char *name; /* "mh-port" */
	uint32_t bit;     /* IPVS_FLAG_SCHED* */
};

struct ipvs_sched_row {
	const char *name;  /* "wlc"; the module is ip_vs_<name> */
	const char *since; /* first kernel version, "" = older than anything we run on */
	const char *help;
	struct ipvs_sched_flag flags[2]; /* name NULL = end */
	bool keeps_share;     /* a backend with weight 0 keeps its share of the clients, who get no server then ... */
	uint32_t fallback;    /* ... unless this flag lets them have another; 0 = there is none */
	uint32_t most;        /* backends of a service in a kernel that was built as usual; 0 = any number */
	const char *weighted; /* to it all weights but 0 are the same; this one is like it and tells them apart; NULL:
				 it does */
};

extern const struct ipvs_sched_row ipvs_scheds[];
extern const size_t ipvs_scheds_n;

/* The row of a name, or NULL. */
const struct ipvs_sched_row *ipvs_sched_find(const char *name, size_t n);

/* The bit of a flag of this scheduler, or 0. */
uint32_t ipvs_sched_flag_bit(const struct ipvs_sched_row *row, const char *flag, size_t n);
