/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own synchronisation of flows, kept in step with the role: its master daemon while this node is master,
 * its backup daemon while it is not, never both. They run on an interface that is up and are started anew when it comes
 * back, as the kernel does not notice that it went. The kernel is asked once a second whether they are still there.
 */
#pragma once

#include "lbd/sync/sync_room_msg.h"
#include "lbd/sync/tap_nl_io.h"

#include <ev.h>

struct sync_multicast_run {
	struct ev_loop *loop;
	bool wanted; /* want holds */
	struct sync_multicast want;
	struct tap_nl generic, route;
	bool open; /* both of them */
	uint16_t family;
	int index;      /* of the interface on which ours was started; 0 = it was not */
	bool is_master; /* which it was */
	ev_timer look;
	char trouble[SYNC_TEXT_MAX]; /* why none runs; "" = all is well */
	void (*troubled)(void *arg); /* trouble is another one */
	void *arg;
};

/* troubled and arg are set before. */
void sync_multicast_open(struct sync_multicast_run *m, struct ev_loop *loop);
void sync_multicast_set(struct sync_multicast_run *m, const struct sync_multicast *want);
/* orderly: the daemon is stopped; else it goes on for a successor. */
void sync_multicast_close(struct sync_multicast_run *m, bool orderly);
