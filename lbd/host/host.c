/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/host.h"

#include <stdio.h>
#include <stdlib.h>

const struct host_row host_rows[] = {
	{ "net.ipv4.ip_forward", HOST_NEED_NAT4, 1, "mode nat forwards between client and backend: nothing will pass",
		false, true },
	{ "net.ipv6.conf.all.forwarding", HOST_NEED_NAT6, 1,
		"mode nat forwards between client and backend: nothing will pass", false, true },
	{ "net.ipv4.vs.expire_quiescent_template", HOST_NEED_PERSISTENCE, 1,
		"sticky clients never leave a backend that is drained or down", false, false },
	{ "net.ipv4.vs.conn_reuse_mode", HOST_NEED_ANY, 1,
		"a client port used again sticks to its old backend, even to one with weight 0", false, false },
	{ "net.ipv4.vs.expire_nodest_conn", HOST_NEED_ANY, 0,
		"a backend whose row vanishes and comes back within seconds loses its flows", false, false },
	{ "net.ipv4.vs.backup_only", HOST_NEED_ANY, 0, "this node does not balance while a backup sync daemon runs",
		false, false },
	{ "net.ipv4.vs.run_estimation", HOST_NEED_STATS, 1, "counters and rates stay 0", false, false },
	{ "net.ipv4.vs.conntrack", HOST_NEED_SNAT, 1,
		"source_nat does nothing: backends see the clients, and answers miss the way back", false, true },
	{ "net.ipv4.vs.sloppy_tcp", HOST_NEED_MULTICAST, 1,
		"a connection of which the other node has not told yet is cut at a take-over", false, false },
	{ "net.ipv4.conf.all.rp_filter", HOST_NEED_MAC, 2,
		"what arrives with virtual_mac is dropped, as the way back is over the card", true, false },
};
const size_t host_rows_n = sizeof(host_rows) / sizeof(host_rows[0]);

bool host_judge(
	const struct host_row *row, const struct host_needs *needs, bool missing, long value, struct host_finding *out)
{
	const char *service = needs->service[row->need];
	if (!service || missing || value == row->want || (value == 0 && row->zero_too))
		return false;
	out->stops = row->stops;
	snprintf(out->object, sizeof(out->object), "%s/%s", row->need == HOST_NEED_MAC ? "vrrp" : "service", service);
	snprintf(out->text, sizeof(out->text), "%s is %ld: %s", row->sysctl, value, row->why);
	snprintf(out->fix, sizeof(out->fix), "sysctl -w %s=%ld", row->sysctl, row->want);
	return true;
}

bool host_judge_ra(const struct host_needs *needs, long accept_ra, long forwarding, struct host_finding *out)
{
	const char *name = needs->service[HOST_NEED_MAC];
	if (!name || accept_ra == 0 || (accept_ra == 1 && forwarding))
		return false;
	out->stops = false;
	snprintf(out->object, sizeof(out->object), "vrrp/%s", name);
	snprintf(out->text, sizeof(out->text),
		"net.ipv6.conf.default.accept_ra is %ld: the device of virtual_mac takes routes from routers",
		accept_ra);
	snprintf(out->fix, sizeof(out->fix), "sysctl -w net.ipv6.conf.default.accept_ra=0");
	return true;
}

bool host_judge_ping(const struct host_needs *needs, const char *range, struct host_finding *out)
{
	const char *service = needs->service[HOST_NEED_PING], *instance = needs->service[HOST_NEED_PING_VRRP];
	char *after_low, *after_high;
	if ((!service && !instance) || !range)
		return false;
	unsigned long low = strtoul(range, &after_low, 10), high = strtoul(after_low, &after_high, 10);
	if (after_low == range || after_high == after_low)
		return false;
	if (needs->probe_gid >= low && needs->probe_gid <= high)
		return false;
	out->stops = false;
	snprintf(out->object, sizeof(out->object), "%s/%s", service ? "service" : "vrrp", service ? service : instance);
	snprintf(out->text, sizeof(out->text),
		"net.ipv4.ping_group_range is %lu %lu, without group %u of the probes: icmp checks tell nothing", low,
		high, needs->probe_gid);
	snprintf(out->fix, sizeof(out->fix), "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
	return true;
}

void host_no_interface(const char *instance, const char *name, bool tracked, struct host_finding *out)
{
	out->stops = !tracked; /* what follows from a track is what was asked for */
	snprintf(out->object, sizeof(out->object), "vrrp/%s", instance);
	snprintf(out->text, sizeof(out->text), "there is no interface %s: %s", name,
		tracked ? "the track of it counts as failed" : "this node does not get the addresses");
	snprintf(out->fix, sizeof(out->fix), "ip link show   # then the name in vrrp.%.60s", instance);
}

void host_other_name(const char *instance, const char *name, const char *real, struct host_finding *out)
{
	out->stops = true;
	snprintf(out->object, sizeof(out->object), "vrrp/%s", instance);
	snprintf(out->text, sizeof(out->text),
		"%s is another name of interface %s: this node does not get the addresses", name, real);
	snprintf(out->fix, sizeof(out->fix), "lbctl config apply   # with interface: %s in vrrp.%.60s", real, instance);
}

/* A flow has its entry until the last state of it is over: two minutes of a thousand connections a second are 120000.
 */
bool host_judge_tracked(const struct host_needs *needs, long max, long used, struct host_finding *out)
{
	const char *service = needs->service[HOST_NEED_SNAT];
	if (!service || max <= 0 || (max >= HOST_TRACKED_MIN && used <= max / 4 * 3))
		return false;
	const long more = max < HOST_TRACKED_MIN ? HOST_TRACKED_ENOUGH : max * 2;
	out->stops = false;
	snprintf(out->object, sizeof(out->object), "service/%s", service);
	snprintf(out->text, sizeof(out->text),
		"net.netfilter.nf_conntrack_max is %ld, of which %ld are used: without a free entry source_nat takes "
		"no "
		"connection",
		max, used);
	snprintf(out->fix, sizeof(out->fix), "sysctl -w net.netfilter.nf_conntrack_max=%ld", more);
	return true;
}

/* ip_vs_sync.c, ip_vs_sync_conn_needed: with a period, packet number PACKETS of each PERIOD makes a record, so a
 * connection that says little is never told; without one, the first packet of a state and one per refresh do. A period
 * of 1 is every packet: much, and right. */
bool host_judge_sync(
	const struct host_needs *needs, const char *threshold, const char *refresh, struct host_finding *out)
{
	char *after_packets, *after_period, *after_refresh;
	if (!needs->sync || !threshold || !refresh)
		return false;
	unsigned long packets = strtoul(threshold, &after_packets, 10),
		      period = strtoul(after_packets, &after_period, 10);
	unsigned long refresh_s = strtoul(refresh, &after_refresh, 10);
	if (after_packets == threshold || after_period == after_packets || after_refresh == refresh)
		return false;
	if (period == 1 || (period == 0 && refresh_s > 0))
		return false;
	out->stops = false;
	snprintf(out->object, sizeof(out->object), "cluster");
	snprintf(out->text, sizeof(out->text),
		"net.ipv4.vs.sync_threshold is %lu %lu and sync_refresh_period %lu: connections that say little are "
		"not "
		"handed to the other node",
		packets, period, refresh_s);
	snprintf(out->fix, sizeof(out->fix),
		"sysctl -w net.ipv4.vs.sync_threshold=\"3 0\" net.ipv4.vs.sync_refresh_period=10");
	return true;
}
