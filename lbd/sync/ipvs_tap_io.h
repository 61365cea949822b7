/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connections of this kernel's IPVS, told and taken: what its own synchronisation sends is read (tap), and what a
 * peer sent is handed to it (inject). It decides nothing.
 *
 *   kernel's master daemon -> device lbd-tap -> packet socket -> flow()
 *   put() -> multicast socket -> device lbd-inj -> kernel's backup daemon
 *
 * Both devices are dummies: nothing leaves the host. A namespace has room for one daemon of each role; one of somebody
 * else is an error, one that a killed predecessor left is taken over, with its device. The two have different ids.
 *
 * Who may tell: out of lbd-tap only the kernel sends (tap_nft_msg.h), and of that only what comes from its daemon's
 * socket is read; into lbd-inj only what bears our mark gets (tap_link_msg.h). The address and port of that socket
 * alone would prove nothing: a process may have the same port at another address of this host, and names the daemon's
 * address with each datagram (IP_PKTINFO).
 *
 * The kernel's backup takes what fits into its buffer and loses the rest without a word, so it is asked how full it is
 * before each burst. A packet filter that drops everything it does not know of (input, iifname lbd-inj) drops this,
 * too.
 *
 * Making and removing devices waits for the kernel's lock of network devices, as every such request does: at start and
 * at stop only.
 *
 * The daemon says nothing of a connection until its datagram is full or two seconds old.
 */
#pragma once

#include "common/err.h"
#include "lbd/sync/flow.h"

#include <ev.h>

#define IPVS_TAP_DEVICE    "lbd-tap"
#define IPVS_INJECT_DEVICE "lbd-inj"

struct ipvs_tap_conf {
	uint8_t tap_id, inject_id; /* 1..255, different */
	/* Callbacks. None may stop the tap. */
	void (*flow)(const struct flow *f, void *arg); /* one record; borrowed for the call */
	void (*lost)(uint64_t datagrams, void *arg);   /* some were not read: read everything again */
	void (*room)(void *arg);                       /* put takes again, after it said -EAGAIN */
	/* Everything that was put is with the kernel, except for so many datagrams since the last time that it dropped.
	 */
	void (*settled)(uint64_t dropped, void *arg);
	void (*broken)(const char *why, void *arg); /* stop it, and start again. Once. */
	/* May be NULL. Between the steps of a start, which may take a second each where modules are loaded. */
	void (*alive)(void);
	void *arg;
};

struct ipvs_tap_counts {
	uint64_t tap_datagrams, tap_flows, tap_lost;
	uint64_t tap_refused; /* records that are not as the kernel writes them */
	uint64_t tap_bad;     /* datagrams of that kind */
	uint64_t tap_foreign; /* datagrams that the kernel did not send, or with another id */
	uint64_t put_flows, put_datagrams, put_dropped;
	int send_errno;  /* why the last datagram was not sent; 0 */
	unsigned queued; /* datagrams that wait */
};

struct ipvs_tap;

/* NULL and *e; no daemon of ours runs then, nor one of a killed predecessor. Devices that were made before the error
 * stay for the next try. */
struct ipvs_tap *ipvs_tap_start(struct ev_loop *loop, const struct ipvs_tap_conf *conf, struct lb_err *e);
/* Stops both daemons and removes both devices. 0; -1 and *e: something is left. t is free either way; NULL is fine. */
int ipvs_tap_stop(struct ipvs_tap *t, struct lb_err *e);
/* Lets go and leaves everything as it is, for a successor. */
void ipvs_tap_leave(struct ipvs_tap *t);
/* For who starts none: what a killed predecessor left is stopped and removed. Daemons on other devices and devices that
 * are not ours stay. 0, also when there was nothing; -1 and *e: something is left. */
int ipvs_tap_clear(struct lb_err *e);
/* Whether a predecessor may have left something: there are devices of these names. */
bool ipvs_tap_left(void);

/* Queues one record for the kernel. 0; -EAGAIN the queue is full; -EINVAL the kernel would refuse it. */
int ipvs_tap_put(struct ipvs_tap *t, const struct flow *f);
/* Ends a connection: the kernel forgets it after a second. f: what is known of it. */
int ipvs_tap_close(struct ipvs_tap *t, const struct flow *f);

/* Asks the kernel whether both daemons still run as they were started. 0; -1 and *e. */
int ipvs_tap_check(struct ipvs_tap *t, struct lb_err *e);
const struct ipvs_tap_counts *ipvs_tap_counts(const struct ipvs_tap *t);
