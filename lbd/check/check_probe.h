/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One running probe and the contract of every probe_*_io.c: `start` never calls back before it returns; then comes
 * exactly one `done`, unless `cancel` is called first. An answer that is known at once (refused on localhost) is fed
 * to the loop. The owner may free the probe inside `done`, so the edge touches nothing after it.
 */
#pragma once

#include "common/time.h"
#include "lbd/check/check_match.h"
#include "lbd/check/check_types.h"

#include <ev.h>

struct check_probe;
typedef void check_done_fn(struct check_probe *p, const struct check_result *r, void *arg);

struct check_probe {
	struct ev_loop *loop;
	const struct check_spec *spec; /* borrowed until done or cancel */
	check_done_fn *done;
	void *arg;
	struct lb_time started, deadline;
	/* below belongs to the edge */
	ev_io io;
	ev_timer timer;
	int fd;
	size_t sent;
	bool connected, in_match, early;
	struct check_match match;
	struct check_result result;
};

struct check_ops {
	/* The owner has filled the first part. -errno: not started, done never comes. now is the clock, read just now.
	 */
	int (*start)(struct check_probe *p, struct lb_time now);
	/* Stops watchers, closes and frees what start made; idempotent, also after done. */
	void (*cancel)(struct check_probe *p);
};

extern const struct check_ops check_tcp_ops;
