/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is told of changes of VRRP instances: one run of the administrator's program for each, one at a time and in the
 * order of the changes. What waits is bounded: behind a program that hangs the oldest of an instance gives way to the
 * newest, and is counted.
 *
 *   model_hook_of      a word of the process of VRRP -> a run, or no change
 *   model_hooks_add    it waits
 *   model_hooks_next   the one to start now, unless one is running
 *   model_hooks_done   that one ended, well or not
 *
 * Pure. Nothing is allocated.
 */
#pragma once

#include "lbd/check/check_msg.h"
#include "lbd/model_vrrp.h"

#define MODEL_HOOK_PENDING 256u
#define MODEL_HOOK_LINE    240 /* bytes of "vrrp/wan backup -> master (exit 1: ...)", with its NUL */

struct model_hook_run {
	uint32_t id; /* on the channel, given by model_hooks_next */
	char name[VRRP_NAME_MAX];
	enum vrrp_state from, to;
	char cause[VRRP_REASON_MAX];
	uint8_t prio;
};

struct model_hooks {                                       /* zero at first */
	struct model_hook_run pending[MODEL_HOOK_PENDING]; /* oldest first */
	uint32_t n;
	bool runs, forgotten; /* forgotten: nobody wants to know how it ends, but no other one begins before */
	struct model_hook_run running;
	uint32_t last_id;
	uint64_t ended, failed, dropped;
	char failure[MODEL_HOOK_LINE]; /* of the run that ended last; "" = it went well */
};

/* The run for what m, which has not been taken up yet, says of v. False: it tells of no change of state. */
bool model_hook_of(const struct model_vrrp *v, const struct vrrp_msg_state *m, struct model_hook_run *out);

/* Returns true when something had to give way: that one is *dropped. */
bool model_hooks_add(struct model_hooks *q, const struct model_hook_run *run, struct model_hook_run *dropped);

/* The run to start, which is running from now on; borrowed until it is done. NULL: none waits, or one is running. */
const struct model_hook_run *model_hooks_next(struct model_hooks *q);

/* The run of this id ended. why: what was wrong, "" = nothing. False: it is not the one that is running, or it was
 * forgotten. */
bool model_hooks_done(struct model_hooks *q, uint32_t id, const char *why);

/* Nobody is to be told any more: what waits, what becomes of the one that is running, and how the last one ended, is
 * forgotten. */
void model_hooks_forget(struct model_hooks *q);

/* "vrrp/wan backup -> master" */
void model_hook_name(const struct model_hook_run *run, char *out, size_t size);

/* What the room gets. node: the name of this one. */
void model_hook_msg(const struct model_hook_run *run, const struct config_hook *hook, const char *node,
	struct check_msg_hook_run *out);
