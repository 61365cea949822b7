/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host must be set to for the configured services to work: a table of sysctls, each with the kind of service
 * that needs it. lbd reads and reports, it writes none: they belong to the owner of the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of need that a set of services can have. The caller knows services, this file knows hosts. */
enum host_need {
	HOST_NEED_ANY, /* at least one service */
	HOST_NEED_NAT4,
	HOST_NEED_NAT6,
	HOST_NEED_PERSISTENCE,
	HOST_NEED_STATS,
	HOST_NEED_PING,      /* an icmp check: judged by host_judge_ping, not by a row */
	HOST_NEED_PING_VRRP, /* the same, of an instance that tracks one */
	HOST_NEED_MAC,       /* an instance with virtual_mac */
	HOST_NEED_SNAT,      /* source_nat */
	HOST_NEED_MULTICAST, /* the kernel's own synchronisation */
};
#define HOST_NEED_COUNT 10

struct host_needs {
	const char *service[HOST_NEED_COUNT]; /* name of one service (MAC, PING_VRRP: instance) that has it, NULL = none
						 has */
	uint32_t probe_gid;                   /* the group in which probes run */
	bool sync;                            /* connections are handed to the other node */
};

struct host_row {
	const char *sysctl; /* "net.ipv4.ip_forward" */
	enum host_need need;
	long want;
	const char *why; /* what goes wrong otherwise */
	bool zero_too;   /* 0 is as good */
	bool stops;      /* traffic, whatever else is set: an alarm. Others are advice */
};

#define HOST_KERNEL_MAX 65 /* a release of the kernel, with its end */

#define HOST_TRACKED_MIN    262144 /* entries of connection tracking: fewer are said to be few */
#define HOST_TRACKED_ENOUGH 1048576

extern const struct host_row host_rows[];
extern const size_t host_rows_n;

struct host_finding {
	char object[80], text[200], fix[120];
	bool stops; /* what clients ask for does not pass */
};

/* One row judged: value is what the host has; missing = the key does not exist (not a finding: an older kernel, or the
 * module is not loaded). True and *out when it is wrong for what is needed. */
bool host_judge(
	const struct host_row *row, const struct host_needs *needs, bool missing, long value, struct host_finding *out);

/* Whether a device of virtual_mac may take routes and addresses from routers: that cannot be set for it alone by whom
 * has no right to /proc/sys. accept_ra: what it begins with (net.ipv6.conf.default); a host that forwards ignores 1. */
bool host_judge_ra(const struct host_needs *needs, long accept_ra, long forwarding, struct host_finding *out);

/* Whether the probes may ping: range is what net.ipv4.ping_group_range holds, "LOW HIGH" (it rules IPv6, too); NULL =
 * it cannot be read. True and *out when their group is outside. */
bool host_judge_ping(const struct host_needs *needs, const char *range, struct host_finding *out);

/* What is wrong when there is no network interface of that name, which is the one of that instance, or (tracked) one
 * that must be up for it. */
void host_no_interface(const char *instance, const char *name, bool tracked, struct host_finding *out);
/* The same when it is another name (altname) of real: the kernel knows both, but tells of its links by that one. */
void host_other_name(const char *instance, const char *name, const char *real, struct host_finding *out);

/* Whether connection tracking has room for the flows of source_nat: max is net.netfilter.nf_conntrack_max, 0 = no limit
 * or not known; used is how many entries there are. True and *out when it is small, or nearly full. */
bool host_judge_tracked(const struct host_needs *needs, long max, long used, struct host_finding *out);

/* Whether this kernel tells of every established connection, and soon: threshold and refresh are what
 * net.ipv4.vs.sync_threshold ("PACKETS PERIOD") and net.ipv4.vs.sync_refresh_period (seconds) hold; NULL = cannot be
 * read. True and *out when some are told late or never. */
bool host_judge_sync(
	const struct host_needs *needs, const char *threshold, const char *refresh, struct host_finding *out);
