/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_sched.h"

#include "lbd/ipvs/ipvs_table.h"

#include <string.h>

const struct ipvs_sched_row ipvs_scheds[] = {
	{ "rr", "", "each backend in turn", { { 0 } }, false, 0, 0, "wrr" },
	{ "wrr", "", "each backend in turn, as often as its weight says", { { 0 } }, false, 0, 0, NULL },
	{ "lc", "", "the backend with the fewest connections", { { 0 } }, false, 0, 0, "wlc" },
	{ "wlc", "", "the fewest connections for its weight", { { 0 } }, false, 0, 0, NULL },
	{ "lblc", "", "locality: one backend per destination while it is not overloaded (caches)", { { 0 } }, false, 0,
		0, NULL },
	{ "lblcr", "", "locality with replication: a set of backends per destination (caches)", { { 0 } }, false, 0, 0,
		NULL },
	{ "dh", "", "hash of the destination address (caches)", { { 0 } }, true, 0, 0, "lblc" },
	{ "sh", "", "hash of the client address",
		{ { "sh-fallback", IPVS_FLAG_SCHED1 }, { "sh-port", IPVS_FLAG_SCHED2 } }, true, IPVS_FLAG_SCHED1, 0,
		NULL },
	{ "mh", "", "Maglev consistent hash of the client address",
		{ { "mh-fallback", IPVS_FLAG_SCHED1 }, { "mh-port", IPVS_FLAG_SCHED2 } }, true, IPVS_FLAG_SCHED1,
		4093 /* CONFIG_IP_VS_MH_TAB_INDEX=12 */, NULL },
	{ "sed", "", "the shortest expected delay", { { 0 } }, false, 0, 0, NULL },
	{ "nq", "", "an idle backend first, else the shortest expected delay", { { 0 } }, false, 0, 0, NULL },
	{ "fo", "", "the backend with the highest weight; the next one when it is out", { { 0 } }, false, 0, 0, NULL },
	{ "ovf", "", "the highest weight until it has that many connections, then the next", { { 0 } }, false, 0, 0,
		NULL },
	{ "twos", "6.2", "two random backends by weight, the one with fewer connections", { { 0 } }, false, 0, 0,
		NULL },
};
const size_t ipvs_scheds_n = sizeof(ipvs_scheds) / sizeof(ipvs_scheds[0]);

const struct ipvs_sched_row *ipvs_sched_find(const char *name, size_t n)
{
	for (size_t i = 0; i < ipvs_scheds_n; i++)
		if (strlen(ipvs_scheds[i].name) == n && memcmp(ipvs_scheds[i].name, name, n) == 0)
			return &ipvs_scheds[i];
	return NULL;
}

uint32_t ipvs_sched_flag_bit(const struct ipvs_sched_row *row, const char *flag, size_t n)
{
	for (size_t i = 0; i < 2; i++) {
		const char *name = row->flags[i].name;
		if (name && strlen(name) == n && memcmp(name, flag, n) == 0)
			return row->flags[i].bit;
	}
	return 0;
}
