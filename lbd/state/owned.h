/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which listeners in the kernel are ours, across a restart: without it a service that left the file while the daemon
 * was down would look like somebody else's and stay for ever.
 *
 * An append-only text, so that a reload writes as much as it changes: a first line with the boot id (tables do not
 * survive a boot, so neither does the record), then "+KEY" before a listener is added and "-KEY" after it was
 * deleted. A cut last line is ignored.
 */
#pragma once

#include "common/buf.h"
#include "lbd/ipvs/ipvs_table.h"

struct owned_keys {
	LB_VEC(struct ipvs_key) keys; /* sorted, no duplicates */
};

void owned_write_head(struct lb_text *out, const char *boot_id);
void owned_write_add(struct lb_text *out, const struct ipvs_key *key);
void owned_write_del(struct lb_text *out, const struct ipvs_key *key);

/* What is ours according to the text; nothing when it is of another boot. Lines that are no record are skipped.
 * 0 or -ENOMEM. Free with owned_done. */
int owned_read(const char *text, size_t n, const char *boot_id, struct owned_keys *out);
void owned_done(struct owned_keys *o);
