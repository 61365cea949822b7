/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration that is being loaded: between daemon_apply.c, which has its way, and daemon_compare.c. */
#pragma once

#include "lbd/daemon.h"

#define DAEMON_LOST_WHY "what they are about is gone or has another name"

struct daemon_apply {
	enum ctl_apply_kind kind;
	bool own_file, with_ops, held, both;
	bool applicable; /* neither what ran here nor what runs there; CTL_DIFF: with its keys, too */
	bool runs;       /* swapped */
	bool new_keys;   /* in the files that what runs has, too */
	int64_t confirm_ms;
	uint32_t back_to; /* CTL_BACK */
	bool to_kernel;   /* swapped: waiting for the kernel */
	struct lb_time asked, loaded;
	struct daemon_text text;
	struct config_load *load;
	struct ctl_reply *reply; /* NULL: nobody asked (a signal), or the client left */
	struct ctl_peer who;
	char message[GENERATION_MESSAGE_MAX + 1];
	uint64_t writes_before;
	uint32_t changes[3]; /* by enum config_change_op */
	const struct overrides *overrides;
	uint32_t n_hidden;
	char hidden[400]; /* the first values that it sets and an override hides */
	struct daemon_lost lost;
};

/* The end of d->apply, which is gone afterwards. extra: owned. */
void daemon_apply_finish(struct daemon *d, enum lb_code code, const char *text, json_t *extra);
/* The same, with all that was found wrong in it, or else with why. */
void daemon_apply_reject(struct daemon *d, enum lb_code code, const char *why);
/* Why d->apply, which is c and prepared, is not for both nodes: nothing goes back to its old keys. NULL: it is. */
const char *daemon_apply_not_on_both(const struct daemon *d, const struct config *c);
json_t *daemon_apply_finding(const struct config_error *e); /* for programs; NULL: out of memory */
json_t *daemon_apply_summary(const struct daemon_apply *a);
void daemon_apply_change(const struct config_change *ch, void *arg); /* config_diff_fn; arg: the apply */

/* Tells what it would change, and is its end; c is owned. */
void daemon_apply_compare(struct daemon *d, struct config *c);
