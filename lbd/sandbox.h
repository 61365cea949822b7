/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving rights away. A worker process does it in two steps around its exec:
 *   sandbox_pre_exec  between fork and exec: makes the few capabilities survive the exec of a non-root process
 *   sandbox_enter     first thing afterwards: priority, user, capabilities, helper, limits, kill timer, system call
 * filter and it happens before the process has read one byte that others wrote.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lb_err;

enum sandbox_filter {
	SANDBOX_FILTER_NONE,   /* what the unit file allows */
	SANDBOX_FILTER_PROBE,  /* clients of TCP, UDP and ICMP echo, files to read; no file to write, no process */
	SANDBOX_FILTER_SCRIPT, /* programs of the administrator's: all but what no health check needs */
	SANDBOX_FILTER_VRRP,   /* raw, packet and routing sockets; no file at all, no process */
	SANDBOX_FILTER_SYNC /* TCP both ways, UDP, packet sockets, netlink of four kinds; no file at all, no process */
};

struct sandbox {
	const char *user; /* to run as; NULL = as the core */
	uint64_t caps;    /* kept, effective: bits 1 << CAP_x */
	enum sandbox_filter filter;
	bool realtime; /* runs before everything that does not (SCHED_RR): by RLIMIT_RTPRIO, or CAP_SYS_NICE */
	/* A child for what may make the process wait: same user and filter, fewer capabilities. It has nothing but its
	 * end of a socket (SOCK_SEQPACKET), and ends when that does. NULL = none. */
	void (*helper)(int fd);
	const char *helper_title;
	uint64_t helper_caps;
	void (*prepare)(int helper); /* without rights already, without the filter still; helper: the other end, to
				      * keep; -1 = none. May be NULL */
	bool quiet;                  /* a respawn: what was said at the first start is not said again */
};

/* Capabilities of this process, bits 1 << CAP_x. On failure both are 0. */
struct sandbox_caps {
	uint64_t effective, permitted;
};
struct sandbox_caps sandbox_caps_get(void);

/* Becomes uid and gid for good, with just these supplementary groups and these capabilities. Needs CAP_SETUID and
 * CAP_SETGID (effective or permitted) unless nothing changes. 0 or -errno. The core uses it for its own drop, too. */
int sandbox_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, const struct sandbox_caps *keep);

/* Async-signal-safe: of these capabilities, those that are permitted pass the coming exec (ambient set). */
void sandbox_pre_exec(uint64_t caps);

/* The group in which a worker of this user (NULL = as the core) runs, or would run. */
gid_t sandbox_gid(const char *user);

/* Everything a worker gives up, in order. From here on the process is killed by the kernel unless sandbox_alive is
 * called within 20 s and then at least every 3 s: a stopped worker cannot be signalled by a core of another user. 0, or
 * -1 and *e. */
int sandbox_enter(const struct sandbox *s, struct lb_err *e);

/* Re-arms the kill timer. Nothing before sandbox_enter. */
void sandbox_alive(void);
