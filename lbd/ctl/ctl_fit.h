/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether who takes over at a planned hand-over serves as much as who gives away. The processes of VRRP know nothing of
 * services, and a node that reaches no backend is a well backup for them. So the core of the other node is asked for
 * its `status`, as for a client of this one, and services that are down or sorry are counted on both sides. A backend
 * more or less is no reason to refuse what an operator asks for.
 *
 * Without a link to that node nobody knows, and nobody is refused for it.
 */
#pragma once

#include "lbd/ctl/ctl_env.h"
#include "lbd/ctl/ctl_talk.h"

#define CTL_FIT_MS 3000 /* for the answer */

struct ctl_fit {               /* all zero: nothing was asked */
	struct ctl_conv *conv; /* NULL = nothing is asked */
	const struct ctl_env *env;
	const char *peer;
	bool away;      /* it is to take over; else this node is */
	bool said;      /* it has answered */
	long long lost; /* its services without a quorum */
	/* Its end, unless ctl_fit_stop. why NULL: nothing speaks against it. */
	void (*over)(void *arg, const struct lb_err *why);
	void *arg;
};

/* Asks the node env, peer (borrowed until its end), away, over and arg are set for. False: it cannot be asked, and over
 * does not come. */
bool ctl_fit_ask(struct ctl_fit *x);
/* Nobody waits for the answer any more. */
void ctl_fit_stop(struct ctl_fit *x);
/* The answer has taken too long: *e. */
void ctl_fit_late(struct ctl_fit *x, struct lb_err *e);

/* 0; -1 and *e: something that would be handed over, or taken, is owned by the node that is its master. */
int ctl_fit_owned(const struct ctl_env *env, struct lb_err *e);

/* Whether that node owns it, or another one of its group: a group stays together. */
bool ctl_fit_owned_there(const struct model_vrrps *vs, const struct model_peer *peer, const struct model_vrrp *v);

/* Why there is nothing to hand over. -1 and *e. */
int ctl_fit_nothing(const struct ctl_env *env, struct lb_err *e);
