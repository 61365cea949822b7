/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of daemon.h about the kernel's tables: written, looked at, emptied. */
#pragma once

#include "lbd/daemon.h"

int daemon_kernel_start(struct daemon *d); /* before the first model. 0 or -ENOMEM */
/* One slice of what is dirty; true while more is left. */
bool daemon_kernel_turn(struct daemon *d);
void daemon_kernel_tick(struct daemon *d);
void daemon_audit_cb(struct ev_loop *loop, ev_timer *w, int revents);
/* Looks at the kernel, repairs, and answers when the kernel has what it should have. */
void daemon_audit_ask(struct daemon *d, struct ctl_reply *r);
void daemon_audit_stop(struct daemon *d);
/* Removes that listener once everything else is in the kernel. Not from what the reconciler calls. */
void daemon_kernel_drop(struct daemon *d, const struct ipvs_key *key);
/* Removes all of ours from now on, in slices; daemon_flushed follows. */
void daemon_kernel_flush(struct daemon *d);
/* For model_new: is this destination in the kernel with a weight? arg = struct daemon. */
uint32_t daemon_in_kernel(const struct ipvs_key *key, const struct lb_ip *addr, uint16_t port, void *arg);
