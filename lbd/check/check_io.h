/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probe worker: every health probe of the daemon runs in this process, on a loop of its own, without a privilege.
 * It gets targets over the channel, probes them at their times, counts rise and fall, and reports what changed.
 *
 * It never decides about a pool, never reads a file and never outlives its channel. A full channel (the core is busy)
 * costs no memory: a target whose state changed is told once, in its newest state, when there is room again.
 */
#pragma once

/* What the libraries of the probes must do before files and code are out of reach: for worker_row.prepare. */
void check_worker_prepare(int helper);

/* Runs until the core closes the channel. channel_fd: the worker's end of a stream socket pair, non-blocking, taken.
 * alive (may be NULL) is called from the running loop, at least every second. Returns the exit status: 0 the core
 * closed the channel; 1 the channel is broken or a line was no message of check_msg.h (the reason is logged). */
int check_worker_main(int channel_fd, void (*alive)(void));
